"""How fast images load from shards, against their files and the containers that others load from; how fast they are packed.

The floors are near what is reached on two idle cores; what must not be lost again is in `figures.json`.
"""

import shutil
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from figures import Compare, Pair

import dataprep as dp

torch = pytest.importorskip("torch")

from by_hand import SIDE  # noqa: E402  after what skips
from containers import containers  # noqa: E402  after what skips
from loaders import Job  # noqa: E402  after what skips

pytestmark = [pytest.mark.throughput, pytest.mark.filterwarnings("ignore")]  # peers warn, and leave open what they please

BATCH, WORKERS = 64, 2
FORMS: Mapping[str, Mapping[str, Any]] = {
    "originals": {},
    "256 px, quality 90": {"side": 256, "quality": 90},
    "256 px, raw": {"side": 256, "raw": True},
}
FLOORS: Mapping[str, Mapping[str, float]] = {
    "float32": {"originals": 0.95, "256 px, quality 90": 1.9, "256 px, raw": 3.0},
    "uint8": {"originals": 0.95, "256 px, quality 90": 1.9, "256 px, raw": 3.0},
}
"""How many times as fast as from their files images load, by what is delivered and by how they are stored."""

PEERS = 1.8  # times as fast as from the containers of others


@pytest.fixture(scope="module")
def manifest(thousand_photos: Path) -> dp.Manifest:
    """The thousand photos."""
    return dp.clean(thousand_photos, dp.Pipeline(), progress=False)


@pytest.fixture(scope="module")
def packed(manifest: dp.Manifest, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, dp.Manifest]:
    """The same in shards, by how they are stored."""
    work = tmp_path_factory.mktemp("packed")
    return {name: dp.pack(manifest, work / name, shard="16MB", progress=False, **form) for name, form in FORMS.items()}


@pytest.mark.parametrize("dtype", FLOORS)
def test_shards_load_fast(manifest: dp.Manifest, packed: Mapping[str, dp.Manifest], compare: Compare, dtype: str) -> None:
    """From tars, originals load as fast as from their files, smaller ones and raw pixels several times as fast."""
    ops = (dp.RandomResizedCrop(SIDE), dp.HorizontalFlip(), *((dp.Normalize.imagenet(),) if dtype == "float32" else ()))
    job = Job(Path(), True, dtype == "float32", BATCH, WORKERS)
    loaders = {
        name: dp.Loader(known, dp.Pipeline(*ops), batch_size=BATCH, backend=dp.Threads(WORKERS))
        for name, known in {"files": manifest, **packed}.items()
    }
    things = {name: partial(_epoch, loader, job) for name, loader in loaders.items()}
    floors: dict[Pair, float] = {(name, "files"): floor for name, floor in FLOORS[dtype].items()}
    compare(f"shards, {dtype}", things, len(manifest) // BATCH * BATCH, floors)


def test_containers(thousand_photos: Path, packed: Mapping[str, dp.Manifest], compare: Compare, tmp_path: Path) -> None:
    """The same JPEG files of 256 pixels come faster from our shards than from webdataset, LitData and MosaicML's streaming."""
    small, job = packed["256 px, quality 90"], Job(thousand_photos, True, True, BATCH, WORKERS)
    ops = dp.Pipeline(dp.RandomResizedCrop(SIDE), dp.HorizontalFlip(), dp.Normalize.imagenet())
    ours = dp.Loader(small, ops, batch_size=BATCH, backend=dp.Threads(WORKERS))
    peers = dict(containers(small, job, tmp_path))
    if not peers:
        pytest.skip("none of webdataset, litdata and mosaicml-streaming is installed")
    floors: dict[Pair, float] = {("shards", name): PEERS for name in peers}
    compare("containers", {"shards": partial(_epoch, ours, job), **peers}, len(small) // BATCH * BATCH, floors)


def test_packing_is_fast(manifest: dp.Manifest, thousand_photos: Path, compare: Compare, tmp_path: Path) -> None:
    """Originals are packed not much slower than a folder is copied."""
    turns = iter(range(1_000))

    def copy() -> None:
        shutil.copytree(thousand_photos, tmp_path / f"{next(turns)}")

    def pack() -> None:
        dp.pack(manifest, tmp_path / f"{next(turns)}", shard="16MB", progress=False)

    compare("packing", {"pack": pack, "copy": copy}, len(manifest), {("pack", "copy"): 0.25})


def _epoch(loader: Any, job: Job) -> None:
    """Goes through an epoch."""
    for batch in loader:
        assert batch.images.shape == (job.batch, 3, SIDE, SIDE)
