"""What `clean` asks about: rules that drop much or unevenly, labels that end empty, near duplicates across labels, pointers."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataprep.cleaning.clean import clean
from dataprep.columns import BLURRED, EXACT_DUPLICATE, LEAK, NEAR_DUPLICATE, OVERRULED, UNREADABLE
from dataprep.engines.local import Local
from dataprep.images.limits import IS_POINTER
from dataprep.manifest import Manifest
from dataprep.pipeline import Pipeline
from dataprep.report import Finding, summarize
from dataprep.report.findings import FEW, MUCH, REMEDIES, examine, percent
from dataprep.sources import Folder
from dataprep.stages import ChannelSums, Deduplicate, PHash
from dataprep.stages.rules.standard import standard_rules
from dataprep.testing import encoded, photo

Rows = Sequence[Mapping[str, Any]]

OF_NAMES = ("split labels", "class splits", "no labels", "one label", "some labels", "alike labels")

PROTECTING = Pipeline(Deduplicate(radius=8, verify=None, proof=None, protect=("test",)))


def code(number: int) -> bytes:
    """A hash that is far from those of other numbers."""
    return blake2b(str(number).encode(), digest_size=8).digest()


def manifest_of(rows: Rows, pipeline: Pipeline | None = None) -> Manifest:
    """A manifest of rows of which only what differs is given; its images do not exist."""
    size = len(rows)
    types = {"label": pa.string(), "split": pa.string(), "error": pa.string(), "reason": pa.string(), "twin": pa.int64()}
    columns = {name: pa.array([row.get(name) for row in rows], type) for name, type in types.items()}
    columns |= {
        "id": pa.array(np.arange(size)),
        "uri": pa.array([f"{row}.png" for row in range(size)], pa.string()),
        "digest": pa.array([row.get("digest", str(number)) for number, row in enumerate(rows)], pa.string()),
        "phash64": pa.array([row.get("phash64", code(number)) for number, row in enumerate(rows)], pa.binary(8)),
        "bytes": pa.array(np.ones(size, np.int64)),
        "height": pa.array(np.full(size, 10, np.int32)),
        "width": pa.array(np.full(size, 10, np.int32)),
        "keep": pa.array([row.get("reason") is None for row in rows], pa.bool_()),
        "channel_sums": pa.array([[row.get("value", 0) * 100] * 3 for row in rows], pa.list_(pa.int64())),
        "channel_squares": pa.array([[row.get("value", 0) ** 2 * 100] * 3 for row in rows], pa.list_(pa.int64())),
    }
    classes = tuple(sorted({row["label"] for row in rows if row.get("label")}))
    return Manifest(
        pa.table(columns), pipeline or Pipeline(*standard_rules()), Folder("/nowhere"), (ChannelSums(), PHash()), classes
    )


def rows_of(label: str | None, kept: int, reason: str = BLURRED, dropped: int = 0, **given: Any) -> Rows:
    """So many kept and so many dropped rows of a label."""
    return [{"label": label, **given}] * kept + [{"label": label, "reason": reason, **given}] * dropped


def found_in(manifest: Manifest) -> tuple[Finding, ...]:
    """What is found of rules; what is found of the names of labels is tested with them."""
    return tuple(finding for finding in examine(manifest) if finding.kind not in OF_NAMES)


def one(rows: Rows, pipeline: Pipeline | None = None) -> Finding:
    """The only finding about some rows."""
    (finding,) = found_in(manifest_of(rows, pipeline))
    return finding


@pytest.mark.parametrize("labels", [(None,), ("cat",), ("cat", "dog")])
@pytest.mark.parametrize("images", [25, 100, 365])
def test_a_rule_that_drops_much(images: int, labels: Sequence[str | None]) -> None:
    """A rule is asked about from more than a fifth of the set on, with its name, the numbers and the flag, and not before."""
    for reason, remedy in REMEDIES.items():
        for dropped in range(int(MUCH * images) - 2, images // 2, 7):
            rows = [{"label": labels[row % len(labels)], "reason": reason if row < dropped else None} for row in range(images)]
            found = [finding for finding in found_in(manifest_of(rows)) if finding.kind == "rule"]
            assert len(found) == (dropped > MUCH * images)
            for finding in found:
                assert finding.counts == {"dropped": dropped, "images": images}
                assert finding.sentence.startswith(
                    f'"{reason}" drops {dropped:,} of {images:,} images ({percent(dropped, images)})'
                )
                assert finding.sentence.endswith(f", use {remedy}")


def test_the_words() -> None:
    """A finding reads as one sentence that says what, how much, and what to do."""
    assert one(rows_of(None, 223, BLURRED, 142)).sentence == (
        '"blurred" drops 142 of 365 images (39 %): if they are good, use --min-sharpness off'
    )
    assert one([*rows_of("cat", 10, BLURRED, 90), *rows_of("dog", 970, BLURRED, 30)]).sentence == (
        "\"blurred\" drops 90 of 100 images of label 'cat' (90 %, 3 % of the others): if they are good, use --min-sharpness off"
    )
    assert one([*rows_of("cat", 10, BLURRED, 90), *rows_of("dog", 100, BLURRED, 1)]).sentence == (
        "\"blurred\" drops 91 of 201 images (45 %), above all of label 'cat' (90 %): if they are good, use --min-sharpness off"
    )


@pytest.mark.parametrize("others", [100, 1_000, 10_000])
@pytest.mark.parametrize("dropped", [0, 5, 11, 15, 20, 30, 100])
def test_a_rule_that_falls_on_one_label(dropped: int, others: int) -> None:
    """A rule is asked about that takes more than a tenth of one label, and at least four times what it takes of the others."""
    for of_others in (0, others // 100, others // 20):
        rows = [*rows_of("cat", 100 - dropped, BLURRED, dropped), *rows_of("dog", others - of_others, BLURRED, of_others)]
        found = [finding for finding in found_in(manifest_of(rows)) if finding.reason == BLURRED]
        alike = dropped <= 20 and dropped / 100 < 4 * of_others / others
        if dropped > 20 or (dropped >= 15 and of_others <= others / 100):
            assert [finding.labels for finding in found] == [("cat",)]
        if dropped <= 5 or alike:
            assert found == []


@given(st.integers(0, 10_000), st.integers(2, 200), st.floats(0, 0.1))
def test_chance_falls_on_no_label(seed: int, labels: int, share: float) -> None:
    """Drops that have nothing to do with the labels of 100 images each are not asked about."""
    dropped = np.random.default_rng(seed).binomial(100, share, labels)
    dropped = np.minimum(dropped, MUCH * 100).astype(int)
    rows = [row for label, count in enumerate(dropped.tolist()) for row in rows_of(str(label), 100 - count, BLURRED, count)]
    assert found_in(manifest_of(rows)) == ()


def test_labels_in_tens() -> None:
    """Of many labels that a rule falls on the worst is named, the others are counted, and all are in the data."""
    rows = [row for label in range(20) for row in rows_of(f"{label:02}", 100 - 3 * label, BLURRED, 3 * label)]
    rows += rows_of("other", 20_000)
    finding = one(rows)
    assert "57 of 100 images of label '19'" in finding.sentence
    assert f"and much of {len(finding.labels) - 1} other labels" in finding.sentence
    assert finding.labels == tuple(f"{label:02}" for label in range(19, 19 - len(finding.labels), -1))


@given(st.integers(1, FEW - 1), st.sampled_from([BLURRED, EXACT_DUPLICATE, UNREADABLE]))
def test_few_images_are_not_asked_about(dropped: int, reason: str) -> None:
    """Fewer than five dropped images are asked about only where no half of the set is left."""
    assert found_in(manifest_of(rows_of("cat", dropped, reason, dropped))) == ()


@pytest.mark.parametrize("dropped", [0, 50, 51, 60, 99, 100])
def test_more_than_half(dropped: int) -> None:
    """More than half dropped is said where no rule alone drops so much, and that nothing is kept before all else."""
    reasons = [f"reason {row % 3}" if row < dropped else None for row in range(100)]
    found = found_in(manifest_of([{"reason": reason} for reason in reasons]))
    kinds = [finding.kind for finding in found if finding.kind != "rule"]
    assert kinds == ([] if dropped <= 50 else ["mostly dropped"] if dropped < 100 else ["nothing kept"])
    assert kinds == [finding.kind for finding in found[: len(kinds)]]
    assert summarize(manifest_of([{"reason": reason} for reason in reasons])).is_empty == (dropped == 100)


def test_one_rule_says_it_once() -> None:
    """Where a single rule drops more than half, its sentence is the only one."""
    assert one(rows_of(None, 40, BLURRED, 60)).kind == "rule"


@pytest.mark.parametrize("empty", [1, 3, 4, 9])
def test_labels_without_images(empty: int) -> None:
    """Labels of which no image is left are counted, and the first ones named."""
    rows = [row for label in range(10) for row in rows_of(f"label {label}", label >= empty, BLURRED, label < empty)]
    (finding,) = [finding for finding in found_in(manifest_of(rows)) if finding.kind == "empty labels"]
    assert finding.counts == {"empty": empty, "labels": 10}
    assert finding.labels == tuple(f"label {label}" for label in range(empty))
    assert finding.sentence.startswith(f"{empty} of 10 labels {'has' if empty == 1 else 'have'} no image left: 'label 0'")
    assert finding.sentence.endswith(f" and {empty - 3} more") == (empty > 3)


def copies(agreeing: int, disagreeing: int, reason: str = NEAR_DUPLICATE, digest: str | None = None) -> Rows:
    """An image and so many copies of it, then images that are none."""
    kept = {"label": "cat", "digest": "same"}
    found = [{"label": label, "reason": reason, "twin": 0} for label in ["cat"] * agreeing + ["dog"] * disagreeing]
    found = [{**row, "digest": digest or f"copy {number}"} for number, row in enumerate(found)]
    return [kept, *found, *rows_of("cat", 1_000), *rows_of("dog", 1_000)]


@pytest.mark.parametrize(("agreeing", "disagreeing"), [(98, 2), (95, 5), (45, 5), (85, 15), (51, 49), (0, 4), (0, 5)])
def test_near_duplicates_across_labels(agreeing: int, disagreeing: int) -> None:
    """Near duplicates are counted by whether their labels agree; from five and a tenth on, a smaller radius is suggested."""
    manifest = manifest_of(copies(agreeing, disagreeing))
    summary = summarize(manifest)
    assert (summary.near_conflicts, summary.near_duplicates) == (disagreeing, agreeing + disagreeing)
    found = [finding for finding in summary.warnings if finding.kind == "disagreeing labels"]
    assert len(found) == (disagreeing >= FEW and disagreeing > (agreeing + disagreeing) / 10)
    for finding in found:
        assert finding.counts == {"disagreeing": disagreeing, "compared": agreeing + disagreeing}
        radius = next(rule.radius for rule in manifest.pipeline.rules if isinstance(rule, Deduplicate))
        assert finding.remedy == f"--radius {radius // 2}"


def test_exact_copies_across_labels() -> None:
    """Exact copies across labels are conflicts, whose labels are wrong, and say nothing about the radius."""
    summary = summarize(manifest_of(copies(5, 30, EXACT_DUPLICATE, "same")))
    assert (summary.conflicts, summary.near_conflicts, summary.near_duplicates) == (30, 0, 0)
    assert [finding.kind for finding in summary.warnings] == []


@pytest.mark.parametrize("pointers", [1, 2_100])
def test_pointers(pointers: int) -> None:
    """Pointers of Git LFS are summed up with the command that fetches the images, and not asked about once more as unreadable."""
    rows = [*rows_of(None, 400), *rows_of(None, 0, UNREADABLE, pointers, error=IS_POINTER)]
    finding = one(rows)
    assert (finding.kind, finding.remedy, finding.counts) == ("pointers", "git lfs pull", {"pointers": pointers})
    assert finding.sentence == (
        "2,100 files are pointers of Git LFS, not images: run `git lfs pull`"
        if pointers > 1
        else "1 file is a pointer of Git LFS, not an image: run `git lfs pull`"
    )


def test_decisions_by_hand_are_not_asked_about() -> None:
    """What a person dropped is not asked about, however much it is."""
    assert found_in(manifest_of(rows_of("cat", 60, OVERRULED, 40))) == ()


def test_a_protected_split_hides_nothing() -> None:
    """The images to train on and the protected ones are examined apart, and the sentence says which are meant."""
    rows = [*rows_of("cat", 5, BLURRED, 95, split="train"), *rows_of("cat", 2_000, split="test")]
    assert "\"blurred\" drops 95 of 100 images in 'train' (95 %)" in one(rows, PROTECTING).sentence
    rows = [*rows_of("cat", 0, LEAK, 100, split="train"), *rows_of("cat", 2_000, split="test")]
    summary = summarize(manifest_of(rows, PROTECTING))
    assert summary.warnings[0].sentence == "no image in 'train' is kept: all 100 are dropped"
    assert summary.is_empty


def test_copies_among_protected_images() -> None:
    """Copies inside protected splits stay and are counted, and so are those whose labels disagree."""
    rows = [{"label": "cat", "split": "test", "phash64": code(number), "digest": str(number)} for number in range(10)]
    rows += [
        {**rows[0]},
        {**rows[1], "digest": "near"},
        {**rows[2], "label": "dog"},
        {**rows[3], "split": "train", "digest": "x"},
    ]
    summary = summarize(manifest_of(rows).judge(PROTECTING))
    assert (summary.protected_copies, summary.protected_conflicts, summary.leaks) == (3, 1, 1)
    assert (summary.kept, summary.conflicts) == (13, 0)


def test_what_was_not_looked_for_is_no_zero() -> None:
    """Without protected images there is no number of leaks, without labels or a search none of conflicts."""
    plain, searched = summarize(manifest_of(rows_of(None, 3))), summarize(manifest_of([*rows_of("cat", 3), *rows_of("dog", 1)]))
    assert (plain.leaks, plain.protected_copies, plain.protected_conflicts) == (None, None, None)
    assert (plain.conflicts, plain.near_duplicates, plain.near_conflicts) == (None, None, None)
    assert (searched.leaks, searched.conflicts, searched.near_conflicts, searched.suspicious) == (None, 0, 0, 0)
    assert summarize(manifest_of(rows_of("cat", 3), Pipeline())).conflicts is None
    protected = [{"label": "cat", "split": split} for split in ("test", "train")]
    assert summarize(manifest_of(protected, PROTECTING)).leaks == 0
    assert summarize(manifest_of(protected[1:], PROTECTING)).leaks is None


def test_statistics_are_of_what_is_trained_on() -> None:
    """Mean and std are of the split to train on, protected or not, and the summary says which images they are of."""
    rows = [
        *rows_of("cat", 3, value=51, split="train"),
        *rows_of("cat", 2, value=255, split="test"),
    ]
    summary = summarize(manifest_of(rows, PROTECTING))
    assert summary.mean == pytest.approx((0.2, 0.2, 0.2))
    assert summary.statistics_of == "3 kept images in 'train'"
    assert summarize(manifest_of(rows)).mean == summary.mean
    renamed = [{**row, "split": {"train": "2019", "test": "2020"}[row["split"]]} for row in rows]
    whole = summarize(manifest_of(renamed))
    assert whole.mean == pytest.approx((0.52, 0.52, 0.52))
    assert whole.statistics_of == "5 kept images"
    assert summarize(manifest_of(rows_of("cat", 3, split="test"), PROTECTING)).mean is None


def test_as_data() -> None:
    """The summary's data has each warning with its kind, sentence, remedy and numbers."""
    _, warning = summarize(manifest_of(rows_of(None, 223, BLURRED, 142))).as_json()["warnings"]
    assert warning["counts"] == {"dropped": 142, "images": 365}
    assert (warning["kind"], warning["reason"], warning["remedy"]) == ("rule", BLURRED, "--min-sharpness off")


