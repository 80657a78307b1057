"""Every pair of hashes within a Hamming radius: exact, in memory that grows with the hashes and the pairs.

Either all are compared with all, or only those that agree in some of their bits (`blocks` says how): whichever costs less.
A search that takes long here goes to the compiled twin of this module, `kernels`, where numba is installed.
"""

import sys
from collections.abc import Iterator
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from dataprep.search.blocks import Rates, Table, Words, mixed, plan, tables, varying, words_of

Codes = NDArray[np.uint8]
"""(N, bytes) hashes, one row each."""

Pairs = NDArray[np.int64]
"""(P, 2) rows, first < second, in ascending order, each pair once."""

CHUNK = 1 << 16  # pairs compared at once: half a megabyte of words, which a core's cache holds
ALL_AGAINST_ALL = 2_000  # below this many hashes, comparing them all is quicker than any plan
PATIENCE = 1.0  # seconds that a search may take here before numba is imported for it; a fiftieth where it was already


def hamming(left: Codes, right: Codes) -> NDArray[np.int64]:
    """Returns the number of bits that differ between the rows of two (N, bytes) arrays of hashes."""
    distances: NDArray[np.int64] = np.bitwise_count(left ^ right).sum(axis=-1, dtype=np.int64)
    return distances


def pairs_within(codes: Codes, radius: int, firsts: int | None = None) -> Pairs:
    """Finds all pairs of rows whose hashes differ in at most `radius` bits.

    Many identical hashes make many pairs (n of them n * (n - 1) / 2); `stars_of` collapses them first.

    Args:
        codes: (N, bytes) hashes.
        radius: The largest Hamming distance, in bits.
        firsts: Where given, only pairs whose first row is below this: hashes that are sought, before those they are sought in.

    Returns:
        (P, 2) rows, first < second, in ascending order, each pair once.
    """
    size = len(codes)
    firsts = size if firsts is None else min(firsts, size)
    words = words_of(codes)
    found = np.sort(_search(words, radius, firsts))  # found: (P,) first row << 32 | second row
    pairs = np.stack([found >> np.uint64(32), found & np.uint64(0xFFFFFFFF)], axis=1).astype(np.int64)
    return pairs[: np.searchsorted(pairs[:, 0], firsts)]


def _search(words: Words, radius: int, firsts: int) -> NDArray[np.uint64]:
    """Finds the pairs, in any order, in the way that costs least."""
    width, size = words.shape
    if size < ALL_AGAINST_ALL:
        return _joined(_all_pairs(words, radius, firsts))
    asked, bits = firsts * (size - firsts / 2), len(varying(words))
    blocks, seconds = plan(size, asked, bits, radius, Rates(row=120, candidate=15 + 8 * width, pair=0.75 * width))
    patience = PATIENCE / 50 if "dataprep.search.kernels" in sys.modules else PATIENCE
    if seconds > patience and width <= 4 and find_spec("numba"):
        from dataprep.search import kernels

        blocks, _ = plan(size, asked, bits, radius, compiled_rates(width))
        return kernels.search(words, radius, tables(words, radius, blocks), firsts)
    if blocks == 0:
        return _joined(_all_pairs(words, radius, firsts))
    return _joined(found for table in tables(words, radius, blocks) for found in _table_pairs(words, radius, firsts, table))


def compiled_rates(width: int) -> Rates:
    """Returns what the steps of the compiled search cost for hashes of so many words."""
    return Rates(row=30, candidate=0.06 + 0.03 * width, pair=0.06 + 0.03 * width)


def _joined(found: Iterator[NDArray[np.uint64]]) -> NDArray[np.uint64]:
    return np.concatenate([np.empty(0, np.uint64), *found])


def _as_one(first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.uint64]:
    return (first << 32 | second).astype(np.uint64)


def _all_pairs(words: Words, radius: int, firsts: int) -> Iterator[NDArray[np.uint64]]:
    """Yields the pairs within the radius, comparing all: a few rows with many others at once."""
    size = words.shape[1]
    columns = min(CHUNK, 8192)
    rows = CHUNK // columns
    for row in range(0, firsts, rows):
        for column in range(row, size, columns):
            distances = _distances(words[:, row : row + rows, None], words[:, None, column : column + columns])
            # one flat search: that of numpy in two dimensions takes three times as long as the distances
            first, second = np.divmod(np.flatnonzero(distances <= radius), distances.shape[1])
            later = second + column > first + row
            yield _as_one(first[later] + row, second[later] + column)


def _table_pairs(words: Words, radius: int, firsts: int, table: Table) -> Iterator[NDArray[np.uint64]]:
    """Yields the pairs within the radius that a table answers for."""
    for one, other in agreeing(mixed(words & table.mask[:, None]), firsts):
        differing = words[:, one] ^ words[:, other]
        near = np.bitwise_count(differing).sum(axis=0, dtype=np.uint16) <= radius
        first, second, differing = one[near], other[near], differing[:, near]
        # own: they agree in the blocks of the table, not by chance of mixing, and in no earlier block
        own = ~(differing & table.mask[:, None]).any(axis=0)
        own &= (differing[None] & table.earlier[:, :, None]).any(axis=1).all(axis=0)
        yield _as_one(first[own], second[own])


def agreeing(keys: NDArray[np.uint64], firsts: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yields the pairs of rows whose keys are equal, about CHUNK at once."""
    order = np.argsort(keys, kind="stable")  # rows ascend where keys are equal
    ordered = keys[order]
    ends = np.append(np.flatnonzero(ordered[1:] != ordered[:-1]), len(keys) - 1)  # ends: the last place of each run of equal keys
    later = np.repeat(ends, np.diff(ends, prepend=-1)) - np.arange(len(keys))  # later: so many places after each one are equal
    places = np.flatnonzero((later > 0) & (order < firsts))
    later = later[places]
    total = np.cumsum(later)
    edges = np.searchsorted(total, np.arange(CHUNK, total[-1] if len(total) else 0, CHUNK))
    for part, counts in zip(np.split(places, edges), np.split(later, edges), strict=True):
        place = np.repeat(part, counts)
        step = np.arange(len(place)) - np.repeat(np.cumsum(counts) - counts, counts)
        yield order[place], order[place + 1 + step]


def _distances(left: Words, right: Words) -> NDArray[np.uint8 | np.uint16]:
    """Returns the distances of (W, A, 1) to (W, 1, B) hashes, as (A, B)."""
    distances: NDArray[np.uint8 | np.uint16] = np.bitwise_count(left[0] ^ right[0])
    for one, other in zip(left[1:], right[1:], strict=True):
        distances = np.add(distances, np.bitwise_count(one ^ other), dtype=np.uint16)
    return distances
