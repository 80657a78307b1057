"""Conflicts: what becomes of copies whose labels disagree, as was chosen."""

import numpy as np
import pytest
from numpy.typing import NDArray

from dataprep.errors import PipelineError
from dataprep.search import stars
from dataprep.stages import Deduplicate, DeduplicateCrops
from dataprep.stages.rules.conflicts import Conflicts, settle

GROUP = np.array([[a, b] for b in range(5) for a in range(b)])
"""Pairs of five copies, all alike."""


def settled(
    labels: list[str | None], pairs: NDArray[np.int64], conflicts: Conflicts, protected: int = 0
) -> list[tuple[int, str]]:
    """Returns which row stands for each one, and what is said of it."""

    def search(rows: NDArray[np.int64]) -> NDArray[np.int64]:
        among = pairs[np.isin(pairs, rows).all(axis=1) & (pairs[:, 1] >= protected)]
        return stars(np.searchsorted(rows, among), len(rows))

    done = settle(search, labels, protected, conflicts)
    return [(int(centre), done.verdicts.get(row, ("", ""))[1]) for row, centre in enumerate(done.centre)]


@pytest.mark.parametrize(
    ("labels", "kept", "said"),
    [
        (["dog", "cat", "cat", "cat", "dog"], 1, "3 of 5 copies are labelled 'cat'"),
        (["cat", "cat", "cat", "dog", "eel"], 0, "3 of 5 copies are labelled 'cat'"),
        (["dog", "cat", "cat", None, None], 1, "2 of 3 copies are labelled 'cat'"),
        ([None, "cat", "cat", "dog", None], 0, "2 of 3 copies are labelled 'cat'"),
    ],
)
def test_majority(labels: list[str | None], kept: int, said: str) -> None:
    """The best copy with the label of more than half is kept, and stands for all; a copy without a label has no vote."""
    winner = "cat"
    for row, (centre, detail) in enumerate(settled(labels, GROUP, "majority")):
        assert centre == kept
        assert detail == (said if labels[row] not in (None, winner) else "")


@pytest.mark.parametrize(
    "labels", [["dog", "cat", "cat", "dog", None], ["cat", "cat", "dog", "dog", "eel"], ["a", "b", "c", "d", "e"]]
)
def test_no_majority(labels: list[str | None]) -> None:
    """Where no label is that of more than half, nothing is kept, and all labels are said."""
    listed = ", ".join(repr(label) for label in sorted({label for label in labels if label}))
    assert settled(labels, GROUP, "majority") == [(0, f"no majority: copies are labelled {listed}")] * 5


def test_chain_of_votes() -> None:
    """What was a copy of a loser falls to another image that it is like, and if it loses there too, the others follow it."""
    pairs = np.array([[0, 1], [0, 2], [0, 3], [2, 3], [3, 4], [3, 5], [3, 6]])
    labels: list[str | None] = ["dog", "cat", "cat", "cat", "cow", "cow", "cow"]
    found = settled(labels, pairs, "majority")
    assert found[0] == (1, "3 of 4 copies are labelled 'cat'")
    assert [centre for centre, _ in found[1:]] == [1, 2, 2, 4, 5, 6]


def test_protected() -> None:
    """A protected image stays whatever its copies are labelled; nothing is voted on there."""
    labels: list[str | None] = ["dog", "cat", "cat", "cat", "cat"]
    assert settled(labels, GROUP, "majority", protected=1) == [(0, "")] * 5


@pytest.mark.parametrize("conflicts", ["keep", "drop"])
def test_without_a_vote(conflicts: Conflicts) -> None:
    """On keep nothing is said of labels; on drop all of a group is, and the best one stands for it."""
    said = "copies are labelled 'cat', 'dog'" if conflicts == "drop" else ""
    assert settled(["cat", "dog", "dog", None, "dog"], GROUP, conflicts) == [(0, said)] * 5


@pytest.mark.parametrize("rule", [Deduplicate, DeduplicateCrops])
def test_other_words(rule: type) -> None:
    """Anything else is refused with what there is."""
    with pytest.raises(PipelineError, match=r"conflicts='vote'\): one of 'keep', 'majority', 'drop'"):
        rule(conflicts="vote")
