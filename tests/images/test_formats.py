"""Formats: a file is what its bytes say, opened by the decoder of that format alone, or refused by name."""

import io
import sys

import numpy as np
import PIL.Image
import pytest

from dataprep.errors import DecodeError
from dataprep.images.decode import decode
from dataprep.images.formats import ENDINGS, FORMATS, RAW, Format, format_of, is_image
from dataprep.testing import encoded, photo


def written(known: Format) -> bytes:
    """A picture in a format, written by the library that the format is read by."""
    pytest.importorskip(known.plugin)
    return encoded(photo(1, 40, 60), known.name, **({"sizes": [(60, 40)]} if known.name == "ICO" else {}))


@pytest.mark.parametrize("known", FORMATS, ids=lambda known: known.name)
def test_a_file_is_what_its_bytes_say(known: Format) -> None:
    """Each format is told by its first bytes, and read to the picture that was written, whatever the file is called."""
    data = written(known)
    assert format_of(data) is known
    found = decode(data)
    assert found.format == known.name
    assert (found.height, found.width) == (40, 60) == found.image.shape[:2]
    assert np.abs(found.image.astype(int) - photo(1, 40, 60)).mean() < 20


@pytest.mark.parametrize("known", [known for known in FORMATS if known.extra], ids=lambda known: known.name)
def test_a_format_without_its_extra(known: Format, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where what decodes a format is not installed, the reason names the extra that brings it."""
    data = written(known)
    for name in [name for name in sys.modules if name.split(".")[0] == known.plugin.split(".")[0]]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, known.plugin, None)
    with pytest.raises(DecodeError, match=r"^" + known.name + r" needs an extra: pip install 'dataprep-images\[formats\]'$"):
        decode(data)


def test_other_formats_of_pillow_are_not_opened(quiet: None) -> None:
    """What Pillow could open and is not promised is refused, and none of its decoders is run."""
    promised = {known.name for known in FORMATS} | {"MPO"}
    PIL.Image.init()
    picture, refused = PIL.Image.fromarray(photo(1, 40, 60)), 0
    for name in sorted(set(PIL.Image.SAVE) & set(PIL.Image.OPEN) - promised):
        buffer = io.BytesIO()
        try:
            picture.convert("RGB").save(buffer, name)
        except (OSError, ValueError, KeyError):
            continue  # a format without colours
        with pytest.raises(DecodeError):
            decode(buffer.getvalue())
        refused += 1
    assert refused > 5


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"8BPS\0\1" + bytes(20), "Photoshop"),
        (b"%PDF-1.7\n", "PDF"),
        (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
        (b"II*\0\x10\0\0\0CR\2\0" + bytes(20), "a camera's raw file; convert it first"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom" + bytes(20), "a camera's raw file; convert it first"),
        (b"FUJIFILMCCD-RAW 0201", "a camera's raw file; convert it first"),
        (b"IIU\0\x18\0\0\0" + bytes(20), "a camera's raw file; convert it first"),
        (b"\0\0\0\x18ftypisom\0\0\0\1" + bytes(20), "video"),
        (b"PK\3\4" + bytes(20), "archive"),
        (b"qoif" + bytes(20), "QOI"),
        (b"just some words", "not an image of a known format"),
    ],
)
def test_what_is_known_and_not_read(data: bytes, why: str) -> None:
    """A file of a kind that is known and not read is refused by its name, with the way out."""
    with pytest.raises(DecodeError, match=why):
        decode(data)


def test_endings() -> None:
    """Endings are lower case, none is of two formats, and a name counts in any case."""
    endings = [*RAW, *(ending for known in FORMATS for ending in known.endings)]
    assert len(set(endings)) == len(endings) == len(ENDINGS)
    assert all(ending == ending.lower() and ending[0] == "." for ending in endings)
    assert is_image("a/B.HeIc") and is_image("x.y.NEF") and not is_image("a.jpg/readme.txt") and not is_image("jpg")
