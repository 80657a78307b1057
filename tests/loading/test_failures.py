"""Where nothing at all can be loaded: that is said, whatever the policy for single files."""

from pathlib import Path
from typing import Any

import pytest

from dataprep.cleaning.clean import clean
from dataprep.engines import Local
from dataprep.errors import LoaderError
from dataprep.loading.loader import Loader
from dataprep.manifest import Manifest
from dataprep.pipeline import Pipeline
from dataprep.sources import Folder
from dataprep.stages import Resize
from dataprep.testing import FakeBackend, write_images

COUNT = 24
POLICIES: list[Any] = ["raise", "skip", "replace"]


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    """24 images."""
    write_images(tmp_path / "photos", COUNT, height=16, width=16, labels=("",))
    return clean(tmp_path / "photos", Pipeline(), engine=Local(0))


def loader(manifest: Manifest, policy: Any, batch_size: int = 4) -> Loader:
    """Loads all images in order."""
    pipeline = Pipeline(Resize((8, 8)))
    return Loader(manifest, pipeline, batch_size=batch_size, train=False, backend=FakeBackend(), on_error=policy)


@pytest.mark.parametrize("policy", POLICIES)
def test_moved_images_are_seen_when_the_loader_is_made(manifest: Manifest, tmp_path: Path, policy: Any) -> None:
    """Where no image can be read the loader says so when it is made, and how to say where they are now."""
    manifest.write(tmp_path / "manifest.parquet")
    (tmp_path / "photos").rename(tmp_path / "elsewhere")
    with pytest.raises(LoaderError, match=r"of 8 images none can be read from .*Manifest\.read\(path, source="):
        loader(manifest, policy)
    moved = Manifest.read(tmp_path / "manifest.parquet", Folder(str(tmp_path / "elsewhere")))
    assert sum(len(batch.ids) for batch in loader(moved, policy)) == COUNT


@pytest.mark.parametrize("batch_size", [1, 4, 12, 24])
@pytest.mark.parametrize("policy", POLICIES)
def test_images_that_vanish_end_the_loop(manifest: Manifest, tmp_path: Path, policy: Any, batch_size: int) -> None:
    """Where all images vanish after the loader was made, no policy gives an epoch of nothing."""
    made = loader(manifest, policy, batch_size)
    (tmp_path / "photos").rename(tmp_path / "elsewhere")
    with pytest.raises(LoaderError, match=r"cannot be read: No such file"):
        list(made)


def test_whole_batches_in_a_row_end_the_loop(manifest: Manifest, tmp_path: Path) -> None:
    """Under "skip", a batch without an image is passed over, and two in a row are an error that says what may be wrong."""
    made = loader(manifest, "skip")
    uris = manifest.table["uri"].to_pylist()
    for uri in uris[4:8] + uris[12:20]:
        (tmp_path / "photos" / uri).unlink()
    had = []
    with pytest.raises(LoaderError, match=r"no image is left of 2 batches in a row; the first: .*Manifest\.read"):
        for batch in made:
            had += batch.ids.tolist()
    assert had == [0, 1, 2, 3, 8, 9, 10, 11]
    assert made.state_dict()["position"] == 16  # of the last batch that was had or passed over
