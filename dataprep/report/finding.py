"""What a finding is: something about a manifest that its owner ought to look at, in words and in numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

NAMED: Final = 3
"""Labels or splits that a sentence names."""

Kind: TypeAlias = Literal[
    "comparisons",
    "nothing kept",
    "pointers",
    "split labels",
    "class splits",
    "no labels",
    "one label",
    "some labels",
    "mostly dropped",
    "rule",
    "label",
    "disagreeing labels",
    "suspected conflicts",
    "alike labels",
    "empty labels",
]


@dataclass(frozen=True)
class Finding:
    """Something about a manifest that its owner ought to look at.

    Attributes:
        kind: What it is: billions of "comparisons" in the search for copies; "nothing kept"; "pointers" of Git LFS in place of
            images; "split labels", which are called as splits are; "class splits", which look like classes; "no labels" at all,
            the same "one label" for every image, or only "some labels", so that other images have none; "mostly dropped", by all
            rules together; a "rule" that drops much of the
            set; one that drops much of a "label", or far more than of the others; near duplicates with "disagreeing labels";
            "suspected conflicts", which are kept images with different labels that may be copies of each other;
            "alike labels", which differ in case or the like; "empty labels", of which no image is left.
        sentence: The same for people, in one line.
        remedy: The flag of `dataprep clean`, or the command, that mends it where the images are good; None where none does.
        counts: The numbers of the sentence, by name.
        reason: Why the rule drops, None where it is not about one.
        labels: The labels that it is about, the worst first.
    """

    kind: Kind
    sentence: str
    remedy: str | None
    counts: Mapping[str, int]
    reason: str | None = None
    labels: tuple[str, ...] = ()


def percent(part: int, whole: int) -> str:
    """Returns a share as text, such as "39 %"; "100 %" only where it is all and "0 %" only where it is none."""
    share = 100 * part / max(whole, 1)
    if 0 < share < 0.1:
        return "less than 0.1 %"
    if 0 < share < 10:
        return f"{share:.1f} %".replace(".0 ", " ")
    return f"{share if part == whole else min(share, 99):.0f} %"


def listed(names: Sequence[str]) -> str:
    """Returns the first names, spelt so that a terminal can show them, and how many more there are."""
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return ", ".join(map(repr, names[:NAMED])) + more
