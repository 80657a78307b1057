"""Splits: every image gets one, each label is divided by the shares, and no duplicate is torn from its twin."""

import hashlib
import math
import shutil
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataprep.cleaning.clean import clean
from dataprep.errors import ManifestError, PipelineError
from dataprep.manifest import Manifest
from dataprep.manifest.splits import divisions, split
from dataprep.pipeline import Pipeline
from dataprep.sources import Folder
from dataprep.stages.rules.standard import standard_rules
from dataprep.testing import FakeEngine, encoded, photo, write_images

USUAL = {"train": 0.8, "val": 0.1, "test": 0.1}


class Row(NamedTuple):
    """One image of a manifest that is made up: equal contents are exact copies."""

    content: int
    label: str | None = "cat"
    keep: bool = True
    twin: int | None = None


def digest_of(row: Row) -> str:
    """Returns the digest of the content of an image."""
    return hashlib.sha256(str(row.content).encode()).hexdigest()


def made_up(given: Iterable[Row]) -> Manifest:
    """Returns a manifest of rows whose twins are places in the list."""
    rows = list(given)
    _, labels, keep, twins = zip(*rows, strict=True)
    ids = np.arange(len(keep))
    table = pa.table(
        {
            "id": ids,
            "uri": [f"{place:06d}.jpg" for place in ids],
            "label": pa.array(labels, pa.string()),
            "split": pa.nulls(len(ids), pa.string()),
            "digest": [digest_of(row) for row in rows],
            "keep": pa.array(keep, pa.bool_()),
            "twin": pa.array(twins, pa.int64()),
        }
    )
    return Manifest(table, Pipeline(), Folder("photos"), (), tuple(sorted({label for label in labels if label is not None})))


def of_labels(counts: Mapping[str, int], first: int = 0) -> list[Row]:
    """Returns so many different images of each label."""
    labels = [label for label, count in counts.items() for _ in range(count)]
    return [Row(first + place, label) for place, label in enumerate(labels)]


def splits_of(manifest: Manifest, key: str = "uri") -> dict[str, str]:
    """Returns the split of each image by its uri or content."""
    return dict(zip(manifest.table[key].to_pylist(), manifest.table["split"].to_pylist(), strict=True))


def counts_of(manifest: Manifest) -> Counter[tuple[str | None, str]]:
    """Returns how many kept images there are by label and split."""
    kept = manifest.kept()
    return Counter(zip(kept["label"].to_pylist(), kept["split"].to_pylist(), strict=True))


SHARES = st.lists(st.integers(1, 20), min_size=1, max_size=5).map(
    lambda parts: {name: part / sum(parts) for name, part in zip("train val test more last".split(), parts, strict=False)}
)
SEEDS = st.integers(-(2**40), 2**70)


@st.composite
def any_rows(draw: st.DrawFn) -> list[Row]:
    """Any manifest: copies kept or not, chains of twins of any shape, circles too; at least one image is kept."""
    size = draw(st.integers(1, 40))
    row = st.builds(
        Row, st.integers(0, 2 * size), st.sampled_from(["cat", "dog", None]), st.booleans(), st.none() | st.integers(0, size - 1)
    )
    rows = draw(st.lists(row, min_size=size, max_size=size))
    return [rows[0]._replace(keep=True), *rows[1:]]


@st.composite
def cleaned_rows(draw: st.DrawFn) -> list[Row]:
    """A manifest as cleaning leaves it: different images are kept, and each dropped copy leads to one of them."""
    kept = draw(st.lists(st.sampled_from(["cat", "dog", "eel", None]), min_size=1, max_size=60))
    rows = [Row(place, label) for place, label in enumerate(kept)]
    for label in draw(st.lists(st.sampled_from(["cat", "dog", None]), max_size=30)):
        rows.append(Row(len(rows), label, False, draw(st.none() | st.integers(0, len(rows) - 1))))
    return rows


