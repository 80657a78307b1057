"""Images in object stores: listed as files in a folder are, read as they are, and refused where they cannot be."""

import json
import logging
import os
import pickle
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import dataprep as dp
from dataprep.sources import scan_of, stores
from dataprep.sources.bucket import Bucket
from dataprep.testing import check_source, encoded, photo

pytest.importorskip("obstore")

JPEG = encoded(photo(3))
NAMES = {
    "cat/a b.jpg": JPEG,
    "cat/c#d.jpg": JPEG,
    "cat/e%20f.jpg": JPEG,
    "cat/g+h&i=j.jpg": JPEG,
    "cat/k?l=m.jpg": JPEG,
    "cat/[1].jpg": JPEG,
    "cat/ünï 日本.jpg": JPEG,
    "cat/empty.jpg": b"",
    "cat/without ending": JPEG,
    "dog/deep/er/n.PNG": JPEG,
    "dog/notes.txt": b"no image",
    "dog/unknown": b"no image either",
    ".hidden/o.jpg": JPEG,
    "dog/.p.jpg": JPEG,
    "__MACOSX/._q.jpg": JPEG,
    "drafts/r.jpg": JPEG,
    "cleaned/manifest.parquet": b"ours",
    "cleaned/cache/1.arrows": b"ours",
    "cleaned/images/s.jpg": JPEG,
}


def written(folder: Path) -> Path:
    """Returns a folder with files of all these names."""
    for name, data in NAMES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


@pytest.mark.parametrize("options", [{}, {"exclude": "drafts"}, {"include": "*.jpg", "label": "none"}, {"splits": True}])
def test_a_bucket_lists_what_a_folder_of_the_same_names_does(s3: Any, tmp_path: Path, options: dict[str, Any]) -> None:
    """A bucket and a folder of the same names have the same records, remarks and counts of what is no image."""
    folder = written(tmp_path / "photos")
    url = s3.upload(folder, "a place/of 100%")
    for marker in ("", "cat/", "dog/deep/", "nothing below/"):  # what consoles make of new folders
        s3.put(f"a place/of 100%/{marker}", b"")
    there, here = dp.open_source(url, **options).records(), dp.open_source(folder, **options).records()
    assert there.drop_columns(["version", "modified"]).equals(here.drop_columns(["modified"]))
    assert there["version"].null_count == 0
    assert str(scan_of(there)).replace(url, "") == str(scan_of(here)).replace(str(folder), "")


@pytest.mark.parametrize("enough", [1, 3, 64])
@pytest.mark.parametrize("options", [{}, {"exclude": "drafts"}, {"include": "*.jpg", "label": "none"}, {"splits": True}])
def test_parts_are_the_whole(
    s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], enough: int
) -> None:
    """However deep parts are looked for, no object is in two of them or in none, and together they are what is listed."""
    url = s3.upload(written(tmp_path / "photos"), "a place/of 100%")
    for key in ("top.jpg", "dog/deep/beside.jpg", "cat/", "nothing below/", "dotted.d/"):
        s3.put(f"a place/of 100%/{key}", JPEG if key.endswith("g") else b"")
    monkeypatch.setattr("dataprep.sources.bucket.ENOUGH", enough)
    bucket = Bucket(url, **options)
    parts = bucket.part_names()
    paths = [path for part in parts for path in bucket.list_part(part)["path"].to_pylist()]
    assert len(parts) > 3
    assert len(set(paths)) == len(paths)
    check_source(bucket, reads=1)


def test_a_bucket_keeps_the_contract_of_sources(s3: Any, tmp_path: Path) -> None:
    """What is listed is read, whole and in part; what is not is a `SourceError`."""
    url = s3.upload(written(tmp_path), "photos")
    check_source(Bucket(url))
    check_source(dp.open_source([url, f"{url}/cat/c#d.jpg", str(tmp_path)]))


