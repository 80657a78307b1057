"""The strict decoder's boxes of an image: the whole image there, of files that libjpeg-turbo reads as far without a word."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import simplejpeg
from hypothesis import given
from hypothesis import strategies as st

from dataprep.images import native
from dataprep.images.jpeg import _rows
from dataprep.testing import encoded, photo
from dataprep.types import Box, Image

FORMS = ("newer", "plain")
DECODE = Callable[..., Image | None]


@pytest.fixture(scope="module")
def part() -> DECODE:
    """The strict decoder, which gives RGB of a box, or nothing."""
    compiled = native.module("measure") or pytest.skip("measure is not compiled")

    def decode(data: bytes, box: Box, to_end: bool = False, plain: bool = False) -> Image | None:
        found = compiled.part(data, tuple(box), to_end, plain)
        return None if found is None else np.frombuffer(found, np.uint8).reshape(box.height, box.width, 3)

    return decode


def jpeg(image: Image, quality: int, kind: str, **options: Any) -> bytes:
    """A baseline JPEG of some subsampling, by Pillow, or by simplejpeg where Pillow has none."""
    if kind == "440":
        return bytes(simplejpeg.encode_jpeg(image, quality, colorsubsampling=kind))
    if kind == "gray":
        return encoded(image[..., 0], quality=quality, **options)
    return encoded(image, quality=quality, subsampling=("444", "422", "420").index(kind), **options)


def texture(seed: int, height: int, width: int, is_noise: bool) -> Image:
    """A photo, or noise."""
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)
    return noise if is_noise else photo(seed, height, width)


sides = st.integers(1, 80)
jpegs = st.builds(
    jpeg,
    st.builds(texture, st.integers(0, 99), sides, sides, st.booleans()),
    st.integers(1, 100),
    st.sampled_from(["444", "422", "420", "440", "gray"]),
    optimize=st.booleans(),
    restart_marker_blocks=st.sampled_from([0, 0, 1, 2, 7]),
)


def draw_box(draw: st.DataObject, height: int, width: int) -> Box:
    """Any box of an image."""
    top, left = draw.draw(st.integers(0, height - 1)), draw.draw(st.integers(0, width - 1))
    return Box(top, left, draw.draw(st.integers(1, height - top)), draw.draw(st.integers(1, width - left)))


@pytest.mark.parametrize("form", FORMS)
@given(jpegs, st.data(), st.booleans())
def test_a_box_is_that_of_the_whole(part: DECODE, form: str, data: bytes, draw: st.DataObject, to_end: bool) -> None:
    """Any box of what encoders write has the pixels of the whole image there, on any processor."""
    whole = simplejpeg.decode_jpeg(data)
    box = draw_box(draw, *whole.shape[:2])
    np.testing.assert_array_equal(part(data, box, to_end, form == "plain"), whole[box.rows, box.columns])


@given(jpegs, st.data(), st.sampled_from([b"", b"\xff\xd9", b"\xff\xd0\xff\xd9", bytes(300)]))
def test_libjpeg_reads_what_is_taken(part: DECODE, data: bytes, draw: st.DataObject, end: bytes) -> None:
    """A box of a file that is cut or changed anywhere is taken only where libjpeg-turbo takes it, with the same pixels."""
    library: Any = native.module("jpeg") or pytest.skip("jpeg is not compiled")
    height, width, *_ = simplejpeg.decode_jpeg_header(data)
    box, start = draw_box(draw, height, width), data.rindex(b"\xff\xda") + 8
    at = draw.draw(st.integers(start, len(data)))
    bit = draw.draw(st.sampled_from([0, 0, 1, 16, 128]))
    broken = data[:at] + end if bit == 0 or at == len(data) else data[:at] + bytes([data[at] ^ bit]) + data[at + 1 :]
    memory = np.empty(box.height * width * 3, np.uint8)
    pixels = _rows(library.decode(broken, memory, box), memory, box)
    for plain in (False, True):
        taken = part(broken, box, False, plain)
        if taken is not None:
            assert pixels is not None
            np.testing.assert_array_equal(taken, pixels)


@pytest.mark.parametrize("kind", ["444", "422", "420", "440", "gray"])
def test_faults_are_seen_as_far_down_as_libjpeg_reads(part: DECODE, kind: str) -> None:
    """Of a file that ends too early the same boxes come as by libjpeg-turbo."""
    library: Any = native.module("jpeg") or pytest.skip("jpeg is not compiled")
    data = jpeg(texture(3, 70, 50, True), 80, kind)
    start, memory = data.rindex(b"\xff\xda") + 8, np.empty(70 * 50 * 3, np.uint8)
    for cut in range(start, len(data), 97):
        broken = data[:cut] + b"\xff\xd9"
        for bottom in (1, 8, 13, 14, 15, 16, 17, 30, 31, 32, 33, 64, 70):
            box = Box(0, 5, bottom, 20)
            found = library.decode(broken, memory, box)
            assert (part(broken, box) is None) == (found is None)


def test_what_is_no_box_is_left(part: DECODE) -> None:
    """A box that does not lie in the image is of none."""
    data = encoded(photo(1, 40, 56), quality=80)
    for numbers in ((0, 0, 41, 1), (0, 0, 1, 57), (40, 0, 1, 1), (0, 56, 1, 1), (-1, 0, 2, 2), (0, 0, 0, 1)):
        assert part(data, Box(*numbers)) is None
    assert part(data, Box(0, 0, 40, 56)) is not None


def test_photographs(part: DECODE) -> None:
    """Boxes of photographs have the pixels of the whole."""
    folder = os.environ.get("DATAPREP_PHOTOS") or pytest.skip("DATAPREP_PHOTOS is not set")
    draws, taken = np.random.default_rng(0), 0
    for path in sorted(Path(folder).iterdir())[::8]:
        data = path.read_bytes()
        whole = np.asarray(PIL.Image.open(path).convert("RGB"))
        top, left = (int(draws.integers(side)) for side in whole.shape[:2])
        box = Box(top, left, int(draws.integers(1, whole.shape[0] - top + 1)), int(draws.integers(1, whole.shape[1] - left + 1)))
        found = part(data, box)
        if found is not None:
            taken += 1
            np.testing.assert_array_equal(found, whole[box.rows, box.columns])
    assert taken > 30
