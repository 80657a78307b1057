"""Verdicts: what rules drop, in columns of the types that a manifest has."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataprep.columns import fields_of
from dataprep.errors import PipelineError
from dataprep.manifest.verdicts import in_turn, verdicts
from dataprep.protocols import Measure, Rule
from dataprep.stages import AllOf, Deduplicate, Require
from dataprep.types import Drops

TABLE = pa.table({"id": [3, 5, 8], "uri": ["a", "b", "c"], "error": pa.nulls(3, pa.string())})


@dataclass(frozen=True)
class Fixed:
    """Drops what it is told to."""

    drops: Drops
    needs: tuple[Measure, ...] = ()

    def judge(self, table: pa.Table) -> Drops:
        return self.drops


@pytest.mark.parametrize(
    ("drops", "twins", "distances"),
    [
        (Drops(), [None] * 3, [None] * 3),
        (Drops([5], ["odd"], ["because"]), [None] * 3, [None] * 3),
        (Drops([5, 8], ["odd"] * 2, ["because"] * 2, [3, None]), [None, 3, None], [None] * 3),
        (Drops([5, 8], ["odd"] * 2, ["because"] * 2, [3, 3], [0, 9]), [None, 3, 3], [None, 0, 9]),
    ],
)
def test_columns(drops: Drops, twins: list[int | None], distances: list[int | None]) -> None:
    """A rule may leave out twins and distances; the columns of the verdict come last and have their types."""
    table = verdicts(TABLE, (Fixed(drops),))
    assert tuple(table.schema)[-5:] == fields_of("verdict")
    assert (table["twin"].to_pylist(), table["distance"].to_pylist()) == (twins, distances)
    assert table["keep"].to_pylist() == [id not in drops.ids for id in (3, 5, 8)]
    assert verdicts(table, (Fixed(drops),)).equals(table)


def test_add() -> None:
    """A drop that is added needs neither twin nor distance."""
    drops = Drops()
    drops.add(5, "odd", "because")
    drops.add(8, "copy", "alike", 3)
    drops.add(9, "copy", "alike", 3, 4)
    assert drops == Drops([5, 8, 9], ["odd", "copy", "copy"], ["because", "alike", "alike"], [None, 3, 3], [None, None, 4])


@pytest.mark.parametrize("columns", [([5], [], []), ([5], ["odd"], ["because"], [1, 2]), ([], [], [], [], [4])])
def test_unequal_lengths(columns: tuple[list[object], ...]) -> None:
    """Columns of unequal length are refused with their lengths."""
    with pytest.raises(PipelineError, match=r"equal length, not \{'ids': .*'distances': \d\}; `Drops\(\)\.add"):
        Drops(*columns)


def copies(seed: int, size: int) -> pa.Table:
    """Rows of which many have the same content or hashes that are near, of any size and sharpness."""
    generator = np.random.default_rng(seed)
    content = generator.integers(0, max(1, size // 2), size)
    columns: dict[str, Any] = {
        "id": np.arange(size) * 2 + 1,
        "uri": [f"{row}.png" for row in range(size)],
        "digest": [f"{number:064x}" for number in content],
        "phash64": pa.array([bytes([1 << number % 3]) * 8 for number in content.tolist()], pa.binary(8)),
        **{name: generator.integers(1, 5, size).astype(np.int32) for name in ("height", "width", "bytes", "sharpness")},
        **{name: pa.nulls(size, pa.string()) for name in ("error", "label", "split")},
    }
    return pa.table(columns)


ANY_ORDER: list[Rule] = [
    Require("sharpness", least=3),
    Deduplicate(verify=None, proof=None, radius=8),
    Require("height", least=2),
    AllOf((Deduplicate(by=None), Require("width", least=2))),
]


@given(st.integers(0, 10_000), st.integers(0, 40), st.permutations(ANY_ORDER[:3]))
def test_no_copy_is_lost_with_its_original(seed: int, size: int, rules: list[Rule]) -> None:
    """Wherever the rule stands that finds copies, the image that stands for one is kept, and the same images are."""
    table = verdicts(copies(seed, size), tuple(rules))
    kept = set(table.filter(table["keep"])["id"].to_pylist())
    assert set(table["twin"].drop_null().to_pylist()) <= kept
    last = verdicts(copies(seed, size), (ANY_ORDER[0], ANY_ORDER[2], ANY_ORDER[1]))
    assert table.select(["keep", "twin"]) == last.select(["keep", "twin"])


@given(st.permutations(ANY_ORDER))
def test_copies_are_found_last(rules: list[Rule]) -> None:
    """Rules that find copies judge after the others, a combination of rules with one of them too, each else in its place."""
    finders = [rule for rule in rules if rule in (ANY_ORDER[1], ANY_ORDER[3])]
    assert in_turn(tuple(rules)) == [rule for rule in rules if rule not in finders] + finders
