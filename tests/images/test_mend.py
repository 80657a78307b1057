"""Damaged JPEG: what has all its pixels is read, bit for bit and with a remark; what lacks some is not."""

import io
import re
import struct

import numpy as np
import PIL.Image
import pytest
import simplejpeg
from hypothesis import given, settings
from hypothesis import strategies as st

from dataprep.errors import DecodeError
from dataprep.images.decode import decode
from dataprep.images.jpeg import plain_jpeg
from dataprep.images.native import module
from dataprep.testing import encoded, photo
from dataprep.types import Image

VIEWS: tuple[tuple[int | None, int], ...] = ((None, 3), (None, 1), (16, 1), (128, 3))
JPEGS: dict[str, dict[str, object]] = {
    "4:4:4": {"quality": 95, "subsampling": 0},
    "4:2:0": {"quality": 85, "subsampling": 2},
    "progressive": {"quality": 75, "progressive": True},
    "restart markers": {"quality": 75, "restart_marker_blocks": 4},
}
every_jpeg = pytest.mark.parametrize("options", JPEGS.values(), ids=JPEGS)


def cmyk() -> bytes:
    """A JPEG of four colours, which Pillow decodes."""
    buffer = io.BytesIO()
    PIL.Image.fromarray(photo(0, 64, 64)).convert("CMYK").save(buffer, "JPEG")
    return buffer.getvalue()


def assert_read(data: bytes, whole: bytes, remark: str) -> None:
    """Checks that a damaged JPEG is read in every view, with the pixels of the whole one and the remark."""
    for side, channels in VIEWS:
        found, wanted = (decode(file, side=side, channels=channels) for file in (data, whole))
        assert np.array_equal(found.image, wanted.image)
        assert found._replace(image=wanted.image, remark=None) == wanted
        assert found.remark == remark


def assert_unreadable(data: bytes) -> None:
    """Checks that a file is refused in every view."""
    for side, channels in VIEWS:
        with pytest.raises(DecodeError):
            decode(data, side=side, channels=channels)


@every_jpeg
def test_jpeg_without_end(options: dict[str, object]) -> None:
    """A JPEG that lacks its end marker, or half of it, is read in every view, and so by lenient tools; DALI gets its pixels."""
    data = encoded(photo(4, 64, 48), **options)
    for cut in (data[:-2], data[:-1]):
        assert_read(cut, data, "no end marker")
        assert np.array_equal(simplejpeg.decode_jpeg(cut, strict=False), decode(cut).image)
        assert plain_jpeg(cut) is None


def test_cmyk_without_end() -> None:
    """A JPEG of four colours is mended as those of three are."""
    assert_read(cmyk()[:-2], cmyk(), "no end marker")


@every_jpeg
def test_truncated_jpeg(options: dict[str, object]) -> None:
    """A JPEG cut anywhere in its pixels is an error, not a picture that is half gray, and so it is with an end marker behind."""
    data = encoded(photo(4, 64, 64), **options)
    for at in range(0, len(data) - 4, 7):
        assert_unreadable(data[:at])
        if data[at - 2 : at] != b"\xff\xd9" and not options.get("progressive"):
            assert_unreadable(data[:at] + b"\xff\xd9")


def test_progressive_without_last_scans() -> None:
    """A progressive JPEG that ends between two scans lacks bits of every pixel, though none is gray: it is an error."""
    data = encoded(photo(4, 64, 64), progressive=True)
    for scan in [found.start() for found in re.finditer(b"\xff\xda", data)][1:]:
        assert_unreadable(data[:scan])


def test_truncated_cmyk() -> None:
    """A JPEG of four colours whose pixels end early is an error, though Pillow fills it with gray without a word."""
    for at in range(700, len(cmyk()) - 8, 31):
        assert_unreadable(cmyk()[:at])
        assert_unreadable(cmyk()[:at] + b"\xff\xd9")


@every_jpeg
@settings(max_examples=10)
@given(stray=st.binary(min_size=9, max_size=40).filter(lambda stray: b"\xff" not in stray))
def test_stray_bytes(options: dict[str, object], stray: bytes) -> None:
    """Stray bytes before any marker of the header, or before the end, are left out, and counted in the remark."""
    data = encoded(photo(4, 64, 48), **options)
    at = 2 + 2 + int.from_bytes(data[4:6], "big")  # before the first one it would be no JPEG to anybody
    while data[at + 1] != 0xDA:
        assert_read(data[:at] + stray + data[at:], data, f"{len(stray)} stray bytes before the marker {data[at + 1]:02X}")
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    found = decode(data[:-2] + stray + data[-2:])
    assert np.array_equal(found.image, decode(data).image)
    assert found.remark is not None and re.fullmatch(r"\d+ stray bytes before the end marker", found.remark)


