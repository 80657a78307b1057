"""One way in: whatever form images are given in, the same images come out, with what is known of them."""

import io
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dataprep.cleaning.clean import clean
from dataprep.errors import SourceError
from dataprep.manifest import Manifest
from dataprep.pipeline import Pipeline
from dataprep.sources import Files, Folder, Several, open_source, scan_of
from dataprep.testing import FakeEngine, FakeSource, check_source, encoded, photo

LABELS = {"0.jpg": "cat", "1.jpg": "dog", "2.jpg": "cat", "3.jpg": "dog"}
"""Four images, of which two are of each class."""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The images in class folders."""
    return put(tmp_path / "photos", {f"{label}/{name}": name for name, label in LABELS.items()})


@pytest.fixture
def flat(tmp_path: Path) -> Path:
    """The images in one folder."""
    return put(tmp_path / "flat", {name: name for name in LABELS})


def put(root: Path, paths: dict[str, str]) -> Path:
    """Writes images under paths, each the one of its name."""
    for path, name in paths.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data_of(name))
    return root


def data_of(name: str) -> bytes:
    """The file of one of the images."""
    return encoded(photo(int(name.partition(".")[0])))


def frame(column: str, values: list[Any]) -> pa.Table:
    """A table of the images and their labels."""
    return pa.table({column: values, "label": list(LABELS.values())})


def as_jsonl(path: Path, table: pa.Table) -> None:
    """Writes a table as JSON lines."""
    import json

    path.write_text("".join(json.dumps(row) + "\n" for row in table.to_pylist()))


def as_text(path: Path, table: pa.Table, separator: str) -> None:
    """Writes a table as text."""
    rows = [table.column_names, *(row.values() for row in table.to_pylist())]
    path.write_text("".join(separator.join(map(str, row)) + "\n" for row in rows))


def as_pandas(table: pa.Table) -> Any:
    """A data frame of pandas, which need not be installed."""
    pytest.importorskip("pandas")
    return table.to_pandas()


def as_polars(table: pa.Table) -> Any:
    """A data frame of polars, which need not be installed."""
    return pytest.importorskip("polars").from_arrow(table)


def table_file(ending: str) -> Callable[[Path], Any]:
    """How a table of file names is given as a file of a kind."""

    def write(flat: Path) -> Path:
        path, table = flat / f"train{ending}", frame("file_name", list(LABELS))
        if ending == ".parquet":
            pq.write_table(table, path)
        elif ending == ".jsonl":
            as_jsonl(path, table)
        else:
            as_text(path, table, "\t" if ending == ".tsv" else ",")
        return path

    return write


def bytes_in_parquet(flat: Path) -> Path:
    """A Parquet file with the bytes of images, of which three are in the first row group."""
    pairs = [{"bytes": data_of(name), "path": name} for name in LABELS]
    pq.write_table(frame("image", pairs), flat / "bytes.parquet", row_group_size=3)
    return flat / "bytes.parquet"


FLAT: dict[str, Callable[[Path], Any]] = {
    **{ending: table_file(ending) for ending in (".csv", ".tsv", ".jsonl", ".parquet")},
    "bytes in Parquet": bytes_in_parquet,
    "Arrow": lambda flat: frame("path", [str(flat / name) for name in LABELS]),
    "Arrow with bytes": lambda flat: frame("image", [data_of(name) for name in LABELS]),
    "Arrow with categories": lambda flat: frame("x", [str(flat / name) for name in LABELS]).set_column(
        1, "label", pa.array(list(LABELS.values())).dictionary_encode()
    ),
    "pandas": lambda flat: as_pandas(frame("path", [str(flat / name) for name in LABELS])),
    "pandas with bytes": lambda flat: as_pandas(frame("image", [data_of(name) for name in LABELS])),
    "polars": lambda flat: as_polars(frame("path", [str(flat / name) for name in LABELS])),
    "polars with bytes": lambda flat: as_polars(frame("image", [data_of(name) for name in LABELS])),
}
"""How a table of the images in a flat folder may be given."""

TREES: dict[str, Callable[[Path], Any]] = {
    "a folder": lambda tree: tree,
    "a folder as text": str,
    "a folder as bytes": os.fsencode,
    "a glob": lambda tree: f"{tree}/*/*.jpg",
    "a glob through all": lambda tree: f"{tree}/**/*.jpg",
    "a list": lambda tree: sorted(map(str, tree.rglob("*.jpg"))),
    "a list of paths": lambda tree: list(tree.rglob("*.jpg")),
    "an iterator": lambda tree: tree.rglob("*.jpg"),
    "a source": Folder,
    "a folder in a list": lambda tree: [tree],
}
"""How the images in class folders may be given."""


def check(source: Any, labels: dict[str, str]) -> None:
    """Checks that a source keeps its contract and lists the images under their labels, and that a manifest of it reads."""
    check_source(source)
    table = source.records()
    data = {source.read(uri): label for uri, label in zip(table["uri"].to_pylist(), table["label"].to_pylist(), strict=True)}
    assert data == {data_of(name): label for name, label in labels.items()}


@pytest.mark.parametrize("form", TREES)
def test_trees(tree: Path, form: str) -> None:
    """Images in class folders have the labels of their folders, however they are given."""
    check(open_source(TREES[form](tree)), LABELS)


@pytest.mark.parametrize("form", FLAT)
def test_tables(flat: Path, form: str) -> None:
    """Images of a table have the labels of the table, whatever holds it."""
    check(open_source(FLAT[form](flat)), LABELS)


@pytest.mark.parametrize("form", [*TREES, *FLAT])
def test_manifests(tmp_path: Path, form: str) -> None:
    """What is cleaned and written is opened again from its manifest and read, but for bytes in memory, which have to be given."""
    if form in TREES:
        given = TREES[form](put(tmp_path / "photos", {f"{label}/{name}": name for name, label in LABELS.items()}))
    else:
        given = FLAT[form](put(tmp_path / "flat", {name: name for name in LABELS}))
    source = open_source(given)
    manifest = clean(source, Pipeline(), engine=FakeEngine())
    assert manifest.classes == ("cat", "dog")
    manifest.write(tmp_path / "manifest.parquet")
    again = Manifest.read(tmp_path / "manifest.parquet")
    assert again.table.equals(manifest.table)
    uris = manifest.table["uri"].to_pylist()
    if form.endswith("with bytes"):
        with pytest.raises(SourceError, match=r"give them again, as in `Manifest.read"):
            again.source.read(uris[0])
        again = Manifest.read(tmp_path / "manifest.parquet", source)
    for uri in uris:
        assert again.source.read(uri) == source.read(uri)


def test_images_that_moved(tree: Path) -> None:
    """A manifest is read with the images where they are now, given in any form."""
    clean(tree, Pipeline(), engine=FakeEngine()).write(tree.parent / "manifest.parquet")
    moved = tree.rename(tree.parent / "moved")
    for given in (moved, str(moved), Folder(moved)):
        assert Manifest.read(tree.parent / "manifest.parquet", given).source.read("cat/0.jpg") == data_of("0.jpg")
    with pytest.raises(SourceError, match=r"^no such folder: .*/photos"):
        Manifest.read(tree.parent / "manifest.parquet", tree)


def test_what_is_known_of_parquet(flat: Path, tmp_path: Path) -> None:
    """Images in a Parquet file are measured once, as long as the file stays as it is."""
    file = bytes_in_parquet(flat)
    for expected in ((4, 0), (0, 4)):
        run = clean(file, Pipeline(), engine=FakeEngine(), cache=tmp_path / "cache").run
        assert run is not None
        assert (run.measured, run.known) == expected
    os.utime(file, ns=(1, 1))
    run = clean(file, Pipeline(), engine=FakeEngine(), cache=tmp_path / "cache").run
    assert run is not None
    assert run.measured == 4


def test_a_list_on_standard_input(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dash is a list on standard input, one path a line or with null bytes between them, relative to the working folder."""
    monkeypatch.chdir(tree.parent)
    for mark in ("\n", "\0", "\r\n"):
        text = mark.join([f"photos/{label}/{name}" for name, label in LABELS.items()]) + mark
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        check(open_source("-"), LABELS)


