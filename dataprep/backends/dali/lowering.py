"""Each op as an operator of NVIDIA DALI, with what was drawn for it as argument inputs.

An op has two parts here, both dispatched on its type: `arguments` turns its parameters into arrays with a line for each sample,
`node` puts its operator into the graph. An op of your own registers the same way; one that does not is run by its CPU kernel
before the graph, and so is all that comes before it (see `obstacle`). All three are public, as `dataprep.lowering`.

Example:
    >>> class Invert(dp.HorizontalFlip):
    ...     slots = 1
    >>> @dp.lowering.arguments.register
    ... def _(op: Invert, params: dp.Params) -> dp.lowering.Arguments:
    ...     return ((255 * params[:, 0]).astype(np.uint8),)
    >>> @dp.lowering.node.register
    ... def _(op: Invert, images: dp.lowering.Node, arguments: tuple[dp.lowering.Node, ...]) -> dp.lowering.Node:
    ...     return images ^ arguments[0]
    >>> dp.lowering.arguments(Invert(), np.array([[0.0], [1.0]]))
    (array([  0, 255], dtype=uint8),)

Cropping, mirroring, contrast and brightness are the CPU kernels' to the bit, and so, on the CPU, are decoding and the resize that
a program opens with, which run before the graph. On real photographs (ImageNet) resizing
differs in 16 % of values, nearly always by 1 and by 17 at most, since Pillow rounds between its two passes, and no more at the
edge than inside; turning in 0.3 %, by
1, since OpenCV rounds positions to 1/32 of a pixel; colours in 1 to 5 % and blurring in 3 %, by 1; normalising by 1e-6.
`dataprep parity` measures it on your images.
"""

from functools import singledispatch
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from nvidia.dali import fn, math, types

from dataprep.errors import PipelineError
from dataprep.protocols import Op
from dataprep.stages import (
    Affine,
    Brightness,
    CenterCrop,
    ColorJitter,
    Contrast,
    GaussianBlur,
    Grayscale,
    HorizontalFlip,
    Hue,
    Normalize,
    Pad,
    RandomCrop,
    RandomErasing,
    RandomResizedCrop,
    Resize,
    Rotate,
    Saturation,
    VerticalFlip,
)
from dataprep.stages.ops.affine import from_corners
from dataprep.stages.ops.arguments import Interpolation, height_width
from dataprep.types import Params

Node: TypeAlias = Any
"""A DALI data node: a batch of images, or of arguments, that will flow through the graph."""

Arguments: TypeAlias = tuple[NDArray[Any], ...]
"""Arrays with a line for each sample of a batch."""

FILTERS: Final = {
    "nearest": (types.DALIInterpType.INTERP_NN, 0),
    "bilinear": (types.DALIInterpType.INTERP_LINEAR, 1),
    "bicubic": (types.DALIInterpType.INTERP_CUBIC, 2),
    "lanczos": (types.DALIInterpType.INTERP_LANCZOS3, 3),
}
"""DALI's filter, and how many pixels it reaches to either side."""

FLOAT: Final = types.DALIDataType.FLOAT
CUT: Final[dict[str, Any]] = {"axes": (0, 1), "normalized_anchor": False, "normalized_shape": False}


@singledispatch
def arguments(op: Op, params: Params) -> Arguments:
    """Returns what `node` needs for a batch, from the (B, k) parameters drawn for it."""
    return ()


@singledispatch
def node(op: Op, images: Node, arguments: tuple[Node, ...]) -> Node:
    """Returns the images after one op: (H, W, 3) uint8, but (3, H, W) floats after `Normalize`."""
    raise PipelineError(f"`{type(op).__name__}` has no DALI operator")


@singledispatch
def obstacle(op: Op) -> str | None:
    """Returns why an op cannot run in DALI, or None where it can."""
    return "DALI has no operator for it" if node.dispatch(type(op)) is node.dispatch(object) else None


@arguments.register
def _(op: Resize, params: Params) -> Arguments:
    return (params.astype(np.float32),)


@node.register
def _(op: Resize, images: Node, arguments: tuple[Node, ...]) -> Node:
    return resize(images, arguments[0], op.interpolation)


@arguments.register(CenterCrop)
@arguments.register(Pad)
@arguments.register(RandomCrop)
@arguments.register(RandomErasing)
@arguments.register(RandomResizedCrop)
def _(op: Op, params: Params) -> Arguments:
    box = params.astype(np.int64)
    return np.ascontiguousarray(box[:, :2]), np.ascontiguousarray(box[:, 2:])


@node.register
def _(op: CenterCrop, images: Node, arguments: tuple[Node, ...]) -> Node:
    return fn.slice(images, *arguments, axes=(0, 1), out_of_bounds_policy="pad", fill_values=0)


@node.register(Pad)
@node.register(RandomCrop)
def _(op: Pad | RandomCrop, images: Node, arguments: tuple[Node, ...]) -> Node:
    return fn.slice(images, *arguments, axes=(0, 1), out_of_bounds_policy="pad", fill_values=list(op.fill))


@node.register
def _(op: RandomErasing, images: Node, arguments: tuple[Node, ...]) -> Node:
    anchor, shape = (fn.cast(argument, dtype=types.DALIDataType.FLOAT) for argument in arguments)
    return fn.erase(images, anchor=anchor, shape=shape, axis_names="HW", fill_value=list(op.fill))


@node.register
def _(op: RandomResizedCrop, images: Node, arguments: tuple[Node, ...]) -> Node:
    return resize_region(op, fn.slice(images, *arguments, axes=(0, 1)))


def resize_region(op: RandomResizedCrop, region: Node) -> Node:
    """Returns the regions of `RandomResizedCrop`, cut out already, at their size."""
    return resize(region, types.Constant(np.array(height_width(op.size), np.float32)), op.interpolation)


