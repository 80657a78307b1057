"""How alike two small pictures are, 32 × 32 luminance and 4 × 4 colours: as they lie, shifted, in another light, in colour."""

from functools import cache
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

SIDE: Final = 32
"""Pixels of the luminance, in height and width."""
CELLS: Final = 4
"""Cells of the colours, in height and width."""
BYTES: Final = SIDE * SIDE + 2 * CELLS * CELLS
SPREAD: Final = (40.0, 120.0)
"""Frequencies over which the gradients are spread: up to the first a picture is simple, from the second on it is a photograph."""
EVEN: Final = 1.0
"""Gray levels in which an even pixel differs from the next ones, or from what they let expect: a sky has more of its own."""
FLAT: Final = (0.28, 0.68)
"""The share of even pixels: up to the first it says nothing, from the second on a picture is simple."""
SPOT: Final = (7.5, 0.4)
"""Levels by which a spot of a simple picture may differ from its copy, and for each level of the gradient there."""
LIGHT: Final = 14.0
"""Levels by which the light of a simple picture may differ from that of its copy, be it darker, brighter or of less contrast."""
COLORS: Final = (30.0, 2.5)
"""Levels by which the colours of a cell may differ, the copy's scaled as fits best: of photographs, and of simple pictures."""
TINT: Final = 0.04
"""What is added to this for each level of the strongest colour: re-encoding and clipping change strong colours more."""
PALER: Final = (1.67, 1.4)
"""How many times stronger the colours of the one may be than those of the other, likewise."""
GRAY: Final = (5.0, 1.5)
"""Levels up to which a colour is gray, likewise."""
PALE: Final = (40.0, 6.0)
"""Levels up to which the colours of a simple picture may have been lost in its copy: of one that stands alone, and of others."""
WHITE: Final = 250
"""The luminance from which on a pixel is white."""
BLEACHED: Final = 0.25
"""The share of a cell that has to be white in one of two pictures alone for the colour there to have been lost."""
ALIGNED: Final = 0.95
"""The correlation of photographs that are copies once they are aligned, in which chance has more room."""

Floats: TypeAlias = NDArray[Any]


def directions(codes: NDArray[np.uint8], margin: int = 0) -> NDArray[np.float32]:
    """Returns (N, 1923) the gradients of pictures, or fewer within a margin, as vectors of length 1; flat ones are all alike."""
    pictures, side = luminance(codes)[:, margin : SIDE - margin, margin : SIDE - margin], SIDE - 1 - 2 * margin
    fields = np.empty((len(codes), 2 * side * side + 1), np.float32)
    corner, both = pictures[:, :-1, :-1], fields[:, :-1].reshape(-1, 2, side, side)
    np.subtract(pictures[:, :-1, 1:], corner, out=both[:, 0])
    np.subtract(pictures[:, 1:, :-1], corner, out=both[:, 1])
    fields[:, -1] = ~fields[:, :-1].any(axis=1)
    fields /= np.linalg.norm(fields, axis=1, keepdims=True)
    return fields


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
    """Returns (N,) how much of pictures is level or evenly graded: 0 as of most photographs, 1 as of drawings and letters."""
    steps, bends = (
        np.abs(np.diff(pictures, order, 2)[:, 1:-1, :30]) + np.abs(np.diff(pictures, order, 1)[:, :30, 1:-1]) for order in (1, 2)
    )
    even = ((steps <= EVEN) | (bends <= EVEN)).mean(axis=(1, 2))
    return np.asarray(np.clip((even - limits[0]) / (limits[1] - limits[0]), 0, 1))


def narrowness(pictures: Floats) -> NDArray[np.float64]:
    """Returns (N,) over how few frequencies gradients are spread: 0 as in photographs, 1 as in a few strokes or one shape."""
    power = (_cosines() @ (pictures - pictures.mean(axis=(1, 2), keepdims=True)) @ _cosines().T) ** 2
    # power: (N, 1024) of the gradients at each frequency
    power = (power * np.add.outer(np.arange(SIDE) ** 2, np.arange(SIDE) ** 2)).reshape(-1, SIDE * SIDE).astype(np.float64)
    shares = power / np.maximum(power.sum(axis=1, keepdims=True), 1e-9)
    spread = np.exp(-(shares * np.log(np.maximum(shares, 1e-12))).sum(axis=1))  # the number of frequencies by their entropy
    return np.asarray(np.clip((SPREAD[1] - spread) / (SPREAD[1] - SPREAD[0]), 0, 1))


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
    """Returns (P,) whether one picture is the other in another light, with no spot of its own."""
    return _relit(first, second) | _relit(second, first)


