"""A file that is another one than was measured: seen by every backend where length or time tell, and only then."""

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dataprep.cleaning.clean import clean
from dataprep.engines import Local
from dataprep.errors import LoaderError
from dataprep.loading.loader import Loader
from dataprep.manifest import Manifest
from dataprep.pipeline import Pipeline
from dataprep.sources import Folder, Several
from dataprep.stages import RandomResizedCrop, Resize
from dataprep.testing import FakeBackend

SIDE = 16


def pixmap(seed: int, comment: str = "") -> bytes:
    """Returns a picture whose file is as long as any other's, but for a comment."""
    pixels = np.random.default_rng(seed).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    return f"P6\n{comment}{SIDE} {SIDE}\n255\n".encode() + pixels.tobytes()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three pictures."""
    for number in range(3):
        (tmp_path / f"{number}.ppm").write_bytes(pixmap(number))
    return tmp_path


def backends() -> list[Any]:
    """All that there are."""
    torch = pytest.importorskip("dataprep.backends.torch")
    from dataprep.backends.threads import Threads

    made = [FakeBackend(), Threads(2), torch.Torch(0)]
    try:
        from dataprep.backends.dali.backend import Dali
    except ModuleNotFoundError:
        return made
    return [*made, Dali("cpu")]


def manifest_of(source: Any) -> Manifest:
    """Returns the manifest of some pictures."""
    return clean(source, Pipeline(), engine=Local(0))


@pytest.mark.parametrize("ops", [(Resize((8, 8)),), (RandomResizedCrop(8),)], ids=["whole", "part"])
@pytest.mark.parametrize("several", [False, True])
def test_another_picture_in_its_place_is_named(folder: Path, several: bool, ops: tuple[Any, ...]) -> None:
    """A file replaced by another picture, of the same size in pixels and bytes or not, fails by name on every backend."""
    pytest.importorskip("torch")
    from dataprep.integrations.torch import ImageDataset

    manifest = manifest_of(Several({"a": Folder(str(folder))}) if several else Folder(str(folder)))
    before = (folder / "1.ppm").stat().st_mtime_ns
    for content, said in ((pixmap(9), "of the same length, with other content"), (pixmap(1, "# longer\n"), "bytes now, ")):
        (folder / "1.ppm").write_bytes(content)
        os.utime(folder / "1.ppm", ns=(before + 1, before + 1))
        for backend in backends():
            with pytest.raises(LoaderError, match=rf"1\.ppm is another file than the one that was measured: .*{said}"):
                list(Loader(manifest, Pipeline(*ops), batch_size=3, backend=backend))
            loader = Loader(manifest, Pipeline(*ops), batch_size=3, train=False, backend=backend, on_error="skip")
            assert [batch.ids.tolist() for batch in loader] == [[0, 2]]
        with pytest.raises(LoaderError, match=rf"1\.ppm is another file than the one that was measured: .*{said}"):
            ImageDataset(manifest)[1]


def test_the_same_content_under_another_time_is_the_same_file(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Copies that got new times, as images that moved do, are loaded as before."""
    manifest = manifest_of(Folder(str(folder)))
    manifest.write(folder / "manifest.parquet")
    elsewhere = tmp_path_factory.mktemp("moved") / "photos"
    shutil.copytree(folder, elsewhere, copy_function=shutil.copyfile)
    for path in elsewhere.iterdir():
        os.utime(path, (1, 1))
    moved = Manifest.read(folder / "manifest.parquet", Folder(str(elsewhere)))
    for backend in backends():
        (batch,) = Loader(moved, Pipeline(Resize((8, 8))), batch_size=3, train=False, backend=backend)
        assert batch.ids.tolist() == [0, 1, 2]
