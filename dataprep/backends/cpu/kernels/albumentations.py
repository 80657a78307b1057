"""The kernel that runs a transform of albumentations, which is imported when the first one is run."""

import json
import threading
from functools import lru_cache
from typing import Any

import numpy as np

from dataprep.backends.cpu.kernels.dispatch import kernel
from dataprep.errors import PipelineError
from dataprep.stages import Albumentations
from dataprep.types import Image, Params


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


@lru_cache(maxsize=1024)
def _transform(description: str, thread: int) -> Any:
    """Returns the transform, in a `Compose` so that all of it is seeded; a thread has its own, since it holds its generators."""
    try:
        import albumentations
    except ModuleNotFoundError as error:
        raise PipelineError("`Albumentations` needs albumentations: pip install 'dataprep-images[albumentations]'") from error
    transform = albumentations.from_dict(json.loads(description))
    return transform if isinstance(transform, albumentations.Compose) else albumentations.Compose([transform])
