"""A manifest in other forms: data frames, paths, counts and weights of classes."""

import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dataprep as dp
from dataprep.manifest.labels import weights_of
from dataprep.testing import encoded, photo, write_images


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> dp.Manifest:
    """Seven images, five of cats and two of dogs, and a copy and a torn file, which are dropped."""
    folder = tmp_path_factory.mktemp("photos")
    write_images(folder, 5, labels=("cat",))
    (folder / "dog").mkdir()
    for number in range(2):
        (folder / "dog" / f"{number}.png").write_bytes(encoded(photo(100 + number), "PNG"))
    (folder / "dog" / "copy.png").write_bytes(encoded(photo(100), "PNG"))
    (folder / "cat" / "torn.jpg").write_bytes(encoded(photo(3))[:200])
    return dp.clean(folder, dp.Pipeline(dp.Readable(), dp.Deduplicate()), engine=dp.Local(0))


def test_a_data_frame_of_all_records(manifest: dp.Manifest) -> None:
    """It has every row and column, and whole numbers and truth values stay such where some are missing."""
    pytest.importorskip("pandas")
    frame = manifest.to_pandas()
    assert frame.shape == manifest.table.shape
    assert frame["height"].isna().sum() == 1
    assert [str(frame[name].dtype) for name in ("id", "height", "keep")] == ["Int64", "Int32", "boolean"]
    assert frame[frame["keep"]]["id"].tolist() == manifest.kept()["id"].to_pylist()
    assert list(manifest.to_pandas("uri", "keep").columns) == ["uri", "keep"]
    with pytest.raises(dp.ManifestError, match=r"to_pandas: no column 'sharpnes'"):
        manifest.to_pandas("sharpnes")


def test_paths_are_those_of_the_kept_images(manifest: dp.Manifest, tmp_path: Path) -> None:
    """Each path is a file, in the order of the kept rows, whatever source or part the image is of."""
    assert [path.name for path in manifest.paths()] == [Path(uri).name for uri in manifest.kept()["uri"].to_pylist()]
    assert all(path.is_file() for path in manifest.paths())
    write_images(tmp_path / "a", 2)
    write_images(tmp_path / "b", 3)
    several = dp.clean({"one": tmp_path / "a", "two": tmp_path / "b"}, dp.Pipeline(), engine=dp.Local(0))
    assert {path.parents[1].name for path in several.paths()} == {"a", "b"}
    assert all(path.is_file() for path in several.paths())


def test_images_of_an_archive_have_no_paths(tmp_path: Path) -> None:
    """Where images are no files an error says so, and what to do."""
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("cat/1.png", encoded(photo(1), "PNG"))
    with pytest.raises(dp.ManifestError, match=r"no files of their own.*materialize"):
        dp.clean(tmp_path / "all.zip", dp.Pipeline(), engine=dp.Local(0)).paths()


def test_counts_are_of_the_kept(manifest: dp.Manifest) -> None:
    """Each class is counted once for each kept image, also a class of which none is kept."""
    assert manifest.class_counts() == {"cat": 5, "dog": 2}
    cats = replace(
        manifest,
        table=manifest.table.set_column(
            manifest.table.column_names.index("keep"), "keep", pc.fill_null(pc.equal(manifest.table["label"], "cat"), False)
        ),
    )
    assert cats.class_counts() == {"cat": 6, "dog": 0}
    assert cats.class_weights().tolist() == [1, 0]


@given(st.lists(st.integers(-1, 4), min_size=1, max_size=60))
def test_weights_are_those_of_scikit_learn(numbers: list[int]) -> None:
    """Of images with one label, weights are scikit-learn's "balanced"; a class without an image has 0, which it has not."""
    weighing = pytest.importorskip("sklearn.utils.class_weight")
    labels = np.array(numbers, np.int64)
    there = np.unique(labels[labels >= 0])
    weights = weights_of(labels, tuple("abcde"))
    expected = np.zeros(5)
    if len(there):
        expected[there] = weighing.compute_class_weight("balanced", classes=there, y=labels[labels >= 0])
    assert weights == pytest.approx(expected)
    assert weights.dtype == np.float32


@given(st.lists(st.lists(st.booleans(), min_size=3, max_size=3), min_size=1, max_size=30))
def test_weights_of_several_labels_are_odds(rows: list[list[bool]]) -> None:
    """Of images with several labels, weighed positives are as many as negatives, as `pos_weight` is meant."""
    many = np.array(rows, np.float32)
    weights = weights_of(many, ("a", "b", "c"))
    there = many.any(axis=0)
    assert (weights * many.sum(axis=0))[there] == pytest.approx((1 - many).sum(axis=0)[there], rel=1e-5)
    assert not weights[~there].any()


@pytest.mark.parametrize(
    ("column", "why"), [("label", "its images have no labels"), ("value", "its labels are numbers to learn")]
)
def test_without_classes_nothing_is_counted(tmp_path: Path, column: str, why: str) -> None:
    """Where there are no classes an error says what there is instead."""
    write_images(tmp_path, 2)
    manifest = dp.clean(tmp_path, dp.Pipeline(), engine=dp.Local(0))
    table = manifest.table.set_column(manifest.table.column_names.index("label"), "label", pa.nulls(2, pa.string()))
    if column == "value":
        table = table.append_column("value", pa.array([0.5, 1.5]))
    bare = replace(manifest, table=table, classes=())
    for count in (bare.class_counts, bare.class_weights):
        with pytest.raises(dp.ManifestError, match=why):
            count()
    assert "labels" in bare._repr_html_()
