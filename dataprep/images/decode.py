"""Bytes to an upright image, or a `DecodeError` that says why not.

JPEG goes through libjpeg-turbo by simplejpeg (strict: a truncated file is an error, not a gray half), everything else
through Pillow. Both give the same pixels; Pillow is the oracle in the tests. A measure that needs few pixels gets a JPEG
decoded at 1/2, 1/4 or 1/8 of its size, which costs less than decoding it whole.

One policy for each kind of image: EXIF orientation is applied; transparency is laid over black; 16-bit is scaled to 8;
CMYK and palettes are converted by Pillow; of an animation, the first frame. Embedded colour profiles are not applied.
"""

import io
import re
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from types import ModuleType
from typing import Any, Final, NamedTuple

import cv2
import numpy as np
import PIL.Image
import PIL.ImageOps
import simplejpeg
from numpy.typing import NDArray

from dataprep.errors import DecodeError
from dataprep.images import native
from dataprep.images.resize import averaged
from dataprep.images.scratch import scratch
from dataprep.types import Box, Image

MAX_PIXELS: Final = 178_956_970
"""Larger images are refused unread: Pillow's own limit against decompression bombs, 512 MiB of RGB."""

BROKEN: Final = (
    OSError,  # includes UnidentifiedImageError and most truncations
    ValueError,
    SyntaxError,
    NotImplementedError,
    TypeError,
    IndexError,
    KeyError,
    EOFError,
    OverflowError,
    AttributeError,
    MemoryError,
    RuntimeError,
    struct.error,
    PIL.Image.DecompressionBombError,
)
"""What Pillow and simplejpeg raise on files that are not images, seen on malformed corpora."""

MAX_SCANS: Final = 100
"""A JPEG of more scans is refused, as libtiff does: a few bytes are enough for one, which is a pass over all pixels."""

ORIENTATION_TAG = 0x0112
MARKER: Final = re.compile(rb"\xff+([^\x00\x01\xd0-\xd8\xff])")  # in a JPEG, of those that are not part of the pixels
START_OF_SCAN: Final = int.from_bytes(b"\xff\xda", "little")
END: Final = 64  # bytes at the end of a file in which a whole JPEG says so, be there some padding behind
ENTROPY: Final = 0.7  # of the time of a decode goes into the entropy code, which is read from the top down to the last row wanted
WORTH: Final = 0.9  # of the time of a whole decode is what a part may take at most
TRANSPOSED = (5, 6, 7, 8)  # EXIF orientations that exchange height and width


