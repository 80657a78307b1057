"""How alike two small pictures are once one is turned, scaled and moved onto the other.

Every machine finds the same, with or without a compiler, so that all decide alike about a pair near a bound: numbers have 64
bits, sums go row by row and then by halves, and nothing is called whose last bit is a matter of taste. Compiled, it takes a
thirtieth of the time. OpenCV's `findTransformECC` finds the same to a millionth where it converges; where it does not, its own
versions and processors differ.

Source: Evangelidis and Psarakis, "Parametric image alignment using enhanced correlation coefficient maximization", 2008.
"""

from functools import reduce
from hashlib import blake2b
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dataprep.images import native
from dataprep.machine import cores
from dataprep.search.likeness import ALIGNED, SIDE

FEW: Final = 8
"""Pairs up to which they are aligned one after the other."""
REMEMBERED: Final = 1 << 17
"""Alignments that are remembered, some 25 MB."""
WEIGHTS: Final = np.array([0.49867645200647487, 0.22831071645846548, 0.021910314171364808, 0.0004407433669323566])
"""Of a pixel and those 1, 2 and 3 away: a Gaussian of 0.8 pixels, by which both are smoothed."""
STEPS: Final = 30
"""At most, by which a motion is bettered."""
LEAST_GAIN: Final = 1e-4
"""The gain in correlation below which it is good enough."""
DEGENERATE: Final = 1e-10
"""The share of a term that has to be left for a motion to be determined: a slope looks the same wherever it lies."""
FAR: Final = 1e4
"""No part of a motion that is better than none is so large."""
SCALES: Final = (0.8, 1.25)
"""How much smaller or larger an edited copy may have become."""
LEAST_SEEN: Final = 0.5
"""The share of the picture that both have to show."""

Numbers: TypeAlias = NDArray[np.float64]

_FOUND: Final[dict[bytes, float]] = {}

PAIRS: Final = (
    *((one, other) for one in range(6) for other in range(one, 6)),  # of the terms of the motion
    *((term, picture) for picture in (6, 7) for term in range(6)),  # of the terms and the two pictures
    *((7, 7), (6, 7), (8, 8)),
)
"""The planes whose products are summed up."""


def _about_the_middle(turn: float, scale: float) -> list[float]:
    """Returns the motion, two rows of three, that scales and turns about the middle: by the cosine and the sine of the angle."""
    middle = (SIDE - 1) / 2
    return [scale, turn, (1 - scale - turn) * middle, -turn, scale, (1 - scale + turn) * middle]


SINE, COSINE = 0.0697564737441253, 0.9975640502598242  # of four degrees
STARTS: Final = np.array(
    [_about_the_middle(*start) for start in ((0.0, 1.0), (0.0, 1.1), (0.0, 1 / 1.1), (SINE, COSINE), (-SINE, COSINE))]
)
"""(5, 6) the motions from which a better one is looked for."""


