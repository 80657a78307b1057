"""The tables of a TIFF, which EXIF has as well: what they say, as far as it is asked for and no further.

Pillow reads all that a table points to, as often as it does, and takes what a tile is said to need: a few bytes are enough for
gigabytes. So what a table asks for is added up here first.
"""

import re
import struct
from collections.abc import Iterator
from itertools import islice
from typing import Final, NamedTuple

from dataprep.errors import DecodeError
from dataprep.images.containers import MAX_FRAMES, Looked
from dataprep.images.formats import IS_RAW

ORIENTATION: Final = 0x0112
WIDTH, HEIGHT, BITS, PHOTOMETRIC, SAMPLES, TILE_WIDTH, TILE_HEIGHT, SUBTABLES, DNG = 256, 257, 258, 262, 277, 322, 323, 330, 50706
COMPRESSION, STRIP_OFFSETS, STRIP_LENGTHS, TILE_OFFSETS, TILE_LENGTHS, JPEG_TABLES = 259, 273, 279, 324, 325, 347
JPEG: Final = 7  # compression
MAX_SUBTABLES: Final = 16  # that are looked at
OF_A_SENSOR: Final = frozenset({32803, 34892})  # how the pixels of a raw file are to be understood: of a colour filter, or linear
SIZES: Final = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 8,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    13: 4,
    16: 8,
    17: 8,
    18: 8,
}  # bytes, by type
TEXT: Final = 2  # the type of it
WHOLE: Final = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}  # types of whole numbers
EXIF: Final = re.compile(rb"II\x2a\0|MM\0\x2a")
MAX_EXIF: Final = 64
SPARE: Final = 1 << 20  # bytes that tables may ask for beyond four times what there is
MAX_TILE: Final = 1 << 26  # bytes of a tile, unless the image has as many


class Entry(NamedTuple):
    """A line of a table: of which type and how many its values are, and where they stand in the file."""

    type: int
    many: int
    at: int


