"""How fast batches come, against what people load images with, which do the same jobs with as many workers.

The floors are near what is reached on two idle cores; what must not be lost again is in `figures.json`.
"""

import resource
import time
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from figures import Compare, Pair

from dataprep.cleaning.clean import clean
from dataprep.loading.loader import Loader
from dataprep.manifest import Manifest
from dataprep.pipeline import Pipeline
from dataprep.protocols import Op
from dataprep.stages import CenterCrop, HorizontalFlip, Normalize, RandomResizedCrop, Resize

torch = pytest.importorskip("torch")

from by_hand import SHORTER, SIDE  # noqa: E402  after what skips
from loaders import Job, loaders  # noqa: E402  after what skips

from dataprep.backends.threads import Threads  # noqa: E402  after what skips
from dataprep.backends.torch import Torch  # noqa: E402  after what skips

pytestmark = [pytest.mark.throughput, pytest.mark.filterwarnings("ignore")]  # peers warn, and leave open what they please

BATCH, WORKERS = 64, 2
OTHERS = "best of the others"  # neither DALI nor Pillow
FLOORS: Mapping[str, Mapping[str, float]] = {
    "training, float32": {"DALI": 1.6, "Pillow": 2.4, OTHERS: 1.3},
    "training, uint8": {"DALI": 1.8, "Pillow": 2.4, OTHERS: 1.3},
    "evaluation, float32": {"DALI": 1.7, "Pillow": 2.4, OTHERS: 1.3},
}
"""The least ratios of `Threads`, by job and peer."""
TORCH = 0.76  # of the speed of `Threads`

TRAINING: tuple[Op, ...] = (RandomResizedCrop(SIDE), HorizontalFlip())
EVALUATION: tuple[Op, ...] = (Resize(SHORTER), CenterCrop(SIDE))


@pytest.fixture(scope="module")
def manifest(thousand_photos: Path) -> Manifest:
    """The thousand photos."""
    return clean(thousand_photos, Pipeline())


def epoch(batches: Iterable[Any]) -> None:
    """Goes through an epoch as a training loop does."""
    for batch in batches:
        assert batch.images.shape == (BATCH, 3, SIDE, SIDE)


def best_of_others(seconds: Mapping[str, float]) -> Mapping[str, float]:
    """Returns the time of the fastest peer beside DALI and Pillow."""
    others = [took for name, took in seconds.items() if name not in ("Threads", "Torch", "Pillow", "DALI")]
    return {OTHERS: min(others)} if others else {}


@pytest.mark.parametrize("job", FLOORS)
def test_loading_is_fast(manifest: Manifest, thousand_photos: Path, compare: Compare, job: str) -> None:
    """Batches come faster from threads than from every peer, by so much, and from processes nearly as fast."""
    training, normalised = job.startswith("training"), job.endswith("float32")
    ops = (TRAINING if training else EVALUATION) + ((Normalize.imagenet(),) if normalised else ())
    backends = {"Threads": Threads(WORKERS), "Torch": Torch(WORKERS)}
    ours = {name: Loader(manifest, Pipeline(*ops), batch_size=BATCH, backend=backend) for name, backend in backends.items()}
    things: dict[str, Any] = {name: partial(epoch, batches) for name, batches in ours.items()}
    things |= dict(loaders(Job(thousand_photos, training, normalised, BATCH, WORKERS)))
    there = {*things, *best_of_others(dict.fromkeys(things, 0.0))}
    floors: dict[Pair, float] = {("Threads", name): floor for name, floor in FLOORS[job].items() if name in there}
    floors |= {("Threads", name): 1.2 for name in things if name not in ("Threads", "Torch", *FLOORS[job])}
    floors["Torch", "Threads"] = TORCH
    print(*(f"\n  first batch, {name}: {first(batches):.2f} s" for name, batches in ours.items()), end="")
    compare(job, things, len(manifest) // BATCH * BATCH, floors, derived=best_of_others)
    least = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print(f"  peak memory: {least[0] / 1024:,.0f} MiB of this process, {least[1] / 1024:,.0f} MiB of the largest worker")


def first(loader: Loader) -> float:
    """How long the first batch takes, with the start of the workers."""
    start = time.perf_counter()
    next(iter(loader))
    return time.perf_counter() - start
