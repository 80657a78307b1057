"""Real photographs to make a mess of: what installed packages ship, or files of your own, and tiles of the larger ones."""

import re
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from dataprep.errors import DataprepError, DecodeError, SourceError
from dataprep.images.decode import decode
from dataprep.images.limits import quiet_decoders
from dataprep.images.views import luminance, reduce
from dataprep.search import hamming
from dataprep.stages import LaplacianVariance, Luminance, PHash
from dataprep.stages.rules.defaults import MAX_BRIGHTNESS, MIN_BRIGHTNESS, MIN_CONTRAST, MIN_SHARPNESS
from dataprep.types import Image

PHOTOS: Final = {
    "skimage/data/astronaut.png": "people",
    "skimage/data/camera.png": "people",
    "skimage/data/chelsea.png": "nature",
    "skimage/data/coffee.png": "things",
    "skimage/data/coins.png": "things",
    "skimage/data/motorcycle_left.png": "things",
    "skimage/data/rocket.jpg": "places",
    "sklearn/datasets/images/china.jpg": "places",
    "sklearn/datasets/images/flower.jpg": "nature",
    "skimage/data/brick.png": "textures",
    "skimage/data/grass.png": "textures",
    "skimage/data/gravel.png": "textures",
}
"""What installed packages ship, and a label for it: ordinary photographs only, no diagram, page, scan or stereo twin."""

ORIGINALS: Final = 45
SIDE: Final = 512  # pixels: the shorter side that larger photographs are reduced to
TILE: Final = 200  # pixels: the least side of an original
DISTANCE: Final = 21  # bits between any two originals: no picture is within the radius of both


class Photo(NamedTuple):
    """A photograph: its label, its name, its suffix ("png" or "jpg") and its pixels."""

    label: str
    name: str
    suffix: str
    image: Image


def shipped() -> dict[Path, str]:
    """Returns the photographs that installed packages ship, with their labels; imports none of the packages."""
    found: dict[Path, str] = {}
    for name, label in PHOTOS.items():
        spec = find_spec(name.split("/")[0])
        paths = [Path(root).parent / name for root in spec.submodule_search_locations or ()] if spec else []
        found |= {path: label for path in paths if path.exists()}
    if not found:
        raise DataprepError('no photographs to play with: `pip install "dataprep-images[demo]"`, or pass `--photos FOLDER`')
    return found


def originals(labels: Mapping[Path, str]) -> list[Photo]:
    """Returns good photographs no two of which look alike: whole ones first, then tiles of them."""
    chosen: list[Photo] = []
    codes = np.empty((0, 8), np.uint8)  # (chosen, 8) hashes
    for photo in chain(_wholes(labels), (tile for whole in _wholes(labels) for tile in _tiles(whole))):
        code = np.frombuffer(_measured(PHash(), photo.image)["phash64"], np.uint8)[None]
        if _is_good(photo.image) and np.all(hamming(codes, code.repeat(len(codes), 0)) >= DISTANCE):
            codes = np.vstack([codes, code])
            chosen.append(photo._replace(name=f"{len(chosen):02d}-{photo.name}"))
        if len(chosen) == ORIGINALS:
            break
    if not chosen:
        raise DataprepError(f"none of the {len(labels)} files is a sharp, well exposed photograph of {TILE} pixels or more")
    return chosen


def _wholes(labels: Mapping[Path, str]) -> Iterator[Photo]:
    """Yields the photographs that decode and are not small, reduced to `SIDE`."""
    for path, label in labels.items():
        try:
            with quiet_decoders():
                decoded = decode(path.read_bytes())
        except DecodeError:
            continue
        except OSError as error:
            raise SourceError(f"{path} cannot be read: {error.strerror or error}") from error
        if min(decoded.height, decoded.width) >= TILE:
            suffix = "png" if decoded.format == "PNG" else "jpg"
            yield Photo(word(label), word(path.stem), suffix, reduce(decoded.image, SIDE))


def _tiles(photo: Photo) -> Iterator[Photo]:
    """Yields the tiles of the finest grid for which they are not small."""
    height, width = photo.image.shape[:2]
    lines, columns = height // TILE, width // TILE
    for number in range(lines * columns if lines * columns > 1 else 0):
        line, column = divmod(number, columns)
        tall = slice(height * line // lines, height * (line + 1) // lines)
        wide = slice(width * column // columns, width * (column + 1) // columns)
        yield photo._replace(name=f"{photo.name}-tile-{number}", image=np.ascontiguousarray(photo.image[tall, wide]))


def word(text: str) -> str:
    """Returns a name that every file system allows."""
    return re.sub(r"\W+", "-", text).strip("-") or "photos"


def _measured(measure: PHash | LaplacianVariance | Luminance, image: Image) -> Mapping[str, Any]:
    return measure.measure(reduce(luminance(image), measure.side))


def _is_good(image: Image) -> bool:
    """Returns whether a photograph is comfortably inside the standard thresholds."""
    light = _measured(Luminance(), image)
    is_lit = 3 * MIN_BRIGHTNESS < light["brightness"] < MAX_BRIGHTNESS - 40 and light["contrast"] > 4 * MIN_CONTRAST
    return bool(is_lit and _measured(LaplacianVariance(), image)["sharpness"] > 5 * MIN_SHARPNESS)