@given(any_rows(), SHARES, SEEDS)
def test_never_torn(rows: list[Row], shares: dict[str, float], seed: int) -> None:
    """Every image has a split, and it is that of its twin and of every copy, however chains of them run."""
    column = split(made_up(rows), shares, seed).table["split"].to_pylist()
    assert set(column) <= set(shares)
    for place, row in enumerate(rows):
        assert row.twin is None or column[place] == column[row.twin]
        assert {column[other] for other, content in enumerate(rows) if content.content == row.content} == {column[place]}


@given(cleaned_rows(), SHARES, SEEDS)
def test_shares(rows: list[Row], shares: dict[str, float], seed: int) -> None:
    """In each split every label has less than one image more or less than its share; only kept images count."""
    counts = counts_of(split(made_up(rows), shares, seed))
    for label, images in Counter(row.label for row in rows if row.keep).items():
        for name, share in shares.items():
            assert abs(counts[label, name] - images * share) < 1 + 1e-9


@given(st.lists(st.integers(1, 6), min_size=1, max_size=30), SHARES, SEEDS)
def test_shares_of_clusters(sizes: list[int], shares: dict[str, float], seed: int) -> None:
    """Where copies are kept, each split has less than the largest cluster more or less than its share."""
    counts = counts_of(split(made_up(Row(content) for content, size in enumerate(sizes) for _ in range(size)), shares, seed))
    for name, share in shares.items():
        assert abs(counts["cat", name] - sum(sizes) * share) < max(sizes) + 1e-9


@given(any_rows(), SHARES, SEEDS, st.randoms(use_true_random=False))
def test_order_of_rows(rows: list[Row], shares: dict[str, float], seed: int, random: Any) -> None:
    """An image's split depends neither on the order of the rows nor on their ids, nor on the order of the shares."""
    manifest = made_up(rows)
    ids = random.sample(range(1000), len(rows))
    table = manifest.table.set_column(0, "id", pa.array(ids))
    twins = pa.array([None if row.twin is None else ids[row.twin] for row in rows], pa.int64())
    table = table.set_column(table.column_names.index("twin"), "twin", twins)
    other = replace(manifest, table=table.take(random.sample(range(len(rows)), len(rows))))
    turned = dict(reversed(shares.items()))
    assert splits_of(split(other, turned, seed)) == splits_of(split(manifest, shares, seed))


def test_names_of_files() -> None:
    """An image's split follows from its content: files may be renamed."""
    manifest = made_up(of_labels({"cat": 50}))
    at = manifest.table.column_names.index("uri")
    renamed = replace(manifest, table=manifest.table.set_column(at, "uri", pa.array([f"new/{n}" for n in range(50)])))
    assert splits_of(split(renamed, USUAL), "digest") == splits_of(split(manifest, USUAL), "digest")


def test_seed() -> None:
    """Another seed gives another division; the same gives the same."""
    manifest = made_up(of_labels({"cat": 50, "dog": 50}))
    found = [splits_of(split(manifest, USUAL, seed)) for seed in (0, 1, -1, 2**64 - 2, 0)]
    assert found[0] == found[4]
    assert all(found[a] != found[b] for a in range(4) for b in range(a))
    assert splits_of(split(manifest, USUAL)) == found[0]


def test_labels_are_divided_apart() -> None:
    """How one label is divided has nothing to do with the others, nor with images that are dropped."""
    alone = splits_of(split(made_up(of_labels({"cat": 33})), USUAL), "digest")
    dropped = [Row(100 + place, "cat", False) for place in range(33)]
    company = made_up([*of_labels({"ant": 7, "dog": 50, "eel": 1}, first=200), *dropped, *of_labels({"cat": 33})])
    assert splits_of(split(company, USUAL), "digest").items() >= alone.items()


