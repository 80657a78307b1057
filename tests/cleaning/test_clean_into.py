"""`clean_into`: a folder with all that a run finds out."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

import dataprep as dp
from dataprep.testing import FakeEngine, encoded, photo, write_images


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Six photos, one of them twice, and a broken file."""
    paths = write_images(tmp_path / "photos", 6)
    (tmp_path / "photos" / "copy.jpg").write_bytes(paths[0].read_bytes())
    (tmp_path / "photos" / "broken.jpg").write_bytes(paths[1].read_bytes()[:900])
    return tmp_path / "photos"


def test_what_is_written_is_what_is_returned(photos: Path, tmp_path: Path) -> None:
    """The folder has the manifest and the summary that are returned, the report, and the cache; a second call reads no image."""
    out = tmp_path / "deep" / "out"
    for measured in (8, 0):
        engine = FakeEngine()
        done = dp.clean_into(photos, out=out, engine=engine)
        assert len(engine.uris) == measured
        assert done.manifest.table.equals(dp.Manifest.read(out).table)
        assert json.loads((out / "summary.json").read_text()) == json.loads(json.dumps(done.summary.as_json()))
        assert (done.summary.scanned, done.summary.measured, done.summary.known) == (8, measured, 8 - measured)
        assert {path.name for path in out.iterdir()} == {"manifest.parquet", "summary.json", "report.html", "cache"}
    assert done.manifest.table.equals(dp.clean(photos, engine=FakeEngine()).table)


def test_options(photos: Path, tmp_path: Path) -> None:
    """Pipeline, overrides and the limit of pixels are those of `clean`; the report shows the time, or is left out."""
    given = {"overrides": dp.Overrides(()), "max_pixels": 100}
    done = dp.clean_into(photos, dp.Pipeline(dp.Readable()), out=tmp_path / "out", engine=FakeEngine(), report=False, **given)
    assert done.manifest.pipeline == dp.Pipeline(dp.Readable())
    assert done.manifest.kept().num_rows == 0
    assert not (tmp_path / "out" / "report.html").exists()
    dp.clean_into(photos, out=tmp_path / "out", engine=FakeEngine(), when=datetime(2026, 3, 1, 9, 30, tzinfo=UTC))
    assert "1 March 2026, 09:30" in (tmp_path / "out" / "report.html").read_text()


def test_progress(photos: Path, tmp_path: Path) -> None:
    """Progress is told of the images that are measured, then of the thumbnails, each up to its total."""
    calls: list[tuple[str, int, int]] = []
    dp.clean_into(photos, out=tmp_path / "out", engine=FakeEngine(), progress=lambda *call: calls.append(call))
    assert list(dict.fromkeys(what for what, _, _ in calls)) == ["measuring", "thumbnails"]
    for phase in ("measuring", "thumbnails"):
        counts = [(done, total) for what, done, total in calls if what == phase]
        assert counts == sorted(counts) and counts[-1][0] == counts[-1][1]


@pytest.mark.parametrize("parts", [False, True])
def test_the_source_takes_no_results(photos: Path, tmp_path: Path, parts: bool) -> None:
    """The folder of the source, or of a part of it, by any name is refused before an image is read."""
    source = dp.Several({"a": dp.Folder(str(tmp_path)), "b": dp.Folder(str(photos))}) if parts else photos
    (tmp_path / "link").symlink_to(photos)
    for out in (photos, photos / "cat" / "..", tmp_path / "link"):
        engine = FakeEngine()
        with pytest.raises(dp.DataprepError, match="is the source, which is never changed; choose another folder"):
            dp.clean_into(source, out=out, engine=engine)
        assert engine.uris == []


def test_out_is_checked_first(photos: Path, tmp_path: Path) -> None:
    """Where nothing can be written, no image is read."""
    engine = FakeEngine()
    with pytest.raises(dp.DataprepError, match=r"out cannot be written: Not a directory"):
        dp.clean_into(photos, out=photos / "copy.jpg" / "out", engine=engine)
    assert engine.uris == []


