"""Slow sources under every backend: files of several batches are read at once, and nothing else changes."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from itertools import count
from typing import Any

import numpy as np
import pytest

from dataprep import ahead
from dataprep.backends.threads import Threads
from dataprep.cleaning.clean import clean
from dataprep.errors import SourceError
from dataprep.loading.loader import Loader
from dataprep.manifest import Manifest
from dataprep.pipeline import Pipeline
from dataprep.stages import Normalize, RandomResizedCrop
from dataprep.testing import FakeBackend, FakeEngine, FakeSource, check_backend, encoded, photo

BATCH, BATCHES = 4, 6
LONG = 60  # seconds that nothing takes
OPS = (RandomResizedCrop(16), Normalize.imagenet())


def _backends() -> Iterator[Any]:
    """All that there are, on the CPU, with how near they are to its kernels."""
    yield pytest.param(Threads(2, output="numpy"), {}, id="Threads")
    if find_spec("torch"):
        from dataprep.backends.torch import Torch

        yield from (pytest.param(Torch(workers), {}, id=f"Torch({workers})") for workers in (0, 2))
        if find_spec("nvidia") and find_spec("nvidia.dali"):
            from dataprep.backends.dali.backend import Dali

            yield pytest.param(Dali("cpu"), {"levels": 2, "share": 0.99}, id="Dali")


BACKENDS = list(_backends())


@pytest.fixture(autouse=True)
def _slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets every source be one that makes its readers wait, once one read has shown it."""
    monkeypatch.setattr(ahead, "WAIT", -1.0)


class Meeting(FakeSource):
    """After the first ones, so many reads wait for each other in a process, more than decode and than a batch has."""

    free, parties = 3, BATCH + 1

    def __init__(self, files: Any) -> None:
        super().__init__(files)
        state = {"lock": threading.Lock(), "count": 0, "barrier": threading.Barrier(self.parties)}
        object.__setattr__(self, "state", state)

    def read(self, uri: str, start: int = 0, stop: int | None = None) -> bytes:
        with self.state["lock"]:
            number = self.state["count"]
            self.state["count"] += 1
        if self.free <= number < self.free + self.parties:
            self.state["barrier"].wait(LONG)
        return super().read(uri, start, stop)


class Stuck(FakeSource):
    """From its fifth read on nothing comes, until it is let go."""

    def __init__(self, files: Any) -> None:
        super().__init__(files)
        object.__setattr__(self, "let_go", threading.Event())
        object.__setattr__(self, "numbers", count())

    def read(self, uri: str, start: int = 0, stop: int | None = None) -> bytes:
        if next(self.numbers) > BATCH:
            assert self.let_go.wait(LONG)
        return super().read(uri, start, stop)


FILES = {f"{number:02d}.jpg": encoded(photo(number, 24, 32)) for number in range(BATCH * BATCHES)}


@pytest.fixture(scope="module", name="manifest")
def _manifest() -> Manifest:
    return clean(FakeSource(FILES), Pipeline(), engine=FakeEngine())


def images_of(manifest: Manifest, source: Any, backend: Any) -> list[Any]:
    """The images of an epoch."""
    loader = Loader(replace(manifest, source=source), Pipeline(*OPS), batch_size=BATCH, backend=backend)
    return [np.asarray(batch.images) for batch in loader]


@pytest.mark.parametrize(("backend", "near"), BACKENDS)
def test_several_batches_are_read_at_once(manifest: Manifest, backend: Any, near: dict[str, Any]) -> None:
    """The files of two batches are read at once, by more threads than decode; the batches are those of a quick source."""
    made = images_of(manifest, Meeting(FILES), backend)
    expected = images_of(manifest, FakeSource(FILES), FakeBackend())
    assert len(made) == len(expected) == BATCHES
    for one, other in zip(made, expected, strict=True):
        apart = np.abs(one - other) * 255 * 0.225
        assert np.mean(apart <= near.get("levels", 0) + 0.01) >= near.get("share", 1)


@pytest.mark.parametrize(("backend", "near"), BACKENDS)
def test_the_contract_holds(backend: Any, near: dict[str, Any]) -> None:
    """Order, failures by file, early ends and what is left then are as with a quick source."""
    check_backend(backend, **near)


@pytest.mark.parametrize(
    "backend", [backend.values[0] for backend in BACKENDS if backend.id in ("Threads", "Torch(0)")], ids=repr
)
def test_left_while_a_read_hangs(monkeypatch: pytest.MonkeyPatch, manifest: Manifest, backend: Any) -> None:
    """A loop that is left does not wait for a read that hangs."""
    monkeypatch.setattr(ahead, "GRACE", 0.0)
    source = Stuck(FILES)
    loader = Loader(replace(manifest, source=source), Pipeline(*OPS), batch_size=BATCH, backend=backend)
    batches = iter(loader)
    next(batches)
    batches.close()
    source.let_go.set()
    for thread in threading.enumerate():
        if thread.name == "dataprep-ahead":
            thread.join(LONG)


def test_an_error_is_of_its_file(manifest: Manifest) -> None:
    """A file that cannot be read ahead is the failure of its image, and of no other."""

    class Lossy(FakeSource):
        def read(self, uri: str, start: int = 0, stop: int | None = None) -> bytes:
            if uri in ("03.jpg", "17.jpg"):
                raise SourceError(f"cannot be read: {uri} is gone")
            return super().read(uri, start, stop)

    slow = replace(manifest, source=Lossy(FILES))
    loader = Loader(slow, Pipeline(*OPS), batch_size=BATCH, backend=Threads(2, output="numpy"), on_error="skip")
    delivered = sorted(id for batch in loader for id in batch.ids.tolist())
    assert delivered == [number for number in range(BATCH * BATCHES) if number not in (3, 17)]
