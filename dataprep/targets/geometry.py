"""What each op does to places in an image: the dispatch on its type, and the ops of the house.

A place is (x, y), pixels from the left and from the top, continuous: pixel i covers [i, i + 1), so the middle of the first one
is at (0.5, 0.5) and the picture ends at (width, height). What an op does follows from what it drew and from the size before it,
whichever backend makes the pixels. Only matrices are known here, so an op that bends lines has none.
"""

from functools import singledispatch
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dataprep.errors import LoaderError
from dataprep.protocols import Op
from dataprep.stages import (
    Affine,
    Brightness,
    CenterCrop,
    ColorJitter,
    Contrast,
    Equalize,
    GaussianBlur,
    Grayscale,
    HorizontalFlip,
    Hue,
    JpegCompression,
    Normalize,
    Output,
    Pad,
    Posterize,
    RandAugment,
    RandomCrop,
    RandomErasing,
    RandomResizedCrop,
    Resize,
    Rotate,
    Saturation,
    Sharpness,
    Solarize,
    TrivialAugmentWide,
    VerticalFlip,
)
from dataprep.stages.ops.affine import about_centre, from_corners, linear
from dataprep.stages.ops.arguments import height_width
from dataprep.stages.ops.policies import change_matrices
from dataprep.types import Params, Sizes

Matrices: TypeAlias = NDArray[np.float64]
"""(B, 2, 3) where a place (x, y, 1) goes; or (B, S, 2, 3), one step after the other, each leaving a picture of the last size."""


@singledispatch
def geometry(op: Op, params: Params, sizes: Sizes) -> Matrices | None:
    """Returns where an op moves places of some images, None where it leaves all where they are; `register` adds an op of yours.

    Example:
        >>> dp.geometry(dp.HorizontalFlip(), np.array([[1.0]]), np.array([[4, 6]])).tolist()
        [[[-1.0, 0.0, 6.0], [0.0, 1.0, 0.0]]]

    Args:
        op: The op; its type chooses the function.
        params: (B, k) what it drew for each image.
        sizes: (B, 2) height and width of each image before it.

    Returns:
        (B, 2, 3) or (B, S, 2, 3) matrices, in continuous pixels: the middle of the first pixel is (0.5, 0.5).
    """
    name = type(op).__name__
    raise LoaderError(
        f"`{name}` does not say where it moves boxes, points and masks, so no targets can follow it; if it leaves pixels where "
        f"they are, say `dp.geometry.register({name}, dp.unmoved)`, else register a function (op: {name}, params, sizes)"
    )


def unmoved(op: Op, params: Params, sizes: Sizes) -> None:
    """Returns None: what to register at `geometry` for an op that leaves every pixel where it is.

    Example:
        >>> class Invert(dp.HorizontalFlip):
        ...     slots = 1
        >>> dp.geometry.register(Invert, dp.unmoved) is dp.unmoved
        True
    """


UNMOVED: Final[tuple[type, ...]] = (
    *(Brightness, ColorJitter, Contrast, Equalize, GaussianBlur, Grayscale, Hue, JpegCompression, Posterize, Saturation),
    *(Sharpness, Solarize, Normalize, Output),
    RandomErasing,  # what is painted over stays where it was
)
for kind in UNMOVED:
    geometry.register(kind, unmoved)


@geometry.register
def _(op: Resize, params: Params, sizes: Sizes) -> Matrices:
    return stretch(params / sizes)


@geometry.register(CenterCrop)
@geometry.register(Pad)
@geometry.register(RandomCrop)
def _(op: Op, params: Params, sizes: Sizes) -> Matrices:
    return stretch(np.ones((len(params), 2)), params[:, :2])


@geometry.register
def _(op: RandomResizedCrop, params: Params, sizes: Sizes) -> Matrices:
    return stretch(np.array(height_width(op.size)) / params[:, 2:], params[:, :2])


@geometry.register
def _(op: HorizontalFlip, params: Params, sizes: Sizes) -> Matrices:
    return _mirror(params[:, 0], sizes[:, 1], 0)


@geometry.register
def _(op: VerticalFlip, params: Params, sizes: Sizes) -> Matrices:
    return _mirror(params[:, 0], sizes[:, 0], 1)


@geometry.register
def _(op: Rotate, params: Params, sizes: Sizes) -> Matrices:
    none = np.zeros(len(params))
    turn = linear(np.radians(params[:, 0]), none + 1, none, none)
    grown = (params[:, 2:0:-1] - sizes[:, ::-1]) / 2  # the middle of the image stays in the middle
    return from_corners(about_centre(sizes, turn, grown))


@geometry.register
def _(op: Affine, params: Params, sizes: Sizes) -> Matrices:
    return from_corners(params.reshape(-1, 2, 3))


@geometry.register(RandAugment)
@geometry.register(TrivialAugmentWide)
def _(op: Any, params: Params, sizes: Sizes) -> Matrices:
    changes = params.reshape(len(params), -1, 2)  # (B, S, 2): the number of each change and its value
    steps = [from_corners(change_matrices(changes[:, step, 0], changes[:, step, 1], sizes)) for step in range(changes.shape[1])]
    return np.stack(steps, axis=1)


def stretch(factors: Params, start: Params | float = 0.0) -> Matrices:
    """Returns (B, 2, 3) matrices that put a place at the corner and then scale.

    Args:
        factors: (B, 2) of height and width.
        start: (B, 2) top and left of what becomes the corner, in pixels.
    """
    matrices = np.zeros((len(factors), 2, 3))
    matrices[:, (0, 1), (0, 1)] = factors[:, ::-1]
    matrices[:, :, 2] = -(factors * start)[:, ::-1]
    return matrices


def _mirror(chosen: Params, lengths: NDArray[np.int64], axis: int) -> Matrices:
    """Returns (B, 2, 3) matrices that mirror an axis, x or y, of the chosen images."""
    matrices = np.tile(np.eye(2, 3), (len(chosen), 1, 1))
    matrices[:, axis, axis] = 1 - 2 * chosen
    matrices[:, axis, 2] = chosen * lengths
    return matrices
