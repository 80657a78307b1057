"""The walk over a JPEG's segments in C and the one in Python."""

import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import PIL.ImageCms
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataprep.errors import DecodeError
from dataprep.images import native
from dataprep.images.jpeg import MAX_SCANS, _usual, head_of, refuse_scans
from dataprep.testing import encoded, photo

MARKERS = (0xE0, 0xE1, 0xE2, 0xEE, 0xED, 0xFE, 0xDB, 0xC4, 0xDD, 0xC0, 0xC2, 0xDA, 0xD9, 0xD8, 0xD0, 0xDC, 0x01, 0xFF, 0x00)
PROFILE = PIL.ImageCms.ImageCmsProfile(PIL.ImageCms.createProfile("sRGB")).tobytes()


def segment(marker: int, payload: bytes) -> bytes:
    """A segment of a JPEG."""
    return struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload


def exif(orientation: int, order: str = "<", type: int = 3, many: int = 1, entries: int = 1, first: int = 8) -> bytes:
    """An EXIF of one table, with the orientation in each of its entries."""
    start = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, first)
    value = struct.pack(order + "HHI", 0x0112, type, many) + struct.pack(order + ("H2x" if type == 3 else "I"), orientation)
    return b"Exif\0\0" + start + struct.pack(order + "H", entries) + value * entries + bytes(4)


def pieces(profile: bytes, size: int, said: int | None = None) -> list[bytes]:
    """The segments of an ICC profile."""
    parts = [profile[start : start + size] for start in range(0, len(profile), size)]
    count = len(parts) if said is None else said
    return [segment(0xE2, b"ICC_PROFILE\0" + bytes([number + 1, count & 0xFF]) + part) for number, part in enumerate(parts)]


JPEGS = [
    encoded(photo(0, 20, 30)),
    encoded(photo(1, 20, 30), progressive=True),
    encoded(photo(2, 20, 30), subsampling=0, restart_marker_blocks=2),
    encoded(photo(3, 20, 30), subsampling=1, icc_profile=PROFILE),
    encoded(photo(4, 20, 30), exif=exif(6)[6:], comment=b"a comment"),
    encoded(photo(5, 20, 30)[..., 0]),
]
SEGMENTS = st.one_of(
    st.builds(
        lambda *values: segment(0xE1, exif(*values)),
        st.integers(0, 9),
        st.sampled_from("<>"),
        st.sampled_from([1, 2, 3, 4, 13, 99]),
        st.sampled_from([0, 1, 2, 5, 2**32 - 1]),
        st.integers(0, 3),
        st.sampled_from([0, 8, 9, 2**32 - 1]),
    ),
    st.builds(
        lambda size, said: b"".join(pieces(PROFILE, size, said)), st.integers(40, 600), st.sampled_from([None, None, 1, 300])
    ),
    st.builds(lambda size: b"".join(reversed(pieces(PROFILE, size))), st.integers(40, 600)),
    st.builds(segment, st.sampled_from(MARKERS), st.binary(max_size=30)),
    st.builds(lambda version: segment(0xE0, b"JFIF\0" + bytes([version, 1]) + bytes(7)), st.integers(0, 2)),
    st.builds(lambda transform: segment(0xEE, b"Adobe" + bytes(6) + bytes([transform])), st.integers(0, 3)),
    st.builds(lambda count: segment(0xDA, b"") * count, st.sampled_from([1, 99, 100, 101])),
)


@pytest.fixture(scope="module")
def head() -> Callable[[bytes], Any]:
    """The walk in C."""
    compiled = native.module("measure")
    if compiled is None:
        pytest.skip("measure is not compiled")
    return compiled.head


def assert_same(head: Callable[[bytes], Any], data: bytes) -> bool:
    """Checks that both walks say the same, and returns whether the compiled one says something."""
    found = head(data)
    if found is None:
        return False
    frame, height, width, colours, usual, orientation, start, stop, profile, scans = found
    expected = head_of(data)
    assert (frame, orientation, profile, data[start:stop]) == (
        expected.frame,
        expected.orientation,
        expected.profile,
        expected.exif,
    )
    if usual:  # otherwise whoever asks goes the other way
        assert _usual(data, expected) == (height, width, ("Gray", "YCbCr")[colours])
        if frame == 0xC0:
            assert (scans > MAX_SCANS) == is_refused(data)
    return True


def is_refused(data: bytes) -> bool:
    """Whether a JPEG has too many scans."""
    try:
        refuse_scans(data, head_of(data), 1)
    except DecodeError:
        return True
    return False


@pytest.mark.parametrize("data", JPEGS)
def test_what_encoders_write(head: Callable[[bytes], Any], data: bytes) -> None:
    """What encoders write is read, and as Python reads it."""
    assert assert_same(head, data)


@given(st.sampled_from(JPEGS), st.lists(SEGMENTS, min_size=1, max_size=3), st.booleans())
def test_any_segments(head: Callable[[bytes], Any], data: bytes, more: list[bytes], behind: bool) -> None:
    """Whatever segments a JPEG has, both walks say the same of it, or the compiled one leaves it to the other."""
    at = data.index(b"\xff\xda") if behind else 2
    assert_same(head, data[:at] + b"".join(more) + data[at:])


@given(
    st.sampled_from(JPEGS), st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=3), st.integers(0, 10_000)
)
def test_any_bytes(head: Callable[[bytes], Any], data: bytes, changes: list[tuple[int, int]], end: int) -> None:
    """A JPEG that is changed before its pixels or cut is read as Python reads it, or left to it."""
    changed, start = bytearray(data), data.index(b"\xff\xda") + 14
    for at, value in changes:
        changed[2 + at % start] = value
    assert_same(head, bytes(changed))
    assert_same(head, bytes(changed[: end % len(data)]))


@pytest.mark.parametrize("name", ["DATAPREP_PHOTOS", "DATAPREP_HOSTILE"])
def test_files(head: Callable[[bytes], Any], name: str) -> None:
    """Photographs are read by the compiled walk, and every file as Python reads it."""
    folder = os.environ.get(name) or pytest.skip(f"{name} is not set")
    paths = sorted(path for path in Path(folder).rglob("*") if path.is_file())
    read = sum(assert_same(head, data) for data in (path.read_bytes() for path in paths) if data[:3] == b"\xff\xd8\xff")
    assert name == "DATAPREP_HOSTILE" or read >= 0.9 * len(paths)
