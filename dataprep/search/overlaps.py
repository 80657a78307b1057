"""What two pictures share: the part of each, found by their corners, and how well the two parts agree.

A part is scaled and moved, not turned: x' = scale · x + shift, along both sides. Corners propose where it lies, and the small
pictures are compared there, cell by cell, since pictures of one kind may have many corners alike.
"""

from itertools import product
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dataprep.opencv import opencv

Numbers = NDArray[np.float64]

RADIUS: Final = 64  # bits of 256, between a corner and the nearest one of the other picture
PIXELS: Final = 3.0  # that a corner may lie off
APART: Final = 12.0  # pixels between two corners that say how a part is scaled
STRAIGHT: Final = 0.99  # cosine of the angle between the two pictures' ways from corner to corner
MOST_SCALED: Final = 4.0  # how much larger a part may be in the one picture than in the other
MOST_SQUEEZED: Final = 1.5  # how much more so across than down
TRIED: Final = 600  # pairs of corners that are tried

SAMPLES: Final = 40  # a side, of the part that is compared
CELL: Final = 5  # samples a side
SMOOTH: Final = 0.8  # samples; parts of other scales are of other sharpness
EDGE: Final = 1.5  # pixels of the small picture, along the edges of a part, that hold some of what is around it
STEP: Final = 0.5  # samples by which the parts are moved for the best fit
TEXTURE: Final = 4.0  # gray levels of deviation; flatter cells do not count
SAME: Final = 0.6  # correlation of a cell that agrees


class Local(NamedTuple):
    """One picture.

    Attributes:
        codes: (C, 32) descriptors of its corners.
        places: (C, 2) x and y of its corners, as shares of width and height.
        size: (2,) width and height, in pixels, at which corners were sought.
        small: (S, S) luminance of the whole picture.
    """

    codes: NDArray[np.uint8]
    places: Numbers
    size: Numbers
    small: NDArray[np.float32]


class Overlap(NamedTuple):
    """Where the other picture lies in the one: other = scale · one + shift, in shares of width and height.

    Attributes:
        scale: (2,) along x and y.
        shift: (2,) likewise.
        corners: How many corners say so.
        possible: How many corners could, being in the part: of the two pictures, that with the fewer.
    """

    scale: Numbers
    shift: Numbers
    corners: int
    possible: int

    @property
    def parts(self) -> Numbers:
        """(2, 2, 2) the part of the one picture and that of the other: each its left and top, and its right and bottom."""
        low, high = (np.clip((edge - self.shift) / self.scale, 0, 1) for edge in (0, 1))
        return np.stack([[low, high], [low * self.scale + self.shift, high * self.scale + self.shift]])

    @property
    def shares(self) -> Numbers:
        """(2,) the share of each picture's area that is in the other, 0 to 1."""
        parts = self.parts
        shares: Numbers = (parts[:, 1] - parts[:, 0]).prod(axis=1)
        return shares


class Agreement(NamedTuple):
    """How well two parts agree; each from -1 or 0 to 1.

    Attributes:
        luminance: The correlation of their luminance.
        gradients: The correlation of their gradients.
        cells: The share of the cells with texture in which luminance correlates.
        texture: The share of the cells that have texture.
    """

    luminance: float
    gradients: float
    cells: float
    texture: float


def overlap(one: Local, other: Local, negative: bool = False) -> Overlap | None:
    """Returns where the other picture lies in the one, or None where fewer than three corners agree about it."""
    rows, columns = _matches(one.codes, other.codes, negative)
    from_, to = one.places[rows] * one.size, other.places[columns] * other.size  # (M, 2) pixels
    agree = _agreeing(from_, to)
    scale, shift = np.ones(2), np.zeros(2)
    for _ in range(3):  # what fits the better fit, again
        fit = _fit(from_[agree], to[agree])
        if fit is None:
            return None
        scale, shift = fit
        agree = _fits(from_, to, scale, shift)
    found = Overlap(scale * one.size / other.size, shift / other.size, int(agree.sum()), 0)
    inside = [_inside(picture.places, *part) for picture, part in zip((one, other), found.parts, strict=True)]
    return found._replace(possible=min(inside))


def agreement(one: Local, other: Local, found: Overlap, negative: bool = False) -> Agreement:
    """Returns how well the small pictures agree where the two pictures overlap, moved by half a sample where that is better."""
    parts = found.parts
    margin = EDGE * (parts[:, 1] - parts[:, 0]) / _extent(parts, len(one.small))
    mine, (low, high) = np.stack([parts[:, 0] + margin, parts[:, 1] - margin], axis=1)
    step = STEP * (high - low) / SAMPLES
    here = _sampled(one.small, *mine)
    moved = (_sampled(other.small, *(np.stack([low, high]) + step * move)) for move in product((-1, 0, 1), repeat=2))
    there = max((-sample if negative else sample for sample in moved), key=lambda sample: _correlation(here, sample))
    cells, others = _cells(here), _cells(there)
    spreads = np.sqrt((cells**2).mean(axis=1)), np.sqrt((others**2).mean(axis=1))
    textured = np.maximum(*spreads) > TEXTURE
    same = (cells * others).mean(axis=1) > SAME * spreads[0] * spreads[1]
    share = float((same & textured).sum() / max(1, textured.sum()))
    return Agreement(_correlation(here, there), _correlation(_gradients(here), _gradients(there)), share, float(textured.mean()))


