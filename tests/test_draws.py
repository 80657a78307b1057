"""Draws: numbers that depend on (seed, epoch, row, slot) and on nothing else."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dataprep.draws import AUGMENTATION, SHUFFLE, key, permutation, uniforms, words

SEEDS = st.integers(0, 2**63 - 1)
EPOCHS = st.integers(0, 1_000)
ROWS = st.lists(st.integers(0, 2**62), min_size=1, max_size=40)


@given(SEEDS, EPOCHS, ROWS, st.integers(1, 30), st.randoms(use_true_random=False))
def test_batch_and_order(seed: int, epoch: int, rows: list[int], slots: int, random) -> None:
    """A row's draws depend neither on the other rows of its batch nor on their order."""
    together = uniforms(seed, epoch, rows, slots)
    alone = np.concatenate([uniforms(seed, epoch, [row], slots) for row in rows])
    np.testing.assert_array_equal(together, alone)
    order = random.sample(range(len(rows)), len(rows))
    np.testing.assert_array_equal(uniforms(seed, epoch, [rows[place] for place in order], slots), together[order])


@given(SEEDS, EPOCHS, ROWS, st.integers(1, 30), st.integers(1, 30))
def test_more_slots(seed: int, epoch: int, rows: list[int], few: int, more: int) -> None:
    """Asking for more slots leaves the first ones as they are, so an op added at the end changes none before it."""
    np.testing.assert_array_equal(uniforms(seed, epoch, rows, few + more)[:, :few], uniforms(seed, epoch, rows, few))


@given(SEEDS, EPOCHS, ROWS, st.integers(0, 30))
def test_range(seed: int, epoch: int, rows: list[int], slots: int) -> None:
    """Draws are float64 in [0, 1), one row of slots for each row."""
    drawn = uniforms(seed, epoch, rows, slots)
    assert drawn.shape == (len(rows), slots) and drawn.dtype == np.float64
    assert ((drawn >= 0) & (drawn < 1)).all()


@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_seed_and_epoch_are_no_sum(seed: int, epoch: int) -> None:
    """Seed 0 in epoch 1 and seed 1 in epoch 0 have nothing in common, nor any other two that exchange seed and epoch."""
    assume(seed != epoch)
    assert not np.isin(uniforms(seed, epoch, range(50), 2), uniforms(epoch, seed, range(50), 2)).any()
    assert (permutation(seed, epoch, 100) != permutation(epoch, seed, 100)).any()


@given(st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=4), min_size=2, max_size=2, unique_by=tuple))
def test_keys_are_tuples(tuples: list[list[int]]) -> None:
    """Different tuples have different keys, whatever their sum and length."""
    assert key(*tuples[0]) != key(*tuples[1])


@pytest.mark.parametrize("by", ["rows", "slots", "epochs", "seeds"])
def test_uniform_and_independent(by: str) -> None:
    """Draws have the mean, variance and histogram of uniform numbers, and neighbours do not correlate, along every axis."""
    drawn = {
        "rows": lambda: uniforms(0, 0, range(100_000), 1).ravel(),
        "slots": lambda: uniforms(0, 0, [0], 100_000).ravel(),
        "epochs": lambda: np.array([uniforms(0, epoch, [0], 1)[0, 0] for epoch in range(10_000)]),
        "seeds": lambda: np.array([uniforms(seed, 0, [0], 1)[0, 0] for seed in range(10_000)]),
    }[by]()
    size = len(drawn)
    assert abs(drawn.mean() - 0.5) < 4 * (1 / 12 / size) ** 0.5
    assert abs(drawn.var() - 1 / 12) < 4 * (1 / 180 / size) ** 0.5
    for gap in (1, 2, 3, 64):
        assert abs(np.corrcoef(drawn[gap:], drawn[:-gap])[0, 1]) < 4 / size**0.5
    expected = size / 50
    chi_squared = ((np.histogram(drawn, 50, (0, 1))[0] - expected) ** 2 / expected).sum()
    assert chi_squared < 49 + 4 * (2 * 49) ** 0.5


@given(SEEDS, EPOCHS, st.integers(0, 500))
def test_permutation(seed: int, epoch: int, size: int) -> None:
    """A permutation holds every integer once."""
    np.testing.assert_array_equal(np.sort(permutation(seed, epoch, size)), np.arange(size))


def test_permutations_differ() -> None:
    """No two of a hundred epochs have the same order, and each place is taken by every row about equally often."""
    orders = np.stack([permutation(0, epoch, 10) for epoch in range(2_000)])
    assert len({order.tobytes() for order in orders}) > 1_990  # of 10! = 3,628,800 orders
    counts = np.stack([np.bincount(place, minlength=10) for place in orders.T])
    assert ((counts - 200) ** 2 / 200).sum() < 81 + 4 * (2 * 81) ** 0.5


def test_streams_differ() -> None:
    """What shuffles is not what augments."""
    assert not np.isin(words(0, 0, AUGMENTATION, range(100), 1), words(0, 0, SHUFFLE, range(100), 1)).any()


def test_stream_is_pinned() -> None:
    """The stream is part of the format: a saved run resumed by a later dataprep gets the same augmentations and order."""
    drawn = uniforms(seed=0, epoch=0, rows=[0, 1, 2**40], slots=2)
    np.testing.assert_array_equal(drawn, GOLDEN_DRAWS)
    np.testing.assert_array_equal(uniforms(seed=7, epoch=3, rows=[5], slots=3), GOLDEN_OTHER)
    assert permutation(seed=0, epoch=0, size=10).tolist() == GOLDEN_ORDER
    assert permutation(seed=42, epoch=9, size=8).tolist() == GOLDEN_OTHER_ORDER


GOLDEN_DRAWS = [
    [0.4036975068092342, 0.7445045199234511],
    [0.2718927128613371, 0.1319240187833861],
    [0.39784708005892344, 0.7685780346216702],
]
GOLDEN_OTHER = [[0.587858560720519, 0.3189694437837456, 0.6232177563685874]]
GOLDEN_ORDER = [4, 5, 8, 0, 7, 3, 9, 1, 6, 2]
GOLDEN_OTHER_ORDER = [2, 0, 5, 4, 1, 6, 7, 3]
