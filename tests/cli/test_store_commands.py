"""Commands about images in a store: what needs no file of this machine works by a URL, what does is refused before any work."""

import json
from pathlib import Path
from typing import Any

import pytest

import dataprep as dp
from dataprep.cli import rates
from dataprep.sources import stores

pytest.importorskip("obstore")


@pytest.fixture
def url(s3: Any, folder: Path) -> str:
    """Where twelve photos are, one of them twice."""
    (folder / "cat" / "copy.jpg").write_bytes((folder / "cat" / "0000.jpg").read_bytes())
    return str(s3.upload(folder, "photos"))


@pytest.fixture
def cleaned(url: str, dataprep: Any, tmp_path: Path) -> str:
    """What `dataprep clean` wrote about them, as a string."""
    assert dataprep("clean", url, "--out", tmp_path / "out", "--workers", 1, "-q").code == 0
    return str(tmp_path / "out")


def test_commands_take_a_bucket_for_a_source(url: str, cleaned: str, dataprep: Any, tmp_path: Path) -> None:
    """A bucket is cleaned, looked at, divided, exported and written as a tree, as a folder is."""
    assert json.loads(dataprep("info", cleaned, "--json").out)["kept"] == 12
    assert "exact duplicate" in dataprep("why", cleaned, "cat/copy.jpg").out
    assert dataprep("split", cleaned, "--train", 0.5, "--val", 0.5, "-q").code == 0
    assert dataprep("verify", cleaned).code == 0
    assert dataprep("export", cleaned, tmp_path / "records.csv").code == 0
    assert len((tmp_path / "records.csv").read_text().splitlines()) == 14
    dataprep("export", cleaned, tmp_path / "kept.txt").assert_refused(1, "Bucket is not a folder of files")
    assert dataprep("materialize", cleaned, tmp_path / "tree", "-q").code == 0
    assert len([path for path in (tmp_path / "tree").rglob("*") if path.is_file()]) == 12
    assert dataprep("report", cleaned, "-q").code == 0
    assert "13 images, of which 0 have to be read" in dataprep("clean", url, "--out", cleaned, "--dry-run").out


def test_results_are_put_into_a_store(
    s3: Any, url: str, cleaned: str, dataprep: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run into a store puts there what one into a folder writes; the cache stays; another machine keeps the splits."""
    out, names = f"{s3.url}/results/clean", {"manifest.parquet", "summary.json", "report.html", "records.csv"}
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    ended = dataprep("clean", url, "--out", out, "--workers", 1, "--export", "csv")
    assert ended.code == 0 and f"put into {out}; the copy and the cache stay in {tmp_path}/home/dataprep/results/" in ended.out
    assert {one.path for one in stores.list_objects(out)} == names
    there, here = dp.Manifest.read(out), dp.Manifest.read(cleaned)
    assert there.table.equals(here.table) and there.source == here.source and there.reasons() == here.reasons()
    assert json.loads(stores.fetch(out, "summary.json"))["kept"] == 12 and b"<!doctype html>" in stores.fetch(out, "report.html")
    assert "13 images, of which 0 have to be read" in dataprep("clean", url, "--out", out, "--dry-run").out
    dp.split(there, {"train": 0.5, "val": 0.5}).write(f"{out}/manifest.parquet")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "another"))
    manifest, summary = dp.clean_into(url, out=out, engine=dp.Local(0), progress=False)
    assert summary.kept == 12 and len(manifest.select("train")) == len(dp.Manifest.read(out).select("train")) > 0


def test_results_in_a_store_are_refused_before_any_work(
    s3: Any, url: str, dataprep: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where results would lie among the images, over files of others, or cannot be written, nothing is read or written."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    s3.put("theirs/report.html", b"of others")
    before = {one.path for one in stores.list_objects(s3.url)}
    dataprep("clean", url, "-o", url).assert_refused(1, f"{url} is the source, which is never changed")
    dataprep("clean", url, "-o", f"{s3.url}/theirs").assert_refused(1, f"{s3.url}/theirs/report.html is not of dataprep")
    dataprep("clean", url, "-o", f"{s3.url}/new", "--materialize", "copy").assert_refused(2, "name a folder by --into")
    dataprep("clean", url, "-o", "https://host/new").assert_refused(1, "is on a web server, which takes no results")
    dataprep("clean", url, "-o", f"{s3.url}-not/new").assert_refused(1, f"{s3.url}-not/new cannot be written: ")
    assert {one.path for one in stores.list_objects(s3.url)} == before
    assert not list(tmp_path.rglob("*.arrows"))


def test_bench_says_how_long_it_waited_for_a_store(cleaned: str, dataprep: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each backend has its wait in seconds, of how many; the best one's is said, and so is what helps where it is long."""
    monkeypatch.setattr(rates, "find_spec", lambda name: None)  # threads alone
    monkeypatch.setattr(rates, "LONG", -1.0)
    arguments = ("bench", cleaned, "--images", 8, "--batch-size", 4, "--workers", 2)
    known = json.loads(dataprep(*arguments, "--json").out)
    assert known["runs"].keys() == known["ends"].keys() == {"this process alone", "Threads(workers=1)", "Threads(workers=2)"}
    assert all(0 < run["waited"] <= run["seconds"] for run in known["runs"].values())
    assert known["waiting"].partition(" waited")[0] in known["runs"] and "seconds for bytes" in known["waiting"]
    assert list(rates.remedies_of(dp.Manifest.read(cleaned))) == known["remedies"] == known["advice"][-len(known["remedies"]) :]
    said = dataprep(*arguments).out
    assert "waited for bytes" in said and "NodeCache" in said and "dataprep pack" in said and "DATAPREP_REQUESTS=128" in said


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--quarantine", "rejects"), "quarantine moves files, and Bucket is not a folder of files"),
        (("--materialize", "hardlink"), "links need a folder of files, and Bucket is not one"),
        (("--materialize", "symlink"), "links need a folder of files, and Bucket is not one"),
    ],
)
def test_what_needs_files_is_refused_before_any_work(
    url: str, dataprep: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: tuple[str, ...], said: str
) -> None:
    """Nothing is written where a flag asks of a bucket what only a folder can give."""
    monkeypatch.chdir(tmp_path)
    dataprep("clean", url, "--out", "out", *flags).assert_refused(1, said)
    assert not Path("out").exists() and not Path("rejects").exists()


