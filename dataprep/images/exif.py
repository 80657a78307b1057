"""When a picture was taken, by what the camera wrote into the file; what was edited and saved anew has often lost it."""

import io
from contextlib import suppress
from datetime import datetime
from typing import Final

import PIL.Image

from dataprep.errors import DecodeError
from dataprep.images.formats import format_of

HEAD: Final = 1 << 16
"""Bytes of a JPEG in which its EXIF begins; other formats may have it at their end."""
MARKS: Final = (b"eXIf", b"EXIF", b"Exif\0\0")
"""One of these is before the EXIF of a PNG, a WebP and a HEIC."""
IFD, ORIGINAL, CHANGED = 0x8769, 0x9003, 0x0132  # the tags of the camera; in them when the picture was taken; when it was changed
WRITTEN: Final = "%Y:%m:%d %H:%M:%S"


def captured(data: bytes) -> datetime | None:
    """Returns the local time at which a picture was taken, else at which the file was last changed, None if it does not say.

    Args:
        data: The bytes of a file that can be decoded.
    """
    is_jpeg = data[:3] == b"\xff\xd8\xff"
    if not (data.find(b"Exif\0\0", 0, HEAD) >= 0 if is_jpeg else any(mark in data for mark in MARKS)):
        return None
    with suppress(DecodeError, Exception):  # damaged EXIF raises whatever it likes, and is as good as none
        with PIL.Image.open(io.BytesIO(data), formats=[format_of(data).name]) as opened:
            exif = opened.getexif()
            written = exif.get_ifd(IFD).get(ORIGINAL) or exif.get(CHANGED)
        return datetime.strptime(str(written).strip("\0 "), WRITTEN)  # noqa: DTZ007  EXIF names no zone
    return None
