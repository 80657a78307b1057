"""Damaged PNG: what has all its pixels is read, with a remark; what lacks some, or holds wrong ones, is refused by name."""

import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataprep.errors import DecodeError
from dataprep.images.decode import decode
from dataprep.images.png import ADAM7
from dataprep.testing import encoded, photo
from dataprep.types import Image

VIEWS: tuple[tuple[int | None, int], ...] = ((None, 3), (None, 1), (16, 1), (128, 3))


def chunk(name: bytes, payload: bytes) -> bytes:
    """One chunk of a PNG."""
    return struct.pack(">I", len(payload)) + name + payload + struct.pack(">I", zlib.crc32(name + payload))


def png_of(image: Image, stream: bytes | None = None, interlaced: bool = False) -> bytes:
    """A PNG of 8-bit RGB in one chunk of pixels, which may be of another stream than its own."""
    if stream is None:
        passes = [image[top::down, left::right] for top, left, down, right in ADAM7] if interlaced else [image]
        stream = b"".join(b"\0" + row.tobytes() for part in passes for row in part if part.size)
    head = struct.pack(">IIBBBBB", image.shape[1], image.shape[0], 8, 2, 0, 0, interlaced)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(stream)) + chunk(b"IEND", b"")


def strictly(data: bytes) -> Image | None:
    """What a strict decoder of its own makes of a PNG of Pillow's, 8-bit RGB, and of no damaged one."""
    at, pixels, size = 8, b"", (0, 0)
    while at < len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        payload = data[at + 8 : at + 8 + length]
        if data[at + 8 + length : at + 12 + length] != struct.pack(">I", zlib.crc32(name + payload)) and name[0] < 97:
            return None
        size = struct.unpack_from(">II", payload)[::-1] if name == b"IHDR" else size
        pixels += payload if name == b"IDAT" else b""
        at += 12 + length
    height, width = size
    rows, raw = np.zeros((height + 1, width * 3 + 3), int), zlib.decompress(pixels)
    for row in range(height):
        line = raw[row * (width * 3 + 1) : (row + 1) * (width * 3 + 1)]
        for column, value in enumerate(line[1:], start=3):
            left, above, corner = rows[row + 1, column - 3], rows[row, column], rows[row, column - 3]
            nearest = min((left, above, corner), key=lambda level: abs(left + above - corner - level))
            rows[row + 1, column] = value + (0, left, above, (left + above) // 2, nearest)[line[0]] & 255
    return rows[1:, 3:].reshape(height, width, 3).astype(np.uint8)


PNG = encoded(photo(3, 24, 32), "PNG", compress_level=6)


@given(st.integers(8, len(PNG) - 1), st.integers(1, 255), st.booleans())
def test_damaged_png(at: int, change: int, cut: bool) -> None:
    """A PNG with any byte changed, or cut there, is refused or has all the pixels that a strict decoder finds, in every view."""
    data = PNG[:at] if cut else PNG[:at] + bytes([PNG[at] ^ change]) + PNG[at + 1 :]
    whole = strictly(PNG)
    for side, channels in VIEWS:
        try:
            found = decode(data, side=side, channels=channels)
        except DecodeError:
            continue
        assert np.array_equal(found.image, decode(PNG, side=side, channels=channels).image)
        assert channels == 1 or np.array_equal(found.image, whole)
        assert found.remark


def test_png_of_wrong_pixels() -> None:
    """A PNG with a wrong checksum in its pixels is refused by that name, in every view; and so in another that is needed."""
    at = PNG.index(b"IDAT") + 40
    for name, data in (
        ("its pixels .IDAT.", PNG[:at] + b"damage" + PNG[at + 6 :]),
        ("its chunk IHDR", PNG[:29] + b"damn" + PNG[33:]),
    ):
        for side, channels in VIEWS:
            with pytest.raises(DecodeError, match=f"the checksum of {name} at byte .* is wrong"):
                decode(data, side=side, channels=channels)


@pytest.mark.parametrize("name", [b"tEXt", b"eXIf", b"gAMA", b"sBIT", b"tRNS", b"iCCP"])
def test_png_of_a_wrong_ancillary_chunk(name: bytes) -> None:
    """A PNG with a wrong checksum in a chunk that it need not have is an image without that chunk."""
    data = PNG[:33] + chunk(name, b"whatever")[:-4] + b"damn" + PNG[33:]
    found = decode(data)
    assert np.array_equal(found.image, decode(PNG).image)
    assert found.remark == f"the checksum of its chunk {name.decode()} is wrong"


def test_png_without_end() -> None:
    """A PNG that lacks its end chunk has all its pixels."""
    found = decode(PNG[:-12])
    assert np.array_equal(found.image, decode(PNG).image)
    assert found.remark == "no end chunk"


@pytest.mark.parametrize("interlaced", [False, True])
def test_png_of_too_few_rows(interlaced: bool) -> None:
    """A PNG whose stream of pixels ends early, with every checksum right, is refused; one that is black at its end is not."""
    image = photo(3, 24, 32)
    image[12:] = 0
    assert np.array_equal(decode(png_of(image, interlaced=interlaced)).image, image)
    for length in (0, 1, 97, 97 * 12, 97 * 24 - 1):
        with pytest.raises(DecodeError, match=r"its pixels end after|truncated"):
            decode(png_of(image, bytes(length), interlaced))
