"""Pillow's `resize`, of which only a part may be wanted; averages of areas; and the end of every pipeline, the values of a batch.

The pixels are Pillow's to the last bit, whichever way they come: compiled, in a quarter of the time, with no copy of the image
and only those that are asked for; or from Pillow itself where nothing was compiled, or Pillow's arithmetic is another.
"""

import math
from functools import cache, lru_cache
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from dataprep.images import native
from dataprep.images.scratch import scratch
from dataprep.types import Box, Image

Filter: TypeAlias = Literal["bilinear", "bicubic", "lanczos"]
Line: TypeAlias = NDArray[np.float64]
"""(3, 2) slope and start, by channel, of lines that 256 levels lie on: a level is slope × value + start, rounded."""

FILTERS: Final[dict[Filter, tuple[PIL.Image.Resampling, float]]] = {
    "bilinear": (PIL.Image.Resampling.BILINEAR, 1.0),
    "bicubic": (PIL.Image.Resampling.BICUBIC, 2.0),
    "lanczos": (PIL.Image.Resampling.LANCZOS, 3.0),
}
"""Pillow's filter and how many pixels it reaches to either side, in the order of the compiled ones."""

LEVELS: Final = np.tile(np.arange(256, dtype=np.uint8), (3, 1))
"""(3, 256) what each level of each channel becomes where nothing changes."""


AREA_BITS: Final = 12  # of the weight of a pixel in an average; two weights and a value make 32
ACROSS_FIRST, DOWN_FIRST, AREA = range(3)  # what the compiled code knows


class Window(NamedTuple):
    """Which pixels come out: a box of an image, resized, and of the result a part.

    Attributes:
        box: What is resized.
        target: Height and width, in pixels, that it is resized to.
        part: What is wanted of the target.
        filter: By which filter, antialiased where it reduces.
    """

    box: Box
    target: tuple[int, int]
    part: Box
    filter: Filter = "bilinear"

    @property
    def needed(self) -> Box:
        """What of the image has to be there: what is seen, or where Pillow resizes, the whole box."""
        return self.seen if is_compiled() else self.box

    @property
    def seen(self) -> Box:
        """What of the image has a part in what is wanted."""
        top, height = self._reach(self.box.height, self.target[0], self.part.top, self.part.height)
        left, width = self._reach(self.box.width, self.target[1], self.part.left, self.part.width)
        return Box(self.box.top + top, self.box.left + left, height, width)

    def _reach(self, source: int, target: int, start: int, length: int) -> tuple[int, int]:
        scale = source / target
        support = FILTERS[self.filter][1] * max(scale, 1.0)
        first = max(int((start + 0.5) * scale - support + 0.5), 0)
        return first, min(int((start + length - 0.5) * scale + support + 0.5), source) - first

    def moved(self, top: int, left: int) -> "Window":
        """Returns the same window of an image that begins at `top`, `left` of this one's."""
        return self._replace(box=self.box._replace(top=self.box.top - top, left=self.box.left - left))


def resize(image: Image, target: tuple[int, int], filter: Filter = "bilinear") -> Image:
    """Returns an (H, W, 3) or (H, W) image resized to `target` height and width."""
    whole = Window(Box(0, 0, *image.shape[:2]), target, Box(0, 0, *target), filter)
    return image if image.shape[:2] == target else resize_window(image, whole)


def resize_window(image: Image, window: Window, reuse: bool = False) -> Image:
    """Returns the pixels of a window.

    Args:
        image: (H, W, 3) or (H, W), or of it at least what the window needs.
        window: Which pixels come out.
        reuse: Whether they may lie in memory that this thread's next such call overwrites.
    """
    if is_compiled():
        return _resize_compiled(image, window, down_first(window), reuse)
    box, part = window.box, window.part
    pixels = np.ascontiguousarray(image[box.rows, box.columns])
    if pixels.shape[:2] != window.target:
        pixels = np.asarray(PIL.Image.fromarray(pixels).resize(window.target[::-1], FILTERS[window.filter][0]))
    return pixels[part.rows, part.columns]


def average(image: Image, target: tuple[int, int]) -> Image:
    """Returns an (H, W, 3) or (H, W) image reduced to a smaller height and width, each pixel the average of its area.

    Weights are whole numbers and sums exact, so that every machine finds the same values.
    """
    height, width = image.shape[:2]
    code: Any = native.module("resample")
    if code is None:
        sums = _area_sums(_area_sums(image.astype(np.uint32), target[0], 0), target[1], 1)
        return ((sums + np.uint32(1 << 2 * AREA_BITS - 1)) >> np.uint32(2 * AREA_BITS)).astype(np.uint8)
    out = np.empty((*target, *image.shape[2:]), np.uint8)
    memory = scratch("between the passes", 4 * image[0].size)
    code.resize(_side_by_side(image), out, 0, 0, _area_taps(height, target[0]), _area_taps(width, target[1]), AREA, memory)
    return out


