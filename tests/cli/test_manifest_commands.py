"""`dataprep materialize`, `export`, `quarantine` and `info`: they act on a manifest as it is."""

import csv
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest

from dataprep.actions.export import Kind
from dataprep.actions.export import export as write_records
from dataprep.cleaning.clean import clean
from dataprep.manifest import Manifest
from dataprep.manifest.splits import split
from dataprep.pipeline import Pipeline
from dataprep.report import summarize
from dataprep.stages import ChannelSums, Deduplicate
from dataprep.testing import FakeEngine

Command = Callable[..., Any]


@pytest.fixture
def out(folder: Path, tmp_path: Path) -> Path:
    """The folder of a manifest of 12 photos in two splits, and a copy of one of them that is dropped."""
    (folder / "dog" / "copy.jpg").write_bytes((folder / "cat" / "0000.jpg").read_bytes())
    made = split(clean(folder, Pipeline(Deduplicate(by=None), ChannelSums()), engine=FakeEngine()), {"train": 0.5, "val": 0.5})
    (tmp_path / "out").mkdir()
    made.write(tmp_path / "out" / "manifest.parquet")
    return tmp_path / "out"


def files_in(folder: Path) -> set[str]:
    """Returns the paths of all files below a folder."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("mode", ["copy", "hardlink", "symlink"])
def test_materialize(dataprep: Command, out: Path, tmp_path: Path, mode: str) -> None:
    """The kept images lie below their split and label, and the same command goes on; the manifest stays as it is."""
    before = (out / "manifest.parquet").read_bytes()
    rows = Manifest.read(out).kept().to_pylist()
    for _ in range(2):
        ended = dataprep("materialize", out, tmp_path / "tree", "--mode", mode)
        assert ended == (0, f"12 images in {tmp_path / 'tree'}\n", "")
        assert files_in(tmp_path / "tree") == {f"{row['split']}/{row['uri']}" for row in rows}
    assert (out / "manifest.parquet").read_bytes() == before


def test_one_split(dataprep: Command, out: Path, tmp_path: Path) -> None:
    """With --split only its images are written; a split that is not there is refused."""
    train = Manifest.read(out).select("train").kept()["uri"].to_pylist()
    assert dataprep("materialize", out, tmp_path / "tree", "--split", "train", "--quiet") == (0, "", "")
    assert files_in(tmp_path / "tree") == {f"train/{uri}" for uri in train}
    for command in ("materialize", "quarantine"):
        dataprep(command, out, tmp_path / "other", "--split", "test").assert_refused(1, "no split 'test'")
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("kind", ["csv", "jsonl", "txt"])
def test_export(dataprep: Command, out: Path, folder: Path, tmp_path: Path, kind: str) -> None:
    """The name of the file says its form; it has every record, or the paths of the kept ones; it replaces none unasked."""
    file, manifest = tmp_path / f"records.{kind}", Manifest.read(out)
    count = 12 if kind == "txt" else 13
    assert dataprep("export", out, file) == (0, f"{count} records in {file}\n", "")
    text = file.read_text()
    if kind == "txt":
        assert text.splitlines() == [str(folder / uri) for uri in manifest.kept()["uri"].to_pylist()]
    else:
        rows = list(csv.DictReader(text.splitlines())) if kind == "csv" else [json.loads(line) for line in text.splitlines()]
        assert [(row["uri"], row["split"]) for row in rows] == list(
            zip(manifest.table["uri"].to_pylist(), manifest.table["split"].to_pylist(), strict=True)
        )
    dataprep("export", out, file).assert_refused(1, "is there already; --replace writes over it")
    assert dataprep("export", out, file, "--replace", "--split", "val", "--quiet") == (0, "", "")
    assert 0 < len(file.read_text().splitlines()) < len(text.splitlines())
    dataprep("export", out, tmp_path / "records.xlsx").assert_refused(2, ".csv, .jsonl or .txt, not 'records.xlsx'")


def test_quarantine(dataprep: Command, out: Path, folder: Path, tmp_path: Path) -> None:
    """The dropped images are moved out of the source, and `undo` moves them back."""
    before = files_in(folder)
    ended = dataprep("quarantine", out, tmp_path / "rejects")
    assert (ended.code, ended.out.split(";")[0]) == (0, f"1 files moved to {tmp_path / 'rejects'}")
    assert before - files_in(folder) == {"dog/copy.jpg"}
    assert dataprep("undo", tmp_path / "rejects").code == 0
    assert files_in(folder) == before


def test_moved_source(dataprep: Command, out: Path, folder: Path, tmp_path: Path) -> None:
    """Where the images have moved, --source says so; without it the first one that is not there is named."""
    os.rename(folder, tmp_path / "elsewhere")
    dataprep("materialize", out, tmp_path / "tree").assert_refused(1, "no such folder", str(folder))
    assert dataprep("materialize", out, tmp_path / "tree", "--source", tmp_path / "elsewhere").code == 0
    assert len(files_in(tmp_path / "tree")) == 12


def test_info(dataprep: Command, out: Path) -> None:
    """It prints the summary of the manifest, or of one split, for people or as JSON, and reads no image."""
    manifest = Manifest.read(out)
    said = json.loads(dataprep("info", out, "--json").out)
    assert said == json.loads(json.dumps(summarize(manifest).as_json()))
    ended = dataprep("info", out / "manifest.parquet")
    assert ended.code == 0
    assert "splits: train 6, val 6" in ended.out
    assert "images/s" not in ended.out
    part = json.loads(dataprep("info", out, "--json", "--split", "val").out)
    assert (part["kept"], part["mean"], list(part["splits"])) == (6, said["mean"], ["val"])


@pytest.mark.parametrize("kind", get_args(Kind))
def test_export_to(dataprep: Command, out: Path, tmp_path: Path, kind: Kind) -> None:
    """`--to` names the form, whatever the name of the file; what is written is what Python writes, and as many are told."""
    manifest = Manifest.read(out)
    write_records(manifest, tmp_path / "expected", kind)
    file = tmp_path / "written.data"
    count = manifest.kept().num_rows if kind in ("txt", "fiftyone") else len(manifest)
    assert dataprep("export", out, file, "--to", kind) == (0, f"{count} records in {file}\n", "")
    assert file.read_bytes() == (tmp_path / "expected").read_bytes()


@pytest.mark.parametrize("command", ["materialize", "export", "quarantine", "info"])
def test_no_manifest(dataprep: Command, tmp_path: Path, command: str) -> None:
    """What is no manifest is refused with its name, and nothing is written."""
    target = [] if command == "info" else [tmp_path / "to.csv"]
    dataprep(command, tmp_path / "none.parquet", *target).assert_refused(1, "none.parquet cannot be read")
    assert list(tmp_path.iterdir()) == []
