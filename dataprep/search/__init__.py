"""All pairs of hashes within a Hamming radius, exactly, and the stars around kept images that follow from them."""

from dataprep.search.alike import Hashes, keep_best
from dataprep.search.pairs import Codes, Pairs, hamming, pairs_within
from dataprep.search.proof import Pictures
from dataprep.search.stars import stars, stars_of

__all__ = ["Codes", "Hashes", "Pairs", "Pictures", "hamming", "keep_best", "pairs_within", "stars", "stars_of"]
