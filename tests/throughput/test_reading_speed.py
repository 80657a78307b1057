"""How fast a slow source is read: against the same source that answers at once, and against reading where decoding happens.

The ratios are of the same turn, and no figure is kept of them: both sides wait for the same decoders. So many readers cannot have
more than a file each in the time that an answer takes; where decoding is faster than that, it is what counts.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from figures import TURNS, ratio, seconds_of

from dataprep import ahead
from dataprep.cleaning.clean import clean
from dataprep.engines import Local
from dataprep.loading.loader import Loader
from dataprep.manifest import Manifest
from dataprep.pipeline import Pipeline
from dataprep.protocols import Source
from dataprep.sources import Folder
from dataprep.stages import HorizontalFlip, Normalize, RandomResizedCrop

torch = pytest.importorskip("torch")

from dataprep.backends.threads import Threads  # noqa: E402  after what skips
from dataprep.backends.torch import Torch  # noqa: E402  after what skips

pytestmark = [
    pytest.mark.throughput,
    pytest.mark.usefixtures("judged"),
    pytest.mark.filterwarnings("ignore:This DataLoader will create"),
]

WORKERS = 2
LATENCY = 0.02  # seconds
LOCAL, SERIAL = "at once", "reading where it is decoded"
OF_LOCAL, OF_SERIAL = 0.75, 2.0  # the least ratios, on a machine that has nothing else to do
OPS = Pipeline(RandomResizedCrop(224), HorizontalFlip(), Normalize.imagenet())


@dataclass(frozen=True)
class Slow:
    """A folder that answers after some time, as many readers at once as there are."""

    folder: Folder
    latency: float = LATENCY

    def records(self) -> pa.Table:
        return self.folder.records()

    def read(self, uri: str, start: int = 0, stop: int | None = None) -> bytes:
        if self.latency:
            time.sleep(self.latency)
        return self.folder.read(uri, start, stop)


def backends() -> Iterator[Any]:
    """All that run on the CPU."""
    yield from (Threads(WORKERS), Torch(WORKERS))
    if find_spec("nvidia") and find_spec("nvidia.dali"):
        from dataprep.backends.dali.backend import Dali

        yield Dali("cpu", threads=WORKERS)


@pytest.fixture(scope="module", name="manifest")
def _manifest(thousand_photos: Path) -> Manifest:
    return clean(Folder(str(thousand_photos)), Pipeline(), engine=Local(WORKERS))


def judge(title: str, images: int, floors: dict[str, float], things: dict[str, Callable[[], object]]) -> None:
    """Runs things in turns, and compares the rate of what reads a slow source with those of the others."""
    for thing in things.values():
        thing()  # what the first run imports, no later one does
    turns = [{name: seconds_of(thing) for name, thing in things.items()} for _ in range(TURNS)]
    least = images * LATENCY / ahead.CONCURRENCY
    for seconds in turns:
        seconds[LOCAL] = max(seconds[LOCAL], least)
    ratios = {name: ratio(("slow", name), turns) for name in floors}
    print(f"\n{title}, 20 ms a file:", *(f"{times:.2f}× of {name}" for name, times in ratios.items()))
    assert all(ratios[name] >= least for name, least in floors.items())


@pytest.mark.parametrize("backend", list(backends()), ids=lambda backend: type(backend).__name__)
def test_loading_from_afar(manifest: Manifest, backend: Any) -> None:
    """Batches of files that take 20 ms each come nearly as fast as of those that are there at once, or as they can be read."""

    def epoch(source: Source) -> None:
        for _ in Loader(replace(manifest, source=source), OPS, batch_size=64, backend=backend):
            pass

    def serial() -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ahead, "WAIT", float("inf"))
            epoch(slow)

    slow, local = Slow(manifest.source), Slow(manifest.source, 0.0)
    things = {"slow": lambda: epoch(slow), LOCAL: lambda: epoch(local), SERIAL: serial}
    judge(type(backend).__name__, len(manifest), {LOCAL: OF_LOCAL, SERIAL: OF_SERIAL}, things)


def test_cleaning_from_afar(manifest: Manifest) -> None:
    """Files that take 20 ms each are cleaned nearly as fast as those that are there at once, or as they can be read."""
    slow, local = Slow(manifest.source), Slow(manifest.source, 0.0)
    things = {"slow": lambda: clean(slow, engine=Local(WORKERS)), LOCAL: lambda: clean(local, engine=Local(WORKERS))}
    judge("clean", len(manifest), {LOCAL: OF_LOCAL}, things)
