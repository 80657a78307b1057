"""The time of a camera: read where a file has it, and never a reason to fail."""

import io
import struct
from datetime import datetime

import PIL.Image
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataprep.images.exif import CHANGED, IFD, ORIGINAL, captured
from dataprep.testing import photo

TAKEN = datetime(2019, 7, 3, 18, 5, 59)  # noqa: DTZ001
LATER = datetime(2024, 1, 1)  # noqa: DTZ001


def saved(kind: str, original: object = None, changed: object = None) -> bytes:
    """Returns the bytes of a picture that was taken and changed at these times."""
    exif = PIL.Image.Exif()
    if original is not None:
        exif.get_ifd(IFD)[ORIGINAL] = original
    if changed is not None:
        exif[CHANGED] = changed
    file = io.BytesIO()
    PIL.Image.fromarray(photo(0, 32, 32)).save(file, kind, exif=exif)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_formats(kind: str) -> None:
    """The time at which it was taken goes before that of a change; without both there is none."""
    taken, later = (time.strftime("%Y:%m:%d %H:%M:%S") for time in (TAKEN, LATER))
    assert captured(saved(kind, taken, later)) == TAKEN
    assert captured(saved(kind, None, later)) == LATER
    assert captured(saved(kind)) is None


def test_the_tables_of_a_tiff() -> None:
    """A TIFF needs no EXIF, since it has such tables itself."""
    assert captured(saved("TIFF", changed="2024:01:01 00:00:00")) == LATER


@given(st.sampled_from(["JPEG", "PNG"]), st.text(max_size=30) | st.from_regex(r"\d{4}:\d\d:\d\d \d\d:\d\d:\d\d", fullmatch=True))
def test_any_text(kind: str, text: str) -> None:
    """A text that is no time is as good as none, and a time is what it says."""
    found = captured(saved(kind, text.encode("utf-8", "replace").decode("ascii", "replace")))
    assert found is None or found.strftime("%Y:%m:%d %H:%M:%S").lstrip("0") == text.strip("\0 ").lstrip("0")


@given(st.binary(max_size=200), st.integers(0, 200))
def test_damage(junk: bytes, at: int) -> None:
    """Damaged EXIF, and whatever is no image, has no time or one, and raises nothing."""
    whole = saved("JPEG", "2019:07:03 18:05:59")
    for data in (
        junk,
        b"\xff\xd8\xff" + junk,
        whole[:at] + junk + whole[at + len(junk) :],
        b"Exif\0\0" + junk,
        struct.pack(">I", at),
    ):
        assert captured(data) in (None, TAKEN) or isinstance(captured(data), datetime)
