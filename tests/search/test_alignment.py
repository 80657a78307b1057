"""Alignment: the same bits however it is computed, and what OpenCV finds."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dataprep.images import native
from dataprep.search import alignment
from dataprep.search.alignment import STARTS
from dataprep.search.likeness import ALIGNED, SIDE, gradients
from dataprep.testing import photo

PICTURES = st.one_of(
    arrays(np.uint8, (SIDE, SIDE)),
    st.builds(lambda seed, top: photo(seed, 40, 40)[top : top + SIDE, 4:-4, 1], st.integers(0, 50), st.integers(0, 8)),
    st.builds(
        lambda across, down: np.add.outer(np.arange(SIDE) * down, np.arange(SIDE) * across), st.integers(-4, 4), st.integers(0, 4)
    ),
).map(lambda picture: picture.astype(np.float32))
"""Noise and flat areas, photographs of which some show a part of the same, and even slopes."""


@settings(max_examples=25)
@given(PICTURES, PICTURES)
def test_compiled_code_has_the_same_bits(first: Any, second: Any) -> None:
    """Whatever two pictures show, NumPy and compiled code find the same to the last bit."""
    if native.module("align") is None:
        pytest.skip("it is not compiled")
    assert alignment._align(first, second) == alignment._align_plainly(first, second)


def edited() -> Iterator[tuple[Any, Any]]:
    """Yields small pictures of photographs, and each of them turned, scaled, moved or put into another light."""
    for seed in range(40):
        image = cv2.resize(photo(seed, 240, 320)[..., 1], (256, 256), interpolation=cv2.INTER_AREA)
        motion = cv2.getRotationMatrix2D((128, 128), seed % 9 - 4, 0.94 + 0.03 * (seed % 5))
        motion[:, 2] += seed % 7 - 3, seed % 11 - 5
        other = cv2.warpAffine(image, motion, (256, 256), borderMode=cv2.BORDER_REFLECT) * (0.8 if seed % 3 else 1.0)
        one, other = (cv2.resize(each, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for each in (image, other))
        yield one.astype(np.float32), np.rint(other).astype(np.float32)


def by_opencv(first: Any, second: Any) -> float:
    """Returns the correlation of the gradients once OpenCV has moved the second picture onto the first, as `align` does."""
    one, other = (cv2.GaussianBlur(picture, (0, 0), 0.8) for picture in (first, second))
    best = -1.0
    for start in STARTS:
        best = max(best, by_opencv_from(one, other, start.reshape(2, 3).astype(np.float32)))
        if best >= ALIGNED:
            break
    return best


def by_opencv_from(one: Any, other: Any, start: Any) -> float:
    """Returns the same from one estimate of the motion; -1 where there is none, or where it is not that of an edit."""
    criteria, whole = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 30, 1e-4), np.ones((SIDE, SIDE), np.uint8)
    try:
        _, motion = cv2.findTransformECC(one, other, start, cv2.MOTION_AFFINE, criteria, whole, 1)
    except cv2.error:
        return -1.0
    scales = np.linalg.svd(motion[:, :2], compute_uv=False)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    moved, inside = (cv2.warpAffine(each, motion, (SIDE, SIDE), flags=flags) for each in (other, np.ones_like(other)))
    seen = (inside[:-1, :-1] * inside[1:, :-1] * inside[:-1, 1:] > 0.999).astype(np.uint8)
    seen = cv2.erode(seen, np.ones((3, 3), np.uint8), borderValue=0) > 0
    if not 0.8 < scales[1] <= scales[0] < 1.25 or seen.mean() < 0.5:
        return -1.0
    first, second = (gradients(each[None])[:, :, seen].ravel() for each in (one, moved))
    return float(first @ second / np.linalg.norm(first) / np.linalg.norm(second))


def test_it_finds_what_opencv_finds() -> None:
    """Edited photographs are as alike as OpenCV finds them, and it takes different ones for as different."""
    copies = list(edited())
    others = list(pairwise(first for first, _ in copies))
    ours, theirs = (np.array([find(*pair) for pair in copies + others]) for find in (alignment.align, by_opencv))
    assert (ours[: len(copies)] > 0.9).all()
    assert (ours[len(copies) :] < 0.6).all()
    # where no motion fits, each step depends on the last bits of the one before; OpenCV's own versions differ there
    assert np.quantile(np.abs(ours - theirs), 0.9) < 1e-3
    for bound in (0.75, 0.85, ALIGNED):
        np.testing.assert_array_equal(ours >= bound, theirs >= bound)
