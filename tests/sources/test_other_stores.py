"""Azure and Google Cloud Storage, as far as programs of this machine stand for them: listing, cleaning, packing, loading."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from emulators import azurite, google

import dataprep as dp
from dataprep.sources import stores

pytest.importorskip("obstore")

pytestmark = pytest.mark.slow

OPS = dp.Pipeline(dp.Resize((16, 16)), dp.Output("float32"))


def entered(environment: dict[str, str] | None, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    """Sets the environment of a store, or skips the test where there is none."""
    if environment is None:
        pytest.skip(f"{what} is not installed")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    stores._client.cache_clear()


@pytest.fixture
def azure(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of an empty container."""
    with azurite("box") as environment:
        entered(environment, monkeypatch, "azurite")
        yield "az://box"
    stores._client.cache_clear()


@pytest.fixture
def bucket(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of a bucket of Google's with the photos."""
    with google("box", folder) as environment:
        entered(environment, monkeypatch, "fake-gcs-server")
        yield "gs://box"
    stores._client.cache_clear()


def check_same(there: dp.Manifest, folder: Path) -> None:
    """Checks that a manifest of a store is that of the folder, and that its images load."""
    here = dp.clean(folder, engine=dp.Local(0), progress=False)
    assert there.table.drop_columns(["version", "modified"]).equals(here.table.drop_columns(["modified"]))
    assert not there.table["version"].null_count
    loaders: list[Any] = [dp.Loader(one, OPS, batch_size=4, train=False, backend=dp.Threads(2)) for one in (there, here)]
    for one, other in zip(*loaders, strict=True):
        assert (one.images == other.images).all() and (one.ids == other.ids).all()


def test_azure(azure: str, folder: Path) -> None:
    """Images in Azure are listed, cleaned and loaded as those of a folder, and packed there; results are put there, too."""
    for path in folder.rglob("*.jpg"):
        stores.put(f"{azure}/photos", path.relative_to(folder).as_posix(), path)
    manifest = dp.clean(f"{azure}/photos", engine=dp.Local(0), progress=False)
    check_same(manifest, folder)
    packed = dp.pack(manifest, f"{azure}/train", shard="30kB", engine=dp.Local(0), progress=False)
    read = dp.Manifest.read(f"{azure}/train")
    assert read.fingerprint == packed.fingerprint and len(list(dp.Loader(read, OPS, batch_size=4, backend=dp.Threads(2)))) == 3
    assert stores.put(azure, "once", b"1", absent=True) and not stores.put(azure, "once", b"2", absent=True)
    with pytest.raises(dp.SourceError, match="there is no such object"):
        stores.fetch(azure, "photos/none.jpg")


def test_azure_without_a_key(azure: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that is wrong is an error that says what to set, and has no key in it."""
    wrong = "d3Jvbmc="
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", wrong)
    stores._client.cache_clear()
    with pytest.raises(dp.SourceError, match=r"no access to az://box .*set AZURE_STORAGE_ACCOUNT_NAME") as error:
        dp.Bucket(azure).records()
    assert wrong not in str(error.value)


def test_google(bucket: str, folder: Path) -> None:
    """Images in Google Cloud Storage are listed, cleaned and loaded as those of a folder."""
    check_same(dp.clean(bucket, engine=dp.Local(0), progress=False), folder)
