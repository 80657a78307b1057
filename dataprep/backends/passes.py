"""The passes of `resample`, compiled by numba on their first use and kept on disk; the plain version is Pillow.

Images are contiguous, and indices unsigned, so that LLVM need not care for strides and for indices from the end.
"""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dataprep.search.kernels import compiled
from dataprep.types import Image

HALF = np.int32(1 << 21)  # of a fraction of 22 bits
SHIFT = np.int32(22)

Whole: TypeAlias = NDArray[np.int32]


@compiled
def across(image: Image, top: int, left: int, first: Whole, count: Whole, weights: Whole, result: Image) -> None:
    """Fills (R, N, 3) with R rows of an (H, W, 3) image from `top` on, filtered to N pixels from `left` on."""
    flat, columns, stride = image.reshape(-1), len(first), image.shape[1] * 3
    for y in range(len(result)):
        base = (top + y) * stride + left * 3
        row = result[y].reshape(-1)
        for x in range(columns):
            red, green, blue = HALF, HALF, HALF
            at = np.uintp(base + first[x] * 3)
            for tap in range(count[x]):
                weight = weights[x, tap]
                red = np.int32(red + np.int32(flat[at]) * weight)
                green = np.int32(green + np.int32(flat[at + np.uintp(1)]) * weight)
                blue = np.int32(blue + np.int32(flat[at + np.uintp(2)]) * weight)
                at += np.uintp(3)
            row[3 * x] = red >> SHIFT
            row[3 * x + 1] = green >> SHIFT
            row[3 * x + 2] = blue >> SHIFT


@compiled
def down(image: Image, left: int, top: int, first: Whole, count: Whole, weights: Whole, result: Image) -> None:
    """Fills (N, C, 3) with C columns of an (H, W, 3) image from `left` on, filtered to N pixels from `top` on."""
    size = result.shape[1] * 3
    sums = np.empty(size, np.int32)
    for y in range(len(first)):
        sums[:] = HALF
        for tap in range(count[y]):
            weight = weights[y, tap]
            line = image[top + first[y] + tap].reshape(-1)[3 * left : 3 * left + size]
            for x in range(size):
                sums[x] += np.int32(np.int32(line[x]) * weight)
        row = result[y].reshape(-1)
        for x in range(size):
            row[x] = sums[x] >> SHIFT


@compiled
def place(image: Image, mirror: bool, out: NDArray[Any], levels: NDArray[Any]) -> None:
    """Fills (3, H, W) with what `levels`, (3, 256), make of an (H, W, 3) image, mirrored if asked."""
    height, width, _ = image.shape
    for y in range(height):
        row = image[y].reshape(-1)
        for channel in range(3):
            for x in range(width):
                out[channel, y, width - 1 - x if mirror else x] = levels[channel, row[3 * x + channel]]
