"""Exact resume, as a matrix: stopped anywhere and gone on with anywhere else, a run delivers what it would have delivered.

A sample is its id and the numbers that were drawn for it. Whoever loses one, delivers one twice or augments one otherwise gives
another list of samples than the run that was left alone.
"""

from collections.abc import Iterable, Iterator
from itertools import islice, zip_longest
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from dataprep.cleaning.clean import clean
from dataprep.engines import Local
from dataprep.loading.loader import Loader
from dataprep.loading.sampler import Sampler
from dataprep.manifest import Manifest
from dataprep.pipeline import Pipeline
from dataprep.stages import HorizontalFlip, Normalize, RandomResizedCrop
from dataprep.testing import FakeSource, Undecoded, write_images

SIZE, BATCH, EPOCHS = 13, 3, 2  # for four ranks one round and a single image
WORKERS, WORLDS = (0, 1, 2), (1, 2, 3, 4)
OPS = (RandomResizedCrop((8, 10)), HorizontalFlip(), Normalize.imagenet())
SAMPLERS: dict[str, dict[str, Any]] = {
    "shuffled": {"seed": 5},
    "sequential": {"shuffle": False},
    "weights": {"seed": 5, "weights": "score", "length": 17},
    "balance": {"seed": 5, "balance": "label"},
}

Sample = tuple[int, bytes]


def ahead(workers: int) -> Undecoded:
    """A backend without processes that makes batches ahead of the loop, as workers do."""
    return Undecoded(2 * workers)


@pytest.fixture(scope="module")
def manifest() -> Manifest:
    """13 rows of four labels, without files, with a column of weights."""
    columns = {
        "id": pa.array(range(100, 100 + SIZE), pa.int64()),
        "uri": [f"{row:04d}.jpg" for row in range(SIZE)],
        "label": ["abacada"[row % 7] for row in range(SIZE)],
        "digest": [f"{row:08x}" for row in range(SIZE)],
        "height": pa.array([40 + row for row in range(SIZE)], pa.int32()),
        "width": pa.array([90 - row for row in range(SIZE)], pa.int32()),
        "score": pa.array([row % 5 for row in range(SIZE)], pa.float64()),
        "keep": [True] * SIZE,
    }
    source = FakeSource(dict.fromkeys(columns["uri"], b"not decoded"))
    return Manifest(pa.table(columns), Pipeline(*OPS), source, (), ("a", "b", "c", "d"))


def ranks(manifest: Manifest, world_size: int, backend: Any, batch_size: int = BATCH, **sampler: Any) -> list[Loader]:
    """The loaders of all ranks."""
    samplers = [Sampler(remainder="exact", rank=rank, world_size=world_size, **sampler) for rank in range(world_size)]
    return [Loader(manifest, batch_size=batch_size, sampler=each, backend=backend) for each in samplers]


def rounds(loaders: list[Loader]) -> Iterator[list[Sample]]:
    """The samples of each round of all ranks, epoch after epoch to the last, in the order of the epoch: the ranks take turns."""
    while loaders[0].epoch < EPOCHS:
        for batches in zip_longest(*loaders):
            had = [zip(batch.ids.tolist(), batch.images, strict=True) for batch in batches if batch is not None]
            yield [(id, np.asarray(image).tobytes()) for turn in zip_longest(*had) for id, image in filter(None, turn)]


def flat(taken: Iterable[list[Sample]]) -> list[Sample]:
    """All samples of some rounds."""
    return [sample for samples in taken for sample in samples]


@pytest.mark.parametrize("kind", SAMPLERS)
@pytest.mark.parametrize("world_size", WORLDS)
@pytest.mark.parametrize("world_after", WORLDS)
def test_the_matrix(manifest: Manifest, kind: str, world_size: int, world_after: int) -> None:
    """Whatever the sampler, stopped after any round of two epochs, with other workers and ranks after it: no sample differs."""
    options = SAMPLERS[kind]
    whole = flat(rounds(ranks(manifest, 1, ahead(0), **options)))
    assert len(whole) == EPOCHS * options.get("length", SIZE)
    per_epoch = len(ranks(manifest, world_size, ahead(0), **options)[0])
    for workers in WORKERS:
        for stop in range(EPOCHS * per_epoch + 1):
            before = ranks(manifest, world_size, ahead(workers), **options)
            had = flat(islice(rounds(before), stop))
            state = before[0].state_dict()
            workers_after = WORKERS[(workers + 1 + stop % 2) % len(WORKERS)]  # another number, in turns
            after = ranks(manifest, world_after, ahead(workers_after), **options)
            for loader in after:
                loader.load_state_dict(state)
                loader.set_epoch(state["epoch"])
            assert had + flat(rounds(after)) == whole, f"{workers} workers, stopped after {stop}, then {workers_after}"


