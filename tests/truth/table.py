"""How often the rules are right: what they drop wrongly of each set, and what they find of copies and faults.

Pictures are measured once and judged as often as wanted:

    manifest = measure(DISTINCT[0].make())      # by the rules that `clean` has by default, or by others
    score(manifest)                             # as it was judged
    score(manifest, other_rules)                # anew, where the measures are the same
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.compute as pc
from pictures import Pictures
from sets import DISTINCT, of_folder, planted

from dataprep.cleaning.clean import clean
from dataprep.columns import EXACT_DUPLICATE, NEAR_DUPLICATE
from dataprep.engines.local import Local
from dataprep.manifest import Manifest
from dataprep.pipeline import Pipeline
from dataprep.protocols import Rule
from dataprep.stages.rules.standard import standard_rules

PAGE = Path(__file__).parents[2] / "docs" / "measures.md"
MARKS = ("<!-- how often the rules are right, written by tests/truth -->", "<!-- end of how often the rules are right -->")
COPIES = (EXACT_DUPLICATE, NEAR_DUPLICATE)

Rules = Sequence[Rule]
Progress = Callable[[Pictures, Manifest], None]


class Dropped(NamedTuple):
    """A picture that was dropped, with the picture that it was taken for a copy of, if it was."""

    uri: str
    label: str | None
    reason: str
    detail: str
    twin: str | None
    twin_label: str | None


class Score(NamedTuple):
    """How many pictures of a set were dropped, all of them wrongly.

    Attributes:
        name: The set.
        kind: What its pictures are.
        pictures: How many it has.
        across: How many were dropped as copies of a picture with another label.
        reasons: How many were dropped for each reason.
    """

    name: str
    kind: str
    pictures: int
    across: int
    reasons: dict[str, int]

    @property
    def wrong(self) -> int:
        """How many were dropped."""
        return sum(self.reasons.values())


class Recall(NamedTuple):
    """What was found of one sort of copies or faults.

    Attributes:
        name: What was done to the photographs.
        pictures: How many photographs it was done to.
        found: How many were dropped rightly, or stand for their original where that was dropped for them.
        wrong: How many copies, or originals, were dropped for anything else.
    """

    name: str
    pictures: int
    found: int
    wrong: int


def measure(pictures: Pictures, rules: Rules | None = None) -> Manifest:
    """Returns the manifest of a set, in this process; None stands for what `clean` does when it is given no rules."""
    return clean(pictures, None if rules is None else Pipeline(*rules), engine=Local(workers=0))


def judged(manifest: Manifest, rules: Rules | None = None) -> Manifest:
    """Returns the manifest as other rules judge it; None leaves it as it is."""
    return manifest if rules is None else manifest.judge(Pipeline(*rules))


def dropped(manifest: Manifest) -> Iterator[Dropped]:
    """Yields what was dropped."""
    rows = {
        row["id"]: row for row in manifest.table.select(["id", "uri", "label", "keep", "reason", "detail", "twin"]).to_pylist()
    }
    for row in rows.values():
        if not row["keep"]:
            twin: dict[str, Any] = rows.get(row["twin"], {})
            yield Dropped(row["uri"], row["label"], row["reason"], row["detail"], twin.get("uri"), twin.get("label"))


def score(manifest: Manifest, rules: Rules | None = None) -> Score:
    """Counts what was dropped of a set of good, distinct pictures."""
    assert isinstance(manifest.source, Pictures)
    found = list(dropped(judged(manifest, rules)))
    across = sum(one.twin is not None and one.label != one.twin_label for one in found)
    reasons = Counter(one.reason for one in found)
    return Score(manifest.source.name, manifest.source.kind, len(manifest), across, dict(reasons))


def recalls(manifest: Manifest, rules: Rules | None = None) -> list[Recall]:
    """Counts what was found of each sort of copies: the originals and one sort are judged together, without the others."""
    return [Recall(name, *_found(manifest, name, rules)) for name in _sorts(manifest)]


def _sorts(manifest: Manifest) -> list[str]:
    assert isinstance(manifest.source, Pictures)
    return [name for name in dict.fromkeys(str(picture.label) for picture in manifest.source.pictures) if name != "original"]


def _found(manifest: Manifest, name: str, rules: Rules | None) -> tuple[int, int, int]:
    """Returns how many photographs there are, how many copies of one sort were found, and how many wrong drops there were."""
    part = manifest.table.filter(pc.is_in(manifest.table["label"], pc.cast(["original", name], "string")))
    found = list(dropped(replace(manifest, table=part).judge(Pipeline(*(manifest.pipeline.rules if rules is None else rules)))))
    right = sum(one.twin is not None and _number(manifest, one.uri) == _number(manifest, one.twin) for one in found)
    return len(part) // 2, right, len(found) - right


def _number(manifest: Manifest, uri: str) -> int | None:
    """Returns the number of the photograph that a picture was made of."""
    assert isinstance(manifest.source, Pictures)
    return manifest.source.pictures[int(uri.partition(".")[0])].of


def faults(manifest: Manifest, rules: Rules | None = None) -> list[Recall]:
    """Counts the photographs with each fault that were dropped, but as no copy; the first row is of the good ones."""
    found = list(dropped(judged(manifest, rules)))
    right = Counter(one.label for one in found if one.reason not in COPIES or one.label == "blank")
    total = Counter(manifest.table["label"].to_pylist())
    every = Counter(one.label for one in found)
    good = Recall("none", total["original"], 0, every["original"])
    return [good, *(Recall(name, total[name], right[name], every[name] - right[name]) for name in _sorts(manifest))]


def section(rules: Rules | None = None, times: float = 1, seen: Progress = lambda pictures, manifest: None) -> str:
    """Returns what the page says: the rules, what they drop wrongly, and what they find.

    Args:
        rules: None stands for those that `clean` has by default.
        times: How many times as many pictures as usual.
        seen: Is given each set and its manifest.
    """

    def measured(pictures: Pictures) -> Manifest:
        manifest = measure(pictures, rules)
        seen(pictures, manifest)
        return manifest

    stated = "\n".join(map(repr, standard_rules() if rules is None else rules))
    scores = [score(measured(each.make(times))) for each in DISTINCT]
    copied, spoiled = (measured(pictures) for pictures in planted())
    return f"```text\n{stated}\n```\n\n{wrong_table(scores)}\n{_tables(copied, spoiled)}"


def folder_section(rules: Rules | None = None, seen: Progress = lambda pictures, manifest: None) -> str:
    """Returns the same of the photographs that DATAPREP_PHOTOS names, or nothing where it names no folder."""
    sets = of_folder()
    if sets is None:
        return ""
    good, copied, spoiled = (measure(pictures, rules) for pictures in sets)
    for pictures, manifest in zip(sets, (good, copied, spoiled), strict=True):
        seen(pictures, manifest)
    return f"{wrong_table([score(good)])}\n{_tables(copied, spoiled)}"


def _tables(copied: Manifest, spoiled: Manifest) -> str:
    copies, spoils = (recall_table(head, rows) for head, rows in (("copy", recalls(copied)), ("fault", faults(spoiled))))
    return f"{copies}\n{spoils}"


def wrong_table(scores: Sequence[Score]) -> str:
    """Returns a line for each set, and one for all of them; an empty cell is a zero."""
    totals = Counter(reason for each in scores for reason, count in each.reasons.items() for _ in range(count))
    reasons = [reason for reason, _ in sorted(totals.items(), key=lambda item: (-item[1], item[0]))]
    whole = Score("all", "", sum(each.pictures for each in scores), sum(each.across for each in scores), dict(totals))
    lines = [_row("set", "kind", "pictures", "dropped wrongly", "share", *reasons, "as copies of another label")]
    lines.append("|---|---|" + "--:|" * (len(reasons) + 4) + "\n")
    for each in (*scores, whole):
        counts = [each.reasons.get(reason) or "" for reason in reasons]
        lines.append(
            _row(
                each.name,
                each.kind,
                each.pictures,
                each.wrong or "",
                _share(each.wrong, each.pictures),
                *counts,
                each.across or "",
            )
        )
    return "".join(lines)


def recall_table(head: str, rows: Iterable[Recall]) -> str:
    """Returns a line for each sort of copy or fault."""
    lines = [_row(head, "pictures", "found", "share", "dropped wrongly"), "|---|--:|--:|--:|--:|\n"]
    lines += [
        _row(each.name, each.pictures, each.found or "", _share(each.found, each.pictures), each.wrong or "") for each in rows
    ]
    return "".join(lines)


def _row(*cells: object) -> str:
    return "| " + " | ".join(map(str, cells)) + " |\n"


def _share(part: int, whole: int) -> str:
    return "" if part == 0 else f"{part / whole:.0%}".replace("%", " %")


def insert(text: str, between: str) -> str:
    """Returns the text of the page with the section between its marks."""
    begin, end = map(re.escape, MARKS)
    text, count = re.subn(f"(?<={begin}\n\n).*?(?=\n{end})", lambda _: between, text, flags=re.DOTALL)
    assert count == 1, f"{PAGE.name} has the two marks once each"
    return text


def numbers(text: str) -> dict[tuple[str, str, str], int]:
    """Returns the integers of all tables of a text, by table, row and column; what is empty is 0, shares are left out."""
    found: dict[tuple[str, str, str], int] = {}
    head: list[str] = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
        if not cells or set(line) <= set("|-:"):
            head = head if cells else []
        elif not head:
            head = cells
        else:
            found |= {
                (head[0], cells[0], name): int(cell or 0)
                for name, cell in zip(head, cells, strict=True)
                if re.fullmatch(r"\d*", cell)
            }
    return {key: count for key, count in found.items() if key[2] not in ("kind", "share")}