def test_splits_are_kept(photos: Path, tmp_path: Path) -> None:
    """Cleaning again into a folder keeps the splits by content, gives new images theirs, freezes statistics anew, and says so."""
    out, engine = tmp_path / "out", FakeEngine()
    first = dp.clean_into(photos, dp.Pipeline(*dp.standard_rules(), dp.ChannelSums()), out=out, engine=engine).manifest
    parts = dp.split(first, {"train": 0.5, "test": 0.5})
    parts.write(out / "manifest.parquet")
    before = dict(zip(parts.table["digest"].to_pylist(), parts.table["split"].to_pylist(), strict=True))
    (photos / "cat").rename(photos / "tomcat")
    write_images(tmp_path / "more", 9)[8].rename(photos / "tomcat" / "new.jpg")
    manifest, summary = dp.clean_into(photos, parts.pipeline, out=out, engine=engine)
    after = dict(zip(manifest.table["digest"].to_pylist(), manifest.table["split"].to_pylist(), strict=True))
    assert None not in after.values()
    assert after.items() >= before.items()
    assert summary.carried == {"known": 8, "new": 1, "moved": 0}
    assert sum(summary.splits.values()) == summary.kept
    assert manifest.select("test").statistics == manifest.statistics
    assert manifest.statistics is not None
    assert manifest.statistics.images == summary.splits["train"]
    assert dp.Manifest.read(out).table.equals(manifest.table)


def test_splits_are_not_replaced(photos: Path, tmp_path: Path) -> None:
    """Where the source names splits of its own, those of the folder stay and nothing is written."""
    out, engine = tmp_path / "out", FakeEngine()
    parts = dp.split(dp.clean_into(photos, out=out, engine=engine).manifest, {"train": 0.5, "test": 0.5})
    parts.write(out / "manifest.parquet")
    with pytest.raises(dp.ManifestError, match=r"manifest\.parquet has splits \('test', 'train'\) that those of the source"):
        dp.clean_into(dp.Folder(str(photos), splits=True), out=out, engine=engine)
    assert dp.Manifest.read(out).table.equals(parts.table)


@pytest.mark.parametrize("name", ["manifest.parquet", "summary.json", "report.html"])
def test_files_of_others_are_not_written_over(photos: Path, tmp_path: Path, name: str) -> None:
    """A file that dataprep did not write is not written over, and nothing is measured; its own files are."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).write_text("mine")
    engine = FakeEngine()
    with pytest.raises(dp.DataprepError, match=rf"{name} is not "):
        dp.clean_into(photos, out=tmp_path / "out", engine=engine)
    assert engine.uris == []
    assert [path.read_text() for path in (tmp_path / "out").iterdir()] == ["mine"]
    (tmp_path / "out" / name).unlink()
    for _ in range(2):
        dp.clean_into(photos, out=tmp_path / "out", engine=engine, report=False)
        (tmp_path / "out" / "manifest.parquet").unlink()  # as an error message may advise
    assert len(engine.uris) == 8


@pytest.mark.parametrize("there", [0, 1, 3])
def test_a_run_that_fails_leaves_no_folder(tmp_path: Path, there: int) -> None:
    """Where nothing could be done, the folders that were made for it are gone again, and those that were there are not."""
    (tmp_path / "empty").mkdir()
    deep = ["deep", "deep/deeper", "deep/deeper/out"]
    for step in deep[:there]:
        (tmp_path / step).mkdir()
    with pytest.raises(dp.SourceError, match="no images"):
        dp.clean_into(tmp_path / "empty", out=tmp_path / deep[-1], engine=FakeEngine())
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")) == [*deep[:there], "empty"]


@pytest.mark.parametrize("into", [False, True])
def test_what_looks_wrong_is_logged(photos: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, into: bool) -> None:
    """Whoever calls from Python is told what the command would print; what looks right is not spoken of."""
    caplog.set_level("WARNING", "dataprep.clean")  # whatever level another test's program has set
    flat = tmp_path / "flat"
    flat.mkdir()
    for number in range(2):
        (flat / f"{number}.png").write_bytes(encoded(photo(number), "PNG"))
    for folder, said in ((flat, ["none of the 2 images has a label"]), (photos, ["2 of 8 images have no label"])):
        caplog.clear()
        if into:
            dp.clean_into(folder, out=tmp_path / folder.name / "out", engine=FakeEngine(), report=False)
        else:
            dp.clean(folder, engine=FakeEngine())
        messages = [record.getMessage() for record in caplog.records if record.name == "dataprep.clean"]
        assert [message.split(",")[0] for message in messages] == said
