"""All pairs of hashes within a Hamming radius, exactly, and the stars around kept images that follow from them; shared parts."""

from dataprep.search.alike import Hashes, keep_best, suspects
from dataprep.search.overlaps import Agreement, Local, Overlap, agreement, overlap
from dataprep.search.pairs import Codes, Pairs, hamming, pairs_within
from dataprep.search.proof import Pictures
from dataprep.search.stars import stars, stars_of
from dataprep.search.votes import Candidates, candidates

__all__ = [
    "Agreement",
    "Candidates",
    "Codes",
    "Hashes",
    "Local",
    "Overlap",
    "Pairs",
    "Pictures",
    "agreement",
    "candidates",
    "hamming",
    "keep_best",
    "overlap",
    "pairs_within",
    "stars",
    "stars_of",
    "suspects",
]