class Decoded(NamedTuple):
    """An image and what its file says of it.

    Attributes:
        image: (h, w, 3) RGB or (h, w) luminance, upright, perhaps reduced, perhaps a part.
        format: Pillow's name of the format, such as "JPEG".
        height: Pixels of the whole image, upright.
        width: Pixels of the whole image, upright.
        top: Which row of the whole image is the first of `image`.
        left: Which column of the whole image is the first of `image`.
    """

    image: Image
    format: str
    height: int
    width: int
    top: int = 0
    left: int = 0


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
        DecodeError: The bytes are empty, truncated, of no known format, or of too many pixels.
    """
    if not data:
        raise DecodeError("the file is empty")
    try:
        if data[:3] == b"\xff\xd8\xff":
            _refuse_scans(data)
            fast = _decode_jpeg(data, side, channels, max_pixels, reuse, part)
            if fast is not None:
                return fast
        return _decode_any(data, side, channels, max_pixels)
    except DecodeError:
        raise
    except BROKEN as error:
        raise DecodeError(_reason(error)) from error


def decoders() -> str:
    """Returns what decodes, with versions: another may read what these cannot."""
    return f"Pillow {PIL.__version__}, simplejpeg {simplejpeg.__version__}"


def reduce(image: Image, side: int) -> Image:
    """Returns the image with its shorter side reduced to `side` pixels by averaging areas; smaller ones as they are."""
    height, width = image.shape[:2]
    factor = min(height, width) / side
    if factor <= 1:
        return image
    target = (max(side, round(height / factor)), max(side, round(width / factor)))
    return averaged(image, target)


def luminance(image: Image) -> Image:
    """Returns (H, W) luminance, ITU-R 601, of an (H, W, 3) RGB image, or the image where it has one channel already."""
    return image if image.ndim == 2 else _bytes(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))


def upright(image: Image, orientation: int) -> Image:
    """Returns the image turned and mirrored as its EXIF orientation (1 to 8) asks."""
    if orientation in TRANSPOSED:
        image = image.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        image = image[::-1]
    if orientation in (2, 3, 6, 7):
        image = image[:, ::-1]
    return np.ascontiguousarray(image)


def plain_jpeg(data: bytes) -> tuple[int, int] | None:
    """Returns the upright height and width of a JPEG that any decoder turns into the same pixels, None for all other files.

    That is a file with an end, in the usual colours; of another kind decoders differ in what they make up.
    """
    if data[:3] != b"\xff\xd8\xff" or b"\xff\xd9" not in data[-END:]:
        return None
    size = _usual_size(data)
    return size[::-1] if size is not None and _jpeg_orientation(data) in TRANSPOSED else size


def _usual_size(data: bytes) -> tuple[int, int] | None:
    """Returns the height and width of a JPEG in the usual colours, not turned upright; None for another."""
    try:
        height, width, colorspace, _ = simplejpeg.decode_jpeg_header(data)
    except ValueError:
        return None
    return (height, width) if colorspace in ("YCbCr", "Gray") else None


def _decode_jpeg(
    data: bytes, side: int | None, channels: int, max_pixels: int, reuse: bool = False, part: Box | None = None
) -> Decoded | None:
    """Decodes a common JPEG; None leaves an uncommon one (CMYK, odd subsampling) to Pillow."""
    size = _usual_size(data)
    if size is None:
        return None
    height, width = size
    _refuse_bomb(height, width, max_pixels)
    orientation = _jpeg_orientation(data)
    if part is not None and orientation == 1:
        image = _decode_part(data, height, width, part, reuse)
        if image is not None:
            return Decoded(image, "JPEG", height, width, part.top, part.left)
    factor = _factor(height, width, side)
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


def _decode_any(data: bytes, side: int | None, channels: int, max_pixels: int) -> Decoded:
    """Decodes whatever Pillow reads."""
    with PIL.Image.open(io.BytesIO(data)) as opened:
        name = opened.format or "unknown"
        if name == "EPS":
            raise DecodeError("PostScript is a program, not an image; it is not run")
        width, height = opened.size
        _refuse_bomb(height, width, max_pixels)
        if opened.format == "JPEG":
            factor = _factor(height, width, side)
            opened.draft("L" if channels == 1 else "RGB", (width // factor, height // factor))
        orientation = 1 if name == "TIFF" else _orientation(opened)  # Pillow turns TIFF upright itself
        image = np.asarray(_flattened(opened, "L" if channels == 1 else "RGB"))
    if orientation in TRANSPOSED:
        height, width = width, height
    return Decoded(upright(image, orientation), name, height, width)


def _flattened(image: PIL.Image.Image, mode: str) -> PIL.Image.Image:
    """Returns an image of any mode as 8-bit RGB or luminance."""
    if image.mode.startswith("I"):  # 16 or 32 bits: scaled, since Pillow's own conversion clips at 255
        values = np.asarray(image).astype(np.int64)
        image = PIL.Image.fromarray((values.clip(0, 0xFFFF) >> 8).astype(np.uint8))
    if image.has_transparency_data:
        with_alpha = image.convert("RGBA")
        image = PIL.Image.new("RGBA", image.size, (0, 0, 0, 255))
        image.alpha_composite(with_alpha)
    if image.mode == "LAB":  # Pillow converts it to RGB only
        image = image.convert("RGB")
    return image.convert(mode)


def _factor(height: int, width: int, side: int | None) -> int:
    """Returns the largest of 1, 2, 4, 8 that leaves the shorter side at least `side` pixels."""
    if side is None:
        return 1
    return max(factor for factor in (1, 2, 4, 8) if factor == 1 or min(height, width) >= factor * side)


def _jpeg_orientation(data: bytes) -> int:
    """Returns the EXIF orientation of a JPEG; Pillow parses it, and only where there is EXIF at all."""
    header = max(data.find(b"\xff\xda"), 0x10000)  # what comes before the pixels may be longer than one 64 KiB segment
    if data.find(b"Exif\x00\x00", 0, header) < 0:
        return 1
    try:
        with PIL.Image.open(io.BytesIO(data)) as opened:
            return _orientation(opened)
    except BROKEN:
        return 1


def _orientation(opened: PIL.Image.Image) -> int:
    """Returns the EXIF orientation, 1 where there is none or it is damaged, which does not make the pixels unreadable."""
    for name in ("xmp", "XML:com.adobe.xmp"):  # Pillow would take XMP's too, which browsers and DALI leave alone
        opened.info.pop(name, None)
    try:
        return int(opened.getexif().get(ORIENTATION_TAG, 1))
    except BROKEN:
        return 1


def _bytes(array: NDArray[Any]) -> Image:
    """Returns an array of OpenCV's, whose type does not say that it is 8-bit."""
    return array.astype(np.uint8, copy=False)


def _refuse_bomb(height: int, width: int, max_pixels: int) -> None:
    if height * width > max_pixels:
        raise DecodeError(f"{width}×{height} is {height * width:,} pixels, over the limit of {max_pixels:,}")


def _refuse_scans(data: bytes) -> None:
    pairs = [np.frombuffer(data, "<u2", (len(data) - start) // 2, start) for start in (0, 1)]
    likely = sum(np.count_nonzero(pair == START_OF_SCAN) for pair in pairs)  # of count's time a fifth
    if likely > MAX_SCANS and _scans(data) > MAX_SCANS:
        raise DecodeError(f"more than {MAX_SCANS} scans, each of which takes a pass over the image")


def _scans(data: bytes) -> int:
    """Returns the number of scans of a JPEG up to its end."""
    found, marker = 0, MARKER.search(data, 2)
    while marker is not None and marker[1] != b"\xd9":
        found += marker[1] == b"\xda"
        marker = MARKER.search(data, marker.end() + int.from_bytes(data[marker.end() : marker.end() + 2], "big"))
    return found


def _reason(error: BaseException) -> str:
    """Returns one line that says what is wrong with a file, without addresses of objects in it."""
    if isinstance(error, PIL.UnidentifiedImageError):
        return "not an image of a known format"
    if isinstance(error, PIL.Image.DecompressionBombError):
        return str(error).partition(",")[0]  # the numbers, without "could be decompression bomb DOS attack"
    return " ".join(str(error).split())[:200] or type(error).__name__


@contextmanager
def quiet_decoders(max_pixels: int = MAX_PIXELS) -> Iterator[None]:
    """Sets the decoders up for many files, and back: no warnings (a fault ends as a row's error), one pixel limit.

    OpenCV's threads are not touched: setting their number in a forked process waits for threads that the fork left behind.
    """
    limit = PIL.Image.MAX_IMAGE_PIXELS
    PIL.Image.MAX_IMAGE_PIXELS = (
        max_pixels + 1
    ) // 2  # Pillow refuses more than twice as many, also for images inside containers
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        PIL.Image.MAX_IMAGE_PIXELS = limit
