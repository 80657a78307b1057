"""Labels: how many there are of each and what became of them, and names that give a wrong reading away."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataprep.cleaning.clean import clean
from dataprep.engines import Local
from dataprep.manifest import Manifest
from dataprep.pipeline import Pipeline
from dataprep.report import Finding, summarize
from dataprep.report.findings import examine
from dataprep.report.labels import Label, count_labels, most_notable
from dataprep.sources import Folder, open_source
from dataprep.stages import Deduplicate
from dataprep.testing import write_images

Row = tuple[str | None, str | None]
"""A label and the reason of a drop."""


def manifest_of(rows: Sequence[Row], splits: Sequence[str | None] | None = None, source: Any = None, **more: Any) -> Manifest:
    """Returns a manifest of images that do not exist."""
    size = len(rows)
    columns: dict[str, Any] = {
        name: pa.array([row[at] for row in rows], pa.string()) for at, name in enumerate(("label", "reason"))
    }
    columns |= {name: pa.nulls(size, pa.string()) for name in ("error", "split")} | {"twin": pa.nulls(size, pa.int64())}
    columns |= {"split": pa.array(splits, pa.string())} if splits else {}
    columns |= {"id": pa.array(np.arange(size)), "keep": pa.array([row[1] is None for row in rows], pa.bool_())}
    columns |= {name: pa.array([str(place) for place in range(size)], pa.string()) for name in ("uri", "digest")}
    classes = tuple(sorted({row[0] for row in rows if row[0]}))
    return Manifest(pa.table(columns | more), Pipeline(), source or Folder("/nowhere"), (), classes)


def labelled(*labels: str | None, **more: Any) -> Manifest:
    """Returns a manifest of ten kept images of each label."""
    return manifest_of([(label, None) for label in labels for _ in range(10)], **more)


def one(manifest: Manifest) -> Finding:
    """Returns the only finding."""
    (finding,) = examine(manifest)
    return finding


LABELS = st.sampled_from(["cat", "dog", "eel", None])
REASONS = st.sampled_from(["blurred", "too dark", None, None])


@given(st.lists(st.tuples(LABELS, REASONS), min_size=1, max_size=60))
def test_every_image_counts_once(rows: list[Row]) -> None:
    """What became of the images of each label adds up, by reason, and over the labels to all."""
    found = count_labels(manifest_of(rows).table)
    for label, count in found.items():
        assert Counter(reason for name, reason in rows if name == label and reason) == count.dropped
        assert count.images == count.kept + sum(count.dropped.values())
        assert list(count.dropped.values()) == sorted(count.dropped.values(), reverse=True)
    assert sum(count.images for count in found.values()) == len(rows)
    assert list(found) == sorted(found, key=lambda label: (label is None, label or ""))
    summary = summarize(manifest_of(rows))
    assert list(summary.labels) == [label for label in found if label is not None]
    assert (summary.unlabelled is None) == (None not in found)
    data = summary.as_json()["labels"]
    assert {label: count["images"] for label, count in data.items()} == {label: found[label].images for label in summary.labels}


def test_flags() -> None:
    """A label that a finding names has a flag: the reason of the rule that falls on it, or what is wrong with its name."""
    rows = [("cat", "blurred")] * 50 + [("cat", None)] * 50 + [("dog", None)] * 500 + [("Dog", None)] * 500 + [("eel", "blurred")]
    summary = summarize(manifest_of(rows))
    assert {name: label.flags for name, label in summary.labels.items()} == {
        "cat": ("blurred",),
        "dog": ("alike labels",),
        "Dog": ("alike labels",),
        "eel": ("empty labels",),
    }


@given(
    st.dictionaries(st.text(min_size=1, max_size=3), st.tuples(st.integers(0, 9), st.integers(0, 9), st.booleans()), max_size=9)
)
def test_what_is_notable(given_labels: dict[str, tuple[int, int, bool]]) -> None:
    """Labels with flags come first, then those that lost more, and no label is left out."""
    labels = {
        name: Label(kept + lost + 1, kept + 1, {"blurred": lost}, ("blurred",) if flagged else ())
        for name, (kept, lost, flagged) in given_labels.items()
    }
    order = most_notable(labels)
    assert sorted(order) == sorted(labels)
    ranks = [(not labels[name].flags, -labels[name].lost) for name in order]
    assert ranks == sorted(ranks)


@pytest.mark.parametrize("images", [1, 2, 500])
def test_one_label(images: int) -> None:
    """One label for every image is asked about, however few there are, with the flags that read others."""
    finding = one(manifest_of([("images", None)] * images))
    assert (finding.kind, finding.remedy, finding.labels) == ("one label", "--label parent", ("images",))
    for part in (
        "'images'",
        f"all {images} images" if images > 1 else "the only image has",
        "--label parent",
        "--labels FILE",
        "--label none",
    ):
        assert part in finding.sentence


def test_no_label() -> None:
    """No label at all is asked about, but for those who asked for none and where something else is to be learnt."""
    finding = one(labelled(None))
    assert (finding.kind, finding.remedy, finding.counts) == ("no labels", "--labels FILE", {"images": 10})
    assert "--label none" in finding.sentence
    for name, values in (("value", [1.5] * 10), ("caption", ["a cat"] * 10), ("mask", [None] * 9 + ["mask.png"])):
        assert examine(labelled(None, **{name: pa.array(values)})) == ()
    assert one(labelled(None, caption=pa.nulls(10, pa.string()))).kind == "no labels"


def test_labels_that_are_not_asked_for() -> None:
    """Who asks for no labels is not told that there are none."""
    asked, other = SimpleNamespace(label="none"), SimpleNamespace(label=None)
    chosen = SimpleNamespace(source=asked)
    for source in (asked, chosen, SimpleNamespace(parts=[SimpleNamespace(source=asked), SimpleNamespace(source=chosen)])):
        assert examine(labelled(None, source=source)) == ()
    for source in (
        SimpleNamespace(source=other),
        SimpleNamespace(parts=[SimpleNamespace(source=inner) for inner in (asked, other)]),
    ):
        assert one(labelled(None, source=source)).kind == "no labels"


@pytest.mark.parametrize("form", ["folder", "glob", "list", "text", "several"])
def test_no_form_asks_again(tmp_path: Path, form: str) -> None:
    """However images are named, who asks for no labels is not told that there are none."""
    paths = write_images(tmp_path / "photos", 2)
    (tmp_path / "names.txt").write_text("".join(f"{path}\n" for path in paths))
    forms: dict[str, Any] = {"folder": tmp_path / "photos", "glob": f"{tmp_path}/photos/*/*", "list": paths}
    forms |= {"text": tmp_path / "names.txt", "several": [tmp_path / "photos" / label for label in ("cat", "dog")]}
    source = open_source(forms[form], label="none")
    assert examine(clean(source, Pipeline(), engine=Local(0), progress=False)) == ()


@pytest.mark.parametrize("unlabelled", [1, 2, 30])
def test_some_labels(unlabelled: int) -> None:
    """Images without a label among others are counted, since a loss is out of bounds for them."""
    finding = one(manifest_of([("cat", None), ("dog", None)] * 20 + [(None, None)] * unlabelled))
    assert (finding.kind, finding.counts) == ("some labels", {"unlabelled": unlabelled, "images": 40 + unlabelled})


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (("train", "val"), True),
        (("Train", "TEST"), True),
        (("train",), True),
        (("cat", "dog", "test"), True),
        (("validation", "cat"), True),
        (("car", "bus", "train"), False),
        (("training data", "testing"), False),
    ],
)
def test_labels_called_as_splits(labels: tuple[str, ...], said: bool) -> None:
    """Labels that are called as splits are get the flag that takes them for splits; a train among cars does not."""
    found = [finding for finding in examine(labelled(*labels)) if finding.kind == "split labels"]
    assert len(found) == said
    for finding in found:
        assert finding.remedy == "--splits"
        assert "use --splits" in finding.sentence


def test_splits_that_look_like_classes() -> None:
    """Splits whose folders hold images and no folders, and that have no name of a split, get the flag that makes them labels."""
    source = Folder("/nowhere", splits=True)
    classes = manifest_of([(None, None)] * 4, splits=["cat", "cat", "dog", "dog"], source=source)
    assert (one(classes).kind, one(classes).remedy) == ("class splits", "--no-splits")
    usual = manifest_of([("a", None), ("b", None)] * 2, splits=["train", "train", "val", "2019"], source=source)
    assert examine(usual) == ()
    years = manifest_of([("a", None), ("b", None)], splits=["2019", "2020"], source=source)
    assert examine(years) == ()


@pytest.mark.parametrize("other", ["Cat", "cat ", "CAT", "ca\u0074", "ｃat", " cat"])
def test_labels_that_look_alike(other: str) -> None:
    """Labels that differ in case, spaces or the form of characters are named together."""
    found = [finding for finding in examine(labelled("cat", "dog", other)) if finding.kind == "alike labels"]
    assert [finding.labels for finding in found] == ([] if other == "cat" else [tuple(sorted(("cat", other)))])


@given(st.lists(st.sampled_from(["great white", "great_white", "Great-White", "gréat", "gre\u0301at", "other"]), unique=True))
def test_groups_of_labels_that_look_alike(names: list[str]) -> None:
    """Every label is in the finding that has another one of its group, and no other label is."""
    groups = (["great white", "great_white", "Great-White"], ["gréat", "gre\u0301at"])
    expected = {name for group in groups for name in names if name in group and len(set(group) & set(names)) > 1}
    found = [finding for finding in examine(labelled(*names, "x", "y")) if finding.kind == "alike labels"]
    assert {name for finding in found for name in finding.labels} == expected


def test_only_what_is_trained_on() -> None:
    """A test set without labels is not asked about beside a training set that has them."""
    rows: list[Row] = [("cat", None), ("dog", None), (None, None), (None, None)]
    manifest = manifest_of(rows, splits=["train", "train", "test", "test"])
    protecting = replace(manifest, pipeline=Pipeline(Deduplicate(by=None, protect=("test",))))
    assert [finding.kind for finding in examine(protecting)] == []
    assert [finding.kind for finding in examine(manifest)] == ["some labels"]


def test_hostile_names() -> None:
    """A label is spelt so that it cannot break a line or turn a terminal."""
    for label in ("line\nbreak", "\x1b[31mred", "\u202eturned"):
        for manifest in (labelled(label), labelled(label, label.upper(), "x"), labelled(label, "train", "val")):
            assert all(finding.sentence.isprintable() for finding in examine(manifest))
