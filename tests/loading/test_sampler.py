"""Samplers: ranks together visit every row once, and a run goes on from anywhere under any number of ranks."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dataprep.errors import LoaderError
from dataprep.loading.epochs import EpochSampler
from dataprep.loading.sampler import Sampler

WORLDS = range(1, 10)
REMAINDERS = ["drop", "pad", "exact"]
SIZE = st.integers(0, 150)
WORLD = st.integers(1, 9)
BATCH_SIZE = st.integers(1, 12)
EPOCH = st.integers(0, 5)


def of_ranks(world_size: int, **options: object) -> list[Sampler]:
    """One sampler for each rank."""
    return [Sampler(rank=rank, world_size=world_size, **options) for rank in range(world_size)]


def batches_of(samplers: list[Sampler], size: int, epoch: int, position: int, batch_size: int) -> list[list[list[int]]]:
    """For each rank, its batches."""
    return [[rows.tolist() for rows in sampler.batches(size, epoch, position, batch_size)] for sampler in samplers]


def visited(batches: list[list[list[int]]]) -> Counter[int]:
    """How often each row was visited, over all ranks."""
    return Counter(row for rank in batches for rows in rank for row in rows)


@given(SIZE, WORLD, BATCH_SIZE, EPOCH, st.booleans(), st.data())
def test_exact(size: int, world_size: int, batch_size: int, epoch: int, shuffle: bool, data: st.DataObject) -> None:
    """With "exact", ranks together visit what is left of an epoch once, from any position."""
    position = data.draw(st.integers(0, size))
    samplers = of_ranks(world_size, remainder="exact", shuffle=shuffle)
    batches = batches_of(samplers, size, epoch, position, batch_size)
    assert visited(batches) == Counter(samplers[0].order(size, epoch)[position:].tolist())
    assert all(0 < len(rows) <= batch_size for rank in batches for rows in rank)
    assert max(map(len, batches)) == samplers[0].count(size, position, batch_size)


@given(SIZE, WORLD, BATCH_SIZE, EPOCH, st.data())
def test_drop(size: int, world_size: int, batch_size: int, epoch: int, data: st.DataObject) -> None:
    """With "drop", every rank has as many full batches, no row comes twice, and fewer rows are left out than one round takes."""
    position = data.draw(st.integers(0, size))
    samplers = of_ranks(world_size, remainder="drop")
    batches = batches_of(samplers, size, epoch, position, batch_size)
    assert {len(rank) for rank in batches} == {samplers[0].count(size, position, batch_size)}
    assert all(len(rows) == batch_size for rank in batches for rows in rank)
    left = samplers[0].order(size, epoch)[position:].tolist()
    whole = len(left) // (batch_size * world_size) * batch_size * world_size
    assert visited(batches) == Counter(left[:whole])


@given(SIZE, WORLD, BATCH_SIZE, EPOCH, st.data())
def test_pad(size: int, world_size: int, batch_size: int, epoch: int, data: st.DataObject) -> None:
    """With "pad", every rank has as many full batches, every row comes, and the epoch's first rows fill up the last round."""
    position = data.draw(st.integers(0, size))
    samplers = of_ranks(world_size, remainder="pad")
    batches = batches_of(samplers, size, epoch, position, batch_size)
    assert {len(rank) for rank in batches} == {samplers[0].count(size, position, batch_size)}
    assert all(len(rows) == batch_size for rank in batches for rows in rank)
    order = samplers[0].order(size, epoch)
    added = len(batches[0]) * batch_size * world_size - (size - position)
    assert 0 <= added < batch_size * world_size
    assert visited(batches) == Counter(order[position:].tolist()) + Counter(np.resize(order, added).tolist())