def aligned(first: NDArray[np.float32], second: NDArray[np.float32], least: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Returns (P,) whether one of two pictures can be turned, scaled and moved onto the other, to (P,) a correlation."""

    def reaches(one: NDArray[np.float32], other: NDArray[np.float32], bound: float) -> bool:
        return align(one, other) >= bound or align(other, one) >= bound

    if len(first) < FEW:
        return np.array(list(map(reaches, first, second, least)), bool)
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(cores()) as pool:  # compiled code lets go of the lock of Python
        return np.array(list(pool.map(reaches, first, second, least)), bool)


def align(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    """Returns the correlation of the gradients of two pictures, (32, 32), once the second is moved onto the first.

    It is -1 where no motion is found, or one that no copy was edited by. It takes a millisecond, and who looks for copies comes
    to the same pictures again, so it is remembered.
    """
    key = blake2b(first.tobytes() + second.tobytes(), digest_size=16).digest()
    found = _FOUND.get(key)
    if found is None:
        if len(_FOUND) >= REMEMBERED:
            _FOUND.clear()
        found = _FOUND[key] = _align(first, second)
    return found


def _align(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    code: Any = native.module("align")
    return float(_align_plainly(first, second) if code is None else code.align(first, second, WEIGHTS, STARTS, ALIGNED))


def _align_plainly(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    """Returns the same from NumPy."""
    one, other = _smooth(first), _smooth(second)
    best = -1.0
    with np.errstate(all="ignore"):  # where nothing of the one is seen in the other
        for start in STARTS:
            best = max(best, _align_from(one, other, start))
            if best >= ALIGNED:
                break
    return best


def _align_from(first: Numbers, second: Numbers, start: Numbers) -> float:
    """Returns the same of smoothed pictures, from one estimate of the motion."""
    motion = _motion(first, second, start)
    if motion is None or not _is_edit(motion):
        return -1.0
    moved, inside = _warp(np.stack([second, np.ones_like(second)]), motion)
    seen = np.zeros((SIDE, SIDE), np.bool_)
    whole = inside[:-1, :-1] * inside[1:, :-1] * inside[:-1, 1:] > 0.999
    rows = whole[:-2] & whole[1:-1] & whole[2:]
    seen[1 : SIDE - 2, 1 : SIDE - 2] = rows[:, :-2] & rows[:, 1:-1] & rows[:, 2:]  # without what a frame shines into
    if np.count_nonzero(seen) < LEAST_SEEN * (SIDE - 1) ** 2:
        return -1.0
    (across, down), (across_moved, down_moved) = (_differences(picture) * seen for picture in (first, moved))
    products = across * across_moved + down * down_moved
    product, one, other = _sums(np.stack([products, across**2 + down**2, across_moved**2 + down_moved**2]))
    if one == 0 or other == 0:
        return float(one == other)
    return float(product / max(np.sqrt(one * other), 1e-9))


def _motion(first: Numbers, second: Numbers, start: Numbers) -> Numbers | None:
    """Returns (6,) where each pixel of the first is in the second, two rows of three; None where they do not correlate."""
    pictures, motion = np.stack([second, *_slopes(second)]), start.copy()
    before, now = -LEAST_GAIN, -1.0
    for _ in range(STEPS):
        if abs(now - before) < LEAST_GAIN:
            break
        sums = _sums(_products(first, _warp(pictures, motion), _is_inside(motion)))
        terms, spreads = sums[:33], sums[33:]  # spreads: the first, both, the second
        if not min(spreads[0], spreads[2]) > 0:
            return None
        before, now = now, float(spreads[1] / np.sqrt(spreads[0] * spreads[2]))
        second_in_terms, first_in_terms = _solve(terms)
        spare = spreads[1] - _dot(terms[27:], second_in_terms)
        if not spare > 0:
            return None
        gain = (spreads[2] - _dot(terms[21:27], second_in_terms)) / spare
        motion += (gain * first_in_terms - second_in_terms)[[0, 2, 4, 1, 3, 5]]
        if not np.abs(motion).max() < FAR:
            return None
    return motion


def _products(first: Numbers, moved: Numbers, inside: Numbers) -> Numbers:
    """Returns (36, 32, 32) the products of the planes, of what is inside less its mean."""
    count, one, other = _sums(np.stack([inside, inside * first, inside * moved[0]]))
    first, second = inside * (first - one / count), moved[0] - inside * (other / count)
    across, down = moved[1:]
    planes = np.stack([across * X, down * X, across * Y, down * Y, across, down, second, first, inside * second])
    return np.asarray(planes[[pair[0] for pair in PAIRS]] * planes[[pair[1] for pair in PAIRS]])


def _solve(terms: Numbers) -> Numbers:
    """Returns (2, 6) how much of each term is in the second picture and in the first; zeros where that is not determined."""
    rows = np.empty((6, 8))
    for value, (row, column) in zip(terms[:21], PAIRS, strict=False):
        rows[row, column] = rows[column, row] = value
    rows[:, 6:] = terms[21:].reshape(2, 6).T
    least = DEGENERATE * rows.diagonal()
    for pivot in range(6):
        if not rows[pivot, pivot] > least[pivot]:
            return np.zeros((2, 6))
        rows[pivot] /= rows[pivot, pivot]
        for other in range(6):
            if other != pivot:
                rows[other] -= rows[other, pivot] * rows[pivot]
    return rows[:, 6:].T


def _warp(pictures: Numbers, motion: Numbers) -> Numbers:
    """Returns (N, 32, 32) pictures between whose pixels it is interpolated, 0 outside."""
    x, y = _places(motion)
    padded = np.pad(pictures, ((0, 0), (1, 1), (1, 1)))
    column, row = np.floor(x), np.floor(y)
    (left, right), (top, bottom) = (
        [np.clip(place.astype(np.intp) + shift, 0, SIDE + 1) for shift in (1, 2)] for place in (column, row)
    )
    above = padded[:, top, left] + (x - column) * (padded[:, top, right] - padded[:, top, left])
    below = padded[:, bottom, left] + (x - column) * (padded[:, bottom, right] - padded[:, bottom, left])
    return np.asarray(above + (y - row) * (below - above))


def _is_inside(motion: Numbers) -> Numbers:
    """Returns (32, 32) 1 where the nearest pixel is in the picture, else 0."""
    x, y = (np.floor(place + 0.5) for place in _places(motion))
    return np.asarray((x >= 0) & (x < SIDE) & (y >= 0) & (y < SIDE), np.float64)


def _places(motion: Numbers) -> tuple[Numbers, Numbers]:
    """Returns (32, 32) x and y of where each pixel is, or if that is further off, two pixels outside."""
    x, y = (motion[row] * X + motion[row + 1] * Y + motion[row + 2] for row in (0, 3))
    return np.clip(x, -2, SIDE + 1), np.clip(y, -2, SIDE + 1)


def _smooth(picture: NDArray[np.float32]) -> Numbers:
    """Returns a picture smoothed along both axes, mirrored about the pixels at its border."""
    result = picture.astype(np.float64)
    for _ in range(2):
        padded = np.pad(result, ((3, 3), (0, 0)), mode="reflect")
        taps = [padded[3 - away : SIDE + 3 - away] + padded[3 + away : SIDE + 3 + away] for away in (1, 2, 3)]
        result = sum((weight * tap for weight, tap in zip(WEIGHTS[1:], taps, strict=True)), WEIGHTS[0] * result).T
    return result


def _slopes(picture: Numbers) -> Numbers:
    """Returns (2, 32, 32) half the differences of the pixels to either side, 0 at the border: across and down."""
    slopes = np.zeros((2, SIDE, SIDE))
    slopes[0, :, 1:-1] = (picture[:, 2:] - picture[:, :-2]) * 0.5
    slopes[1, 1:-1] = (picture[2:] - picture[:-2]) * 0.5
    return slopes


def _differences(picture: Numbers) -> Numbers:
    """Returns (2, 32, 32) the differences to the next column and to the next row, 0 where there is none."""
    differences = np.zeros((2, SIDE, SIDE))
    differences[0, :, :-1] = picture[:, 1:] - picture[:, :-1]
    differences[1, :-1] = picture[1:] - picture[:-1]
    return differences


def _is_edit(motion: Numbers) -> bool:
    """Whether a motion scales no more than an edit does, along whichever direction."""
    a, b, _, c, d, _ = motion
    alike, unlike = (np.sqrt(x * x + y * y) for x, y in ((a + d, c - b), (a - d, c + b)))
    return bool(2 * SCALES[0] < abs(alike - unlike) and alike + unlike < 2 * SCALES[1])


def _sums(planes: Numbers) -> Numbers:
    """Returns (N,) the sums of (N, 32, 32): row by row, and then by halves."""
    rows = reduce(np.add, planes.swapaxes(0, 1))
    while rows.shape[1] > 1:
        half = rows.shape[1] // 2
        rows = rows[:, :half] + rows[:, half:]
    return np.asarray(rows[:, 0])


def _dot(one: Numbers, other: Numbers) -> float:
    """Returns the sum of the products of six numbers each, one after the other."""
    return float(reduce(np.add, one * other))


Y, X = np.mgrid[:SIDE, :SIDE].astype(np.float64)
