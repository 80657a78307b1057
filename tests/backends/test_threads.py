"""Batches from threads: the same as from processes, memory used again only where nobody looks, nothing left behind."""

import pickle
import sys
import threading
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from same import assert_same

from dataprep import kernel
from dataprep.backends.program import Copies, compile_ops
from dataprep.backends.threads import Threads
from dataprep.cleaning.clean import clean
from dataprep.engines import Local
from dataprep.errors import LoaderError
from dataprep.loading.loader import Loader
from dataprep.manifest import Manifest
from dataprep.pipeline import Pipeline
from dataprep.protocols import Op
from dataprep.stages import Brightness, CenterCrop, HorizontalFlip, Normalize, Output, RandomResizedCrop, Resize, Rotate
from dataprep.testing import FakeBackend, write_images

KEPT = 22
JOBS: dict[str, tuple[Op, ...]] = {
    "training": (RandomResizedCrop((8, 10)), HorizontalFlip(), Normalize.imagenet()),
    "evaluation": (Resize(12), CenterCrop(8), Normalize.imagenet()),
    "bytes": (RandomResizedCrop(9), HorizontalFlip()),
    "colours": (Resize((9, 9)), HorizontalFlip(), Rotate(5), Brightness(), Normalize.imagenet()),
}


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """22 kept photos of two classes."""
    folder = tmp_path_factory.mktemp("photos")
    write_images(folder, KEPT, height=24, width=32)
    return clean(folder, Pipeline(), engine=Local(0))


def loader(manifest: Manifest, job: str = "training", workers: int = 2, prefetch: int = 2) -> Loader:
    """Returns a loader with arrays from threads."""
    return Loader(manifest, Pipeline(*JOBS[job]), batch_size=4, backend=Threads(workers, prefetch, "numpy"))


@pytest.mark.parametrize("job", JOBS)
@pytest.mark.parametrize("prefetch", [1, 3])
@pytest.mark.parametrize("workers", [1, 2, 5])
def test_any_number_of_threads_gives_the_same_batches(manifest: Manifest, workers: int, prefetch: int, job: str) -> None:
    """Two epochs are the same to the last bit from any number of threads and from a plain loop."""
    ours = loader(manifest, job, workers, prefetch)
    theirs = Loader(manifest, Pipeline(*JOBS[job]), batch_size=4, backend=FakeBackend())
    for _ in range(2):
        assert_same(ours, theirs)


def test_batches_are_tensors_unless_arrays_are_asked_for(manifest: Manifest) -> None:
    """The default output is torch tensors, with the values of the arrays."""
    torch = pytest.importorskip("torch")
    for batch, arrays in zip(
        Loader(manifest, Pipeline(*JOBS["training"]), batch_size=4, backend=Threads()), loader(manifest), strict=True
    ):
        assert all(isinstance(part, torch.Tensor) for part in batch)
        assert all(np.array_equal(part.numpy(), array) for part, array in zip(batch, arrays, strict=True))


@pytest.mark.parametrize("memory", ["contiguous", "channels_last"])
@pytest.mark.parametrize("output", ["numpy", "torch", "torch, as arrays"])
@pytest.mark.parametrize("part", [slice(None), slice(1, 3), 0])
def test_what_the_loop_keeps_is_not_overwritten(manifest: Manifest, part: Any, output: str, memory: Any) -> None:
    """Batches that the loop keeps, or only views of them, are still what they were after the epoch."""
    torch = pytest.importorskip("torch") if output != "numpy" else None
    pipeline = Pipeline(*JOBS["training"], Output(memory=memory))
    kept, copies = [], []
    for batch in Loader(manifest, pipeline, batch_size=4, backend=Threads(output="torch" if torch else "numpy")):
        kept.append((batch.images.numpy() if output == "torch, as arrays" else batch.images)[part])
        copies.append(kept[-1].clone() if output == "torch" else kept[-1].copy())
        del batch
    assert len(copies) > 4
    assert all((one == other).all() for one, other in zip(kept, copies, strict=True))


