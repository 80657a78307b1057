"""Which images are alike: candidates by the Hamming distance of one hash, verified by that of a second, stronger one.

A hash may come with variants: the hashes of the image mirrored, turned or cropped. Two images are as far apart as the nearest
of one's hash to the other's hash or variants.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dataprep.search.pairs import Codes, Pairs, hamming, pairs_within
from dataprep.search.stars import first_of_equal, stars_in_parts


@dataclass(frozen=True)
class Hashes:
    """One hash of many images.

    Attributes:
        codes: (N, bytes) each image's hash.
        variants: (N, V, bytes) the hashes of its variants; V may be 0.
        radius: The largest distance, in bits, of images that are alike.
    """

    codes: Codes
    variants: Codes
    radius: int

    def take(self, rows: NDArray[np.int64]) -> "Hashes":
        """Returns those of some images."""
        return Hashes(self.codes[rows], self.variants[rows], self.radius)

    def distances(self, pairs: Pairs) -> NDArray[np.int64]:
        """Returns (P,) the distance of each pair of rows, the least over the variants."""
        first, second = pairs.T
        least = hamming(self.codes[first], self.codes[second])
        for variant in range(self.variants.shape[1]):
            least = np.minimum(least, hamming(self.codes[first], self.variants[second, variant]))
            least = np.minimum(least, hamming(self.variants[first, variant], self.codes[second]))
        return least

    def pairs(self, firsts: int | None = None) -> Pairs:
        """Returns all pairs within the radius, or those whose first row is below a number."""
        size, count = len(self.codes), self.variants.shape[1]
        if count == 0:
            return pairs_within(self.codes, self.radius, firsts)
        every = np.concatenate([self.codes, self.variants.reshape(size * count, -1)])
        owner = np.concatenate([np.arange(size), np.repeat(np.arange(size), count)])
        found = owner[pairs_within(every, self.radius, firsts=size)]  # one end of a pair is an image itself
        found = np.sort(found[found[:, 0] != found[:, 1]], axis=1)
        found = np.unique(found, axis=0)
        return found if firsts is None else found[found[:, 0] < firsts]


def keep_best(hashes: Hashes, verify: Hashes | None = None, protected: int = 0) -> NDArray[np.int64]:
    """Chooses the images to keep and gives each other one the kept image that stands for it.

    Identical hashes are collapsed before the search, so a million blank images cost no more than one.

    Args:
        hashes: Finds the candidates; the best image is the first row.
        verify: A second hash of the same images that a candidate pair must also be within the radius of.
        protected: So many rows at the start are kept even where they are alike.

    Returns:
        (N,) each row's centre, its own if it is kept. Every other row is like its centre, and no two kept rows are alike but for
        protected ones.
    """
    size = len(hashes.codes)
    if size == 0:
        return np.empty(0, np.int64)
    parts = [part.reshape(size, -1) for given in (hashes, verify) if given for part in (given.codes, given.variants)]
    first = first_of_equal(np.concatenate(parts, axis=1))
    best = np.flatnonzero(first == np.arange(size))  # best: (U,) the first row of each distinct hash, in order of preference

    def alike(rows: NDArray[np.int64], firsts: int) -> Pairs:
        pairs = hashes.take(best[rows]).pairs(firsts)
        if verify is not None:
            pairs = pairs[verify.take(best[rows]).distances(pairs) <= verify.radius]
        return pairs[best[rows[pairs[:, 1]]] >= protected]

    centre = best[stars_in_parts(alike, len(best))][np.searchsorted(best, first)]
    centre[:protected] = np.arange(protected)
    return np.asarray(centre)
