"""What the throughput tests share: a thousand photos, and a clock that compares things in turns."""

import os
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from dataprep.testing import encoded

COUNT = 1000  # photos
TURNS = 5

Compare = Callable[[str, Mapping[str, Callable[[], object]], int], dict[str, float]]


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


@pytest.fixture
def compare() -> Compare:
    """Runs things in turns and returns how many times as fast the first is as each of the others.

    Only what ran in the same turn is compared, and the median of the turns counts: what else the machine does falls on all alike.
    A thing that is a context is entered before its clock starts and left after it stops, so that what it works ahead for a next
    epoch falls on nobody.
    """

    def run(title: str, things: Mapping[str, Callable[[], object]], images: int) -> dict[str, float]:
        seconds = {name: np.zeros(TURNS) for name in things}
        for turn in range(TURNS):
            for name, thing in things.items():
                with thing if isinstance(thing, AbstractContextManager) else nullcontext():
                    start = time.perf_counter()
                    thing()
                    seconds[name][turn] = time.perf_counter() - start
        first, *others = things
        lines = [f"\n\n{title}: {images:,} images, median of {TURNS} turns (lowest to highest)"]
        lines.append(f"  {first:<56}{images / np.median(seconds[first]):8,.0f} images/s")
        ratios = {}
        for name in others:
            turns = seconds[name] / seconds[first]
            ratios[name] = float(np.median(turns))
            rate = images / np.median(seconds[name])
            spread = f"ours {ratios[name]:.2f}× ({turns.min():.2f} to {turns.max():.2f})"
            lines.append(f"  {name:<56}{rate:8,.0f} images/s; {spread}")
        print("\n".join(lines))
        return ratios

    return run
