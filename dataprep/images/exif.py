"""When a picture was taken, by what the camera wrote into the file; what was edited and saved anew has often lost it."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from typing import Final

from dataprep.images.jpeg import head_of
from dataprep.images.tiff import EXIF, Tables, tables_of

MARKS: Final = (b"Exif", b"eXIf", b"EXIF")
"""One of these is before the EXIF of an AVIF or HEIC, of a PNG, and of a WebP."""
AFTER: Final = 20  # bytes behind a mark in which EXIF begins
PLACES: Final = 4  # at which a mark is looked for: an AVIF has it in its table of contents as well
LONGEST: Final = 1 << 16  # bytes of it that are looked at
IFD, ORIGINAL, CHANGED = 0x8769, 0x9003, 0x0132  # the tags of the camera; in them when the picture was taken; when it was changed
WRITTEN: Final = "%Y:%m:%d %H:%M:%S"


def captured(data: bytes) -> datetime | None:
    """Returns the local time at which a picture was taken, else at which the file was last changed, None if it does not say.

    Args:
        data: The bytes of a file that can be decoded.
    """
    tables = _exif_of(data)
    if tables is None:
        return None
    first = tables.entries(tables.first)[0]
    camera = tables.entries(tables.number(first[IFD], 0))[0] if IFD in first else {}
    written = tables.text(camera.get(ORIGINAL)) or tables.text(first.get(CHANGED))
    with suppress(ValueError):
        return datetime.strptime(written, WRITTEN)  # noqa: DTZ007  EXIF names no zone
    return None


def _exif_of(data: bytes) -> Tables | None:
    """Returns the tables of a file's EXIF, which in a TIFF are its own, None where it has none."""
    if EXIF.match(data):
        return tables_of(data)
    if data[:3] == b"\xff\xd8\xff":
        return tables_of(head_of(data).exif)
    starts = (EXIF.search(data, at, at + AFTER) for mark in MARKS for at in _places(data, mark))
    return next((tables_of(data[start.start() : start.start() + LONGEST]) for start in starts if start), None)


def _places(data: bytes, mark: bytes) -> Iterator[int]:
    """Yields where a mark stands, at the first few places."""
    at = -1
    for _ in range(PLACES):
        at = data.find(mark, at + 1)
        if at < 0:
            return
        yield at
