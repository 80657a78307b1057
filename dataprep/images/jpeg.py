"""JPEG as libjpeg-turbo decodes it: what a file says of itself, all of it, a smaller scale, or the part that a crop needs."""

import struct
from collections.abc import Iterable
from functools import cache
from types import ModuleType
from typing import Final, NamedTuple

import numpy as np
import PIL.Image
import simplejpeg
from numpy.typing import NDArray

from dataprep.errors import DecodeError
from dataprep.images import native
from dataprep.images.containers import MAX_PROFILE, Looked
from dataprep.images.limits import refuse_bomb
from dataprep.images.mend import FRAMES, START_OF_SCAN, count_scans, is_mendable, segments, with_last_zero_set
from dataprep.images.profiles import UNFIT, Conversion, conversion_of, to_srgb
from dataprep.images.scratch import scratch
from dataprep.images.tiff import orientation_of_exif
from dataprep.images.views import TRANSPOSED, scale, turned_back, upright
from dataprep.types import Box, Image

MAX_SCANS: Final = 100
"""A JPEG of more scans is refused, as libtiff does: a few bytes are enough for one, which is a pass over all pixels."""

FEW_SCANS: Final = 20
MAX_PASSES: Final = 100 * 10_000_000  # pixels times scans, of an image of more than `FEW_SCANS`
SCAN: Final = int.from_bytes(b"\xff\xda", "little")
APP0, APP1, APP2, APP14, EXIF, ICC = 0xE0, 0xE1, 0xE2, 0xEE, b"Exif\0\0", b"ICC_PROFILE\0"
APPLICATIONS: Final = frozenset([*range(0xE0, 0xF0), 0xFE])  # segments, and comments
LOSSLESS, PROGRESSIVE = (0xC3, 0xC7, 0xCB, 0xCF), (0xC2, 0xC6, 0xCA, 0xCE)
END: Final = 64  # bytes at the end of a file in which a whole JPEG says so, be there some padding behind
ENTROPY: Final = 0.7  # of the time of a decode goes into the entropy code, which is read from the top down to the last row wanted
AHEAD: Final = 8  # bytes that libjpeg reads ahead, and takes for pixels though they are none
SUBSAMPLINGS: Final = ("444", "422", "420", "440", "411")
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


class Head(NamedTuple):
    """What a JPEG says before its pixels.

    Attributes:
        frame: The marker of its frame, which is one of `FRAMES`; 0 where there is none.
        orientation: As EXIF states it, 1 to 8.
        profile: Its ICC profile; None where there is none, or not all of it.
        exif: Its EXIF, from its tables on.
    """

    frame: int
    orientation: int
    profile: bytes | None
    exif: bytes


def head_of(data: bytes) -> Head:
    """Returns what a JPEG says before its pixels, however much of it there is."""
    frame, exif, pieces = 0, b"", list[bytes]()
    for code, _, _, payload in segments(data):
        if code == START_OF_SCAN:
            break
        if code in FRAMES:
            frame = code
        elif code == APP1 and payload.startswith(EXIF):
            exif = exif or payload[len(EXIF) :]
        elif code == APP2 and payload.startswith(ICC):
            pieces.append(payload[len(ICC) :])  # number, count, bytes
    pieces.sort(key=lambda piece: piece[:1])
    whole = all(piece[1:2] == bytes([len(pieces) & 0xFF]) for piece in pieces) and sum(map(len, pieces)) <= MAX_PROFILE
    profile = b"".join(piece[2:] for piece in pieces) or None if whole else None
    return Head(frame, orientation_of_exif(exif), profile, exif)


def look_at_jpeg(data: bytes) -> Looked:
    """Returns an uncommon JPEG without what does not make its pixels, of which Pillow reads more than it has use for.

    Raises:
        DecodeError: It has no pixels.
    """
    head = head_of(data)
    kept, start = [data[:2]], len(data)
    for code, _, end, payload in segments(data):
        if code == START_OF_SCAN:
            start = end
            break
        if code not in APPLICATIONS or code in (APP0, APP14):
            kept.append(struct.pack(">BBH", 0xFF, code, len(payload) + 2) + payload)
    if not head.frame or start == len(data):
        raise DecodeError("a JPEG without pixels")
    return Looked(b"".join([*kept, data[start:]]), pages=1, profile=head.profile, orientation=head.orientation)


def plain_jpeg(data: bytes) -> tuple[int, int] | None:
    """Returns the upright height and width of a JPEG that any decoder turns into the same pixels, None for all other files.

    That is a file with an end, in the usual colours; of another kind decoders differ in what they make up.
    """
    if data[:3] != b"\xff\xd8\xff" or b"\xff\xd9" not in data[-END:]:
        return None
    head = head_of(data)
    if head.profile is not None and conversion_of(head.profile) is not None:
        return None
    try:
        usual = _usual(data, head)
    except ValueError:
        return None
    if usual is None:
        return None
    height, width, _ = usual
    return (width, height) if head.orientation in TRANSPOSED else (height, width)


