"""The fingerprint of rows: of their values, and of nothing else."""

from itertools import pairwise

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from dataprep.manifest.fingerprint import COLUMNS, fingerprint_of

TEXT = st.none() | st.text(max_size=5)
ROWS = st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), TEXT, TEXT, st.none() | st.binary(min_size=32, max_size=32)))
LONG = pa.large_string()
Row = tuple[int, str | None, str | None, bytes | None]


def table_of(rows: list[Row], text: pa.DataType = LONG) -> pa.Table:
    """The rows as a table."""
    types = (pa.int64(), text, text, pa.binary(32))
    return pa.table([pa.array([row[at] for row in rows], kind) for at, kind in enumerate(types)], names=list(COLUMNS))


@given(ROWS, st.lists(st.integers(0, 20)), st.booleans())
def test_chunks_and_types_play_no_part(rows: list[Row], cuts: list[int], short: bool) -> None:
    """Rows have the same fingerprint however they are cut into tables and chunks, and whatever type of text they have."""
    edges = [0, *sorted(min(cut, len(rows)) for cut in cuts), len(rows)]
    table = table_of(rows, pa.string() if short else LONG)
    parts = [table.slice(start, stop - start) for start, stop in pairwise(edges)]
    whole = fingerprint_of([table_of(rows)], ("cat",))
    assert fingerprint_of(parts, ("cat",)) == whole
    assert fingerprint_of([pa.concat_tables(parts)], ("cat",)) == whole
    assert fingerprint_of(parts, ("dog",)) != whole


@given(ROWS, ROWS)
def test_other_rows(one: list[Row], other: list[Row]) -> None:
    """Other rows have another fingerprint: also null in place of an empty text, and a letter moved to the next row."""
    assert (fingerprint_of([table_of(one)], ()) == fingerprint_of([table_of(other)], ())) == (one == other)


def test_near_misses() -> None:
    """What looks the same once it is laid end to end is not."""
    pairs = (["ab", "c"], ["a", "bc"], ["abc", ""], ["abc", None], [None, "abc"])
    rows = [[(place, text, None, None) for place, text in enumerate(texts)] for texts in pairs]
    swapped = [[(row[0], row[2], row[1], row[3]) for row in some] for some in rows]
    assert len({fingerprint_of([table_of(some)], ()) for some in rows + swapped}) == 2 * len(pairs)
    assert len(fingerprint_of([table_of([])], ())) == 32
    assert np.unique([fingerprint_of([], ()), fingerprint_of([table_of([])], ())]).size == 1
