"""The records of a manifest for other tools."""

import csv
import json
import math
import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pytest

from dataprep import ChannelSums, DataprepError, Deduplicate, Folder, Manifest, PHash, Pipeline, clean
from dataprep.actions import export
from dataprep.testing import FakeEngine, encoded, photo

Judged = Callable[..., Manifest]
KINDS = ("csv", "jsonl", "txt")


@pytest.fixture
def manifest(photos: Path) -> Manifest:
    """The photos with a hash, channel sums and a name that is not UTF-8."""
    with open(os.fsencode(photos) + b'/cat/caf\xe9 "1", 2.png', "wb") as file:
        file.write(encoded(photo(7, 24, 32), "PNG"))
    return clean(Folder(str(photos)), Pipeline(PHash(), ChannelSums(), Deduplicate(by=None)), engine=FakeEngine())


def lines_of(path: Path) -> list[dict[str, object]]:
    """What a file of JSON lines holds; NaN is no JSON."""

    def refuse(text: str) -> None:
        raise ValueError(text)

    with open(path, encoding="utf-8") as file:
        return [json.loads(line, parse_constant=refuse) for line in file]


def test_jsonl(manifest: Manifest, tmp_path: Path) -> None:
    """JSON lines have every record and column in order, hashes as hex, and the uri of the twin."""
    export(manifest, tmp_path / "records.jsonl", "jsonl")
    lines = lines_of(tmp_path / "records.jsonl")
    assert [line["uri"] for line in lines] == manifest.table["uri"].to_pylist()
    assert all(set(line) == set(manifest.table.column_names) for line in lines)
    rows = {row["uri"]: row for row in manifest.table.to_pylist()}
    for line in lines:
        row = rows[line["uri"]]
        assert line["keep"] is row["keep"] and line["reason"] == row["reason"] and line["detail"] == row["detail"]
        assert line["phash64"] == (row["phash64"] and row["phash64"].hex())
        assert line["channel_sums"] == row["channel_sums"]
        assert line["twin"] == (None if row["twin"] is None else manifest.table["uri"][row["twin"]].as_py())
    assert {line["uri"]: (line["twin"], line["distance"]) for line in lines if line["twin"]} == {
        "cat/copy of 1.png": ("cat/1.png", 0),
        "dog/copy of 2.png": ("dog/2.png", 0),
    }


