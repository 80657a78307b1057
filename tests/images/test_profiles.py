"""Colours as sRGB: a profile that says something else is applied in every format and view, one that makes no sense in none."""

import io
import struct
from collections.abc import Callable

import numpy as np
import PIL.Image
import PIL.ImageCms
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataprep.images.decode import decode
from dataprep.images.jpeg import head_of, plain_jpeg
from dataprep.images.profiles import UNFIT, conversion_of
from dataprep.images.views import luminance
from dataprep.testing import encoded, photo
from dataprep.types import Box

# CIE xy of red, green and blue
PRIMARIES = {
    "Display P3": ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
    "Adobe RGB": ((0.640, 0.330), (0.210, 0.710), (0.150, 0.060)),
    "sRGB": ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060)),
}
D65, D50 = np.array([0.9505, 1.0, 1.0891]), np.array([0.9642, 1.0, 0.8249])
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


def matrix_of(name: str) -> np.ndarray:
    """(3, 3) from linear RGB to XYZ under D50."""
    columns = np.array([[x / y, 1, (1 - x - y) / y] for x, y in PRIMARIES[name]]).T
    adapt = np.linalg.inv(BRADFORD) @ np.diag((BRADFORD @ D50) / (BRADFORD @ D65)) @ BRADFORD
    return adapt @ columns * np.linalg.solve(columns, D65)


def tag(kind: bytes, payload: bytes) -> bytes:
    """A tag's data, of whole words."""
    data = kind + bytes(4) + payload
    return data + bytes(-len(data) % 4)


def fixed(*values: float) -> bytes:
    """Numbers of 16 bits and a fraction of 16."""
    return b"".join(struct.pack(">i", round(value * 65536)) for value in values)


def profile(name: str, gamma: float = 2.2, space: bytes = b"RGB ") -> bytes:
    """An ICC profile of version 2: a matrix and a power, or gray."""
    curve = tag(b"curv", struct.pack(">IH", 1, round(gamma * 256)))
    tags = {
        b"desc": tag(b"desc", struct.pack(">I", len(name) + 1) + name.encode() + bytes(80)),
        b"wtpt": tag(b"XYZ ", fixed(*D50)),
        b"cprt": tag(b"text", b"none\0"),
    }
    if space == b"GRAY":
        tags[b"kTRC"] = curve
    else:
        for letter, column in zip("rgb", matrix_of(name).T, strict=True):
            tags[f"{letter}XYZ".encode()] = tag(b"XYZ ", fixed(*column))
            tags[f"{letter}TRC".encode()] = curve
    at, index, body = 128 + 4 + 12 * len(tags), b"", b""
    for key, data in tags.items():
        index += key + struct.pack(">II", at + len(body), len(data))
        body += data
    head = struct.pack(">I4sI4s4s4s", at + len(body), bytes(4), 0x02100000, b"mntr", space, b"XYZ ")
    head += bytes(12) + b"acsp" + bytes(28) + fixed(*D50)
    return head + bytes(128 - len(head)) + struct.pack(">I", len(tags)) + index + body


def in_srgb(image: np.ndarray, name: str, gamma: float = 2.2) -> np.ndarray:
    """An image in sRGB, computed from the definitions."""
    linear = (image / 255) ** (round(gamma * 256) / 256)
    made = np.clip(linear @ (np.linalg.inv(matrix_of("sRGB")) @ matrix_of(name)).T, 0, 1)
    return 255 * np.where(made <= 0.0031308, 12.92 * made, 1.055 * made ** (1 / 2.4) - 0.055)


SMOOTH = np.stack(np.meshgrid(np.arange(0, 256, 5), np.arange(0, 256, 4)), axis=-1)
PICTURE = np.dstack([SMOOTH, 255 - SMOOTH[..., :1]]).astype(np.uint8)
ADOBE = profile("Adobe RGB")
FORMATS: dict[str, dict[str, object]] = {
    "JPEG": {"quality": 100, "subsampling": 0},
    "PNG": {},
    "TIFF": {},
    "WEBP": {"lossless": True},
    "AVIF": {"quality": 100, "subsampling": "4:4:4"},
}


@pytest.mark.parametrize("name", ["Display P3", "Adobe RGB"])
@pytest.mark.parametrize("format", FORMATS)
def test_colours_become_srgb(format: str, name: str) -> None:
    """In every format the colours of another profile come as their definition says, and the row says so."""
    found = decode(encoded(PICTURE, format, icc_profile=profile(name), **FORMATS[format]))
    off = np.abs(found.image - in_srgb(PICTURE, name))
    assert np.quantile(off, 0.99) < (8 if format in ("JPEG", "AVIF") else 3)
    assert np.abs(PICTURE - in_srgb(PICTURE, name)).mean() > 5
    assert found.remark == f"{name} converted to sRGB"


@pytest.mark.parametrize("format", FORMATS)
def test_srgb_stays_as_it_is(format: str) -> None:
    """A profile that says sRGB, in whatever words, changes no bit, and there is nothing to say."""
    data = encoded(PICTURE, format, **FORMATS[format])
    for said in (PIL.ImageCms.ImageCmsProfile(PIL.ImageCms.createProfile("sRGB")).tobytes(),):
        found = decode(encoded(PICTURE, format, icc_profile=said, **FORMATS[format]))
        assert found.remark is None
        np.testing.assert_array_equal(found.image, decode(data).image)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("side", [None, 20])
