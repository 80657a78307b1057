"""Which pictures may share a part: those of which several corners look alike, at a cost that grows with the corners.

Descriptors of 256 bits are cut into eight words; two that differ in few bits agree in the low bits of some word. Words that
very many corners have say nothing of a picture, and are passed over. A pair of corners counts whether their bits agree or are
opposite, as in a negative. It is a sample, not a proof: a pair of pictures with few alike corners may be missed.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dataprep.search.pairs import agreeing

RADIUS: Final = 40
"""Bits of 256 in which the descriptors of a corner and its copy differ at the most."""
MOST: Final = 64
"""Corners that may have a word in common; more of them are a pattern, not a copy."""
LEAST: Final = 5
"""Corners of both pictures that have to look alike."""
TRIED: Final = 32
"""Pairs of pictures, those with the most corners alike, that are looked at for each picture."""


class Candidates(NamedTuple):
    """Pairs of pictures that may share a part; three (P,) columns.

    Attributes:
        first: The rows of the first pictures, below those of the second.
        second: The rows of the second pictures.
        negative: Whether one is to be taken as a negative of the other.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    negative: NDArray[np.bool_]


def candidates(codes: NDArray[np.uint8], owner: NDArray[np.int64]) -> Candidates:
    """Returns the pairs of pictures with enough corners alike.

    Args:
        codes: (C, 32) descriptors.
        owner: (C,) the row of the picture of each, ascending.
    """
    size = int(owner[-1]) + 1 if len(owner) else 0
    one, other, negative = _alike(codes, owner)
    keys, pair = np.unique((owner[one] * size + owner[other]) * 2 + negative, return_inverse=True)
    votes = np.minimum(*(_distinct(pair, corner, len(keys), len(codes)) for corner in (one, other)))
    keys, votes = keys[votes >= LEAST], votes[votes >= LEAST]
    found = Candidates(keys // 2 // max(1, size), keys // 2 % max(1, size), keys % 2 == 1)
    best = _rank(found.first, votes) < TRIED
    best |= _rank(found.second, votes) < TRIED
    return Candidates(found.first[best], found.second[best], found.negative[best])


def _alike(codes: NDArray[np.uint8], owner: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Returns the pairs of corners of different pictures that look alike, each once, and whether their bits are opposite."""
    words = np.ascontiguousarray(codes).view(np.uint64)
    found = [np.empty(0, np.int64)]
    for one, other in _sharing(codes):
        apart = owner[one] != owner[other]
        one, other = one[apart], other[apart]
        distance = np.bitwise_count(words[one] ^ words[other]).sum(axis=1, dtype=np.int64)
        near = np.minimum(distance, 256 - distance) <= RADIUS
        low, high = np.minimum(one, other)[near], np.maximum(one, other)[near]
        found.append((low * len(codes) + high) * 2 + (distance[near] > RADIUS))
    keys = np.unique(np.concatenate(found))
    return keys // 2 // max(1, len(codes)), keys // 2 % max(1, len(codes)), keys % 2 == 1


def _sharing(codes: NDArray[np.uint8]) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yields pairs of corners that agree in the low bits of a word, or are opposite in all of them."""
    bits = min(32, max(14, len(codes).bit_length() + 2))
    mask = np.uint32((1 << bits) - 1)
    for word in np.ascontiguousarray(codes).view(np.uint32).T & mask:
        keys = np.minimum(word, ~word & mask)
        _, which, count = np.unique(keys, return_inverse=True, return_counts=True)
        rows = np.flatnonzero((count[which] > 1) & (count[which] <= MOST))
        for one, other in agreeing(keys[rows].astype(np.uint64), len(rows)):
            yield rows[one], rows[other]


def _distinct(pair: NDArray[np.int64], corner: NDArray[np.int64], pairs: int, corners: int) -> NDArray[np.int64]:
    """Returns (pairs,) how many different corners take part in each pair of pictures."""
    return np.bincount(np.unique(pair * max(1, corners) + corner) // max(1, corners), minlength=pairs)


def _rank(picture: NDArray[np.int64], votes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Returns the place of each pair among those of its picture, the one with the most votes first."""
    order = np.lexsort((-votes, picture))
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order)) - np.searchsorted(picture[order], picture[order])
    return rank
