"""What decoders are set up to, and that it is put back."""

import warnings
from itertools import permutations

import PIL.Image
import pytest

from dataprep.images.limits import quiet_decoders


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_overlapping_use_puts_all_back(order: tuple[int, ...]) -> None:
    """Whoever leaves first, as threads do, filters of warnings and Pillow's limit are as before once all have left."""
    filters, limit = list(warnings.filters), PIL.Image.MAX_IMAGE_PIXELS
    within = [quiet_decoders(1000 * (number + 1)) for number in range(3)]
    for one in within:
        one.__enter__()
    assert PIL.Image.MAX_IMAGE_PIXELS == 1500
    for number in order[:-1]:
        within[number].__exit__(None, None, None)
    warnings.warn("of a decoder", stacklevel=1)  # an error, if it were heard
    within[order[-1]].__exit__(None, None, None)
    assert (list(warnings.filters), PIL.Image.MAX_IMAGE_PIXELS) == (filters, limit)