def _relit(first: Floats, second: Floats) -> NDArray[np.bool_]:
    """Returns (P,) whether the second is the first multiplied, shifted, or of other contrast about the middle, and clipped."""
    gain, offset = _light(first, second)
    lights = np.abs([offset, offset - 128 * (1 - gain), np.where(np.abs(gain - 1) < 0.1, offset / 4, np.inf)]).min(axis=0)
    expected = np.clip(gain[:, None, None] * first + offset[:, None, None], 0, 255)
    allowed = SPOT[0] + SPOT[1] * _smoothed(np.hypot(*np.gradient(second, axis=(1, 2)))) if len(second) else expected
    spotless = (np.abs(_smoothed(second - expected)) <= allowed).all(axis=(1, 2))
    relit: NDArray[np.bool_] = spotless & (lights <= LIGHT) & (gain > 0.4) & (gain < 2.5)
    return relit


def _light(first: Floats, second: Floats) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns (P,) gain and (P,) offset by which the first comes closest to the second, where neither is black or white."""
    one, other = (pictures.reshape(-1, SIDE * SIDE).astype(np.float64) for pictures in (first, second))
    weight = ((np.minimum(one, other) > 4) & (np.maximum(one, other) < 251)).astype(np.float64)
    for _ in range(2):  # of all pixels where those are too few, or of one level
        count = np.maximum(weight.sum(axis=1, keepdims=True), 1)
        means = [(weight * values).sum(axis=1, keepdims=True) / count for values in (one, other)]
        spread = (weight * (one - means[0]) ** 2).sum(axis=1)
        few = (spread < 100 * count[:, 0]) | (count[:, 0] < one.shape[1] / 10)
        weight[few] = 1
    gain = (weight * (one - means[0]) * (other - means[1])).sum(axis=1) / np.maximum(spread, 1e-6)
    gain[spread < 1] = 1  # one level has no contrast to compare
    return gain, (means[1] - gain[:, None] * means[0])[:, 0]


def _smoothed(pictures: Floats) -> Floats:
    """Returns (N, 32, 32) the mean of each pixel and those around it."""
    padded = np.pad(pictures, ((0, 0), (1, 1), (1, 1)), mode="edge")
    return np.asarray(sum(padded[:, y : y + SIDE, x : x + SIDE] for y in range(3) for x in range(3)) / 9)


def same_colors(
    first: NDArray[np.uint8], second: NDArray[np.uint8], strict: NDArray[np.bool_], lone: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Returns (P,) whether two have the same colours, one perhaps paler; a gray one may be a copy of a coloured photograph."""
    one, other = (codes[:, SIDE * SIDE :].astype(np.float64) - 128 for codes in (first, second))
    white, pale = _white_in_one(first, second), np.where(lone, *PALE)
    gain = (one * other * ~white).sum(axis=1) / np.maximum((other**2 * ~white).sum(axis=1), 1e-6)
    paler = np.where(strict, PALER[1], PALER[0])
    differ = np.abs(one - np.clip(gain, 1 / paler, paler)[:, None] * other)
    strongest, weakest = (pick(np.abs(one).max(axis=1), np.abs(other).max(axis=1)) for pick in (np.maximum, np.minimum))
    bound = np.where(strict, COLORS[1] + TINT * strongest, COLORS[0])[:, None]
    same = (differ <= np.where(white, np.maximum(bound, pale[:, None]), bound)).all(axis=1)
    gray = weakest <= np.where(strict, GRAY[1], GRAY[0])
    return np.asarray(same | (gray & (~strict | (strongest <= pale))))


def _white_in_one(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Returns (P, 32) in which cells of the colours much is white in one picture alone: who brightens a sky bleaches it."""
    bleached = (luminance(first) >= WHITE) != (luminance(second) >= WHITE)
    size = SIDE // CELLS
    cells = bleached.reshape(-1, CELLS, size, CELLS, size).mean(axis=(2, 4)) >= BLEACHED
    return np.tile(cells.reshape(-1, CELLS * CELLS), 2)


def _cosine(first: Floats, second: Floats) -> NDArray[np.float64]:
    """Returns (P,) the cosine of the angle between two arrays each."""
    one, other = (arrays.reshape(len(arrays), int(np.prod(arrays.shape[1:]))).astype(np.float64) for arrays in (first, second))
    lengths = np.sqrt((one**2).sum(axis=1) * (other**2).sum(axis=1))
    products: NDArray[np.float64] = (one * other).sum(axis=1) / np.maximum(lengths, 1e-9)
    return np.where(lengths > 0, products, 1.0 * (lengths == 0) * ((one**2).sum(axis=1) + (other**2).sum(axis=1) == 0))


def _overlap(shift: int) -> slice:
    return slice(max(shift, 0), SIDE - 1 + min(shift, 0))


@cache
def _cosines() -> Floats:
    """Returns (32, 32): the orthonormal type-II DCT."""
    angles = np.outer(np.arange(SIDE), 2 * np.arange(SIDE) + 1) * np.pi / (2 * SIDE)
    basis = np.cos(angles) * np.sqrt(2 / SIDE)
    basis[0] /= np.sqrt(2)
    return np.asarray(basis, np.float32)
