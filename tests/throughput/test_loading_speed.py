"""How fast batches come, against Pillow in a torch DataLoader and DALI on the CPU that do the same jobs with as many workers.

The least ratios are well below those measured on two idle cores, so that a busy machine does not fail them.
"""

import resource
import time
from collections.abc import Callable, Iterable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

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
    ("training", "normalised", "pillow", "dali"),
    [(True, True, 1.3, 0.8), (True, False, 1.3, 0.8), (False, True, 1.3, 0.8)],
    ids=["training, float32", "training, uint8", "evaluation, float32"],
)
def test_loading_is_fast(
    manifest: Manifest,
    thousand_photos: Path,
    compare: Callable[..., dict[str, float]],
    request: pytest.FixtureRequest,
    training: bool,
    normalised: bool,
    pillow: float,
    dali: float,
) -> None:
    """Batches of a job come from threads and processes no slower than these shares of Pillow in a DataLoader and of DALI."""
    ops = (TRAINING if training else EVALUATION) + ((Normalize.imagenet(),) if normalised else ())
    ours = {
        f"Threads({WORKERS})": Loader(manifest, Pipeline(*ops), batch_size=BATCH, backend=Threads(WORKERS)),
        f"Torch({WORKERS})": Loader(manifest, Pipeline(*ops), batch_size=BATCH, backend=Torch(WORKERS)),
    }
    plain = PlainPhotos(sorted(thousand_photos.rglob("*.jpg")), training=training, normalised=normalised)
    peer = DataLoader(plain, BATCH, shuffle=training, num_workers=WORKERS, drop_last=True)
    things: dict[str, Any] = {name: partial(epoch, batches) for name, batches in ours.items()}
    things[f"Pillow, DataLoader({WORKERS})"] = partial(epoch, peer)
    if find_spec("nvidia") and find_spec("nvidia.dali"):
        things[f"DALI, CPU, {WORKERS} threads"] = DaliPhotos(
            thousand_photos, training=training, normalised=normalised, batch=BATCH, threads=WORKERS
        )
    print(*(f"\n  first batch, {name}: {first(batches):.2f} s" for name, batches in ours.items()), end="")
    of_torch, *of_peers = compare(request.node.callspec.id, things, len(plain) // BATCH * BATCH).values()
    least = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print(f"  peak memory: {least[0] / 1024:,.0f} MiB of this process, {least[1] / 1024:,.0f} MiB of the largest worker")
    for ratio, wanted in zip(of_peers, (pillow, dali), strict=False):
        assert ratio >= wanted
        assert ratio / of_torch >= 0.7 * wanted


def first(loader: Loader) -> float:
    """How long the first batch takes, with the start of the workers."""
    start = time.perf_counter()
    next(iter(loader))
    return time.perf_counter() - start
