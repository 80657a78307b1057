"""How fast batches come, against what people load images with, which do the same jobs with as many workers.

The floors are near what is reached on two idle cores; what must not be lost again is in `figures.json`.
"""

import resource
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from figures import Compare, Pair

from dataprep.cleaning.clean import clean
from dataprep.loading.loader import Loader
from dataprep.manifest import Manifest
from dataprep.pipeline import Pipeline

torch = pytest.importorskip("torch")

from apart import BATCH, WORKERS, apart, epoch, pipeline_of  # noqa: E402  after what skips
from loaders import Job, loaders  # noqa: E402  after what skips

from dataprep.backends.threads import Threads  # noqa: E402  after what skips

pytestmark = [pytest.mark.throughput, pytest.mark.filterwarnings("ignore")]  # peers warn, and leave open what they please

OTHERS = "best of the others"  # neither DALI nor Pillow
FLOORS: Mapping[str, Mapping[str, float]] = {
    "training, float32": {"DALI": 1.6, "Pillow": 2.4, OTHERS: 1.3},
    "training, uint8": {"DALI": 1.8, "Pillow": 2.4, OTHERS: 1.3},
    "evaluation, float32": {"DALI": 1.7, "Pillow": 2.4, OTHERS: 1.3},
}
"""The least ratios of `Threads`, by job and peer."""
TORCH = 0.86  # of the speed of `Threads`


@pytest.fixture(scope="module")
def manifest(thousand_photos: Path) -> Manifest:
    """The thousand photos."""
    return clean(thousand_photos, Pipeline())


def best_of_others(seconds: Mapping[str, float]) -> Mapping[str, float]:
    """Returns the time of the fastest peer beside DALI and Pillow."""
    others = [took for name, took in seconds.items() if name not in ("Threads", "Torch", "Pillow", "DALI")]
    return {OTHERS: min(others)} if others else {}


@pytest.mark.parametrize("job", FLOORS)
def test_loading_is_fast(manifest: Manifest, thousand_photos: Path, tmp_path: Path, compare: Compare, job: str) -> None:
    """Batches come faster from threads than from every peer, by so much, and from processes nearly as fast."""
    training, normalised = job.startswith("training"), job.endswith("float32")
    ours = Loader(manifest, pipeline_of(job), batch_size=BATCH, backend=Threads(WORKERS))
    manifest.write(tmp_path / "manifest.parquet")
    with apart(tmp_path / "manifest.parquet", job) as processes:
        things: dict[str, Any] = {"Threads": partial(epoch, ours), "Torch": processes}
        things |= dict(loaders(Job(thousand_photos, training, normalised, BATCH, WORKERS)))
        there = {*things, *best_of_others(dict.fromkeys(things, 0.0))}
        floors: dict[Pair, float] = {("Threads", name): floor for name, floor in FLOORS[job].items() if name in there}
        floors |= {("Threads", name): 1.2 for name in things if name not in ("Threads", "Torch", *FLOORS[job])}
        floors["Torch", "Threads"] = TORCH
        compare(job, things, len(manifest) // BATCH * BATCH, floors, derived=best_of_others)
    print(f"  first batch: {first(ours):.2f} s")
    least = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print(f"  peak memory: {least[0] / 1024:,.0f} MiB of this process, {least[1] / 1024:,.0f} MiB of the largest worker")


def first(loader: Loader) -> float:
    """How long the first batch takes, with the start of the workers."""
    start = time.perf_counter()
    next(iter(loader))
    return time.perf_counter() - start
