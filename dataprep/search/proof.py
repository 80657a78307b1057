"""The proof that two pictures are copies: hashes propose, a small picture of each decides.

A hash of 64 bits knows the broad shapes of a picture, which are alike in all handwritten digits, in all fillings of a form and
in all X-rays of a chest. Small pictures, 32 × 32 luminance and 4 × 4 colours, tell them apart: gradients of copies correlate.

How well they have to depends on what else there is. A photograph is like nothing else in its set, so a correlation of 0.8
does not come about by chance, also after one of the two was turned or cut a little and is aligned with the other. Who has kin in
the set, other pictures that correlate with it, has to be as much closer to its copy. Of drawings and letters, which are mostly
flat, and in families of look-alikes, copies are only what re-encoding, resizing and another light leave: the same everywhere.
"""

from dataclasses import dataclass, replace
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dataprep.search.alignment import aligned
from dataprep.search.likeness import (
    ALIGNED,
    best_of_shifts,
    directions,
    flatness,
    luminance,
    narrowness,
    pose,
    same_colors,
    without_difference,
)
from dataprep.search.pairs import Pairs
from dataprep.search.pieces import Pieces

KIN: Final = (0.18, 0.33)
"""The correlation with others of the set: up to the first a picture stands alone, from the second on it is one of a family."""
REFERENCES: Final = 64
"""Pictures of the set that each one is compared with, to see whether it is one of a family."""
CLAN: Final = 0.1
"""The share of the set that a family has at least: so many others correlate as well or better."""
MARGIN: Final = 3
"""Pixels at each edge that make no kin: frames and the black corners of turned pictures are alike in any two."""
FEWEST: Final = 10
"""In a set of fewer nothing is known of families; then a picture has to look like a photograph to count as one."""
LOOSE: Final = 0.805
"""The correlation of photographs that are copies, the best of shifts by a pixel."""
ALIGNED_VIEWS: Final = 0.75
"""The correlation once they are aligned, where the hashes of variants have found the motion already."""
STRICT: Final = 0.97
"""The correlation of simple pictures that are copies."""
HOPE: Final = 0.25
"""The correlation from which on an alignment is tried."""
ALIGNED_FLAT: Final = 0.85
"""The correlation, once they are aligned, of pictures that are mostly flat."""
FLAT_ALONE: Final = (0.25, 0.35)
"""As `FLAT`, in a set of which nothing else is known."""
CROWD: Final = 4
"""So many candidates that look alike without being plain copies make a family of a picture."""
LIKENESS: Final = (0.4, 0.985)
"""The correlation of those; that of plain copies, re-encoded or resized, is higher."""
SUSPECT: Final = (0.65, 0.8)
"""From these on photographs that are not proven to be copies look as if they were: the best of shifts, and once aligned."""
CHUNK: Final = 4096

Poses: TypeAlias = tuple[int, ...]
"""Mirrorings and turns of the second picture: bit 0 left and right, bit 1 top and bottom, bit 2 rows and columns exchanged."""


