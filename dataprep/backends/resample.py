"""Crop, antialiased bilinear resize, mirror and normalise in one compiled pass, where numba is installed.

The arithmetic is that of Pillow's `resize`: coefficients in fixed point of 22 bits, one pass along rows and one along columns,
each rounded to 8 bits. So the pixels are Pillow's to the last bit, which is the oracle of the tests and what runs without numba;
this takes a quarter of the time, needs no copy of the image, and works only at those pixels that a later crop leaves.
"""

import threading
from functools import cache, lru_cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from dataprep.decode import Scratch
from dataprep.types import Image

BITS: Final = 22  # of the fraction: 32, less 8 of a value and 2 to overshoot, as in Pillow's Resample.c

Taps: TypeAlias = tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]
"""(N,) first input pixel, (N,) how many, (N, K) their weights in fixed point, for each of N output pixels."""

IDENTITY: Final = np.tile(np.arange(256, dtype=np.uint8), (3, 1))

_SCRATCH = threading.local()


class Window(NamedTuple):
    """Which pixels come out: a box of the image, resized, and of the result a part; all in pixels.

    Attributes:
        box: top, left, height, width of what is resized.
        target: height, width that it is resized to.
        part: top, left, height, width of what is wanted of the target.
    """

    box: tuple[int, int, int, int]
    target: tuple[int, int]
    part: tuple[int, int, int, int]


@lru_cache(maxsize=4096)
def taps(source: int, target: int) -> Taps:
    """Returns the bilinear filter that resizes `source` pixels to `target`, widened where it reduces."""
    scale = source / target
    support = max(scale, 1.0)
    centre = (np.arange(target) + 0.5) * scale
    first = np.maximum((centre - support + 0.5).astype(np.int64), 0)
    count = np.minimum((centre + support + 0.5).astype(np.int64), source) - first
    steps = np.arange(count.max())
    distance = np.abs((steps + first[:, None] - centre[:, None] + 0.5) * (1.0 / support))
    weights = np.where((distance < 1) & (steps < count[:, None]), 1.0 - distance, 0.0)
    total = np.zeros(target)
    for step in steps:  # one by one, since another order of the sum would round otherwise
        total += weights[:, step]
    fixed = (0.5 + weights / total[:, None] * (1 << BITS)).astype(np.int32)
    return first.astype(np.int32), count.astype(np.int32), fixed


def resample(image: Image, window: Window, mirror: bool, out: NDArray[Any], levels: NDArray[Any] = IDENTITY) -> None:
    """Fills one image of a batch.

    Args:
        image: (H, W, 3) RGB.
        window: What comes out.
        mirror: Whether left and right are exchanged.
        out: (3, h, w) to fill, of the type of the levels.
        levels: (3, 256) what each level of each channel becomes.
    """
    place(resized(image, window), mirror, out, levels)


def place(image: Image, mirror: bool, out: NDArray[Any], levels: NDArray[Any]) -> None:
    """Fills (3, H, W) with what `levels`, (3, 256), make of an (H, W, 3) image, mirrored if asked."""
    _passes().place(image, mirror, out, levels)


def resized(image: Image, window: Window, columns_first: bool | None = None) -> Image:
    """Returns the (h, w, 3) pixels of a window, in memory that this thread's next call overwrites.

    Which pass comes first is decided as in Pillow, unless it is given.
    """
    passes = _passes()
    image = np.ascontiguousarray(image)
    top, left, height, width = window.box
    row, column, rows, columns = window.part
    down = tuple(part[row : row + rows] for part in taps(height, window.target[0]))
    across = tuple(part[column : column + columns] for part in taps(width, window.target[1]))
    if columns_first is None:
        columns_first = _order() == "cheaper" and height > window.target[0] and _falls_more(window)
    # of the box, the rows and columns that some output needs
    start, stop = int(down[0][0]), int(down[0][-1] + down[1][-1])
    near, far = int(across[0][0]), int(across[0][-1] + across[1][-1])
    done = _memory("done", rows, columns)
    if columns_first:
        half = _memory("half", rows, far - near)
        passes.down(image, left + near, top, *down, half)
        passes.across(half, 0, -near, *across, done)
    else:
        half = _memory("half", stop - start, columns)
        passes.across(image, top + start, left, *across, half)
        passes.down(half, 0, -start, *down, done)
    return done


def _memory(name: str, height: int, width: int) -> Image:
    """Returns (height, width, 3) that this thread overwrites when it asks for the same name again."""
    scratch: Scratch = _SCRATCH.__dict__.setdefault(name, Scratch())
    return scratch.bytes(height * width * 3).reshape(height, width, 3)


def _falls_more(window: Window) -> bool:
    """Whether the height loses more than twice as many pixels as the width."""
    _, _, height, width = window.box
    return height - window.target[0] > 2 * (width - window.target[1])


@cache
def available() -> bool:
    """Whether numba is installed and what it compiles is what the Pillow that is installed does."""
    return find_spec("numba") is not None and _order() is not None


@cache
def _order() -> Literal["rows", "cheaper"] | None:
    """Returns which pass comes first in this Pillow: along rows always (12 and before) or the cheaper; None if neither."""
    image = (np.arange(31 * 23 * 3) * 2654435761 >> 7).astype(np.uint8).reshape(31, 23, 3)
    found: Literal["rows", "cheaper"] | None = None
    for target, differs in (((7, 40), True), ((40, 7), False), ((29, 9), False)):
        theirs = np.asarray(PIL.Image.fromarray(image).resize(target[::-1], PIL.Image.Resampling.BILINEAR))
        window = Window((0, 0, 31, 23), target, (0, 0, *target))
        if differs:
            same = [order for order in (False, True) if np.array_equal(resized(image, window, order), theirs)]
            if len(same) != 1:
                return None
            found = "cheaper" if same[0] else "rows"
        elif not np.array_equal(resized(image, window, False), theirs):
            return None
    return found


@cache
def _passes() -> Any:
    """Returns the module of the compiled passes; numba's import takes half a second."""
    return import_module("dataprep.backends.passes")