def test_what_the_loop_lets_go_of_is_used_again(manifest: Manifest) -> None:
    """A loop that keeps no batch has its epoch in the memory of a few, and so has the next; a copy of the backend has its own."""
    epochs = loader(manifest, prefetch=1)
    first, second, third = ([batch.images.ctypes.data for batch in epochs] for _ in range(3))
    assert len(set(first)) < len(first)
    assert len({*first, *second, *third}) < len({*first}) + 2
    backend = epochs.backend
    assert pickle.loads(pickle.dumps(backend)) == deepcopy(backend) == backend
    assert "memory" not in repr(backend)


def test_memory_is_of_what_is_made(manifest: Manifest) -> None:
    """One backend serves loops whose batches are of other sizes and types."""
    backend = Threads(2, output="numpy")
    shared = {job: Loader(manifest, Pipeline(*JOBS[job]), batch_size=4, backend=backend) for job in JOBS}
    for _ in range(2):
        for job, ours in shared.items():
            assert_same(ours, loader(manifest, job))
            ours.set_epoch(0)


@pytest.mark.parametrize("leave_after", [None, 1])
def test_no_thread_is_left(manifest: Manifest, leave_after: int | None) -> None:
    """After a loop, and after one that was left early, no thread is left."""
    before = threading.active_count()
    batches = iter(loader(manifest))
    assert len(list(islice(batches, leave_after))) == (leave_after or 5)
    del batches
    assert threading.active_count() == before


@pytest.mark.parametrize("options", [(0, 2, "torch"), (2, 0, "torch"), (2, 2, "list")])
def test_threads_that_cannot_be_are_quoted(options: tuple[int, int, str]) -> None:
    """A number or an output that makes no sense is an error that quotes it."""
    with pytest.raises(LoaderError, match=r"Threads\("):
        Threads(*options)


def test_a_file_that_is_gone_is_named(manifest: Manifest, tmp_path: Path) -> None:
    """A file that vanished since `clean` ends the loop with an error that names it."""
    paths = write_images(tmp_path, 4, height=24, width=32)
    gone = clean(tmp_path, Pipeline(), engine=Local(0))
    paths[1].unlink()
    with pytest.raises(LoaderError, match=paths[1].name):
        list(loader(gone))


def test_without_torch_the_error_says_what_to_do(manifest: Manifest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where torch is missing, the error names the extra and the arrays that need none."""
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "dataprep.backends.tensors", raising=False)
    with pytest.raises(LoaderError, match=r"dataprep-images\[torch\].*output='numpy'"):
        next(iter(Loader(manifest, Pipeline(Resize((8, 8))), batch_size=4, backend=Threads(1))))


@dataclass(frozen=True)
class Remembering:
    """An op that holds something: the threads that its kernel ran in."""

    threads: list[int] = field(default_factory=list)
    slots = 0

    def spec(self, spec: Any) -> Any:
        return spec

    def draw(self, u: Any, sizes: Any) -> Any:
        return np.zeros((len(sizes), 0)), sizes


@kernel.register
def _(op: Remembering, image: np.ndarray, params: np.ndarray) -> np.ndarray:
    op.threads.append(threading.get_ident())
    assert set(op.threads) == {threading.get_ident()}
    return image


def test_each_thread_has_a_copy_of_the_ops(manifest: Manifest) -> None:
    """What an op holds is one thread's alone, so that a kernel may change it; what cannot be copied is shared."""
    op = Remembering()
    batches = Loader(manifest, Pipeline(Resize((8, 8)), op), batch_size=4, backend=Threads(4, output="numpy"))
    assert sum(len(batch.ids) for batch in batches) > 0
    assert op.threads == []
    program = compile_ops((Resize((8, 8)), Remembering([threading.Lock()])))  # type: ignore[list-item]
    assert Copies(program).mine() is program
