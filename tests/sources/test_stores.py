"""The door to object stores: faults that pass are met with patience and counted; no client lives through a fork."""

import logging
import os
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from faults import KINDS, Serving, serving

import dataprep as dp
from dataprep.ahead import Ahead
from dataprep.sources import stores
from dataprep.sources.bucket import Bucket
from dataprep.testing import write_images

pytest.importorskip("obstore")

RATE = 0.2


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 60 photos."""
    folder = tmp_path_factory.mktemp("served")
    write_images(folder, 60)
    return folder


@pytest.fixture(scope="module")
def faulty(photos: Path) -> Iterator[Serving]:
    """A server of them at which one request in five meets a fault."""
    with serving(photos, rate=RATE, seed=3) as served:
        yield served


@pytest.fixture
def url(faulty: Serving, monkeypatch: pytest.MonkeyPatch) -> str:
    """Where the photos are, in an environment in which they are found."""
    for name, value in {"ENDPOINT_URL": faulty.url, "ACCESS_KEY_ID": "key", "SECRET_ACCESS_KEY": "key", "REGION": "here"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    stores._client.cache_clear()
    return "s3://bucket"


def test_faults_that_pass_lose_nothing(url: str, photos: Path, faulty: Serving) -> None:
    """With all faults, a manifest is that of the folder, each image is delivered, and what is asked again is counted."""
    there = dp.clean(url, engine=dp.Local(2), progress=False)
    here = dp.clean(photos, engine=dp.Local(1), progress=False)
    assert there.table.drop_columns(["version", "modified"]).equals(here.table.drop_columns(["modified"]))
    assert there.run is not None and there.run.retries > 0
    assert dp.summarize(there).retries == there.run.retries

    ops = dp.Pipeline(dp.Resize((32, 32)), dp.Output("float32"))
    loaders = [dp.Loader(manifest, ops, batch_size=8, train=False, backend=dp.Threads(2)) for manifest in (there, here)]
    for one, other in zip(*loaders, strict=True):
        assert (one.images == other.images).all() and (one.ids == other.ids).all()
    stats = loaders[0].stats()
    assert stats.reads.retries > 0 and stats.failed == 0 and stats.images == here.kept().num_rows
    assert f"{stats.reads.retries} requests to a store made again" in str(stats)
    assert loaders[1].stats().reads.retries == 0

    counts = faulty.counts()
    assert all(counts[kind] for kind in KINDS), counts
    assert counts["at once"] <= stores.CONCURRENCY  # of two processes together


def test_workers_read_though_their_parent_has_read(url: str, caplog: pytest.LogCaptureFixture) -> None:
    """Workers of Torch are not forked from a process that has used a client; to ask for that is an error, when it is asked."""
    torch = pytest.importorskip("torch")
    caplog.set_level(logging.INFO, "dataprep")
    manifest = dp.clean(url, engine=dp.Local(0), progress=False)
    ops = dp.Pipeline(dp.Resize((16, 16)), dp.Output("float32"))
    loader = dp.Loader(manifest, ops, batch_size=16, train=False, backend=dp.Torch(2))
    assert torch.cat([batch.ids for batch in loader]).tolist() == manifest.kept("id")["id"].to_pylist()
    assert loader.stats().reads.retries > 0
    assert "Torch starts its workers by 'forkserver'" in caplog.text
    with pytest.raises(dp.LoaderError, match=r"Torch\(start='fork'\): Bucket cannot be read in a process that is forked"):
        dp.Loader(manifest, ops, backend=dp.Torch(2, start="fork"))


def test_a_forked_process_says_so_and_does_not_wait(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where another process has used a client, a read is an error at once and not one that never ends."""
    monkeypatch.setattr(stores, "STARTED", [os.getpid() + 1])
    with pytest.raises(dp.SourceError, match="forked from one that has read from a store"):
        Bucket(url).records()


def test_patience_ends(photos: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that only has faults is an error once the patience is over, and costs it once and not for each object."""
    monkeypatch.setattr(stores, "TRIAL", 0.3)
    monkeypatch.setattr(stores, "PATIENT", {})
    with serving(photos, rate=1.0, kinds=("503",)) as broken:
        monkeypatch.setenv("AWS_ENDPOINT_URL", broken.url)
        stores._client.cache_clear()
        with pytest.raises(dp.SourceError, match=r"cannot be read: 503.*reduce your request rate.*, also after \d+ retries"):
            stores.fetch(url, "a.jpg")
        asked = broken.counts()["requests"]
        with pytest.raises(dp.SourceError, match="cannot be read: 503"):
            stores.fetch(url, "b.jpg")
        assert asked > 1
        assert broken.counts()["requests"] == asked + 1


def test_without_obstore_a_store_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where obstore is missing, listing says which extra brings it."""
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(dp.SourceError, match=r"pip install 'dataprep-images\[stores\]'"):
        Bucket("s3://bucket").records()


@pytest.mark.parametrize("workers", [1, 2, 8, 100])
@pytest.mark.parametrize("ranks", ["", "1", "8", "many"])
@pytest.mark.parametrize("asked", [None, "1", "64", "200"])
def test_processes_of_a_machine_share_out_its_requests(
    workers: int, ranks: str, asked: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All workers of all ranks of a machine together make as many requests as are asked for, and each of them one at least."""
    monkeypatch.setenv("LOCAL_WORLD_SIZE", ranks)
    monkeypatch.delenv(stores.REQUESTS, raising=False)
    if asked is not None:
        monkeypatch.setenv(stores.REQUESTS, asked)
    processes = workers * (int(ranks) if ranks.isdecimal() else 1)
    with Ahead(Bucket("s3://bucket"), processes=workers) as reader:
        each = pickle.loads(pickle.dumps(reader)).concurrency
    assert each == max(1, int(asked or stores.CONCURRENCY) // processes)
    with Ahead(Bucket("s3://bucket")):
        assert stores.at_once() >= each


@pytest.mark.parametrize("asked", ["", "0", "-1", "many", "1.5"])
def test_what_is_no_number_of_requests_is_refused(asked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A number of requests that is none is an error that says what to give."""
    monkeypatch.setenv(stores.REQUESTS, asked)
    with pytest.raises(dp.SourceError, match=f"DATAPREP_REQUESTS={asked}: give how many requests"):
        Bucket("s3://bucket").concurrency  # noqa: B018  a property that raises


@pytest.mark.parametrize("said", ['"0x8DC"', "0x8DC", 'W/"0x8DC"'])
def test_an_etag_is_one_with_and_without_quotes(said: str) -> None:
    """What lists of Azure and Google call an object is what their answers call it, in quotes."""
    assert stores._tag(said) == "0x8DC"
    assert stores._tag(None) is None