@pytest.mark.parametrize("world_size", WORLDS)
def test_a_round_is_a_range_of_the_order(world_size: int) -> None:
    """Round k of all ranks is the k-th range of the order, so a position says all that was delivered."""
    samplers = of_ranks(world_size)
    order = samplers[0].order(100, 0)
    batches = batches_of(samplers, 100, 0, 0, 4)
    for place in range(100 // (4 * world_size)):
        together = [row for rank in batches for row in rank[place]]
        assert sorted(together) == sorted(order[place * 4 * world_size : (place + 1) * 4 * world_size].tolist())


RUNS = st.lists(st.tuples(WORLD, BATCH_SIZE, st.integers(0, 4)), max_size=6)


@given(SIZE, RUNS, WORLD, BATCH_SIZE, EPOCH)
def test_resume_exact(size: int, runs: list[tuple[int, int, int]], world_size: int, batch_size: int, epoch: int) -> None:
    """Stopped after any round and resumed under any world and batch size, again and again, an epoch visits every row once."""
    position, seen = 0, Counter[int]()
    for now, batch, rounds in [*runs, (world_size, batch_size, size)]:
        delivered = [rank[:rounds] for rank in batches_of(of_ranks(now, remainder="exact"), size, epoch, position, batch)]
        seen += visited(delivered)
        position = min(position + min(rounds, size) * batch * now, size)
    assert seen == Counter(range(size))


@given(SIZE, RUNS, WORLD, BATCH_SIZE, EPOCH)
def test_resume_drop(size: int, runs: list[tuple[int, int, int]], world_size: int, batch_size: int, epoch: int) -> None:
    """The same with "drop": no row comes twice, and those left out are the last of the order, fewer than one round takes."""
    position, seen = 0, Counter[int]()
    for now, batch, rounds in [*runs, (world_size, batch_size, size)]:
        delivered = [rank[:rounds] for rank in batches_of(of_ranks(now), size, epoch, position, batch)]
        seen += visited(delivered)
        position += sum(len(rows) for rank in delivered for rows in rank)
    order = Sampler().order(size, epoch)
    assert seen == Counter(order[:position].tolist())
    assert size - position < batch_size * world_size


def test_epochs_differ() -> None:
    """Every epoch has an order of its own, every seed too; without shuffling all have the manifest's."""
    orders = {Sampler(seed=seed).order(50, epoch).tobytes() for seed in range(20) for epoch in range(20)}
    assert len(orders) == 400
    assert Sampler(shuffle=False).order(9, 3).tolist() == list(range(9))


@given(SIZE, WORLD, BATCH_SIZE, st.sampled_from(REMAINDERS), st.data())
def test_over(size: int, world_size: int, batch_size: int, remainder: str, data: st.DataObject) -> None:
    """A sampler for torch's DataLoader is as long as it says, and from any position in its order, on every rank."""
    assume(size >= (batch_size * world_size if remainder == "drop" else 1))
    position = data.draw(st.integers(0, size))
    for sampler in of_ranks(world_size, remainder=remainder):
        over = sampler.over(size, batch_size)
        whole = list(over)
        assert len(whole) == len(over)
        assert all(isinstance(row, int) for row in whole)
        over.load_state_dict(over.state_dict() | {"epoch": 0, "position": position})
        over.set_epoch(0)
        assert list(over) == [row for batch in sampler.batches(size, 0, position, batch_size) for row in batch.tolist()]


def test_over_resumes() -> None:
    """Its state goes through `state_dict`, and going to the epoch it is in keeps the position."""
    first = Sampler(seed=3, rank=0, world_size=1).over(20, 4)
    first.set_epoch(2)
    rows = list(first)
    first.delivered(8)
    second = EpochSampler(Sampler(seed=3, rank=0, world_size=1), 20, 4)
    second.load_state_dict(first.state_dict())
    second.set_epoch(2)
    assert list(second) == rows[8:]
    second.set_epoch(3)
    assert sorted(second) == list(range(20))


def test_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rank and world are taken from torchrun's environment where they are not given, and are 0 of 1 without it."""
    monkeypatch.delenv("RANK", raising=False)
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert Sampler().resolve() == (0, 1)
    monkeypatch.setenv("RANK", "2")
    monkeypatch.setenv("WORLD_SIZE", "5")
    assert Sampler().resolve() == (2, 5)
    assert Sampler(rank=1, world_size=3).resolve() == (1, 3)
    over = Sampler(remainder="exact").over(10)
    monkeypatch.setenv("RANK", "4")
    assert (over.rank, over.world_size) == (2, 5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"remainder": "keep"}, "remainder='keep'.*'drop', 'pad', 'exact'"),
        ({"rank": 1}, "both `rank` and `world_size`"),
        ({"world_size": 1}, "both `rank` and `world_size`"),
        ({"rank": 2, "world_size": 2}, "ranks are 0 to world_size - 1"),
        ({"rank": -1, "world_size": 2}, "ranks are 0 to world_size - 1"),
        ({"rank": 0, "world_size": 0}, "ranks are 0 to world_size - 1"),
    ],
)
def test_mistakes(options: dict[str, object], message: str) -> None:
    """A remainder that there is not, or a rank outside its world_size, is refused."""
    with pytest.raises(LoaderError, match=message):
        Sampler(**options)
