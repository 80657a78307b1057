"""What the throughput tests share: a thousand photos, and races against peers."""

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from figures import Compare, Figures, Pair, seconds_of

from dataprep.testing import encoded

COUNT = 1000  # photos


@pytest.fixture(scope="session")
def thousand_photos(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """A folder of 1,000 JPEG photos in ten classes: of DATAPREP_PHOTOS, or else cut out of those that come with scikit-image.

    Every file has a content of its own; a photo that is used again has a few more bytes behind its end.
    """
    folder = tmp_path_factory.mktemp("thousand")
    if os.environ.get("DATAPREP_PHOTOS"):
        originals = [path.read_bytes() for path in request.getfixturevalue("real_photos")]
    else:
        originals = _crops(request.getfixturevalue("skimage_photos"), 300)
    for number in range(COUNT):
        path = folder / str(number % 10) / f"{number:04d}.jpg"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(originals[number % len(originals)] + b"\0" * (number // len(originals)))
    return folder


def _crops(photos: Mapping[str, np.ndarray], count: int) -> list[bytes]:
    """Returns JPEG files of 500×375, about the size of ImageNet's photos, cut out of larger ones."""
    generator = np.random.default_rng(0)
    large = [PIL.Image.fromarray(photo) for photo in photos.values() if min(photo.shape[:2]) >= 300]
    files = []
    for number in range(count):
        photo = large[number % len(large)]
        height = int(generator.integers(200, photo.height + 1))
        width = min(photo.width, height * 4 // 3)
        top, left = int(generator.integers(photo.height - height + 1)), int(generator.integers(photo.width - width + 1))
        crop = photo.resize((500, 375), PIL.Image.Resampling.LANCZOS, (left, top, left + width, top + height))
        files.append(encoded(np.asarray(crop), quality=92))
    return files


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the option that keeps new figures."""
    parser.addoption("--update-figures", action="store_true", help="keep what this run finds in figures.json")


@pytest.fixture(scope="session")
def figures(request: pytest.FixtureRequest) -> Iterator[Figures]:
    """The kept figures; at the end those of this run are kept if that was asked for."""
    known = Figures.read(update=request.config.getoption("--update-figures", default=False))
    yield known
    if known.update:
        known.write()


@pytest.fixture
def compare(figures: Figures) -> Compare:
    """Runs a race of things that all go through as many images, and prints how many of them a second.

    A thing that is a context is built before its clock starts, and what it works ahead for a next epoch falls on nobody.
    """

    def run(title: str, things: Mapping[str, Callable[[], object]], images: int, floors: Mapping[Pair, float]) -> None:
        def turn() -> dict[str, float]:
            return {name: seconds_of(thing) for name, thing in things.items()}

        figures.race(title, turn, floors, say=lambda seconds: f"{images / seconds:,.0f} images/s")

    return run
