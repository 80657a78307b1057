"""The check of what an op says of places, by painting: a disc is moved by the kernel and its middle by `geometry`."""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dataprep.backends.cpu.kernels import kernel
from dataprep.draws import uniforms
from dataprep.errors import LoaderError
from dataprep.protocols import Op
from dataprep.targets.geometry import geometry
from dataprep.targets.motion import Motion, follow
from dataprep.testing.contract import demand
from dataprep.types import Image, Params, Sizes

SIZE: Final = (72, 96)  # height and width, in pixels, of the painted images
RADIUS: Final = 6.0
ROWS: Final = 24
APART: Final = np.array([11, 5])
COVERED: Final = 0.02  # of a disc is painted over
NEAR: Final = 0.6  # pixels of the last picture: what sampling at the nearest pixel may shift a disc by


def check_geometry(op: Op, seed: int = 0) -> None:
    """Checks that an op which is registered at `dataprep.geometry` moves pixels to where it says.

    Args:
        op: The op, which takes 8-bit pixels.
        seed: Of the numbers that it draws from.
    """
    if geometry.dispatch(type(op)) is geometry.dispatch(object):
        return
    sizes: Sizes = np.tile(np.array(SIZE, np.int64), (ROWS, 1))
    params, after = op.draw(uniforms(seed, 1, np.arange(ROWS), op.slots), sizes)
    try:
        _check_form(op, params, sizes)
    except LoaderError:  # it refuses targets, in words of its own
        return
    motion = follow((op,), (params,), (sizes, after))
    generator = np.random.default_rng(seed)
    places = np.floor(generator.uniform(0.25, 0.7, (ROWS, 2)) * SIZE[::-1]) + 0.5
    tried = [_place(op, params[row], motion.of(np.array([row])), place) for row, place in enumerate(places)]
    usable = [one for one in tried if one is not None]
    off = [one for one in usable if one.is_off]
    if off:
        given, said, found = (np.round(place, 1).tolist() for place in off[0])
        demand(
            False,
            op,
            f"says by `geometry` that {given} goes to {said}, and its kernel puts it at {found}; places are continuous: the "
            "middle of the first pixel is (0.5, 0.5)",
        )


def _check_form(op: Op, params: Params, sizes: Sizes) -> None:
    """Checks the matrices of a batch, and that each is the one that its image has alone."""
    given = params.copy(), sizes.copy()
    matrices: Any = geometry(op, *given)
    demand(np.array_equal(given[0], params), op, "has a `geometry` that changes its parameters; let it leave them as they are")
    if matrices is None:
        return
    formed = isinstance(matrices, np.ndarray) and matrices.ndim in (3, 4) and matrices.shape[-2:] == (2, 3)
    demand(formed and len(matrices) == len(params), op, "has a `geometry` that gives no (B, 2, 3) matrices, one for each image")
    demand(bool(np.isfinite(matrices).all()), op, "has a `geometry` with matrices that are not finite")
    for row in range(len(params)):
        alone: Any = geometry(op, params[row : row + 1], sizes[row : row + 1])
        demand(np.array_equal(alone[0], matrices[row]), op, "says another `geometry` of an image alone than in a batch")


class _Off(NamedTuple):
    """Where a painted place came out: given, as said, as found, in pixels."""

    given: NDArray[np.float64]
    said: NDArray[np.float64]
    found: NDArray[np.float64]

    @property
    def is_off(self) -> bool:
        """Whether it is elsewhere than was said."""
        return bool((np.abs(self.found - self.said) > NEAR).any())


def _place(op: Op, params: Params, motion: Motion, place: NDArray[np.float64]) -> _Off | None:
    """Returns where the middle between two painted discs comes out, None where one is not wholly to be seen there.

    Two images with a disc each, whole pixels apart, have the same values, so only the discs differ, whatever the op does to
    values. Where one disc differs by more than the other, the op has painted over a part of it.
    """
    turn, places = np.linspace(0, 2 * np.pi, 16, endpoint=False), np.stack([place, place + APART])
    rims = (places[:, None] + (RADIUS + 2) * np.stack([np.cos(turn), np.sin(turn)], axis=1)).reshape(1, -1, 2)
    one, other = (np.asarray(kernel(op, _disc(at), params), np.float64) for at in places)
    apart = (one - other).sum(axis=2 if one.shape[2] == 3 else 0)
    marked = np.abs(apart)
    if not motion.shows(motion.move(rims)).all() or marked.sum() == 0 or np.abs(apart.sum()) > COVERED * marked.sum():
        return None
    down, right = np.indices(marked.shape) + 0.5
    found = np.array([(marked * right).sum(), (marked * down).sum()]) / marked.sum()
    middle = places.mean(axis=0)
    return _Off(middle, motion.move(middle[None, None])[0, 0], found)


def _disc(place: NDArray[np.float64]) -> Image:
    """Returns a gray image with a brighter disc about a place; of two levels, so that no change of values makes it lopsided."""
    down, right = np.indices(SIZE) + 0.5
    inside = np.hypot(right - place[0], down - place[1]) <= RADIUS
    image: Image = np.repeat(np.where(inside, 200, 60).astype(np.uint8)[..., None], 3, axis=2)
    return image
