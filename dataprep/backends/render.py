"""A recipe to a batch of NumPy arrays: read, decode, apply the ops. What every CPU backend does, wherever it runs.

The common beginnings, a crop or a resize, and the common end, `Normalize`, go through `resample` in one pass where that is
available; everything between them, and everything without numba, goes through the kernels. The pixels are the same.
"""

import threading
import time
from collections.abc import Iterable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dataprep.backends import resample
from dataprep.backends.kernels import apply, kernel
from dataprep.decode import MAX_PIXELS, Scratch, decode, quiet_decoders
from dataprep.errors import DecodeError, LoaderError, PipelineError, SourceError
from dataprep.stages import CenterCrop, HorizontalFlip, Normalize, RandomResizedCrop, Resize
from dataprep.types import Batch, Failure, Image, Op, Params, Recipe, Rendered, Sizes, Slow, Source, Spec


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
    """Returns (count, 3, H, W) of the type that the ops end with, not filled."""
    shape, dtype = shape_of(ops)
    return np.empty((count, *shape), dtype)


def shape_of(ops: tuple[Op, ...]) -> tuple[tuple[int, int, int], "np.dtype[Any]"]:
    """Returns (3, H, W) and the type of an image after all ops."""
    spec = Spec()
    for op in ops:
        spec = op.spec(spec)
    if spec.height is None or spec.width is None:
        raise PipelineError("the ops leave a side of the images free, so they cannot be batched; add `CenterCrop(224)`")
    return (3, spec.height, spec.width), np.dtype(spec.dtype)


def fill(
    source: Source, ops: tuple[Op, ...], recipe: Recipe, places: Iterable[int], images: NDArray[Any]
) -> tuple[tuple[Failure, ...], Slow]:
    """Fills some places of a batch and returns which of them failed, black now, and which file took longest."""
    failures, slowest = [], Slow(0.0, "")
    limit = pixel_limit(recipe.sizes)
    for place in places:
        start, uri = time.perf_counter(), recipe.uris[place]
        measured = int(recipe.sizes[place, 0]), int(recipe.sizes[place, 1])
        try:
            image = decoded(source, uri, measured, limit)
        except LoaderError as error:
            failures.append(Failure(place, uri, str(error)))
            images[place] = 0
        else:
            paint(ops, image, [params[place] for params in recipe.params], images[place])
        slowest = max(slowest, Slow(time.perf_counter() - start, uri))
    return tuple(failures), slowest


def paint(ops: tuple[Op, ...], image: Image, params: list[Params], out: NDArray[Any]) -> None:
    """Fills (3, H, W) with an (H, W, 3) image after all ops, each with the (k,) parameters drawn for it."""
    if not resample.available():
        out[...] = _shaped(apply(ops, image, params), out)
        return
    begin, last = _beginning(ops, params, image), ops[-1]
    end = len(ops) - isinstance(last, Normalize)
    levels = _levels(last) if isinstance(last, Normalize) else resample.IDENTITY
    if begin is not None and begin.ops == end:
        resample.resample(image, begin.window, begin.mirror, _shaped(out, out), levels)
        return
    if begin is not None:
        image, start = resample.resized(image, begin.window), begin.ops - begin.flips
        ops, params, end = ops[start:], params[start:], end - start
    pixels = apply(ops[:end], image, params[:end])
    if end == len(ops):
        out[...] = _shaped(pixels, out)
        return
    resample.place(np.ascontiguousarray(_shaped(pixels, out).transpose(1, 2, 0)), False, out, levels)


def step(op: Op, image: Image, params: Params) -> NDArray[Any]:
    """Returns an image after one op alone, done in the way in which `paint` would; what measurements of single ops call."""
    if resample.available():
        begin = _beginning((op,), [params], image)
        if begin is not None:
            return resample.resized(image, begin.window).copy()
        if isinstance(op, Normalize):
            out = np.empty((3, *image.shape[:2]), np.float32)
            resample.place(np.ascontiguousarray(image), False, out, _levels(op))
            return out
    return kernel(op, image, params)


class _Beginning(NamedTuple):
    """What the first ops amount to: a window, perhaps mirrored; how many ops these are, and how many of them mirror."""

    window: resample.Window
    mirror: bool
    ops: int
    flips: int


def _beginning(ops: tuple[Op, ...], params: list[Params], image: Image) -> _Beginning | None:
    """Returns what the first ops amount to, None if that is not one bilinear resize."""
    first = ops[0]
    if not isinstance(first, RandomResizedCrop | Resize) or first.interpolation != "bilinear":
        return None
    used = 1
    if isinstance(first, RandomResizedCrop):
        top, left, height, width = params[0].astype(int).tolist()
        box, target = (top, left, height, width), (first.size, first.size) if isinstance(first.size, int) else first.size
    else:
        box, target = (0, 0, *image.shape[:2]), tuple(params[0].astype(int).tolist())
    part = (0, 0, *target)
    if len(ops) > 1 and type(ops[1]) is CenterCrop:
        top, left, height, width = params[1].astype(int).tolist()
        if top >= 0 and left >= 0 and top + height <= target[0] and left + width <= target[1]:
            part, used = (top, left, height, width), 2
    flips = int(len(ops) > used and type(ops[used]) is HorizontalFlip)
    return _Beginning(resample.Window(box, target, part), bool(flips and params[used][0]), used + flips, flips)


@cache
def _levels(op: Normalize) -> NDArray[np.float32]:
    """Returns (3, 256): what each level of each channel becomes, asked of the op's kernel."""
    every = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    levels: NDArray[np.float32] = kernel(op, every, np.empty(0))[:, 0]
    return levels


def _shaped(image: NDArray[Any], out: NDArray[Any]) -> NDArray[Any]:
    """Returns the image, whose shape has to be that which the ops said."""
    assert image.shape == out.shape, f"an op gave {image.shape} where its `spec` says {out.shape}"
    return image


def pixel_limit(sizes: Sizes) -> int:
    """Returns the limit against bombs for images of (B, 2) measured sizes: `clean` may have been given a larger one."""
    return max(MAX_PIXELS, int(sizes.prod(axis=1).max(initial=0)))


_LOCAL = threading.local()


def _scratch() -> Scratch:
    """Returns this thread's memory for a decoded image."""
    scratch: Scratch = _LOCAL.__dict__.setdefault("scratch", Scratch())
    return scratch


def decoded(source: Source, uri: str, measured: tuple[int, int], limit: int) -> Image:
    """Returns the (H, W, 3) image of a uri, or says which file is not what the manifest says."""
    try:
        image = decode(source.read(uri), max_pixels=limit, scratch=_scratch()).image
    except (SourceError, DecodeError) as error:
        raise LoaderError(f"{uri}: {error}; run `clean` again to drop it") from error
    if image.shape[:2] != measured:
        now, then = (f"{width}×{height}" for height, width in (image.shape[:2], measured))
        raise LoaderError(f"{uri} is {now} now but was {then} when it was measured; run `clean` again")
    return image
