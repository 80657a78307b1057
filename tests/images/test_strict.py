"""The strict decoder of baseline JPEG and simplejpeg, its oracle."""

import io
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
from dataprep.testing import photo
from dataprep.types import Image

SCALES = (1, 2, 4, 8)
SUBSAMPLINGS = {"444": 0, "422": 1, "420": 2}  # as Pillow numbers them
PLANES = Callable[..., tuple[Image | None, Image | None] | None]


@pytest.fixture(scope="module")
def decode() -> PLANES:
    """The strict decoder, which gives luminance and RGB at a scale each, or nothing."""
    compiled = native.module("measure")
    if compiled is None:
        pytest.skip("measure is not compiled")

    def planes(data: bytes, gray: int, rgb: int, plain: bool = False) -> tuple[Image | None, Image | None] | None:
        found = compiled.decode(data, gray, rgb, plain)
        return None if found is None else (pixels_of(found[0], ()), pixels_of(found[1], (3,)))

    return planes


def pixels_of(plane: tuple[int, int, bytes] | None, channels: tuple[int, ...]) -> Image | None:
    """A plane as an array."""
    return None if plane is None else np.frombuffer(plane[2], np.uint8).reshape(plane[0], plane[1], *channels)


def expected(data: bytes, colour: str, factor: int) -> Image:
    """What simplejpeg makes of a JPEG at a scale."""
    height, width, *_ = simplejpeg.decode_jpeg_header(data)
    least = {"min_height": -(-height // factor), "min_width": -(-width // factor)} if factor > 1 else {}
    image: Image = simplejpeg.decode_jpeg(data, colour, **least)
    assert image.shape[:2] == (-(-height // factor), -(-width // factor))
    return image[..., 0] if colour == "GRAY" else image


def assert_same(decode: PLANES, data: bytes, plain: bool = False) -> None:
    """Checks every scale of a JPEG, alone and with another one."""
    height, width, *_ = simplejpeg.decode_jpeg_header(data)
    for factor in SCALES if min(height, width) >= 8 else (1,):  # simplejpeg may take another scale for a smaller one
        gray, rgb = expected(data, "GRAY", factor), expected(data, "RGB", factor)
        for asked in ((factor, 0), (0, factor), (factor, factor), (factor, 8), (1, factor)):
            if min(height, width) < 8 and 8 in asked:
                continue
            found = decode(data, *asked, plain)
            assert found is not None
            if asked[0] == factor:
                np.testing.assert_array_equal(found[0], gray)
            if asked[1] == factor:
                np.testing.assert_array_equal(found[1], rgb)


def texture(seed: int, height: int, width: int, contrast: int) -> Image:
    """A photo, or where there is contrast, noise as strong."""
    noise = np.random.default_rng(seed).integers(128 - contrast, 128 + contrast + 1, (height, width, 3)).clip(0, 255)
    return noise.astype(np.uint8) if contrast else photo(seed, height, width)


def by_pillow(image: Image, quality: int, subsampling: str, gray: bool, **options: Any) -> bytes:
    """A baseline JPEG by Pillow."""
    buffer, source = io.BytesIO(), PIL.Image.fromarray(image).convert("L" if gray else "RGB")
    more = {} if gray else {"subsampling": SUBSAMPLINGS[subsampling]}
    source.save(buffer, "JPEG", quality=quality, **more, **options)
    return buffer.getvalue()


IMAGES = st.builds(texture, st.integers(0, 99), st.integers(1, 200), st.integers(1, 200), st.sampled_from([0, 0, 0, 3, 30, 127]))
BY_PILLOW = st.builds(
    by_pillow,
    IMAGES,
    st.integers(1, 100),
    st.sampled_from(list(SUBSAMPLINGS)),
    st.booleans(),
    optimize=st.booleans(),
    restart_marker_blocks=st.sampled_from([0, 0, 1, 2, 7]),
    restart_marker_rows=st.sampled_from([0, 0, 0, 1]),
)
BY_SIMPLEJPEG = st.builds(
    simplejpeg.encode_jpeg,
    IMAGES,
    st.integers(1, 100),
    colorsubsampling=st.sampled_from(["444", "422", "420", "440", "Gray"]),
)


@given(st.one_of(BY_PILLOW, BY_SIMPLEJPEG))
def test_pixels_are_those_of_libjpeg_turbo(decode: PLANES, data: bytes) -> None:
    """What encoders write is decoded, at each scale, to the pixels of simplejpeg."""
    assert_same(decode, data)


@given(st.one_of(BY_PILLOW, BY_SIMPLEJPEG))
def test_pixels_are_the_same_on_every_processor(decode: PLANES, data: bytes) -> None:
    """Without what only some processors have, the pixels are the same."""
    assert_same(decode, data, plain=True)


PLAIN = by_pillow(photo(1, 40, 56), 80, "420", False)
RESTARTED = by_pillow(photo(1, 40, 56), 80, "444", False, restart_marker_blocks=2)
SCAN = PLAIN.index(b"\xff\xda") + 14
ODD = {
    "progressive": by_pillow(photo(1, 40, 56), 80, "420", False, progressive=True),
    "without an end": PLAIN[:-2],
    "cut": PLAIN[:-20] + PLAIN[-2:],
    "a byte before the end": PLAIN[:-2] + b"\0" + PLAIN[-2:],
    "a marker in the scan": PLAIN[:-30] + b"\xff\xd0" + PLAIN[-30:],
    "a restart marker out of order": RESTARTED.replace(b"\xff\xd1", b"\xff\xd3", 1),
    "a restart marker too few": RESTARTED.replace(b"\xff\xd1", b"", 1),
    "a fill byte before a marker": PLAIN[:2] + b"\xff" + PLAIN[2:],
    "an unknown version of JFIF": PLAIN.replace(b"JFIF\0\1", b"JFIF\0\2"),
    "frequencies that a baseline scan has not": PLAIN[: SCAN - 2] + b"\x3e" + PLAIN[SCAN - 1 :],
    "a factor of quantisation that is zero": PLAIN[: PLAIN.index(b"\xff\xdb") + 5]
    + b"\0"
    + PLAIN[PLAIN.index(b"\xff\xdb") + 6 :],
    "no lines": PLAIN[: PLAIN.index(b"\xff\xc0") + 5] + b"\0\0" + PLAIN[PLAIN.index(b"\xff\xc0") + 7 :],
    "more lines than there is code for": PLAIN[: PLAIN.index(b"\xff\xc0") + 5]
    + b"\xff\xdc"
    + PLAIN[PLAIN.index(b"\xff\xc0") + 7 :],
    "no code": PLAIN[:SCAN] + b"\xff\xd9",
    "no image": b"\xff\xd8\xff\xd9",
    "nothing": b"",
}


@pytest.mark.parametrize("name", ODD)
def test_odd_files_are_left(decode: PLANES, name: str) -> None:
    """What libjpeg-turbo would warn of, and what baseline encoders do not write, is left to others."""
    assert all(decode(ODD[name], gray, rgb) is None for gray, rgb in ((1, 0), (8, 0), (0, 2), (2, 8)))


def test_bytes_behind_the_end(decode: PLANES) -> None:
    """What stands behind the end is not looked at, as libjpeg-turbo does not."""
    for more in (b"\0", b"\xff\xd9", PLAIN):
        assert_same(decode, PLAIN + more)


def test_photographs(decode: PLANES) -> None:
    """Photographs are decoded, at each scale, to the pixels of simplejpeg."""
    folder = os.environ.get("DATAPREP_PHOTOS") or pytest.skip("DATAPREP_PHOTOS is not set")
    taken = 0
    for path in sorted(Path(folder).iterdir())[::8]:
        data = path.read_bytes()
        for factor in SCALES:
            found = decode(data, factor, factor)
            if found is not None:
                taken += 1
                np.testing.assert_array_equal(found[0], expected(data, "GRAY", factor))
                np.testing.assert_array_equal(found[1], expected(data, "RGB", factor))
    assert taken > 100