def test_pages_are_listed_to_the_last(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of more objects than a page has, each is listed once."""
    monkeypatch.setattr(stores, "PAGE", 7)
    for number in range(40):
        s3.put(f"many/{number:04d}.jpg", b"x")
    assert Bucket(f"{s3.url}/many").records()["uri"].to_pylist() == [f"{number:04d}.jpg" for number in range(40)]


def test_a_manifest_of_a_bucket_is_that_of_the_folder(s3: Any, folder: Path, tmp_path: Path) -> None:
    """Processes measure what a bucket holds to the same values, and a second run reads nothing."""
    (folder / "cat" / "broken.jpg").write_bytes(b"no image")
    url = s3.upload(folder, "photos")
    there = dp.clean(url, engine=dp.Local(2), cache=tmp_path / "cache", progress=False)
    here = dp.clean(folder, engine=dp.Local(1), progress=False)
    assert there.table.drop_columns(["version", "modified"]).equals(here.table.drop_columns(["modified"]))
    again = dp.clean(Bucket(url, exclude="nothing"), engine=dp.Local(0), cache=tmp_path / "cache", progress=False)
    assert again.run is not None and again.run.measured == 0
    again.write(tmp_path / "manifest.parquet")
    assert dp.Manifest.read(tmp_path / "manifest.parquet").source == Bucket(url, exclude="nothing")


def test_another_content_of_the_same_size_and_time_is_seen(s3: Any, folder: Path, tmp_path: Path) -> None:
    """An object that was replaced in the same second by one as large is measured again: its version is another."""
    url = s3.upload(folder, "photos")
    source = Bucket(url)
    records = source.records()

    class Frozen:
        """The same, with the times of the first listing."""

        place = url

        def records(self) -> pa.Table:
            return source.records().set_column(4, "modified", records["modified"])

        def read(self, uri: str, start: int = 0, stop: int | None = None) -> bytes:
            return source.read(uri, start, stop)

    first = dp.clean(Frozen(), engine=dp.Local(0), cache=tmp_path, progress=False)
    uri = first.table["uri"][0].as_py()
    data = bytearray(source.read(uri))
    data[-3] ^= 1
    s3.put(f"photos/{uri}", bytes(data))
    second = dp.clean(Frozen(), engine=dp.Local(0), cache=tmp_path, progress=False)
    assert second.run is not None and second.run.measured == 1
    assert second.table["digest"][0] != first.table["digest"][0]


def test_an_object_that_changes_after_the_scan_is_a_row_with_an_error(s3: Any, folder: Path) -> None:
    """What is measured is what was listed; an object that was replaced since, or deleted, says so."""
    source = Bucket(s3.upload(folder, "photos"))
    records = source.records()
    changed, gone = records["uri"].to_pylist()[:2]
    s3.put(f"photos/{changed}", JPEG)
    s3.client.delete_object(Bucket=s3.bucket, Key=f"photos/{gone}")

    class Listed:
        def records(self) -> pa.Table:
            return records

        def read(self, uri: str, start: int = 0, stop: int | None = None) -> bytes:
            return source.read(uri, start, stop)

    errors = dp.clean(Listed(), engine=dp.Local(0), progress=False).table["error"].to_pylist()
    assert "was changed since it was listed" in errors[0]
    assert "there is no such object" in errors[1]
    assert errors[2:] == [None] * 10


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"AWS_ACCESS_KEY_ID": None}, "no credentials for s3://.*AWS_PROFILE"),
        ({"AWS_PROFILE": "nobody"}, "AWS_PROFILE=nobody"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "cannot be listed"),
    ],
)
def test_a_store_that_lets_nobody_in_is_an_error_before_any_work(
    s3: Any, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str | None], said: str
) -> None:
    """Without credentials, with a profile that is not there, or without a server, listing fails and says what to set."""
    monkeypatch.setattr(stores, "TRIAL", 0.1)
    stores._client.cache_clear()
    for name, value in settings.items():
        monkeypatch.delenv(name) if value is None else monkeypatch.setenv(name, value)
    with pytest.raises(dp.SourceError, match=said):
        dp.clean(s3.url, progress=False)


def test_a_bucket_that_is_not_there_or_empty_is_an_error(s3: Any) -> None:
    """No bucket, and no image below a prefix, are errors that name it."""
    with pytest.raises(dp.SourceError, match=r"s3://no-such-bucket/x cannot be listed: 404"):
        Bucket("s3://no-such-bucket/x").records()
    s3.put("notes/a.txt", b"text")
    with pytest.raises(dp.SourceError, match=rf"no images in {s3.url}/notes: it holds 1 other file \(1 .txt\)"):
        Bucket(f"{s3.url}/notes").records()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("s3://", "names no bucket"),
        ("ftp://host/photos", "is no place in a store; it starts with s3://"),
        ("s3://KEY:hidden@bucket/photos", "a key or a password"),
        ("https://host/photos?sig=hidden", "a key or a password"),
        ("https://host/photos", "give a list of the images"),
        ("s3://bucket/photos.zip", "read only from this machine"),
    ],
)
def test_urls_that_cannot_be_read_are_refused(url: str, said: str) -> None:
    """A URL that is none of a store, has a secret in it, or cannot be listed is an error, which does not repeat the secret."""
    with pytest.raises(dp.SourceError, match=said) as caught:
        dp.open_source(url).records()
    assert "hidden" not in str(caught.value)


def test_a_list_names_objects(s3: Any, folder: Path, tmp_path: Path, s3_server: str) -> None:
    """A list in the store, a local one with a URL as root, and a list of URLs give those objects, missing ones as errors."""
    url = s3.upload(folder, "photos")
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.jpg"))[:3]
    lines = "\n".join([*names, "cat/missing.jpg"])
    s3.put("photos/list.txt", lines.encode())
    (tmp_path / "list.txt").write_text(lines)
    sources = [
        dp.open_source(f"{url}/list.txt"),
        dp.open_source(tmp_path / "list.txt", root=url),
        dp.open_source([f"{url}/{name}" for name in (*names, "cat/missing.jpg")], root=url),
    ]
    for source in sources:
        records = source.records()
        assert records["uri"].to_pylist() == sorted([*names, "cat/missing.jpg"])
        assert records["error"].null_count == 3
        assert source.read(names[0]) == (folder / names[0]).read_bytes()


def test_the_secret_is_nowhere(s3: Any, folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Neither the pickled source, nor a file of a run, nor its log, has the secret of the environment in it."""
    caplog.set_level(logging.DEBUG)
    secret = os.environ["AWS_SECRET_ACCESS_KEY"].encode()
    url = s3.upload(folder, "photos")
    cleaned = dp.clean_into(url, out=tmp_path / "out", engine=dp.Local(1), progress=False)
    seen = [pickle.dumps(cleaned.manifest.source), pickle.dumps(cleaned.manifest), caplog.text.encode()]
    seen += [path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()]
    seen += [json.dumps(cleaned.summary.as_json()).encode(), repr(cleaned.manifest.source).encode()]
    assert len(seen) > 7
    assert not [data for data in seen if secret in data]
