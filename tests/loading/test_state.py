"""The rule of loops and the states of runs, by themselves."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataprep.errors import DataprepError, LoaderError, StateError
from dataprep.loading.state import Position, Progress, Run

RUN = Run(seed=7, fingerprint="abc", draws={"Flip": 1}, size=50)
STATE = {"version": 5, "seed": 7, "epoch": 3, "position": 41, "fingerprint": "abc", "draws": {"Flip": 1}}


def begun(progress: Progress) -> Position:
    """Begins a loop and returns where."""
    progress.begin(lambda position: position >= RUN.size)
    return progress.at


@given(st.integers(0, 9), st.integers(0, 49), st.integers(0, 9))
def test_set_epoch_after_a_state(epoch: int, position: int, other: int) -> None:
    """After a state was loaded, naming its epoch keeps the position; another epoch starts at its beginning."""
    progress = Progress()
    progress.load(STATE | {"epoch": epoch, "position": position}, RUN)
    progress.set_epoch(other)
    assert begun(progress) == (other, position if other == epoch else 0)
    assert begun(progress) == (other + 1, 0)


@pytest.mark.parametrize("finished", [True, False])
@pytest.mark.parametrize("advance", [0, 1])
def test_each_loop_is_the_next_epoch(advance: int, finished: bool) -> None:
    """Each loop begins an epoch anew, the next one or for evaluation the same, whether or not the one before was left early."""
    progress = Progress(advance)
    for epoch in range(4):
        loop = progress.begin(lambda position: False)
        assert progress.at == (epoch * advance, 0)
        progress.move(loop, 8)
        progress.end(loop, finished=finished)
        assert progress.at == ((epoch + 1) * advance, 0) if finished else (epoch * advance, 8)


def test_an_epoch_that_is_over() -> None:
    """After a state of an epoch that is over, the next loop is the next epoch, or nothing of the one that was named."""
    progress = Progress()
    progress.load(STATE | {"position": 50}, RUN)
    progress.set_epoch(3)
    assert begun(progress) == (3, 50)
    progress.load(STATE | {"position": 50}, RUN)
    assert begun(progress) == (4, 0)


def test_a_loop_that_is_not_the_newest_moves_nothing() -> None:
    """A loop that was overtaken by another, a state or another epoch changes the position no more."""
    progress = Progress()
    first = progress.begin(lambda position: False)
    second = progress.begin(lambda position: False)
    progress.move(second, 4)
    progress.move(first, 8)
    progress.end(first, finished=True)
    assert progress.at == (1, 4)
    progress.load(STATE, RUN)
    progress.move(second, 8)
    progress.end(second, finished=False)
    assert (progress.at, progress.after) == ((3, 41), (3, 41))
    third = progress.begin(lambda position: False)
    progress.set_epoch(9)
    progress.move(third, 45)
    assert progress.at == (9, 0)


def test_naming_the_epoch_within_its_loop() -> None:
    """`set_epoch` of the epoch of the loop under way leaves the state where the loop is; the next loop begins it anew."""
    progress = Progress()
    loop = progress.begin(lambda position: False)
    progress.move(loop, 4)
    progress.set_epoch(0)
    progress.move(loop, 8)
    assert progress.at == (0, 8)
    assert begun(progress) == (0, 0)


@pytest.mark.parametrize("epoch", [-1, 1.5, "1", None, True, 2**63, [1]])
def test_what_is_no_epoch(epoch: Any) -> None:
    """Only whole numbers from 0 are epochs; a NumPy integer is one, and becomes plain data."""
    progress = Progress()
    with pytest.raises(LoaderError, match="an epoch is a whole number, from 0"):
        progress.set_epoch(epoch)
    progress.set_epoch(np.int64(4))
    assert json.loads(json.dumps(progress.save(RUN)))["epoch"] == 4


def test_a_state_is_plain() -> None:
    """A state is a few numbers and names; loading it, also with NumPy's integers in it, stands where it was saved."""
    progress = Progress()
    progress.load({key: np.int64(value) if isinstance(value, int) else value for key, value in STATE.items()}, RUN)
    assert progress.save(RUN) == STATE
    assert type(progress.save(RUN)["epoch"]) is int


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": 8}, "seed 8, here it is 7"),
        ({"fingerprint": "xyz"}, r"manifest \(fingerprint\) 'xyz', here it is 'abc'"),
        ({"version": 1}, "version 1, here it is 5"),
        ({"draws": {"Flip": 2}}, "`Flip` drew as version 2, here it is version 1"),
        ({"draws": None}, "its draws are None"),
        ({"position": 51}, "its position is 51, not 0 to 50"),
        ({"position": -1}, "its position is -1"),
        ({"epoch": 1.5}, "its epoch is 1.5"),
        ({"epoch": np.zeros(2)}, "its epoch is array"),
        ({"seed": np.zeros(2)}, "with seed array"),
    ],
)
def test_a_state_of_another_run(change: dict[str, object], message: str) -> None:
    """A state of another seed, manifest or version, or a damaged one, is refused saying what, and changes nothing."""
    progress = Progress(at=Position(5, 6), after=Position(6, 0))
    with pytest.raises(StateError, match=message):
        progress.load(STATE | change, RUN)
    assert progress == Progress(at=Position(5, 6), after=Position(6, 0))


@pytest.mark.parametrize("missing", ["version", "seed", "epoch", "position", "fingerprint"])
def test_a_state_that_lacks_something(missing: str) -> None:
    """A state that lacks a number says which."""
    with pytest.raises(StateError, match=f"lacks {missing}"):
        Progress().load({key: value for key, value in STATE.items() if key != missing}, RUN)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(list(STATE)), values) | values, st.booleans())
def test_damaged_states_raise_our_errors(damage: Any, whole: bool) -> None:
    """Whatever stands in the place of a state, or of its entries, it is loaded as a position of this run or refused by us."""
    state = STATE | damage if whole and isinstance(damage, dict) else damage
    progress = Progress()
    try:
        progress.load(state, RUN)
    except DataprepError:
        assert progress == Progress()
    else:
        assert 0 <= progress.at.position <= RUN.size
        json.dumps(progress.save(RUN))
