"""Kernels that change colours: one matrix or one table for each image."""

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from dataprep.backends.kernels.dispatch import kernel
from dataprep.errors import PipelineError
from dataprep.stages import Brightness, ColorJitter, Contrast, Grayscale, Hue, Normalize, Saturation
from dataprep.types import Image, Op, Params


@kernel.register(ColorJitter)
@kernel.register(Contrast)
@kernel.register(Grayscale)
@kernel.register(Hue)
@kernel.register(Saturation)
def _(op: Op, image: Image, params: Params) -> Image:
    return transformed(image, params)


def transformed(image: Image, matrix: Params) -> Image:
    """Returns the image with its colours mapped by a (12,) matrix of (3, 4), row by row."""
    return cv2.transform(np.ascontiguousarray(image), matrix.reshape(3, 4)).astype(np.uint8, copy=False)


def looked_up(image: Image, table: NDArray[np.uint8]) -> Image:
    """Returns the image with each value replaced by that of a (256,) table."""
    return cv2.LUT(np.ascontiguousarray(image), table).astype(np.uint8, copy=False)


@kernel.register
def _(op: Brightness, image: Image, params: Params) -> Image:
    table = np.floor(np.arange(256) * params[0] + 0.5).clip(0, 255).astype(np.uint8)
    return looked_up(image, table)


@kernel.register
def _(op: Normalize, image: Image, params: Params) -> NDArray[np.float32]:
    result = np.empty((3, *image.shape[:2]), np.float32)
    for channel, table in enumerate(_normalized_levels(op)):
        # every value is looked up, so it is the correctly rounded one on any processor
        np.take(table, image[..., channel], out=result[channel], mode="clip")
    return result


@cache
def _normalized_levels(op: Normalize) -> NDArray[np.float32]:
    """Returns (3, 256): what each level of each channel becomes."""
    if op.mean is None or op.std is None:
        raise PipelineError("`Normalize()` has no numbers yet; `pipeline.fill(manifest.statistics)` takes them from a manifest")
    levels = np.arange(256) / 255
    mean, std = np.array(op.mean)[:, None], np.array(op.std)[:, None]
    table: NDArray[np.float32] = ((levels - mean) / std).astype(np.float32)
    return table