@every_jpeg
def test_pixels_behind_a_damage_are_not_stray(options: dict[str, object]) -> None:
    """Where bytes are overwritten, the decoder may end early: what is left over is hardly ever taken for stray bytes."""
    data, rng = encoded(photo(4, 120, 160), **options), np.random.default_rng(0)
    taken = 0
    for _ in range(60):
        at = int(rng.integers(len(data) // 3, len(data) - 250))
        try:
            found = decode(data[:at] + rng.bytes(200) + data[at + 200 :], side=1, channels=1)
        except DecodeError:
            continue
        taken += "stray" in (found.remark or "")
    assert taken <= 3


def test_several_faults() -> None:
    """Faults of several kinds in one file are all mended, and all said."""
    data = encoded(photo(4, 64, 48))
    at = data.index(b"\xff\xdb")
    faulty = (data[:at] + b"stray" + data[at:-2]).replace(b"JFIF\0\1", b"JFIF\0\7")
    assert_read(faulty, data, "unknown version of JFIF; 5 stray bytes before the marker DB; no end marker")


def test_first_fault_is_told() -> None:
    """A JPEG that cannot be mended is refused for the fault that it had, not for what mending made of it."""
    with pytest.raises(DecodeError, match="Premature end of JPEG file"):
        decode(encoded(photo(4, 64, 48))[:-200])


def test_many_bytes_behind_the_pixels() -> None:
    """Padding before the end marker may be long; other bytes may not, as they are pixels that were not understood."""
    data = encoded(photo(4, 64, 48))
    assert np.array_equal(decode(data[:-2] + bytes(5_000) + data[-2:]).image, decode(data).image)
    assert_unreadable(data[:-2] + bytes(range(250)) * 8 + data[-2:])


def lossless_jpeg(gray: Image) -> bytes:
    """A lossless JPEG of 8-bit gray: each pixel less its left neighbour, by a code of five bits for each length."""
    height, width = gray.shape
    values = gray.astype(int)
    before = np.concatenate([np.concatenate([[[128]], values[:-1, :1]]), values[:, :-1]], axis=1)
    bits = ""
    for difference in (values - before).ravel().tolist():
        length = abs(difference).bit_length()
        bits += f"{length:05b}"
        if length:
            bits += f"{difference if difference > 0 else difference + (1 << length) - 1:0{length}b}"
    pixels = int(bits.ljust(-(-len(bits) // 8) * 8, "1"), 2).to_bytes(-(-len(bits) // 8), "big").replace(b"\xff", b"\xff\0")
    segments = (
        (0xC3, struct.pack(">BHHBBBB", 8, height, width, 1, 1, 0x11, 0)),
        (0xC4, bytes([0, 0, 0, 0, 0, 9, *[0] * 11, *range(9)])),
        (0xDA, bytes([1, 1, 0, 1, 0, 0])),
    )
    head = b"".join(struct.pack(">BBH", 0xFF, code, len(payload) + 2) + payload for code, payload in segments)
    return b"\xff\xd8" + head + pixels + b"\xff\xd9"


def test_lossless_jpeg() -> None:
    """A lossless JPEG is read in colour as in gray, as Pillow reads it, and DALI gets its pixels; cut, it is read in neither."""
    gray = photo(3, 24, 32)[..., 0]
    data = lossless_jpeg(gray)
    assert plain_jpeg(data) is None
    np.testing.assert_array_equal(decode(data, channels=1).image, gray)
    np.testing.assert_array_equal(decode(data).image, np.repeat(gray[..., None], 3, axis=2))
    assert_unreadable(data[:200])
    assert_unreadable(data[:200] + b"\xff\xd9")


@pytest.mark.skipif(module("jpeg") is None, reason="the decoder of parts is not compiled")
def test_odd_subsampling() -> None:
    """A JPEG of a subsampling that simplejpeg does not know is read if it is whole, and refused if its pixels end early."""
    data = encoded(photo(3, 64, 64), quality=80, subsampling=0)
    frame = data.index(b"\xff\xc0") + 10
    odd = data[: frame + 1] + b"\x31" + data[frame + 2 :]  # three pixels of luminance to one of chroma
    with pytest.raises(ValueError, match="subsampling"):
        simplejpeg.decode_jpeg_header(odd)
    assert decode(odd).image.shape == (64, 64, 3)
    assert_unreadable(odd[:900] + b"\xff\xd9")
