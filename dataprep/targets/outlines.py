"""Outlines cut by lines: the arithmetic of many polygons at once, for boxes and polygons alike.

Source: Sutherland and Hodgman, "Reentrant polygon clipping", 1974: one line after the other. An outline that is not convex may
come out in parts that are joined along a line; these joints have no area.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

NEAR = 1e-9  # pixels on the wrong side that count as none, so that what only touches a line stays whole


class Outlines(NamedTuple):
    """Polygons of different numbers of corners.

    Attributes:
        corners: (N, C, 2) x and y; after the last corner of each, that corner again.
        counts: (N,) how many each has, 0 where nothing is left.
    """

    corners: NDArray[np.float64]
    counts: NDArray[np.int64]

    def areas(self) -> NDArray[np.float64]:
        """Returns (N,) the areas, whichever way round the corners go."""
        x, y = np.moveaxis(self.corners - self.corners[:, :1], 2, 0)  # near the origin, where nothing cancels
        return np.asarray(np.abs((x * np.roll(y, -1, 1) - np.roll(x, -1, 1) * y).sum(axis=1)) / 2)

    def bounds(self) -> NDArray[np.float64]:
        """Returns (N, 4) left, top, right, bottom."""
        return np.concatenate([self.corners.min(axis=1), self.corners.max(axis=1)], axis=1)


def rectangles(boxes: NDArray[np.float64]) -> Outlines:
    """Returns the outlines of (N, 4) boxes of left, top, right, bottom."""
    return Outlines(boxes[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 4, 2), np.full(len(boxes), 4))


def cut(outlines: Outlines, lines: NDArray[np.float64]) -> Outlines:
    """Returns what of each outline is on the right side of all its lines.

    Args:
        outlines: N of them.
        lines: (N, L, 3) a, b, c: a x + b y + c is positive on the right side.
    """
    for a, b, c in np.moveaxis(lines, (1, 2), (0, 1))[..., None]:
        distances = a * outlines.corners[..., 0] + b * outlines.corners[..., 1] + c
        crossed = (distances < -NEAR).any(axis=1)
        if crossed.all():
            outlines = _cut(outlines, distances)
        elif crossed.any():
            outlines = _put(outlines, crossed, _cut(Outlines(*(part[crossed] for part in outlines)), distances[crossed]))
    return outlines


def _put(outlines: Outlines, which: NDArray[np.bool_], parts: Outlines) -> Outlines:
    """Returns the outlines with some of them replaced."""
    width = max(outlines.corners.shape[1], parts.corners.shape[1])
    wide, narrow = (
        np.concatenate([corners, np.repeat(corners[:, -1:], width - corners.shape[1], axis=1)], axis=1)
        for corners in (outlines.corners, parts.corners)
    )
    wide[which] = narrow
    counts = outlines.counts.copy()
    counts[which] = parts.counts
    return Outlines(wide, counts)


def _cut(outlines: Outlines, distances: NDArray[np.float64]) -> Outlines:
    """Cuts by one line each, from which the corners are (N, C) distances away."""
    corners, (count, most) = outlines.corners, distances.shape
    following = np.roll(distances, -1, 1)
    inside = distances >= -NEAR
    crosses = (inside != (following >= -NEAR)) & (np.abs(distances - following) > 0)
    share = np.divide(distances, distances - following, out=np.zeros_like(distances), where=crosses)
    met = corners + share[..., None] * (np.roll(corners, -1, 1) - corners)
    # made: (N, 2 C) each corner and what its edge meets, of which those are kept that are there
    inside &= np.arange(most) < outlines.counts[:, None]  # not what the last corner is repeated for
    crosses &= outlines.counts[:, None] > 0
    made, there = np.stack([corners, met], 2).reshape(count, 2 * most, 2), np.stack([inside, crosses], 2).reshape(count, 2 * most)
    counts = there.sum(axis=1)
    order = np.argsort(~there, axis=1, kind="stable")[:, : max(int(counts.max(initial=0)), 1)]
    last = np.maximum(counts - 1, 0)[:, None]
    order = np.take_along_axis(order, np.minimum(np.arange(order.shape[1]), last), axis=1)
    return Outlines(np.take_along_axis(made, order[..., None], axis=1), counts)
