"""What in a manifest's verdicts looks wrong: sentences for people, each with the flag that mends it.

Whether a rule is right about a set only its owner can say. A rule that is wrong for a kind of picture drops much of it, or
falls on one label and spares the others; a hash that takes different pictures for copies does so across labels. The price of
asking is that a set which really is bad is asked about as well.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from dataprep.columns import (
    BLURRED,
    EXACT_DUPLICATE,
    LABEL_CONFLICT,
    NEAR_DUPLICATE,
    OVERRULED,
    TOO_BRIGHT,
    TOO_DARK,
    TOO_SMALL,
    UNIFORM,
    UNREADABLE,
)
from dataprep.images.limits import IS_POINTER
from dataprep.manifest import Manifest
from dataprep.protocols import Rule
from dataprep.report.finding import Finding, Kind, listed, percent
from dataprep.report.forecast import forecast
from dataprep.report.labels import count_labels, examine_labels
from dataprep.stages import Deduplicate

MUCH: Final = 1 / 5
"""Share of a set, or of one label, above which a rule is asked about."""
FEW: Final = 5
"""Images below which a share says nothing."""
UNEVEN: Final = 1 / 10
"""Share of a label above which a rule is asked about that spares the others."""
TIMES: Final = 4
"""How many times the others' share that has to be."""
SURPRISE: Final = 10.0
"""Nats beyond the logarithm of the number of labels, below which such a share is chance."""
DISAGREEING: Final = 1 / 10
"""Share of near duplicates across labels above which they are other pictures: 1 in 50 on natural pictures, 1 in 6 or more where
the radius was too wide."""
REMEDIES: Final = {
    TOO_SMALL: "--min-side off",
    TOO_DARK: "--min-brightness off",
    TOO_BRIGHT: "--max-brightness off",
    UNIFORM: "--min-contrast off",
    BLURRED: "--min-sharpness off",
    EXACT_DUPLICATE: "--keep-duplicates",
}
"""The flag that switches a rule off, by the reason for which it drops; that of near duplicates depends on the radius."""

MEANT: Final = {NEAR_DUPLICATE: "other pictures", EXACT_DUPLICATE: "meant to be there more than once"}
"""What the images are where the rule is wrong about them, if not simply good."""


class Tally(NamedTuple):
    """How many images of one label there are, and how many of them a rule dropped."""

    label: str
    dropped: int
    images: int

    @property
    def share(self) -> float:
        """The dropped ones, 0 to 1."""
        return self.dropped / self.images


def examine(manifest: Manifest) -> tuple[Finding, ...]:
    """Returns what looks wrong, the worst first; nothing where all is as it usually is."""
    training, protected = manifest.training(), manifest.protected()
    parts = [part for part in (training, protected) if len(part)]
    where = [f" in {splits_of(part.table)}" if len(parts) > 1 else "" for part in parts]
    found = [finding for part, name in zip(parts, where, strict=True) for finding in _examine_part(part, name)]
    found += [
        *forecast(len(manifest), manifest.pipeline.rules),
        *_examine_near_duplicates(manifest),
        *_examine_suspects(manifest),
    ]
    if len(training):
        found += examine_labels(training, where[0])
    order = list(Kind.__args__)  # type: ignore[attr-defined]  # of a Literal
    return tuple(sorted(found, key=lambda finding: (order.index(finding.kind), -max(finding.counts.values()))))


def _examine_part(part: Manifest, where: str) -> Iterator[Finding]:
    """Yields what looks wrong about the images that are trained on, or about the protected ones; `where` names their splits."""
    total, kept = len(part), part.kept("id").num_rows
    reasons = part.reasons()
    pointers = pc.sum(pc.equal(part.table["error"], IS_POINTER)).as_py() or 0
    if kept == 0:
        yield Finding("nothing kept", f"no image{where} is kept: all {total:,} are dropped", None, {"images": total})
    elif total - kept > total / 2 and max(reasons.values()) <= total / 2:
        share = f"{total - kept:,} of {total:,} ({percent(total - kept, total)})"
        sentence = f"more than half of the images{where} are dropped: {share}"
        yield Finding("mostly dropped", sentence, None, {"dropped": total - kept, "images": total})
    if pointers:
        what = "is a pointer of Git LFS, not an image" if pointers == 1 else "are pointers of Git LFS, not images"
        files = f"{pointers:,} file{'s' if pointers > 1 else ''}{where} {what}"
        yield Finding("pointers", f"{files}: run `git lfs pull`", "git lfs pull", {"pointers": pointers}, UNREADABLE)
    table = part.table.filter(pc.fill_null(pc.not_equal(part.table["error"], IS_POINTER), True))
    tallies = _tally(table)
    for reason in reasons:
        if reason not in (OVERRULED, LABEL_CONFLICT):
            yield from _examine_rule(table, reason, tallies.get(reason, []), part.pipeline.rules, where)
    yield from _examine_empty(part, where)


