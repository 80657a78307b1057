"""Labels: which part of a path, which column of a table, and what they are in a manifest and in batches."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dataprep.backends.threads import Threads
from dataprep.cleaning.clean import clean
from dataprep.errors import SourceError
from dataprep.loading.loader import Loader
from dataprep.manifest.concatenate import concatenate
from dataprep.pipeline import Pipeline
from dataprep.sources import Folder, open_source, scan_of
from dataprep.sources.levels import read_levels
from dataprep.sources.matching import match
from dataprep.sources.table import read_table
from dataprep.sources.values import labels_of
from dataprep.stages import MixUp, Output, Resize
from dataprep.testing import FakeEngine, encoded, photo

PATHS: list[tuple[dict[str, Any], list[str], list[str | None], list[str | None]]] = [
    ({}, ["cat/1.jpg", "dog/2.jpg"], ["cat", "dog"], [None, None]),
    ({}, ["1.jpg", "2.jpg"], [None, None], [None, None]),
    ({}, ["images/cat/1.jpg", "images/dog/2.jpg"], ["cat", "dog"], [None, None]),
    ({}, ["data/images/cat/1.jpg", "data/images/dog/2.jpg"], ["cat", "dog"], [None, None]),
    ({}, ["images/1.jpg", "images/2.jpg"], [None, None], [None, None]),
    ({}, ["images/1.jpg", "cat/2.jpg"], ["images", "cat"], [None, None]),
    ({}, ["train/cat/1.jpg", "val/dog/2.jpg"], ["cat", "dog"], ["train", "val"]),
    ({}, ["Train/1.jpg", "TEST/2.jpg"], [None, None], ["Train", "TEST"]),
    ({}, ["images/train/cat/1.jpg", "images/val/2.jpg"], ["cat", None], ["train", "val"]),
    ({}, ["train/images/cat/1.jpg", "val/images/dog/2.jpg"], ["cat", "dog"], ["train", "val"]),
    ({}, ["train/cat/1.jpg", "cat/2.jpg"], ["train", "cat"], [None, None]),
    ({}, ["train/cat/1.jpg", "2.jpg"], ["train", None], [None, None]),
    ({}, ["cat/a/1.jpg", "cat/b/2.jpg"], ["cat", "cat"], [None, None]),
    ({"splits": False}, ["train/cat/1.jpg", "val/dog/2.jpg"], ["train", "val"], [None, None]),
    ({"splits": True}, ["a/cat/1.jpg", "b/dog/2.jpg"], ["cat", "dog"], ["a", "b"]),
    ({"splits": True}, ["a/1.jpg", "2.jpg"], [None, None], ["a", None]),
    ({"label": "first"}, ["images/cat/1.jpg", "images/dog/2.jpg"], ["images", "images"], [None, None]),
    ({"label": "parent"}, ["x/cat/1.jpg", "x/y/dog/2.jpg"], ["cat", "dog"], [None, None]),
    ({"label": "parent"}, ["train/cat/1.jpg", "val/2.jpg"], ["cat", None], ["train", "val"]),
    ({"label": "none"}, ["train/cat/1.jpg", "val/dog/2.jpg"], [None, None], ["train", "val"]),
    ({"label": "none", "splits": False}, ["cat/1.jpg", "dog/2.jpg"], [None, None], [None, None]),
    ({"label": r"(\w+)_\d+"}, ["a/cat_1.jpg", "b/dog_2.jpg"], ["cat", "dog"], [None, None]),
    ({"label": r"cat|dog"}, ["a/my-cat.jpg", "b/bird.jpg"], ["cat", None], [None, None]),
    ({"label": r"^(?P<split>\w+)/(x)/(?P<label>\w+)"}, ["a/x/c_1.jpg", "b/y.jpg"], ["c_1", None], ["a", None]),
    ({}, ["100%25/1.jpg", "b/2.jpg"], ["100%", "b"], [None, None]),
]
"""Options, uris, and the labels and splits that they name."""


@pytest.mark.parametrize(("options", "uris", "labels", "splits"), PATHS)
def test_paths(options: dict[str, Any], uris: list[str], labels: list[str | None], splits: list[str | None]) -> None:
    """What is given of a path is obeyed; what is not is decided where it is certain, and what was decided is said."""
    found = read_levels(uris, **options)
    assert (found.labels, found.splits) == (labels, splits)
    if not options:
        plain = [uri.split("/")[0].replace("%25", "%") if "/" in uri else None for uri in uris]
        assert bool(found.remarks) == ((labels, splits) != (plain, [None, None]))


def test_a_folder_says_what_it_decided(tmp_path: Path) -> None:
    """What is decided of a folder is in the remarks of its listing, with the flag that says otherwise."""
    for path in ("images/train/cat/1.jpg", "images/val/dog/2.jpg"):
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_bytes(b"x")
    assert scan_of(Folder(tmp_path).records()).remarks == (
        "all images lie in 'images', which is taken for no label; --label first takes it for one",
        "the folders 'train', 'val' are taken for splits; --no-splits takes them for labels",
    )
    assert read_levels(["train/cat/1.jpg"], container="photos").remarks == (
        "the folder 'train' is taken for a split; --no-splits takes it for a label",
    )


TABLES: list[tuple[dict[str, list[Any]], dict[str, Any], tuple[str, ...]]] = [
    # columns, what they give, the classes
    ({"label": ["b", "a", None]}, {"label": ["b", "a", None]}, ("a", "b")),
    ({"label": [10, 9, 9]}, {"label": ["10", "9", "9"]}, ("9", "10")),
    ({"label": [10.0, None, 9.0]}, {"label": ["10", None, "9"]}, ("9", "10")),
    ({"label": [True, False, True]}, {"label": ["True", "False", "True"]}, ("False", "True")),
    ({"label": [0.5, 1.5, None]}, {"label": [None] * 3, "value": [0.5, 1.5, None]}, ()),
    ({"label": ["a|b", "b", None]}, {"label": ["a|b", "b", None], "labels": [["a", "b"], ["b"], []]}, ("a", "b")),
    ({"label": ["b; a", "b", ""]}, {"label": ["a|b", "b", None], "labels": [["a", "b"], ["b"], []]}, ("a", "b")),
    ({"tags": [["b", "a"], [], None]}, {"label": ["a|b", None, None], "labels": [["a", "b"], [], []]}, ("a", "b")),
    ({"scab": [1, 0, 0], "rust": [0, 1, 0]}, {"label": ["scab", "rust", None]}, ("scab", "rust")),
    ({"b": [1, 0, 1], "a": [0, 1, 1]}, {"label": ["b", "a", "a|b"], "labels": [["b"], ["a"], ["a", "b"]]}, ("b", "a")),
    ({"breed": ["x", "y", "x"], "age": [1.5, 2.5, 3.5]}, {"label": ["x", "y", "x"], "age": [1.5, 2.5, 3.5]}, ("x", "y")),
    ({"height": [7, 8, 9], "label": ["a"] * 3}, {"label": ["a"] * 3, "source_height": [7, 8, 9]}, ("a",)),
    ({"label": ["a"] * 3, "split": ["train", "val", None]}, {"label": ["a"] * 3, "split": ["train", "val", None]}, ("a",)),
]


@pytest.mark.parametrize(("columns", "expected", "classes"), TABLES)
@pytest.mark.parametrize("how", ["as the source", "beside a folder"])
def test_tables(
    tmp_path: Path, columns: dict[str, list[Any]], expected: dict[str, Any], classes: tuple[str, ...], how: str
) -> None:
    """Text, whole numbers and truth are classes, lists are several, fractions are numbers; other columns are carried along."""
    for number in range(3):
        (tmp_path / f"{number}.jpg").write_bytes(encoded(photo(number)))
    table = pa.table({"path": [str(tmp_path / f"{number}.jpg") for number in range(3)], **columns})
    if how == "beside a folder":
        table = table.set_column(0, "path", pa.array(["0", "1.jpg", "2"]))
        source = open_source(tmp_path, labels=table)
    else:
        source = open_source(table)
    manifest = clean(source, Pipeline(), engine=FakeEngine())
    assert {name: manifest.table[name].to_pylist() for name in expected} == expected
    assert manifest.classes == classes


def test_batches(tmp_path: Path) -> None:
    """Batches have class numbers, or zeros and ones where images have several labels, or numbers where labels are such."""
    paths = [tmp_path / f"{number}.png" for number in range(4)]
    for number, path in enumerate(paths):
        path.write_bytes(encoded(photo(number), "PNG"))
    names = [str(path) for path in paths]
    expected = {
        "class": ([["a"], ["b"], ["a"], [None]], np.array([0, 1, 0, -1], np.int64)),
        "classes": ([["a|b"], ["c"], ["a"], [""]], np.array([[1, 1, 0], [0, 0, 1], [1, 0, 0], [0, 0, 0]], np.float32)),
        "number": ([[1.5], [2.0], [-3.25], [0.0]], np.array([1.5, 2.0, -3.25, 0.0], np.float32)),
    }
    for kind, (values, labels) in expected.items():
        table = pa.table({"path": names, "label": [value for (value,) in values]})
        manifest = clean(open_source(table, label_as=kind), Pipeline(Resize((8, 8))), engine=FakeEngine())  # type: ignore[arg-type]
        np.testing.assert_array_equal(manifest.labels(), labels)
        (batch,) = Loader(manifest, batch_size=4, train=False, backend=Threads(1))
        np.testing.assert_array_equal(np.asarray(batch.labels), labels)
        assert np.asarray(batch.labels).dtype == labels.dtype
        if kind == "classes":
            mixed = Loader(manifest, Pipeline(Resize((8, 8)), Output("float32"), MixUp(1.0)), batch_size=4, backend=Threads(1))
            (batch,) = mixed
            shares = np.asarray(batch.labels)
            assert shares.shape == (4, 3)
            assert 0 <= shares.min() < shares.max() <= 1
            assert not np.isin(shares, (0, 1)).all()


def test_classes_of_joined_manifests(tmp_path: Path) -> None:
    """Joined manifests keep an order of classes that was given, and follow it where one has more."""
    for number in range(2):
        (tmp_path / f"{number}.jpg").write_bytes(encoded(photo(number)))
    table = pa.table({"path": [str(tmp_path / f"{number}.jpg") for number in range(2)], "label": ["b", "a"]})
    few = clean(open_source(table, classes=("b", "a")), Pipeline(), engine=FakeEngine())
    more = clean(open_source(table, classes=("b", "c", "a")), Pipeline(), engine=FakeEngine())
    assert concatenate({"x": few, "y": more}).classes == ("b", "a", "c")
    plain = clean(open_source(table), Pipeline(), engine=FakeEngine())
    assert concatenate({"x": plain, "y": plain}).classes == ("a", "b")


def test_one_label_beside_several(tmp_path: Path) -> None:
    """Where one source has lists of labels and another one label an image, none is lost: one is a list of one."""
    for number in range(4):
        (tmp_path / "x").mkdir(exist_ok=True)
        (tmp_path / "x" / f"{number}.jpg").write_bytes(encoded(photo(number)))
    paths = [str(tmp_path / "x" / f"{number}.jpg") for number in range(4)]
    one = pa.table({"path": paths[:2], "label": ["b", None]})
    several = pa.table({"path": paths[2:], "label": ["a|c", "b"]})
    manifest = clean({"a": one, "b": several}, Pipeline(), engine=FakeEngine())
    assert manifest.classes == ("a", "b", "c")
    assert manifest.labels().tolist() == [[0, 1, 0], [0, 0, 0], [1, 0, 1], [0, 1, 0]]


def test_unmatched(tmp_path: Path) -> None:
    """Rows that are about no image, and images that no row is about, are counted and named; the latter have no label."""
    for path in ("train/1.jpg", "train/2.jpg", "test/1.jpg", "test/9.jpg"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(b"x")
    (tmp_path / "train.csv").write_text("id,breed\n1,cat\n2,dog\n7,cat\n8,cat\n")
    table = open_source(tmp_path, labels=tmp_path / "train.csv").records()
    assert table.select(["uri", "label", "split"]).to_pylist() == [
        {"uri": "test/1.jpg", "label": None, "split": "test"},
        {"uri": "test/9.jpg", "label": None, "split": "test"},
        {"uri": "train/1.jpg", "label": "cat", "split": "train"},
        {"uri": "train/2.jpg", "label": "dog", "split": "train"},
    ]
    remarks = scan_of(table).remarks
    assert "2 rows of train.csv without an image: '7', '8'" in remarks
    assert "2 images without a row in train.csv, and so without a label: 'test/1.jpg', 'test/9.jpg'" in remarks
    (tmp_path / "other.csv").write_text("id,breed\nx,cat\ny,dog\n")
    with pytest.raises(SourceError, match=r"none of the columns 'id', 'breed' names images"):
        open_source(tmp_path, labels=tmp_path / "other.csv").records()


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("id,a,b,c\n1,x,p,q\n2,y,p,r\n", {"label_column": "d"}, r"no column is called 'd'; did you mean 'id'\?"),
        ("id,a\n1,x\n2,y\n", {"image_column": "ib"}, r"no column is called 'ib' \(--image-column\); known: a, id"),
        (
            "id,a\n1,x\n2,y\n",
            {"label_column": "a", "label_as": "number"},
            r"column 'a' holds texts, such as 'x', and not numbers",
        ),
        ("id,a,b\n1,0,2\n2,1,1\n", {"label_column": "a,b"}, r"column 'b' holds 2; where several columns are the labels"),
        ("id,a,a\n1,0,2\n", {}, r"two columns of the table are called 'a'"),
    ],
)
def test_slips(tmp_path: Path, text: str, options: dict[str, Any], message: str) -> None:
    """What is said of a table and does not hold is refused by name, with what there is."""
    for number in (1, 2):
        (tmp_path / f"{number}.jpg").write_bytes(b"x")
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(SourceError, match=message):
        open_source(tmp_path, labels=tmp_path / "t.csv", **options).records()


def test_nothing_certain(tmp_path: Path) -> None:
    """Where several columns could be the label, none is taken, and the remark names them and the flag."""
    for number in range(4):
        (tmp_path / f"{number}.jpg").write_bytes(b"x")
    (tmp_path / "t.csv").write_text("file,a,b\n0.jpg,p,x\n1.jpg,p,y\n2.jpg,q,x\n3.jpg,q,y\n")
    table = open_source(tmp_path / "t.csv").records()
    assert table["label"].null_count == 4
    said = "no label is taken from columns 'a', 'b', since it is not certain which; --label-column names one"
    assert said in scan_of(table).remarks
    assert open_source(tmp_path / "t.csv", label_column="b").records()["label"].to_pylist() == ["x", "y", "x", "y"]


NAMES = st.text("ab01_-", min_size=1, max_size=4)


@given(st.dictionaries(NAMES, st.sampled_from(["cat", "dog"]), min_size=1, max_size=8), st.data())
def test_matching(images: dict[str, str], data: st.DataObject) -> None:
    """Whatever form names have, each row means the image of its name, and one that is not there means none."""
    uris = sorted(f"{folder}/{name}.jpg" for name, folder in images.items())
    form = data.draw(st.sampled_from([lambda u: u, lambda u: u[:-4], lambda u: u.split("/")[1], lambda u: u.split("/")[1][:-4]]))
    order = data.draw(st.permutations(range(len(uris))))
    found = match([*(form(uris[place]) for place in order), "missing.jpg", None], uris)
    assert found.images == [*order, -1, -1]


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=8, unique=True), st.integers(0, 14))
def test_matching_numbers(numbers: list[int], digits: int) -> None:
    """A whole number means the file that is called so, with any zeros before it."""
    uris = sorted(f"x/{number:0{digits}d}.png" for number in numbers)
    found = match(numbers, uris)
    assert [int(uris[image].split("/")[1][:-4]) for image in found.images] == numbers


@given(st.lists(st.one_of(st.none(), st.integers(-5, 50), st.floats(allow_nan=False, allow_infinity=False)), min_size=1))
@example([0.0, -0.0, 0.5])
@example([0.0, -0.0])
def test_numbers(values: list[float | None]) -> None:
    """Numbers that are asked for come as they are; as classes, equal ones have one label, and all are in their order."""
    column = [None if value is None else float(value) for value in values]
    table = pa.table({"x": pa.array(column, pa.float64())})
    assert labels_of(table, ["x"], "number").values == column
    found = labels_of(table, ["x"], "class")
    assert [None if label is None else float(label) for label in found.values] == column  # type: ignore[arg-type]
    assert [float(label) for label in found.classes or ()] == sorted({value for value in column if value is not None})


@given(st.lists(st.one_of(st.from_regex(r"[01]{1,4}", fullmatch=True), st.integers(-99, 99).map(str)), min_size=1, max_size=6))
def test_ids_keep_their_zeros(values: list[str]) -> None:
    """Texts of a CSV are numbers only where these would be written the same, so that ids keep the zeros before them."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "t.csv")
        path.write_text("id,x\n" + "".join(f"{value},y\n" for value in values))
        assert list(map(str, read_table(str(path))["id"].to_pylist())) == values
