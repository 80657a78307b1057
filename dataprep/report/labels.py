"""Labels and splits: how many images of each label there are and what became of them, and whether they look like what they are.

A scan takes the labels from wherever it is told to, and a folder tree can be read in more ways than one. A wrong reading is no
error: each image has a label, only not the right one. What gives it away are the names and how many there are of them.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import pyarrow as pa

from dataprep.columns import COLUMNS
from dataprep.manifest import FOLD, Manifest
from dataprep.manifest.statistics import HELD_OUT, TRAINING
from dataprep.report.finding import Finding, listed

LEARNT: Final = (*(column.name for column in COLUMNS["targets"]), "value")
"""Columns of what may be learnt in place of a label."""
BETWEEN: Final = re.compile(r"[\s_-]+")


@dataclass(frozen=True)
class Label:
    """What became of the images of one label.

    Attributes:
        images: How many there are.
        kept: How many of them are kept.
        dropped: How many were dropped for each reason, the most frequent first.
        flags: What is to be looked at: the reasons of rules that fall on it, and kinds of findings that name it.
    """

    images: int
    kept: int
    dropped: Mapping[str, int]
    flags: tuple[str, ...] = field(default=())

    @property
    def lost(self) -> float:
        """The share of its images that are dropped, 0 to 1."""
        return 1 - self.kept / max(self.images, 1)


def count_labels(table: pa.Table) -> dict[str | None, Label]:
    """Returns what became of the images of each label, by label; those without one come last, under None."""
    counts: dict[str | None, dict[str | None, int]] = {}
    for row in table.group_by(["label", "reason"]).aggregate([([], "count_all")]).to_pylist():
        counts.setdefault(row["label"], {})[row["reason"]] = row["count_all"]
    found = {}
    for label in sorted(counts, key=lambda label: (label is None, label or "")):
        dropped = [(reason, count) for reason, count in counts[label].items() if reason is not None]
        by_count = dict(sorted(dropped, key=lambda item: (-item[1], item[0])))
        found[label] = Label(sum(counts[label].values()), counts[label].get(None, 0), by_count)
    return found


def most_notable(labels: Mapping[str, Label]) -> list[str]:
    """Returns the labels, those first that want a look: with flags, then those that lost the largest share, then the smallest."""
    return sorted(labels, key=lambda name: (not labels[name].flags, -labels[name].lost, labels[name].images, name))


def examine_labels(part: Manifest, where: str) -> Iterator[Finding]:
    """Yields what about labels and splits looks as if they were something else.

    Args:
        part: The images to train on.
        where: Their splits, for the sentences.
    """
    labels = {label: count.images for label, count in count_labels(part.table).items()}
    unlabelled = labels.pop(None, 0)
    names = [label for label in labels if label is not None]
    splits = part.table["split"].drop_null().unique().to_pylist()
    if splits and _are_classes(splits, names, part):
        said = f"the splits are called {listed(sorted(splits))}: if these are classes, use --no-splits"
        yield Finding("class splits", said, "--no-splits", {"splits": len(splits)})
    elif not names:
        yield from _without(part, unlabelled, where)
    elif unlabelled:
        verb = "has" if unlabelled == 1 else "have"
        said = f"{unlabelled:,} of {len(part):,} images{where} {verb} no label, and a loader gives"
        remedy = "-1 for it: leave such images out by --exclude, or label them by --labels FILE"
        yield Finding("some labels", f"{said} {remedy}", "--labels FILE", {"unlabelled": unlabelled, "images": len(part)})
    if _are_splits(names):
        said = f"labels are called {listed(_called_splits(names))}: if the folders of that name are splits, use --splits"
        yield Finding("split labels", said, "--splits", {"labels": len(names)}, None, tuple(_called_splits(names)))
    elif len(names) == 1 and not unlabelled:
        every = f"all {len(part):,} images{where} have" if len(part) > 1 else f"the only image{where} has"
        said = f"{every} the label {names[0]!r}: if it is no class, name the labels"
        remedy = "by --label parent, the folder that an image is in, or by --labels FILE; if there are none, use --label none"
        yield Finding("one label", f"{said} {remedy}", "--label parent", {"images": len(part)}, None, (names[0],))
    yield from _examine_spelling(names)


def _without(part: Manifest, images: int, where: str) -> Iterator[Finding]:
    """Yields that no image has a label, nor anything else to learn, unless that was asked for."""
    others = [name for name in LEARNT if name in part.table.column_names]
    if not _asks_for_none(part.source) and all(part.table[name].null_count == len(part) for name in others):
        every = f"none of the {images:,} images{where} has" if images > 1 else f"the only image{where} has no"
        said = f"{every} {'a ' if images > 1 else ''}label, and a loader gives {'each' if images > 1 else 'it'} -1"
        remedy = "name them by --labels FILE or --label REGEX; if there are none, use --label none"
        yield Finding("no labels", f"{said}: {remedy}", "--labels FILE", {"images": images})


def _asks_for_none(source: object) -> bool:
    """Returns whether a source was told that there are no labels, also one within another or several together."""
    within = [inner.source for inner in getattr(source, "parts", ())] or [getattr(source, "source", None)]
    return getattr(source, "label", None) == "none" or all(inner is not None and _asks_for_none(inner) for inner in within)


def _called_splits(names: Iterable[str]) -> list[str]:
    """Returns the names that splits usually have."""
    return sorted(name for name in names if name.casefold() in (*TRAINING, *HELD_OUT))


def _are_splits(labels: Sequence[str]) -> bool:
    """Returns whether labels are called as splits are; a class may be called train, but hardly beside one called val or alone."""
    called = _called_splits(labels)
    return bool(called) and (len(called) == len(labels) or any(name.casefold() in HELD_OUT for name in called))


def _are_classes(splits: Sequence[str], labels: Sequence[str], part: Manifest) -> bool:
    """Returns whether splits are called as none is, and the folders that would name labels are missing."""
    usual = [*_called_splits(splits), *(name for name in splits if name.startswith(FOLD))]
    return not usual and not labels and bool(getattr(part.source, "splits", False))


def _examine_spelling(names: Sequence[str]) -> Iterator[Finding]:
    """Yields the labels that differ in nothing that is heard."""
    alike: dict[str, list[str]] = {}
    for name in names:
        key = BETWEEN.sub(" ", unicodedata.normalize("NFKC", name).casefold()).strip()
        alike.setdefault(key, []).append(name)
    groups = [sorted(group) for group in alike.values() if len(group) > 1]
    if groups:
        first = " and ".join(map(repr, groups[0][:3]))
        more = f", and {len(groups) - 1:,} more such groups" if len(groups) > 1 else ""
        said = f"labels that differ in case, spaces or the form of characters only: {first}{more}"
        remedy = "if they are one class, rename the folders, or use --labels FILE"
        labels = tuple(name for group in groups for name in group)
        yield Finding("alike labels", f"{said}: {remedy}", "--labels FILE", {"groups": len(groups)}, None, labels)
