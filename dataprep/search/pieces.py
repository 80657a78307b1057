"""Codes that lie in several pieces of memory, as a column of many rows does: taken by row, never laid end to end."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


class Pieces:
    """(N, bytes) codes in several arrays, one after the other."""

    def __init__(self, pieces: Sequence[NDArray[np.uint8]]) -> None:
        """Takes the arrays, each (n, bytes)."""
        self._pieces = pieces
        self._ends = np.cumsum([len(piece) for piece in pieces])

    def __len__(self) -> int:
        """How many codes there are."""
        return int(self._ends[-1])

    def __getitem__(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Returns (R, bytes) those of some rows."""
        which = np.searchsorted(self._ends, rows, side="right")
        taken = np.empty((len(rows), self._pieces[0].shape[1]), np.uint8)
        for number in np.unique(which):
            here = which == number
            piece = self._pieces[number]
            taken[here] = piece[rows[here] - (self._ends[number] - len(piece))]
        return taken
