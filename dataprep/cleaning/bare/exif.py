"""When a picture was taken, as `dataprep.images.exif` finds it, of EXIF that is as it should be; what is odd is left to that."""

from datetime import datetime, timedelta
from struct import error, unpack_from

from dataprep.cleaning.bare import NEVER

EPOCH, MS = datetime(1970, 1, 1), timedelta(milliseconds=1)  # noqa: DTZ001  EXIF names no zone
ORDERS = {b"II\x2a\0": "<", b"MM\0\x2a": ">"}
IFD, ORIGINAL, CHANGED = 0x8769, 0x9003, 0x0132
TEXT, LONG = 2, 4  # types
ENTRY = 12  # bytes
LENGTH = len("2001:02:03 04:05:06")
SEPARATORS = (":", ":", " ", ":", ":")


def captured(data: bytes, start: int, stop: int) -> "int | None":
    """Returns when a picture was taken, in ms since 1970 of local time, `NEVER` where it does not say, and None for odd EXIF.

    Args:
        data: A file.
        start: Where its EXIF begins, with its tables.
        stop: Where it ends.
    """
    exif = data[start:stop]
    order = ORDERS.get(exif[:4])
    if order is None:
        return None
    try:
        first = _entries(exif, order, unpack_from(order + "I", exif, 4)[0])
        kind, many, at = first.get(IFD, (LONG, 1, -1))
        camera = _entries(exif, order, unpack_from(order + "I", exif, at)[0]) if at >= 0 else {}
    except error:  # a table is cut
        return None
    if kind != LONG or many != 1:
        return None
    return _time(_text(exif, camera.get(ORIGINAL)) or _text(exif, first.get(CHANGED)))


def _entries(exif: bytes, order: str, at: int) -> "dict[int, tuple[int, int, int]]":
    """Returns type, count and place of what is asked of a table, by tag."""
    (count,) = unpack_from(order + "H", exif, at)
    unpack_from("I", exif, at + 2 + ENTRY * count)  # up to where the next table would be named
    found = {}
    for line in range(at + 2, at + 2 + ENTRY * count, ENTRY):
        tag, kind, many = unpack_from(order + "HHI", exif, line)
        if tag in (IFD, ORIGINAL, CHANGED):
            inline = many <= 4 if kind == TEXT else (kind, many) == (LONG, 1)
            found[tag] = kind, many, line + 8 if inline else unpack_from(order + "I", exif, line + 8)[0]
    return found


def _text(exif: bytes, entry: "tuple[int, int, int] | None") -> str:
    if entry is None or entry[0] != TEXT:
        return ""
    _, many, at = entry
    return exif[at : at + many].decode("latin-1").strip("\0 ")


def _time(text: str) -> "int | None":
    """Returns what the text of a time means; None for one that is not written as usual."""
    if not text:
        return NEVER
    parts = text[:4], text[5:7], text[8:10], text[11:13], text[14:16], text[17:]
    if len(text) != LENGTH or not all(part.isascii() and part.isdigit() for part in parts):
        return None
    if (text[4], text[7], text[10], text[13], text[16]) != SEPARATORS:
        return None
    year, month, day, hour, minute, second = map(int, parts)
    try:
        return (datetime(year, month, day, hour, minute, second) - EPOCH) // MS  # noqa: DTZ001  as above
    except ValueError:  # there is no such day
        return NEVER
