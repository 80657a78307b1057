"""What measures see of a picture: reduced, in luminance, upright."""

import numpy as np

from dataprep.images.resize import average
from dataprep.types import Box, Image

TRANSPOSED = (5, 6, 7, 8)  # EXIF orientations that exchange height and width


def reduce(image: Image, side: int | None) -> Image:
    """Returns the image with its shorter side reduced to `side` pixels by averaging areas; smaller ones, or for None, whole."""
    height, width = image.shape[:2]
    if side is None or min(height, width) <= side:
        return image
    factor = min(height, width) / side
    target = (max(side, round(height / factor)), max(side, round(width / factor)))
    return average(image, target)


def luminance(image: Image) -> Image:
    """Returns (H, W) luminance, ITU-R 601, of an (H, W, 3) RGB image, or the image where it has one channel already."""
    if image.ndim == 2:
        return image
    red, green, blue = (image[..., channel].astype(np.int32) for channel in range(3))
    return np.asarray((red * 9798 + green * 19235 + blue * 3735 + (1 << 14)) >> 15, np.uint8)


def upright(image: Image, orientation: int) -> Image:
    """Returns the image turned and mirrored as its EXIF orientation (1 to 8) asks."""
    if orientation in TRANSPOSED:
        image = image.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        image = image[::-1]
    if orientation in (2, 3, 6, 7):
        image = image[:, ::-1]
    return np.ascontiguousarray(image)


def turned_back(box: Box, orientation: int, height: int, width: int) -> Box:
    """Returns where a box of an upright image is in its file, whose pixels, `height` × `width`, are to be turned as EXIF asks."""
    if orientation in TRANSPOSED:
        height, width = width, height
    top, left = box.top, box.left
    if orientation in (3, 4, 7, 8):
        top = height - top - box.height
    if orientation in (2, 3, 6, 7):
        left = width - left - box.width
    return Box(left, top, box.width, box.height) if orientation in TRANSPOSED else Box(top, left, box.height, box.width)


def scale(height: int, width: int, side: int | None) -> int:
    """Returns the largest of 1, 2, 4, 8 that leaves the shorter side at least `side` pixels."""
    if side is None:
        return 1
    return max(factor for factor in (1, 2, 4, 8) if factor == 1 or min(height, width) >= factor * side)
