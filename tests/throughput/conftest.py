"""What the throughput tests share: thousands of photos, and races against peers."""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from figures import TURNS, Compare, Figures, Pair, seconds_of

from dataprep.testing import encoded

COUNT, MANY = 1_000, 20_000  # photos


@pytest.fixture(scope="session")
def originals(request: pytest.FixtureRequest) -> list[bytes]:
    """JPEG photos of some 110 KB: those of DATAPREP_PHOTOS, or else cut out of those that come with scikit-image."""
    if os.environ.get("DATAPREP_PHOTOS"):
        return [path.read_bytes() for path in request.getfixturevalue("real_photos")]
    return _crops(request.getfixturevalue("skimage_photos"), 300)


@pytest.fixture(scope="session")
def thousand_photos(tmp_path_factory: pytest.TempPathFactory, originals: list[bytes], request: pytest.FixtureRequest) -> Path:
    """A folder of 1,000 photos in ten classes."""
    return _write_photos(tmp_path_factory.mktemp("thousand"), originals, request.config.getoption("--photos", default=COUNT))


@pytest.fixture(scope="session")
def twenty_thousand_photos(tmp_path_factory: pytest.TempPathFactory, originals: list[bytes]) -> Iterator[Path]:
    """A folder of 20,000 photos in ten classes, 2.2 GB that are removed in the end."""
    folder = _write_photos(tmp_path_factory.mktemp("many"), originals, MANY)
    yield folder
    shutil.rmtree(folder)


def _write_photos(folder: Path, originals: list[bytes], count: int) -> Path:
    """Fills a folder with photos in ten classes, and returns it.

    Every file has a content of its own; a photo that is used again has a few more bytes behind its end.
    """
    for number in range(count):
        path = folder / str(number % 10) / f"{number:05d}.jpg"
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
    """Adds the option that keeps new figures, and that which hurries."""
    parser.addoption("--update-figures", action="store_true", help="keep what this run finds in figures.json")
    parser.addoption("--quick", action="store_true", help="one turn in a run, and not what takes long")
    parser.addoption("--photos", type=int, default=COUNT, help="go through fewer photos, to try the tests themselves")


@pytest.fixture(scope="session")
def figures(request: pytest.FixtureRequest) -> Figures:
    """The kept figures, or those of this run if it is to keep new ones."""
    update, quick = (request.config.getoption(option, default=False) for option in ("--update-figures", "--quick"))
    fewer = request.config.getoption("--photos", default=COUNT) != COUNT
    if update and (quick or fewer):
        raise pytest.UsageError("--update-figures keeps what was measured at leisure: leave out --quick and --photos")
    return Figures.read(update=update, quick=quick)


@pytest.fixture(scope="session")
def long(request: pytest.FixtureRequest) -> None:
    """Skips what takes long if there is no time."""
    if request.config.getoption("--quick", default=False):
        pytest.skip("left out by --quick")


@pytest.fixture(scope="session")
def judged(request: pytest.FixtureRequest) -> None:
    """Skips what has no figures if they are to be kept."""
    if request.config.getoption("--update-figures", default=False):
        pytest.skip("there are no figures of it to keep")


@pytest.fixture
def compare(figures: Figures) -> Compare:
    """Runs a race of things that all go through as many images, and prints how many of them a second.

    A thing that is a context is built before its clock starts, and what it works ahead for a next epoch falls on nobody. Of what
    is of no use alone, such as the best of several, `derived` makes seconds from those of a turn.
    """

    def run(
        title: str,
        things: Mapping[str, Callable[[], object]],
        images: int,
        floors: Mapping[Pair, float],
        turns: int = TURNS,
        derived: Callable[[Mapping[str, float]], Mapping[str, float]] = lambda seconds: {},
    ) -> None:
        def turn() -> dict[str, float]:
            seconds = {name: seconds_of(thing) for name, thing in things.items()}
            return {**seconds, **derived(seconds)}

        figures.race(title, turn, floors, turns, images)

    return run
