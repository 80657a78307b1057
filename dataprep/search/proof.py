"""The proof that two pictures are copies: hashes propose, a small picture of each decides.

A hash of 64 bits knows the broad shapes of a picture, which are alike in all handwritten digits, in all fillings of a form and
in all X-rays of a chest. Small pictures, 32 × 32 luminance and 4 × 4 colours, tell them apart: gradients of copies correlate.

How well they have to depends on what else there is. A photograph is like nothing else in its set, so a correlation of 0.8
does not come about by chance, also after one of the two was turned or cut a little and is aligned with the other. Who has kin in
the set, other pictures that correlate with it, has to be as much closer to its copy. Of drawings and letters, which are mostly
flat, and in families of look-alikes, copies are only what re-encoding, resizing and another light leave: the same everywhere.

Sources: enhanced correlation for the alignment, Evangelidis and Psarakis, "Parametric image alignment using enhanced correlation
coefficient maximization", 2008, as in OpenCV.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any, Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from dataprep.search.pairs import Pairs

SIDE: Final = 32
"""Pixels of the luminance, in height and width."""
CELLS: Final = 4
"""Cells of the colours, in height and width."""
BYTES: Final = SIDE * SIDE + 2 * CELLS * CELLS

SPREAD: Final = (40.0, 120.0)
"""Frequencies over which the gradients are spread: up to the first a picture is simple, from the second on it is a photograph."""
KIN: Final = (0.15, 0.3)
"""The correlation with others of the set: up to the first a picture stands alone, from the second on it is one of a family."""
REFERENCES: Final = 64
"""Pictures of the set that each one is compared with, to see whether it is one of a family."""
MARGIN: Final = 3
"""Pixels at each edge that make no kin: frames and the black corners of turned pictures are alike in any two."""
FEWEST: Final = 10
"""In a set of fewer nothing is known of families; then a picture has to look like a photograph to count as one."""
FLAT: Final = (0.6, 0.75)
"""The share of pixels without a gradient: up to the first it says nothing, from the second on a picture is simple."""
LOOSE: Final = 0.805
"""The correlation of photographs that are copies, the best of shifts by a pixel."""
ALIGNED: Final = 0.93
"""The same once they are aligned, in which chance has more room."""
ALIGNED_VIEWS: Final = 0.75
"""The same where the hashes of variants have found the motion already."""
STRICT: Final = 0.97
"""The correlation of simple pictures that are copies."""
HOPE: Final = 0.25
"""The correlation from which on an alignment is tried."""
UNLIKE: Final = 0.3
"""The share of the gradients of any sixteenth of a simple picture that may differ."""
LIGHT: Final = 14.0
"""Levels by which the light of a simple picture may differ from that of its copy, be it darker, brighter or of less contrast."""
ALIGNED_FLAT: Final = 0.85
"""The same of pictures that are mostly flat."""
FLAT_ALONE: Final = (0.4, 0.5)
"""The same in a set of which nothing else is known."""
CROWD: Final = 4
"""So many candidates that look alike without being plain copies make a family of a picture."""
LIKENESS: Final = (0.4, 0.985)
"""The correlation of those; that of plain copies, re-encoded or resized, is higher."""
COLORS: Final = (30.0, 3.0)
"""Levels by which the colours of a cell may differ, the copy's scaled as fits best: of photographs, and of simple pictures."""
TINT: Final = 0.06
"""What is added to this for each level of the strongest colour: re-encoding and clipping change strong colours more."""
GRAY: Final = 5.0
"""Levels up to which a colour is gray."""
PALE: Final = 40.0
"""Levels up to which the colours of a simple picture may have been lost in its copy."""
CHUNK: Final = 4096

