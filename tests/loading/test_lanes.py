"""Lanes: an epoch that is exact and reads few blocks of neighbours at a time."""

import tracemalloc
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataprep.cleaning.clean import clean
from dataprep.errors import LoaderError
from dataprep.loading.lanes import BLOCK, WINDOW, Lanes
from dataprep.loading.loader import Loader
from dataprep.loading.sampler import Sampler
from dataprep.packing.pack import pack
from dataprep.pipeline import Pipeline
from dataprep.stages import Resize
from dataprep.testing import FakeBackend, FakeEngine, write_images

SIZES = st.one_of(st.integers(1, 3 * BLOCK), st.integers(1, 25 * BLOCK))
LANES = st.integers(1, 12)
EPOCH = st.integers(0, 5)


def whole(plan: Lanes, epoch: int) -> list[int]:
    """An epoch in order."""
    rows: list[int] = plan.epoch(epoch)(0, len(plan))[:, 0].tolist()
    return rows


@given(SIZES, LANES, EPOCH)
@settings(max_examples=30)
def test_an_epoch_has_every_row_once(size: int, lanes: int, epoch: int) -> None:
    """Whatever fills whole blocks, rounds and windows and what does not, every row comes once."""
    assert sorted(whole(Lanes(7, lanes, size), epoch)) == list(range(size))


@given(SIZES, LANES, EPOCH, st.data())
@settings(max_examples=30)
def test_any_range_is_that_of_the_whole_order(size: int, lanes: int, epoch: int, data: st.DataObject) -> None:
    """What comes at a position does not depend on the range that was asked for."""
    plan = Lanes(7, lanes, size)
    start = data.draw(st.integers(0, size))
    stop = data.draw(st.integers(start, size))
    assert plan.epoch(epoch)(start, stop)[:, 0].tolist() == whole(plan, epoch)[start:stop]


def test_epochs_seeds_and_numbers_of_lanes_differ() -> None:
    """Another epoch, seed or number of lanes is another order."""
    size = 20 * BLOCK
    orders = [whole(Lanes(seed, lanes, size), epoch) for seed in (0, 1) for lanes in (2, 4) for epoch in (0, 1)]
    assert len(set(map(tuple, orders))) == len(orders)


@pytest.mark.parametrize("world_size", [1, 2, 4, 8])
def test_a_rank_stays_within_the_windows_of_its_lanes(world_size: int) -> None:
    """In any stretch as long as a window of each lane, a rank sees at most two windows of each lane that is its own."""
    lanes, size = 8, 8 * 8 * BLOCK
    order = np.array(whole(Lanes(0, lanes, size), 0))
    stretch = WINDOW * BLOCK * lanes
    for start in range(0, size - stretch + 1, stretch // 2 // world_size * world_size):
        for rank in range(world_size):
            blocks = np.unique(order[start : start + stretch][rank::world_size] // BLOCK)
            assert len(blocks) <= 2 * WINDOW * lanes // world_size


@pytest.mark.parametrize("worlds", [(4, 6, 3), (8, 3), (1, 7)])
@given(size=st.integers(1, 3000), seed=st.integers(0, 3), stops=st.lists(st.integers(0, 5), min_size=3, max_size=3))
@settings(max_examples=20)
def test_the_number_of_ranks_may_change(worlds: tuple[int, ...], size: int, seed: int, stops: list[int]) -> None:
    """Going on with another number of ranks, again and again, no row is lost or comes twice."""
    seen, position = [], 0
    for number, world_size in enumerate(worlds):
        last = number == len(worlds) - 1
        samplers = [Sampler(seed, lanes=4, remainder="exact", rank=rank, world_size=world_size) for rank in range(world_size)]
        for sampler in samplers:
            batches = sampler.batches(sampler.plan(size), 0, position, 16)
            seen += [row for rows in (batches if last else islice(batches, stops[number])) for row in rows.tolist()]
        position = min(size, position + stops[number] * 16 * world_size)
    assert sorted(seen) == list(range(size))


def test_a_billion_rows_take_no_memory() -> None:
    """An order is computed where it is looked at."""
    plan = Lanes(0, 64, 1_000_000_000)
    tracemalloc.start()
    rows = plan.epoch(3)(654_321_000, 654_331_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(np.unique(rows[:, 0])) == 10_000
    assert peak < 16 * 2**20


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"lanes": 0}, r"lanes=0\): at least 1"),
        ({"lanes": 2.5}, r"lanes=2\.5"),
        ({"lanes": 64, "shuffle": False}, "does not go with `shuffle=False`"),
        ({"lanes": 64, "balance": "label"}, "does not go with `balance`"),
        ({"lanes": 64, "weights": [1, 2]}, "does not go with `weights`"),
    ],
)
def test_what_does_not_go_with_lanes_is_said(given: dict[str, object], said: str) -> None:
    """Lanes are an order of their own: what asks for another one is an error when the sampler is made."""
    with pytest.raises(LoaderError, match=said):
        Sampler(**given)  # type: ignore[arg-type]


def test_lanes_are_part_of_what_a_state_belongs_to() -> None:
    """A state of lanes is none of another number of them, nor of a shuffled order."""
    assert len({Sampler(lanes=lanes).plan(10).signature for lanes in (None, 1, 2)}) == 3


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of a few photos."""
    folder = tmp_path_factory.mktemp("photos")
    write_images(folder, 24, height=24, width=32)
    return folder


@pytest.mark.parametrize("seed", [None, 0, 3])
def test_lanes_are_for_rows_in_a_random_order(folder: Path, tmp_path: Path, seed: int | None) -> None:
    """Of a manifest that is in the order of a folder, or was packed in it, lanes are an error; of one shuffled once, an order."""
    manifest = clean(folder, Pipeline(Resize((8, 8))), engine=FakeEngine(), progress=False)
    sampler = Sampler(lanes=4)
    with pytest.raises(LoaderError, match=r"Sampler\(lanes=4\)\): lanes read neighbours together"):
        Loader(manifest, batch_size=4, sampler=sampler, backend=FakeBackend())
    packed = pack(manifest, tmp_path / "packed", seed=seed, engine=FakeEngine(), progress=False)
    if seed is None:
        with pytest.raises(LoaderError, match="which `pack` makes it"):
            Loader(packed, batch_size=4, sampler=sampler, backend=FakeBackend())
        return
    seen = [int(row) for batch in Loader(packed, batch_size=4, sampler=sampler, backend=FakeBackend()) for row in batch.ids]
    assert sorted(seen) == list(range(24))


def test_evaluation_goes_without_lanes(folder: Path) -> None:
    """A loader of evaluation takes the sampler of training, and gives each image once, in order."""
    manifest = clean(folder, Pipeline(Resize((8, 8))), engine=FakeEngine(), progress=False)
    loader = Loader(manifest, batch_size=5, train=False, sampler=Sampler(lanes=4), backend=FakeBackend())
    assert [int(row) for batch in loader for row in batch.ids] == list(range(24))
