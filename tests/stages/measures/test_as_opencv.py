"""Measures in NumPy have the values that OpenCV finds, to the last bit: thresholds and caches hold whoever computes them."""

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import dataprep as dp
from dataprep.images.resize import average
from dataprep.images.views import luminance
from dataprep.testing import photo
from dataprep.types import Image

SIDES = st.integers(1, 70)
IMAGES = st.one_of(
    st.builds(photo, st.integers(0, 99), SIDES, SIDES),
    st.tuples(SIDES, SIDES).flatmap(lambda size: arrays(np.uint8, (*size, 3))),
)
"""(H, W, 3) of photographs and of noise."""


@given(IMAGES)
def test_quality(image: Image) -> None:
    """Sharpness, brightness, contrast, noise and colours are those of OpenCV's filters and means."""
    gray = np.ascontiguousarray(image[..., 1])
    mean, deviation = cv2.meanStdDev(gray)
    assert dp.Luminance().measure(gray) == {"brightness": mean[0, 0], "contrast": deviation[0, 0]}
    _, deviation = cv2.meanStdDev(cv2.Laplacian(gray, cv2.CV_16S))
    assert dp.LaplacianVariance().measure(gray) == {"sharpness": deviation[0, 0] ** 2}
    second = np.array([1.0, -2.0, 1.0])
    inside = cv2.sepFilter2D(gray, cv2.CV_16S, second, second)[1:-1, 1:-1]
    size = cv2.norm(inside, cv2.NORM_L1) / inside.size if inside.size else 0.0
    assert dp.Noise().measure(gray) == {"noise": np.sqrt(np.pi / 2) * size / 6}
    opponents = np.array([[1, -1, 0], [0.5, 0.5, -1]], np.float32)
    means, deviations = cv2.meanStdDev(cv2.transform(image.astype(np.float32), opponents))
    chroma = cv2.mean(image.max(axis=2) - image.min(axis=2))[0]
    expected = {"saturation": chroma, "colorfulness": np.linalg.norm(deviations) + 0.3 * np.linalg.norm(means)}
    assert dp.Colorfulness().measure(image) == expected


def test_noise_of_many_rows() -> None:
    """Noise is seen in all rows of an image, however many are taken at once."""
    for height in (63, 64, 65, 66, 67, 130, 200):
        image = np.random.default_rng(height).integers(0, 256, (height, 30), np.uint8)
        values = image.astype(int)
        down = values[:-2] - 2 * values[1:-1] + values[2:]
        both = down[:, :-2] - 2 * down[:, 1:-1] + down[:, 2:]
        assert dp.Noise().measure(image)["noise"] == pytest.approx(np.sqrt(np.pi / 2) * np.abs(both).mean() / 6)


def squeezed(image: Any, side: int) -> Any:
    """Returns an image as a square: enlarged by OpenCV where it is smaller, then averaged."""
    height, width = (max(length, side) for length in image.shape[:2])
    enlarged = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
    return enlarged if (height, width) == (side, side) else average(enlarged, (side, side))


@given(IMAGES)
def test_miniature(image: Image) -> None:
    """The small picture of any image, also of one with fewer pixels, has OpenCV's luminance, colours and interpolation."""
    np.testing.assert_array_equal(luminance(image), cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))
    colors = cv2.cvtColor(squeezed(image, 4), cv2.COLOR_RGB2YCrCb)[..., [2, 1]]
    gray = squeezed(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), 32)
    assert dp.Miniature().measure(image) == {"miniature": gray.tobytes() + colors.transpose(2, 0, 1).tobytes()}
