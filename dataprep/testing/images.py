"""Toy images: every picture follows from a number, so that tests need no files of their own and fail the same way everywhere."""

import io
from pathlib import Path

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from dataprep.types import Image

OCTAVES = (3, 6, 12, 24, 48, 96)  # cells on the shorter side: from the broad shapes of a photo to its texture


def photo(seed: int, height: int = 96, width: int = 128) -> Image:
    """Draws a picture that passes for a photo: broad shapes, texture, full contrast; two seeds are never near duplicates.

    Example:
        >>> photo(7, height=48, width=64).shape
        (48, 64, 3)

    Args:
        seed: Which picture.
        height: Pixels.
        width: Pixels.

    Returns:
        (height, width, 3) RGB.
    """
    generator = np.random.default_rng(seed)
    canvas = np.zeros((height, width, 3), np.float32)
    for cells in OCTAVES:
        aspect = (cells, max(1, round(cells * width / height)))
        noise = generator.normal(size=(*aspect, 3)) + generator.normal(size=(*aspect, 1))  # colours of a photo go together
        rows, columns = _cubic(aspect[0], height), _cubic(aspect[1], width)
        canvas += np.einsum("yi,ijc,xj->yxc", rows, noise.astype(np.float32), columns, optimize=True) / cells**0.2
    low, high = canvas.min(), canvas.max()
    return np.asarray((canvas - low) / (high - low) * 255, np.uint8)


def _cubic(source: int, target: int) -> NDArray[np.float32]:
    """Returns (target, source) how much of each value makes an interpolated one: cubic convolution by -0.75, as OpenCV does."""
    place = ((np.arange(target) + 0.5) * (source / target) - 0.5).astype(np.float32)
    first = np.floor(place).astype(np.int64)
    x = place - first.astype(np.float32)
    near, far = (np.stack([x, 1 - x]), np.stack([1 + x, 2 - x]))
    weights = np.concatenate([((-0.75 * far + 3.75) * far - 6) * far + 3, (1.25 * near - 2.25) * near * near + 1])
    taps = np.zeros((target, source), np.float32)
    for weight, shift in zip(weights, (-1, 2, 0, 1), strict=True):
        np.add.at(taps, (np.arange(target), (first + shift).clip(0, source - 1)), weight)
    return taps


def encoded(image: Image, format: str = "JPEG", **options: object) -> bytes:
    r"""Returns the bytes of an image file.

    Example:
        >>> encoded(photo(7), "PNG")[:4]
        b'\x89PNG'

    Args:
        image: (H, W, 3) RGB or (H, W) luminance.
        format: Pillow's name of the format.
        **options: What Pillow's `save` takes, such as `quality`.
    """
    buffer = io.BytesIO()
    PIL.Image.fromarray(image).save(buffer, format, **options)
    return buffer.getvalue()


def write_images(
    folder: str | Path, count: int, *, seed: int = 0, height: int = 96, width: int = 128, labels: tuple[str, ...] = ("cat", "dog")
) -> list[Path]:
    """Writes different photos as `label/0000.jpg`, the labels taking turns.

    Example:
        >>> [path.name for path in write_images("toys", 2)]
        ['0000.jpg', '0001.jpg']

    Args:
        folder: Where; it is made if needed.
        count: How many.
        seed: The first picture's seed; the others follow.
        height: Pixels.
        width: Pixels.
        labels: The folders below; none puts the files into the folder itself.

    Returns:
        The paths, in the order of the seeds.
    """
    paths = []
    for number in range(count):
        below = Path(folder, labels[number % len(labels)]) if labels else Path(folder)
        below.mkdir(parents=True, exist_ok=True)
        paths.append(below / f"{number:04d}.jpg")
        paths[-1].write_bytes(encoded(photo(seed + number, height, width), quality=90))
    return paths