@given(
    st.lists(st.sampled_from(["cat", "dog", "eel"]), min_size=1, max_size=60),
    st.lists(st.sampled_from(["cat", "dog"]), max_size=12),
    SHARES,
    SEEDS,
)
def test_growth(old: list[str], new: list[str], shares: dict[str, float], seed: int) -> None:
    """For each image that is added, at most one of its label crosses each cut, to the next split by name; other labels stay."""
    rows = [Row(place, label) for place, label in enumerate(old + new)]
    before = split(made_up(rows[: len(old)]), shares, seed).table["split"].to_pylist()
    after = split(made_up(rows), shares, seed).table["split"].to_pylist()
    names = sorted(shares)
    for label in ("cat", "dog", "eel"):
        places = [(names.index(before[row]), names.index(after[row])) for row in range(len(old)) if old[row] == label]
        for cut, _ in enumerate(pairwise(names)):
            crossed = sum((a <= cut) != (b <= cut) for a, b in places)
            assert crossed <= new.count(label)


def test_growth_is_cheap() -> None:
    """A quarter more images move about the square root of their number, not a share of all."""
    rows = of_labels({"cat": 10_000})
    before, after = (splits_of(split(made_up(rows[:size]), USUAL)) for size in (8_000, 10_000))
    moved = sum(before[uri] != after[uri] for uri in before)
    assert 0 < moved <= 2 * 3 * math.sqrt(2_000 * 0.1 * 0.9)  # two cuts, three standard deviations each


def test_another_split_from_the_last() -> None:
    """Shares that leave a cut where it was leave the split before it as it was."""
    manifest = made_up(of_labels({"cat": 100, "dog": 33}))
    two, three = (splits_of(split(manifest, shares)) for shares in ({"test": 0.1, "train": 0.9}, USUAL))
    assert {uri for uri in two if two[uri] == "test"} == {uri for uri in three if three[uri] == "test"}


def test_many_small_labels() -> None:
    """Over many labels too small for all splits, each split still has its share, be there one image of each or two."""
    for size in (1, 2, 3):
        manifest = split(made_up(of_labels({str(label): size for label in range(2000)})), USUAL)
        found = Counter(splits_of(manifest).values())
        for name, share in USUAL.items():
            assert found[name] == pytest.approx(2000 * size * share, abs=3 * math.sqrt(2000) / 2)


def test_chain() -> None:
    """A chain of twins goes to where it ends, under the label of the image that is kept."""
    others = of_labels({"cat": 40, "dog": 40}, first=10)
    chain = [Row(0, "cat"), Row(1, "dog", False, 0), Row(2, "dog", False, 1), Row(3, None, False, 2)]
    alone = splits_of(split(made_up([Row(0, "cat"), *others]), USUAL), "digest")
    joined = splits_of(split(made_up([*chain, *others]), USUAL), "digest")
    assert joined.items() >= alone.items()
    assert len({joined[digest_of(row)] for row in chain}) == 1


def test_end_of_a_chain_that_is_dropped() -> None:
    """Copies of an image that is itself dropped later stay together, and count for nothing."""
    rows = [*of_labels({"cat": 20}), Row(20, "cat", False), Row(21, "cat", False, 20), Row(22, "dog", False, 21)]
    manifest = split(made_up(rows), USUAL)
    assert len(set(manifest.table["split"].to_pylist()[20:])) == 1
    assert Counter(manifest.kept()["split"].to_pylist()) == {"train": 16, "val": 2, "test": 2}


@pytest.mark.parametrize("content", range(8))
def test_who_speaks_for_a_cluster(content: int) -> None:
    """A cluster goes where its kept image would go alone; if it has none, the image that its chain ends at."""
    others = of_labels({"cat": 40, "dog": 40}, first=100)
    end, copy = Row(content, "cat", False), Row(50 + content, "dog", False, 0)
    for speaker, cluster in (
        (end._replace(keep=True), (end._replace(keep=True), copy)),
        (end, (end, copy)),
        (copy._replace(keep=True, twin=None), (end, copy._replace(keep=True))),  # kept by hand
    ):
        alone = splits_of(split(made_up([speaker, *others]), USUAL), "digest")
        assert splits_of(split(made_up([*cluster, *others]), USUAL), "digest").items() >= alone.items()


