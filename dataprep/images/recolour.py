"""The pixels of an image in sRGB by its colours, each converted once: a photo has a quarter as many colours as pixels.

Little CMS takes 30 ns for a pixel and knows nothing of those around it, so the pixels are the same. To find colours takes 6.
"""

from typing import Any, Final

import numpy as np
import PIL.Image

from dataprep.images import native
from dataprep.images.profiles import Conversion
from dataprep.images.scratch import scratch
from dataprep.types import Image

MANY: Final = 1 << 15  # pixels from which on it is worth it
PALETTE: Final = 12 << 18  # bytes in which the compiled code notes which colours there are


def recolour(image: Image, conversion: Conversion) -> Image:
    """Returns (H, W, 3) RGB in sRGB, by a conversion of RGB."""
    pixels, code = image.shape[0] * image.shape[1], native.module("resample")
    made = _by_colours(image, conversion, code) if code is not None and pixels >= MANY else None
    return np.asarray(conversion(PIL.Image.fromarray(image))) if made is None else made


def _by_colours(image: Image, conversion: Conversion, code: Any) -> Image | None:
    """Returns the same, None where there are more colours than three for four pixels."""
    height, width, _ = image.shape
    memory, colours = scratch("palette", PALETTE), scratch("colours", 3 * (height * width * 3 // 4))
    count = code.palette(image, memory, colours)
    if not count:
        return None
    line = PIL.Image.fromarray(colours[: 3 * count].reshape(1, count, 3))
    made = np.empty(image.shape, np.uint8)
    code.palette(image, memory, np.array(conversion(line)), made)
    return made
