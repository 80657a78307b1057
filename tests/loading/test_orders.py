"""Orders by position: shares that are exact in every epoch, and a billion rows without memory for an order."""

import tracemalloc
from collections import Counter
from itertools import islice

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataprep.errors import LoaderError
from dataprep.loading import orders
from dataprep.loading.orders import Each, Order
from dataprep.loading.sampler import Sampler

EPOCH = st.integers(0, 5)
LABELS = st.lists(st.sampled_from("abcde"), min_size=1, max_size=80)
WEIGHTS = st.lists(st.one_of(st.just(0.0), st.floats(1e-3, 1e3)), min_size=1, max_size=60).filter(any)
LENGTH = st.one_of(st.none(), st.integers(1, 300))


def table(labels: list[str], **columns: list[object]) -> pa.Table:
    """Rows with labels, as a manifest's kept ones."""
    return pa.table({"label": pa.array(labels, pa.string()), **columns})


def whole(plan: Order, epoch: int) -> list[int]:
    """An epoch in order."""
    return plan.epoch(epoch)(0, len(plan))[:, 0].tolist()


@pytest.fixture
def lazy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Computes orders of any size where they are looked at."""
    monkeypatch.setattr(orders, "LAZY_ABOVE", 0)


@given(WEIGHTS, LENGTH, EPOCH, st.booleans())
def test_weights_are_exact(weights: list[float], length: int | None, epoch: int, shuffle: bool) -> None:
    """In every epoch each row comes as often as its weight says, rounded down or up, and a row of weight 0 never."""
    plan = Sampler(weights=weights, length=length, shuffle=shuffle).plan(len(weights))
    counts = Counter(whole(plan, epoch))
    assert counts.total() == len(plan) == (length or len(weights))
    for row, weight in enumerate(weights):
        expected = len(plan) * weight / sum(weights)
        assert np.floor(expected - 1e-9) <= counts[row] <= np.ceil(expected + 1e-9)
        assert weight or not counts[row]


@given(LABELS, LENGTH, EPOCH, st.booleans())
def test_classes_are_balanced(labels: list[str], length: int | None, epoch: int, shuffle: bool) -> None:
    """No class comes more than once more often than another, and no row of a class more than once more than another of it."""
    plan = Sampler(balance="label", length=length, shuffle=shuffle).plan(table(labels))
    rows = Counter(whole(plan, epoch))
    classes = Counter(labels[row] for row in rows.elements())
    assert classes.total() == (length or len(labels))
    counts = [classes[label] for label in set(labels)]
    assert max(counts) - min(counts) <= 1
    for label in set(labels):
        within = [rows[row] for row, other in enumerate(labels) if other == label]
        assert max(within) - min(within) <= 1


@given(st.lists(st.floats(0.01, 100), min_size=3, max_size=3), st.integers(1, 500), EPOCH)
def test_shares_are_exact(shares: list[float], length: int, epoch: int) -> None:
    """Values with shares of their own come as often as these say, rounded down or up, in every epoch."""
    labels = ["a"] * 5 + ["b"] * 50 + ["c"]
    plan = Sampler(balance="label", shares=dict(zip("abc", shares, strict=True)), length=length).plan(table(labels))
    counts = Counter(labels[row] for row in whole(plan, epoch))
    for label, share in zip("abc", shares, strict=True):
        assert abs(counts[label] - length * share / sum(shares)) < 1 + 1e-6


def test_rounding_is_fair() -> None:
    """What rounding gives to a row in one epoch it takes in another: over epochs, rows come as often as their weights say."""
    weights = np.array([0.5, 1.5, 0.25, 2, 0.75])
    plan = Sampler(weights=weights, length=4).plan(5)
    counts = np.bincount(np.concatenate([whole(plan, epoch) for epoch in range(500)]), minlength=5) / 500
    assert np.abs(counts - 4 * weights / weights.sum()).max() < 4 * 0.5 / 500**0.5


PLANS = {
    "each": Sampler(seed=3),
    "sequential": Sampler(shuffle=False),
    "weights": Sampler(seed=3, weights=np.arange(60.0), length=150),
    "balance": Sampler(seed=3, balance="label", length=150),
    "shares": Sampler(seed=3, balance="label", shares={"a": 5, "b": 1, "c": 2}),
}
ROWS = table(["a"] * 20 + ["b"] * 37 + ["c"] * 3, score=list(range(60)))


@pytest.mark.parametrize("name", PLANS)
@given(data=st.data(), epoch=EPOCH)
def test_any_range_is_that_of_the_whole(name: str, data: st.DataObject, epoch: int) -> None:
    """Rows depend on seed, epoch and position alone: a range of positions has the rows that the whole order has there."""
    plan = PLANS[name].plan(ROWS)
    start = data.draw(st.integers(0, len(plan)))
    stop = data.draw(st.integers(start, len(plan)))
    assert plan.epoch(epoch)(start, stop)[:, 0].tolist() == whole(plan, epoch)[start:stop]


@pytest.mark.parametrize("name", PLANS)
def test_turns_count_what_came_before(name: str) -> None:
    """The turns of a row that comes n times in an epoch are 0 to n - 1, so none is augmented twice alike."""
    plan = PLANS[name].plan(ROWS)
    taken = plan.epoch(1)(0, len(plan)).tolist()
    counts = Counter(row for row, _ in taken)
    assert sorted(map(tuple, taken)) == sorted((row, turn) for row, count in counts.items() for turn in range(count))


@pytest.mark.parametrize("name", PLANS)
@pytest.mark.parametrize("remainder", ["drop", "pad", "exact"])
@given(st.integers(1, 5), st.integers(1, 9), st.integers(0, 70), EPOCH)
@settings(max_examples=20)  # in each of fifteen cases
def test_ranks_share_any_order(name: str, remainder: str, world_size: int, batch_size: int, position: int, epoch: int) -> None:
    """From any position, step by step, ranks together take the rest of the order; "pad" goes on with its beginning."""
    plan = PLANS[name].plan(ROWS)
    position = min(position, len(plan))
    samplers = [Sampler(remainder=remainder, rank=rank, world_size=world_size) for rank in range(world_size)]
    ranks = [[rows.tolist() for rows in sampler.batches(plan, epoch, position, batch_size)] for sampler in samplers]
    order = whole(plan, epoch)
    left = len(order) - position
    total = {"drop": left // (step := batch_size * world_size) * step, "exact": left, "pad": -(-left // step) * step}[remainder]
    expected = [order[place % len(order)] for place in range(position, position + total)]
    for rank, batches in enumerate(ranks):
        assert [row for rows in batches for row in rows] == _share(expected, rank, world_size, step)


def _share(order: list[int], rank: int, world_size: int, step: int) -> list[int]:
    """A rank's part of an order, which is dealt out in steps."""
    return [row for first in range(0, len(order), step) for row in order[first : first + step][rank::world_size]]