def test_every_view_is_of_the_converted_colours(side: int | None, channels: int) -> None:
    """A reduced view and the luminance are those of the converted colours, and DALI is not given the file."""
    data = encoded(photo(1, 80, 96), quality=95, icc_profile=ADOBE)
    assert plain_jpeg(data) is None and plain_jpeg(encoded(photo(1, 80, 96))) == (80, 96)
    found = decode(data, side=side, channels=channels)
    colours = decode(data, side=side).image
    assert found.remark == "Adobe RGB converted to sRGB"
    expected = colours if channels == 3 else luminance(colours)
    assert np.abs(found.image.astype(int) - expected).max() <= 1


def test_a_part_is_that_of_the_whole() -> None:
    """A part that comes alone has the converted pixels of the whole there."""
    data = encoded(photo(1, 300, 200), quality=95, icc_profile=ADOBE)
    whole, box = decode(data).image, Box(5, 40, 30, 60)
    part = decode(data, part=box)
    box = box._replace(top=box.top - part.top, left=box.left - part.left)
    np.testing.assert_array_equal(part.image[box.rows, box.columns], whole[5:35, 40:100])
    assert part.remark == "Adobe RGB converted to sRGB"


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF"])
def test_gray_profiles(format: str) -> None:
    """Gray with another curve than sRGB's becomes other gray, the same in colour; a profile of colours leaves gray gray."""
    ramp = np.tile(np.arange(256, dtype=np.uint8), (16, 1))
    options = {"quality": 100} if format == "JPEG" else {}
    for channels in (1, 3):
        found = decode(encoded(ramp, format, icc_profile=profile("gray", 1.5, b"GRAY"), **options), channels=channels)
        expected = in_srgb(np.repeat(ramp[..., None], 3, axis=2), "sRGB", 1.5)[..., :1]
        assert np.abs(found.image.reshape(16, 256, -1) - expected).max() < 4
        assert found.remark == "gray converted to sRGB"
        tinted = decode(encoded(ramp, format, icc_profile=ADOBE, **options), channels=3).image.astype(int)
        assert np.abs(tinted - tinted[..., :1]).max() <= 2


def test_transparency_stays() -> None:
    """Colours are converted before what is clear is laid over white."""
    alpha = np.full((*PICTURE.shape[:2], 1), 255, np.uint8)
    alpha[:, :10] = 0
    buffer = io.BytesIO()
    PIL.Image.fromarray(np.concatenate([PICTURE, alpha], axis=2)).save(buffer, "PNG", icc_profile=ADOBE)
    found = decode(buffer.getvalue())
    assert found.remark == "Adobe RGB converted to sRGB; transparent, laid over white"
    assert (found.image[:, :10] == 255).all()
    assert np.quantile(np.abs(found.image[:, 10:] - in_srgb(PICTURE[:, 10:], "Adobe RGB")), 0.99) < 3


NONSENSE: dict[str, Callable[[], bytes]] = {
    "words": lambda: b"no profile at all " * 20,
    "cut": lambda: ADOBE[:200],
    "of Lab": lambda: ADOBE[:16] + b"Lab " + ADOBE[20:],
    "of CMYK": lambda: ADOBE[:16] + b"CMYK" + ADOBE[20:],
    "black": lambda: ADOBE.replace(
        tag(b"curv", struct.pack(">IH", 1, round(2.2 * 256))), tag(b"curv", struct.pack(">IH", 1, 65_535))
    ),
    "gray for colours": lambda: profile("gray", 1.0, b"GRAY"),
}


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("kind", NONSENSE)
def test_nonsense_does_not_matter(kind: str, format: str) -> None:
    """A profile that is damaged, does not fit the image or makes no sense leaves every pixel as it is, and the row says so."""
    plain = encoded(PICTURE, format, **FORMATS[format])
    data = encoded(PICTURE, format, icc_profile=NONSENSE[kind](), **FORMATS[format])
    for side, channels in ((None, 3), (None, 1), (20, 1)):
        found = decode(data, side=side, channels=channels)
        np.testing.assert_array_equal(found.image, decode(plain, side=side, channels=channels).image)
        assert found.remark == UNFIT


@given(st.lists(st.tuples(st.integers(0, len(ADOBE) - 1), st.integers(0, 255)), max_size=4), st.integers(0, len(ADOBE)))
def test_damaged_profiles(changes: list[tuple[int, int]], length: int) -> None:
    """Whatever bytes a profile has, it is used, is sRGB, or is not used; nothing is raised."""
    data = bytearray(ADOBE)
    for at, value in changes:
        data[at] = value
    for damaged in (bytes(data), bytes(data[:length])):
        found = conversion_of(damaged)
        assert found is None or found == UNFIT or (not isinstance(found, str) and found.name.isprintable())


def test_a_profile_in_pieces() -> None:
    """A profile in several segments is put together in order; one of which a piece lacks is none."""
    data = encoded(PICTURE, quality=95)
    pieces = [ADOBE[:100], ADOBE[100:300], ADOBE[300:]]
    segments = [
        b"\xff\xe2" + struct.pack(">H", len(piece) + 16) + b"ICC_PROFILE\0" + bytes([number, 3]) + piece
        for number, piece in enumerate(pieces, start=1)
    ]
    assert head_of(data[:2] + b"".join(reversed(segments)) + data[2:]).profile == ADOBE
    assert head_of(data[:2] + b"".join(segments[:2]) + data[2:]).profile is None
    assert head_of(data).profile is None


def test_profiles_are_looked_at_once() -> None:
    """What a profile comes to is still known when dozens of others have come, as in a pile of photographs in any order."""
    profiles = [profile("Adobe RGB", 1.8) + bytes(number) for number in range(30)]
    first = [conversion_of(each) for each in profiles]
    assert all(again is found for again, found in zip(map(conversion_of, profiles), first, strict=True))
