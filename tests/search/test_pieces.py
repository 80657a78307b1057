"""Codes in several pieces of memory."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dataprep.search.pieces import Pieces


@given(st.lists(st.integers(0, 5), min_size=1), st.integers(1, 9), st.data())
def test_as_one(sizes: list[int], width: int, data: st.DataObject) -> None:
    """Rows are what they would be if the pieces lay end to end."""
    whole = np.random.default_rng(0).integers(0, 256, (sum(sizes), width), np.uint8)
    pieces = Pieces(np.split(whole, np.cumsum(sizes)[:-1]))
    assert len(pieces) == len(whole)
    rows = data.draw(st.lists(st.integers(0, len(whole) - 1))) if len(whole) else []
    np.testing.assert_array_equal(pieces[np.array(rows, np.int64)], whole[np.array(rows, np.int64)])