def test_a_list_in_a_file(tree: Path) -> None:
    """A text file with a path a line is a list, relative to its folder or to the root."""
    for path, root in ((tree / "list.txt", None), (tree.parent / "list.txt", tree)):
        path.write_text("".join(f"{label}/{name}\n" for name, label in LABELS.items()))
        check(open_source(path, root=root), LABELS)


def test_missing_files_of_a_list(tree: Path) -> None:
    """A file of a list that is not there is a row with an error, and so is one that is no file."""
    (tree / "cat" / "pipe.jpg").mkdir()
    records = open_source([tree / "cat" / "0.jpg", tree / "dog" / "gone.jpg"]).records().to_pylist()
    assert [(row["uri"], row["error"]) for row in records] == [
        ("cat/0.jpg", None),
        ("dog/gone.jpg", "cannot be read: No such file or directory"),
    ]


def test_the_same_file_twice(tree: Path) -> None:
    """A file that a list names twice is one row, and that is said."""
    source = open_source([tree / "cat" / "0.jpg", tree / "cat" / ".." / "cat" / "0.jpg", tree / "dog" / "1.jpg"])
    table = source.records()
    assert table["uri"].to_pylist() == ["cat/0.jpg", "dog/1.jpg"]
    assert scan_of(table).remarks == ("1 path of the list named a file again, which is taken once",)


