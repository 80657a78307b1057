"""Files that fail while training, and what a loader counts."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dataprep.backends.threads import Threads
from dataprep.cleaning.clean import clean
from dataprep.engines import Local
from dataprep.errors import LoaderError
from dataprep.loading.failures import settle
from dataprep.loading.loader import Loader
from dataprep.loading.sampler import Sampler
from dataprep.loading.stats import LoaderStats
from dataprep.manifest import Manifest
from dataprep.pipeline import Pipeline
from dataprep.stages import Resize
from dataprep.testing import write_images
from dataprep.types import Batch, Failure, Rendered

BACKENDS = ["threads", "torch 0", "torch 2"]


@pytest.fixture
def damaged(tmp_path: Path) -> tuple[Manifest, set[int]]:
    """The manifest of 12 photos, three of which are gone since, and the ids of those."""
    paths = write_images(tmp_path, 12, height=24, width=32, labels=())
    manifest = clean(tmp_path, Pipeline(Resize((8, 8))), engine=Local(0))
    gone = {paths[place].name for place in (2, 3, 7)}
    for name in gone:
        (tmp_path / name).unlink()
    return manifest, {row["id"] for row in manifest.table.to_pylist() if row["uri"] in gone}


def loader(manifest: Manifest, backend: str = "threads", **options: Any) -> Loader:
    """Returns a loader of batches of four in the manifest's order."""
    made: Any = Threads(output="numpy")
    if backend != "threads":
        pytest.importorskip("torch")
        from dataprep.backends.torch import Torch

        made = Torch(int(backend[-1]))
    return Loader(manifest, batch_size=4, sampler=Sampler(shuffle=False), backend=made, **options)


@pytest.mark.filterwarnings("ignore:This DataLoader will create")
@pytest.mark.parametrize("backend", BACKENDS)
def test_skipping_leaves_out_what_failed(damaged: tuple[Manifest, set[int]], backend: str) -> None:
    """Under "skip" the loop has every image but those that failed, and the position counts them as had."""
    manifest, gone = damaged
    ours = loader(manifest, backend, on_error="skip")
    ids = [id for batch in ours for id in np.asarray(batch.ids).tolist()]
    assert ids == [id for id in range(12) if id not in gone]
    assert ours.epoch == 1
    assert ours.stats().failed == 3
    assert {failure.uri for failure in ours.stats().failures} == {manifest.table["uri"][id].as_py() for id in gone}


@pytest.mark.filterwarnings("ignore:This DataLoader will create")
@pytest.mark.parametrize("backend", BACKENDS)
def test_replacing_keeps_the_size(damaged: tuple[Manifest, set[int]], backend: str) -> None:
    """Under "replace" the next good image of the batch stands in, with its label and id, the same each time."""
    manifest, gone = damaged
    seen = []
    for batch in loader(manifest, backend, on_error="replace"):
        ids = np.asarray(batch.ids).tolist()
        assert len(ids) == 4 and not gone & set(ids)
        for image, id in zip(np.asarray(batch.images), ids, strict=True):
            assert np.array_equal(image, np.asarray(batch.images)[ids.index(id)])
            assert image.any()
        seen += ids
    assert seen == [0, 1, 0, 0, 4, 5, 6, 4, 8, 9, 10, 11]


def test_raising_names_the_first(damaged: tuple[Manifest, set[int]]) -> None:
    """By default the first file that failed ends the loop, and the position is before its batch."""
    manifest, _ = damaged
    ours = loader(manifest)
    with pytest.raises(LoaderError, match=r"0002\.jpg"):
        list(ours)
    assert ours.state_dict()["position"] == 0


def test_a_batch_of_failures_is_left_out_or_an_error() -> None:
    """Where all files of a batch failed, "skip" has no batch and "replace" nothing to put there."""
    arrays = Batch(np.zeros((2, 3, 1, 1)), np.zeros(2), np.zeros(2))
    rendered = Rendered(arrays, (Failure(0, "a", "a is gone"), Failure(1, "b", "b is gone")))
    assert settle(rendered, "skip") is None
    with pytest.raises(LoaderError, match="a is gone"):
        settle(rendered, "replace")


def test_a_policy_that_cannot_be_is_quoted(damaged: tuple[Manifest, set[int]]) -> None:
    """Another word for a policy is an error that names those there are."""
    with pytest.raises(LoaderError, match=r"on_error='ignore'\): one of 'raise', 'skip', 'replace'"):
        loader(damaged[0], on_error="ignore")


def test_what_was_delivered_is_counted(damaged: tuple[Manifest, set[int]]) -> None:
    """Batches, images, times and the slowest files are counted over the epochs, and printed in some lines."""
    ours = loader(damaged[0], on_error="skip")
    assert ours.stats() == LoaderStats()
    for _ in range(2):
        list(ours)
    stats = ours.stats()
    assert (stats.batches, stats.images, stats.failed, stats.ahead) == (6, 18, 6, 0)
    assert 0 < stats.waited <= stats.seconds
    assert len(stats.slowest) == 6
    for part in ("18 images in 6 batches", "images/s", "slow: ", "6 files failed", "0002.jpg"):
        assert part in str(stats)
