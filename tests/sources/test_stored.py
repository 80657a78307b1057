"""Shards in a store: packed there as into a folder, read by ranges, neighbours by one request."""

from pathlib import Path
from typing import Any

import pytest
from faults import serving
from hypothesis import given
from hypothesis import strategies as st

import dataprep as dp
from dataprep.sources import stores
from dataprep.sources.stored import MOST, NEAR, merged
from dataprep.sources.tars import HEADER, Place
from dataprep.testing import check_source

pytest.importorskip("obstore")

OPS = dp.Pipeline(dp.Resize((16, 16)), dp.HorizontalFlip(), dp.Output("float32"))
PLACES = st.lists(st.builds(Place, st.sampled_from("ab"), st.integers(HEADER, 1 << 22), st.integers(0, 1 << 20)), max_size=30)


@given(PLACES)
def test_each_image_is_in_one_request(places: list[Place]) -> None:
    """Requests for some images have each of them whole, with its header, once, and as few bytes between as is said."""
    ranges = merged(places)
    assert sorted(member for one in ranges for member in one.members) == list(range(len(places)))
    for one in ranges:
        inside = [places[member] for member in one.members]
        assert all(place.shard == one.shard and one.start <= place.offset - HEADER for place in inside)
        assert max(place.offset + place.length for place in inside) == one.stop
        assert len(inside) == 1 or one.stop - one.start <= MOST
        assert all(later.offset - HEADER - one.start <= sum(NEAR + HEADER + place.length for place in inside) for later in inside)


def test_shards_in_a_store_give_what_those_in_a_folder_do(s3: Any, folder: Path, tmp_path: Path) -> None:
    """What is packed into a store is, byte for byte, what is packed into a folder, and gives the same batches."""
    manifest = dp.clean(folder, engine=dp.Local(0), progress=False)
    url = f"{s3.url}/train"
    options: dict[str, Any] = {"shard": "30kB", "engine": dp.Local(0), "progress": False}
    there, here = dp.pack(manifest, url, **options), dp.pack(manifest, tmp_path / "packed", **options)
    for path in (tmp_path / "packed").glob("*.tar"):
        assert stores.fetch(url, path.name) == path.read_bytes()
    read = dp.Manifest.read(url)
    assert read.source == there.source == dp.Shards(url)
    assert read.fingerprint == there.fingerprint == here.fingerprint
    check_source(read.source)
    assert read.source.records().drop_columns(["modified"]).equals(here.source.records().drop_columns(["modified"]))
    loaders = [dp.Loader(one, OPS, batch_size=5, backend=dp.Threads(2)) for one in (read, here)]
    for one, other in zip(*loaders, strict=True):
        assert (one.images == other.images).all() and (one.ids == other.ids).all()


def test_a_pack_goes_on_in_a_store(s3: Any, folder: Path) -> None:
    """Shards that are there are not made again; those of other options are an error."""
    manifest = dp.clean(folder, engine=dp.Local(0), progress=False)
    url = f"{s3.url}/train"
    options: dict[str, Any] = {"shard": "30kB", "engine": dp.Local(0), "progress": False}
    dp.pack(manifest, url, **options)
    before = {one.path: one.modified for one in stores.list_objects(url)}
    lost = "shard-000001.parquet"
    s3.client.delete_object(Bucket=s3.bucket, Key=f"train/{lost}")
    seen: list[int] = []
    dp.pack(manifest, url, **{**options, "progress": lambda what, done, total: seen.append(done)})
    assert len(before) > 5 and 0 < seen[0] < 12 and seen[-1] == 12
    assert {one.path for one in stores.list_objects(url)} == set(before)
    with pytest.raises(dp.DataprepError, match="was packed with side=None, and now it is side=32"):
        dp.pack(manifest, url, side=32, **options)


def test_neighbours_come_by_one_request(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the order in which they lie, images of shards take fewer requests than there are images, and are the same."""
    packed = dp.pack(dp.clean(folder, engine=dp.Local(0), progress=False), tmp_path / "train", engine=dp.Local(0), progress=False)
    uris = packed.kept("uri")["uri"].to_pylist()
    with serving(tmp_path) as served:
        for name, value in {"ENDPOINT_URL": served.url, "ACCESS_KEY_ID": "key", "SECRET_ACCESS_KEY": "key"}.items():
            monkeypatch.setenv(f"AWS_{name}", value)
        stores._client.cache_clear()
        source = dp.Shards("s3://bucket/train")
        found = list(source.reads([*uris, "strange", "shard-000000.tar#000000000513+7"]))
        assert found[:-2] == [packed.source.read(uri) for uri in uris]
        assert all(isinstance(error, dp.SourceError) for error in found[-2:])
        assert served.counts()["requests"] == 1
