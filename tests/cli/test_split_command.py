"""`dataprep split`: what it writes and prints, and how it refuses."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from dataprep.cleaning.clean import clean
from dataprep.manifest import Manifest
from dataprep.manifest.splits import split
from dataprep.pipeline import Pipeline
from dataprep.sources import Folder
from dataprep.stages import ChannelSums
from dataprep.testing import FakeEngine

USUAL = ("--train", "0.5", "--val", "0.25", "--test", "0.25")
SHARES = {"train": 0.5, "val": 0.25, "test": 0.25}


Command = Callable[..., Any]


@pytest.fixture
def manifest(folder: Path, tmp_path: Path) -> Path:
    """The manifest of 6 cats and 6 dogs."""
    (tmp_path / "out").mkdir()
    clean(folder, Pipeline(), engine=FakeEngine()).write(tmp_path / "out" / "manifest.parquet")
    return tmp_path / "out" / "manifest.parquet"


def labelled(path: Path, labels: list[str | None]) -> Path:
    """Writes the manifest of one kept image for each label in the list."""
    size = len(labels)
    columns = {"id": list(range(size)), "uri": list(map(str, range(size))), "label": pa.array(labels, pa.string())}
    columns |= {"split": pa.nulls(size, pa.string()), "digest": list(map(str, range(size)))}
    columns |= {"keep": [True] * size, "twin": pa.nulls(size, pa.int64())}
    Manifest(pa.table(columns), Pipeline(), Folder("photos"), (), ()).write(path)
    return path


def test_in_place(dataprep: Command, manifest: Path) -> None:
    """The manifest gets the splits of the library, nothing else is left in its folder, and the table has the counts."""
    expected = split(Manifest.read(manifest), SHARES)
    ended = dataprep("split", manifest, *USUAL)
    assert (ended.code, ended.error) == (0, "")
    assert Manifest.read(manifest).table.equals(expected.table)
    assert [path.name for path in manifest.parent.iterdir()] == ["manifest.parquet"]
    lines = [line.split() for line in ended.out.splitlines()]
    counts = Counter(zip(expected.table["label"].to_pylist(), expected.table["split"].to_pylist(), strict=True))
    assert lines[0] == ["train", "val", "test"]
    assert lines[1:3] == [[label, *(str(counts[label, name]) for name in SHARES)] for label in ("cat", "dog")]
    assert lines[3][:3] == ["all", "2", "labels"]
    assert sum(map(int, lines[3][3:])) == 12
    assert ended.out.splitlines()[-1] == f"manifest: {manifest}"


def test_elsewhere(dataprep: Command, manifest: Path, tmp_path: Path) -> None:
    """With --out the manifest itself stays as it is, byte for byte; the folder that holds it names it as well."""
    before = manifest.read_bytes()
    ended = dataprep("split", manifest.parent, *USUAL, "--seed", 3, "--out", tmp_path / "other.parquet")
    assert ended.code == 0
    assert manifest.read_bytes() == before
    assert Manifest.read(tmp_path / "other.parquet").table.equals(split(Manifest.read(manifest), SHARES, 3).table)


def test_two_splits(dataprep: Command, manifest: Path) -> None:
    """A split that is given no share does not come up, and the order of the flags plays no part."""
    ended = dataprep("split", manifest, "--test", "0.5", "--train", "0.5", "--json")
    assert list(json.loads(ended.out)["splits"].items()) == [("train", 6), ("test", 6)]


def test_json(dataprep: Command, manifest: Path) -> None:
    """With --json the output is one JSON document of what the table and the notes say."""
    ended = dataprep("split", manifest, "--train", "0.9", "--val", "0.1", "--json")
    said = json.loads(ended.out)
    table = Manifest.read(manifest).table
    assert said["version"] == 1
    assert (said["manifest"], said["seed"], said["images"]) == (str(manifest), 0, 12)
    assert said["shares"] == {"train": 0.9, "val": 0.1}
    assert said["splits"] == {name: table["split"].to_pylist().count(name) for name in ("train", "val")}
    assert [row["label"] for row in said["labels"]] == ["cat", "dog"]
    for row in said["labels"]:
        assert sum(row["splits"].values()) == row["images"] == 6
        assert row["absent"] == [name for name, count in row["splits"].items() if count == 0]


def test_replace(dataprep: Command, manifest: Path) -> None:
    """Splits that are there are overwritten with --replace only."""
    assert dataprep("split", manifest, *USUAL).code == 0
    before = manifest.read_bytes()
    dataprep("split", manifest, *USUAL, "--seed", 1).assert_refused(1, "has splits already: 'test', 'train', 'val'", "--replace")
    assert manifest.read_bytes() == before
    assert dataprep("split", manifest, *USUAL, "--seed", 1, "--replace").code == 0
    assert manifest.read_bytes() != before


def test_small_labels(dataprep: Command, tmp_path: Path) -> None:
    """Each split that labels are too small for is noted with them and their number of images."""
    path = labelled(tmp_path / "manifest.parquet", ["cat"] * 40 + ["[bold]eel", None])
    ended = dataprep("split", path, *USUAL)
    notes = [line for line in ended.out.splitlines() if line.startswith("note: ")]
    splits = dict(zip(*(Manifest.read(path).table[name].to_pylist()[40:] for name in ("label", "split")), strict=True))
    for name in SHARES:
        lacking = [f"{label or '(no label)'} (1)" for label in ("[bold]eel", None) if splits[label] != name]
        expected = [f"note: too few images to be in {name}: {', '.join(lacking)}"] if lacking else []
        assert [note for note in notes if f" in {name}: " in note] == expected
    assert ended.out.splitlines()[1].split() == ["[bold]eel", *(str(int(splits["[bold]eel"] == name)) for name in SHARES)]


def test_many_labels(dataprep: Command, tmp_path: Path) -> None:
    """Of more than 20 labels only the totals are shown, the one furthest from its share, and the first few in each note."""
    path = labelled(tmp_path / "manifest.parquet", [f"label{place % 30}" for place in range(60)])
    lines = dataprep("split", path, *USUAL).out.splitlines()
    found = Counter(Manifest.read(path).table["split"].to_pylist())
    assert lines[1].split() == ["all", "30", "labels", *(str(found[name]) for name in SHARES)]
    assert lines[2].startswith("furthest from its share: label")
    assert "of 2 images in" in lines[2]
    notes = [line for line in lines if line.startswith("note: ")]
    assert 1 <= len(notes) <= 3
    assert all(note.count(" (2)") <= 5 for note in notes)
    assert any(note.endswith(" more") for note in notes)
    assert len(lines) == 4 + len(notes)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "no shares are given; add some, such as --train 0.8"),
        (("--train", "0.8"), "the shares sum to 0.8, not to 1: train 0.8"),
        (("--train", "1", "--test", "0"), "the share of 'test' is 0.0"),
        (("--train", "nan"), "the share of 'train' is nan"),
        (("--train", "most"), "'most' is not a valid float"),
        (("--train", "1", "--seed", "x"), "'x' is not a valid integer"),
    ],
)
def test_wrong_usage(dataprep: Command, manifest: Path, arguments: tuple[str, ...], said: str) -> None:
    """Shares that are missing or no good end with 2 and a sentence, and the manifest stays as it is."""
    before = manifest.read_bytes()
    dataprep("split", manifest, *arguments).assert_refused(2, said)
    assert manifest.read_bytes() == before


def test_no_manifest(dataprep: Command, manifest: Path, tmp_path: Path) -> None:
    """A manifest that is missing or none, and a place that cannot be written, end with 1 and a sentence that names it."""
    dataprep("split", tmp_path / "missing.parquet", *USUAL).assert_refused(1, "missing.parquet cannot be read")
    dataprep("split", tmp_path / "photos", *USUAL).assert_refused(1, "manifest.parquet cannot be read")
    (tmp_path / "notes.txt").write_text("no manifest")
    dataprep("split", tmp_path / "notes.txt", *USUAL).assert_refused(1, "notes.txt is not a manifest")
    dataprep("split", manifest, *USUAL, "--out", tmp_path / "no" / "x.parquet").assert_refused(1, "x.parquet cannot be written")


def test_help(dataprep: Command) -> None:
    """The help names the exit codes and what a duplicate does."""
    ended = dataprep("split", "--help")
    assert ended.code == 0
    assert "A duplicate always goes into the split of its twin" in " ".join(ended.out.split())
    assert "Exit codes: 0 done" in ended.out


def test_folds(dataprep: Command, manifest: Path) -> None:
    """Folds are those of the library, and take the place of shares."""
    expected = split(Manifest.read(manifest), folds=3)
    ended = dataprep("split", manifest, "--folds", "3")
    assert (ended.code, ended.error) == (0, "")
    assert ended.out.split()[:3] == ["fold-0", "fold-1", "fold-2"]
    assert Manifest.read(manifest).table.equals(expected.table)
    dataprep("split", manifest, "--folds", "3", "--train", "1").assert_refused(2, "give either shares or folds")


def test_statistics(dataprep: Command, folder: Path, tmp_path: Path) -> None:
    """Where mean and std were measured, the command says of which images they are now."""
    clean(folder, Pipeline(ChannelSums()), engine=FakeEngine()).write(tmp_path / "m.parquet")
    ended = dataprep("split", tmp_path / "m.parquet", *USUAL)
    train = Manifest.read(tmp_path / "m.parquet").select("train")
    assert (
        ended.out.splitlines()[-1] == f"mean and std for every split are those of {train.kept().num_rows} kept images in 'train'"
    )
