"""Older versions of the file: brought up to date as they are read, by what they say and nothing else."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataprep.columns import hex_of, in_types
from dataprep.errors import ManifestError
from dataprep.manifest import Manifest
from dataprep.manifest.versions import bring_up_to_date

ROWS = (
    # id, uri, split, keep, reason, detail, twin, and the distance that later versions have
    (0, "fold9/0.jpg", "fold9", True, None, None, None, None),
    (1, "train/1.jpg", "train", False, "exact duplicate", "same content", 0, 0),
    (2, "train/2.jpg", "train", False, "near duplicate", "distance 2", 0, 2),
    (3, "train/3.jpg", "train", False, "leak", "near duplicate of an image in 'fold9', distance 3", 0, 3),
    (4, "train/4.jpg", "train", False, "leak", "exact duplicate of an image in 'fold9', same content", 0, 0),
    (5, "train/5.jpg", "train", False, "leak", 'near duplicate of an image in "x\', distance 64", distance 0', 0, 0),
    (6, "train/6.jpg", "train", False, "leak", "exact duplicate of an image in 'a, distance 5', same content", 0, 0),
    (7, "train/7.jpg", "train", False, "label conflict", "copies are labelled 'distance 4', 'dog'", 0, None),
    (8, "train/8.jpg", "train", False, "blurred", "distance 2", None, None),
    (9, "train/9.jpg", "train", False, "unreadable", "same content", None, None),
    (10, "train/10.jpg", "train", False, "near duplicate", "about distance 2", 0, None),  # a rule of someone else
    (11, "train/11.jpg", "train", False, "near duplicate", "distance 2 or so", 0, None),
    (12, "train/12.jpg", "train", False, "my copies", "distance 2", 0, None),
)
NAMES = ("id", "uri", "split", "keep", "reason", "detail", "twin")


def table_of_version_1(*rows: tuple[object, ...]) -> pa.Table:
    """Returns the columns of version 1 that matter; `part` follows the verdict in manifests of several parts."""
    types = (pa.int64(), pa.string(), pa.string(), pa.bool_(), pa.string(), pa.string(), pa.int64())
    columns = [pa.array([row[at] for row in rows], kind) for at, kind in enumerate(types)]
    return pa.table(columns, names=list(NAMES)).append_column("part", pa.array(["a"] * len(rows), pa.string()))


def test_version_1(tmp_path: Path) -> None:
    """A manifest of version 1 is read with the distances that its sentences say, null where they say none, else as it was."""
    metadata = {
        "version": 1,
        "pipeline": [{"Deduplicate": {"protect": ["fold9"]}}],
        "measures": [{"PHash": {}}],
        "source": {"Folder": {"root": "/photos", "splits": True}},
        "classes": ["cat"],
        "ignored": 3,
        "statistics": None,
    }
    old = table_of_version_1(*ROWS)
    path = tmp_path / "manifest.parquet"
    pq.write_table(old.replace_schema_metadata({"dataprep": json.dumps(metadata)}), path)
    manifest = Manifest.read(path)
    assert manifest.table.column_names == [*NAMES, "distance", "part", "captured"]
    assert manifest.table.schema.field("distance").type == pa.int32()
    assert manifest.table["distance"].to_pylist() == [row[-1] for row in ROWS]
    assert manifest.table.drop_columns(["distance", "captured"]).equals(in_types(old))
    assert manifest.ignored == {"other": 3}
    manifest.write(path)
    assert json.loads(pq.read_schema(path).metadata[b"dataprep"])["version"] == 5
    assert Manifest.read(path).table.equals(manifest.table)


def test_version_4(tmp_path: Path) -> None:
    """Digests of version 4, which are texts, and short texts are read as they are held now; nothing else is another."""
    old = pa.table(
        {
            "id": pa.array([0, 1, 2]),
            "uri": pa.array(["a", "b", "c"]),
            "keep": [True, True, False],
            "caption": pa.array(["one", None, ""]),
            "cropresistanthash": pa.array([b"01234567", None, b""]),
            "digest": pa.array(["0f" * 32, None, "a0" * 32]),
        }
    )
    metadata = {"version": 4, "pipeline": [], "measures": [], "source": {"Folder": {"root": "/photos"}}, "classes": []}
    path = tmp_path / "manifest.parquet"
    described = json.dumps(metadata | {"ignored": {}, "statistics": None})
    pq.write_table(old.replace_schema_metadata({"dataprep": described}), path)
    table = Manifest.read(path).table
    assert table.schema.types == [pa.int64(), pa.large_string(), pa.bool_(), pa.large_string(), pa.large_binary(), pa.binary(32)]
    assert hex_of(table["digest"]) == old["digest"].to_pylist()
    assert table.drop_columns(["digest"]).to_pylist() == old.drop_columns(["digest"]).to_pylist()
    pq.write_table(old.set_column(5, "digest", [["no"] * 3]).replace_schema_metadata({"dataprep": described}), path)
    with pytest.raises(ManifestError, match="a digest is not 64 hex digits"):
        Manifest.read(path)


@given(st.text(), st.booleans(), st.integers(0, 127))
def test_any_name_of_a_split(split: str, exact: bool, bits: int) -> None:
    """The distance of a leak of version 1 is found whatever its split is called."""
    kind, end = ("exact duplicate", "same content") if exact else ("near duplicate", f"distance {bits}")
    detail = f"{kind} of an image in {split!r}, {end}"
    table = bring_up_to_date(table_of_version_1((1, "a", "train", False, "leak", detail, 0)), 1, "manifest.parquet")
    assert table["distance"].to_pylist() == [0 if exact else bits]


def test_no_rows() -> None:
    """An empty manifest of version 1 has the column, too."""
    assert bring_up_to_date(table_of_version_1(), 1, "manifest.parquet")["distance"].to_pylist() == []


@pytest.mark.parametrize("version", [0, 6, None, "1", True])
def test_unknown_versions(version: object) -> None:
    """Any other version is refused, with the file, the versions that are read, and what to do."""
    with pytest.raises(ManifestError, match=rf"^a.parquet is a manifest of version {version!r}; .* versions 1 to 5: run"):
        bring_up_to_date(table_of_version_1(), version, "a.parquet")
