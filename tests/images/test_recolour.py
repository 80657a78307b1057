"""Conversion by colours: the same pixels, each colour converted once."""

import numpy as np
import PIL.Image
import PIL.ImageOps
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataprep.images import recolour
from dataprep.testing import photo

MATRIX = (0.9, 0.2, -0.1, 0, -0.05, 1.1, 0, 3, 0.1, 0.1, 0.8, 0)


def turned(image: PIL.Image.Image) -> PIL.Image.Image:
    """An image with its colours turned, each by itself, as a profile does it."""
    return PIL.ImageOps.invert(image.convert("RGB", MATRIX))


@given(st.integers(0, 99), st.integers(1, 300), st.integers(1, 300), st.booleans())
def test_colours_are_converted_once(seed: int, height: int, width: int, few: bool) -> None:
    """An image of few colours or of many, or a part of one, comes to the same pixels by its colours as pixel by pixel."""
    image = photo(seed, height, width + 5)[:, 2 : width + 2]
    image = image // 16 * 16 if few else image
    expected = np.asarray(turned(PIL.Image.fromarray(image)))
    np.testing.assert_array_equal(recolour.recolour(image, turned), expected)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recolour, "MANY", 1)
        np.testing.assert_array_equal(recolour.recolour(image, turned), expected)
