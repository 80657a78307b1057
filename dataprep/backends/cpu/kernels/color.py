"""Kernels that change colours: one matrix or one table for each image."""

import numpy as np
from numpy.typing import NDArray

from dataprep.backends.cpu.kernels.dispatch import kernel
from dataprep.opencv import opencv
from dataprep.protocols import Op
from dataprep.stages import Brightness, ColorJitter, Contrast, Grayscale, Hue, Saturation
from dataprep.types import Image, Params


@kernel.register(ColorJitter)
@kernel.register(Contrast)
@kernel.register(Grayscale)
@kernel.register(Hue)
@kernel.register(Saturation)
def _(op: Op, image: Image, params: Params) -> Image:
    return map_colors(image, params)


def map_colors(image: Image, matrix: Params) -> Image:
    """Returns the image with its colours mapped by a (12,) matrix of (3, 4), row by row."""
    return np.asarray(opencv().transform(np.ascontiguousarray(image), matrix.reshape(3, 4)))


def look_up(image: Image, table: NDArray[np.uint8]) -> Image:
    """Returns the image with each value replaced by that of a (256,) table."""
    values = bytearray(image.tobytes()).translate(table.tobytes())  # in the time of OpenCV, a fifth of NumPy's
    return np.frombuffer(values, np.uint8).reshape(image.shape)


@kernel.register
def _(op: Brightness, image: Image, params: Params) -> Image:
    table = np.floor(np.arange(256) * params[0] + 0.5).clip(0, 255).astype(np.uint8)
    return look_up(image, table)
