"""What stands around the pixels of a file: how many images there are, and what a decoder is given instead of all of it.

A decoder that is given a whole file reads what is of no use here, frames, comments, thumbnails, and may take hours or gigabytes
over a few bytes of it. So of each format only what makes up the first picture is handed on.
"""

import re
import struct
from typing import Final, NamedTuple

from dataprep.errors import DecodeError

MAX_FRAMES: Final = 10_000
"""Images of one file that are counted."""

MAX_PROFILE: Final = 4 << 20
"""Bytes of a colour profile; a longer one is none."""

OF_GIF: Final = re.compile(rb"[\x21\x2c\x3b]")
MAX_HEADER: Final = 4096  # bytes of a portable pixmap before its pixels
MAX_COMMENTS: Final = 10_000
TOKEN: Final = re.compile(rb"(?:\s|#[^\r\n]*+[\r\n])++([^\s#]{1,20})")
COMMENT: Final = re.compile(rb"#[^\r\n]*+")

RATIOS: Final = {
    1: (1, 1),
    2: (12, 10),
    3: (4, 3),
    4: (3, 2),
    5: (16, 9),
    6: (5, 4),
    7: (2, 1),
}  # of width and height, in JPEG XL


class Looked(NamedTuple):
    """A file that was looked at before a decoder is given it.

    Attributes:
        data: What the decoder is given.
        remarks: What was wrong and is mended.
        pages: How many images there are; None where the decoder says so.
        depth: Bits of a sample; None where it is 8, or the decoder says so.
        significant: How many of these hold something; None where the file does not say.
        profile: Its colour profile; None where there is none, or the decoder has it.
        size: Height and width; None where the decoder says so without a pixel decoded.
        orientation: As in EXIF; None where the decoder has EXIF to ask.
    """

    data: bytes
    remarks: tuple[str, ...] = ()
    pages: int | None = None
    depth: int | None = None
    significant: int | None = None
    profile: bytes | None = None
    size: tuple[int, int] | None = None
    orientation: int | None = None


def look_at_gif(data: bytes) -> Looked:
    """Returns the first frame of a GIF alone."""
    at, control, frames, first = 13 + _colours(data, 10), b"", 0, data
    while at < len(data) and frames < MAX_FRAMES:
        if data[at] == 0x3B:  # the end
            break
        if data[at] == 0x21:  # an extension; its label F9 is about the frame behind it
            end = _after_blocks(data, at + 2)
            if data[at + 1 : at + 2] == b"\xf9":
                control = data[at:end]
        elif data[at] == 0x2C:  # a frame
            end = _after_blocks(data, at + 11 + _colours(data, at + 9))
            if frames == 0:
                first = data[: 13 + _colours(data, 10)] + control + data[at:end] + b"\x3b"
            frames += 1
        else:
            known = OF_GIF.search(data, at)
            end = known.start() if known else len(data)
        at = end
    return Looked(first, pages=max(frames, 1))


def _colours(data: bytes, at: int) -> int:
    """Returns the bytes of a table of colours of a GIF, by the flags at some byte."""
    flags = data[at] if at < len(data) else 0
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _after_blocks(data: bytes, at: int) -> int:
    """Returns where a row of blocks ends, each of which begins with its length, or the file does."""
    while at < len(data) and data[at]:
        at += 1 + data[at]
    return min(at + 1, len(data))


def look_at_ppm(data: bytes) -> Looked:
    """Returns a portable pixmap without comments, which Pillow reads byte by byte, in plain ones again and again."""
    kind, at, tokens = data[:2], 2, list[bytes]()
    while len(tokens) < (2 if kind in (b"P1", b"P4") else 3):
        token = TOKEN.match(data, at, MAX_HEADER)
        if token is None:
            raise DecodeError("its header is damaged, or longer than 4 KiB")
        tokens.append(token[1])
        at = token.end()
    pixels, plain = data[at:], kind in (b"P1", b"P2", b"P3")
    if plain and pixels.count(b"#") > MAX_COMMENTS:
        raise DecodeError(f"more than {MAX_COMMENTS:,} comments between its pixels")
    if plain:
        pixels = COMMENT.sub(b"", pixels)
    return Looked(b"\n".join([kind, *tokens]) + pixels)


def look_at_jxl(data: bytes) -> Looked:
    """Returns the image of a JPEG XL without what stands beside it; its decoder would not say the size before it has decoded."""
    stream = data if data[:2] == b"\xff\x0a" else b"".join(_pieces_of_jxl(data))
    bits = int.from_bytes(stream[2:14], "little")

    def take(count: int) -> int:
        nonlocal bits
        taken = bits & (1 << count) - 1
        bits >>= count
        return taken

    small = take(1)

    def side() -> int:
        return 8 * (1 + take(5)) if small else 1 + take((9, 13, 18, 30)[take(2)])

    height, ratio = side(), take(3)
    across, down = RATIOS.get(ratio, (0, 1))
    return Looked(stream, size=(height, height * across // down if ratio else side()), orientation=1)  # it comes upright


def _pieces_of_jxl(data: bytes) -> list[bytes]:
    at, pieces = 0, []
    while at + 8 <= len(data):
        length, kind, head = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8], 8
        if length == 1:
            length, head = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        end = at + length if length else len(data)
        if kind in (b"jxlc", b"jxlp"):
            pieces.append(data[at + head + 4 * (kind == b"jxlp") : end])
        if end <= at:
            break
        at = end
    return pieces


def look_at_icon(data: bytes) -> Looked:
    """Returns the largest picture of an icon: a PNG as it is, another as an icon of one."""
    (count,) = struct.unpack_from("<H", data, 4) if len(data) >= 6 else (0,)
    lines = [data[at : at + 16] for at in range(6, 6 + 16 * min(count, (len(data) - 6) // 16), 16)]
    if not lines:
        raise DecodeError("an icon without a picture")
    # the largest, and of these the one of fewest colours that is named first, as Pillow chooses
    line = min(lines, key=lambda line: (-(line[0] or 256) * (line[1] or 256), _depth(line)))
    length, at = struct.unpack_from("<II", line, 8)
    picture, remarks = data[at : at + length], (f"the largest of {len(lines)} pictures",) if len(lines) > 1 else ()
    if picture.startswith(b"\x89PNG\r\n\x1a\n"):
        return Looked(picture, remarks)
    return Looked(b"\0\0\x01\0\x01\0" + line[:12] + struct.pack("<I", 22) + data[at:], remarks)


def _depth(line: bytes) -> int:
    """Returns the bits of a pixel of a picture, by its line in an icon's table."""
    return int.from_bytes(line[6:8], "little") or (line[2].bit_length() if line[2] else 256)