Floats: TypeAlias = NDArray[Any]
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
    """

    codes: NDArray[np.uint8]
    poses: Poses = (0,)
    aligned: float = ALIGNED
    hope: float = HOPE
    kin: NDArray[np.float64] | None = None

    def take(self, rows: NDArray[np.int64]) -> "Pictures":
        """Returns those of some images."""
        return Pictures(self.codes[rows], self.poses, self.aligned, self.hope, None if self.kin is None else self.kin[rows])

    def prove(self, pairs: Pairs) -> NDArray[np.bool_]:
        """Returns (P,) which pairs of rows are copies."""
        crowded = self._crowded(pairs)
        proven = np.zeros(len(pairs), bool)
        for start in range(0, len(pairs), CHUNK):
            part = slice(start, start + CHUNK)
            rows = pairs[part].T
            first, second = self.codes[rows]
            kin = np.full(len(first), np.nan) if self.kin is None else self.kin[rows].max(axis=0)
            proven[part] = np.any([_prove(first, pose(second, turn), kin, crowded[part], self) for turn in self.poses], axis=0)
        return proven

    def _crowded(self, pairs: Pairs) -> NDArray[np.bool_]:
        """Returns (P,) whether one of two has many candidates that look alike without being plain copies."""
        alike = np.zeros(len(self.codes), np.int64)
        for start in range(0, len(pairs), CHUNK):
            part = pairs[start : start + CHUNK]
            found = correlation(*(luminance(codes) for codes in self.codes[part.T]))
            alike += np.bincount(part[(found >= LIKENESS[0]) & (found < LIKENESS[1])].ravel(), minlength=len(alike))
        return np.asarray(alike[pairs].max(axis=1, initial=0) >= CROWD)


def _prove(
    first: NDArray[np.uint8], second: NDArray[np.uint8], kin: NDArray[np.float64], crowded: NDArray[np.bool_], asked: Pictures
) -> NDArray[np.bool_]:
    """Returns (P,) which pairs are copies, in one pose."""
    one, other = luminance(first), luminance(second)
    simple = _simple(one, other, kin)
    kin, strict = np.nan_to_num(kin), (simple > 0.25) | crowded
    wanted = np.maximum(np.where(crowded, LIKENESS[1], LOOSE + (STRICT - LOOSE) * simple), kin + LOOSE * (1 - kin))
    found = correlation(one, other)
    alike = np.where(strict, found, best_of_shifts(one, other)) >= wanted
    alike[strict] &= without_difference(one[strict], other[strict])
    # where the hashes of variants have found the motion, also a photograph that is mostly flat may be aligned
    loose = ~strict | ((asked.hope < 0) & ~crowded & (kin < KIN[0]))
    for row in np.flatnonzero(~alike & loose & (found >= asked.hope)):
        least = kin[row] + max(asked.aligned, ALIGNED_FLAT * strict[row]) * (1 - kin[row])
        alike[row] = align(one[row], other[row]) >= least or align(other[row], one[row]) >= least
    return np.asarray(alike & same_colors(first, second, strict))


def _simple(one: Floats, other: Floats, kin: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns (P,) how far from two photographs of their own a pair is, 0 to 1."""
    family = np.nan_to_num(np.clip((kin - KIN[0]) / (KIN[1] - KIN[0]), 0, 1))
    simple = np.maximum.reduce([flatness(one), flatness(other), family])
    alone = np.isnan(kin)
    for pictures in (one[alone], other[alone]):
        simple[alone] = np.maximum.reduce([simple[alone], narrowness(pictures), flatness(pictures, FLAT_ALONE)])
    return np.asarray(simple)


def kinship(codes: NDArray[np.uint8], order: NDArray[np.int64]) -> NDArray[np.float64]:
    """Returns (N,) how well each picture correlates with others of its set, four in five of them less; NaN in a small set.

    Args:
        codes: (N, BYTES) small pictures.
        order: The rows in an order that has nothing to do with what they show; the first are those that all are compared with.
    """
    references = order[:REFERENCES]
    kin = np.full(len(codes), np.nan)
    if len(references) < FEWEST:
        return kin
    fields = _directions(codes[references])
    for start in range(0, len(codes), CHUNK):
        found = _directions(codes[start : start + CHUNK]) @ fields.T
        found[np.arange(start, start + len(found))[:, None] == references] = -1  # itself
        kin[start : start + CHUNK] = np.quantile(found, 0.8, axis=1)
    return kin


def _directions(codes: NDArray[np.uint8]) -> Floats:
    """Returns (N, 1250) the gradients of pictures within their margin, as vectors of length 1."""
    inside = slice(MARGIN, -MARGIN)
    fields = gradients(luminance(codes))[:, :, inside, inside].reshape(len(codes), 2 * (SIDE - 1 - 2 * MARGIN) ** 2)
    return np.asarray(fields / np.maximum(np.linalg.norm(fields, axis=1, keepdims=True), 1e-9), np.float32)


def luminance(codes: NDArray[np.uint8]) -> Floats:
    """Returns (N, 32, 32) luminance, 0 to 255."""
    return codes[:, : SIDE * SIDE].reshape(-1, SIDE, SIDE).astype(np.float32)