def test_csv(manifest: Manifest, tmp_path: Path) -> None:
    """CSV has the same, with a column for each number of a triple and nothing where nothing is known."""
    export(manifest, tmp_path / "records.csv", "csv")
    with open(tmp_path / "records.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0])[:9] == ["id", "uri", "label", "split", "keep", "reason", "detail", "twin", "distance"]
    for row, known in zip(rows, manifest.table.to_pylist(), strict=True):
        assert (row["id"], row["uri"], row["label"]) == (str(known["id"]), known["uri"], known["label"])
        assert row["keep"] == str(known["keep"]).lower() and row["reason"] == (known["reason"] or "")
        assert row["distance"] == ("" if known["distance"] is None else str(known["distance"]))
        assert row["phash64"] == (known["phash64"] or b"").hex()
        assert json.loads(row["channel_sums"] or "null") == known["channel_sums"]
    assert pyarrow.csv.read_csv(tmp_path / "records.csv").num_rows == len(manifest)


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_text(manifest: Manifest, tmp_path: Path, kind: str) -> None:
    """Names that are not UTF-8, quotes, commas and line breaks survive in a file that is UTF-8."""
    place = manifest.table.schema.get_field_index("detail")
    detail = 'a "quoted"\nline, ünd\u2028more'
    table = manifest.table.set_column(place, "detail", pa.array([detail] * len(manifest)))
    export(replace(manifest, table=table), tmp_path / "records", kind)
    if kind == "jsonl":
        rows = lines_of(tmp_path / "records")
    else:
        with open(tmp_path / "records", encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    assert {row["detail"] for row in rows} == {detail}
    assert 'cat/caf%E9 "1", 2.png' in {row["uri"] for row in rows}


def test_numbers(manifest: Manifest, tmp_path: Path) -> None:
    """In JSON a float32 is as short as it can be, and what is no number is null, in lists as well; lists are JSON in CSV."""
    size = len(manifest)
    extra = {
        "score": pa.array([0.1, math.nan, math.inf, *[None] * (size - 3)], pa.float32()),
        "scores": pa.array([[0.5, math.nan], [], *[None] * (size - 2)], pa.list_(pa.float64())),
        "marks": pa.array([[b"\x00\xff"], *[None] * (size - 1)], pa.list_(pa.binary())),
    }
    table = manifest.table
    for name, column in extra.items():
        table = table.append_column(name, column)
    export(replace(manifest, table=table), tmp_path / "records.jsonl", "jsonl")
    lines = lines_of(tmp_path / "records.jsonl")
    assert [line["score"] for line in lines[:4]] == [0.1, None, None, None]
    assert [line["scores"] for line in lines[:3]] == [[0.5, None], [], None]
    assert lines[0]["marks"] == ["00ff"]
    export(replace(manifest, table=table), tmp_path / "records.csv", "csv")
    with open(tmp_path / "records.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["score"], row["scores"], row["marks"]) for row in rows[:3]] == [
        ("0.1", "[0.5, null]", '["00ff"]'),
        ("nan", "[]", ""),
        ("inf", "", ""),
    ]


def test_txt(manifest: Manifest, photos: Path, tmp_path: Path) -> None:
    """The list has the absolute paths of the kept files, one a line, byte for byte, for `xargs` and its like."""
    export(manifest, tmp_path / "kept.txt", "txt")
    paths = (tmp_path / "kept.txt").read_bytes().splitlines()
    places = [b"cat/1.png", b"cat/2.png", b'cat/caf\xe9 "1", 2.png', b"dog/1.png", b"dog/2.png"]
    assert paths == [os.fsencode(photos) + b"/" + place for place in places]
    with open(tmp_path / "kept.txt", "rb") as file:
        done = subprocess.run(["xargs", "-d", r"\n", "stat", "-c", "%s"], stdin=file, capture_output=True, check=True)
    assert [int(size) for size in done.stdout.split()] == [os.stat(path).st_size for path in paths]


def test_txt_lines(photos: Path, judged: Judged, tmp_path: Path) -> None:
    """A kept file whose name has a line break is an error, and no list is written."""
    (photos / "cat/1.png").rename(photos / "cat/1\n2.png")
    with pytest.raises(DataprepError, match="a name of two lines; export csv or jsonl"):
        export(judged(photos), tmp_path / "kept.txt", "txt")
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


def test_txt_without_files(manifest: Manifest, tmp_path: Path) -> None:
    """Images that are no files have no paths to list."""

    class Archive:
        pass

    with pytest.raises(DataprepError, match="Archive is not a folder of files, so there are no paths to list"):
        export(replace(manifest, source=Archive()), tmp_path / "kept.txt", "txt")


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_one_split(photos: Path, tmp_path: Path, judged: Judged, kind: str) -> None:
    """A part of a manifest can be exported; a twin that is not in it is left out."""
    manifest = judged(photos, splits=True).select("dog")
    manifest = replace(manifest, table=manifest.table.filter(pa.array([False, True, True, True])))
    export(manifest, tmp_path / "records", kind)
    assert (tmp_path / "records").read_bytes().count(b"\n") == 3 + (kind == "csv")


@pytest.mark.parametrize("kind", KINDS)
def test_over_a_former_one(manifest: Manifest, tmp_path: Path, kind: str) -> None:
    """An export replaces a former one, and is the same for the same manifest."""
    export(manifest, tmp_path / "records", kind)
    first = (tmp_path / "records").read_bytes()
    (tmp_path / "records").write_bytes(b"former")
    export(manifest, str(tmp_path / "records"), kind)
    assert (tmp_path / "records").read_bytes() == first


@pytest.mark.usefixtures("full_disk")
@pytest.mark.parametrize("kind", KINDS)
def test_full_disk(manifest: Manifest, tmp_path: Path, kind: str) -> None:
    """On a full disk a former export stays as it was and no part of the new one remains."""
    (tmp_path / "records").write_bytes(b"former")
    with pytest.raises(DataprepError, match="records cannot be written: No space left on device"):
        export(manifest, tmp_path / "records", kind)
    assert (tmp_path / "records").read_bytes() == b"former"
    assert {path.name for path in tmp_path.iterdir()} == {"photos", "records"}


def test_no_place(manifest: Manifest, tmp_path: Path) -> None:
    """A folder that is not there is an error that names the file."""
    with pytest.raises(DataprepError, match=r"nowhere/records.csv cannot be written: No such file or directory"):
        export(manifest, tmp_path / "nowhere/records.csv", "csv")


def test_unknown_kind(manifest: Manifest, tmp_path: Path) -> None:
    """A misspelt kind is an error that says what was meant."""
    with pytest.raises(DataprepError, match="as 'json'; did you mean 'jsonl'"):
        export(manifest, tmp_path / "records.json", "json")
