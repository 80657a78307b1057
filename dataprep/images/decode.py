"""Bytes to an upright image, or a `DecodeError` that says why not.

JPEG goes through libjpeg-turbo by simplejpeg (strict: a truncated file is an error, not a gray half), everything else
through Pillow. Both give the same pixels; Pillow is the oracle in the tests. A measure that needs few pixels gets a JPEG
decoded at 1/2, 1/4 or 1/8 of its size, which costs less than decoding it whole. A file that is damaged around its pixels is read,
with a remark; one that lacks some of them is not.

One policy for each kind of image: EXIF orientation is applied; transparency is laid over white, or over black what is near white;
gray of more than 8 bits and floats are scaled by what the file says and its values reach; colour of 16 bits by its high byte;
CMYK and palettes are converted by Pillow; of an animation, the first frame. Embedded colour profiles are not applied.
Whatever view is asked for, a file that is not a common JPEG is decoded to the same RGB first.
"""

import io
from importlib import import_module
from typing import Any, Final

import numpy as np
import PIL.Image
import simplejpeg

from dataprep.errors import DecodeError
from dataprep.images.formats import Format, format_of
from dataprep.images.jpeg import Decoded, decode_jpeg, orientation_of, refuse_damaged, refuse_scans
from dataprep.images.limits import IS_POINTER, MAX_PIXELS, POINTER, reason, refuse_bomb
from dataprep.images.mend import MENDS, mend_jpeg
from dataprep.images.png import Png, look_at_png, refuse_missing_rows
from dataprep.images.tones import over_a_colour, to_eight_bits
from dataprep.images.views import TRANSPOSED, upright
from dataprep.types import Box, Image

POLICY: Final = 2
"""Goes up when some file gives other pixels, or is read where it was not: what was measured before is measured anew."""

COUNTED: Final = 16 << 20
"""Bytes of a file whose pages are counted, for which some formats have to be walked through."""

BITS_PER_SAMPLE, WHITE_IS_ZERO, NO_DATA = 258, 262, 42113  # tags of TIFF; the second is 0 for it


def decode(
    data: bytes,
    *,
    side: int | None = None,
    channels: int = 3,
    max_pixels: int = MAX_PIXELS,
    reuse: bool = False,
    part: Box | None = None,
) -> Decoded:
    """Decodes one image.

    Args:
        data: The bytes of a file.
        side: The shorter side, in pixels, that is enough; a larger JPEG is decoded at the smallest of 1/2, 1/4 and 1/8 of
            its size that still has it. None decodes in full.
        channels: 3 for RGB, 1 for luminance.
        max_pixels: Images of more pixels are refused before any of them is decoded.
        reuse: Whether the image may lie in memory that this thread's next such call overwrites.
        part: What is wanted of the whole RGB image: it may then come alone, with the pixels that the whole one has there. Faults
            of the file behind it are not seen.

    Raises:
        DecodeError: The bytes are empty, a pointer of Git LFS, truncated, of no known format, or of too many pixels.
    """
    if not data:
        raise DecodeError("the file is empty")
    if data.startswith(POINTER):
        raise DecodeError(IS_POINTER)
    try:
        if data[:3] == b"\xff\xd8\xff":
            refuse_scans(data)
            return _decode_jpeg(data, side, channels, max_pixels, reuse, part)
        return _decode_any(data, channels, max_pixels)
    except DecodeError:
        raise
    except Exception as error:  # whatever a decoder raises is the fault of the file, which may be anything
        raise DecodeError(reason(error)) from error


def decoders() -> str:
    """Returns what decodes, with versions: another may read what these cannot."""
    return f"Pillow {PIL.__version__}, simplejpeg {simplejpeg.__version__}"