def _examine_rule(table: pa.Table, reason: str, tallies: Sequence[Tally], rules: Sequence[Rule], where: str) -> Iterator[Finding]:
    """Yields what a rule drops too much of: the set, else some labels."""
    dropped, images = pc.sum(pc.equal(table["reason"], reason)).as_py() or 0, table.num_rows
    remedy = _remedy(reason, rules)
    advice = f": if they are {MEANT.get(reason, 'good')}, use {remedy}" if remedy else ""
    labels = pc.count_distinct(table["label"]).as_py()
    uneven = [tally for tally in tallies if _is_uneven(tally, dropped - tally.dropped, images - tally.images, labels)]
    worst = [tally for tally in tallies if tally in uneven or (tally.dropped >= FEW and tally.share > MUCH)]
    names = tuple(tally.label for tally in worst)
    if dropped >= FEW and dropped > MUCH * images:
        most = f", above all of label {uneven[0].label!r} ({percent(*uneven[0][1:])})" if uneven else ""
        sentence = f'"{reason}" drops {dropped:,} of {images:,} images{where} ({percent(dropped, images)}){most}{advice}'
        yield Finding("rule", sentence, remedy, {"dropped": dropped, "images": images}, reason, names if uneven else ())
    elif worst:
        label, some, of = worst[0]
        rest = f", {percent(dropped - some, images - of)} of the others" if images > of else ""
        more = f", and much of {len(worst) - 1:,} other label{'s' if len(worst) > 2 else ''}" if len(worst) > 1 else ""
        said = f"{some:,} of {of:,} images of label {label!r}{where} ({percent(some, of)}{rest}){more}"
        counts = {"dropped": some, "images": of, "labels": len(worst)}
        yield Finding("label", f'"{reason}" drops {said}{advice}', remedy, counts, reason, names)


def _is_uneven(tally: Tally, dropped: int, images: int, labels: int) -> bool:
    """Returns whether a rule falls on a label far more than on the others, beyond what chance does to the unluckiest label.

    If all images fell alike, a label would lose this share or more with a chance of at most exp(-surprise), by Chernoff's bound.
    """
    share, others = tally.share, (dropped + 1) / (images + 2)
    if share <= UNEVEN or share < TIMES * others:
        return False
    kept = (tally.images - tally.dropped) * math.log((1 - share) / (1 - others)) if share < 1 else 0.0
    return tally.dropped * math.log(share / others) + kept > SURPRISE + math.log(labels)


def _examine_empty(part: Manifest, where: str) -> Iterator[Finding]:
    """Yields the labels of which no image is left."""
    scanned, kept = (set(table["label"].drop_null().unique().to_pylist()) for table in (part.table, part.kept("label")))
    empty = sorted(scanned - kept)
    if empty and kept:
        verb = "has" if len(empty) == 1 else "have"
        sentence = f"{len(empty):,} of {len(scanned):,} labels {verb} no image left{where}: {listed(empty)}"
        yield Finding("empty labels", sentence, None, {"empty": len(empty), "labels": len(scanned)}, None, tuple(empty))


def _examine_near_duplicates(manifest: Manifest) -> Iterator[Finding]:
    """Yields that near duplicates are across labels more often than mistakes of labelling are."""
    disagreeing, compared = disagreement(manifest)
    if disagreeing >= FEW and disagreeing > DISAGREEING * compared:
        remedy = _remedy(NEAR_DUPLICATE, manifest.pipeline.rules)
        what = f"{disagreeing:,} of {compared:,} near duplicates ({percent(disagreeing, compared)})"
        sentence = f"{what} have another label than the image kept for them, as if they were other pictures: use {remedy}"
        counts = {"disagreeing": disagreeing, "compared": compared}
        yield Finding("disagreeing labels", sentence, remedy, counts, NEAR_DUPLICATE)


def _examine_suspects(manifest: Manifest) -> Iterator[Finding]:
    """Yields that images with different labels look like copies, of which the proof is not certain."""
    pairs = manifest.suspected_conflicts()
    if len(pairs):
        count = f"{len(pairs):,} pair{'s' if len(pairs) > 1 else ''} of kept images with different labels may be copies"
        one, label, other, other_label = (pairs[name][0].as_py() for name in ("uri", "label", "twin_uri", "twin_label"))
        example = f"{'such as ' if len(pairs) > 1 else ''}{one!r} ({label!r}) and {other!r} ({other_label!r})"
        sentence = f"{count}, {example}: look at them, or use --views, which compares more closely"
        yield Finding("suspected conflicts", sentence, "--views", {"pairs": len(pairs)}, NEAR_DUPLICATE)


def disagreement(manifest: Manifest) -> tuple[int, int]:
    """Returns how many near duplicates have another label than their twin, and how many there are with a label on both sides."""
    copies = manifest.copies()
    near = copies.filter(pc.not_equal(copies["digest"], copies["twin_digest"]))
    disagree = pc.not_equal(near["label"], near["twin_label"])
    return pc.sum(disagree).as_py() or 0, pc.count(disagree).as_py()


def _remedy(reason: str, rules: Sequence[Rule]) -> str | None:
    """Returns the flag that loosens the rule which drops for a reason."""
    if reason != NEAR_DUPLICATE:
        return REMEDIES.get(reason)
    radius = max((rule.radius for rule in rules if isinstance(rule, Deduplicate)), default=0)
    return f"--radius {radius // 2}" if radius else "--radius off"


def _tally(table: pa.Table) -> dict[str, list[Tally]]:
    """Returns for each reason the labels that it falls on, the worst first."""
    found: dict[str, list[Tally]] = {}
    for label, count in count_labels(table).items():
        for reason, dropped in count.dropped.items():
            if label is not None:
                found.setdefault(reason, []).append(Tally(label, dropped, count.images))
    return {reason: sorted(tallies, key=lambda tally: (-tally.share, tally.label)) for reason, tallies in found.items()}


def splits_of(table: pa.Table) -> str:
    """Returns the names of the splits in a table as text."""
    names = sorted(table["split"].drop_null().unique().to_pylist())
    return listed(names) if names else "no split"
