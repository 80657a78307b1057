"""JPEG by libjpeg-turbo: what a file says of itself, the whole of it, a smaller scale of it, or the part that a crop needs."""

import io
from functools import cache
from types import ModuleType
from typing import Final, NamedTuple

import numpy as np
import PIL.Image
import simplejpeg
from numpy.typing import NDArray

from dataprep.errors import DecodeError
from dataprep.images import native
from dataprep.images.limits import refuse_bomb
from dataprep.images.mend import count_scans, is_lossless, is_mendable
from dataprep.images.scratch import scratch
from dataprep.images.views import TRANSPOSED, scale, upright
from dataprep.types import Box, Image

MAX_SCANS: Final = 100
"""A JPEG of more scans is refused, as libtiff does: a few bytes are enough for one, which is a pass over all pixels."""

ORIENTATION_TAG = 0x0112
START_OF_SCAN: Final = int.from_bytes(b"\xff\xda", "little")
END: Final = 64  # bytes at the end of a file in which a whole JPEG says so, be there some padding behind
ENTROPY: Final = 0.7  # of the time of a decode goes into the entropy code, which is read from the top down to the last row wanted
WORTH: Final = 0.9  # of the time of a whole decode is what a part may take at most


class Decoded(NamedTuple):
    """An image and what its file says of it.

    Attributes:
        image: (h, w, 3) RGB or (h, w) luminance, upright, perhaps reduced, perhaps a part.
        format: Pillow's name of the format, such as "JPEG".
        height: Pixels of the whole image, upright.
        width: Pixels of the whole image, upright.
        top: Which row of the whole image is the first of `image`.
        left: Which column of the whole image is the first of `image`.
        remark: What was done so that it could be read or be 8 bits of RGB, and what was not looked at; None for nothing.
    """

    image: Image
    format: str
    height: int
    width: int
    top: int = 0
    left: int = 0
    remark: str | None = None


def plain_jpeg(data: bytes) -> tuple[int, int] | None:
    """Returns the upright height and width of a JPEG that any decoder turns into the same pixels, None for all other files.

    That is a file with an end, in the usual colours; of another kind decoders differ in what they make up.
    """
    if data[:3] != b"\xff\xd8\xff" or b"\xff\xd9" not in data[-END:]:
        return None
    try:
        size = _usual_size(data)
    except ValueError:
        return None
    return size[::-1] if size is not None and _jpeg_orientation(data) in TRANSPOSED else size


def _usual_size(data: bytes) -> tuple[int, int] | None:
    """Returns the height and width of a JPEG in the usual colours, not turned upright; None for another.

    Raises:
        ValueError: It has a fault before its pixels that may be mended.
    """
    try:
        height, width, colorspace, _ = simplejpeg.decode_jpeg_header(data)
    except ValueError as error:
        if is_mendable(str(error)):
            raise
        return None
    return (height, width) if colorspace in ("YCbCr", "Gray") and not is_lossless(data) else None