def _area_weights(source: int, target: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Returns (target,) the first pixel and (target, K) the weights, which add up to 1 << 12, of each average of an axis."""
    # the axis is source × target long: each of the pixels takes `target` of it, and each of the averages `source`
    start = np.arange(target)[:, None] * source
    count = int((-(-(start + source) // target) - start // target).max())
    first = np.minimum(start // target, source - count)
    edges = (first + np.arange(count + 1)) * target
    below = ((edges - start).clip(0, source) * (2 << AREA_BITS) + source) // (2 * source)
    return first[:, 0].astype(np.int32), np.diff(below).astype(np.int32)


@lru_cache(maxsize=256)
def _area_taps(source: int, target: int) -> bytes:
    """Returns the weights of averages as the compiled code takes them."""
    first, weights = _area_weights(source, target)
    return np.concatenate([np.array([*weights.shape, 0, source], np.int32), first, weights.ravel()]).astype(np.int32).tobytes()


def _area_sums(values: NDArray[np.uint32], target: int, axis: int) -> NDArray[np.uint32]:
    """Returns the weighted sums along an axis: whole numbers below 2^32 after both, one pixel of each average after the other."""
    first, weights = _area_weights(values.shape[axis], target)
    shape = [-1 if place == axis else 1 for place in range(values.ndim)]
    sums = np.zeros([target if place == axis else length for place, length in enumerate(values.shape)], np.uint32)
    for tap in range(weights.shape[1]):
        sums += np.take(values, first + tap, axis) * weights[:, tap].astype(np.uint32).reshape(shape)
    return sums


def place(image: Image, mirror: bool, out: NDArray[Any], levels: NDArray[Any] = LEVELS, line: Line | None = None) -> None:
    """Fills (3, H, W) with what `levels` make of an (H, W, 3) image.

    Args:
        image: The image.
        mirror: Whether left becomes right.
        out: What is filled.
        levels: (3, 256) of its type, what each level of each channel becomes.
        line: Through the levels, if they are float32 and that is known; it saves looking up where it goes through all to the bit.
    """
    compiled = native.module("resample")
    if compiled is not None:
        compiled.place(_side_by_side(image), mirror, levels, out, line)
        return
    for channel, table in enumerate(levels):
        np.take(table, image[:, ::-1, channel] if mirror else image[..., channel], out=out[channel], mode="clip")


def is_compiled() -> bool:
    """Whether resizing is compiled, and does what the Pillow that is installed does."""
    return order_of_passes() is not None


def _resize_compiled(image: Image, window: Window, columns_first: bool, reuse: bool = False) -> Image:
    code: Any = native.module("resample")
    (top, left, *box), target, (row, column, height, width), _ = window
    shape = (height, width, *image.shape[2:])
    out = scratch("resized", math.prod(shape)).reshape(shape) if reuse else np.empty(shape, np.uint8)
    channels, (rows, columns) = math.prod(image.shape[2:]), window.seen[2:]
    memory = scratch("between the passes", max(rows * width, height * columns) * channels)
    down = _taps(box[0], target[0], row, height, window.filter)
    across = _taps(box[1], target[1], column, width, window.filter)
    code.resize(_side_by_side(image), out, top, left, down, across, DOWN_FIRST if columns_first else ACROSS_FIRST, memory)
    return out


@lru_cache(maxsize=256)
def _taps(source: int, target: int, start: int, length: int, filter: Filter) -> bytes:
    """Returns which pixels of an axis, and how much of each, make those of a part of it resized; for Lanczos it takes time."""
    code: Any = native.module("resample")
    taps: bytes = code.taps(source, target, start, length, list(FILTERS).index(filter))
    return taps


def _side_by_side(image: Image) -> Image:
    """Returns the image, copied if the pixels of a row do not follow each other."""
    follow = (3, 1) if image.ndim == 3 else (1,)
    return image if image.strides[1:] == follow else np.ascontiguousarray(image)


def down_first(window: Window) -> bool:
    """Whether this Pillow begins with the columns: if it ever does, where the height loses far more than the width."""
    height, width = window.box.height, window.box.width
    return (
        order_of_passes() == "cheaper"
        and height > window.target[0]
        and height - window.target[0] > 2 * (width - window.target[1])
    )


@cache
def order_of_passes() -> Literal["rows", "cheaper"] | None:
    """Returns which pass comes first in this Pillow: along rows always (12 and before) or the cheaper; None if neither."""
    if native.module("resample") is None:
        return None
    image = (np.arange(31 * 23 * 3) * 2654435761 >> 7).astype(np.uint8).reshape(31, 23, 3)
    found: Literal["rows", "cheaper"] | None = None
    for target, differs in (((7, 40), True), ((40, 7), False), ((29, 9), False)):
        for filter, (theirs, _) in FILTERS.items():
            window = Window(Box(0, 0, 31, 23), target, Box(0, 0, *target), filter)
            pixels = np.asarray(PIL.Image.fromarray(image).resize(target[::-1], theirs))
            same = [order for order in (False, True) if np.array_equal(_resize_compiled(image, window, order), pixels)]
            if differs and len(same) == 1:
                found = "cheaper" if same[0] else "rows"
            elif False not in same:
                return None
    return found