def pose(codes: NDArray[np.uint8], turn: int) -> NDArray[np.uint8]:
    """Returns small pictures mirrored and turned."""
    if turn == 0:
        return codes
    planes = [
        codes[:, : SIDE * SIDE].reshape(-1, SIDE, SIDE),
        *np.split(codes[:, SIDE * SIDE :].reshape(-1, 2 * CELLS, CELLS), 2, axis=1),
    ]
    return np.concatenate([_turn(plane, turn).reshape(len(codes), -1) for plane in planes], axis=1)


def _turn(planes: NDArray[np.uint8], turn: int) -> NDArray[np.uint8]:
    planes = planes[:, :, ::-1] if turn & 1 else planes
    planes = planes[:, ::-1] if turn & 2 else planes
    return planes.swapaxes(1, 2) if turn & 4 else planes


def gradients(pictures: Floats) -> Floats:
    """Returns (N, 2, 31, 31) differences to the next column and to the next row."""
    corner = pictures[:, :-1, :-1]
    return np.stack([pictures[:, :-1, 1:] - corner, pictures[:, 1:, :-1] - corner], axis=1)


def flatness(pictures: Floats, limits: tuple[float, float] = FLAT) -> NDArray[np.float64]:
    """Returns (N,) how much of pictures is flat: 0 as of most photographs, 1 as of drawings and letters, and what is between."""
    flat = ((gradients(pictures) ** 2).sum(axis=1) < 9).mean(axis=(1, 2))
    return np.asarray(np.clip((flat - limits[0]) / (limits[1] - limits[0]), 0, 1))


def narrowness(pictures: Floats) -> NDArray[np.float64]:
    """Returns (N,) over how few frequencies gradients are spread: 0 as in photographs, 1 as in a few strokes or one shape."""
    power = (_cosines() @ (pictures - pictures.mean(axis=(1, 2), keepdims=True)) @ _cosines().T) ** 2
    # power: (N, 1024) of the gradients at each frequency
    power = (power * np.add.outer(np.arange(SIDE) ** 2, np.arange(SIDE) ** 2)).reshape(-1, SIDE * SIDE).astype(np.float64)
    shares = power / np.maximum(power.sum(axis=1, keepdims=True), 1e-9)
    spread = np.exp(-(shares * np.log(np.maximum(shares, 1e-12))).sum(axis=1))  # the number of frequencies by their entropy
    return np.asarray(np.clip((SPREAD[1] - spread) / (SPREAD[1] - SPREAD[0]), 0, 1))


def correlation(first: Floats, second: Floats) -> NDArray[np.float64]:
    """Returns (P,) the correlation of the gradients of two pictures each."""
    return _cosine(gradients(first), gradients(second))


def best_of_shifts(first: Floats, second: Floats) -> NDArray[np.float64]:
    """Returns (P,) the largest correlation over shifts by up to a pixel."""
    one, other = gradients(first), gradients(second)
    best = np.full(len(first), -1.0)
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            kept, moved = ((..., _overlap(sign * down), _overlap(sign * right)) for sign in (1, -1))
            best = np.maximum(best, _cosine(one[kept], other[moved]))
    return best


def without_difference(first: Floats, second: Floats) -> NDArray[np.bool_]:
    """Returns (P,) whether no sixteenth of a picture has gradients of its own, and the contrast of the two is about the same."""
    one, other = (_tiles(gradients(pictures)) for pictures in (first, second))
    energies = (one**2).sum(axis=-1), (other**2).sum(axis=-1)
    totals = [energy.sum(axis=1, keepdims=True) + 1e-6 for energy in energies]
    gain = np.sqrt(totals[0] / totals[1])
    unlike = ((one - gain[..., None] * other) ** 2).sum(axis=-1)
    # what noise makes of a flat part is no difference: 40 is about a gradient of one level for each pixel of a sixteenth
    share = unlike / (energies[0] + gain**2 * energies[1] + 40 + 0.02 * totals[0])
    return np.asarray((share < UNLIKE).all(axis=1) & _relit(first, second))


def _relit(first: Floats, second: Floats) -> NDArray[np.bool_]:
    """Returns (P,) whether one is the other in another light: multiplied, shifted, or of other contrast about the middle."""
    one, other = (pictures.reshape(-1, SIDE * SIDE).astype(np.float64) for pictures in (first, second))
    means = one.mean(axis=1), other.mean(axis=1)
    spread = np.maximum(((one - means[0][:, None]) ** 2).sum(axis=1), 1e-6)
    gain = ((one - means[0][:, None]) * (other - means[1][:, None])).sum(axis=1) / spread
    gain[spread < 1] = 1  # one level has no contrast to compare
    offset = means[1] - gain * means[0]
    lights = np.abs([offset, offset - 128 * (1 - gain), np.where(np.abs(gain - 1) < 0.1, offset / 4, np.inf)]).min(axis=0)
    relit: NDArray[np.bool_] = (lights <= LIGHT) & (gain > 0.4) & (gain < 2.5)
    return relit


