"""The races themselves: what was lost fails, what only seems lost is run again, and what is found is kept."""

from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import pytest
from figures import RUNS, Figure, Figures

PAIR = ("ours", "theirs")


def race(figures: Figures, ratios: Iterator[float], floor: float = 0.5) -> int:
    """Runs a race whose turns have these ratios, and returns how many turns it took."""
    turns = 0

    def turn() -> dict[str, float]:
        nonlocal turns
        turns += 1
        return {"ours": 1.0, "theirs": next(ratios)}

    figures.race("job", turn, {PAIR: floor}, turns=3)
    return turns


def kept(ratio: float, loss: float = 0.15) -> Figures:
    """Figures of which one was kept."""
    return Figures({"job: ours / theirs": Figure(ratio, ratio, ratio)}, loss)


@pytest.mark.parametrize("ratio", [0.86, 1.0, 3.0])
def test_what_is_as_fast_passes_at_once(ratio: float) -> None:
    """A ratio within 15 % of the kept one, or above it, passes after one run."""
    assert race(kept(2.0), cycle([2 * ratio])) == 3


@pytest.mark.parametrize(("ratio", "floor"), [(0.84 * 2, 0.5), (1.9, 1.95)])
def test_what_was_lost_fails(ratio: float, floor: float) -> None:
    """A ratio that is lower than the kept one by more than 15 %, or below its floor, fails and names the pair."""
    with pytest.raises(AssertionError, match="ours / theirs"):
        race(kept(2.0), cycle([ratio]), floor)


def test_a_bad_run_is_run_again() -> None:
    """One bad run of three fails nothing."""
    assert race(kept(2.0), iter([1.0] * 3 + [2.0] * 6)) == 9


def test_what_was_never_kept_fails() -> None:
    """A race without a kept figure says how to keep one."""
    with pytest.raises(AssertionError, match="--update-figures"):
        race(Figures({}), cycle([2.0]))


def test_figures_are_kept(tmp_path: Path) -> None:
    """An update runs every race to the end, keeps its median and spread, and leaves the figures of other races as they were."""
    path = tmp_path / "figures.json"
    Figures({}, found={"another": Figure(3.0, 2.0, 4.0)}).write(path)
    update = Figures.read(path, update=True)
    assert race(update, iter([1.0] * 3 + [2.0] * 3 + [3.0] * 3)) == 3 * RUNS
    update.write(path)
    assert Figures.read(path).kept == {"another": Figure(3.0, 2.0, 4.0), "job: ours / theirs": Figure(2.0, 1.0, 3.0)}
    assert Figures.read(path).loss == 0.15
