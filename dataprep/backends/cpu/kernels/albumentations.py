"""The kernel that runs a transform of albumentations, which is imported when the first one is run."""

import json
import threading
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np

from dataprep.backends.cpu.kernels.dispatch import kernel
from dataprep.errors import LoaderError, PipelineError
from dataprep.opencv import opencv
from dataprep.stages import Albumentations
from dataprep.targets.geometry import geometry
from dataprep.types import Image, Params, Sizes


@kernel.register
def _(op: Albumentations, image: Image, params: Params) -> Image:
    seed, height, width = params.astype(int).tolist()
    transform = _transform(op.transform, threading.get_ident())
    transform.set_random_seed(seed)
    result = np.asarray(transform(image=np.ascontiguousarray(image))["image"])
    if result.shape != (height, width, 3) or result.dtype != np.uint8:
        raise PipelineError(
            f"the transform of `Albumentations` made {result.dtype} {result.shape} where uint8 {(height, width, 3)} is wanted; "
            "give it `size=(height, width)` if it changes the size, and leave normalising to `Normalize`"
        )
    return result


@geometry.register
def _(op: Albumentations, params: Params, sizes: Sizes) -> None:
    moving = sorted(
        {type(one).__name__ for one in _single(_transform(op.transform, threading.get_ident())) if not _is_of_values(one)}
    )
    if moving:
        raise LoaderError(
            f"`Albumentations` runs {', '.join(moving)}, and only albumentations knows where that moves pixels, so no targets "
            "can follow it; use the ops of dataprep for what moves, and transforms of values alone, such as GaussNoise, by it"
        )


def _single(transform: Any) -> Iterator[Any]:
    """Yields the single transforms of a `Compose`, at any depth."""
    for one in getattr(transform, "transforms", ()):
        yield from _single(one) if hasattr(one, "transforms") else (one,)


def _is_of_values(transform: Any) -> bool:
    """Returns whether a transform leaves pixels where they are."""
    from albumentations.core.transforms_interface import ImageOnlyTransform

    return isinstance(transform, ImageOnlyTransform)


@lru_cache(maxsize=1024)
def _transform(description: str, thread: int) -> Any:
    """Returns the transform, in a `Compose` so that all of it is seeded; a thread has its own, since it holds its generators."""
    try:
        opencv()  # before albumentations loads it, so that it computes in as many threads as it is to
        import albumentations
    except (ModuleNotFoundError, PipelineError) as error:
        raise PipelineError("`Albumentations` needs albumentations: pip install 'dataprep-images[albumentations]'") from error
    transform = albumentations.from_dict(json.loads(description))
    return transform if isinstance(transform, albumentations.Compose) else albumentations.Compose([transform])
