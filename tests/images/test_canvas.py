"""One compiled call for an image of a batch: what it renders is what decoding, resizing and placing give one after the other."""

import io
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import PIL.Image
import pytest
import simplejpeg
from hypothesis import given
from hypothesis import strategies as st

from dataprep.images.canvas import pixels_of_file, render_file
from dataprep.images.decode import decode
from dataprep.images.jpeg import part_decoder
from dataprep.images.resize import FILTERS, Window, is_compiled, place, resize_window
from dataprep.testing import encoded, photo
from dataprep.types import Box, Image

pytestmark = pytest.mark.skipif(part_decoder() is None or not is_compiled(), reason="nothing was compiled on this machine")

sides = st.integers(1, 150)


def jpeg(seed: int, height: int, width: int, kind: str, orientation: int, quality: int) -> bytes:
    """A photo as a JPEG of some kind, that is to be turned."""
    image = photo(seed, height, width)
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    options: dict[str, Any] = {"quality": quality, "exif": exif}
    if kind in ("440", "411"):  # which Pillow does not write, so that EXIF is put in by hand
        data, payload = simplejpeg.encode_jpeg(image, quality, colorsubsampling=kind), exif.tobytes()
        return data[:2] + b"\xff\xe1" + struct.pack(">H", len(payload) + 2) + payload + data[2:]
    if kind == "gray":
        return encoded(image[..., 0], **options)
    return encoded(
        image, subsampling=int(kind[0]), progressive="progressive" in kind, restart_marker_rows=kind[1:] == "R", **options
    )


kinds = st.sampled_from(["0", "1", "2", "0R", "2R", "0 progressive", "2 progressive", "440", "411", "gray"])
jpegs = st.builds(jpeg, st.integers(0, 99), sides, sides, kinds, st.integers(1, 8), st.sampled_from([30, 80, 97]))


def raw(seed: int, height: int, width: int, rest: bytes) -> bytes:
    """Pixels as they are behind a header, and perhaps more behind them."""
    return b"P6\n%d %d\n255\n" % (width, height) + photo(seed, height, width).tobytes() + rest


files = jpegs | st.builds(raw, st.integers(0, 99), sides, sides, st.binary(max_size=3))


@st.composite
def windows(draw: st.DrawFn, height: int, width: int) -> Window:
    """Any box of an image, resized to anything, of which there is any part."""
    target = draw(sides), draw(sides)
    (top, left, *box), part = (
        [*starts, *[draw(st.integers(1, side - start)) for side, start in zip(size, starts, strict=True)]]
        for size in ((height, width), target)
        for starts in [[draw(st.integers(0, side - 1)) for side in size]]
    )
    return Window(Box(top, left, *box), target, Box(*part), draw(st.sampled_from(list(FILTERS))))


def canvas_of(layout: str, kind: str, height: int, width: int) -> np.ndarray:
    """(3, H, W) that lies in memory in some way."""
    if layout == "channels last":
        return np.zeros((height, width, 3), kind).transpose(2, 0, 1)
    if layout == "apart":
        return np.zeros((3, 2 * height, 3 * width), kind)[:, ::-2, ::3]
    return np.zeros((3, height, width), kind)


def step_by_step(data: bytes, window: Window, mirror: bool, levels: np.ndarray) -> np.ndarray:
    """(3, H, W): what decoding all, resizing and placing give."""
    pixels = resize_window(decode(data).image, window)
    out = np.zeros((3, *window.part[2:]), levels.dtype)
    place(pixels, mirror, out, levels)
    return out


@given(files, st.data(), st.sampled_from(["uint8", "uint16", "float32"]), st.booleans())
def test_one_call_is_all_steps(data: bytes, draw: st.DataObject, kind: str, mirror: bool) -> None:
    """A window of any JPEG, or of raw pixels, comes into any canvas, to the last bit, as it does step by step."""
    size = decode(data).image.shape[:2]
    window = draw.draw(windows(*size))
    out = canvas_of(draw.draw(st.sampled_from(["contiguous", "channels last", "apart"])), kind, *window.part[2:])
    levels = np.tile(np.arange(256), (3, 1)).astype(kind)
    if draw.draw(st.booleans()):
        levels = np.random.default_rng(0).permuted(levels, axis=1)
    assert render_file(data, size, window, out, mirror, levels)
    np.testing.assert_array_equal(out, step_by_step(data, window, mirror, levels))


@given(files, st.data())
def test_pixels_in_one_call(data: bytes, draw: st.DataObject) -> None:
    """The pixels of a window, for ops that come before the end, are those of decoding and resizing."""
    size = decode(data).image.shape[:2]
    window = draw.draw(windows(*size))
    pixels = pixels_of_file(data, size, window)
    assert pixels is not None and pixels.flags.c_contiguous
    np.testing.assert_array_equal(pixels, resize_window(decode(data).image, window))


def cmyk(image: Image) -> bytes:
    """A JPEG for print."""
    buffer = io.BytesIO()
    PIL.Image.fromarray(image).convert("CMYK").save(buffer, "JPEG")
    return buffer.getvalue()


PHOTO = encoded(photo(1, 90, 120), quality=90)
WHOLE = Window(Box(0, 0, 90, 120), (30, 40), Box(0, 0, 30, 40))
LEFT: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "no JPEG": lambda: encoded(photo(1, 90, 120), "PNG"),
    "without an end": lambda: PHOTO[:-2],
    "cut": lambda: PHOTO[: len(PHOTO) // 2],
    "of stray bytes": lambda: PHOTO[:-2] + bytes(range(1, 40)) + PHOTO[-2:],
    "damaged": lambda: PHOTO[:-400] + bytes(200) + PHOTO[-200:],
    "CMYK": lambda: cmyk(photo(1, 90, 120)),
    "of another size": lambda: encoded(photo(1, 90, 121)),
    "turned otherwise": lambda: jpeg(1, 90, 120, "2", 6, 90),
    "raw of another size": lambda: raw(1, 90, 121, b""),
    "raw and cut": lambda: raw(1, 90, 120, b"")[:-1],
    "raw with a comment": lambda: raw(1, 90, 120, b"").replace(b"\n", b"\n# by hand\n", 1),
    "raw of 16 bits": lambda: raw(1, 90, 120, bytes(3 * 90 * 120)).replace(b"255", b"65535", 1),
    "raw of an odd number": lambda: raw(1, 90, 120, b"").replace(b"120", b"0120", 1),
    "raw of a large number": lambda: b"P6\n99999999999999999999 90\n255\n" + bytes(99),
    "gray and raw": lambda: raw(1, 90, 120, b"").replace(b"P6", b"P5", 1),
    "the start of a header": lambda: b"P6\n120 90\n25",
    "of many scans": lambda: PHOTO[:-2] + PHOTO[PHOTO.rindex(b"\xff\xda") : -2] * 101 + PHOTO[-2:],
}


@pytest.mark.parametrize("name", LEFT)
def test_what_is_left_to_the_steps(name: str) -> None:
    """What is no usual JPEG of its size without a fault, nor raw pixels, is left to others, who have the words for it."""
    assert render_file(PHOTO, (90, 120), WHOLE, np.zeros((3, 30, 40), np.uint8))
    assert not render_file(LEFT[name](), (90, 120), WHOLE, np.zeros((3, 30, 40), np.uint8))
