"""Duplicates for people: each kept image with the copies that were dropped for it, and which of these matter for training.

Two cases do more harm than a copy: a label conflict (the same picture under two labels) and a leak (the same picture in two
splits).
"""

from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

FAR: Final = np.iinfo(np.int32).max


class Cluster(NamedTuple):
    """A kept image and its copies.

    Attributes:
        twin: The row that is kept.
        leaves: The rows that were dropped for it: the nearest ones first, exact copies before all.
        conflict: Whether a leaf has another label than the twin.
        leak: Whether a leaf is in another split than the twin.
    """

    twin: int
    leaves: list[int]
    conflict: bool
    leak: bool


def clusters(table: pa.Table) -> list[Cluster]:
    """Returns the duplicates of a manifest's table, the largest clusters first; twins that the table lacks are left out."""
    leaves, twins = _pairs(table)
    order = np.lexsort((leaves, _distances(table)[leaves], twins))
    leaves, twins = leaves[order], twins[order]
    conflicts, leaks = (_differ(table[name], leaves, twins) for name in ("label", "split"))
    centres, starts = np.unique(twins, return_index=True)
    bounds = [*starts.tolist(), len(leaves)]
    found = [
        Cluster(int(centre), leaves[start:stop].tolist(), bool(conflicts[start:stop].any()), bool(leaks[start:stop].any()))
        for centre, start, stop in zip(centres, bounds[:-1], bounds[1:], strict=True)
    ]
    return sorted(found, key=lambda cluster: (-len(cluster.leaves), cluster.twin))


def _pairs(table: pa.Table) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Returns the rows that are copies and, for each, the row of its twin."""
    ids = table["id"].to_numpy()
    named = pc.fill_null(table["twin"], -1).to_numpy()
    indices = np.searchsorted(ids, named)
    found = indices < len(ids)
    found[found] &= ids[indices[found]] == named[found]
    return np.flatnonzero(found), indices[found].astype(np.int64)


def _distances(table: pa.Table) -> NDArray[np.int32]:
    """Returns how far each row is from its twin, in bits; what is not known is farther than anything."""
    distances: NDArray[np.int32] = pc.fill_null(table["distance"], FAR).to_numpy()
    return distances


def _differ(column: pa.ChunkedArray, leaves: NDArray[np.int64], twins: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Returns for each leaf whether its value differs from its twin's; what is missing differs from nothing."""
    unequal = pc.not_equal(column.take(pa.array(leaves)), column.take(pa.array(twins)))
    differ: NDArray[np.bool_] = pc.fill_null(unequal, False).to_numpy()
    return differ
