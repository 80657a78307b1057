"""Bytes to an upright image, or a `DecodeError` that says why not.

JPEG goes through libjpeg-turbo by simplejpeg (strict: a truncated file is an error, not a gray half), everything else
through Pillow. Both give the same pixels; Pillow is the oracle in the tests. A measure that needs few pixels gets a JPEG
decoded at 1/2, 1/4 or 1/8 of its size, which costs less than decoding it whole. A file that is damaged around its pixels is read,
with a remark; one that lacks some of them is not.

One policy for each kind of image: EXIF orientation is applied; transparency is laid over white, or over black what is near white;
gray of more than 8 bits and floats are scaled by what the file says and its values reach; colour of 16 bits by its high byte;
colours are sRGB, into which an embedded profile converts them where it says something else, and CMYK without one is converted as
Pillow does; of an animation, the first frame.
Whatever view is asked for, a file that is not a common JPEG is decoded to the same RGB first.
"""

import io
import re
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

import numpy as np
import PIL.Image
import simplejpeg

from dataprep.errors import DecodeError
from dataprep.images.containers import MAX_FRAMES, Looked, look_at_gif, look_at_icon, look_at_jxl, look_at_ppm
from dataprep.images.formats import Format, format_of
from dataprep.images.jpeg import Decoded, decode_jpeg, ends_at, look_at_jpeg, refuse_damaged, refuse_damaged_pieces
from dataprep.images.limits import IS_POINTER, MAX_PIXELS, POINTER, reason, refuse_bomb
from dataprep.images.mend import MENDS, mend_jpeg
from dataprep.images.png import SIGNATURE, look_at_png, refuse_missing_rows
from dataprep.images.profiles import to_srgb
from dataprep.images.tiff import jpegs_of_tiff, look_at_boxes, look_at_tiff, orientation_of_exif
from dataprep.images.tones import over_a_colour, to_eight_bits
from dataprep.images.views import TRANSPOSED, upright
from dataprep.types import Box, Image

POLICY: Final = 3
"""Goes up when some file gives other pixels, or is read where it was not: what was measured before is measured anew."""

LOOKS: Final[dict[str, Callable[[bytes], Looked]]] = {
    "JPEG": look_at_jpeg,
    "PNG": look_at_png,
    "GIF": look_at_gif,
    "TIFF": look_at_tiff,
    "ICO": look_at_icon,
    "PPM": look_at_ppm,
    "JXL": look_at_jxl,
    "AVIF": look_at_boxes,
    "HEIF": look_at_boxes,
}
"""What is looked at before Pillow is given a file, by format."""

RAW: Final = re.compile(rb"P6\n([1-9]\d{0,9}) ([1-9]\d{0,9})\n255\n")
"""How a PPM of 8-bit colours starts that nobody has put a comment into."""

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

    Example:
        >>> decoded = dp.decode(encoded(photo(0, height=480, width=640)), side=100)
        >>> decoded.image.shape  # the smallest of 1/1, 1/2, 1/4 and 1/8 that has 100 pixels or more
        (120, 160, 3)
        >>> dp.decode(b"no image")
        Traceback (most recent call last):
            ...
        dataprep.errors.DecodeError: not an image of a known format

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
        if channels == 3 and (raw := RAW.match(data)):
            return _view(data, raw, max_pixels)
        if data[:3] == b"\xff\xd8\xff":
            return _decode_jpeg(data, side, channels, max_pixels, reuse, part)
        return _decode_any(data, channels, max_pixels)
    except DecodeError:
        raise
    except Exception as error:  # whatever a decoder raises is the fault of the file, which may be anything
        raise DecodeError(reason(error)) from error


