"""What the kernels of colours, tones and turns do to pixels, against plain formulas and Pillow."""

import colorsys
from typing import Any

import numpy as np
import PIL.Image
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ImageEnhance, ImageOps

from dataprep.backends.cpu.kernels import kernel
from dataprep.backends.cpu.kernels.effects import stretch
from dataprep.protocols import Op
from dataprep.stages import (
    Affine,
    ColorJitter,
    Contrast,
    Equalize,
    GaussianBlur,
    Grayscale,
    Hue,
    JpegCompression,
    Pad,
    Posterize,
    RandAugment,
    RandomCrop,
    RandomErasing,
    Rotate,
    Saturation,
    Sharpness,
    Solarize,
    TrivialAugmentWide,
    VerticalFlip,
)
from dataprep.stages.ops.policies import CHANGES
from dataprep.testing import photo
from dataprep.types import Image

sides = st.integers(2, 60)
images = st.builds(photo, st.integers(0, 99), sides, sides)
factors = st.floats(0, 3)


def done(op: Op, image: Image, u: float = 0.5) -> np.ndarray[Any, Any]:
    """Returns an image after one op that was given the same uniform for everything."""
    params, _ = op.draw(np.full((1, op.slots), u), np.array([image.shape[:2]]))
    return kernel(op, image, params[0])


def near(result: np.ndarray[Any, Any], expected: np.ndarray[Any, Any], most: float = 0.51) -> bool:
    """Whether 8-bit values are the expected real numbers, cut off at 0 and 255 and rounded."""
    return bool((np.abs(result - np.clip(expected, 0, 255)) <= most).all())


@given(images, factors)
def test_contrast_is_about_middle_gray(image: Image, factor: float) -> None:
    """Each value becomes 128 + (value - 128) * factor."""
    assert near(done(Contrast((factor, factor)), image), 128 + (image - 128.0) * factor)


@given(images, factors)
def test_saturation_is_about_the_gray_of_each_pixel(image: Image, factor: float) -> None:
    """Each value becomes gray + (value - gray) * factor; OpenCV calculates in ten bits."""
    gray = image @ np.array([0.299, 0.587, 0.114])
    expected = gray[..., None] + (image - gray[..., None]) * factor
    assert near(done(Saturation((factor, factor)), image), expected, 1)


@given(images)
def test_grayscale_is_pillows(image: Image) -> None:
    """`Grayscale(1)` gives Pillow's gray in all three channels, but for one level of rounding."""
    expected = np.asarray(PIL.Image.fromarray(image).convert("L")).astype(int)
    assert (np.abs(done(Grayscale(1), image) - expected[..., None]) <= 1).all()


