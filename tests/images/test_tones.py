"""Transparency, and values of more than 8 bits: the pixels that are meant, from one image alone, and said."""

import io
import struct
import zlib
from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
import PIL.Image
import PIL.TiffImagePlugin
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from dataprep.images.decode import decode
from dataprep.images.tones import NEAR_WHITE
from dataprep.testing import encoded, photo
from dataprep.types import Image

GRAY: Image = photo(3, 24, 32)[..., 0]


def tiff(values: NDArray[Any], tags: Mapping[int, Any] | None = None) -> bytes:
    """A TIFF of one channel of any type, with tags by their number."""
    info = PIL.TiffImagePlugin.ImageFileDirectory_v2()
    for number, value in (tags or {}).items():
        info[number] = value
    buffer = io.BytesIO()
    PIL.Image.fromarray(values).save(buffer, "TIFF", tiffinfo=info)
    return buffer.getvalue()


def gray_of(data: bytes) -> tuple[Image, str | None]:
    """The gray levels of a file, the same in every view, and its remark."""
    colour, gray = decode(data), decode(data, channels=1)
    np.testing.assert_array_equal(colour.image, np.repeat(gray.image[..., None], 3, axis=2))
    assert colour.remark == gray.remark
    return gray.image, gray.remark


def with_chunk(png: bytes, name: bytes, payload: bytes) -> bytes:
    """A PNG with one more chunk after its header."""
    return png[:33] + struct.pack(">I", len(payload)) + name + payload + struct.pack(">I", zlib.crc32(name + payload)) + png[33:]


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
@pytest.mark.parametrize("bits", range(9, 17))
def test_bits_used(format: str, bits: int) -> None:
    """Of gray in 16 bits, the bits that are used are scaled to 8, whichever format holds them."""
    values = (GRAY.astype(np.uint32) * ((1 << bits) - 1) // 255).astype(np.uint16)
    levels, remark = gray_of(encoded(values, format))
    assert np.abs(levels.astype(int) - GRAY).max() <= 1
    assert remark == f"{bits} of 16 bits, scaled to 8"


def test_eight_bits_in_sixteen() -> None:
    """Values below 256 in 16 bits stay as they are: an index is not stretched."""
    assert np.array_equal(gray_of(encoded(GRAY // 50 * np.uint16(1), "PNG"))[0], GRAY // 50)


def test_bits_that_a_png_names() -> None:
    """A PNG that says how many bits are significant is scaled by these, if its values lie within."""
    dark = encoded((GRAY.astype(np.uint16) * 4), "PNG")  # 10 bits of 12
    levels, remark = gray_of(with_chunk(dark, b"sBIT", b"\x0c"))
    assert np.abs(levels - GRAY / 4).max() <= 1 and remark == "12 of 16 bits, scaled to 8"
    assert gray_of(with_chunk(dark, b"sBIT", b"\x09"))[1] == "10 of 16 bits, scaled to 8"


@pytest.mark.parametrize("white", [1.0, 255.0, 65535.0])
def test_floats(white: float) -> None:
    """Floats of 0 to 1, to 255 and to 65535 are the gray levels that they stand for, a little more than white being white."""
    for over in (1, 1.03):
        levels, remark = gray_of(tiff(GRAY.astype(np.float32) / 255 * white * over))
        assert np.abs(levels - np.minimum(GRAY * over, 255)).max() <= 1
        assert remark == f"floats, 0 to {white:g} scaled to 8 bits"


def test_missing_and_infinite() -> None:
    """What is no number is black, infinities are black and white, and none of them changes the others."""
    values = (GRAY / 255).astype(np.float32)
    values[0, :4] = np.nan, np.inf, -np.inf, -3.4e38
    levels, remark = gray_of(tiff(values))
    assert levels[0, :4].tolist() == [0, 255, 0, 0]
    assert np.abs(levels[1:].astype(int) - GRAY[1:]).max() <= 1 and remark == "floats, 0 to 1 scaled to 8 bits"
    assert not gray_of(tiff(np.full((4, 4), np.nan, np.float32)))[0].any()


def test_signed() -> None:
    """Numbers of both signs lie about the middle gray; a few below zero, as rounding leaves them, are black."""
    signed = np.linspace(-1000, 3000, 256).astype(np.int32).reshape(16, 16)
    levels, remark = gray_of(tiff(signed))
    assert remark == "signed integers, -4095 to 4095 scaled to 8 bits"
    assert np.abs(levels - (signed + 4095) * 255 / 8190).max() <= 0.51
    slightly = np.linspace(-0.01, 1, 256, dtype=np.float32).reshape(16, 16)
    assert gray_of(tiff(slightly))[1] == "floats, 0 to 1 scaled to 8 bits"


@given(st.integers(0, 65535), st.integers(0, 3))
def test_blank_stays_blank(level: int, noise: int) -> None:
    """A blank image with a little noise stays nearly uniform at every level and depth: nothing is stretched."""
    values = np.clip(level + np.random.default_rng(0).integers(-noise, noise + 1, (16, 16)), 0, 65535)
    for data in (
        encoded(values.astype(np.uint16), "PNG"),
        tiff((values / 65535).astype(np.float32)),
        tiff(values.astype(np.int32) - 9),
    ):
        assert gray_of(data)[0].std() < 5


def test_tags_of_tiff() -> None:
    """A TIFF whose 0 is white is turned round; what it names as no value is black, and does not count."""
    values = (GRAY * np.uint16(16)).astype(np.uint16)
    plain = gray_of(encoded(values, "TIFF"))[0]
    np.testing.assert_array_equal(gray_of(tiff(values, {262: 0}))[0], 255 - plain)
    holes = values.copy()
    holes[0] = 65535
    levels, remark = gray_of(tiff(holes, {42113: "65535"}))
    assert not levels[0].any() and np.array_equal(levels[1:], plain[1:]) and remark == "12 of 16 bits, scaled to 8"


@pytest.mark.parametrize("channels", [3, 4])
def test_sixteen_bits_of_colour(channels: int) -> None:
    """Of 16-bit colour the high byte is taken, and that is said."""
    values = np.random.default_rng(0).integers(0, 65536, (20, 30, channels), np.uint16)
    values[..., 3:] = 65535
    _, png = cv2.imencode(".png", values[..., [2, 1, 0, 3][:channels]])
    found = decode(png.tobytes())
    np.testing.assert_array_equal(found.image, (values[..., :3] >> 8).astype(np.uint8))
    assert found.remark == "16 bits a channel, of which the high 8 are taken"


def laid_over(levels: tuple[int, int, int]) -> int:
    """What a colour is to be laid over."""
    return 0 if np.asarray(PIL.Image.new("RGB", (1, 1), levels).convert("L"))[0, 0] >= NEAR_WHITE else 255


@given(st.tuples(*[st.integers(0, 255)] * 3), st.tuples(*[st.integers(0, 255)] * 3), st.integers(1, 254))
def test_transparency(seen: tuple[int, int, int], hidden: tuple[int, int, int], half: int) -> None:
    """Transparency is laid over white, or over black where what is seen is near white; what is hidden plays no part."""
    alpha = np.repeat(np.array([[0, half, 255]], np.uint8), 2, axis=0)
    colours = np.full((2, 3, 3), seen, np.uint8)
    colours[:, 0] = hidden
    behind = laid_over(seen)
    wanted = np.where(alpha[..., None] == 0, behind, (colours * (alpha[..., None] / 255) + behind * (1 - alpha[..., None] / 255)))
    for format, options in (("PNG", {}), ("WEBP", {"lossless": True, "exact": True}), ("TIFF", {})):
        decoded = decode(encoded(np.dstack([colours, alpha]), format, **options))
        assert np.abs(decoded.image.astype(int) - wanted).max() <= 1
        assert decoded.remark == f"transparent, laid over {'white' if behind else 'black'}"


@pytest.mark.parametrize("level", [0, 120, 190, 193, 255])
def test_gray_transparency(level: int) -> None:
    """Gray with transparency is laid over the same colour, in every view: by alpha of 8 or 16 bits, or a clear level."""
    behind = laid_over((level,) * 3)
    alpha = np.array([[0, 255]], np.uint8)
    files = [encoded(np.dstack([np.full((1, 2), level, np.uint8), alpha]), "PNG")]
    deep = np.zeros((1, 2, 4), np.uint16)
    deep[..., :3], deep[..., 3] = level * 257, alpha * np.uint16(257)
    files.append(cv2.imencode(".png", deep)[1].tobytes())
    key = np.array([[999, level * 257]], np.uint16)
    files.append(with_chunk(encoded(key, "PNG"), b"tRNS", struct.pack(">H", 999)))
    for data in files[: 3 if level > 127 else 2]:  # below, it would be scaled by the bits used
        levels, remark = gray_of(data)
        assert levels.tolist() == [[behind, level]]
        assert remark is not None and remark.endswith(f"transparent, laid over {'white' if behind else 'black'}")


def test_palette_transparency() -> None:
    """The transparent colour of a palette is white, the others are what the palette says; nothing is done where none is used."""
    palette = PIL.Image.new("P", (3, 1))
    palette.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    palette.putdata([0, 1, 2])
    for format in ("PNG", "GIF"):
        for clear, levels in ((1, [255, 255, 255]), (7, [0, 255, 0])):
            buffer = io.BytesIO()
            palette.save(buffer, format, transparency=clear)
            decoded = decode(buffer.getvalue())
            assert decoded.image.tolist() == [[[255, 0, 0], levels, [0, 0, 255]]]
            assert (decoded.remark is not None) == (clear == 1)


def test_nothing_but_transparency() -> None:
    """An image of which nothing is seen is white."""
    assert (decode(encoded(np.zeros((3, 4, 4), np.uint8), "PNG")).image == 255).all()


def test_opaque_alpha() -> None:
    """An image that has transparency and uses none is as it would be without, and says nothing."""
    image = photo(1, 20, 30)
    found = decode(encoded(np.dstack([image, np.full((20, 30), 255, np.uint8)]), "PNG"))
    assert np.array_equal(found.image, image) and found.remark is None