@pytest.mark.parametrize("kind", SAMPLERS)
def test_at_the_boundary_of_epochs(manifest: Manifest, kind: str) -> None:
    """A state saved between two loops, when an epoch has ended by itself, goes on with the next epoch under any world."""
    options = SAMPLERS[kind]
    whole = flat(rounds(ranks(manifest, 1, ahead(0), **options)))
    for world_size in WORLDS:
        before = ranks(manifest, world_size, ahead(1), **options)
        for loader in before:
            assert len(list(loader)) <= len(loader)
        states = [loader.state_dict() for loader in before]
        assert all((state["epoch"], state["position"]) == (1, 0) for state in states)
        for world_after in WORLDS:
            after = ranks(manifest, world_after, ahead(2), **options)
            for loader in after:
                loader.load_state_dict(states[-1])
            assert flat(rounds(after)) == whole[len(whole) // EPOCHS :]


def test_stopped_again_and_again(manifest: Manifest) -> None:
    """A run that is stopped after every single round, each under another world_size, delivers the very samples, too."""
    for kind, options in SAMPLERS.items():
        whole = flat(rounds(ranks(manifest, 1, ahead(0), **options)))
        had: list[Sample] = []
        state = ranks(manifest, 1, ahead(0), **options)[0].state_dict()
        for number in range(200):
            loaders = ranks(manifest, WORLDS[number % 4], ahead(number % 3), **options)
            for loader in loaders:
                loader.load_state_dict(state)
            had += flat(islice(rounds(loaders), 1))
            state = loaders[0].state_dict()
        assert had == whole, kind


def backends() -> dict[str, Any]:
    """Every backend that decodes, by name, in the number of workers."""
    pytest.importorskip("torch")
    from dataprep.backends.threads import Threads
    from dataprep.backends.torch import Torch

    def dali(workers: int) -> Any:
        pytest.importorskip("nvidia.dali", reason="DALI is not installed")
        from dataprep.backends.dali.backend import Dali

        return Dali("cpu", threads=workers + 1, prefetch=workers + 1)

    return {"torch": lambda workers: Torch(workers=workers), "threads": lambda workers: Threads(workers + 1), "dali": dali}


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """20 kept photos."""
    folder = tmp_path_factory.mktemp("photos")
    write_images(folder, 20, height=24, width=32)
    return clean(folder, Pipeline(*OPS), engine=Local(0))


@pytest.mark.parametrize("name", ["torch", "threads", "dali"])
@pytest.mark.parametrize(("workers", "workers_after", "world_after"), [(0, 2, 2), (1, 0, 3), (2, 1, 1)])
@pytest.mark.parametrize("stop", [1, 3, 5])
def test_with_real_backends(photos: Manifest, name: str, workers: int, workers_after: int, world_after: int, stop: int) -> None:
    """The same holds for the pixels of every backend: two ranks stopped in an epoch, another number of both after it."""
    made = backends()[name]
    whole = flat(rounds(ranks(photos, 1, made(0), seed=1)))
    before = ranks(photos, 2, made(workers), seed=1)
    running = rounds(before)
    had = flat(islice(running, stop))
    state = before[0].state_dict()
    running.close()
    after = ranks(photos, world_after, made(workers_after), seed=1)
    for loader in after:
        loader.load_state_dict(state)
    assert had + flat(rounds(after)) == whole


@pytest.mark.parametrize("name", ["threads", "dali"])
@pytest.mark.parametrize("stop", [1, 5, 9])
def test_from_one_backend_to_another(photos: Manifest, name: str, stop: int) -> None:
    """Stopped under one backend and gone on with under torch's, every image comes once."""
    before = ranks(photos, 1, backends()[name](1), seed=1)
    had = flat(islice(rounds(before), stop))
    after = ranks(photos, 2, backends()["torch"](0), seed=1)
    for loader in after:
        loader.load_state_dict(before[0].state_dict())
    whole = flat(rounds(ranks(photos, 1, backends()["torch"](0), seed=1)))
    assert [id for id, _ in had + flat(rounds(after))] == [id for id, _ in whole]