class Tables(NamedTuple):
    """Where the tables of a file are.

    Attributes:
        data: The file.
        order: "<" or ">", as the bytes of numbers follow each other.
        big: Whether it is a BigTIFF, of 64-bit offsets.
        first: Where the first table is.
    """

    data: bytes
    order: str
    big: bool
    first: int

    def entries(self, at: int) -> tuple[dict[int, Entry], int]:
        """Returns a table by tag, and where the next one is, 0 for nowhere; one that is cut counts as far as it goes."""
        head, line, word = ("Q", "HHQQ", "Q") if self.big else ("H", "HHII", "I")
        found: dict[int, Entry] = {}
        try:
            (count,) = struct.unpack_from(self.order + head, self.data, at)
            at += struct.calcsize(self.order + head)
            for _ in range(min(count, 0xFFFF)):
                tag, type, length, value = struct.unpack_from(self.order + line, self.data, at)
                at += struct.calcsize(self.order + line)
                inline = SIZES.get(type, 0) * length <= struct.calcsize(self.order + word)
                found[tag] = Entry(type, length, at - struct.calcsize(self.order + word) if inline else value)
            (following,) = struct.unpack_from(self.order + word, self.data, at)
        except (struct.error, OverflowError):  # it is beyond the end
            return found, 0
        return found, following

    def number(self, entry: Entry | None, otherwise: int) -> int:
        """Returns the first value of an entry."""
        if entry is None or entry.type not in WHOLE or entry.many < 1:
            return otherwise
        try:
            return int(struct.unpack_from(self.order + WHOLE[entry.type], self.data, entry.at)[0])
        except (struct.error, OverflowError):
            return otherwise

    def numbers(self, entry: Entry) -> Iterator[int]:
        """Yields the values of an entry, as far as the file goes."""
        size = SIZES.get(entry.type, 1)
        for place in range(min(entry.many, max(0, len(self.data) - entry.at) // size)):
            yield self.number(entry._replace(many=1, at=entry.at + size * place), 0)

    def text(self, entry: Entry | None) -> str:
        """Returns the text of an entry without the zeros and blanks around it, "" where there is none."""
        if entry is None or entry.type != TEXT:
            return ""
        return self.data[entry.at : entry.at + entry.many].decode("latin-1").strip("\0 ")

    def pages(self) -> Iterator[dict[int, Entry]]:
        """Yields the tables that follow each other, each once."""
        at, seen = self.first, set[int]()
        while at and at not in seen:
            seen.add(at)
            table, at = self.entries(at)
            yield table


def tables_of(data: bytes) -> Tables | None:
    """Returns where the tables of a TIFF or of EXIF are, None where it has no such start."""
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if order is None or len(data) < 8:
        return None
    big = data[2:4] in (b"\x2b\0", b"\0\x2b")
    if big and len(data) < 16:
        return None
    return Tables(data, order, big, struct.unpack_from(order + ("Q" if big else "I"), data, 8 if big else 4)[0])


def orientation_of_exif(exif: bytes) -> int:
    """Returns the orientation, 1 to 8, that EXIF states, be there its name before it; 1 where it states none."""
    tables = tables_of(exif.removeprefix(b"Exif\0\0"))
    if tables is None:
        return 1
    found = tables.number(tables.entries(tables.first)[0].get(ORIENTATION), 1)
    return found if 1 <= found <= 8 else 1


def look_at_tiff(data: bytes) -> Looked:
    """Returns how many images a TIFF holds.

    Raises:
        DecodeError: It is a camera's raw file, or takes more memory than its pixels account for.
    """
    tables = tables_of(data)
    if tables is None:
        return Looked(data, orientation=1)
    first = tables.entries(tables.first)[0]
    _refuse_raw(tables, first)
    _refuse_hungry(tables, first)
    pages = sum(1 for _ in islice(tables.pages(), MAX_FRAMES))
    return Looked(data, pages=pages, orientation=1)  # Pillow turns it


def jpegs_of_tiff(data: bytes) -> Iterator[bytes]:
    """Yields the strips or tiles of the first image of a TIFF, each as a JPEG, where they are JPEG."""
    tables = tables_of(data)
    table = tables.entries(tables.first)[0] if tables else {}
    if tables is None or tables.number(table.get(COMPRESSION), 1) != JPEG:
        return
    shared = table.get(JPEG_TABLES)
    start = data[shared.at : shared.at + shared.many - 2] if shared else b""  # without its end marker
    where, lengths = (TILE_OFFSETS, TILE_LENGTHS) if TILE_OFFSETS in table else (STRIP_OFFSETS, STRIP_LENGTHS)
    if where not in table or lengths not in table:
        return
    for at, length in zip(tables.numbers(table[where]), tables.numbers(table[lengths]), strict=False):
        piece = data[at : at + length]
        yield start + piece[2:] if start else piece


def look_at_boxes(data: bytes) -> Looked:
    """Returns an AVIF or HEIC as it is.

    Raises:
        DecodeError: What may be EXIF in it takes more memory than it accounts for.
    """
    starts = [found.start() for found in islice(EXIF.finditer(data), MAX_EXIF + 1)]
    if len(starts) > MAX_EXIF:
        raise DecodeError(f"more than {MAX_EXIF} tables of EXIF")
    for start in starts:
        tables = tables_of(data[start:])
        if tables is not None:
            _refuse_hungry(tables, tables.entries(tables.first)[0])
    return Looked(data)


def _refuse_raw(tables: Tables, table: dict[int, Entry]) -> None:
    """Raises `DecodeError` where the first table, or one below it, holds what a sensor saw: the image beside it is a preview."""
    below = islice(tables.numbers(table[SUBTABLES]), MAX_SUBTABLES) if SUBTABLES in table else ()
    held = [table, *(tables.entries(place)[0] for place in below if place)]
    if DNG in table or any(tables.number(one.get(PHOTOMETRIC), 0) in OF_A_SENSOR for one in held):
        raise DecodeError(IS_RAW)


def _refuse_hungry(tables: Tables, table: dict[int, Entry]) -> None:
    """Raises `DecodeError` where the entries of a table, or a tile, are larger than the file or the image has any use for."""
    asked = sum(min(SIZES.get(entry.type, 0) * entry.many, len(tables.data)) for entry in table.values())
    if asked > 4 * len(tables.data) + SPARE:
        raise DecodeError(f"its tables ask for {asked:,} bytes of a file of {len(tables.data):,}")
    bits = tables.number(table.get(BITS), 1) * tables.number(table.get(SAMPLES), 1)
    tile, image = (
        bits * tables.number(table.get(across), 0) * tables.number(table.get(down), 0) // 8
        for across, down in ((TILE_WIDTH, TILE_HEIGHT), (WIDTH, HEIGHT))
    )
    if tile > max(MAX_TILE, 4 * image):
        raise DecodeError(f"a tile of it takes {tile:,} bytes, of an image of {image:,}")