def test_places_of_this_machine_are_no_urls(url: str, dataprep: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A URL where a folder or file of this machine is written is wrong usage, and makes no folder of that name."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pipeline.yaml").write_text("[]")
    for arguments in (("clean", url, "-o", "out", "--quarantine", url), ("demo", "--out", url)):
        dataprep(*arguments).assert_refused(2, f"{url} is a place in a store; name one of this machine")
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("s3")] == []


def test_a_manifest_in_a_store_is_read_and_written(s3: Any, url: str, cleaned: str, dataprep: Any, tmp_path: Path) -> None:
    """A manifest by its URL is the one that was written there, for Python and for commands; what is wrong names the URL."""
    manifest = dp.Manifest.read(cleaned)
    manifest.write(f"{s3.url}/results/manifest.parquet")
    assert dp.Manifest.read(f"{s3.url}/results").fingerprint == manifest.fingerprint
    assert json.loads(dataprep("info", f"{s3.url}/results", "--json").out)["kept"] == 12
    assert dataprep("split", f"{s3.url}/results", "--train", 1, "-q").code == 0
    assert len(dp.Manifest.read(f"{s3.url}/results/manifest.parquet").select("train")) == 13
    assert dataprep("report", f"{s3.url}/results", "-o", tmp_path / "page.html", "-q").code == 0
    dataprep("report", f"{s3.url}/results").assert_refused(1, "is in a store, and a file beside it would not be")
    dataprep("info", f"{s3.url}/nothing").assert_refused(1, f"{s3.url}/nothing/manifest.parquet cannot be read")
    s3.put("damaged/manifest.parquet", b"PAR1 is how it starts")
    dataprep("info", f"{s3.url}/damaged").assert_refused(1, f"{s3.url}/damaged/manifest.parquet is not a manifest")


def test_images_that_moved_to_a_store_are_found_by_its_url(url: str, folder: Path, dataprep: Any, tmp_path: Path) -> None:
    """A manifest of a folder is used with a bucket that has the same files."""
    dp.clean(folder, engine=dp.Local(0), progress=False).write(tmp_path / "manifest.parquet")
    for path in folder.rglob("*.jpg"):
        path.unlink()
    assert dataprep("materialize", tmp_path / "manifest.parquet", tmp_path / "tree", "--source", url, "-q").code == 0
    assert len([path for path in (tmp_path / "tree").rglob("*") if path.is_file()]) == 12
