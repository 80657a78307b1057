"""Photographs: good ones, what copies people make of them, and faults; those that packages ship, or those of a folder.

The ones that packages ship are cut into tiles, each a picture of its own; tiles that show hardly more than a sky or a blurred
background were left out by eye, not by a measure.
"""

import os
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import numpy as np
import PIL.Image
from numpy.random import Generator
from pictures import Picture, bytes_of, font, jpeg, png
from PIL import ImageDraw, ImageEnhance, ImageFilter, ImageOps
from PIL.Image import Image, Resampling

GRIDS = {
    "skimage/data/astronaut.png": (4, 3), "skimage/data/camera.png": (4, 3), "skimage/data/chelsea.png": (2, 2),
    "skimage/data/coffee.png": (3, 3), "skimage/data/coins.png": (1, 1), "skimage/data/motorcycle_left.png": (3, 3),
    "skimage/data/rocket.jpg": (3, 3), "sklearn/datasets/images/china.jpg": (3, 3), "sklearn/datasets/images/flower.jpg": (3, 3),
}  # fmt: skip
"""How many tiles down and across each photograph is cut into, each wider than high, of 120 pixels or more."""

FLAT = {"camera": (0, 2, 6), "rocket": (1,), "china": (2,), "flower": (0, 2, 3, 5, 6, 8)}
"""The tiles with hardly anything in focus, by the number in reading order."""

SHORTER = 360
"""Pixels that a photograph of a folder is reduced to."""


def path_of(name: str) -> Path:
    """Returns the path of a file that an installed package ships; imports none of them."""
    spec = find_spec(name.partition("/")[0])
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"{name} is not there: pip install scikit-image scikit-learn")
    return Path(spec.origin).parents[1] / name


