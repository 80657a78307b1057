"""Crops: parts of pictures, bars around them and negatives are found, and different pictures are not taken for copies."""

from collections.abc import Callable

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from dataprep.cleaning.clean import clean
from dataprep.pipeline import Pipeline
from dataprep.stages import DeduplicateCrops
from dataprep.testing import FakeEngine, FakeSource, encoded, photo
from dataprep.types import Image


def captioned(image: Image) -> Image:
    """The picture above a white bar with text."""
    drawn = cv2.copyMakeBorder(image, 0, 50, 0, 0, cv2.BORDER_CONSTANT, value=(255, 255, 255))
    return cv2.putText(drawn, "SAMPLE", (60, 340), cv2.FONT_HERSHEY_SIMPLEX, 1, (0, 0, 0), 2)


EDITS: dict[str, Callable[[Image], Image]] = {
    "cropped": lambda image: image[30:-30, 40:-40],
    "corner": lambda image: image[:270, :360],
    "square": lambda image: image[:, 50:-50],
    "letterboxed": lambda image: cv2.copyMakeBorder(image, 50, 50, 0, 0, cv2.BORDER_CONSTANT),
    "captioned": captioned,
    "negative": lambda image: 255 - image,
    "part of a smaller one": lambda image: cv2.resize(image, (320, 240), interpolation=cv2.INTER_AREA)[20:, 30:],
}
SEEDS = range(4)


@pytest.fixture(scope="module")
def table() -> pa.Table:
    """Four pictures, `train/<number>.png`, and every edit of each, `test/<number> <edit>.png`."""
    files = {}
    for seed in SEEDS:
        original = photo(seed, 300, 400)
        files[f"train/{seed}.png"] = encoded(original, "PNG")
        files |= {f"test/{seed} {name}.png": encoded(np.ascontiguousarray(edit(original)), "PNG") for name, edit in EDITS.items()}
    measured = clean(FakeSource(files), Pipeline(*DeduplicateCrops().needs), engine=FakeEngine()).table
    split = pc.list_element(pc.split_pattern(measured["uri"], "/"), 0)
    return measured.set_column(measured.column_names.index("split"), "split", split)


def number(table: pa.Table, id: int) -> str:
    """The number of the picture that a record shows."""
    return str(table["uri"][id]).partition("/")[2][0]


@pytest.mark.parametrize("name", EDITS)
def test_found(table: pa.Table, name: str) -> None:
    """Every edit of each picture is found, and says how much of it its twin has; no other picture is its twin."""
    two = table.filter(pc.or_(pc.starts_with(table["uri"], "train"), pc.ends_with(table["uri"], f" {name}.png")))
    drops = DeduplicateCrops().judge(two)
    assert sorted(number(table, id) for id in drops.ids) == [str(seed) for seed in SEEDS]
    assert [number(table, id) for id in drops.ids] == [number(table, twin) for twin in drops.twins]
    assert set(drops.reasons) == {"near duplicate"}
    assert all(detail.endswith("corners agree") for detail in drops.details)
    assert all(("negative" in detail) == (name == "negative") for detail in drops.details)
    assert drops.distances == [None] * len(SEEDS)


def test_different(table: pa.Table) -> None:
    """Different pictures are not copies, nor is a picture as a whole that of another size, which hashes find."""
    originals = table.filter(pc.starts_with(table["uri"], "train"))
    assert DeduplicateCrops().judge(originals).ids == []
    smaller = encoded(cv2.resize(photo(0, 300, 400), (200, 150), interpolation=cv2.INTER_AREA), "PNG")
    files = {"a.png": encoded(photo(0, 300, 400), "PNG"), "b.png": smaller, "c.png": encoded(photo(0, 20, 30), "PNG")}
    rule = DeduplicateCrops()
    assert rule.judge(clean(FakeSource(files), Pipeline(*rule.needs), engine=FakeEngine()).table).ids == []


def test_order_plays_no_part(table: pa.Table) -> None:
    """The same is decided whatever the order of the rows, and what is kept is kept when it is judged again."""
    shuffled = table.take(pa.array(np.random.default_rng(0).permutation(len(table))))
    one, other = (DeduplicateCrops().judge(rows) for rows in (table, shuffled))
    assert {*zip(one.ids, one.twins, one.details, strict=True)} == {*zip(other.ids, other.twins, other.details, strict=True)}
    assert not set(one.ids) & set(one.twins)
    kept = table.filter(~np.isin(table["id"].to_numpy(), one.ids))
    assert DeduplicateCrops().judge(kept).ids == []


@pytest.mark.parametrize("protected", ["train", "test"])
def test_protected_splits(table: pa.Table, protected: str) -> None:
    """A protected image stays, and what shares a part with it in another split is a leak."""
    drops = DeduplicateCrops(protect=(protected,)).judge(table)
    splits = table["split"].to_pylist()
    assert {splits[id] for id in drops.ids} == {"train", "test"} - {protected}
    for reason, twin in zip(drops.reasons, drops.twins, strict=True):
        assert (reason == "leak") == (splits[twin] == protected)


def test_conflicts(table: pa.Table) -> None:
    """On request a group goes whole where its labels disagree, the one that would be kept without a twin."""
    labels = ["dog" if uri == "test/0 corner.png" else "cat" for uri in table["uri"].to_pylist()]
    labelled = table.set_column(table.column_names.index("label"), "label", pa.array(labels))
    before, after = DeduplicateCrops().judge(labelled), DeduplicateCrops(conflicts="drop").judge(labelled)
    torn = [id for id, reason in zip(after.ids, after.reasons, strict=True) if reason == "label conflict"]
    assert {number(table, id) for id in torn} == {"0"}
    (corner,) = (twin for id, twin in zip(before.ids, before.twins, strict=True) if labels[id] == "dog")
    assert dict(zip(after.ids, after.twins, strict=True))[corner] is None
    assert set(after.ids) == set(before.ids) | {corner}
