"""Manifests: one file, judged anew without pixels, with exact statistics over what is kept."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dataprep.cleaning.clean import clean
from dataprep.errors import ManifestError
from dataprep.images.decode import decode
from dataprep.manifest import Manifest
from dataprep.manifest.verdicts import VERDICT
from dataprep.pipeline import Pipeline
from dataprep.sources import Folder
from dataprep.stages import CenterCrop, Deduplicate, DHash, Normalize, PHash, Readable, Require
from dataprep.stages.rules.standard import standard_rules
from dataprep.testing import FakeEngine, encoded, photo, write_images

PIPELINE = Pipeline(*standard_rules(), CenterCrop(32), Normalize())


@pytest.fixture
def messy(folder: Path) -> Path:
    """A folder of 12 photos, an exact copy, a near one, a flat one, a small one, a broken one and a text."""
    shutil.copy(folder / "cat" / "0000.jpg", folder / "dog" / "copy.jpg")
    (folder / "dog" / "near.jpg").write_bytes(encoded(photo(1), quality=40))
    (folder / "cat" / "flat.png").write_bytes(encoded(np.full((64, 64, 3), 120, np.uint8), "PNG"))
    (folder / "cat" / "small.png").write_bytes(encoded(photo(50, 20, 20), "PNG"))
    (folder / "ant").mkdir()
    (folder / "ant" / "broken.jpg").write_bytes(encoded(photo(51))[:-500])
    (folder / "notes.txt").write_text("not an image")
    return folder


@pytest.fixture
def manifest(messy: Path) -> Manifest:
    """The manifest of the messy folder."""
    return clean(messy, PIPELINE, engine=FakeEngine())


def test_reasons(manifest: Manifest) -> None:
    """Every image is a row, every dropped one has its reason, and a file that is no image is counted."""
    dropped = manifest.table.filter(pa.compute.invert(manifest.table["keep"])).select(["uri", "reason"]).to_pylist()
    assert {row["uri"]: row["reason"] for row in dropped} == {
        "ant/broken.jpg": "unreadable",
        "cat/flat.png": "nearly uniform",
        "cat/small.png": "too small",
        "dog/copy.jpg": "exact duplicate",
        "dog/near.jpg": "near duplicate",
    }
    assert manifest.reasons() == dict.fromkeys(sorted({row["reason"] for row in dropped}), 1)
    assert (len(manifest), manifest.kept().num_rows, sum(manifest.ignored.values())) == (17, 12, 1)
    assert repr(manifest).startswith("Manifest(17 records, 12 kept, ")


def test_a_verdict_is_whole(manifest: Manifest) -> None:
    """A dropped row has a reason and a detail, a duplicate a kept twin and a distance; a kept row has none of them."""
    rows = {row["id"]: row for row in manifest.table.to_pylist()}
    assert list(rows) == list(range(17))
    for row in rows.values():
        assert (row["reason"] is None) == (row["detail"] is None) == row["keep"]
        assert (row["twin"] is not None) == ("duplicate" in str(row["reason"]))
        assert row["twin"] is None or rows[row["twin"]]["keep"]
        assert (row["distance"] is None) == (row["twin"] is None)


def test_there_and_back(manifest: Manifest, tmp_path: Path) -> None:
    """What is written is read back equal in every part, by its file or by its folder."""
    path = tmp_path / "manifest.parquet"
    manifest.write(path)
    again = Manifest.read(path)
    assert again.table.equals(manifest.table)
    assert again == replace(manifest, table=again.table)
    assert (again.fingerprint, again.statistics) == (manifest.fingerprint, manifest.statistics)
    again.write(path)
    assert Manifest.read(path).table.equals(manifest.table)
    assert Manifest.read(path.parent) == again


def test_any_tool_reads_it(manifest: Manifest, tmp_path: Path) -> None:
    """The file is plain Parquet, the columns as the documentation lists them."""
    manifest.write(tmp_path / "manifest.parquet")
    names = pq.read_table(tmp_path / "manifest.parquet").column_names
    assert names[:10] == ["id", "uri", "label", "split", "bytes", "modified", "digest", "format", "height", "width"]
    assert names[-6:] == ["error", "keep", "reason", "detail", "twin", "distance"]


def test_another_source(manifest: Manifest, messy: Path, tmp_path: Path) -> None:
    """A manifest whose images moved is read with the place where they are now."""
    manifest.write(tmp_path / "manifest.parquet")
    shutil.move(messy, tmp_path / "moved")
    moved = Manifest.read(tmp_path / "manifest.parquet", Folder(str(tmp_path / "moved")))
    assert moved.source.read("cat/0000.jpg")
    assert moved.fingerprint == manifest.fingerprint


def test_another_threshold_reads_no_pixels(manifest: Manifest, messy: Path) -> None:
    """Judging by other thresholds gives what cleaning by them would, though the images are gone."""
    pipeline = Pipeline(
        *standard_rules(min_side=10, min_contrast=None, min_sharpness=None, radius=4), CenterCrop(32), Normalize()
    )
    expected = clean(messy, pipeline, engine=FakeEngine())
    shutil.rmtree(messy)
    judged = manifest.judge(pipeline)
    assert judged.kept()["uri"].to_pylist() == expected.kept()["uri"].to_pylist()
    for name in VERDICT:
        assert judged.table[name].equals(expected.table[name])
    assert judged.statistics == expected.statistics
    assert judged.judge(PIPELINE).table.equals(manifest.table)


def test_unreadable_is_never_kept(manifest: Manifest) -> None:
    """What cannot be read is dropped by any pipeline, whether it names the rule or not."""
    for pipeline in (Pipeline(), Pipeline(Readable()), Pipeline(Require("bytes", least=0))):
        assert manifest.judge(pipeline).reasons() == {"unreadable": 1}


@pytest.mark.parametrize("rule", [Deduplicate(DHash()), Require("sharpness", least=1, measure=None)])
def test_what_was_not_measured(messy: Path, rule: Deduplicate | Require) -> None:
    """A rule that needs what was not measured is refused, naming the measure."""
    manifest = clean(messy, Pipeline(PHash()), engine=FakeEngine())
    with pytest.raises(ManifestError, match=f"no columns of {type(rule.needs[0]).__name__}.*run `clean`"):
        manifest.judge(Pipeline(rule))


def test_fingerprint(manifest: Manifest) -> None:
    """The fingerprint changes if and only if the kept rows do: not with the reasons of others, nor with the pipeline."""
    same = manifest.judge(Pipeline(*standard_rules(), Require("bytes", most=10**9)))
    assert same.fingerprint == manifest.fingerprint
    renamed = manifest.judge(Pipeline(*standard_rules(min_contrast=None), Require("contrast", least=5, reason="flat")))
    assert renamed.reasons() != manifest.reasons()
    assert renamed.fingerprint == manifest.fingerprint
    others = [manifest.judge(Pipeline(Require("bytes", least=least))).fingerprint for least in (0, 300, 10_000)]
    assert len({manifest.fingerprint, *others}) == 4


@pytest.mark.parametrize("column", ["uri", "label", "digest"])
def test_fingerprint_of_contents(manifest: Manifest, column: str) -> None:
    """The fingerprint covers the names, the labels and the contents of kept rows, and nothing of dropped ones."""
    place = manifest.table.column_names.index(column)

    def changed(row: int) -> str:
        values = manifest.table[column].to_pylist()
        values[row] = bytes(32) if column == "digest" else "other"
        other = pa.array(values, manifest.table[column].type)
        return replace(manifest, table=manifest.table.set_column(place, column, other)).fingerprint

    keep = manifest.table["keep"].to_pylist()
    for row in range(len(manifest)):
        assert (changed(row) != manifest.fingerprint) == keep[row]


def pixels_of(manifest: Manifest) -> np.ndarray:
    """(P, 3) all pixels of the kept images, 0..1."""
    return (
        np.concatenate([decode(manifest.source.read(uri)).image.reshape(-1, 3) for uri in manifest.kept()["uri"].to_pylist()])
        / 255
    )


@pytest.mark.parametrize(
    "rules", [standard_rules(), standard_rules(min_contrast=None, duplicates=False), (Require("bytes", least=5_000),)]
)
def test_statistics(manifest: Manifest, rules: tuple[Require, ...]) -> None:
    """Mean and std are those of all pixels of the kept images, whatever is kept, to 12 digits."""
    judged = manifest.judge(Pipeline(*rules))
    statistics = judged.statistics
    assert statistics is not None
    pixels = pixels_of(judged)
    np.testing.assert_allclose(statistics.mean, pixels.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(statistics.std, pixels.std(axis=0), rtol=1e-12)
    assert (statistics.images, statistics.pixels) == (judged.kept().num_rows, len(pixels))


def test_statistics_of_many_large_images(manifest: Manifest) -> None:
    """Sums beyond 64 bits are exact: 2 million white images of 100 megapixels have mean 1 and std 0."""
    side, images = 10_000, 2_000_000
    pixels = side * side
    row = {"id": 0, "uri": "a", "label": None, "split": "train", "digest": "d", "height": side, "width": side, "keep": True}
    sums = pa.array([[pixels * 255] * 3], pa.list_(pa.int64(), 3))
    squares = pa.array([[pixels * 255**2] * 3], pa.list_(pa.int64(), 3))
    one = pa.Table.from_pylist([row]).append_column("channel_sums", sums).append_column("channel_squares", squares)
    statistics = replace(manifest, table=one.take(pa.array(np.zeros(images, np.int32)))).statistics
    assert statistics is not None
    assert (statistics.mean, statistics.std, statistics.pixels) == ((1.0, 1.0, 1.0), (0.0, 0.0, 0.0), pixels * images)


def test_no_statistics(messy: Path, manifest: Manifest) -> None:
    """There are no statistics where channel sums were not measured, or nothing is kept."""
    assert clean(messy, Pipeline(), engine=FakeEngine()).statistics is None
    assert manifest.judge(Pipeline(Require("bytes", least=10**12))).statistics is None


def test_labels(manifest: Manifest) -> None:
    """Class numbers are places among all labels that were scanned, so they do not change with what is kept."""
    assert manifest.classes == ("ant", "cat", "dog")
    assert set(manifest.labels().tolist()) == {1, 2}
    assert [manifest.classes[number] for number in manifest.labels()] == manifest.kept()["label"].to_pylist()


def test_without_labels(tmp_path: Path) -> None:
    """An image outside any folder has no label: its number is -1."""
    write_images(tmp_path, 2, labels=())
    manifest = clean(tmp_path, Pipeline(), engine=FakeEngine())
    assert manifest.classes == ()
    assert manifest.labels().tolist() == [-1, -1]


def test_split(tmp_path: Path) -> None:
    """A split has its records with the same ids, labels and class numbers; a misspelt one is refused with the known."""
    write_images(tmp_path / "train", 5)
    write_images(tmp_path / "test", 3, seed=5, labels=("dog", "eel"))
    whole = clean(Folder(str(tmp_path), splits=True), PIPELINE, engine=FakeEngine())
    parts = [whole.select(name) for name in ("test", "train")]
    assert [len(part) for part in parts] == [3, 5]
    assert parts[0].table["id"].to_pylist() + parts[1].table["id"].to_pylist() == list(range(8))
    assert {part.classes for part in parts} == {("cat", "dog", "eel")}
    assert parts[0].judge(PIPELINE).table.equals(parts[0].table)
    with pytest.raises(ManifestError, match="no split 'trian'; did you mean 'train'"):
        whole.select("trian")


def test_no_splits(manifest: Manifest) -> None:
    """Asking a manifest without splits for one says how to get them."""
    with pytest.raises(ManifestError, match=r"it has none: .* scan with `Folder\(root, splits=True\)`"):
        manifest.select("train")


def test_files_that_are_no_manifest(manifest: Manifest, tmp_path: Path) -> None:
    """A file that is missing, not Parquet, not a manifest or of another version is refused by name and cause."""
    path = tmp_path / "manifest.parquet"
    with pytest.raises(ManifestError, match="cannot be read"):
        Manifest.read(path)
    for data in (b"", b"PAR1", b"no parquet at all"):
        path.write_bytes(data)
        with pytest.raises(ManifestError, match="not a Parquet file"):
            Manifest.read(path)
    pq.write_table(pa.table({"id": [1]}), path)
    with pytest.raises(ManifestError, match="a Parquet file, but not written by"):
        Manifest.read(path)
    manifest.write(path)
    table = pq.read_table(path)
    for version in (b"0", b"6", b"null", b'"1"'):
        other = table.schema.metadata[b"dataprep"].replace(b'"version": 5', b'"version": ' + version)
        pq.write_table(table.replace_schema_metadata({b"dataprep": other}), path)
        with pytest.raises(
            ManifestError, match=r"of version .*; this dataprep reads versions 1 to 5: run `dataprep clean` again"
        ):
            Manifest.read(path)


def test_truncated(manifest: Manifest, tmp_path: Path) -> None:
    """A manifest cut anywhere is refused, never read in part."""
    path = tmp_path / "manifest.parquet"
    manifest.write(path)
    data = path.read_bytes()
    for at in range(0, len(data), 211):
        path.write_bytes(data[:at])
        with pytest.raises(ManifestError):
            Manifest.read(path)


def test_unknown_stage(manifest: Manifest, tmp_path: Path) -> None:
    """A manifest with a stage that is not registered says which, and what to import."""
    path = tmp_path / "manifest.parquet"
    manifest.write(path)
    table = pq.read_table(path)
    other = table.schema.metadata[b"dataprep"].replace(b'"CenterCrop"', b'"MyOwnCrop"')
    pq.write_table(table.replace_schema_metadata({b"dataprep": other}), path)
    with pytest.raises(ManifestError, match=r"no stage is called 'MyOwnCrop'.*import the module that registers it"):
        Manifest.read(path)


def test_written_whole_or_not(manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Writing that fails leaves the old file as it was and no temporary one."""
    path = tmp_path / "manifest.parquet"
    path.write_bytes(b"old")

    def full(writer: pq.ParquetWriter, table: pa.Table) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq.ParquetWriter, "write_table", full)
    with pytest.raises(ManifestError, match="cannot be written: No space left"):
        manifest.write(path)
    assert [file.name for file in tmp_path.iterdir() if file.is_file()] == ["manifest.parquet"]
    assert path.read_bytes() == b"old"


def test_written_where_there_is_no_folder(manifest: Manifest, tmp_path: Path) -> None:
    """Writing into a folder that is missing is a `ManifestError`, and makes none."""
    with pytest.raises(ManifestError, match="cannot be written"):
        manifest.write(tmp_path / "missing" / "manifest.parquet")
    assert not (tmp_path / "missing").exists()
