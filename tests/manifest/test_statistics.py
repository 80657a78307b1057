"""Statistics: one normalisation for all splits, that of the images to train on."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataprep.errors import ManifestError, PipelineError
from dataprep.manifest import Manifest
from dataprep.manifest.splits import split
from dataprep.pipeline import Pipeline
from dataprep.sources import Folder
from dataprep.stages import CenterCrop, ChannelSums, Deduplicate, Normalize, Require
from dataprep.types import Statistics

SPLITS = ("train", "Training", "test", "val", "VALID", "2019", "2020", "fold-0", None)


def gray(levels: list[int], splits: list[str | None] | None = None, keep: list[bool] | None = None) -> Manifest:
    """Returns a manifest of images of one pixel each, of these gray levels."""
    size = len(levels)
    table = pa.table(
        {
            "id": np.arange(size),
            "uri": [f"{place}.png" for place in range(size)],
            "label": pa.array(["cat", "dog"] * size, pa.string()).slice(0, size),
            "split": pa.array(splits or [None] * size, pa.string()),
            "digest": [f"{place}" for place in range(size)],
            "error": pa.nulls(size, pa.string()),
            "height": pa.array([1] * size, pa.int32()),
            "width": pa.array([1] * size, pa.int32()),
            "channel_sums": pa.array([[level] * 3 for level in levels], pa.list_(pa.int64())),
            "channel_squares": pa.array([[level**2] * 3 for level in levels], pa.list_(pa.int64())),
            "keep": pa.array(keep or [True] * size, pa.bool_()),
            "twin": pa.nulls(size, pa.int64()),
        }
    )
    return Manifest(table, Pipeline(CenterCrop(1), Normalize()), Folder("photos"), (ChannelSums(),), ("cat", "dog"))


def mean_of(levels: list[int]) -> float:
    """Returns the mean of gray levels as a share of 255."""
    return float(np.mean(levels)) / 255


LEVELS = st.lists(st.integers(0, 255), min_size=8, max_size=40)


@given(LEVELS, st.sampled_from([0.25, 0.5, 0.75]), st.integers(0, 99))
def test_one_normalisation(levels: list[int], share: float, seed: int) -> None:
    """Every split fills `Normalize()` alike: with mean and std of the images in train."""
    parts = split(gray(levels), {"train": share, "val": (1 - share) / 2, "test": (1 - share) / 2}, seed)
    kept = parts.kept()
    train = [level for level, name in zip(levels, kept["split"].to_pylist(), strict=True) if name == "train"]
    found = [parts.statistics, *(parts.select(name).statistics for name in set(kept["split"].to_pylist()))]
    assert len(set(found)) == 1
    assert (found[0] is None) == (not train)
    if found[0] is not None:
        assert found[0].mean == pytest.approx([mean_of(train)] * 3)
        assert found[0].std == pytest.approx([float(np.std(train)) / 255] * 3)


@given(st.lists(st.tuples(st.integers(0, 255), st.sampled_from(SPLITS)), min_size=1, max_size=20), st.booleans())
def test_which_images(rows: list[tuple[int, str | None]], protects: bool) -> None:
    """Statistics are of the split called train; without one, of what is neither protected nor called test, val and the like."""
    levels, splits = zip(*rows, strict=True)
    manifest = gray(list(levels), list(splits))
    if protects:
        manifest = replace(manifest, pipeline=Pipeline(Deduplicate(by=None, protect=("2020", "Training"))))
    held_out = {"test", "val", "VALID", *(("2020", "Training") if protects else ())}
    train = [level for level, name in rows if name in {"train", "Training"} - held_out]
    train = train or [level for level, name in rows if name not in held_out]
    assert (manifest.statistics is None) == (not train)
    if manifest.statistics is not None:
        assert manifest.statistics.images == len(train)
        assert manifest.statistics.mean == pytest.approx([mean_of(train)] * 3)


def test_frozen(tmp_path: Path) -> None:
    """What a split was made with stays when it is judged anew, written or read, whole or in part; another split replaces it."""
    parts = split(gray(list(range(0, 250, 10))), {"train": 0.6, "val": 0.4})
    for manifest in (parts, parts.select("val"), parts.select("train")):
        manifest.write(tmp_path / "manifest.parquet")
        assert Manifest.read(tmp_path / "manifest.parquet").statistics == parts.statistics
        assert manifest.judge(Pipeline(Require("height", least=2), CenterCrop(1), Normalize())).statistics == parts.statistics
    again = split(parts, {"train": 0.1, "val": 0.9}, replace=True)
    assert again.statistics not in (None, parts.statistics)
    assert again.select("val").statistics == again.statistics
    unmeasured = split(replace(gray([1, 2, 3]), measures=()), {"train": 0.5, "val": 0.5})
    assert unmeasured.statistics is None
    assert unmeasured.frozen is None


@given(LEVELS, st.integers(2, 8), st.integers(0, 99))
def test_folds(levels: list[int], folds: int, seed: int) -> None:
    """Every image is validated with in one fold and trained on in the others, under the statistics of what is trained on."""
    try:
        manifest = split(gray(levels), folds=folds, seed=seed)
    except ManifestError as error:  # of few images, one fold may get none
        assert "would be empty; take fewer" in str(error) and folds > 3
        return
    validated: list[int] = []
    for number in range(folds):
        train, val = manifest.fold(number)
        ids = [part.table["id"].to_pylist() for part in (train, val)]
        assert sorted(ids[0] + ids[1]) == list(range(len(levels)))
        assert train.classes == val.classes == manifest.classes
        assert train.statistics == val.statistics
        assert train.statistics is not None
        assert train.statistics.mean == pytest.approx([mean_of([levels[row] for row in ids[0]])] * 3)
        validated += ids[1]
    assert sorted(validated) == list(range(len(levels)))


def test_folds_of_a_part() -> None:
    """What is held out by shares stays out of the folds of the rest."""
    parts = split(gray(list(range(40))), {"train": 0.75, "test": 0.25})
    train, val = split(parts.select("train"), folds=3, replace=True).fold(2)
    assert {*train.table["id"].to_pylist(), *val.table["id"].to_pylist()} == set(parts.select("train").table["id"].to_pylist())
    assert isinstance(train.statistics, Statistics)
    assert train.statistics != parts.statistics


@pytest.mark.parametrize("number", [5, -1, "0", None])
def test_folds_that_are_not_there(number: object) -> None:
    """A fold that was not made is refused with those that there are; so is one where there are none."""
    folded = split(gray(list(range(20))), folds=5)
    with pytest.raises(ManifestError, match=rf"no fold {number!r}; give 0 to 4"):
        folded.fold(number)  # type: ignore[arg-type]
    with pytest.raises(ManifestError, match=r"no fold 0; it has none; `dp\.split\(manifest, folds=5\)` makes them"):
        gray([1, 2]).fold(0)


@pytest.mark.parametrize("folds", [1, 0, -3, 2.5, "5", True])
def test_folds_that_are_no_good(folds: object) -> None:
    """Folds are a whole number of at least 2, and given without shares."""
    with pytest.raises(PipelineError, match=rf"split\(folds={folds!r}\): give a whole number of at least 2"):
        split(gray([1, 2]), folds=folds)  # type: ignore[arg-type]
    with pytest.raises(PipelineError, match="give either shares or folds"):
        split(gray([1, 2]), {"train": 1.0}, folds=2)


@pytest.mark.parametrize("given_one", ["cleaned", Path("cleaned"), Manifest, None, {"train": 0.8}])
def test_no_manifest(given_one: object) -> None:
    """What is no manifest is refused at the door, a path with the call that reads it."""
    advice = r"`Manifest\.read\('cleaned'\)`" if isinstance(given_one, str | Path) else r"`dp\.clean\(\.\.\.\)` makes one"
    with pytest.raises(ManifestError, match=rf"^split takes a manifest, got .*; .*{advice}$"):
        split(given_one, {"train": 1.0})  # type: ignore[arg-type]
