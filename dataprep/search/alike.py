"""Which images are alike: candidates by the Hamming distance of one hash, verified by that of a second, proven by pictures.

An image may have several hashes: of its regions, or of its variants, which are the image mirrored, turned or cropped. Two images
are as far apart as the nearest of their hashes, at least one of which is not a variant's.
"""

from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from dataprep.search.blocks import mixed, words_of
from dataprep.search.pairs import Codes, Pairs, hamming, pairs_within
from dataprep.search.proof import REFERENCES, Pictures, kinship
from dataprep.search.stars import first_of_equal, stars_in_parts


@dataclass(frozen=True)
class Hashes:
    """One kind of hash of many images.

    Attributes:
        codes: (N, H, bytes) each image's hashes; where it has fewer than others, its first one again.
        radius: The largest distance, in bits, of images that are alike.
        own: So many of the H are hashes of the image or of its regions; the others are its variants'.
    """

    codes: Codes
    radius: int
    own: int = 1

    def take(self, rows: NDArray[np.int64]) -> "Hashes":
        """Returns those of some images."""
        return Hashes(self.codes[rows], self.radius, self.own)

    def distances(self, pairs: Pairs) -> NDArray[np.int64]:
        """Returns (P,) the distance of each pair of rows, the least over their hashes."""
        first, second = pairs.T
        least = hamming(self.codes[first, 0], self.codes[second, 0])
        fresh = self._fresh()
        for one, other in product(range(self.codes.shape[1]), repeat=2):
            if one + other > 0 and min(one, other) < self.own:
                at = np.flatnonzero(fresh[first, one] & fresh[second, other])
                least[at] = np.minimum(least[at], hamming(self.codes[first[at], one], self.codes[second[at], other]))
        return least

    def pairs(self, firsts: int | None = None) -> Pairs:
        """Returns all pairs within the radius, or those whose first row is below a number."""
        size, count, _ = self.codes.shape
        if count == 1:
            return pairs_within(self.codes[:, 0], self.radius, firsts)
        owner, which = np.nonzero(self._fresh())
        order = np.argsort(which >= self.own, kind="stable")  # one end of a pair is an image's own
        owner, which = owner[order], which[order]
        sought = owner < (size if firsts is None or self.own < count else firsts)
        found = owner[pairs_within(self.codes[owner, which], self.radius, int((sought & (which < self.own)).sum()))]
        found = np.sort(found[found[:, 0] != found[:, 1]], axis=1)
        found = np.unique(found, axis=0)
        return found if firsts is None else found[found[:, 0] < firsts]

    def _fresh(self) -> NDArray[np.bool_]:
        """Returns (N, H) which hashes are not the image's first one again."""
        fresh: NDArray[np.bool_] = (self.codes != self.codes[:, :1]).any(axis=2)
        fresh[:, 0] = True
        return fresh


def keep_best(
    hashes: Hashes, verify: Hashes | None = None, protected: int = 0, pictures: Pictures | None = None
) -> NDArray[np.int64]:
    """Chooses the images to keep and gives each other one the kept image that stands for it.

    Identical hashes are collapsed before the search, so a million blank images cost no more than one.

    Args:
        hashes: Finds the candidates; the best image is the first row.
        verify: A second hash of the same images that a candidate pair must also be within the radius of.
        protected: So many rows at the start are kept even where they are alike.
        pictures: Small pictures of the same images that have to prove each candidate pair; None trusts the hashes.

    Returns:
        (N,) each row's centre, its own if it is kept. Every other row is like its centre, and no two kept rows are alike but for
        protected ones.
    """
    size = len(hashes.codes)
    if size == 0:
        return np.empty(0, np.int64)
    others = [] if verify is None else [lambda rows: verify.codes[rows].reshape(len(rows), -1)]
    first = first_of_equal(hashes.codes.reshape(size, -1), *others, *([pictures.at] if pictures else []))
    best = np.flatnonzero(first == np.arange(size))  # best: (U,) the first row of each distinct hash, in order of preference

    def alike(rows: NDArray[np.int64], firsts: int) -> Pairs:
        """Returns the pairs of places in `rows` that are copies, the first of a pair below `firsts`, no two protected."""
        pairs = hashes.take(best[rows]).pairs(firsts)
        if verify is not None:
            pairs = pairs[verify.distances(best[rows][pairs]) <= verify.radius]
        pairs = pairs[best[rows[pairs[:, 1]]] >= protected]
        return pairs if pictures is None else pairs[_proven(pictures, hashes, best[rows][pairs])]

    centre = best[stars_in_parts(alike, len(best))][np.searchsorted(best, first)]
    centre[:protected] = np.arange(protected)
    return np.asarray(centre)


def suspects(hashes: Hashes, verify: Hashes | None, pictures: Pictures) -> Pairs:
    """Returns the pairs of rows that the hashes take for copies and the small pictures neither prove nor quite deny."""
    pairs = hashes.pairs()
    if verify is not None:
        pairs = pairs[verify.distances(pairs) <= verify.radius]
    known, at = _with_kin(pictures, hashes, pairs)
    return pairs[known.suspect(at)]


def _proven(pictures: Pictures, hashes: Hashes, pairs: Pairs) -> NDArray[np.bool_]:
    """Returns (P,) which pairs the pictures prove."""
    known, at = _with_kin(pictures, hashes, pairs)
    return known.prove(at)


def _with_kin(pictures: Pictures, hashes: Hashes, pairs: Pairs) -> tuple[Pictures, Pairs]:
    """Returns the small pictures of pairs, which know whether others of the set are like them, and the pairs of these."""
    rows, at = np.unique(pairs, return_inverse=True)
    order = np.argsort(mixed(words_of(hashes.codes[:, 0])), kind="stable")[:REFERENCES]
    some = pictures.take(np.concatenate([order, rows]))
    kin = kinship(some, np.arange(len(order)), len(order) + np.arange(len(rows)))
    return replace(pictures.take(rows), kin=kin), at.reshape(-1, 2)
