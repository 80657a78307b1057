"""Splits carried over: what was known stays where it was, copies stay together, and nothing is replaced in silence."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataprep.errors import ManifestError
from dataprep.manifest import Manifest
from dataprep.manifest.carried import COLUMNS, carry_splits, read_splits
from dataprep.manifest.splits import split
from dataprep.pipeline import Pipeline
from dataprep.sources import Folder

SHARES = {"train": 0.6, "val": 0.2, "test": 0.2}


def of(contents: list[int], twins: dict[int, int] | None = None, splits: list[str | None] | None = None) -> Manifest:
    """Returns a manifest of contents; `twins` names the place of the kept image of each place that is a copy."""
    size, twins = len(contents), twins or {}
    table = pa.table(
        {
            "id": np.arange(size),
            "uri": [f"{place}.png" for place in range(size)],
            "label": pa.array(["cat" if content % 2 else "dog" for content in contents]),
            "split": pa.array(splits or [None] * size, pa.string()),
            "digest": pa.array([content.to_bytes(32) for content in contents], pa.binary(32)),
            "keep": pa.array([place not in twins for place in range(size)]),
            "twin": pa.array([twins.get(place) for place in range(size)], pa.int64()),
        }
    )
    return Manifest(table, Pipeline(), Folder("photos"), (), ("cat", "dog"))


def places(manifest: Manifest) -> dict[str, str]:
    """Returns the split of each content."""
    return dict(zip(manifest.table["digest"].to_pylist(), manifest.table["split"].to_pylist(), strict=True))


@st.composite
def grown(draw: st.DrawFn) -> tuple[Manifest, Manifest]:
    """A manifest with splits, and a later one: some images gone, others new, and other pairs taken for copies."""
    old = draw(st.lists(st.integers(0, 40), min_size=1, max_size=30, unique=True))
    rest = draw(st.lists(st.sampled_from(old), unique=True)) + draw(st.lists(st.integers(41, 80), max_size=20, unique=True))
    later = draw(st.permutations(rest or [99]))
    twins = draw(st.dictionaries(st.integers(1, max(len(later) - 1, 1)), st.just(0), max_size=3)) if len(later) > 1 else {}
    return split(of(old), SHARES, draw(st.integers(0, 99))), of(list(later), twins)


@given(grown())
def test_known_images_stay(pair: tuple[Manifest, Manifest]) -> None:
    """An image keeps its split by its content unless it is now a copy of one in a larger split; copies are never torn apart."""
    earlier, later = pair
    done, carried = carry_splits(later, earlier.table.select(COLUMNS), "old")
    before, after, sizes = places(earlier), places(done), Counter(earlier.kept()["split"].to_pylist())
    assert carried is not None
    assert None not in after.values()
    moved = [content for content in after if content in before and after[content] != before[content]]
    assert carried == (len(set(before) & set(after)) - len(moved), len(set(after) - set(before)), len(moved))
    rows = done.table.to_pylist()
    cluster = {rows[0]["digest"], *(row["digest"] for row in rows if row["twin"] == 0)}
    assert set(moved) <= cluster
    assert len({after[content] for content in cluster}) == 1
    if cluster & set(before):
        assert sizes[after[rows[0]["digest"]]] == max(sizes[before[content]] for content in cluster & set(before))


def test_new_images_are_divided_alike() -> None:
    """What is new goes to the splits in their proportions, label by label, whatever they were made with."""
    earlier = split(of(list(range(100))), SHARES)
    done, _ = carry_splits(of(list(range(50, 300))), earlier.table.select(COLUMNS), "old")
    new = [(row["label"], row["split"]) for row in done.table.to_pylist() if int.from_bytes(row["digest"]) >= 100]
    counts = Counter(new)
    for label in ("cat", "dog"):
        assert [counts[label, name] for name in SHARES] == pytest.approx([60, 20, 20], abs=1)


def test_what_cannot_be_read() -> None:
    """An image without a digest is known by its uri; one that can be read is not, since its content is another."""
    earlier = of([1, 2, 3], splits=["train", "test", "train"])
    unread = earlier.table.set_column(4, "digest", pa.array([None, None, bytes([3] * 32)], pa.binary(32)))
    later = replace(
        of([7, 7, 7]), table=of([7, 7, 7]).table.set_column(4, "digest", pa.array([None, None, bytes([9] * 32)], pa.binary(32)))
    )
    done, carried = carry_splits(later, unread.select(COLUMNS), "old")
    assert done.table["split"].to_pylist()[:2] == ["train", "test"]
    assert carried == (2, 1, 0)


def test_splits_of_the_source() -> None:
    """Splits that the source names stay what they are; where they would replace others, that is refused with both."""
    old = of([1, 2, 3], splits=["train", "train", "test"])
    moved = of([1, 2, 3, 4], splits=["train", "train", "test", "val"])
    assert carry_splits(moved, old.table.select(COLUMNS), "old") == (moved, None)
    for other in (["train", "test", "test"], ["a", "b", "b"]):
        with pytest.raises(
            ManifestError, match=r"^old has splits \('test', 'train'\) that those of the source .* would replace; "
        ):
            carry_splits(of([1, 2, 3], splits=list(other)), old.table.select(COLUMNS), "old")


def test_read_splits(tmp_path: Path) -> None:
    """Nothing is read where no manifest is, or one without splits; a file that is no manifest is refused."""
    path = tmp_path / "manifest.parquet"
    assert read_splits(path) is None
    of([1, 2]).write(path)
    assert read_splits(path) is None
    of([1, 2], splits=["train", None]).write(path)
    found = read_splits(path)
    assert found is not None
    assert found["split"].to_pylist() == ["train", None]
    pq.write_table(pa.table({"id": [1]}), path)
    with pytest.raises(ManifestError, match="is not a manifest: it has no column 'uri'; if no splits are to be kept, remove it"):
        read_splits(path)
    path.write_bytes(b"text")
    with pytest.raises(ManifestError, match="is not a manifest"):
        read_splits(path)