def test_long_chain() -> None:
    """A chain of ten thousand twins is followed to its end, from either side."""
    size = 10_000
    forward = [Row(place, "cat", place == size - 1, place + 1 if place < size - 1 else None) for place in range(size)]
    backward = [Row(place, "cat", place == 0, place - 1 if place else None) for place in range(size)]
    for rows in (forward, backward):
        assert len(set(split(made_up(rows), USUAL).table["split"].to_pylist())) == 1


def test_label_without_a_kept_image() -> None:
    """Images of a label that keeps none are divided as if it kept all, ready for other thresholds."""
    rows = [*of_labels({"cat": 10}), *(Row(place, "dog", False) for place in range(10, 20))]
    manifest = split(made_up(rows), USUAL)
    assert Counter(manifest.table["split"].to_pylist()[10:]) == {"train": 8, "val": 1, "test": 1}
    assert [row.label for row in divisions(manifest, USUAL)] == ["cat"]


def test_only_the_split_changes() -> None:
    """All else stays as it is: other columns, their order and types, the stages, the source and the manifest given."""
    manifest = made_up(of_labels({"cat": 10}))
    done = split(manifest, USUAL)
    assert manifest.table["split"].null_count == 10
    assert done.table.schema.equals(manifest.table.schema, check_metadata=True)
    assert done.table.drop_columns(["split"]).equals(manifest.table.drop_columns(["split"]))
    assert replace(done, table=manifest.table) == manifest
    assert done.fingerprint == manifest.fingerprint


def test_splits_that_are_there() -> None:
    """Splits are overwritten only on request, be there one alone; then they are as if none had been there."""
    manifest = made_up(of_labels({"cat": 10}))
    one = pa.array(["theirs", *[None] * 9], pa.string())
    given = replace(manifest, table=manifest.table.set_column(3, "split", one))
    with pytest.raises(ManifestError, match=r"^the manifest has splits already: 'theirs'; `replace=True` \(`--replace`\) "):
        split(given, USUAL)
    assert split(given, USUAL, replace=True).table.equals(split(manifest, USUAL).table)
    many = replace(manifest, table=manifest.table.set_column(3, "split", pa.array([f"fold{n}" for n in range(10)])))
    with pytest.raises(ManifestError, match="already: 'fold0', 'fold1', 'fold2', 'fold3', 'fold4' and more; "):
        split(many, USUAL)


def test_part_of_a_manifest() -> None:
    """One split can be divided anew, though twins of its images may be in another."""
    rows = [*of_labels({"cat": 100}), Row(0, "dog", False, 0), *(Row(100 + place, "cat", False, place) for place in range(100))]
    manifest = made_up(rows)
    column = pa.array(["ours" if place % 3 else "theirs" for place in range(len(rows))])
    ours = replace(manifest, table=manifest.table.set_column(3, "split", column)).select("ours")
    done = split(ours, {"a": 0.5, "b": 0.5}, replace=True)
    assert sorted(Counter(done.kept()["split"].to_pylist()).values()) == [33, 33]


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ({}, "^there are no shares to split by; give some"),
        ({"train": 0.8, "test": 0.1}, r"^the shares sum to 0\.9, not to 1: train 0\.8 \+ test 0\.1$"),
        ({"train": 80, "test": 20}, "^the shares sum to 100, not to 1"),
        ({"train": 0.5, "test": 0.500002}, r"^the shares sum to 1\.000002, not"),
        ({"train": 1.0, "test": 0.0}, r"^the share of 'test' is 0\.0; a share is a number above 0"),
        ({"train": 1.1, "test": -0.1}, r"^the share of 'test' is -0\.1"),
        ({"train": math.nan}, "^the share of 'train' is nan"),
        ({"train": math.inf}, "^the share of 'train' is inf"),
        ({"train": "1"}, "^the share of 'train' is '1'"),
        ({"train": True}, "^the share of 'train' is True"),
        ({"": 1.0}, "^'' is not a name for a split"),
        ({7: 1.0}, "^7 is not a name for a split"),
    ],
)
def test_shares_that_are_no_good(shares: dict[str, float], message: str) -> None:
    """Shares that are missing, not above 0 or do not sum to 1 are refused with the value."""
    with pytest.raises(PipelineError, match=message):
        split(made_up(of_labels({"cat": 10})), shares)


