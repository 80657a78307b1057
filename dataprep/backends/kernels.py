"""The CPU kernels: what each op does to one image, with the parameters that it drew.

`kernel` dispatches on the op's type; an op of your own registers the same way:

    @kernel.register
    def _(op: Invert, image: Image, params: Params) -> Image:
        return 255 - image

Resizing is Pillow's, whose antialiased bilinear filter DALI matches within 1 of 255 for 99 % of values.
"""

from functools import cache, singledispatch
from typing import Any

import cv2
import numpy as np
import PIL.Image
from numpy.typing import NDArray

from dataprep.errors import PipelineError
from dataprep.stages import Brightness, CenterCrop, HorizontalFlip, Normalize, RandomResizedCrop, Resize, Rotate
from dataprep.types import Image, Op, Params

FILTERS = {
    "nearest": PIL.Image.Resampling.NEAREST,
    "bilinear": PIL.Image.Resampling.BILINEAR,
    "bicubic": PIL.Image.Resampling.BICUBIC,
    "lanczos": PIL.Image.Resampling.LANCZOS,
}


def apply(ops: tuple[Op, ...], image: Image, params: list[Params]) -> NDArray[Any]:
    """Returns (3, H, W): an (H, W, 3) RGB image after all ops, each with the (k,) parameters drawn for it."""
    result: NDArray[Any] = image
    for op, drawn in zip(ops, params, strict=True):
        result = kernel(op, result, drawn)
    return result if result.shape[0] == 3 and result.dtype != np.uint8 else result.transpose(2, 0, 1)


@singledispatch
def kernel(op: Op, image: Image, params: Params) -> NDArray[Any]:
    """Returns the image after one op, (H, W, 3) uint8 but for `Normalize`; `params` are the (k,) numbers drawn for it."""
    name = type(op).__name__
    raise PipelineError(f"`{name}` has no CPU kernel; register one: `@kernel.register` on a function (op: {name}, image, params)")


@kernel.register
def _(op: Resize, image: Image, params: Params) -> Image:
    height, width = params.astype(int).tolist()
    return _resized(image, height, width, op.interpolation)


@kernel.register
def _(op: CenterCrop, image: Image, params: Params) -> Image:
    top, left, height, width = params.astype(int).tolist()
    inside = image[max(top, 0) : top + height, max(left, 0) : left + width]
    if inside.shape[:2] == (height, width):
        return inside
    padded = np.zeros((height, width, 3), np.uint8)
    padded[max(-top, 0) :, max(-left, 0) :][: inside.shape[0], : inside.shape[1]] = inside
    return padded


@kernel.register
def _(op: RandomResizedCrop, image: Image, params: Params) -> Image:
    top, left, height, width = params.astype(int).tolist()
    target = (op.size, op.size) if isinstance(op.size, int) else op.size
    return _resized(image[top : top + height, left : left + width], *target, op.interpolation)


@kernel.register
def _(op: HorizontalFlip, image: Image, params: Params) -> Image:
    return image[:, ::-1] if params[0] else image


@kernel.register
def _(op: Rotate, image: Image, params: Params) -> Image:
    height, width = image.shape[:2]
    turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), float(params[0]), 1.0)
    return cv2.warpAffine(
        np.ascontiguousarray(image), turn, (width, height), flags=cv2.INTER_LINEAR, borderValue=tuple(map(float, op.fill))
    ).astype(np.uint8, copy=False)


@kernel.register
def _(op: Brightness, image: Image, params: Params) -> Image:
    table = np.floor(np.arange(256) * params[0] + 0.5).clip(0, 255).astype(np.uint8)
    return cv2.LUT(np.ascontiguousarray(image), table).astype(np.uint8, copy=False)


@kernel.register
def _(op: Normalize, image: Image, params: Params) -> NDArray[np.float32]:
    result = np.empty((3, *image.shape[:2]), np.float32)
    for channel, table in enumerate(_normalized_levels(op)):
        # every value is looked up, so it is the correctly rounded one on any processor
        np.take(table, image[..., channel], out=result[channel], mode="clip")
    return result


@cache
def _normalized_levels(op: Normalize) -> NDArray[np.float32]:
    """Returns (3, 256): what each level of each channel becomes."""
    if op.mean is None or op.std is None:
        raise PipelineError("`Normalize()` has no numbers yet; `pipeline.fill(manifest.statistics)` takes them from a manifest")
    levels = np.arange(256) / 255
    mean, std = np.array(op.mean)[:, None], np.array(op.std)[:, None]
    table: NDArray[np.float32] = ((levels - mean) / std).astype(np.float32)
    return table


def _resized(image: Image, height: int, width: int, interpolation: str) -> Image:
    if image.shape[:2] == (height, width):
        return image
    return np.asarray(PIL.Image.fromarray(image).resize((width, height), FILTERS[interpolation]))
