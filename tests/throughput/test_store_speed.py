"""How fast images load from a store that answers after 30 ms: against the same images on this machine, in the same turns.

The server is a process of its own on the same cores, and what it takes counts against the store. It counts requests, too.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from faults import Serving, serving
from figures import TURNS, ratio, seconds_of

import dataprep as dp
from dataprep.manifest import Manifest
from dataprep.sources import stores

pytest.importorskip("obstore")
pytest.importorskip("torch")

pytestmark = [pytest.mark.throughput, pytest.mark.usefixtures("judged")]

DELAY = 0.03  # seconds
OF_LOCAL = {1: 0.65, 2: 0.55}
"""The least ratio by threads that decode, on two cores: one thread leaves a core to requests, which cost 0.6 ms of one each."""
AT_ONCE = 64  # requests
OPS = dp.Pipeline(dp.RandomResizedCrop(224), dp.HorizontalFlip(), dp.Normalize.imagenet())


@pytest.fixture(scope="module")
def local(thousand_photos: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Manifest]:
    """The photos as they are, and in shards, on this machine."""
    files = dp.clean(thousand_photos, dp.Pipeline(), progress=False)
    return {"photos": files, "shards": dp.pack(files, tmp_path_factory.mktemp("shards"), shard="16MB", progress=False)}


@pytest.fixture(scope="module")
def served(local: dict[str, Manifest], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A server of both."""
    root = tmp_path_factory.mktemp("served")
    for name, manifest in local.items():
        (root / name).symlink_to(manifest.source.root)
    with serving(root, delay=DELAY) as server:
        yield server


@pytest.mark.parametrize("threads", OF_LOCAL)
@pytest.mark.parametrize("name", ["photos", "shards"])
def test_loading_from_a_store(
    local: dict[str, Manifest], served: Serving, name: str, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batches from a store come nearly as fast as from this machine, with no more requests under way than is said."""
    for key, value in {"ENDPOINT_URL": served.url, "ACCESS_KEY_ID": "key", "SECRET_ACCESS_KEY": "key", "REGION": "here"}.items():
        monkeypatch.setenv(f"AWS_{key}", value)
    stores._client.cache_clear()
    here = local[name]
    there = replace(here, source=dp.Bucket(f"s3://bucket/{name}") if name == "photos" else dp.Shards(f"s3://bucket/{name}"))

    def epoch(manifest: Manifest) -> None:
        loader = dp.Loader(manifest, OPS, batch_size=64, backend=dp.Threads(threads))
        for _ in loader:
            pass
        assert loader.stats().failed == 0

    for manifest in (here, there):
        epoch(manifest)  # what the first run imports, no later one does
    turns = [{"store": seconds_of(lambda: epoch(there)), "here": seconds_of(lambda: epoch(here))} for _ in range(TURNS)]
    found, counts = ratio(("store", "here"), turns), served.counts()
    most = counts["at once"]
    print(f"\n{name}, 30 ms a request, Threads({threads}): {found:.2f}× of this machine, up to {most} requests at once")
    assert most <= AT_ONCE
    assert found >= OF_LOCAL[threads]