@given(images, st.floats(-180, 180))
def test_hue_keeps_the_luminance(image: Image, degrees: float) -> None:
    """A turn of the hue leaves gray pixels as they are; muted colours, which nothing cuts off, keep their luminance."""
    gray = np.repeat(image[..., :1], 3, axis=2)
    assert (np.abs(done(Hue((degrees, degrees)), gray).astype(int) - gray) <= 1).all()
    muted = (96 + image // 4).astype(np.uint8)
    luma = np.array([0.299, 0.587, 0.114])
    assert np.abs(done(Hue((degrees, degrees)), muted) @ luma - muted @ luma).max() <= 2


def test_hue_turns_by_its_degrees() -> None:
    """Half a turn of the hue takes red to the side of its opposite, and a whole turn back to red."""
    red = np.array([[[160, 100, 100]]], np.uint8)
    opposite = done(Hue((180, 180)), red)[0, 0] / 255
    assert colorsys.rgb_to_hsv(*opposite)[0] == pytest.approx(0.5, abs=0.1)


@given(images, st.floats(0.5, 1.5), st.floats(0.5, 1.5))
def test_jitter_is_contrast_then_brightness(image: Image, brightness: float, contrast: float) -> None:
    """`ColorJitter` is one matrix: contrast about 128, then brightness, rounded and cut off once."""
    op = ColorJitter((brightness, brightness), (contrast, contrast), (1, 1), 0)
    assert near(done(op, image), (128 + (image - 128.0) * contrast) * brightness)


@given(images, st.integers(1, 8))
def test_posterize_is_pillows(image: Image, bits: int) -> None:
    """`Posterize` gives exactly what `ImageOps.posterize` gives."""
    assert np.array_equal(done(Posterize(bits, 1), image), np.asarray(ImageOps.posterize(PIL.Image.fromarray(image), bits)))


@given(images, st.integers(0, 256))
def test_solarize_is_pillows(image: Image, threshold: int) -> None:
    """`Solarize` gives exactly what `ImageOps.solarize` gives."""
    assert np.array_equal(
        done(Solarize(threshold, 1), image), np.asarray(ImageOps.solarize(PIL.Image.fromarray(image), threshold))
    )


@given(images, factors)
def test_equalize_sharpness_and_autocontrast_are_pillows(image: Image, factor: float) -> None:
    """What Pillow has is exactly Pillow's."""
    pillow = PIL.Image.fromarray(image)
    assert np.array_equal(done(Equalize(1), image), np.asarray(ImageOps.equalize(pillow)))
    assert np.array_equal(stretch(image), np.asarray(ImageOps.autocontrast(pillow)))
    assert np.array_equal(done(Sharpness((factor, factor)), image), np.asarray(ImageEnhance.Sharpness(pillow).enhance(factor)))


@given(st.floats(0.5, 4))
def test_blur_spreads_a_point_as_a_gaussian(sigma: float) -> None:
    """A bright point becomes a spot of its own brightness, in all, whose variance is sigma squared."""
    image = np.zeros((61, 61, 3), np.uint8)
    image[26:35, 26:35] = 255
    blurred = done(GaussianBlur(sigma), image)[..., 1].astype(float)
    assert blurred.sum() == pytest.approx(81 * 255, rel=0.02)
    rows = np.arange(61) - 30
    variance = (blurred.sum(axis=1) * rows**2).sum() / blurred.sum()
    assert variance == pytest.approx(sigma**2 + (81 - 1) / 12, rel=0.06)


@given(images, st.floats(0, 1, exclude_max=True))
def test_erasing_paints_one_box(image: Image, u: float) -> None:
    """`RandomErasing(1)` changes its box to the colour and nothing else."""
    op = RandomErasing(1, fill=(1, 2, 3))
    params, _ = op.draw(np.full((1, op.slots), u), np.array([image.shape[:2]]))
    top, left, height, width = params[0].astype(int)
    expected = image.copy()
    expected[top : top + height, left : left + width] = (1, 2, 3)
    assert np.array_equal(kernel(op, image, params[0]), expected)


def test_low_quality_loses_more() -> None:
    """A lower JPEG quality is further from the image than a higher one."""
    image = photo(4)
    loss = [np.abs(done(JpegCompression((q, q)), image).astype(int) - image).mean() for q in (10, 50, 95)]
    assert loss == sorted(loss, reverse=True)
    assert 0 < loss[2] < loss[0]


@given(images)
def test_vertical_mirroring(image: Image) -> None:
    """`VerticalFlip(1)` mirrors top and bottom."""
    assert np.array_equal(done(VerticalFlip(1), image), np.flipud(image))


@given(images, st.tuples(*[st.integers(0, 9)] * 4))
def test_pad_is_numpys(image: Image, sides: tuple[int, int, int, int]) -> None:
    """`Pad` lays (left, top, right, bottom) around, as `np.pad` does."""
    left, top, right, bottom = sides
    assert np.array_equal(done(Pad(sides), image), np.pad(image, ((top, bottom), (left, right), (0, 0))))


@given(images, st.integers(1, 40), st.integers(0, 50), st.floats(0, 1, exclude_max=True))
def test_a_random_crop_is_a_part_of_the_padded_image(image: Image, size: int, padding: int, u: float) -> None:
    """`RandomCrop` gives a window of the image with the border laid around it."""
    op = RandomCrop(size, padding)
    params, _ = op.draw(np.full((1, 2), u), np.array([image.shape[:2]]))
    top, left = params[0, :2].astype(int) + 100
    padded = np.pad(image, ((100, 100), (100, 100), (0, 0)))
    assert np.array_equal(kernel(op, image, params[0]), padded[top : top + size, left : left + size])


@given(images, st.floats(-180, 180))
def test_an_affine_turn_is_a_rotation(image: Image, degrees: float) -> None:
    """`Affine` that only turns is `Rotate`, but for the last bit of the interpolation."""
    turned, rotated = done(Affine((degrees, degrees)), image), done(Rotate((degrees, degrees)), image)
    assert np.abs(turned.astype(int) - rotated).mean() < 1


@pytest.mark.parametrize(("share", "pixels"), [((0.25, 0), (8, 0)), ((0, 0.25), (0, 8))])
def test_an_affine_shift_moves_whole_pixels(share: tuple[float, float], pixels: tuple[int, int]) -> None:
    """A shift by a quarter of 32 pixels moves by 8, right and down for uniforms of nearly 1."""
    image, (x, y) = photo(3, 32, 32), pixels
    moved = done(Affine(0, share), image, 1 - 2.0**-53)
    assert np.array_equal(moved[y:, x:], image[: 32 - y, : 32 - x])


@pytest.mark.parametrize("op", [RandAugment(1, 15), TrivialAugmentWide()], ids=repr)
def test_policies_choose_every_change_alike(op: Any) -> None:
    """Over many draws each of the changes is as frequent."""
    params, _ = op.draw(np.random.default_rng(0).random((14_000, op.slots)), np.full((14_000, 2), 64))
    counts = np.bincount(params[:, 0].astype(int), minlength=len(CHANGES))
    assert np.abs(counts - 1000).max() < 130


def test_strength_zero_moves_nothing() -> None:
    """At magnitude 0 only the changes without a strength, which spread the levels, change the image."""
    image = photo(5)
    for number, name in enumerate(CHANGES):
        params, _ = RandAugment(1, 0).draw(np.array([[(number + 0.5) / len(CHANGES), 0.9]]), np.array([image.shape[:2]]))
        same = np.array_equal(kernel(RandAugment(1, 0), image, params[0]), image)
        assert same or name in ("autocontrast", "equalize", "solarize"), name
