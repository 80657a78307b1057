"""A recipe to a batch of NumPy arrays: read, decode, apply the ops. What every CPU backend does, wherever it runs.

The common beginnings, a crop or a resize, say what of an image they need, so that only that is decoded and resized. They and the
common end, `Normalize`, work straight into the batch; everything between them goes through the kernels. The pixels are the same.
"""

import time
from collections.abc import Iterable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dataprep.backends.cpu.kernels import apply, kernel
from dataprep.errors import DecodeError, LoaderError, PipelineError, SourceError
from dataprep.images.decode import decode
from dataprep.images.jpeg import Decoded
from dataprep.images.limits import MAX_PIXELS, quiet_decoders
from dataprep.images.resize import Window, place, resized
from dataprep.stages import CenterCrop, HorizontalFlip, Normalize, Output, RandomResizedCrop, Resize
from dataprep.types import Batch, Box, Failure, Image, Op, Params, Recipe, Rendered, Sizes, Slow, Source, Spec


def render(source: Source, ops: tuple[Op, ...], recipe: Recipe) -> Batch:
    """Makes one batch as NumPy arrays.

    Args:
        source: Reads the recipe's uris.
        ops: The ops that the recipe's parameters were drawn for.
        recipe: The batch, fully determined.

    Raises:
        LoaderError: A file cannot be read, or is not the one that was measured; it is named.
    """
    batch, failures, _ = rendered(source, ops, recipe)
    for failure in failures:
        raise LoaderError(failure.why)
    return batch


def rendered(source: Source, ops: tuple[Op, ...], recipe: Recipe, images: NDArray[Any] | None = None) -> Rendered:
    """Makes one batch as NumPy arrays, with black where a file is no good, and says which files were no good.

    Args:
        source: Reads the recipe's uris.
        ops: The ops that the recipe's parameters were drawn for.
        recipe: The batch, fully determined.
        images: What `canvas` gave, to fill in place; None makes one.
    """
    images = canvas(ops, len(recipe.uris)) if images is None else images
    with quiet_decoders(pixel_limit(recipe.sizes)):
        failures, slowest = fill(source, ops, recipe, range(len(recipe.uris)), images)
    return Rendered(Batch(images, recipe.labels, recipe.ids), failures, slowest)


def canvas(ops: tuple[Op, ...], count: int) -> NDArray[Any]:
    """Returns (count, 3, H, W) of the type, and laid out, as the ops end with, not filled; bfloat16 as its bits in uint16."""
    return channels_first(blank(ops, count), ops)


def blank(ops: tuple[Op, ...], count: int) -> NDArray[Any]:
    """Returns the memory of a canvas, its axes in the order in which it lies there."""
    spec = delivered(ops)
    height, width = spec.height or 0, spec.width or 0
    shape = (count, height, width, 3) if spec.memory == "channels_last" else (count, 3, height, width)
    return np.empty(shape, "uint16" if spec.dtype == "bfloat16" else spec.dtype)


def channels_first(memory: NDArray[Any], ops: tuple[Op, ...]) -> NDArray[Any]:
    """Returns the canvas that is made of some memory."""
    return memory.transpose(0, 3, 1, 2) if delivered(ops).memory == "channels_last" else memory


def delivered(ops: tuple[Op, ...]) -> Spec:
    """Returns what an image is after all ops, all of one size."""
    spec = Spec()
    for op in ops:
        spec = op.spec(spec)
    if spec.height is None or spec.width is None:
        raise PipelineError("the ops leave a side of the images free, so they cannot be batched; add `CenterCrop(224)`")
    return spec


def fill(
    source: Source, ops: tuple[Op, ...], recipe: Recipe, places: Iterable[int], images: NDArray[Any]
) -> tuple[tuple[Failure, ...], Slow]:
    """Fills some places of a batch and returns which of them failed, black now, and which file took longest."""
    failures, slowest = [], Slow(0.0, "")
    limit = pixel_limit(recipe.sizes)
    for at in places:
        start, uri = time.perf_counter(), recipe.uris[at]
        measured = int(recipe.sizes[at, 0]), int(recipe.sizes[at, 1])
        params = [drawn[at] for drawn in recipe.params]
        begin = _beginning(ops, params, measured)
        try:
            image = read(source, uri, measured, limit, begin.window.needed if begin else None)
        except LoaderError as error:
            failures.append(Failure(at, uri, str(error)))
            images[at] = 0
        else:
            _paint(ops, image, params, begin, images[at])
        slowest = max(slowest, Slow(time.perf_counter() - start, uri))
    return tuple(failures), slowest


def paint(ops: tuple[Op, ...], image: Image, params: list[Params], out: NDArray[Any]) -> None:
    """Fills (3, H, W) with an (H, W, 3) image after all ops, each with the (k,) parameters drawn for it."""
    size = image.shape[0], image.shape[1]
    _paint(ops, Decoded(image, "", *size), params, _beginning(ops, params, size), out)