@pytest.mark.parametrize(
    "shares",
    [{"all": 1}, dict.fromkeys("abc", 1 / 3), dict.fromkeys("abc", 0.3333333), dict.fromkeys("abcdefghij", np.float32(0.1))],
)
def test_shares_that_are_good(shares: dict[str, float]) -> None:
    """Shares may be off by as much as rounding makes them, and each gets its part."""
    found = Counter(split(made_up(of_labels({"cat": 300})), shares).table["split"].to_pylist())
    assert found.keys() == shares.keys()
    assert max(found.values()) - min(found.values()) <= 1


def test_nothing_kept() -> None:
    """A manifest that keeps no image cannot be split."""
    with pytest.raises(ManifestError, match="keeps no image, so there is nothing to split"):
        split(made_up([Row(0, keep=False)]), USUAL)


def test_divisions() -> None:
    """Counts by label and split say what was wanted, how far off it is, and which splits a small label is absent from."""
    rows = [Row(100, None), *of_labels({"dog": 20, "cat": 2}), Row(101, "dog", False, 1)]
    shares = {"train": 0.75, "test": 0.25}
    found = {row.label: row for row in divisions(split(made_up(rows), shares), shares)}
    assert list(found) == ["cat", "dog", None]
    assert found["dog"] == ("dog", {"train": 15, "test": 5}, {"train": 15.0, "test": 5.0})
    assert (found["dog"].images, found["dog"].absent, found["dog"].deviation("test")) == (20, (), 0)
    assert found[None].absent == tuple(name for name in shares if found[None].counts[name] == 0)
    assert len(found[None].absent) == 1
    assert found["cat"].wanted == {"train": 1.5, "test": 0.5}
    assert found["cat"].deviation(found["cat"].worst) == 0.5


def test_photos(tmp_path: Path) -> None:
    """A folder of photos with copies, a near duplicate and a broken file is cleaned, split, written and read again."""
    folder = tmp_path / "photos"
    paths = write_images(folder, 20)
    shutil.copy(paths[0], folder / "dog" / "copy.jpg")
    (folder / "dog" / "near.jpg").write_bytes(encoded(photo(2), quality=40))
    (folder / "cat" / "broken.jpg").write_bytes(paths[1].read_bytes()[:300])
    (folder / "cat" / "missing.jpg").symlink_to("nowhere.jpg")  # has no digest
    manifest = split(clean(folder, Pipeline(*standard_rules()), engine=FakeEngine()), {"train": 0.8, "test": 0.2})
    manifest.write(tmp_path / "manifest.parquet")
    again = Manifest.read(tmp_path / "manifest.parquet")
    assert again.table.equals(manifest.table)
    found = splits_of(again)
    assert len(found) == 24
    assert set(found.values()) == {"train", "test"}
    assert found["cat/0000.jpg"] == found["dog/copy.jpg"]
    assert found["cat/0002.jpg"] == found["dog/near.jpg"]
    assert counts_of(again) == {("cat", "train"): 8, ("cat", "test"): 2, ("dog", "train"): 8, ("dog", "test"): 2}
    assert again.select("test").kept().num_rows == 4
