"""Masks: class numbers for each pixel, read as they are and put where the ops put the image, by the nearest pixel.

A mask is taken through all ops at once, from the middle of each pixel of the last picture back to the image; so no class comes in
between two others, it has lost nothing to the steps between, and all backends make the same one.
"""

import io
from typing import Any, Final, NamedTuple

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from dataprep.errors import DecodeError, LoaderError, SourceError
from dataprep.fetched import Unstamped
from dataprep.images.decode import orientation_of
from dataprep.images.limits import reason
from dataprep.images.png import SIGNATURE, look_at_png, refuse_missing_rows
from dataprep.images.views import upright
from dataprep.protocols import Source
from dataprep.targets.kinds import Mask
from dataprep.targets.motion import NEAR, Motion
from dataprep.targets.runs import decode_runs

GRAY: Final = ("1", "L", "P", "I;16", "I;16L", "I;16B", "I")
EXACT: Final = ("PNG", "TIFF", "GIF", "BMP")
LOSSY: Final = ("JPEG", "MPO", "WEBP")
KEEPS_NONE: Final = "keeps no class numbers; store it as PNG, or give Mask(threshold=128) if it is black and white"
BITS_PER_SAMPLE: Final = 258  # a tag of TIFF


class Masks(NamedTuple):
    """The masks of the images of a batch, not read yet.

    Attributes:
        target: What was asked for.
        texts: B uris or run lengths, None for a mask of nothing.
        motion: Where the places of each image go.
        turns: (B,) EXIF orientations that the masks are still to be turned by.
    """

    target: Mask
    texts: list[str | None]
    motion: Motion
    turns: NDArray[np.int64]

    def uris(self) -> list[str | None]:
        """Returns B uris, None for what no file holds."""
        return [None if text is None or is_runs(text) else text for text in self.texts]

    def blank(self) -> NDArray[Any]:
        """Returns (B, H, W) with nothing of an image in it."""
        height, width = self.motion.after[0].tolist() if len(self.texts) else (0, 0)
        return np.full((len(self.texts), height, width), self.target.fill, self.target.dtype)


def render_mask(source: Source, masks: Masks, index: int, out: NDArray[Any]) -> None:
    """Fills (H, W) with the mask of one image.

    Raises:
        LoaderError: It cannot be read, is not of class numbers, or is not as large as its image; the message names it.
    """
    text, target, motion = masks.texts[index], masks.target, masks.motion
    out[...] = target.fill
    if text is None:
        return
    try:
        height, width = motion.before[index].tolist()
        numbers = upright(_numbers(source, text, target, height * width), int(masks.turns[index]))
        if numbers.shape != (height, width):
            raise DecodeError(f"is {numbers.shape[1]}×{numbers.shape[0]} and its image {width}×{height}")
    except (DecodeError, SourceError) as error:
        named = "run lengths" if is_runs(text) else repr(text)
        raise LoaderError(f"the mask {named} {error}") from error
    _place(numbers, motion.matrices[index], motion.lines[index], out)


def _place(numbers: NDArray[Any], matrix: NDArray[np.float64], lines: NDArray[np.float64], out: NDArray[Any]) -> None:
    """Writes the class numbers of a whole image to where a (2, 3) matrix puts them and (L, 3) lines let them be seen."""
    (a, b, e), (c, d, f) = np.linalg.inv(np.concatenate([matrix, [[0, 0, 1]]]))[:2]
    x, y = np.arange(out.shape[1]) + 0.5, np.arange(out.shape[0])[:, None] + 0.5
    if b == c == 0:  # rows stay rows: a few numbers say where each comes from
        columns, rows = (a * x + e)[None], d * y + f
    else:
        columns, rows = a * x + b * y + e, c * x + d * y + f
    height, width = numbers.shape
    found = [np.floor(at + NEAR).astype(np.int64).clip(0, size - 1) for at, size in ((rows, height), (columns, width))]
    seen = np.ones(out.shape, bool)
    for line in lines[_hides(lines, out.shape)]:
        seen &= line[0] * x + line[1] * y + line[2] >= -NEAR
    np.copyto(out, numbers[found[0], found[1]], where=seen, casting="unsafe")


