"""Masks as run lengths, in the two forms that COCO writes them in.

Our own, since pycocotools takes counts that end too early for whatever lies in memory; the tests compare with it.
"""

import json
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dataprep.errors import DecodeError

FORM: Final = 'run lengths are JSON such as {"size": [height, width], "counts": ...}, or a list of these with a "value" each'


def decode_runs(text: str, pixels: int) -> NDArray[np.int64]:
    """Returns (H, W) class numbers of JSON, 0 where there is none.

    Args:
        text: An object of "size" and "counts", and a "value" that is 1 where it is left out, or a list of such, of which a later
            one covers an earlier one.
        pixels: How many pixels the image has, so that no other size takes memory.

    Raises:
        DecodeError: It is no such thing, or its runs do not fill the size.
    """
    try:
        given = json.loads(text)
        parts = given if isinstance(given, list) else [given]
        sizes = {tuple(map(int, part["size"])) for part in parts}
        ((height, width),) = sizes
        if height < 1 or width < 1 or height * width != pixels:
            raise DecodeError(f"are of {width}×{height} pixels, and its image has {pixels:,}")
        mask = np.zeros(pixels, np.int64)
        for part in parts:
            mask[_inside(part["counts"], pixels)] = int(part.get("value", 1))
    except DecodeError:
        raise
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
        raise DecodeError(f"cannot be read ({type(error).__name__}: {error}); {FORM}") from error
    return mask.reshape(width, height).T  # column by column


def _inside(counts: Any, pixels: int) -> NDArray[np.bool_]:
    """Returns (pixels,) whether each is in a run of the second, fourth, … kind."""
    runs = counts if isinstance(counts, list) else _unpacked(counts.encode("ascii"))
    if min(runs, default=0) < 0 or sum(runs) != pixels:
        raise DecodeError(f"cover {sum(runs):,} pixels, and its image has {pixels:,}")
    return np.repeat(np.arange(len(runs)) % 2 == 1, runs)


def _unpacked(text: bytes) -> list[int]:
    """Returns the lengths that COCO packs into text: 5 bits a letter, from the third on less the one before the last."""
    runs: list[int] = []
    value = shift = 0
    for letter in text:
        bits = letter - 48
        value |= (bits & 0x1F) << shift
        shift += 5
        if not bits & 0x20:
            signed = value - (1 << shift) if bits & 0x10 else value
            runs.append(signed + (runs[-2] if len(runs) > 2 else 0))
            value = shift = 0
    if shift:
        raise DecodeError("end within a number")
    return runs