def step(op: Op, image: Image, params: Params) -> NDArray[Any]:
    """Returns an image after one op alone, done in the way in which `paint` would; what measurements of single ops call."""
    begin = _beginning((op,), [params], image.shape[:2])
    if begin is not None:
        return resized(image, begin.window)
    if isinstance(op, Normalize):
        out = np.empty((3, *image.shape[:2]), np.float32)
        place(image, False, out, _levels((op,)))
        return out
    return kernel(op, image, params)


class _Beginning(NamedTuple):
    """What the first ops amount to: a window, perhaps mirrored; how many ops these are, and how many of them mirror."""

    window: Window
    mirror: bool
    ops: int
    flips: int


def _paint(ops: tuple[Op, ...], decoded: Decoded, params: list[Params], begin: _Beginning | None, out: NDArray[Any]) -> None:
    """Fills (3, H, W) with what was decoded of an image, after all ops; of what their beginning sees, all was."""
    image, first, last, mirror = decoded.image, 0, len(ops) - len(_ending(ops)), False
    if begin is not None:
        image, first = resized(image, begin.window.moved(decoded.top, decoded.left), reuse=True), begin.ops - begin.flips
        if begin.ops == last:
            first, mirror = begin.ops, begin.mirror
    pixels = _shaped(apply(ops[first:last], image, params[first:last]), out)
    if pixels.dtype == np.uint8:
        place(pixels.transpose(1, 2, 0), mirror, out, _levels(ops[last:]))
    else:  # an op of the user's gave floats
        out[...] = apply(ops[last:], pixels, params[last:])


def _beginning(ops: tuple[Op, ...], params: list[Params], size: tuple[int, ...]) -> _Beginning | None:
    """Returns what the first ops amount to on an image of a height and width, None if that is not one resize."""
    first = ops[0]
    if not isinstance(first, RandomResizedCrop | Resize) or first.interpolation == "nearest":
        return None
    used = 1
    if isinstance(first, RandomResizedCrop):
        box = Box(*params[0].astype(int).tolist())
        target = (first.size, first.size) if isinstance(first.size, int) else first.size
    else:
        box, target = Box(0, 0, size[0], size[1]), tuple(params[0].astype(int).tolist())
    part = Box(0, 0, *target)
    if len(ops) > 1 and type(ops[1]) is CenterCrop:
        crop = Box(*params[1].astype(int).tolist())
        if crop.top >= 0 and crop.left >= 0 and crop.top + crop.height <= target[0] and crop.left + crop.width <= target[1]:
            part, used = crop, 2
    flips = int(len(ops) > used and type(ops[used]) is HorizontalFlip)
    return _Beginning(Window(box, target, part, first.interpolation), bool(flips and params[used][0]), used + flips, flips)


def _ending(ops: tuple[Op, ...]) -> tuple[Op, ...]:
    """Returns the last ops, of those that look each value up by itself."""
    start = len(ops)
    while start and isinstance(ops[start - 1], Normalize | Output):
        start -= 1
    return ops[start:]


@cache
def _levels(ending: tuple[Op, ...]) -> NDArray[Any]:
    """Returns (3, 256): what each level of each channel becomes, asked of the kernels."""
    every = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    return np.ascontiguousarray(apply(ending, every, [np.empty(0)] * len(ending))[:, 0])


def _shaped(image: NDArray[Any], out: NDArray[Any]) -> NDArray[Any]:
    """Returns the image, whose shape has to be that which the ops said."""
    assert image.shape == out.shape, f"an op gave {image.shape} where its `spec` says {out.shape}"
    return image


def pixel_limit(sizes: Sizes) -> int:
    """Returns the limit against bombs for images of (B, 2) measured sizes: `clean` may have been given a larger one."""
    return max(MAX_PIXELS, int(sizes.prod(axis=1).max(initial=0)))


def decoded(source: Source, uri: str, measured: tuple[int, int], limit: int) -> Image:
    """Returns the (H, W, 3) image of a uri, or says which file is not what the manifest says."""
    return read(source, uri, measured, limit).image


def read(source: Source, uri: str, measured: tuple[int, int], limit: int, part: Box | None = None) -> Decoded:
    """Returns the image of a uri, or of it at least a part, or says which file is not what the manifest says."""
    try:
        image = decode(source.read(uri), max_pixels=limit, reuse=True, part=part)
    except (SourceError, DecodeError) as error:
        raise LoaderError(f"{uri}: {error}; run `clean` again to drop it") from error
    if (image.height, image.width) != measured:
        now, then = (f"{width}×{height}" for height, width in ((image.height, image.width), measured))
        raise LoaderError(f"{uri} is {now} now but was {then} when it was measured; run `clean` again")
    return image