def _hides(lines: NDArray[np.float64], size: tuple[int, ...]) -> NDArray[np.bool_]:
    """Returns (L,) whether a line passes through the middles of the pixels of a picture."""
    corners = np.array([(x, y, 1) for x in (0.5, size[1] - 0.5) for y in (0.5, size[0] - 0.5)])
    return np.asarray((lines @ corners.T < -NEAR).any(axis=1))


def is_runs(text: str) -> bool:
    """Returns whether a mask is given as run lengths, and not as the uri of an image."""
    return text.lstrip().startswith(("{", "["))


def _numbers(source: Source, text: str, target: Mask, pixels: int) -> NDArray[Any]:
    """Returns the class numbers of a mask, of the type that is asked for or a wider one that holds the same."""
    given = text if is_runs(text) else source.read(Unstamped(text))
    numbers = read_numbers(given, pixels, exact=target.threshold is None)
    if target.threshold is not None:
        return (numbers >= target.threshold).astype(np.uint8)
    least, most = int(numbers.min()), int(numbers.max())
    if target.dtype == "uint8" and not 0 <= least <= most <= 255:
        raise DecodeError(f'has values from {least} to {most}, and "uint8" holds 0 to 255; use Mask(dtype="int64")')
    return numbers


def read_numbers(mask: str | bytes, pixels: int, *, exact: bool = False) -> NDArray[Any]:
    """Returns (H, W) values of a mask as they are stored, upright.

    Args:
        mask: Run lengths, or the bytes of an image file.
        pixels: How many pixels its image has.
        exact: Whether to refuse files whose values are about right only, such as JPEG.

    Raises:
        DecodeError: It cannot be read, or has another number of pixels.
    """
    return decode_runs(mask, pixels) if isinstance(mask, str) else _decode(mask, pixels, exact=exact)


def _decode(data: bytes, pixels: int, *, exact: bool) -> NDArray[Any]:
    """Returns (H, W) values of an image file as they are stored, upright."""
    png = look_at_png(data) if data[:8] == SIGNATURE else None
    try:
        with PIL.Image.open(io.BytesIO(png.data if png else data), formats=[*EXACT, *LOSSY]) as opened:
            if exact and opened.format in LOSSY:
                raise DecodeError(f"is a {opened.format}, which {KEEPS_NONE}")
            if opened.width * opened.height != pixels:
                raise DecodeError(f"is {opened.width}×{opened.height}, and its image has {pixels:,} pixels")
            opened.load()
            if png:
                refuse_missing_rows(opened, png.data)
            values = np.asarray(opened.convert("L") if opened.format in LOSSY else opened)
            depth = png.depth if png else max(getattr(opened, "tag_v2", {}).get(BITS_PER_SAMPLE, (8,)))
            orientation, mode = orientation_of(opened, str(opened.format)), opened.mode
    except DecodeError:
        raise
    except Exception as error:  # whatever a decoder raises is the fault of the file
        raise DecodeError(f"cannot be decoded: {reason(error)}; give a PNG") from error
    if values.ndim == 3:
        values = _one_channel(values, mode)
    elif mode not in GRAY:
        raise DecodeError(f"has pixels of the kind {mode!r}, not class numbers; store gray levels or indices of a palette")
    if mode == "L" and depth in (2, 4):
        values = values // (255 // (2**depth - 1))  # Pillow spreads them over 0 to 255
    return upright(values, orientation)


def _one_channel(values: NDArray[Any], mode: str) -> NDArray[Any]:
    """Returns the one channel of gray that is stored as colours."""
    colours = values[..., :3] if mode in ("RGB", "RGBA") else values[..., :1]
    if (colours != colours[..., :1]).any():
        raise DecodeError("holds colours, not class numbers; store it in gray or with a palette, whose indices are the numbers")
    return np.asarray(colours[..., 0])
