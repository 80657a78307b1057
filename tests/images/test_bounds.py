"""Small files that ask for much: read, or refused, in the time and memory that their size and their pixels account for.

What is not bounded would take hours or gigabytes here, so that these tests would not end; none of them looks at a clock.
"""

import io
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable

import numpy as np
import PIL.Image
import pytest

from dataprep.errors import DecodeError
from dataprep.images import native
from dataprep.images.containers import MAX_FRAMES
from dataprep.images.decode import decode
from dataprep.images.resize import average, is_compiled
from dataprep.testing import encoded, photo

MEGABYTE = 1 << 20
PICTURE = photo(0, 40, 60)


def segment(marker: int, payload: bytes) -> bytes:
    """A segment of a JPEG."""
    return struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload


def chunk(name: bytes, payload: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(payload)) + name + payload + struct.pack(">I", zlib.crc32(name + payload))


def table(*entries: tuple[int, int, int, int], following: int = 0) -> bytes:
    """A table of a TIFF: tag, type, count and value of each entry, and where the next table is."""
    lines = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return struct.pack("<H", len(entries)) + lines + struct.pack("<I", following)


def tiff(*entries: tuple[int, int, int, int], behind: bytes = b"") -> bytes:
    """A TIFF of one table."""
    return b"II*\0\x08\0\0\0" + table(*entries) + behind


def cmyk() -> bytes:
    """A JPEG that Pillow decodes."""
    buffer = io.BytesIO()
    PIL.Image.fromarray(PICTURE).convert("CMYK").save(buffer, "JPEG")
    return buffer.getvalue()


JPEG, CMYK, PNG, GIF = encoded(PICTURE), cmyk(), encoded(PICTURE, "PNG"), encoded(PICTURE, "GIF")
TIFF = encoded(PICTURE, "TIFF")
COLOURS = 13 + 3 * 256  # bytes of the GIF before its first block
INFLATED = zlib.compress(bytes(64 * MEGABYTE), 9)
HUNGRY = b"II*\0\x08\0\0\0" + table(*((tag, 1, 60_000, 0) for tag in range(4_000)))

READ: dict[str, Callable[[], bytes]] = {
    "fill bytes before a marker": lambda: JPEG[:2] + b"\xff" * 4 * MEGABYTE + JPEG[2:],
    "fill bytes before the end": lambda: JPEG[:-2] + b"\xff" * 4 * MEGABYTE + JPEG[-2:],
    "fill bytes in place of the end": lambda: JPEG[:-2] + b"\xff" * 4 * MEGABYTE,
    "fill bytes before a marker, CMYK": lambda: CMYK[:2] + b"\xff" * 4 * MEGABYTE + CMYK[2:],
    "a hundred thousand segments": lambda: JPEG[:2] + segment(0xE5, b"") * 100_000 + JPEG[2:],
    "EXIF that asks for gigabytes": lambda: JPEG[:2] + segment(0xE1, b"Exif\0\0" + HUNGRY) * 40 + JPEG[2:],
    "EXIF that asks for gigabytes, CMYK": lambda: CMYK[:2] + segment(0xE1, b"Exif\0\0" + HUNGRY) * 40 + CMYK[2:],
    "frames of a JPEG without end": lambda: JPEG[:-2] + b"\xff\xd9" + segment(0xC2, bytes(60_000)) * 100,
    "compressed texts": lambda: PNG[:33] + chunk(b"zTXt", b"k\0\0" + INFLATED) * 200 + PNG[33:],
    "compressed international texts": lambda: PNG[:33] + chunk(b"iTXt", b"k\0\1\0\0\0" + INFLATED) * 200 + PNG[33:],
    "a compressed profile": lambda: PNG[:33] + chunk(b"iCCP", b"k\0\0" + INFLATED) + PNG[33:],
    "EXIF of a PNG": lambda: PNG[:33] + chunk(b"eXIf", HUNGRY + bytes(MEGABYTE)) + PNG[33:],
    "chunks with a wrong checksum": lambda: PNG[:33] + b"\0\0\0\0teXt1234" * 50_000 + PNG[33:],
    "a comment of a GIF": lambda: GIF[:COLOURS] + b"\x21\xfe" + (b"\xff" + bytes(255)) * 30_000 + b"\0" + GIF[COLOURS:],
    "bytes between the blocks of a GIF": lambda: GIF[:COLOURS] + b"\1" * 4 * MEGABYTE + GIF[COLOURS:],
    "bytes behind a TIFF": lambda: TIFF + bytes(4 * MEGABYTE),
}
REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing but fill bytes": (lambda: JPEG[:2] + b"\xff" * 4 * MEGABYTE, "without pixels"),
    "a tile of gigabytes": (
        lambda: tiff((256, 4, 1, 10), (257, 4, 1, 10), (258, 3, 1, 8), (322, 4, 1, 1 << 16), (323, 4, 1, 1 << 16)),
        "a tile of it takes 4,294,967,296 bytes",
    ),
    "a table that reads the file again and again": (
        lambda: tiff(
            (256, 4, 1, 10), (257, 4, 1, 10), *((tag, 1, MEGABYTE, 8) for tag in range(1000, 1300)), behind=bytes(MEGABYTE)
        ),
        "its tables ask for",
    ),
    "a pixmap of comments": (lambda: b"P6\n" + b"#\n" * 2 * MEGABYTE + b"60 40\n255\n" + bytes(7200), "header"),
    "a plain pixmap of comments": (lambda: b"P3\n3000 1000\n255\n" + b"#\n" * 2 * MEGABYTE, "comments between its pixels"),
    "scans over a large image": (lambda: scans(12_000), "more than 20 scans"),
}


