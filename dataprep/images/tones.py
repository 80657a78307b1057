"""More than 8 bits, signs and floats as 8 bits; transparency as a colour: from the pixels of one image alone, and said.

An image is scaled by a power of two that its values reach, never stretched from its least to its greatest: what is nearly uniform
stays so, and an image with a dark corner less is not another. The price is that a picture may fill only half of the levels.
"""

import math
from typing import Any, Final, NamedTuple

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from dataprep.types import Image

LEAST: Final = 1 / 64  # what floats have to reach to be white, so that the rounding errors of nothing are not a picture
OVER: Final = 1 / 16  # share that floats may reach beyond white, as resized ones do, and below black
NEAR_WHITE: Final = 192  # mean luminance of what is seen, over white hardly to be seen
WHITE, BLACK = (255, 255, 255), (0, 0, 0)


class Toned(NamedTuple):
    """An image as 8 bits.

    Attributes:
        image: 8-bit, of any of Pillow's modes.
        remark: What was done, in few words; None for nothing.
    """

    image: PIL.Image.Image
    remark: str | None = None


def to_eight_bits(image: PIL.Image.Image, bits: int | None = None, missing: float | None = None, inverted: bool = False) -> Toned:
    """Returns an image of integers of more than 8 bits, or of floats, scaled to 8; others as they are.

    Args:
        image: In Pillow's modes I;16, I or F, or in any other.
        bits: How many bits a value holds, as far as the file says so; None to see from the greatest.
        missing: What stands where there is no value; it becomes black.
        inverted: Whether 0 is white.
    """
    if not image.mode.startswith(("I", "F")):
        return Toned(image)
    values = np.asarray(image)
    clear = image.info.get("transparency")
    if missing is not None:
        values = np.where(values == missing, 0, values)
    if image.mode == "F" or values.min(initial=0) < 0:
        levels, remark = _from_numbers(values, "floats" if image.mode == "F" else "signed integers")
    else:
        levels, remark = _from_bits(values, bits, 16 if image.mode.startswith("I;16") else 32)
    scaled = PIL.Image.fromarray(255 - levels if inverted else levels)
    if isinstance(clear, int):  # the value that is transparent, of 16-bit gray PNG
        scaled = PIL.Image.merge("LA", (scaled, PIL.Image.fromarray(np.where(values == clear, 0, 255).astype(np.uint8))))
    return Toned(scaled, remark)


def over_a_colour(image: PIL.Image.Image) -> Toned:
    """Returns an image with transparency as RGB over white, or over black where what is seen is itself near white.

    What is seen counts by its opacity, so colours below what is clear play no part.
    """
    if not image.has_transparency_data:
        return Toned(image)
    if image.mode == "La":
        image = image.convert("LA")
    rgba = image.convert("RGBA")
    alpha = np.asarray(rgba.getchannel("A"))
    if alpha.min(initial=255) == 255:
        return Toned(rgba.convert("RGB"))
    seen = int(alpha.sum(dtype=np.int64))
    light = int(np.multiply(np.asarray(rgba.convert("RGB").convert("L")), alpha, dtype=np.uint16).sum(dtype=np.int64))
    white = light < NEAR_WHITE * seen or seen == 0
    laid = PIL.Image.new("RGBA", rgba.size, (*(WHITE if white else BLACK), 255))
    laid.alpha_composite(rgba)
    return Toned(laid.convert("RGB"), f"transparent, laid over {'white' if white else 'black'}")


def _from_bits(values: NDArray[Any], bits: int | None, container: int) -> tuple[Image, str]:
    """Returns unsigned integers as levels, white being the greatest of as many bits as they use."""
    most = int(values.max(initial=0))
    used = bits if bits is not None and bits >= 8 and most >> bits == 0 else max(8, most.bit_length())
    white = (1 << used) - 1
    if container == 16:
        table = (np.arange(1 << 16, dtype=np.uint32).clip(0, white) * 255 + white // 2) // white
        levels = table.astype(np.uint8)[values]
    else:
        levels = np.rint(values * (255 / white)).astype(np.uint8)
    return levels, f"{used} of {container} bits, scaled to 8"


def _from_numbers(values: NDArray[Any], kind: str) -> tuple[Image, str]:
    """Returns numbers that may be negative, missing or infinite as levels; what is missing is black."""
    numbers = values.astype(np.float64)
    there = numbers[np.isfinite(numbers) & (np.abs(numbers) < 1e30)]  # beyond stands what geographers write for no value
    least, most = (float(there.min()), float(there.max())) if there.size else (0.0, 0.0)
    white = _white(max(most, -least) / (1 + OVER), LEAST) if kind == "floats" else _white(max(most, -least), 255)
    black = -white if -least > OVER * most and least < 0 else 0.0
    numbers = np.nan_to_num(numbers, nan=black, posinf=white, neginf=black).clip(black, white)
    levels = np.rint((numbers - black) * (255 / (white - black))).astype(np.uint8)
    return levels, f"{kind}, {black:g} to {white:g} scaled to 8 bits"


def _white(reach: float, least: float) -> float:
    """Returns what is white among numbers that reach so far: 1, a power of two, or beyond 128 the greatest of some bits."""
    reach = max(reach, least)
    if 0.25 < reach <= 1:
        return 1.0
    power = 2.0 ** math.ceil(math.log2(reach + 1 if reach > 128 else reach))
    return power - 1 if power > 128 else power
