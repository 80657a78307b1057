"""The bytes of one image in a shard: those of its file, a smaller JPEG, or its pixels, which a reader views and does not decode.

What is not the file itself is what a loader would see of it: upright, in sRGB, without transparency, resized as `Resize` does. It
is never enlarged.
"""

from typing import Final, NamedTuple

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from dataprep.errors import DecodeError
from dataprep.images.decode import decode
from dataprep.images.formats import FORMATS
from dataprep.images.limits import MAX_PIXELS
from dataprep.images.resize import resize
from dataprep.packing.options import QUALITY, Options
from dataprep.stages import Resize
from dataprep.types import Sizes

ENDINGS: Final = {known.name: known.endings[0] for known in FORMATS} | {"MPO": ".jpg"}
RAW: Final = (".ppm", "PPM")
JPEG: Final = (".jpg", "JPEG")

BYTES_A_PIXEL: Final = ((0, 0.02), (50, 0.12), (75, 0.19), (90, 0.32), (95, 0.46), (100, 1.2))
"""Of JPEG by quality: what photographs at 256 pixels take. Only how many images come into a shard depends on it."""


class Stored(NamedTuple):
    """An image as it is stored.

    Attributes:
        data: Its bytes.
        ending: What its name ends in.
        format: What its format is called.
    """

    data: bytes
    ending: str
    format: str


def stored_sizes(sizes: Sizes, options: Options) -> Sizes:
    """Returns (N, 2) height and width as they are stored of images of (N, 2) sizes."""
    if options.side is None:
        return sizes
    _, smaller = Resize(options.side).draw(np.empty((len(sizes), 0)), sizes)
    return np.where(sizes.min(axis=1, keepdims=True) > options.side, smaller, sizes)


def expected_bytes(lengths: NDArray[np.int64], sizes: Sizes, options: Options) -> NDArray[np.int64]:
    """Returns (N,) how many bytes images will about take, before any of them is read.

    Args:
        lengths: (N,) bytes of the files.
        sizes: (N, 2) height and width as they are stored.
        options: How they are packed.
    """
    pixels: NDArray[np.int64] = sizes.prod(axis=1)
    if options.form == "original":
        return lengths
    if options.form == "raw":
        return 3 * pixels
    qualities, each = np.array(BYTES_A_PIXEL).T
    return np.asarray(pixels * float(np.interp(options.quality or QUALITY, qualities, each)), np.int64)


def store(data: bytes, format: str | None, size: tuple[int, int], options: Options, max_pixels: int = MAX_PIXELS) -> Stored:
    """Returns an image as it is stored.

    Args:
        data: The bytes of its file.
        format: The format of its file.
        size: Height and width as it is stored.
        options: How it is packed.
        max_pixels: The most pixels that are decoded.

    Raises:
        DecodeError: It cannot be decoded, or is too large for a JPEG.
    """
    if options.form == "original":
        return Stored(data, ENDINGS.get(format or "", ".bin"), format or "")
    image = resize(decode(data, max_pixels=max_pixels, reuse=True).image, size)
    if options.form == "raw":
        return Stored(b"P6\n%d %d\n255\n" % size[::-1] + image.tobytes(), *RAW)
    try:
        coded = simplejpeg.encode_jpeg(np.ascontiguousarray(image), options.quality or QUALITY, "RGB", "420", fastdct=False)
    except ValueError as error:
        raise DecodeError(f"cannot be stored as JPEG: {error}") from error
    return Stored(coded, *JPEG)