def _usual(data: bytes, head: Head) -> tuple[int, int, str] | None:
    """Returns the height and width of a JPEG in the usual colours, not turned upright, and which; None for another.

    Raises:
        ValueError: It has a fault before its pixels that may be mended.
    """
    try:
        height, width, colours, _ = simplejpeg.decode_jpeg_header(data)
    except KeyError:  # it has no name for 4:4:1
        return None
    except ValueError as error:
        if is_mendable(str(error)):
            raise
        return None
    return (height, width, colours) if colours in ("YCbCr", "Gray") and head.frame not in LOSSLESS else None


def decode_jpeg(
    data: bytes, side: int | None, channels: int, max_pixels: int, reuse: bool = False, part: Box | None = None
) -> Decoded | None:
    """Decodes a common JPEG; None leaves an uncommon one (CMYK, lossless, odd subsampling) to Pillow.

    Raises:
        ValueError: It is damaged, in the words of libjpeg-turbo.
    """
    head = head_of(data)
    usual = _usual(data, head)
    if usual is None:
        return None
    height, width, colours = usual
    refuse_bomb(height, width, max_pixels)
    refuse_scans(data, head, height * width)
    conversion, remark = _conversion(head, colours)
    seen = channels if conversion is None else 1 if colours == "Gray" else 3
    image, top, left = None, 0, 0
    if part is not None and seen == 3:
        image = _decode_part(data, head, height, width, turned_back(part, head.orientation, height, width), reuse)
        top, left = (0, 0) if image is None else part[:2]
    if image is None:
        image = _decode_whole(data, height, width, side, seen, reuse)
    if conversion is not None and image.ndim == 3:
        image = _in_srgb(image, conversion, channels)
    elif conversion is not None:
        converted = to_srgb(PIL.Image.fromarray(image), head.profile).image
        image = np.asarray(converted.convert("L" if channels == 1 else "RGB"))
    if head.orientation in TRANSPOSED:
        height, width = width, height
    return Decoded(upright(image, head.orientation), "JPEG", height, width, top, left, remark)


def _conversion(head: Head, colours: str) -> tuple[Conversion | None, str | None]:
    """Returns what makes the colours sRGB, None if they are or nothing does, and what is to be said of it."""
    found = conversion_of(head.profile) if head.profile else None
    if isinstance(found, Conversion) and found.mode in (("RGB", "L") if colours == "Gray" else ("RGB",)):
        return found, found.remark
    return None, None if found is None else UNFIT


def _in_srgb(image: Image, conversion: Conversion, channels: int) -> Image:
    """Returns an RGB image in sRGB, or its luminance."""
    code = native.module("measure")
    if isinstance(conversion.transform, bytes) and code is not None:
        made = np.empty(image.shape[: 2 if channels == 1 else 3], np.uint8)
        code.recolour(image, conversion.transform, made)
        return made
    return np.asarray(conversion(PIL.Image.fromarray(image)).convert("L" if channels == 1 else "RGB"))


