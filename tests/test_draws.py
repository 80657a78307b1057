"""Draws: numbers that depend on (seed, epoch, row, slot) and on nothing else."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dataprep.draws import AUGMENTATION, SHUFFLE, again, key, permutation, permuted, uniforms, words

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


@pytest.mark.parametrize("sizes", [range(1, 513), [1_000, 4_095, 4_096, 4_097, 65_537]], ids=["1 to 512", "larger"])
def test_permuted_is_a_bijection(sizes: range | list[int]) -> None:
    """A permutation that is computed index by index holds every integer once, for each size and several keys."""
    for size in sizes:
        for epoch in range(3):
            found = permuted(np.arange(size), size, key(7, epoch, SHUFFLE))
            np.testing.assert_array_equal(np.sort(found), np.arange(size))


@given(SEEDS, st.integers(1, 2**40), st.data())
def test_permuted_looks_up(seed: int, size: int, data: st.DataObject) -> None:
    """Where an index goes depends on it, the size and the key alone: not on the others that are asked for with it."""
    indices = data.draw(st.lists(st.integers(0, size - 1), min_size=1, max_size=20, unique=True))
    together = permuted(indices, size, key(seed))
    assert len(set(together.tolist())) == len(indices)
    assert ((together >= 0) & (together < size)).all()
    for index, found in zip(indices, together.tolist(), strict=True):
        assert permuted([index], [size], [key(seed)]).tolist() == [found]


@pytest.mark.parametrize("size", [5, 16, 100, 4_097])
def test_permuted_is_even(size: int) -> None:
    """Over many keys, each place is taken by every integer about equally often, and neighbours are not neighbours afterwards."""
    epochs = max(300, 10_000 // size)
    keys = np.array([key(0, epoch) for epoch in range(epochs)])
    orders = permuted(np.tile(np.arange(size), epochs), size, np.repeat(keys, size)).reshape(epochs, size)
    degrees, cells = min(size, 16) - 1, orders[:, :16] * min(size, 16) // size
    expected = np.bincount(np.arange(size) * min(size, 16) // size) * epochs / size
    counts = np.stack([np.bincount(place, minlength=degrees + 1) for place in cells.T])
    freedom = len(counts) * degrees
    assert ((counts - expected) ** 2 / expected).sum() < freedom + 4 * (2 * freedom) ** 0.5
    together = np.corrcoef(orders[:, :-1].ravel(), orders[:, 1:].ravel())[0, 1]
    assert abs(together + 1 / (size - 1)) < 4 / (epochs * size) ** 0.5  # a permutation's neighbours repel a little


@pytest.mark.parametrize("gap", [1, 2, 17])
def test_permuted_epochs_do_not_correlate(gap: int) -> None:
    """The orders of two epochs of a large size have nothing in common, nor do those of two seeds."""
    size, indices = 10**9, np.arange(20_000)
    for other in (key(0, gap), key(gap, 0)):
        first, second = (permuted(indices, size, chosen) for chosen in (key(0, 0), other))
        assert (first == second).sum() <= 2
        assert abs(np.corrcoef(first, second)[0, 1]) < 4 / len(indices) ** 0.5


def test_again() -> None:
    """The first turn of a row has the row's own draws; every other turn has others, also than those of other rows."""
    rows = np.arange(1_000)
    np.testing.assert_array_equal(again(rows, np.zeros_like(rows)), rows)
    names = np.concatenate([again(rows, np.full_like(rows, turn)) for turn in range(20)])
    assert len(np.unique(names)) == len(names)


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
    assert permuted(range(8), 10**9, key(0, 0, SHUFFLE)).tolist() == GOLDEN_PERMUTED


GOLDEN_DRAWS = [
    [0.4036975068092342, 0.7445045199234511],
    [0.2718927128613371, 0.1319240187833861],
    [0.39784708005892344, 0.7685780346216702],
]
GOLDEN_OTHER = [[0.587858560720519, 0.3189694437837456, 0.6232177563685874]]
GOLDEN_ORDER = [4, 5, 8, 0, 7, 3, 9, 1, 6, 2]
GOLDEN_OTHER_ORDER = [2, 0, 5, 4, 1, 6, 7, 3]
GOLDEN_PERMUTED = [124666382, 80236280, 67420828, 826933136, 977767419, 368929303, 346185037, 602824852]
