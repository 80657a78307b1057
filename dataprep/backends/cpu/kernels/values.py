"""Kernels at the end: what values become."""

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataprep.backends.cpu.kernels.dispatch import kernel
from dataprep.errors import PipelineError
from dataprep.stages import Normalize, Output
from dataprep.types import Image, Params


@kernel.register
def _(op: Normalize, image: Image, params: Params) -> NDArray[np.float32]:
    result = np.empty((3, *image.shape[:2]), np.float32)
    for channel, table in enumerate(_normalize_levels(op)):
        # every value is looked up, so it is the correctly rounded one on any processor
        np.take(table, image[..., channel], out=result[channel], mode="clip")
    return result


@cache
def _normalize_levels(op: Normalize) -> NDArray[np.float32]:
    """Returns (3, 256): what each level of each channel becomes."""
    if op.mean is None or op.std is None:
        raise PipelineError("`Normalize()` has no numbers yet; `pipeline.fill(manifest.statistics)` takes them from a manifest")
    levels = np.arange(256) / 255
    mean, std = np.array(op.mean)[:, None], np.array(op.std)[:, None]
    table: NDArray[np.float32] = ((levels - mean) / std).astype(np.float32)
    return table


def line_of(op: Normalize) -> NDArray[np.float64]:
    """Returns (3, 2), slope and start of each channel's line: what becomes of a value is slope × value + start."""
    mean, std = np.array(op.mean), np.array(op.std)
    return np.stack([1 / (255 * std), -mean / std], axis=1)


@kernel.register
def _(op: Output, image: Image, params: Params) -> NDArray[Any]:
    if op.dtype is None or op.dtype == image.dtype:
        return image
    return bfloat16(image) if op.dtype == "bfloat16" else image.astype(op.dtype)


def bfloat16(values: NDArray[Any]) -> NDArray[np.uint16]:
    """Returns the bits of the nearest bfloat16, which are the upper half of a float32's; of two as near, the even one."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16)