def _decode_whole(data: bytes, height: int, width: int, side: int | None, channels: int, reuse: bool) -> Image:
    """Returns a JPEG of this height and width, perhaps reduced, not turned upright."""
    factor = scale(height, width, side)
    image: Image = simplejpeg.decode_jpeg(
        data,
        "GRAY" if channels == 1 else "RGB",
        min_height=-(-height // factor) if factor > 1 else 0,
        min_width=-(-width // factor) if factor > 1 else 0,
        buffer=scratch("decoded", height * width * channels) if reuse else None,
    )
    return image[..., 0] if channels == 1 else image


def _decode_part(data: bytes, head: Head, height: int, width: int, part: Box, reuse: bool) -> Image | None:
    """Returns a part of a JPEG of this height and width, None where it is not to be had or not worth it."""
    decoder = part_decoder()
    # the scans of a progressive one are all read to their ends
    down = 1.0 if head.frame in PROGRESSIVE else (part.top + part.height) / height
    if decoder is None or ENTROPY * down + (1 - ENTROPY) * part.height * part.width / (height * width) > WORTH:
        return None
    memory = scratch("decoded", part.height * width * 3) if reuse else np.empty(part.height * width * 3, np.uint8)
    return _rows(decoder.decode(data, memory, part, True), memory, part)


def _rows(found: tuple[int, int] | None, memory: NDArray[np.uint8], part: Box) -> Image | None:
    """Returns the part of the rows that were decoded, from some column on and so wide, into the memory."""
    if found is None:
        return None
    start, wide = found
    rows = memory[: part.height * wide * 3].reshape(part.height, wide, 3)
    return rows[:, part.left - start : part.left - start + part.width]


@cache
def part_decoder() -> ModuleType | None:
    """Returns the compiled decoder, if its libjpeg-turbo has the very pixels that simplejpeg's has."""
    decoder = native.module("jpeg")
    noise = (np.arange(96 * 112 * 3, dtype=np.uint64) * np.uint64(2654435761) >> np.uint64(11)).astype(np.uint8)
    return decoder if decoder and all(_is_the_same(decoder, noise.reshape(96, 112, 3), kind) for kind in SUBSAMPLINGS) else None


def _is_the_same(decoder: ModuleType, image: Image, subsampling: str) -> bool:
    """Whether the compiled decoder finds in a part of an image what simplejpeg finds there."""
    data = simplejpeg.encode_jpeg(image, colorsubsampling=subsampling)
    part, memory = Box(63, 71, 9, 11), np.empty(9 * image.shape[1] * 3, np.uint8)
    pixels = _rows(decoder.decode(data, memory, part), memory, part)
    return pixels is not None and np.array_equal(pixels, simplejpeg.decode_jpeg(data)[part.rows, part.columns])


def refuse_damaged(data: bytes, height: int, width: int) -> str | None:
    """Raises `ValueError` for an uncommon JPEG with a fault, which Pillow would fill with gray without a word.

    Returns:
        What is to be said of one that cannot be looked at: of odd subsampling, where the decoder of parts is not compiled.
    """
    try:
        *_, colorspace, _ = simplejpeg.decode_jpeg_header(data)
    except KeyError:  # 4:4:1
        colorspace = "YCbCr"
    except ValueError as error:
        if is_mendable(str(error)):
            raise
        decoder = part_decoder()
        if decoder is None:
            return "odd subsampling, not looked through for damage"
        memory = np.empty(height * width * 3, np.uint8)
        if decoder.decode(data, memory, Box(0, 0, height, width)) is None:
            raise DecodeError("its pixels are damaged, or its colours cannot be converted") from None
        return None
    simplejpeg.decode_jpeg(data, {"Gray": "GRAY", "CMYK": "CMYK", "YCCK": "CMYK"}.get(colorspace, "RGB"))
    return None


def refuse_damaged_pieces(pieces: Iterable[bytes], max_pixels: int) -> None:
    """Raises `DecodeError` where a JPEG that is a piece of another file is damaged, which its library passes over."""
    for number, piece in enumerate(pieces):
        try:
            height, width, *_ = simplejpeg.decode_jpeg_header(piece)
        except (KeyError, ValueError):  # of a subsampling that it does not know
            continue
        refuse_bomb(height, width, max_pixels)
        try:
            simplejpeg.decode_jpeg(piece, "GRAY", min_height=1, min_width=1)
        except ValueError as error:
            if "conversion" not in str(error):
                raise DecodeError(f"its strip or tile {number}: {error}") from None


def ends_at(data: bytes, end: int) -> bool:
    """Whether the pixels of a JPEG, or of one of its scans, end at a byte or a few before it, as far as can be known.

    Behind a damage a decoder goes on in the wrong place, and ends too early. The bits that fill up the last byte that was encoded
    are ones; so if the last bit that is 0 plays no part in the pixels, there were more.
    """
    spare = next((spare for spare in range(AHEAD, 0, -1) if _is_strict(data[: end - spare] + data[end:])), 0)
    pixels, rest = data[: end - spare], data[end:]
    try:
        one, other = (simplejpeg.decode_jpeg(start + rest, strict=False) for start in (pixels, with_last_zero_set(pixels)))
    except ValueError:
        return True
    return not np.array_equal(one, other)


def _is_strict(data: bytes) -> bool:
    """Whether nothing is wrong with a JPEG."""
    try:
        simplejpeg.decode_jpeg(data, "GRAY", min_height=1, min_width=1)
    except ValueError:
        return False
    return True


def refuse_scans(data: bytes, head: Head, pixels: int) -> None:
    """Raises `DecodeError` for a JPEG of more than `MAX_SCANS` scans, or of so many that reading them takes as long.

    Those that encoders write have some ten.
    """
    pairs = [np.frombuffer(data, "<u2", (len(data) - start) // 2, start) for start in (0, 1)]
    likely = sum(np.count_nonzero(pair == SCAN) for pair in pairs)  # of count's time a fifth
    most = MAX_SCANS if head.frame not in PROGRESSIVE else max(FEW_SCANS, min(MAX_SCANS, MAX_PASSES // max(pixels, 1)))
    if likely > most and count_scans(data) > most:
        raise DecodeError(f"more than {most} scans, each of which takes a pass over the image")
