"""Local features: corners that are found again where the picture is a part of another or its negative."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataprep.columns import COLUMNS
from dataprep.images.views import luminance
from dataprep.search import hamming
from dataprep.stages import LocalFeatures
from dataprep.stages.measures.local import CORNER, LEAST, SMALL, corners_of
from dataprep.testing import photo


def corners(image: np.ndarray, count: int = 80):
    """The corners of an image."""
    return corners_of(LocalFeatures(count).measure(image)["local_features"])


@settings(max_examples=20)
@given(st.integers(0, 100), st.integers(1, 250), st.integers(1, 250), st.integers(8, 300))
def test_bounds(seed: int, height: int, width: int, count: int) -> None:
    """There are at most so many corners, each within the picture, in the bytes that the column says; small pictures have none."""
    found = LocalFeatures(count).measure(luminance(photo(seed, height, width)))
    assert len(found["local_features"]) % CORNER.itemsize == 0
    assert len(found["small_picture"]) == SMALL**2 == COLUMNS["LocalFeatures"][1].type.byte_width
    codes, places = corners_of(found["local_features"])
    assert len(codes) == len(places) <= (count if min(height, width) >= LEAST else 0)
    assert ((places > 0) & (places < 1)).all()


@pytest.mark.parametrize("level", [0, 128, 255])
def test_flat(level: int) -> None:
    """A picture of one level has no corner."""
    assert len(corners(np.full((200, 300), level, np.uint8)).codes) == 0


@pytest.mark.parametrize("seed", range(5))
def test_negative(seed: int) -> None:
    """In a negative the corners lie at the same places, and nearly all of their bits are the other way round."""
    image = luminance(photo(seed, 200, 300))
    one, other = corners(image), corners(255 - image)
    again = {tuple(place): code for place, code in zip(other.places, other.codes, strict=True)}
    both = [(code, again[tuple(place)]) for place, code in zip(one.places, one.codes, strict=True) if tuple(place) in again]
    assert len(both) > 60
    mine, theirs = map(np.array, zip(*both, strict=True))
    assert np.median(hamming(mine, 255 - theirs)) < 16


@pytest.mark.parametrize("seed", range(5))
def test_spread(seed: int) -> None:
    """Corners are taken from all over the picture: strong ones in one part of it do not get them all."""
    image = luminance(photo(seed, 240, 320))
    image[120:] = image[120:] // 2 + 64
    cv2.putText(image, "SAMPLE", (10, 60), cv2.FONT_HERSHEY_SIMPLEX, 2, 255, 4)
    below = (corners(image).places[:, 1] > 0.5).mean()
    assert below > 0.2
