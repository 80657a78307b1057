"""What tests share: pictures, folders of them, and photos and malformed files where the environment names a folder."""

import os
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
import PIL.Image
import pytest
from hypothesis import settings

from dataprep.cli import main
from dataprep.images.limits import quiet_decoders
from dataprep.testing import write_images
from dataprep.types import Image

# the same examples on every run and no limit on the time of one: a test passes or fails for what it tests
settings.register_profile("dataprep", deadline=None, derandomize=True, database=None, max_examples=60)
settings.load_profile("dataprep")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of 12 different photos with the labels cat and dog."""
    write_images(tmp_path / "photos", 12)
    return tmp_path / "photos"


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    error: str

    def assert_refused(self, code: int, *said: str) -> None:
        """Checks for an exit code and one sentence on standard error, without a traceback."""
        assert self.code == code, self.error
        assert self.out == ""
        assert "Traceback" not in self.error
        sentence = self.error.strip().splitlines()[-1]
        assert sentence.startswith("Error: ")
        for part in said:
            assert part in sentence


@pytest.fixture
def dataprep(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """Runs the command `dataprep` in this process."""

    def run(*arguments: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["dataprep", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        return Ended(int(ended.value.code or 0), *capsys.readouterr())

    return run


@pytest.fixture
def quiet() -> Iterator[None]:
    """The decoders as `clean` sets them up, without warnings."""
    with quiet_decoders():
        yield


@pytest.fixture(scope="session")
def skimage_photos() -> dict[str, Image]:
    """The photos that come with scikit-image, by name: (H, W, 3) RGB, none larger than 640 pixels."""
    spec = find_spec("skimage")
    if spec is None or spec.origin is None:
        pytest.skip("scikit-image, whose packaged photos this test looks at, is not installed")
    photos = {}
    for path in sorted(Path(spec.origin).parent.joinpath("data").glob("*.[jp][pn]g")):
        with PIL.Image.open(path) as opened:
            opened.thumbnail((640, 640))
            photos[path.stem] = np.asarray(opened.convert("RGB"))
    return photos


def _files_of(variable: str) -> list[Path]:
    folder = os.environ.get(variable)
    if not folder:
        pytest.skip(f"set {variable} to a folder of files to run this")
    return [path for path in sorted(Path(folder).rglob("*")) if path.is_file()]


@pytest.fixture(scope="session")
def real_photos() -> list[Path]:
    """The files in the folder that DATAPREP_PHOTOS names: real JPEG photos."""
    return _files_of("DATAPREP_PHOTOS")


@pytest.fixture(scope="session")
def hostile_files() -> list[Path]:
    """The files in the folder that DATAPREP_HOSTILE names: malformed images and files that are no images."""
    return _files_of("DATAPREP_HOSTILE")