def scans(side: int) -> bytes:
    """A progressive JPEG of few bytes and 90 scans, square."""
    data = encoded(PICTURE, progressive=True)
    frame, last = data.index(b"\xff\xc2") + 5, data.rindex(b"\xff\xda")
    data = data[:frame] + struct.pack(">HH", side, side) + data[frame + 4 :]
    return data[:-2] + data[last:-2] * 90 + data[-2:]


@pytest.mark.parametrize("name", READ)
def test_images_with_much_beside_their_pixels(name: str, quiet: None) -> None:
    """However much stands beside the pixels, an image has those that it has without."""
    data = READ[name]()
    plain = next(one for one in (CMYK if "CMYK" in name else JPEG, PNG, GIF, TIFF) if one[:2] == data[:2])
    np.testing.assert_array_equal(decode(data).image, decode(plain).image)


@pytest.mark.parametrize("name", REFUSED)
def test_images_that_ask_for_too_much(name: str, quiet: None) -> None:
    """What takes far more than its size and its pixels account for is refused by name."""
    make, why = REFUSED[name]
    with pytest.raises(DecodeError, match=why):
        decode(make())


def test_many_frames() -> None:
    """The frames of a GIF and the pages of a TIFF are counted up to a limit, and said; only the first is decoded."""
    more = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\2\2\x44\1\0"
    found = decode(GIF[:-1] + more * 50_000 + b";")
    assert found.remark == f"the first of {MAX_FRAMES:,} or more pages"
    np.testing.assert_array_equal(found.image, decode(GIF).image)


def test_a_table_that_leads_to_itself() -> None:
    """Tables in a circle are counted once."""
    (first,) = struct.unpack_from("<I", TIFF, 4)
    end = first + 2 + 12 * int.from_bytes(TIFF[first : first + 2], "little")
    assert decode(TIFF[:end] + struct.pack("<I", first) + TIFF[end + 4 :]).remark is None


BOUNDED = """
import resource, sys
import numpy as np
from dataprep.images import native
native.module = lambda name: None
from dataprep.images.resize import average
image = np.zeros((16, 50_000), np.uint8)
resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
assert average(image, (8, 25_000)).shape == (8, 25_000)
"""


def test_an_average_of_a_panorama() -> None:
    """Without the compiled code, an average takes memory as the image has pixels, not as its sides multiplied by each other."""
    subprocess.run([sys.executable, "-c", BOUNDED], check=True)


@pytest.mark.skipif(not is_compiled(), reason="there is only one way")
def test_averages_are_the_same_without_the_compiled_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """The average that is compiled and that of NumPy are the same to the bit."""
    sizes = [((50, 70), (7, 9)), ((300, 200), (128, 128)), ((64, 64), (63, 1)), ((129, 1000), (128, 992))]
    images = [photo(seed, *source) for seed, (source, _) in enumerate(sizes)]
    compiled = [average(image, target) for image, (_, target) in zip(images, sizes, strict=True)]
    monkeypatch.setattr(native, "module", lambda name: None)
    for image, (_, target), expected in zip(images, sizes, compiled, strict=True):
        np.testing.assert_array_equal(average(image, target), expected)
