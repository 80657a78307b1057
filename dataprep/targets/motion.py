"""Where places of each image of a batch end, through all ops, and what of the image is left there to be seen.

An image that is cut and then turned shows less than its last frame: the frame of every step hides what lay outside of it for
good. Each side of each frame is a line that moves with the image; what is on the wrong side of any of them is gone.
"""

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dataprep.protocols import Op
from dataprep.targets.geometry import Matrices, geometry
from dataprep.types import Params, Sizes

Positions: TypeAlias = NDArray[np.float64]
"""(…, 2) x and y in continuous pixels."""

NEAR = 1e-6  # pixels that a place may lie outside by rounding and still count as inside


class Motion(NamedTuple):
    """Where the places of B images go.

    Attributes:
        matrices: (B, 2, 3) where a place (x, y, 1) of the upright image ends.
        lines: (B, L, 3) a, b, c of each line, scaled so that a x + b y + c is the distance of a place from it, in pixels of the
            last picture, positive where the image is to be seen.
        before: (B, 2) height and width of the upright images.
        after: (B, 2) height and width of the last pictures.
    """

    matrices: Matrices
    lines: NDArray[np.float64]
    before: Sizes
    after: Sizes

    def of(self, which: NDArray[np.int64]) -> "Motion":
        """Returns the motion of some of the images, in the order given; one may come several times."""
        return Motion(self.matrices[which], self.lines[which], self.before[which], self.after[which])

    def move(self, places: Positions) -> Positions:
        """Returns where (B, N, 2) places end, also outside of the picture."""
        moved: Positions = places @ self.matrices[:, :, :2].swapaxes(1, 2) + self.matrices[:, None, :, 2]
        return moved

    def shows(self, places: Positions) -> NDArray[np.bool_]:
        """Returns (B, N): whether the image is to be seen at (B, N, 2) places of the last picture."""
        distances = places @ self.lines[:, :, :2].swapaxes(1, 2) + self.lines[:, None, :, 2]
        return np.asarray((distances >= -NEAR).all(axis=2))

    def scales(self) -> NDArray[np.float64]:
        """Returns (B,) how many pixels of the last picture one pixel of the image covers, negative where it is mirrored."""
        (a, b), (c, d) = self.matrices[:, :, :2].transpose(1, 2, 0)
        return np.asarray(a * d - b * c)


def follow(ops: Sequence[Op], params: Sequence[Params], sizes: Sequence[Sizes]) -> Motion:
    """Returns where the places of some images go.

    Args:
        ops: The ops, in order.
        params: What each of them drew, (B, k).
        sizes: (B, 2) height and width of the images before each op, and at last after the last one.
    """
    count = len(sizes[0])
    whole = np.tile(np.eye(3), (count, 1, 1))
    lines = frame(sizes[0])
    for op, drawn, before, after in zip(ops, params, sizes[:-1], sizes[1:], strict=True):
        moved = geometry(op, drawn, before)
        if moved is None:
            continue
        for step in np.moveaxis(moved, 1, 0) if moved.ndim == 4 else moved[None]:
            square = np.concatenate([step, np.tile([[[0.0, 0.0, 1.0]]], (count, 1, 1))], axis=1)
            whole = square @ whole
            lines = np.concatenate([lines @ np.linalg.inv(square), frame(after)], axis=1)
    return Motion(whole[:, :2], lines / np.linalg.norm(lines[:, :, :2], axis=2, keepdims=True), sizes[0], sizes[-1])


def frame(sizes: Sizes) -> NDArray[np.float64]:
    """Returns (B, 4, 3) the lines of left, top, right and bottom of pictures of (B, 2) height and width."""
    lines = np.zeros((len(sizes), 4, 3))
    lines[:, :2, :2] = np.eye(2)
    lines[:, 2:, :2] = -np.eye(2)
    lines[:, 2:, 2] = sizes[:, ::-1]
    return lines
