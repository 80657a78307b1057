"""Shards in a store: packed there as into a folder, read by ranges, neighbours by one request."""

import tarfile
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from faults import serving
from hypothesis import given
from hypothesis import strategies as st

import dataprep as dp
from dataprep.sources import stores, streamed
from dataprep.sources.braces import chosen, expand
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
    listed, others = read.source.records().drop_columns(["modified"]), here.source.records().drop_columns(["modified"])
    assert listed.drop_columns(["version"]).equals(others)
    assert read.kept("version").equals(listed.select(["version"])) and not listed["version"].null_count
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


def test_a_part_of_an_image_takes_no_more_than_that(s3: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bytes from here to there are those of the whole image, and what is fetched for them ends where they end."""
    packed = dp.pack(dp.clean(folder, engine=dp.Local(0), progress=False), f"{s3.url}/train", engine=dp.Local(0), progress=False)
    uri = packed.kept("uri")["uri"][3].as_py()
    whole, fetch, asked = packed.source.read(uri), stores.fetch, list[int]()

    def counted(url: str, path: str, start: int = 0, stop: int | None = None) -> Any:
        data = fetch(url, path, start, stop)
        asked.append(len(data))
        return data

    monkeypatch.setattr(stores, "fetch", counted)
    ends = (0, 1, 30, len(whole) - 1, len(whole), len(whole) + 9)
    for start, stop in [(start, stop) for start in ends for stop in (*ends, None)]:
        asked.clear()
        assert packed.source.read(uri, start, stop) == whole[start:stop]
        assert sum(asked) <= HEADER + len(whole[:stop])


def repacked(s3: Any, folder: Path) -> tuple[dp.Manifest, dp.Manifest]:
    """Two manifests of shards under the same names: of what was there, and of the same images in another order, each as long."""
    manifest = dp.clean(folder, engine=dp.Local(0), progress=False)
    packs = []
    for seed in (0, 1):
        for one in stores.list_objects(f"{s3.url}/train"):
            s3.client.delete_object(Bucket=s3.bucket, Key=f"train/{one.path}")
        options: dict[str, Any] = {"raw": True, "side": 24, "seed": seed, "engine": dp.Local(0), "progress": False}
        packs.append(dp.pack(manifest, f"{s3.url}/train", **options))
    then, now = packs
    assert then.kept("uri").equals(now.kept("uri")) and not then.kept("digest").equals(now.kept("digest"))
    return then, now


def test_shards_that_were_changed_while_loading_are_failures(s3: Any, folder: Path) -> None:
    """Of a tar that was replaced by one with other images in the same places, no image is taken for another."""
    then, now = repacked(s3, folder)
    loader = dp.Loader(then, OPS, batch_size=4, backend=dp.Threads(2))
    with pytest.raises(dp.LoaderError, match=r"is another file than the one that was .*: of the same length, with other"):
        list(loader)
    loader = dp.Loader(now, OPS, batch_size=4, backend=dp.Threads(2), on_error="skip")
    assert sum(len(batch.ids) for batch in loader) == 12 and not loader.stats().failed


def test_a_cache_knows_shards_that_were_changed(s3: Any, folder: Path, tmp_path: Path) -> None:
    """What a cache has of a tar that was replaced is given to nobody who means the new one."""
    manifest = dp.clean(folder, engine=dp.Local(0), progress=False)
    options: dict[str, Any] = {"raw": True, "side": 24, "engine": dp.Local(0), "progress": False}
    seen = []
    for seed in (0, 1, 0):
        for one in stores.list_objects(f"{s3.url}/train"):
            s3.client.delete_object(Bucket=s3.bucket, Key=f"train/{one.path}")
        packed = dp.pack(manifest, f"{s3.url}/train", seed=seed, **options)
        cache = dp.NodeCache(tmp_path / "cache", "1MB")
        loaders = [dp.Loader(packed, OPS, batch_size=4, backend=dp.Threads(2), train=False, cache=each) for each in (cache, None)]
        for _ in range(2):
            for one, other in zip(*loaders, strict=True):
                assert (one.images == other.images).all()
        seen.append(loaders[0].stats().reads.kept)
    assert seen[0] == 12 and all(kept >= 12 for kept in seen)


@pytest.mark.parametrize("of", ["objects", "shards"])
def test_access_that_ends_while_loading_is_said(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, of: str) -> None:
    """Where a store lets nobody in any more, loading ends with what it said and what to set, under each policy for files."""
    manifest = dp.clean(folder, engine=dp.Local(0), progress=False)
    root = folder
    if of == "shards":
        root = tmp_path / "train"
        manifest = dp.pack(manifest, root, engine=dp.Local(0), progress=False)
    source: Any = dp.Bucket("s3://bucket") if of == "objects" else dp.Shards("s3://bucket")
    with serving(root) as open_one, serving(root, rate=1.0, kinds=("403",)) as closed:
        for name, value in {"ENDPOINT_URL": open_one.url, "ACCESS_KEY_ID": "key", "SECRET_ACCESS_KEY": "key"}.items():
            monkeypatch.setenv(f"AWS_{name}", value)
        stores._client.cache_clear()
        for policy in ("raise", "skip", "replace"):
            monkeypatch.setenv("AWS_ENDPOINT_URL", open_one.url)
            stores._client.cache_clear()
            loader = dp.Loader(replace(manifest, source=source), OPS, batch_size=2, backend=dp.Threads(1), on_error=policy)
            monkeypatch.setenv("AWS_ENDPOINT_URL", closed.url)
            stores._client.cache_clear()
            with pytest.raises(dp.LoaderError, match=r"no access to s3://bucket \(403.*has expired.*set AWS_PROFILE") as error:
                list(loader)
            assert "run `clean` again" not in str(error.value)


def foreign(folder: Path, where: Path) -> Path:
    """Three tars as others write them: twelve images with a class beside each, none of which has an index."""
    where.mkdir()
    paths = sorted(folder.rglob("*.jpg"))
    for number in range(3):
        with tarfile.open(where / f"{number:03d}.tar", "w", format=tarfile.PAX_FORMAT) as tar:
            for place, path in enumerate(paths[4 * number : 4 * number + 4]):
                for ending, data in (("jpg", path.read_bytes()), ("cls", b"%d" % (place % 2))):
                    info = tarfile.TarInfo(f"{number}/{place}.{ending}")
                    info.size = len(data)
                    tar.addfile(info, BytesIO(data))
    return where


@pytest.mark.parametrize("piece", [700, 5000, streamed.PIECE])
def test_tars_of_others_in_a_store_are_gone_through_once(
    s3: Any, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece: int
) -> None:
    """They are listed as in a folder, whatever pieces they come in, and again only once they were changed."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(streamed, "PIECE", piece)
    here = foreign(folder, tmp_path / "tars")
    url = s3.upload(here, "tars")
    source, fetch, asked = dp.Shards(f"{url}/{{000..002}}.tar"), stores.fetch, list[str]()
    assert source == dp.open_source(f"{url}/{{000..002}}.tar") and (source.root, source.include) == (url, "{000..002}.tar")
    assert dp.open_source(f"{here}/{{000..002}}.tar") == dp.Shards(here, include="{000..002}.tar")
    monkeypatch.setattr(stores, "fetch", lambda url, path, *ends: asked.append(path) or fetch(url, path, *ends))
    listed = source.records()
    assert listed.drop_columns(["modified", "version"]).equals(dp.Shards(here).records().drop_columns(["modified"]))
    assert set(listed["version"].to_pylist()) == {one.version for one in stores.list_objects(url)}
    assert set(asked) == {"000.tar", "001.tar", "002.tar"}
    asked.clear()
    assert source.records().equals(listed) and not asked
    (here / "001.tar").write_bytes((here / "000.tar").read_bytes())
    s3.upload(here, "tars")
    assert len(source.records()) == 12 and set(asked) <= {"001.tar"}
    check_source(dp.Shards(f"{url}/002.tar"))


def test_tars_that_are_not_there_or_change_meanwhile(
    s3: Any, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tar that is meant and not there, or becomes another one while it is gone through, ends the listing."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    url = s3.upload(foreign(folder, tmp_path / "tars"), "tars")
    with pytest.raises(dp.SourceError, match=r"2 of the tars of '\{000..004\}.tar' are not in .*, such as '003.tar'"):
        dp.Shards(f"{url}/{{000..004}}.tar").records()
    with pytest.raises(dp.SourceError, match=r"no images in .*give what holds the images: .*/tars/\*.tar"):
        dp.Bucket(url).records()
    objects = [one._replace(version="of before") for one in stores.list_objects(url)]
    monkeypatch.setattr(stores, "list_objects", lambda url: objects)
    with pytest.raises(dp.SourceError, match=r"000.tar was changed while it was listed; list it again"):
        dp.Shards(url, include="000.tar").records()


@given(st.integers(0, 120), st.integers(0, 12), st.integers(1, 4))
def test_ranges_in_braces(first: int, more: int, digits: int) -> None:
    """A range stands for its numbers, with as many digits, from either end; choices stand for each of them."""
    names = [f"a-{number:0{digits}d}.tar" for number in range(first, first + more + 1)]
    for ends in ((first, first + more), (first + more, first)):
        text = "..".join(f"{number:0{digits}d}" for number in ends)
        assert sorted(expand(f"a-{{{text}}}.tar")) == sorted(names)
    assert chosen([*names, "b.tar", "a.txt"], "{b,a-*}.tar", "here") == sorted([*names, "b.tar"])
    assert list(expand("{plain}.tar")) == ["{plain}.tar"]


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