def resize(images: Node, size: Node, interpolation: Interpolation) -> Node:
    """Returns images at another (height, width), antialiased where they are reduced, as Pillow makes them up to the edge.

    Beyond the edge DALI repeats the last pixel; Pillow cuts the filter off there, and takes what is left of it for the whole. So
    there are zeros around the image here, and each value is divided by the share of the filter that lies within.
    """
    filter, reach = FILTERS[interpolation]
    if interpolation == "nearest":
        return fn.resize(images, size=size, interp_type=filter)
    shape = fn.cast(images.shape(), dtype=FLOAT)[:2]
    around = math.ceil(math.max(shape / size, np.float32(1)) * np.float32(reach)) + np.float32(1)
    made: list[Node] = []
    for along in ((1, 1), (1, 0), (0, 1)):  # the image, and a line of ones along each of its sides
        one, other = (types.Constant(np.array(axes, np.float32)) for axes in (along, tuple(1 - axis for axis in along)))
        extent, margin = shape * one + other, around * one
        line = images if all(along) else fn.slice(images, np.zeros(2, np.float32), extent, **CUT) * np.float32(0) + np.float32(1)
        padded = fn.slice(line, -margin, extent + margin + margin, out_of_bounds_policy="pad", fill_values=0, **CUT)
        region = {"roi_start": margin, "roi_end": margin + extent}
        made.append(fn.resize(padded, size=size * one + other, interp_type=filter, antialias=True, dtype=FLOAT, **region))
    return fn.cast(made[0] / (made[1] * made[2]), dtype=types.DALIDataType.UINT8)


@arguments.register(HorizontalFlip)
@arguments.register(VerticalFlip)
def _(op: Op, params: Params) -> Arguments:
    return (params[:, 0].astype(np.int32),)


@node.register
def _(op: HorizontalFlip, images: Node, arguments: tuple[Node, ...]) -> Node:
    return fn.flip(images, horizontal=arguments[0], vertical=0)


@node.register
def _(op: VerticalFlip, images: Node, arguments: tuple[Node, ...]) -> Node:
    return fn.flip(images, horizontal=0, vertical=arguments[0])


@obstacle.register
def _(op: Affine) -> str | None:
    return None if len(set(op.fill)) == 1 else "DALI fills corners with a gray level only"


@arguments.register
def _(op: Affine, params: Params) -> Arguments:
    return (from_corners(params.reshape(-1, 2, 3)).astype(np.float32),)


@node.register
def _(op: Affine, images: Node, arguments: tuple[Node, ...]) -> Node:
    return fn.warp_affine(
        images, matrix=arguments[0], inverse_map=False, fill_value=op.fill[0], interp_type=FILTERS["bilinear"][0]
    )


@obstacle.register
def _(op: Rotate) -> str | None:
    if op.expand:
        return "DALI's size after a turn is another"
    return None if len(set(op.fill)) == 1 else "DALI fills corners with a gray level only"


@arguments.register
def _(op: Rotate, params: Params) -> Arguments:
    return (params[:, 0].astype(np.float32),)


@node.register
def _(op: Rotate, images: Node, arguments: tuple[Node, ...]) -> Node:
    return fn.rotate(images, angle=arguments[0], keep_size=True, fill_value=op.fill[0], interp_type=FILTERS["bilinear"][0])


@arguments.register
def _(op: Brightness, params: Params) -> Arguments:
    return (params[:, 0].astype(np.float32),)


@node.register
def _(op: Brightness, images: Node, arguments: tuple[Node, ...]) -> Node:
    return fn.brightness(images, brightness=arguments[0])


@arguments.register(ColorJitter)
@arguments.register(Contrast)
@arguments.register(Grayscale)
@arguments.register(Hue)
@arguments.register(Saturation)
def _(op: Op, params: Params) -> Arguments:
    matrices = params.reshape(-1, 3, 4).astype(np.float32)
    return np.ascontiguousarray(matrices[:, :, :3]), np.ascontiguousarray(matrices[:, :, 3])


@node.register(ColorJitter)
@node.register(Contrast)
@node.register(Grayscale)
@node.register(Hue)
@node.register(Saturation)
def _(op: Op, images: Node, arguments: tuple[Node, ...]) -> Node:
    # a colour is a point of three coordinates
    return fn.coord_transform(images, M=arguments[0], T=arguments[1], dtype=types.DALIDataType.UINT8)


@arguments.register
def _(op: GaussianBlur, params: Params) -> Arguments:
    sigma = params[:, 0]
    window = 2 * np.ceil(3 * sigma) + 1  # a window of 1 changes nothing
    return np.where(sigma > 0, sigma, 1).astype(np.float32), window.astype(np.int32)


@node.register
def _(op: GaussianBlur, images: Node, arguments: tuple[Node, ...]) -> Node:
    return fn.gaussian_blur(images, sigma=arguments[0], window_size=arguments[1])


@node.register
def _(op: Normalize, images: Node, arguments: tuple[Node, ...]) -> Node:
    return normalize(op, images)


def normalize(op: Normalize, images: Node, **mirror: Node) -> Node:
    """Returns the images of `Normalize`, mirrored in the same pass where `mirror=` says so."""
    if op.mean is None or op.std is None:
        raise PipelineError("`Normalize()` has no numbers yet; `pipeline.fill(manifest.statistics)` takes them from a manifest")
    mean, std = ([255 * value for value in values] for values in (op.mean, op.std))
    return fn.crop_mirror_normalize(images, mean=mean, std=std, dtype=types.DALIDataType.FLOAT, output_layout="CHW", **mirror)