def _view(data: bytes, head: re.Match[bytes], max_pixels: int) -> Decoded:
    """Returns the pixels of a raw file where they lie, which is as Pillow copies them.

    Raises:
        DecodeError: It has too many, or does not have all that it says.
    """
    width, height = int(head[1]), int(head[2])
    refuse_bomb(height, width, max_pixels)
    if len(data) - head.end() < 3 * height * width:
        raise DecodeError(f"{len(data) - head.end():,} bytes of pixels, where {width}×{height} need {3 * height * width:,}")
    return Decoded(np.frombuffer(data, np.uint8, 3 * height * width, head.end()).reshape(height, width, 3), "PPM", height, width)


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
            return found._replace(remark="; ".join([*remarks, *filter(None, [found.remark])])) if remarks else found
        except DecodeError:
            raise
        except ValueError as error:
            first = first or error
            mended = mend_jpeg(data, str(error)) if len(remarks) < MENDS else None
            if mended is None or (mended.end is not None and not ends_at(mended.data, mended.end)):
                raise first from None
        data = mended.data
        remarks.append(mended.remark)


def _decode_any(data: bytes, channels: int, max_pixels: int) -> Decoded:
    """Decodes whatever Pillow reads."""
    known = format_of(data)
    looked = LOOKS.get(known.name, Looked)(data)
    if known.name == "ICO" and looked.data.startswith(SIGNATURE):
        return _decode_any(looked.data, channels, max_pixels)._replace(format=known.name)
    if looked.size is not None:
        refuse_bomb(*looked.size, max_pixels)
    with _open(known, looked.data) as opened:
        width, height = opened.size
        refuse_bomb(height, width, max_pixels)
        unseen = refuse_damaged(data, height, width) if known.name == "JPEG" else None
        if known.name == "TIFF":
            refuse_damaged_pieces(jpegs_of_tiff(data), max_pixels)
        opened.load()  # before anything that would load it and swallow a fault
        if known.name == "PNG":
            refuse_missing_rows(opened, looked.data)
        image, remarks = _flatten(opened, looked, "L" if channels == 1 else "RGB")
        orientation = looked.orientation or orientation_of(opened, known.name)
        pages = looked.pages or int(getattr(opened, "n_frames", 1))
        name = opened.format or known.name
    many = f"the first of {pages:,}{' or more' if pages == MAX_FRAMES else ''} pages" if pages > 1 else None
    if orientation in TRANSPOSED:
        height, width = width, height
    remark = "; ".join(text for text in (*looked.remarks, unseen, *remarks, many) if text)
    return Decoded(upright(image, orientation), name, height, width, remark=remark or None)


def orientation_of(opened: PIL.Image.Image, name: str) -> int:
    """Returns how a loaded image has to be turned; TIFF and JPEG XL come upright."""
    exif = opened.info.get("exif", b"")
    return 1 if name in ("TIFF", "JXL") or not isinstance(exif, bytes) else orientation_of_exif(exif)


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


def _flatten(opened: PIL.Image.Image, looked: Looked, mode: str) -> tuple[Image, list[str | None]]:
    """Returns a loaded image of any mode as 8-bit RGB or luminance, and what was done for it."""
    tags: Any = getattr(opened, "tag_v2", {})
    depth = looked.depth or max(tags.get(BITS_PER_SAMPLE, (8,)))
    remarks: list[str | None] = []
    if depth == 16 and opened.mode in ("RGB", "RGBA", "LA", "CMYK", "RGBa"):  # Pillow has left them so
        remarks.append("16 bits a channel, of which the high 8 are taken")
        if isinstance(clear := opened.info.get("transparency"), tuple):
            opened.info["transparency"] = tuple(level >> 8 for level in clear)
    bits = looked.significant if looked.depth else depth
    image, scaled = to_eight_bits(opened, bits if bits not in (16, 32) else None, _missing(tags), tags.get(WHITE_IS_ZERO) == 0)
    image, converted = to_srgb(image, looked.profile or opened.info.get("icc_profile"))
    image, laid = over_a_colour(image)
    if image.mode != "L":  # luminance is that of the colours, for which LAB and CMYK have one way only
        image = image.convert("RGB")
    return np.asarray(image.convert(mode)), [*remarks, scaled, converted, laid]


def _missing(tags: Any) -> float | None:
    """Returns what a TIFF of geographers has where there is no value, None if it does not say."""
    try:
        return float(str(tags[NO_DATA]).strip("\0 "))
    except (KeyError, ValueError):
        return None