def tiles(image: Image, down: int, across: int) -> Iterator[Image]:
    """Yields the parts of an image, in reading order."""
    rows = [image.height * row // down for row in range(down + 1)]
    columns = [image.width * column // across for column in range(across + 1)]
    for top, bottom in pairwise(rows):
        for left, right in pairwise(columns):
            yield image.crop((left, top, right, bottom))


def packaged() -> Iterator[tuple[str, Image]]:
    """Yields the tiles of the photographs that packages ship, each with the photograph's name."""
    for name, (down, across) in GRIDS.items():
        stem = Path(name).stem
        for number, tile in enumerate(tiles(PIL.Image.open(path_of(name)).convert("RGB"), down, across)):
            if number not in FLAT.get(stem, ()):
                yield stem, tile


def from_folder() -> Iterator[tuple[str, Image]]:
    """Yields the photographs of the folder that DATAPREP_PHOTOS names, each with the label that its file name has."""
    for path in sorted(Path(os.environ["DATAPREP_PHOTOS"]).rglob("*")):
        if path.is_file():
            image = PIL.Image.open(path).convert("RGB")
            factor = min(1, SHORTER / min(image.size))
            yield path.stem.partition("_")[0], scaled(image, factor, factor)


Photos = Callable[[], Iterator[tuple[str, Image]]]


def photographs(photos: Photos) -> Iterator[Picture]:
    """Yields good photographs."""
    for label, image in photos():
        yield jpeg(image, label, quality=92)


def copies(photos: Photos, count: int) -> Iterator[Picture]:
    """Yields so many photographs, each with all that is a copy of it."""
    for number, image in enumerate(_some(photos, count)):
        yield jpeg(image, "original", number, 92)
        for name, edit in EDITS.items():
            yield edit(image, name, number) if name.startswith("JPEG") else jpeg(edit(image), name, number, 92)


def _some(photos: Photos, count: int) -> list[Image]:
    """Returns so many photographs, spread over all."""
    images = [image for _, image in photos()]
    return [images[number * len(images) // count] for number in range(count)]


def faulty(photos: Photos, count: int) -> Iterator[Picture]:
    """Yields so many photographs, each with what spoils it."""
    for number, image in enumerate(_some(photos, count)):
        yield jpeg(image, "original", number, 92)
        for name, fault in FAULTS.items():
            yield jpeg(fault(image), name, number, 92)
        whole = jpeg(image, "truncated", number, 92)
        yield whole._replace(data=whole.data[: len(whole.data) * 2 // 3])


def small(generator: Generator) -> Iterator[Picture]:
    """Yields parts of photographs at 32 pixels, as in CIFAR; those that show one tone only are left out."""
    for name in GRIDS:
        image = PIL.Image.open(path_of(name)).convert("RGB")
        for tile in tiles(image, image.height // 64, image.width // 64):
            if np.asarray(tile.convert("L")).std() > 24:
                yield png(tile.resize((32, 32), Resampling.BOX), Path(name).stem)


def real_tiles(name: str, side: int) -> Callable[[Generator], Iterator[Picture]]:
    """Returns a drawer of the tiles of one picture that scikit-image ships."""

    def draw(generator: Generator) -> Iterator[Picture]:
        image = PIL.Image.open(path_of(f"skimage/data/{name}"))
        for tile in tiles(image, image.height // side, image.width // side):
            yield png(tile)

    return draw


def faces(generator: Generator) -> Iterator[Picture]:
    """Yields the hundred faces of scikit-image's part of Labeled Faces in the Wild, at 32 pixels."""
    for values in np.load(path_of("skimage/data/lfw_subset.npy"))[:100]:
        yield png(PIL.Image.fromarray(bytes_of(values * 255)).resize((32, 32), Resampling.BICUBIC))


def scaled(image: Image, across: float, down: float) -> Image:
    """The image resized."""
    return image.resize((max(1, round(image.width * across)), max(1, round(image.height * down))), Resampling.LANCZOS)


def cropped(image: Image, share: float, left: float, top: float) -> Image:
    """The image without a share of its width and height, shared by opposite sides as said."""
    x, y = image.width * share, image.height * share
    return image.crop((round(x * left), round(y * top), round(image.width - x * (1 - left)), round(image.height - y * (1 - top))))


def written_on(image: Image) -> Image:
    """The image with a line of text."""
    image, size = image.copy(), max(10, image.height // 10)
    ImageDraw.Draw(image).text((image.width // 10, image.height - 2 * size), "SAMPLE TEXT", fill="white", font=font(size))
    return image


def captioned(image: Image) -> Image:
    """The image above a white bar with text, as memes have it."""
    bar = max(16, image.height // 6)
    drawn = PIL.Image.new("RGB", (image.width, image.height + bar), "white")
    drawn.paste(image)
    place = (image.width // 2, image.height + bar // 2)
    ImageDraw.Draw(drawn).text(place, "when it is Monday again", fill="black", font=font(bar // 2), anchor="mm")
    return drawn


def letterboxed(image: Image) -> Image:
    """The image between black bars, as films have it."""
    bar = image.height // 6
    drawn = PIL.Image.new("RGB", (image.width, image.height + 2 * bar))
    drawn.paste(image, (0, bar))
    return drawn


def centred(image: Image) -> Image:
    """The square in the middle of the image."""
    return ImageOps.fit(image, (min(image.size),) * 2, Resampling.LANCZOS)


EDITS: dict[str, Callable[..., object]] = {
    "JPEG 90": lambda image, *about: jpeg(image, *about, 90),
    "JPEG 50": lambda image, *about: jpeg(image, *about, 50),
    "JPEG 20": lambda image, *about: jpeg(image, *about, 20),
    "resized to 50 %": lambda image: scaled(image, 0.5, 0.5),
    "resized to 25 %": lambda image: scaled(image, 0.25, 0.25),
    "squeezed to 80 %": lambda image: scaled(image, 1, 0.8),
    "brighter by 30 %": lambda image: ImageEnhance.Brightness(image).enhance(1.3),
    "darker by 30 %": lambda image: ImageEnhance.Brightness(image).enhance(0.7),
    "grayscale": lambda image: image.convert("L").convert("RGB"),
    "text": written_on,
    "cropped by 5 %": lambda image: cropped(image, 0.05, 0.3, 0.7),
    "cropped by 10 %": lambda image: cropped(image, 0.10, 0.5, 0.5),
    "border of 5 %": lambda image: ImageOps.expand(image, round(min(image.size) * 0.05)),
    "turned by 2°": lambda image: image.rotate(2, Resampling.BILINEAR),
    "turned by 5°": lambda image: image.rotate(5, Resampling.BILINEAR),
    "mirrored": ImageOps.mirror,
    "corner of 90 %": lambda image: cropped(image, 0.10, 0, 0),
    "cropped by 20 %": lambda image: cropped(image, 0.20, 0.5, 0.5),
    "letterbox": letterboxed,
    "caption bar": captioned,
    "centre square": centred,
    "inverted": ImageOps.invert,
}
"""What people do to a photograph that leaves it a copy, each by its name."""


def _blank(image: Image) -> Image:
    level = int(np.asarray(image.convert("L")).mean())
    return PIL.Image.new("RGB", image.size, (level, level, level))


FAULTS: dict[str, Callable[[Image], Image]] = {
    "dark": lambda image: ImageEnhance.Brightness(image).enhance(0.06),
    "too bright": lambda image: PIL.Image.blend(image, PIL.Image.new("RGB", image.size, "white"), 0.97),
    "blurred": lambda image: image.filter(ImageFilter.GaussianBlur(min(image.size) * 0.03)),
    "blank": _blank,
}
"""What spoils a photograph, each by its name; "truncated" is done to the file."""
