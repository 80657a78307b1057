"""Some of many rows: found by their place among those that are chosen."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from dataprep.manifest.chosen import Chosen, mask_of

TRUTHS = st.lists(st.booleans(), max_size=300)


@given(TRUTHS)
def test_rows_by_place(truths: list[bool]) -> None:
    """The n-th chosen row is that of a list of all chosen rows, whichever are chosen."""
    mask = np.array(truths, bool)
    chosen, rows = Chosen.of(mask), np.flatnonzero(mask)
    assert len(chosen) == len(rows)
    assert np.array_equal(chosen.mask, mask)
    assert np.array_equal(chosen.rows(np.arange(len(rows))), rows)
    assert np.array_equal(chosen.rows(np.arange(len(rows))[::-1]), rows[::-1])


@given(TRUTHS, st.data())
def test_some_of_them(truths: list[bool], data: st.DataObject) -> None:
    """Of those that are chosen some can be chosen, as often as one likes."""
    mask = np.array(truths, bool)
    inner = np.array(data.draw(st.lists(st.booleans(), min_size=sum(truths), max_size=sum(truths))), bool)
    expected = np.flatnonzero(mask)[inner]
    assert np.array_equal(np.flatnonzero(Chosen.of(mask).within(inner).mask), expected)


@given(st.lists(st.sampled_from([True, False, None]), max_size=40), st.integers(0, 20))
def test_masks_of_columns(truths: list[bool | None], start: int) -> None:
    """A column of truth values is a mask wherever it starts and however it is cut, and null is no."""
    column = pa.array(truths, pa.bool_())[start:]
    expected = [bool(truth) for truth in truths[start:]]
    assert mask_of(column).tolist() == expected
    assert mask_of(pa.chunked_array([column[:7], column[7:]], pa.bool_())).tolist() == expected