@pytest.mark.usefixtures("lazy")
@pytest.mark.parametrize("size", [1, 2, 3, 10, 63, 64, 65, 1_000])
def test_a_lazy_order_is_a_permutation(size: int) -> None:
    """Above the threshold, too, an epoch has every row once, and another order than the epoch before."""
    epochs = [whole(Each(0, True, size), epoch) for epoch in range(4)]
    assert all(sorted(order) == list(range(size)) for order in epochs)
    assert size < 10 or len({tuple(order) for order in epochs}) == 4


@pytest.mark.parametrize("position", [0, 1, 123_456_789, 999_999_000])
@pytest.mark.parametrize("remainder", ["drop", "pad", "exact"])
def test_a_billion_rows_take_little_memory(position: int, remainder: str) -> None:
    """The first batches at any position of an epoch of a billion rows come within 8 MB, each row within range and once."""
    sampler = Sampler(rank=3, world_size=8, remainder=remainder)
    tracemalloc.start()
    try:
        batches = list(islice(sampler.batches(10**9, 1, position, 64), 100))
        assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
    finally:
        tracemalloc.stop()
    rows = np.concatenate(batches)
    assert (rows < 10**9).all()
    assert len(np.unique(rows)) == len(rows)


def test_weights_of_a_column() -> None:
    """A column's numbers are the weights, as are the same numbers in an array."""
    by_column = Sampler(weights="score").plan(ROWS)
    by_array = Sampler(weights=np.arange(60)).plan(ROWS)
    assert whole(by_column, 2) == whole(by_array, 2)
    assert by_column.signature == by_array.signature


def test_samplers_compare() -> None:
    """Samplers are equal that are described equally, weights by their numbers; orders that differ have other signatures."""
    assert Sampler(weights=[1, 2]) == Sampler(weights=np.array([1.0, 2.0])) != Sampler(weights=[2, 1])
    assert len({plan.plan(ROWS).signature for plan in PLANS.values()}) == len(PLANS)
    assert not Sampler().plan(5).signature


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weights": [1, -1]}, "at least 0"),
        ({"weights": [0, 0]}, "not all 0"),
        ({"weights": [1, float("nan")]}, "finite"),
        ({"weights": [[1], [2]]}, "weights must be"),
        ({"weights": ["much", "little"]}, "finite numbers"),
        ({"weights": [1], "balance": "label"}, "not both"),
        ({"shares": {"a": 1}}, "balance='part'"),
        ({"balance": "label", "shares": {"a": -1}}, "shares must be"),
        ({"length": 5}, "without them an epoch has every row once"),
        ({"balance": "label", "length": 0}, "at least 1"),
    ],
)
def test_mistakes(options: dict[str, object], message: str) -> None:
    """What cannot be meant is refused when the sampler is made."""
    with pytest.raises(LoaderError, match=message):
        Sampler(**options)


@pytest.mark.parametrize(
    ("sampler", "message"),
    [
        (Sampler(weights=[1, 2]), "2 weights for 3 kept rows"),
        (Sampler(weights="part"), "the column 'part' must be finite numbers"),
        (Sampler(balance="labl"), "no column 'labl'; did you mean 'label'"),
        (Sampler(balance="label"), "1 kept rows have nothing in the column 'label'"),
        (Sampler(balance="part", shares={"x": 1}), "the column has 'y'"),
        (Sampler(balance="part", shares={"x": 1, "y": 1, "z": 1}), "the shares have 'z'"),
    ],
)
def test_rows_that_do_not_fit(sampler: Sampler, message: str) -> None:
    """What does not fit the rows is refused when both are known, and says what to do."""
    with pytest.raises(LoaderError, match=message):
        sampler.plan(table(["a", None, "b"], part=["x", "y", "x"]))


def test_a_number_has_no_columns() -> None:
    """Over a number of rows a sampler takes weights but no column."""
    assert sorted(Sampler(weights=[0, 1, 0]).over(3)) == [1, 1, 1]
    with pytest.raises(LoaderError, match="no column 'label'"):
        Sampler(balance="label").over(3)