def _decode_jpeg(data: bytes, side: int | None, channels: int, max_pixels: int, reuse: bool, part: Box | None) -> Decoded:
    """Decodes a JPEG, mended as often as that gets it further; where it does not, the first fault is told."""
    remarks: list[str] = []
    first: ValueError | None = None
    while True:
        try:
            found = decode_jpeg(data, side, channels, max_pixels, reuse, part)
            if found is None:
                found = _decode_any(data, channels, max_pixels)
            return found._replace(remark="; ".join(remarks)) if remarks else found
        except DecodeError:
            raise
        except ValueError as error:
            first = first or error
            mended = mend_jpeg(data, str(error)) if len(remarks) < MENDS else None
            if mended is None:
                raise first from None
        data = mended.data
        remarks.append(mended.remark)


def _decode_any(data: bytes, channels: int, max_pixels: int) -> Decoded:
    """Decodes whatever Pillow reads."""
    known = format_of(data)
    png = look_at_png(data) if known.name == "PNG" else None
    with _open(known, data if png is None else png.data) as opened:
        name = opened.format or known.name
        width, height = opened.size
        refuse_bomb(height, width, max_pixels)
        if data[:3] == b"\xff\xd8\xff":
            refuse_damaged(data, height, width)
        opened.load()  # before anything that would load it and swallow a fault
        if png is not None:
            refuse_missing_rows(opened, png.data)
        orientation = 1 if name == "TIFF" else orientation_of(opened)  # Pillow turns TIFF upright itself
        image, remarks = _flatten(opened, png, "L" if channels == 1 else "RGB")
        remarks += _pages(opened, len(data))
    if orientation in TRANSPOSED:
        height, width = width, height
    remark = "; ".join([*(png.remarks if png else ()), *remarks]) or None
    return Decoded(upright(image, orientation), name, height, width, remark=remark)


def _open(known: Format, data: bytes) -> PIL.Image.Image:
    """Returns a file opened by Pillow's plugin for its format alone, without Pillow's own limit, which holds for all threads.

    Raises:
        DecodeError: The plugin is not installed.
    """
    try:
        import_module(known.plugin)
    except ImportError as error:
        raise DecodeError(f"{known.name} needs an extra: pip install 'dataprep-images[{known.extra}]'") from error
    return PIL.Image.OPEN[known.name][0](io.BytesIO(data), "")


def _flatten(opened: PIL.Image.Image, png: Png | None, mode: str) -> tuple[Image, list[str]]:
    """Returns a loaded image of any mode as 8-bit RGB or luminance, and what was done for it."""
    tags: Any = getattr(opened, "tag_v2", {})
    depth = png.depth if png else max(tags.get(BITS_PER_SAMPLE, (8,)))
    remarks: list[str | None] = []
    if depth == 16 and opened.mode in ("RGB", "RGBA", "LA", "CMYK", "RGBa"):  # Pillow has left them so
        remarks.append("16 bits a channel, of which the high 8 are taken")
        if isinstance(clear := opened.info.get("transparency"), tuple):
            opened.info["transparency"] = tuple(level >> 8 for level in clear)
    bits = png.significant if png else depth
    image, remark = to_eight_bits(opened, bits if bits not in (16, 32) else None, _missing(tags), tags.get(WHITE_IS_ZERO) == 0)
    image, laid = over_a_colour(image)
    if image.mode != "L":  # luminance is that of the colours, for which LAB and CMYK have one way only
        image = image.convert("RGB")
    return np.asarray(image.convert(mode)), [text for text in (*remarks, remark, laid) if text]


def _missing(tags: Any) -> float | None:
    """Returns what a TIFF of geographers has where there is no value, None if it does not say."""
    try:
        return float(str(tags[NO_DATA]).strip("\0 "))
    except (KeyError, ValueError):
        return None


def _pages(opened: PIL.Image.Image, size: int) -> list[str]:
    """Returns a remark on the pages or frames of a file that were not looked at."""
    if opened.format in ("JPEG", "MPO") or not getattr(opened, "is_animated", False):
        return []
    try:
        count = str(getattr(opened, "n_frames", 1)) if size <= COUNTED else "many"
    except Exception:
        count = "several"
    return [f"the first of {count} pages"]
