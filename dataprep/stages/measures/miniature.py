"""The small picture that proves copies, where hashes only propose them."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import pyarrow as pa
from attrs import frozen

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
        import cv2

        colors = cv2.cvtColor(_squeeze(image, CELLS), cv2.COLOR_RGB2YCrCb)[..., [2, 1]]
        gray = _squeeze(luminance(image), SIDE)
        return {"miniature": gray.tobytes() + np.ascontiguousarray(colors.transpose(2, 0, 1)).tobytes()}


def _squeeze(image: Image, side: int) -> Image:
    """Returns an image as a square: averaged, or where it has fewer pixels, interpolated."""
    import cv2

    height, width = image.shape[:2]
    if height < side or width < side:
        image = np.asarray(cv2.resize(image, (max(width, side), max(height, side)), interpolation=cv2.INTER_LINEAR), np.uint8)
        height, width = image.shape[:2]
    return image if (height, width) == (side, side) else average(image, (side, side))