def test_folders_and_single_images(tree: Path, flat: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside a folder, single images are called by the folder that they lie in, and not each a folder of its own."""
    dogs = sorted((tree / "dog").iterdir())
    monkeypatch.chdir(tree)
    source = open_source([flat, *(f"dog/{path.name}" for path in dogs)])
    table = source.records()
    assert source.read(f"dog/{dogs[0].name}") == dogs[0].read_bytes()
    listed = {uri for uri in table["uri"].to_pylist() if not uri.startswith("flat/")}
    assert listed == {f"dog/{path.name}" for path in dogs}
    (remark,) = scan_of(table).remarks
    assert "if 'flat', 'dog' are labels" in remark


def test_several(tree: Path, flat: Path) -> None:
    """Several folders are parts under their names; these are splits only if they are called as splits are."""
    source = open_source([tree, flat])
    table = source.records()
    assert table["split"].null_count == len(table) == 8
    assert {uri.split("/")[0] for uri in table["uri"].to_pylist()} == {"photos", "flat"}
    (remark,) = scan_of(open_source([flat, put(flat.parent / "more", {"5.jpg": "5.jpg"})]).records()).remarks
    assert remark == "no image has a label; if 'flat', 'more' are labels, give the folder around them"
    put(tree.parent / "train", {"cat/0.jpg": "0.jpg"})
    put(tree.parent / "test", {"cat/1.jpg": "1.jpg"})
    table = open_source([tree.parent / "train", str(tree.parent / "test")]).records()
    assert table.select(["uri", "split", "label"]).to_pylist() == [
        {"uri": "test/cat/1.jpg", "split": "test", "label": "cat"},
        {"uri": "train/cat/0.jpg", "split": "train", "label": "cat"},
    ]
    named = open_source({"a": tree, "b": FakeSource({"x/0.jpg": data_of("0.jpg")})})
    assert isinstance(named, Several)
    assert set(named.records()["split"].to_pylist()) == {"a", "b"}


def test_paths_never_lead_out(tmp_path: Path) -> None:
    """A relative path of a table that leads out of its root is a row with an error that names the way out, and is never read."""
    put(tmp_path, {"in/0.jpg": "0.jpg", "out/1.jpg": "1.jpg"})
    (tmp_path / "in" / "train.csv").write_text("path,label\n0.jpg,cat\n../out/1.jpg,dog\n")
    source = open_source(tmp_path / "in" / "train.csv")
    rows = source.records().to_pylist()
    (outside,) = (row for row in rows if row["error"])
    assert "leads out of the folder that it is relative to; name one that holds all as root (--root)" in outside["error"]
    for uri in ("../out/1.jpg", str(tmp_path / "out" / "1.jpg"), "a/../../out/1.jpg", outside["uri"]):
        for reader in (source, Folder(tmp_path / "in"), Files(tmp_path / "in")):
            with pytest.raises(SourceError, match=r"^cannot be read: "):
                reader.read(uri)
    (tmp_path / "in" / "train.csv").write_text("path,label\nin/0.jpg,cat\nout/1.jpg,dog\n")
    check(open_source(tmp_path / "in" / "train.csv", root=tmp_path), {"0.jpg": "cat", "1.jpg": "dog"})


def test_absolute_paths_of_a_table(tmp_path: Path) -> None:
    """Absolute paths may be anywhere; uris are relative to the folder that holds all of them."""
    put(tmp_path, {"a/0.jpg": "0.jpg", "b/c/1.jpg": "1.jpg"})
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "t.csv").write_text(f"path,label\n{tmp_path}/a/0.jpg,cat\n{tmp_path}/b/c/1.jpg,dog\n")
    source = open_source(tmp_path / "t" / "t.csv")
    check(source, {"0.jpg": "cat", "1.jpg": "dog"})
    assert source.records()["uri"].to_pylist() == ["a/0.jpg", "b/c/1.jpg"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("missing", r"^no such folder: missing"),
        ("photo", r"^no such folder: photo; did you mean 'photos'\?"),
        ("missing.csv", r"^no such file: missing.csv"),
        ("*.nothing", r"^nothing matches '\*.nothing'"),
        ("hdfs://bucket/photos", r"is no place in a store; it starts with s3://"),
        ("notes.docx", r"is a file that is not understood \(.docx\); give a folder, several, a glob"),
        ([], r"^an empty list is no source of images; give a folder"),
        (3, r"^3 \(int\) is no source of images; give a folder"),
        (Folder, r"is no source of images"),
        (None, r"^None \(NoneType\) is no source of images"),
    ],
)
def test_refused(tree: Path, monkeypatch: pytest.MonkeyPatch, given: Any, message: str) -> None:
    """What is not understood, or not there, is refused with what can be given, or the name that is nearest."""
    monkeypatch.chdir(tree.parent)
    Path("notes.docx").write_bytes(b"PK")
    with pytest.raises(SourceError, match=message):
        open_source(given)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"root": "x"}, r"^'root' does not apply to a folder; what applies is label, splits, include, exclude, classes"),
        ({"image_column": "x", "separator": " "}, r"^'image_column', 'separator' does not apply to a folder"),
        ({"label": "("}, r"nor a regular expression: missing \)"),
        ({"label": ""}, r"label='': give 'first', 'parent', 'none'"),
        ({"label_as": "many"}, r"label_as='many': one of 'class', 'classes', 'number'"),
        ({"classes": "cat"}, r"classes='cat': give a list of labels"),
        ({"classes": ["cat", "cat"]}, r"'cat' is there twice"),
        ({"classes": []}, r"there is none"),
        ({"labels": "missing.csv"}, r"^no such file: .*missing.csv"),
    ],
)
def test_options_that_do_not_apply(tree: Path, options: dict[str, Any], message: str) -> None:
    """An option that does not apply, or is none, is refused by its name; none is left aside in silence."""
    with pytest.raises(SourceError, match=message):
        open_source(tree, **options)


def test_classes(tree: Path) -> None:
    """Classes that are given number labels in their order, whatever there is an image of; an unknown label is refused."""
    manifest = clean(open_source(tree, classes=("dog", "bird", "cat")), Pipeline(), engine=FakeEngine())
    assert manifest.classes == ("dog", "bird", "cat")
    assert manifest.labels().tolist() == [2, 2, 0, 0]
    with pytest.raises(SourceError, match=r"^1 label of the images is not in the list of classes: 'dog'; add what is missing"):
        open_source(tree, classes=("cat", "bird")).records()
