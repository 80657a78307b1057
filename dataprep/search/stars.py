"""Which images stand for which: stars around kept images, never connected components.

Components chain: if A is like B and B like C, then A falls to C though they may look nothing alike. In a star every leaf
is within the radius of its own centre.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from dataprep.search.blocks import mixed, words_of
from dataprep.search.pairs import Codes, Pairs, pairs_within

CHUNK = 1 << 14  # pairs looked at one by one after those of rows that have fallen were put aside
SAMPLE = 2048  # hashes that tell how many pairs there will be: two million pairs
MOST_PAIRS = 4_000_000  # that a search may be expected to find: 64 MB, and twice that to sort them


def stars(pairs: Pairs, size: int) -> NDArray[np.int64]:
    """Chooses the rows to keep, going from the first row to the last, and gives each other row one that stands for it.

    Args:
        pairs: (P, 2) rows that are alike.
        size: How many rows there are, the best first.

    Returns:
        (size,) each row's centre; a kept row is its own. No two kept rows are alike, and every other row is like its centre,
        the best of the kept rows that it is like.
    """
    centre = np.arange(size)
    low, high = pairs.min(axis=1, initial=size), pairs.max(axis=1, initial=0)
    ordered = np.sort(low << 32 | high)
    for start in range(0, len(ordered), CHUNK):
        part = ordered[start : start + CHUNK]
        first, second = part >> 32, part & 0xFFFFFFFF
        # first rows ascend: when one comes up, all the rows that it could have fallen to have been
        open_ = (centre[first] == first) & (centre[second] == second)
        for row, other in zip(first[open_].tolist(), second[open_].tolist(), strict=True):
            if centre[row] == row and centre[other] == other:
                centre[other] = row
    return centre


def stars_of(codes: Codes, radius: int) -> NDArray[np.int64]:
    """Returns the stars of (N, bytes) hashes, the best row first: each row's centre within the radius.

    Identical hashes are collapsed before the search, so a million blank images cost no more than one.
    """
    first = first_of_equal(codes)
    best = np.flatnonzero(first == np.arange(len(codes)))  # best: (U,) the first row of each distinct hash
    centre = best[stars_in_parts(lambda rows, firsts: pairs_within(codes[best[rows]], radius, firsts), len(best))]
    return np.asarray(centre[np.searchsorted(best, first)])


def stars_in_parts(alike: Callable[[NDArray[np.int64], int], Pairs], size: int) -> NDArray[np.int64]:
    """Returns the stars that `stars` would of all pairs, which need not fit into memory at once.

    Where very many rows are alike, the first ones are searched first, and what falls to them is not compared any further.

    Args:
        alike: Given R rows and a number, the pairs among range(R) of those that are alike, the first of a pair below the number.
        size: How many rows there are, the best first.
    """
    centre = np.arange(size)
    rest = centre.copy()  # rest: the rows that have not fallen and were in no part
    while len(rest):
        part, rest = np.split(rest, [_part(alike, rest)])
        centre[part] = part[stars(alike(part, len(part)), len(part))]
        kept = part[centre[part] == part]
        if len(rest):
            both = np.concatenate([kept, rest])
            first, second = alike(both, len(kept)).T
            centre[both[second[::-1]]] = both[
                first[::-1]
            ]  # in reverse: of the kept rows that it is like, the best is written last
            rest = rest[centre[rest] == rest]
    return centre


def _part(alike: Callable[[NDArray[np.int64], int], Pairs], rows: NDArray[np.int64]) -> int:
    """Returns how many of the first rows have no more pairs than fit into memory, judged by a sample of them."""
    size = len(rows)
    while size > SAMPLE:
        sample = rows[np.linspace(0, size - 1, SAMPLE).astype(np.int64)]
        if len(alike(sample, SAMPLE)) * (size / SAMPLE) ** 2 <= MOST_PAIRS:
            break
        size = max(SAMPLE, size * 3 // 4)
    return size


def first_of_equal(codes: Codes, *others: Callable[[NDArray[np.int64]], Codes]) -> NDArray[np.int64]:
    """Returns, for each row of (N, bytes) hashes, the first row with the same hash.

    Args:
        codes: The hashes.
        others: Each gives (R, bytes) more of some rows, which have to be the same, too; asked only of rows with the same hash.
    """
    first = _first_of_equal(codes)
    shared = np.flatnonzero(np.bincount(first, minlength=len(first))[first] > 1) if others else first[:0]
    if len(shared):
        whole = np.concatenate([codes[shared], *(other(shared) for other in others)], axis=1)
        first[shared] = shared[_first_of_equal(whole)]
    return first


def _first_of_equal(codes: Codes) -> NDArray[np.int64]:
    words = words_of(codes)
    order = np.argsort(mixed(words), kind="stable")
    ordered = words[:, order]
    new = np.append(True, (ordered[:, 1:] != ordered[:, :-1]).any(axis=0))[: len(codes)]
    first = np.empty(len(codes), np.int64)
    first[order] = order[new][np.cumsum(new) - 1]
    return first
