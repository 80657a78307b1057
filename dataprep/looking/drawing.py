"""Targets drawn over the images of a batch: boxes, points, outlines and masks, each by the shape that a batch has it in.

A small image is magnified first, so that lines are thin beside its pixels. Objects of one class have one colour where the batch
knows classes, else each has its own.
"""

import colorsys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import PIL.Image
import PIL.ImageDraw
from numpy.typing import NDArray

from dataprep.looking.values import as_array
from dataprep.types import Image, Targets

NAMES: Final = 4
"""Names of objects, or numbers of a mask, that are told."""

GOLDEN: Final = 0.618
"""Turns between the hues of neighbouring numbers: any few of them are far apart."""


def marked(image: Image, targets: Targets, index: int, least: int) -> Image:
    """Returns an image with its targets drawn over it.

    Args:
        image: (H, W, 3) RGB, 0..255.
        targets: As a `TargetBatch` has them.
        index: Which image of the batch it is.
        least: Pixels that its longer side is magnified to, where it has less.
    """
    found = _of(targets, index)
    scale = max(1, -(-least // max(image.shape[:2])))
    for values in found.values():
        if values.ndim == 2 and values.shape == image.shape[:2]:
            image = _masked(image, values)
    paper = PIL.Image.fromarray(image.repeat(scale, 0).repeat(scale, 1))
    pen = PIL.ImageDraw.Draw(paper)
    for name, shapes in _shapes(targets, index):
        numbers = _numbers(found, len(shapes))
        for place, shape in enumerate(shapes):
            _draw(pen, shape * scale - 0.5, _color(place if numbers is None else int(numbers[place])), name)
    return np.asarray(paper)


def told_targets(targets: Targets, index: int, vocabularies: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Returns a line for each target of one image: how many places, the classes, a text or a number."""
    lines = ((name, _said(values, index, vocabularies.get(name))) for name, values in targets.items())
    return tuple(f"{name}: {said}" for name, said in lines if said is not None)


def _said(values: Any, index: int, words: Sequence[str] | None) -> str | None:
    """Returns what is told of one target of an image, None where numbers alone would tell nothing."""
    one = values[index]
    if isinstance(one, str):
        return one
    if words is not None:
        return _few([words[number] if number >= 0 else "none" for number in as_array(one).ravel().tolist()]) or "none"
    if isinstance(one, list) or (isinstance(values, list) and np.ndim(one) == 2):
        return str(len(one))
    if np.ndim(one) == 2:
        return _few([str(number) for number in np.unique(as_array(one))])
    return f"{float(one):.4g}" if np.ndim(one) == 0 else None


def _few(words: Sequence[str]) -> str:
    return ", ".join([*words[:NAMES], "…"] if len(words) > NAMES else words)


def _of(targets: Targets, index: int) -> dict[str, NDArray[Any]]:
    """Returns the arrays of one image, without what is text or a list of outlines."""
    found = {name: values[index] for name, values in targets.items()}
    return {name: as_array(one) for name, one in found.items() if not isinstance(one, str | list)}


def _shapes(targets: Targets, index: int) -> Iterator[tuple[str, list[NDArray[Any]]]]:
    """Yields the boxes, points and outlines of one image, as lists of (c, 2) places."""
    for values in targets.values():
        one = values[index]
        if not isinstance(values, list) or isinstance(one, str):
            continue
        if isinstance(one, list):
            yield "outline", [as_array(outline) for outline in one]
        elif np.ndim(one) == 2 and np.shape(one)[1] == 4:
            yield "box", [box.reshape(2, 2) for box in as_array(one)]
        elif np.ndim(one) == 2 and np.shape(one)[1] == 2:
            yield "point", [point.reshape(1, 2) for point in as_array(one)]


def _numbers(found: Mapping[str, NDArray[Any]], count: int) -> NDArray[Any] | None:
    """Returns class numbers, one for each of so many places, if there are some."""
    whole = (one for one in found.values() if one.shape == (count,) and np.issubdtype(one.dtype, np.integer))
    return next(whole, None)


def _draw(pen: PIL.ImageDraw.ImageDraw, places: NDArray[Any], color: tuple[int, int, int], kind: str) -> None:
    """Draws one box, point or outline; a point that is nowhere is left out."""
    if not np.isfinite(places).all():
        return
    corners = [tuple(place) for place in places.tolist()]
    if kind == "box":
        (left, top), (right, bottom) = corners
        pen.rectangle((left, top, max(right, left), max(bottom, top)), outline=color, width=2)
    elif kind == "outline":
        pen.line([*corners, corners[0]], color, 2, "curve")
    else:
        ((x, y),) = corners
        pen.ellipse((x - 3, y - 3, x + 3, y + 3), fill=color, outline=(255, 255, 255))


def _masked(image: Image, mask: NDArray[Any]) -> Image:
    """Returns an image with a colour laid over each number of a mask but 0."""
    numbers, places = np.unique(mask, return_inverse=True)
    colors = np.array([_color(int(number)) for number in numbers], np.float64)[places.reshape(mask.shape)]
    blended = np.where((mask != 0)[..., None], 0.5 * image + 0.5 * colors, image)
    return np.asarray(blended, np.uint8)


def _color(number: int) -> tuple[int, int, int]:
    """Returns a bright colour of its own for each small number, RGB 0..255."""
    red, green, blue = colorsys.hsv_to_rgb(number * GOLDEN % 1, 0.9, 1)
    return round(255 * red), round(255 * green), round(255 * blue)