def decode_jpeg(
    data: bytes, side: int | None, channels: int, max_pixels: int, reuse: bool = False, part: Box | None = None
) -> Decoded | None:
    """Decodes a common JPEG; None leaves an uncommon one (CMYK, lossless, odd subsampling) to Pillow.

    Raises:
        ValueError: It is damaged, in the words of libjpeg-turbo.
    """
    size = _usual_size(data)
    if size is None:
        return None
    height, width = size
    refuse_bomb(height, width, max_pixels)
    orientation = _jpeg_orientation(data)
    if part is not None and orientation == 1:
        image = _decode_part(data, height, width, part, reuse)
        if image is not None:
            return Decoded(image, "JPEG", height, width, part.top, part.left)
    factor = scale(height, width, side)
    image = simplejpeg.decode_jpeg(
        data,
        "GRAY" if channels == 1 else "RGB",
        min_height=-(-height // factor) if factor > 1 else 0,
        min_width=-(-width // factor) if factor > 1 else 0,
        buffer=scratch("decoded", height * width * channels) if reuse else None,
    )
    if orientation in TRANSPOSED:
        height, width = width, height
    return Decoded(upright(image[..., 0] if channels == 1 else image, orientation), "JPEG", height, width)


def _decode_part(data: bytes, height: int, width: int, part: Box, reuse: bool) -> Image | None:
    """Returns a part of a JPEG of this height and width, None where it is not to be had or not worth it."""
    decoder = _part_decoder()
    down, area = (part.top + part.height) / height, part.height * part.width / (height * width)
    if decoder is None or ENTROPY * down + (1 - ENTROPY) * area > WORTH:
        return None
    memory = scratch("decoded", part.height * width * 3) if reuse else np.empty(part.height * width * 3, np.uint8)
    return _rows(decoder.decode(data, memory, part), memory, part)


def _rows(found: tuple[int, int] | None, memory: NDArray[np.uint8], part: Box) -> Image | None:
    """Returns the part of the rows that were decoded, from some column on and so wide, into the memory."""
    if found is None:
        return None
    start, wide = found
    rows = memory[: part.height * wide * 3].reshape(part.height, wide, 3)
    return rows[:, part.left - start : part.left - start + part.width]


@cache
def _part_decoder() -> ModuleType | None:
    """Returns the compiled decoder, if its libjpeg-turbo has the very pixels that simplejpeg's has."""
    decoder = native.module("jpeg")
    if decoder is None:
        return None
    noise = (np.arange(96 * 112 * 3, dtype=np.uint64) * np.uint64(2654435761) >> np.uint64(11)).astype(np.uint8)
    data = simplejpeg.encode_jpeg(noise.reshape(96, 112, 3), colorsubsampling="420")
    part, memory = Box(63, 71, 9, 11), np.empty(9 * 112 * 3, np.uint8)
    pixels = _rows(decoder.decode(data, memory, part), memory, part)
    same = pixels is not None and np.array_equal(pixels, simplejpeg.decode_jpeg(data)[part.rows, part.columns])
    return decoder if same else None


def refuse_damaged(data: bytes, height: int, width: int) -> None:
    """Raises `ValueError` for an uncommon JPEG with a fault, which Pillow would fill with gray without a word.

    One of odd subsampling is looked at where the decoder of parts is compiled.
    """
    try:
        *_, colorspace, _ = simplejpeg.decode_jpeg_header(data)
    except ValueError as error:
        if is_mendable(str(error)):
            raise
        decoder = _part_decoder()
        memory = np.empty(height * width * 3 if decoder else 0, np.uint8)
        if decoder is not None and decoder.decode(data, memory, Box(0, 0, height, width)) is None:
            raise DecodeError("its pixels are damaged, or its colours cannot be converted") from None
        return
    colours = {"Gray": "GRAY", "CMYK": "CMYK", "YCCK": "CMYK"}.get(colorspace, "RGB")
    simplejpeg.decode_jpeg(data, colours)


def _jpeg_orientation(data: bytes) -> int:
    """Returns the EXIF orientation of a JPEG; Pillow parses it, and only where there is EXIF at all."""
    header = max(data.find(b"\xff\xda"), 0x10000)  # what comes before the pixels may be longer than one 64 KiB segment
    if data.find(b"Exif\x00\x00", 0, header) < 0:
        return 1
    try:
        with PIL.Image.open(io.BytesIO(data)) as opened:
            return orientation_of(opened)
    except Exception:
        return 1


def orientation_of(opened: PIL.Image.Image) -> int:
    """Returns the EXIF orientation, 1 where there is none or it is damaged, which does not make the pixels unreadable."""
    for name in ("xmp", "XML:com.adobe.xmp"):  # Pillow would take XMP's too, which browsers and DALI leave alone
        opened.info.pop(name, None)
    try:
        return int(opened.getexif().get(ORIENTATION_TAG, 1))
    except Exception:
        return 1


def refuse_scans(data: bytes) -> None:
    """Raises `DecodeError` for a JPEG of more than `MAX_SCANS` scans."""
    pairs = [np.frombuffer(data, "<u2", (len(data) - start) // 2, start) for start in (0, 1)]
    likely = sum(np.count_nonzero(pair == START_OF_SCAN) for pair in pairs)  # of count's time a fifth
    if likely > MAX_SCANS and count_scans(data) > MAX_SCANS:
        raise DecodeError(f"more than {MAX_SCANS} scans, each of which takes a pass over the image")
