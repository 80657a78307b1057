"""Targets of an image that becomes smaller: places move with its pixels, and a mask is made as small by its nearest pixels."""

import io
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import PIL.Image

from dataprep.columns import names_of
from dataprep.errors import DecodeError
from dataprep.targets.masks import read_numbers

TARGETS: Final = names_of("targets")
WIDEST: Final = 65_535
PLACES: Final = ("boxes", "points", "polygons")
"""Columns of places in pixels."""


def scaled(row: Mapping[str, Any], old: tuple[int, int], new: tuple[int, int]) -> dict[str, Any]:
    """Returns the places of an image of one size, as those of the same image of another size.

    Args:
        row: What is known of the image.
        old: Height and width that its places are for.
        new: Height and width that they are to be for.
    """
    factors = (new[1] / old[1], new[0] / old[0])
    return {name: _scaled(row[name], factors) for name in PLACES if row.get(name) is not None}


def _scaled(places: Any, factors: tuple[float, float]) -> Any:
    """Returns lists of numbers, x and y taking turns, in which each is multiplied."""
    if places and isinstance(places[0], list):
        return [_scaled(place, factors) for place in places]
    return [None if value is None else value * factors[index % 2] for index, value in enumerate(places)]


def smaller_mask(mask: str | bytes, old: tuple[int, int], new: tuple[int, int]) -> bytes:
    """Returns the mask of an image as PNG, as small as the image becomes.

    Args:
        mask: The bytes of its file, or run lengths.
        old: Height and width of the image.
        new: Height and width that it gets.

    Raises:
        DecodeError: It cannot be read, or is not as large as the image.
    """
    numbers = read_numbers(mask, old[0] * old[1])
    if numbers.shape != old:
        raise DecodeError(f"is {numbers.shape[1]}×{numbers.shape[0]} and its image {old[1]}×{old[0]}")
    rows, columns = ((np.arange(after) + 0.5) * before // after for before, after in zip(old, new, strict=True))
    nearest = numbers[rows.astype(np.int64)[:, None], columns.astype(np.int64)]
    most = int(nearest.max(initial=0))
    if most > WIDEST:
        raise DecodeError(f"has the class number {most:,}, and a PNG holds up to {WIDEST:,}")
    kind = np.uint8 if most < 256 else np.uint16
    stored = io.BytesIO()
    PIL.Image.fromarray(nearest.astype(kind)).save(stored, "PNG")
    return stored.getvalue()