def same_colors(first: NDArray[np.uint8], second: NDArray[np.uint8], strict: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Returns (P,) whether two have the same colours, one perhaps paler; a gray one may be a copy of a coloured photograph."""
    one, other = (codes[:, SIDE * SIDE :].astype(np.float64) - 128 for codes in (first, second))
    gain = (one * other).sum(axis=1) / np.maximum((other**2).sum(axis=1), 1e-6)
    differ = np.abs(one - np.clip(gain, 0.6, 1.67)[:, None] * other).max(axis=1)
    strongest = np.maximum(np.abs(one).max(axis=1), np.abs(other).max(axis=1))
    bound = np.where(strict, COLORS[1] + TINT * strongest, COLORS[0])
    gray = np.minimum(np.abs(one).max(axis=1), np.abs(other).max(axis=1)) <= GRAY
    return np.asarray((differ <= bound) | (gray & (~strict | (strongest <= PALE))))


def align(first: Floats, second: Floats) -> float:
    """Returns the correlation of the gradients once the second picture is turned, scaled and moved onto the first."""
    one, other = (cv2.GaussianBlur(picture, (0, 0), 0.8) for picture in (first, second))
    best = -1.0
    for scale, degrees in ((1.0, 0), (1.1, 0), (1 / 1.1, 0), (1.0, 4), (1.0, -4)):
        best = max(best, _align_from(one, other, cv2.getRotationMatrix2D(((SIDE - 1) / 2,) * 2, degrees, scale)))
        if best >= ALIGNED:
            break
    return best


def _align_from(first: Floats, second: Floats, start: Floats) -> float:
    """Returns the same from one estimate of the motion; -1 where none is found, or one that no copy was edited by."""
    try:
        criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 30, 1e-4)
        whole = np.ones((SIDE, SIDE), np.uint8)
        _, motion = cv2.findTransformECC(first, second, start.astype(np.float32), cv2.MOTION_AFFINE, criteria, whole, 1)
    except cv2.error:
        return -1.0
    scales = np.linalg.svd(motion[:, :2], compute_uv=False)
    if not 0.8 < scales[1] <= scales[0] < 1.25:
        return -1.0
    warped, inside = (
        cv2.warpAffine(picture, motion, (SIDE, SIDE), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
        for picture in (second, np.ones_like(second))
    )
    seen = inside[:-1, :-1] * inside[1:, :-1] * inside[:-1, 1:] > 0.999
    if seen.mean() < 0.6:
        return -1.0
    return float(_cosine(gradients(first[None])[:, :, seen], gradients(warped[None])[:, :, seen])[0])


def _cosine(first: Floats, second: Floats) -> NDArray[np.float64]:
    """Returns (P,) the cosine of the angle between two arrays each."""
    one, other = (arrays.reshape(len(arrays), int(np.prod(arrays.shape[1:]))).astype(np.float64) for arrays in (first, second))
    lengths = np.sqrt((one**2).sum(axis=1) * (other**2).sum(axis=1))
    products: NDArray[np.float64] = (one * other).sum(axis=1) / np.maximum(lengths, 1e-9)
    return np.where(lengths > 0, products, 1.0 * (lengths == 0) * ((one**2).sum(axis=1) + (other**2).sum(axis=1) == 0))


def _overlap(shift: int) -> slice:
    return slice(max(shift, 0), SIDE - 1 + min(shift, 0))


def _tiles(fields: Floats) -> Floats:
    """Returns (N, 16, 128) the gradients of each sixteenth of the pictures, the last row and column left out."""
    cut = np.zeros((len(fields), 2, SIDE, SIDE), np.float32)
    cut[..., :-1, :-1] = fields
    step = SIDE // CELLS
    return cut.reshape(-1, 2, CELLS, step, CELLS, step).transpose(0, 2, 4, 1, 3, 5).reshape(len(fields), CELLS**2, 2 * step**2)


@cache
def _cosines() -> Floats:
    """Returns (32, 32): the orthonormal type-II DCT."""
    angles = np.outer(np.arange(SIDE), 2 * np.arange(SIDE) + 1) * np.pi / (2 * SIDE)
    basis = np.cos(angles) * np.sqrt(2 / SIDE)
    basis[0] /= np.sqrt(2)
    return np.asarray(basis, np.float32)
