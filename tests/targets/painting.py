"""Painted images whose marks are known, and where a backend has put them: what the tests of targets look at."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dataprep.loading.loader import Loader
from dataprep.loading.sampler import Sampler
from dataprep.manifest import Manifest
from dataprep.pipeline import Pipeline
from dataprep.protocols import Backend
from dataprep.testing import FakeSource, encoded
from dataprep.types import Image

RADIUS = 7.0  # pixels of a painted disc


def disc(height: int, width: int, x: float, y: float, radius: float = RADIUS) -> Image:
    """Returns a black image with a white disc, its edge smooth."""
    down, right = np.mgrid[:height, :width] + 0.5
    inside = np.clip(radius + 0.5 - np.hypot(right - x, down - y), 0, 1)
    return np.repeat(np.rint(255 * inside).astype(np.uint8)[..., None], 3, axis=2)


def manifest_of(images: Sequence[Image], masks: Sequence[NDArray[Any]] = (), **columns: Any) -> Manifest:
    """Returns the manifest of images in memory, and of masks beside them, with further columns."""
    names = [f"{number:03d}.png" for number in range(len(images))]
    files = {name: encoded(image, "PNG") for name, image in zip(names, images, strict=True)}
    files |= {f"mask-{name}": encoded(mask, "PNG") for name, mask in zip(names, masks, strict=False)}
    table = {
        "id": pa.array(range(len(images)), pa.int64()),
        "uri": names,
        "label": ["shape"] * len(images),
        "digest": [f"{number:08x}" for number in range(len(images))],
        "height": pa.array([image.shape[0] for image in images], pa.int32()),
        "width": pa.array([image.shape[1] for image in images], pa.int32()),
        "keep": [True] * len(images),
    }
    if masks:
        table["mask"] = [f"mask-{name}" for name in names]
    return Manifest(pa.table(table | columns), Pipeline(), FakeSource(files), (), ("shape",))


def loader_of(manifest: Manifest, ops: Sequence[Any], targets: Any, backend: Backend, **more: Any) -> Loader:
    """Returns a loader of one batch of all images, in their order."""
    sampler = Sampler(seed=0, shuffle=False, remainder="exact")
    return Loader(manifest, Pipeline(*ops), batch_size=len(manifest), sampler=sampler, backend=backend, targets=targets, **more)


def loaded(manifest: Manifest, ops: Sequence[Any], targets: Any, backend: Backend, **more: Any) -> Any:
    """Returns the batch of `loader_of`, as NumPy arrays but for its targets."""
    batch = next(iter(loader_of(manifest, ops, targets, backend, **more)))
    return batch._replace(images=np.asarray(batch.images), labels=np.asarray(batch.labels), ids=np.asarray(batch.ids))


def middle(image: NDArray[Any]) -> tuple[float, float]:
    """Returns x and y of the middle of what is bright in (3, H, W)."""
    weights = image.astype(np.float64).sum(axis=0)
    down, right = np.mgrid[: weights.shape[0], : weights.shape[1]] + 0.5
    return float((weights * right).sum() / weights.sum()), float((weights * down).sum() / weights.sum())
