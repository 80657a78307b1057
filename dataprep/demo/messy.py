"""Makes a messy folder of real photographs with the truth written beside it.

Only good photographs that no edit could confuse are planted as originals, so that whatever goes wrong is the cleaning's fault.
"""

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
import PIL.Image
import PIL.ImageFilter
from numpy.typing import NDArray

from dataprep.demo.photos import ORIGINALS, Photo, originals, shipped, word
from dataprep.demo.truth import EXPECTED, File, Truth
from dataprep.draws import permutation, uniforms
from dataprep.errors import DataprepError
from dataprep.files import naming
from dataprep.images.views import luminance, reduce
from dataprep.types import Image

IGNORED: Final = {"notes.txt": b"Summer holidays, to be sorted.\n", ".DS_Store": bytes(64)}

Draws: TypeAlias = NDArray[np.float64]
"""(3,) numbers in [0, 1): two for an edit, one for the quality of its encoding."""


@dataclass(frozen=True)
class Plant:
    """What is planted: a kind, for how many originals, and how its bytes are made; None is as the original.

    `words` are for the file's name, where the kind does not say enough; `quality` is the least and the most of a JPEG or WebP.
    """

    kind: str
    count: int
    words: str | None = None
    edit: Callable[[Image, Draws], Image] = lambda image, _: image
    suffix: str | None = None
    quality: tuple[int, int] = (95, 95)
    damage: Callable[[bytes, Draws], bytes] = lambda data, _: data


def make_messy_folder(folder: Path, photos: Sequence[Path] | None = None, seed: int = 0) -> Truth:
    """Writes `photos/<label>/...` and `truth.json` into a folder; a file's name tells what it is.

    Args:
        folder: Made if need be; must not hold `photos` yet.
        photos: Photographs to take, labelled by their folder; None takes those that installed packages ship.
        seed: What the damage is drawn from.

    Raises:
        DataprepError: There are no photographs, none of them is good, or the folder is in use or cannot be written.
    """
    root = folder / "photos"
    if root.exists():
        raise DataprepError(f"{root} exists already; give a new folder")
    taken = originals(shipped() if photos is None else {path: path.resolve().parent.name for path in photos})
    with naming(root):
        files = list(_plant_all(root, taken, seed))
        for name, data in IGNORED.items():
            (root / name).write_bytes(data)
    truth = Truth(seed, tuple(sorted(files, key=lambda file: file.uri)), tuple(IGNORED))
    truth.write(folder / "truth.json")
    return truth


def _plant_all(root: Path, photos: Sequence[Photo], seed: int) -> Iterator[File]:
    """Writes all that is planned and yields the truth about each file."""
    for line, plant in enumerate(PLAN):
        chosen = permutation(seed, line, len(photos))[: plant.count]
        for index, u in zip(chosen, uniforms(seed, line, chosen, 3), strict=True):
            yield _plant(root, photos[index], plant, u)


def _plant(root: Path, photo: Photo, plant: Plant, u: Draws) -> File:
    """Writes one file and returns the truth about it."""
    original = f"{photo.label}/{photo.name}.{photo.suffix}"
    suffix = plant.suffix or photo.suffix
    words = word(plant.kind) if plant.words is None else plant.words
    is_own = plant.kind in ("blank", "not an image")
    stem = f"{words}-{photo.name.split('-')[0]}" if is_own else f"{photo.name}-{words}"
    uri = original if plant.kind == "original" else f"{photo.label}/{stem}.{suffix}"
    path = root / uri
    path.parent.mkdir(parents=True, exist_ok=True)
    least, most = plant.quality
    path.write_bytes(plant.damage(_encoded(plant.edit(photo.image, u), suffix, int(least + (most - least) * u[2])), u))
    return File(uri, plant.kind, None if is_own or uri == original else original, EXPECTED[plant.kind])


def _encoded(image: Image, suffix: str, quality: int) -> bytes:
    """Returns the bytes of a PNG, JPEG or WebP file."""
    file = io.BytesIO()
    PIL.Image.fromarray(image).save(file, {"png": "PNG", "jpg": "JPEG", "webp": "WEBP"}[suffix], quality=quality)
    return file.getvalue()


def _resized(image: Image, u: Draws) -> Image:
    return reduce(image, round((0.5 + 0.3 * u[0]) * min(image.shape[:2])))


def _cropped(image: Image, u: Draws, percent: int) -> Image:
    """Cuts off so many percent of the height and of the width, shared by the opposite sides as drawn."""
    height, width = image.shape[:2]
    tall, wide = height * (100 - percent) // 100, width * (100 - percent) // 100
    top, left = round(u[0] * (height - tall)), round(u[1] * (width - wide))
    return image[top : top + tall, left : left + wide]


def _lit(image: Image, u: Draws) -> Image:
    """Multiplies by 0.65 to 0.85, or by 1.15 to 1.35."""
    return _times(image, (0.65 if u[1] < 0.5 else 1.15) + 0.2 * u[0])


def _dark(image: Image, u: Draws) -> Image:
    """Leaves a mean of 3 to 12 gray levels."""
    return _times(image, (3 + 9 * u[0]) / float(luminance(image).mean()))


def _times(image: Image, factor: float) -> Image:
    return np.asarray(np.minimum(image * factor + 0.5, 255), np.uint8)


def _blurred(image: Image, u: Draws) -> Image:
    """Blurs with a Gaussian whose sigma is 2 to 4 % of the shorter side."""
    blur = PIL.ImageFilter.GaussianBlur(float(0.02 + 0.02 * u[0]) * min(image.shape[:2]))
    return np.asarray(PIL.Image.fromarray(image).filter(blur))


def _blank(image: Image, u: Draws, low: int = 40, high: int = 215, noise: int = 0) -> Image:
    """Returns one gray level from `low` to `high`, each pixel up to `noise` levels lighter."""
    levels = uniforms(int(u[1] * 2**53), 0, np.arange(image.shape[0]), image.shape[1]) * noise
    return np.asarray(levels + low + (high - low) * u[0], np.uint8)


def _truncated(data: bytes, u: Draws) -> bytes:
    return data[: int((0.3 + 0.5 * u[0]) * len(data))]


PLAN: Final = (
    Plant("original", ORIGINALS),
    Plant("exact copy", 10),
    Plant("re-encoded", 9, suffix="jpg", quality=(50, 80)),
    Plant("re-encoded", 5, suffix="webp", quality=(50, 80)),
    Plant("resized", 10, edit=_resized),
    Plant("cropped 5 %", 8, edit=partial(_cropped, percent=5)),
    Plant("cropped 10 %", 8, edit=partial(_cropped, percent=10)),
    Plant("brightness", 8, edit=_lit),
    Plant("blurred", 10, edit=_blurred),
    Plant("dark", 5, edit=_dark),
    Plant("blank", 2, "blank-uniform", edit=_blank),
    Plant("blank", 2, "blank-faint-noise", edit=partial(_blank, noise=8), suffix="png"),
    Plant("blank", 1, "blank-black", edit=partial(_blank, low=0, high=0)),
    Plant("blank", 1, "blank-white", edit=partial(_blank, low=255, high=255)),
    Plant("truncated", 3, suffix="jpg", damage=_truncated),
    Plant("truncated", 3, suffix="png", damage=_truncated),
    Plant("not an image", 1, "text-file", suffix="jpg", damage=lambda *_: b"This is no photograph.\n"),
    Plant("not an image", 1, "empty-file", suffix="jpg", damage=lambda *_: b""),
    Plant("too small", 2, "icon", edit=lambda image, _: reduce(image, 16)[:16, :16], suffix="png"),
)
