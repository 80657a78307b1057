"""Verdicts: what rules drop, in columns of the types that a manifest has."""

from dataclasses import dataclass

import pyarrow as pa
import pytest

from dataprep.columns import fields_of
from dataprep.errors import PipelineError
from dataprep.manifest.verdicts import verdicts
from dataprep.protocols import Measure
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
