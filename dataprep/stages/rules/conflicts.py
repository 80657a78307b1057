"""What becomes of a group of copies whose labels disagree: one of them is wrong, and which one the pictures do not say."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dataprep.arguments import one_of
from dataprep.columns import LABEL_CONFLICT

Conflicts: TypeAlias = Literal["keep", "majority", "drop"]
"""What is kept of a group: its best image, whatever its label; the best of those with the label that more than half have, and
nothing where none has; or nothing. Protected images stay."""

CHOICE: Final = one_of("keep", "majority", "drop")

Verdict: TypeAlias = tuple[str, str]
"""The reason and the detail of a drop."""


class Settled(NamedTuple):
    """Groups of copies, once their labels are agreed on.

    Attributes:
        centre: (N,) the row that stands for each row, its own if it is kept or stands for a group of which none is.
        verdicts: What is dropped because labels disagree, by row.
    """

    centre: NDArray[np.int64]
    verdicts: dict[int, Verdict]


def settle(
    search: Callable[[NDArray[np.int64]], NDArray[np.int64]], labels: Sequence[str | None], protected: int, conflicts: Conflicts
) -> Settled:
    """Finds the groups of copies and decides those whose labels disagree.

    What loses a vote is taken out, and the search done again without it, so that what it stood for falls to an image that is
    kept and like it.

    Args:
        search: Given R of the rows, the best first, returns (R,) which of them stands for each, as an index into those given.
        labels: (N,) of all rows, the best first.
        protected: So many rows at the start stay.
        conflicts: What is kept.
    """
    rows = np.arange(len(labels))
    centre = rows[search(rows)]
    if conflicts != "majority":
        return Settled(centre, disagreements(labels, centre.tolist(), protected) if conflicts == "drop" else {})
    final, verdicts = centre.copy(), {}
    while lost := _vote(labels, rows, centre[rows], protected):
        for row, (reason, detail, winner) in lost.items():
            verdicts[row] = (reason, detail)
            final[row] = winner
        rows = rows[~np.isin(rows, list(lost))]
        centre[rows] = rows[search(rows)] if len(rows) else rows
    final[rows] = centre[rows]
    for row in verdicts:  # what lost to one that lost later, or that is a copy itself, follows it
        while final[row] != final[final[row]]:
            final[row] = final[final[row]]
    return Settled(final, verdicts)


def disagreements(labels: Sequence[str | None], centres: Sequence[int], protected: int) -> dict[int, Verdict]:
    """Returns the rows of all groups in which labels disagree, but for protected ones, each with its reason and detail."""
    given: dict[int, set[str]] = {}
    for label, centre in zip(labels, centres, strict=True):
        given.setdefault(centre, set()).update([] if label is None else [label])
    return {
        row: (LABEL_CONFLICT, f"copies are labelled {', '.join(map(repr, sorted(given[centre])))}")
        for row, centre in enumerate(centres)
        if len(given[centre]) > 1 and row >= protected
    }


def _vote(
    labels: Sequence[str | None], rows: NDArray[np.int64], centres: NDArray[np.int64], protected: int
) -> dict[int, tuple[str, str, int]]:
    """Returns what loses the vote of its group: the reason, the detail, and the first row of those that won, or its own."""
    groups: dict[int, list[int]] = {}
    for row, centre in zip(rows.tolist(), centres.tolist(), strict=True):
        groups.setdefault(centre, []).append(row)
    lost: dict[int, tuple[str, str, int]] = {}
    for centre, members in groups.items():
        votes = Counter(label for row in members if (label := labels[row]) is not None)
        if centre < protected or len(votes) < 2:
            continue
        (winner, most), total = votes.most_common(1)[0], votes.total()
        if 2 * most > total:
            first = next(row for row in members if labels[row] == winner)
            said = f"{most:,} of {total:,} copies are labelled {winner!r}"
            lost |= {row: (LABEL_CONFLICT, said, first) for row in members if labels[row] not in (None, winner)}
        else:
            said = f"no majority: copies are labelled {', '.join(map(repr, sorted(votes)))}"
            lost |= dict.fromkeys(members, (LABEL_CONFLICT, said, centre))
    return lost