@given(st.integers(0, 10**6), st.integers(1, 10**6))
def test_percent(part: int, whole: int) -> None:
    """A share is spelt as all or none only where it is, and else within a point of what it is."""
    part = min(part, whole)
    text = percent(part, whole)
    assert text.endswith(" %")
    assert (text == "100 %", text == "0 %") == (part == whole, part == 0)
    number = float(text.removesuffix(" %").removeprefix("less than "))
    assert number == pytest.approx(100 * part / whole, abs=1)


def test_hostile_labels() -> None:
    """A label is spelt so that it cannot break a line or turn a terminal."""
    for label in ("line\nbreak", "\x1b[31mred", "\u202eturned"):
        sentence = one([*rows_of(label, 1, BLURRED, 99), *rows_of("dog", 9_000)]).sentence
        assert sentence.isprintable()


def test_suspected_conflicts(tmp_path: Path) -> None:
    """Kept images with different labels that may be copies are listed apart and warned of; with one label they are not."""
    for seed in range(24):
        save(photo(seed), tmp_path / "cat" / f"{seed}.png")
    for seed in range(4):
        blend = (0.5 * photo(seed) + 0.5 * photo(seed + 50)).astype(np.uint8)
        blend[:, :26] = photo(seed)[:, :26]
        save(blend, tmp_path / "dog" / f"{seed}.png")
    manifest = clean(tmp_path, Pipeline(Deduplicate()), engine=Local(workers=0))
    pairs = manifest.suspected_conflicts()
    assert 0 < len(pairs) <= 4
    assert {*pairs["label"].to_pylist(), *pairs["twin_label"].to_pylist()} == {"cat", "dog"}
    assert manifest.kept().num_rows == len(manifest)
    found = [finding for finding in examine(manifest) if finding.kind == "suspected conflicts"]
    assert [finding.counts for finding in found] == [{"pairs": len(pairs)}]
    assert "--views" in found[0].sentence
    assert not len(replace(manifest, classes=("cat",)).suspected_conflicts())


def save(image: np.ndarray, path: Path) -> None:
    """Writes an image."""
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(encoded(image))