def _matches(codes: NDArray[np.uint8], others: NDArray[np.uint8], negative: bool) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Returns the corners that are nearest to each other in both directions."""
    if len(codes) == 0 or len(others) == 0:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    words, other_words = codes.view(np.uint64), others.view(np.uint64)
    distances = np.bitwise_count(words[:, None] ^ other_words[None]).sum(axis=2, dtype=np.int16)
    if negative:
        distances = 256 - distances
    rows, columns = np.arange(len(codes)), distances.argmin(axis=1)
    mutual = (distances[rows, columns] <= RADIUS) & (distances.argmin(axis=0)[columns] == rows)
    return rows[mutual], columns[mutual]


def _agreeing(from_: Numbers, to: Numbers) -> NDArray[np.bool_]:
    """Returns the corners that agree about one scale and shift: of what pairs of them say, that which most of them fit."""
    first, second = np.triu_indices(len(from_), 1)
    ways = from_[second] - from_[first], to[second] - to[first]
    lengths = [np.hypot(*way.T) for way in ways]
    scale = lengths[1] / np.maximum(lengths[0], 1e-9)
    straight = (ways[0] * ways[1]).sum(axis=1) > STRAIGHT * lengths[0] * lengths[1]
    tried = np.flatnonzero(straight & (np.minimum(*lengths) > APART) & (scale < MOST_SCALED) & (scale > 1 / MOST_SCALED))
    tried = tried[:: len(tried) // TRIED + 1]
    if len(tried) == 0:
        return np.zeros(len(from_), np.bool_)
    first, second, scale = first[tried], second[tried], scale[tried, None]
    shift = (to[first] + to[second] - scale * (from_[first] + from_[second])) / 2
    fits = _fits(from_, to, scale[:, None], shift[:, None])  # fits: (tried, M)
    agree: NDArray[np.bool_] = fits[fits.sum(axis=1).argmax()]
    return agree


def _fits(from_: Numbers, to: Numbers, scale: Numbers, shift: Numbers) -> NDArray[np.bool_]:
    """Returns which corners lie where scale and shift say, to some pixels of the picture in which the part is smaller."""
    near = np.abs(from_ * scale + shift - to) < PIXELS * np.maximum(1, scale)
    return np.asarray(near.all(axis=-1))


def _fit(from_: Numbers, to: Numbers) -> tuple[Numbers, Numbers] | None:
    """Returns (2,) scale and (2,) shift by least squares, along each side by itself; None where corners do not determine them."""
    if len(from_) < 3:
        return None
    centre, target = from_.mean(axis=0), to.mean(axis=0)
    spread = ((from_ - centre) ** 2).sum(axis=0)
    if spread.min() < APART**2:
        return None
    scale = ((from_ - centre) * (to - target)).sum(axis=0) / spread
    if scale.min() < 1 / MOST_SCALED or scale.max() > min(MOST_SCALED, MOST_SQUEEZED * scale.min()):
        return None
    return scale, target - scale * centre


def _extent(parts: Numbers, side: int) -> Numbers:
    """Returns (2,) the width and height of a part in pixels of the small picture in which it is smaller, not below four edges."""
    return np.asarray(np.maximum((parts[:, 1] - parts[:, 0]).min(axis=0) * side, 4 * EDGE))


def _inside(places: Numbers, low: Numbers, high: Numbers) -> int:
    """Returns how many corners lie in a part."""
    return int(((places >= low) & (places <= high)).all(axis=1).sum())


def _sampled(small: NDArray[np.float32], low: Numbers, high: Numbers) -> NDArray[np.float32]:
    """Returns (SAMPLES, SAMPLES) of the part of a small picture between two corners, smoothed."""
    cv2 = opencv("`DeduplicateCrops`")
    scale = (high - low) / SAMPLES * len(small)
    offset = low * len(small) + scale / 2 - 0.5
    matrix = np.array([[scale[0], 0, offset[0]], [0, scale[1], offset[1]]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    part = cv2.warpAffine(small, matrix, (SAMPLES, SAMPLES), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.GaussianBlur(part, (0, 0), SMOOTH), np.float32)


def _cells(part: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns (cells, CELL²) the samples of each cell, less their mean."""
    side = SAMPLES // CELL
    cells = part.reshape(side, CELL, side, CELL).transpose(0, 2, 1, 3).reshape(side**2, -1)
    return np.asarray(cells - cells.mean(axis=1, keepdims=True))


def _gradients(part: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns (2, SAMPLES - 2, SAMPLES - 2) differences of neighbours, across and down."""
    return np.stack([part[1:-1, 2:] - part[1:-1, :-2], part[2:, 1:-1] - part[:-2, 1:-1]])


def _correlation(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Returns the correlation of two arrays, 0 where one is constant."""
    one, other = one - one.mean(), other - other.mean()
    norm = float(np.sqrt((one**2).sum() * (other**2).sum()))
    return float((one * other).sum()) / norm if norm > 0 else 0.0
