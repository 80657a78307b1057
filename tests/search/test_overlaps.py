"""Overlaps: where one picture lies in another is found by its corners, and only there do the two agree."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataprep.images.views import luminance
from dataprep.search import Local, Overlap, agreement, overlap
from dataprep.testing import photo

SIZE = np.array([300.0, 200.0])


def local(codes: np.ndarray, places: np.ndarray, small: np.ndarray | None = None) -> Local:
    """A picture with some corners."""
    return Local(codes, places, SIZE, np.zeros((48, 48), np.float32) if small is None else small)


def small(image: np.ndarray) -> np.ndarray:
    """The small picture of an image."""
    return cv2.resize(luminance(image), (48, 48), interpolation=cv2.INTER_AREA).astype(np.float32)


SCALE, SHIFT = st.floats(0.4, 2.5), st.floats(-0.4, 0.4)

WHOLE = Overlap(np.ones(2), np.zeros(2), 40, 40)


@given(st.integers(0, 1000), SCALE, st.floats(0.85, 1.15), SHIFT, SHIFT, st.integers(0, 30), st.booleans())
def test_place(seed: int, scale: float, squeeze: float, x: float, y: float, others: int, negative: bool) -> None:
    """Scale and shift are found by corners that agree about them, among as many that do not."""
    generator = np.random.default_rng(seed)
    codes, places = generator.integers(0, 256, (30 + others, 32), np.uint8), generator.random((30 + others, 2))
    true, shift = np.array([scale, scale * squeeze]), np.array([x, y])
    moved = np.concatenate([places[:30] * true + shift, generator.random((others, 2))])
    theirs = 255 - codes if negative else codes
    found = overlap(local(codes, places), local(theirs, moved), negative)
    assert found is not None
    assert 25 <= found.corners <= 30 + others
    assert found.scale == pytest.approx(true, abs=0.05)
    assert found.shift == pytest.approx(shift, abs=0.05)
    assert overlap(local(codes, places), local(theirs, moved), not negative) is None


@pytest.mark.parametrize("count", range(4))
def test_too_few(count: int) -> None:
    """Less than three corners say nothing, nor do three on a line."""
    codes = np.random.default_rng(0).integers(0, 256, (count, 32), np.uint8)
    places = np.stack([np.linspace(0.1, 0.9, count), np.full(count, 0.5)], axis=1)
    assert overlap(local(codes, places), local(codes, places)) is None


@given(SCALE, SCALE, SHIFT, SHIFT)
def test_parts(across: float, down: float, x: float, y: float) -> None:
    """The part of each picture lies within it, and the one is where scale and shift put the other."""
    found = Overlap(np.array([across, down]), np.array([x, y]), 10, 10)
    one, other = found.parts
    assert ((one >= 0) & (one <= 1)).all()
    assert (other > -1e-9).all()
    assert (other < 1 + 1e-9).all()
    assert other == pytest.approx(one * found.scale + found.shift)
    assert found.shares == pytest.approx([np.prod(one[1] - one[0]), np.prod(other[1] - other[0])])


@given(st.integers(0, 300), st.floats(0, 0.3), st.floats(0, 0.3), st.booleans())
def test_agreement(seed: int, left: float, top: float, negative: bool) -> None:
    """A picture agrees with its part, or with the negative of it, where it lies, and with the part of no other picture.

    How much of it has texture is a fact of the part, not of how well the two agree.
    """
    whole = photo(seed, 240, 360)
    part = whole[round(top * 240) : round((top + 0.7) * 240), round(left * 360) : round((left + 0.7) * 360)]
    found = Overlap(np.full(2, 1 / 0.7), -np.array([left, top]) / 0.7, 40, 40)
    pictures = [local(np.zeros((0, 32), np.uint8), np.zeros((0, 2)), small(image)) for image in (whole, part, photo(seed + 1))]
    seen = pictures[1]._replace(small=255 - pictures[1].small) if negative else pictures[1]
    *agreed, texture = agreement(pictures[0], seen, found, negative)
    assert min(agreed) > 0.98
    assert texture == pytest.approx(agreement(pictures[1], pictures[1], WHOLE).texture, abs=0.1)
    assert agreement(pictures[0], seen, found, not negative).luminance < 0
    assert agreement(pictures[0], pictures[2], found).luminance < 0.8


def test_flat() -> None:
    """Pictures of one level agree in nothing, as they have no texture."""
    blank = local(np.zeros((0, 32), np.uint8), np.zeros((0, 2)), np.full((48, 48), 7, np.float32))
    assert agreement(blank, blank, WHOLE) == (0, 0, 0, 0)
