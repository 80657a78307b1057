"""What a PNG says of itself, chunk by chunk, and whether it holds all its pixels: Pillow does not look at their checksums."""

import struct
import zlib
from collections.abc import Iterator
from typing import Final, NamedTuple

import PIL.Image

from dataprep.errors import DecodeError

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
CHANNELS: Final = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type
# top, left, rows and columns between pixels of the seven passes of an interlaced image
ADAM7: Final = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
PIECE: Final = 1 << 20  # bytes that are inflated at once, to be counted


class Png(NamedTuple):
    """A PNG whose chunks were looked at.

    Attributes:
        data: Its bytes, without ancillary chunks whose checksum is wrong.
        remarks: What was wrong and is mended.
        depth: Bits of a sample; 16 at most.
        significant: How many of these hold something, for the first channel; None where the file does not say.
    """

    data: bytes
    remarks: tuple[str, ...]
    depth: int
    significant: int | None


class Chunk(NamedTuple):
    """One chunk: its name, where it begins and ends in the file, and whether its checksum is right."""

    name: bytes
    start: int
    end: int
    sound: bool


def look_at_png(data: bytes) -> Png:
    """Returns what a PNG says of itself.

    Raises:
        DecodeError: The checksum of its pixels, or of another chunk that is needed, is wrong.
    """
    chunks = list(_chunks(data))
    for chunk in chunks:
        if not chunk.sound and not chunk.name[0] & 0x20:
            name = chunk.name.decode("ascii", "backslashreplace")
            what = "its pixels (IDAT)" if name == "IDAT" else f"its chunk {name}"
            raise DecodeError(f"the checksum of {what} at byte {chunk.start:,} is wrong: the file is damaged")
    broken = [chunk for chunk in chunks if not chunk.sound]
    remarks = [f"the checksum of its chunk {chunk.name.decode('ascii', 'backslashreplace')} is wrong" for chunk in broken]
    if chunks[-1:] and chunks[-1].name != b"IEND":
        remarks.append("no end chunk")
    significant = next((data[chunk.start + 8] for chunk in chunks if chunk.name == b"sBIT" and chunk.sound), None)
    for chunk in reversed(broken):
        data = data[: chunk.start] + data[chunk.end :]
    return Png(data, tuple(remarks), data[24] if len(data) > 24 else 0, significant)


def refuse_missing_rows(image: PIL.Image.Image, data: bytes) -> None:
    """Raises `DecodeError` where a PNG's stream of pixels ended before all were there, which Pillow leaves as zeros.

    A row that is not reached is zero, so that most files need no second look.
    """
    interlaced = bool(image.info.get("interlace"))
    if not interlaced and image.crop((0, image.height - 1, *image.size)).getbbox(alpha_only=False) is not None:
        return
    bits = data[24] * CHANNELS.get(data[25], 1)
    passes = ADAM7 if interlaced else ((0, 0, 1, 1),)
    sizes = [(-(-(image.height - top) // down), -(-(image.width - left) // right)) for top, left, down, right in passes]
    wanted = sum(rows * (1 + -(-columns * bits // 8)) for rows, columns in sizes if rows > 0 and columns > 0)
    found = _inflated(data)
    if found < wanted:
        raise DecodeError(f"its pixels end after {found:,} of {wanted:,} bytes")


def _chunks(data: bytes) -> Iterator[Chunk]:
    """Yields the chunks of a PNG that are there in full, up to its end."""
    at, view = len(SIGNATURE), memoryview(data)
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        end = at + 12 + length
        if end > len(data):
            return
        name = data[at + 4 : at + 8]
        yield Chunk(name, at, end, zlib.crc32(view[at + 4 : end - 4]) == int.from_bytes(view[end - 4 : end], "big"))
        if name == b"IEND":
            return
        at = end


def _inflated(data: bytes) -> int:
    """Returns how many bytes the stream of pixels of a PNG holds; a chunk that is cut counts as far as it goes."""
    found, inflate, at = 0, zlib.decompressobj(), len(SIGNATURE)
    while at + 12 <= len(data) and not inflate.eof:
        length = int.from_bytes(data[at : at + 4], "big")
        rest = data[at + 8 : at + 8 + length] if data[at + 4 : at + 8] == b"IDAT" else b""
        while rest and not inflate.eof:
            found += len(inflate.decompress(rest, PIECE))
            rest = inflate.unconsumed_tail
        at += 12 + length
    return found + len(inflate.flush())
