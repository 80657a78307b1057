"""How fast batches come, against Pillow in a torch DataLoader and DALI on the CPU that do the same jobs with as many workers.

The floors are well below what was measured on two idle cores; what must not be lost again is in `figures.json`.
"""

import resource
import time
from collections.abc import Iterable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from figures import Compare

from dataprep.cleaning.clean import clean
from dataprep.loading.loader import Loader
from dataprep.manifest import Manifest
from dataprep.pipeline import Pipeline
from dataprep.protocols import Op
from dataprep.stages import CenterCrop, HorizontalFlip, Normalize, RandomResizedCrop, Resize

torch = pytest.importorskip("torch")

from peers import SHORTER, SIDE, DaliPhotos, PlainPhotos  # noqa: E402  after what skips
from torch.utils.data import DataLoader  # noqa: E402  after what skips

from dataprep.backends.threads import Threads  # noqa: E402  after what skips
from dataprep.backends.torch import Torch  # noqa: E402  after what skips

pytestmark = [pytest.mark.throughput, pytest.mark.filterwarnings("ignore:This DataLoader will create")]

BATCH, WORKERS = 64, 2
FLOORS = {("Threads", "Pillow"): 1.3, ("Threads", "DALI"): 0.8, ("Torch", "Pillow"): 0.9, ("Torch", "DALI"): 0.56}

TRAINING: tuple[Op, ...] = (RandomResizedCrop(SIDE), HorizontalFlip())
EVALUATION: tuple[Op, ...] = (Resize(SHORTER), CenterCrop(SIDE))


@pytest.fixture(scope="module")
def manifest(thousand_photos: Path) -> Manifest:
    """The thousand photos."""
    return clean(thousand_photos, Pipeline())


def epoch(batches: Iterable[Any]) -> None:
    """Goes through an epoch as a training loop does."""
    for batch in batches:
        images = getattr(batch, "images", batch)
        images = images[0] if isinstance(images, list | tuple) else images
        assert images.shape == (BATCH, 3, SIDE, SIDE)


@pytest.mark.parametrize(
    ("training", "normalised"),
    [(True, True), (True, False), (False, True)],
    ids=["training, float32", "training, uint8", "evaluation, float32"],
)
def test_loading_is_fast(
    manifest: Manifest,
    thousand_photos: Path,
    compare: Compare,
    request: pytest.FixtureRequest,
    training: bool,
    normalised: bool,
) -> None:
    """Batches of a job come from threads and processes no slower than these shares of Pillow in a DataLoader and of DALI."""
    ops = (TRAINING if training else EVALUATION) + ((Normalize.imagenet(),) if normalised else ())
    backends = {"Threads": Threads(WORKERS), "Torch": Torch(WORKERS)}
    ours = {name: Loader(manifest, Pipeline(*ops), batch_size=BATCH, backend=backend) for name, backend in backends.items()}
    plain = PlainPhotos(sorted(thousand_photos.rglob("*.jpg")), training=training, normalised=normalised)
    peer = DataLoader(plain, BATCH, shuffle=training, num_workers=WORKERS, drop_last=True)
    things: dict[str, Any] = {name: partial(epoch, batches) for name, batches in ours.items()}
    things["Pillow"] = partial(epoch, peer)
    if find_spec("nvidia") and find_spec("nvidia.dali"):
        things["DALI"] = DaliPhotos(thousand_photos, training=training, normalised=normalised, batch=BATCH, threads=WORKERS)
    print(*(f"\n  first batch, {name}: {first(batches):.2f} s" for name, batches in ours.items()), end="")
    floors = {pair: floor for pair, floor in FLOORS.items() if pair[1] in things}
    compare(request.node.callspec.id, things, len(plain) // BATCH * BATCH, floors)
    least = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print(f"  peak memory: {least[0] / 1024:,.0f} MiB of this process, {least[1] / 1024:,.0f} MiB of the largest worker")


def first(loader: Loader) -> float:
    """How long the first batch takes, with the start of the workers."""
    start = time.perf_counter()
    next(iter(loader))
    return time.perf_counter() - start
