"""The small picture that proves copies, where hashes only propose them."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import pyarrow as pa
from attrs import frozen
from numpy.typing import NDArray

from dataprep.columns import fields_of
from dataprep.describe import register
from dataprep.images.resize import average
from dataprep.images.views import luminance
from dataprep.search.likeness import CELLS, SIDE
from dataprep.types import Image


@register
@frozen
class Miniature:
    """The column `miniature`, 1,056 bytes: the image at 32 × 32 pixels of luminance, and 4 × 4 cells of colour.

    By it `Deduplicate` decides whether two images are copies. The image is squeezed to a square; each pixel is the average of its
    area, row by row, then Cb and Cr of the cells, 128 for gray (ITU-R 601).

    Example:
        >>> gray = np.full((96, 128, 3), 128, np.uint8)
        >>> miniature = dp.Miniature().measure(gray)["miniature"]
        >>> len(miniature), set(miniature)
        (1056, {128})
    """

    side: ClassVar[int] = SIDE
    channels: ClassVar[int] = 3
    version: ClassVar[int] = 1
    fields: ClassVar[tuple[pa.Field, ...]] = fields_of("Miniature")

    def measure(self, image: Image) -> Mapping[str, object]:
        """Returns the small picture of (H, W, 3) RGB."""
        gray, colors = _squeeze(luminance(image), SIDE), _colors(_squeeze(image, CELLS))
        return {"miniature": gray.tobytes() + colors.tobytes()}


def _colors(image: Image) -> Image:
    """Returns (2, H, W) Cb and Cr of (H, W, 3) RGB, in weights of 14 bits as OpenCV has them."""
    red, green, blue = np.moveaxis(image.astype(np.int32), 2, 0)
    gray = (red * 4899 + green * 9617 + blue * 1868 + (1 << 13)) >> 14
    chroma = np.stack([(blue - gray) * 9241, (red - gray) * 11682])
    return ((chroma + (128 << 14) + (1 << 13)) >> 14).clip(0, 255).astype(np.uint8)


def _squeeze(image: Image, side: int) -> Image:
    """Returns an image as a square: averaged, or where it has fewer pixels, interpolated."""
    height, width = image.shape[:2]
    if height < side or width < side:
        image = _enlarge(image, max(height, side), max(width, side))
        height, width = image.shape[:2]
    return image if (height, width) == (side, side) else average(image, (side, side))


def _enlarge(image: Image, height: int, width: int) -> Image:
    """Returns an image interpolated bilinearly, in weights of 11 bits and rounded as OpenCV does."""
    left, right, more = _taps(image.shape[1], width)
    values = np.moveaxis(image.astype(np.int64), 1, -1)
    rows = np.moveaxis(values[..., left] * (2048 - more) + values[..., right] * more, -1, 1) >> 4
    top, bottom, more = _taps(image.shape[0], height)
    more = more.reshape(-1, *[1] * (image.ndim - 1))
    return ((((2048 - more) * rows[top] >> 16) + (more * rows[bottom] >> 16) + 2) >> 2).astype(np.uint8)


def _taps(source: int, target: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Returns (target,) two neighbours on an axis, and how much of 2048 the second counts for."""
    place = ((np.arange(target) + 0.5) * (source / target) - 0.5).astype(np.float32)
    first = np.floor(place).astype(np.int64)
    more = np.rint((place - first.astype(np.float32)) * np.float32(2048)).astype(np.int64)
    return first.clip(0, source - 1), (first + 1).clip(0, source - 1), more