@dataclass(frozen=True)
class Pictures:
    """Small pictures of many images.

    Attributes:
        codes: (N, BYTES) uint8: luminance row by row, then Cb and Cr of each cell.
        poses: In which poses the second of a pair may be a copy.
        aligned: The correlation that is enough once photographs are aligned.
        kin: (N,) how well each correlates with others of its set, see `kinship`; None where nobody looked.
        hope: The correlation from which on an alignment is tried.
        rows: (N,) where each of them is in `codes`, which may hold others; None where they are all.
    """

    codes: "NDArray[np.uint8] | Pieces"
    poses: Poses = (0,)
    aligned: float = ALIGNED
    hope: float = HOPE
    kin: NDArray[np.float64] | None = None
    rows: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        """How many there are."""
        return len(self.codes) if self.rows is None else len(self.rows)

    def take(self, rows: NDArray[np.int64]) -> "Pictures":
        """Returns those of some images; copies no picture."""
        kin = None if self.kin is None else self.kin[rows]
        return replace(self, kin=kin, rows=rows if self.rows is None else self.rows[rows])

    def at(self, places: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Returns (P, BYTES) the pictures at some places."""
        return self.codes[places if self.rows is None else self.rows[places]]

    def prove(self, pairs: Pairs) -> NDArray[np.bool_]:
        """Returns (P,) which pairs of rows are copies."""
        kin = np.full(len(pairs), np.nan) if self.kin is None else self.kin[pairs].max(axis=1)
        family = np.nan_to_num(np.clip((kin - KIN[0]) / (KIN[1] - KIN[0]), 0, 1))
        # of the two the less simple: who brightens a photograph clips it, and so makes parts of it flat
        simple = np.maximum(family, self._simplicity(pairs).min(axis=1))
        proven = np.zeros(len(pairs), bool)
        crowded: NDArray[np.bool_] | None = None
        for turn in self.poses:  # the first of which is how they lie
            found = self._correlations(pairs, turn)
            crowded = self._crowded(pairs, found) if crowded is None else crowded
            proven |= self._judge(pairs, turn, _Bounds.of(simple, kin, crowded, self), found)
        return proven

    def suspect(self, pairs: Pairs) -> NDArray[np.bool_]:
        """Returns (P,) which pairs look like copies of a photograph that is like nothing else in its set, and are not proven."""
        found = self._correlations(pairs, 0)
        kin = np.full(len(pairs), np.nan) if self.kin is None else self.kin[pairs].max(axis=1)
        maybe: NDArray[np.bool_] = (
            (kin < KIN[0]) & (found >= HOPE) & ~self._crowded(pairs, found) & (self._simplicity(pairs).max(axis=1) == 0)
        )
        maybe[maybe] &= self._correlations(pairs[maybe], 0, MARGIN) >= HOPE  # and not by their frames alone
        at = np.flatnonzero(maybe)
        first, second = (self.at(end) for end in pairs[at].T)
        one, other = luminance(first), luminance(second)
        alike = best_of_shifts(one, other) >= SUSPECT[0]
        rows = np.flatnonzero(~alike)
        alike[rows] = aligned(one[rows], other[rows], np.full(len(rows), SUSPECT[1]))
        maybe[at] = alike & same_colors(first, second, strict=np.zeros(len(at), bool), lone=np.ones(len(at), bool))
        maybe[maybe] = ~self.prove(pairs)[maybe]
        return maybe

    def _simplicity(self, pairs: Pairs) -> NDArray[np.float64]:
        """Returns (P, 2) how far from photographs pictures are that nobody compared with others, 0 to 1."""
        rows, at = np.unique(pairs, return_inverse=True)
        simple = np.empty(len(rows))
        alone = np.full(len(rows), True) if self.kin is None else np.isnan(self.kin[rows])
        for start in range(0, len(rows), CHUNK):
            part = slice(start, start + CHUNK)
            pictures = luminance(self.at(rows[part]))
            known, unknown = flatness(pictures), np.maximum(narrowness(pictures), flatness(pictures, FLAT_ALONE))
            simple[part] = np.where(alone[part], unknown, known)
        return simple[at.reshape(-1, 2)]

    def _correlations(self, pairs: Pairs, turn: int, margin: int = 0) -> NDArray[np.float32]:
        """Returns (P,) the correlation of the gradients of two pictures as they lie, the second in a pose, within a margin."""
        found = np.empty(len(pairs), np.float32)
        for start in range(0, len(pairs), CHUNK):
            first, second = pairs[start : start + CHUNK].T
            (ones, one), (others, other) = (np.unique(rows, return_inverse=True) for rows in (first, second))
            one_field, other_field = directions(self.at(ones), margin), directions(pose(self.at(others), turn), margin)
            found[start : start + CHUNK] = np.einsum("pf,pf->p", one_field[one], other_field[other])
        return found

    def _crowded(self, pairs: Pairs, found: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Returns (P,) whether one of two has many candidates that look alike without being plain copies."""
        maybe = pairs[(found >= LIKENESS[0]) & (found < LIKENESS[1])]
        maybe = maybe[self._correlations(maybe, 0, MARGIN) >= LIKENESS[0]]
        alike = np.bincount(maybe.ravel(), minlength=len(self))
        return np.asarray(alike[pairs].max(axis=1, initial=0) >= CROWD)

    def _judge(self, pairs: Pairs, turn: int, bounds: "_Bounds", found: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Returns (P,) which pairs are copies, in one pose; what is dear is asked only of those that may be."""
        alike = found >= bounds.wanted
        tried = np.flatnonzero(alike | ~bounds.strict | (bounds.movable & (found >= self.hope)))
        for start in range(0, len(tried), CHUNK):
            part = tried[start : start + CHUNK]
            first, second = self.at(pairs[part, 0]), pose(self.at(pairs[part, 1]), turn)
            alike[part] = _agree(first, second, bounds.take(part), found[part], self.hope)
        return alike


class _Bounds(NamedTuple):
    """What is asked of pairs; five (P,) columns.

    Attributes:
        wanted: The correlation that is enough where they lie as they are, or moved by a pixel.
        aligned: That which is enough once they are aligned.
        strict: Whether they have to be the same everywhere.
        movable: Whether they may be aligned.
        lone: Whether nothing else in the set is like them.
    """

    wanted: NDArray[np.float64]
    aligned: NDArray[np.float64]
    strict: NDArray[np.bool_]
    movable: NDArray[np.bool_]
    lone: NDArray[np.bool_]

    @classmethod
    def of(cls, simple: NDArray[np.float64], kin: NDArray[np.float64], crowded: NDArray[np.bool_], asked: Pictures) -> "_Bounds":
        """Returns the bounds of pairs, from how simple they are, what kin they have and whether they are crowded."""
        strict, near = (simple > 0.25) | crowded, np.nan_to_num(kin)
        wanted = np.maximum(np.where(crowded, LIKENESS[1], LOOSE + (STRICT - LOOSE) * simple), near + LOOSE * (1 - near))
        aligned = near + np.maximum(asked.aligned, ALIGNED_FLAT * strict) * (1 - near)
        # where the hashes of variants have found the motion, also a photograph that is mostly flat may be aligned
        return cls(wanted, aligned, strict, ~strict | ((asked.hope < 0) & ~crowded & (near < KIN[0])), ~crowded & (kin < KIN[0]))

    def take(self, rows: NDArray[np.int64]) -> "_Bounds":
        """Returns those of some pairs."""
        return _Bounds(self.wanted[rows], self.aligned[rows], self.strict[rows], self.movable[rows], self.lone[rows])


def _agree(
    first: NDArray[np.uint8], second: NDArray[np.uint8], bounds: _Bounds, found: NDArray[np.float32], hope: float
) -> NDArray[np.bool_]:
    """Returns (P,) which pairs are copies, whose correlation as they lie is known."""
    one, other = luminance(first), luminance(second)
    alike, strict = found >= bounds.wanted, bounds.strict
    alike[~strict] |= best_of_shifts(one[~strict], other[~strict]) >= bounds.wanted[~strict]
    at = np.flatnonzero(alike & strict)
    alike[at] = without_difference(one[at], other[at])
    alike &= same_colors(first, second, strict, bounds.lone)
    moved = bounds.movable & same_colors(first, second, np.zeros_like(strict), bounds.lone)
    rows = np.flatnonzero(~alike & moved & (found >= hope))
    alike[rows] = aligned(one[rows], other[rows], bounds.aligned[rows])
    return alike


def kinship(
    codes: "NDArray[np.uint8] | Pictures", order: NDArray[np.int64], rows: NDArray[np.int64] | None = None
) -> NDArray[np.float64]:
    """Returns (R,) how well some pictures correlate with others of their set, four in five of them less; NaN in a small set.

    Args:
        codes: (N, BYTES) small pictures.
        order: The rows in an order that has nothing to do with what they show; the first are those that all are compared with.
        rows: Which ones; None stands for all.
    """
    references, asked = order[:REFERENCES], np.arange(len(codes)) if rows is None else rows
    at = codes.at if isinstance(codes, Pictures) else codes.__getitem__
    kin = np.full(len(asked), np.nan)
    if len(references) < FEWEST:
        return kin
    fields = directions(at(references), MARGIN)
    for start in range(0, len(asked), CHUNK):
        part = at(asked[start : start + CHUNK])
        found = directions(part, MARGIN) @ fields.T
        rows, others = np.nonzero(found >= LIKENESS[1])
        yes, no = np.ones(len(rows), bool), np.zeros(len(rows), bool)
        plain = same_colors(part[rows], at(references[others]), strict=yes, lone=no)
        found[rows[plain], others[plain]] = -1  # itself and its plain copies
        kin[start : start + CHUNK] = np.quantile(found, 1 - CLAN, axis=1)
    return kin
