"""Local features: what a part of a picture is found again by, wherever it lies in a crop, between bars or above a caption.

They take a hundred times the bytes of a hash, so nothing measures them unless it is asked to.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar, Final, NamedTuple

import numpy as np
import pyarrow as pa
from attrs import field, frozen
from numpy.typing import NDArray

from dataprep.arguments import whole
from dataprep.columns import fields_of
from dataprep.describe import register
from dataprep.images.resize import resize
from dataprep.opencv import opencv
from dataprep.stages.arguments import SIDE
from dataprep.types import Image

SMALL: Final = 48  # pixels a side of the small picture
CELLS: Final = 8  # cells a side, from which corners are taken in turn, so that a caption does not get them all
FOUND: Final = 2000  # corners to choose from
EDGE: Final = 12  # pixels at the border without a corner; what describes one reaches as far
LEAST: Final = 40  # pixels a side; smaller pictures have no corners to speak of
CORNER: Final = np.dtype([("code", np.uint8, 32), ("place", "<u2", 2)])


class Corners(NamedTuple):
    """The corners of one picture.

    Attributes:
        codes: (C, 32) descriptors.
        places: (C, 2) x and y as shares of width and height, 0 to 1.
    """

    codes: NDArray[np.uint8]
    places: NDArray[np.float64]


@register
@frozen
class LocalFeatures:
    """The columns `local_features` and `small_picture`: corners and what surrounds them, and the picture at 48 × 48 pixels.

    The corners are those of ORB, upright and spread over the picture. A descriptor says of 256 pairs of points around the corner
    which one is brighter; in a negative it has the opposite bits. 80 corners take 2.9 KB, the small picture 2.3 KB.
    Source: Rublee et al., "ORB: an efficient alternative to SIFT or SURF", 2011.

    Example:
        >>> found = dp.LocalFeatures().measure(dp.decode(manifest.paths()[0].read_bytes(), channels=1).image)
        >>> len(found["local_features"]) // 36, len(found["small_picture"])
        (80, 2304)

    Attributes:
        count: The largest number of corners; pictures with few details have fewer, those below 40 pixels none.
        side: The shorter side, in pixels, at which corners are sought.
    """

    count: int = field(default=80, validator=whole(8, 1000, "give the largest number of corners, such as 80"))
    side: int = field(default=192, validator=SIDE)
    channels: ClassVar[int] = 1
    version: ClassVar[int] = 1
    extra: ClassVar[str] = "opencv"
    fields: ClassVar[tuple[pa.Field, ...]] = fields_of("LocalFeatures")

    def measure(self, image: Image) -> Mapping[str, object]:
        """Returns the corners and the small picture of (H, W) luminance."""
        return {"local_features": _corners(image, self.count), "small_picture": resize(image, (SMALL, SMALL)).tobytes()}


def corners_of(stored: bytes) -> Corners:
    """Returns the corners that a column holds."""
    corners = np.frombuffer(stored, CORNER)
    return Corners(np.ascontiguousarray(corners["code"]), (corners["place"] + 0.5) / 65536)


def _corners(image: Image, count: int) -> bytes:
    """Returns the corners of (H, W) luminance as a column holds them."""
    finder = _finder()
    found = finder.detect(image, None) if min(image.shape) >= LEAST else ()
    chosen = [found[index] for index in _spread(found, image.shape, count)]
    for corner in chosen:
        corner.angle = 0.0  # upright: a crop is not turned, and what is not the same way up is no match
    described, codes = finder.compute(image, chosen) if chosen else ((), None)
    corners = np.zeros(len(described), CORNER)
    if codes is not None:
        sides = np.array(image.shape[::-1])
        corners["code"] = codes
        corners["place"] = ((_places(described) + 0.5) / sides * 65536).clip(0, 65535).astype(np.uint16)
    return corners.tobytes()


def _spread(found: Any, shape: tuple[int, ...], count: int) -> NDArray[np.int64]:
    """Returns which corners to take: the strongest of each cell, then the second of each, until there are enough."""
    if not found:
        return np.empty(0, np.int64)
    strength = np.array([corner.response for corner in found])
    cell = (_places(found) / np.array(shape[::-1]) * CELLS).astype(np.int64) @ np.array([1, CELLS])
    order = np.lexsort((-strength, cell))
    first = np.searchsorted(cell[order], cell[order])  # the place of the cell's strongest corner
    rank = np.arange(len(order)) - first
    return order[np.lexsort((-strength[order], rank))[:count]]


def _places(found: Any) -> NDArray[np.float64]:
    """Returns (C, 2) x and y of OpenCV's corners, in pixels."""
    return np.array([corner.pt for corner in found], np.float64).reshape(-1, 2)


@cache
def _finder() -> Any:
    """Returns what finds and describes corners, at eight scales from 1 down to 1/3.6."""
    return opencv().ORB.create(nfeatures=FOUND, edgeThreshold=EDGE, fastThreshold=7)
