"""What a PNG says of itself, chunk by chunk, and whether it holds all its pixels: Pillow does not look at their checksums."""

import struct
import zlib
from collections.abc import Iterator
from itertools import islice
from typing import Final, NamedTuple

import PIL.Image

from dataprep.errors import DecodeError
from dataprep.images.containers import MAX_FRAMES, MAX_PROFILE, Looked

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
CHANNELS: Final = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type
# top, left, rows and columns between pixels of the seven passes of an interlaced image
ADAM7: Final = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
NEEDED: Final = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"eXIf"})  # to make the pixels and turn them upright
MAX_REMARKS: Final = 3
PIECE: Final = 1 << 20  # bytes that are inflated at once, to be counted


class Chunk(NamedTuple):
    """One chunk: its name, where it begins and ends in the file, and whether its checksum is right."""

    name: bytes
    start: int
    end: int
    sound: bool


def look_at_png(data: bytes) -> Looked:
    """Returns what a PNG says of itself, and the file without what makes no pixels: texts, later frames, chunks that are damaged.

    Raises:
        DecodeError: The checksum of its pixels, or of another chunk that is needed, is wrong.
    """
    chunks = list(_chunks(data))
    for chunk in chunks:
        if not chunk.sound and not chunk.name[0] & 0x20:
            name = _spelled(chunk.name)
            what = "its pixels (IDAT)" if name == "IDAT" else f"its chunk {name}"
            raise DecodeError(f"the checksum of {what} at byte {chunk.start:,} is wrong: the file is damaged")
    broken = dict.fromkeys(_spelled(chunk.name) for chunk in chunks if not chunk.sound)
    remarks = [f"the checksum of its chunk {name} is wrong" for name in islice(broken, MAX_REMARKS)]
    if chunks[-1:] and chunks[-1].name != b"IEND":
        remarks.append("no end chunk")
    sound = {chunk.name: chunk for chunk in reversed(chunks) if chunk.sound}
    significant = data[sound[b"sBIT"].start + 8] if b"sBIT" in sound else None
    end = max((chunk.end for chunk in chunks), default=len(SIGNATURE))
    kept = [data[chunk.start : chunk.end] for chunk in chunks if chunk.sound and chunk.name in NEEDED]
    return Looked(
        b"".join([SIGNATURE, *kept, data[end:] if chunks[-1:] and chunks[-1].name != b"IEND" else b""]),
        tuple(remarks),
        pages=_count_frames(data, sound),
        depth=data[24] if len(data) > 24 else 0,
        significant=significant,
        profile=_profile(data, sound.get(b"iCCP")),
    )


def _spelled(name: bytes) -> str:
    """Returns the name of a chunk in characters that print."""
    return ascii(name.decode("latin-1"))[1:-1]


def _count_frames(data: bytes, sound: dict[bytes, Chunk]) -> int:
    """Returns how many pictures an animation has, with the one before it where it does not begin with that; 1 for other files."""
    control, pixels, first = (sound.get(name) for name in (b"acTL", b"IDAT", b"fcTL"))
    if control is None or pixels is None or control.start > pixels.start or control.end - control.start < 20:
        return 1
    apart = first is None or first.start > pixels.start
    return min(max(1, int.from_bytes(data[control.start + 8 : control.start + 12], "big")) + apart, MAX_FRAMES)


def _profile(data: bytes, chunk: Chunk | None) -> bytes | None:
    """Returns the colour profile of a PNG; one that is damaged or too long is none."""
    if chunk is None:
        return None
    _, _, packed = data[chunk.start + 8 : chunk.end - 4].partition(b"\0")
    inflate = zlib.decompressobj()
    try:
        profile = inflate.decompress(packed[1:], MAX_PROFILE)
    except zlib.error:
        return None
    return profile if inflate.eof else None


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
