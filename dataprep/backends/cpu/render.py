"""A recipe to a batch of NumPy arrays: read, decode, run the program. What every CPU backend does, wherever it runs.

The opening of a program says what of an image it needs, so that only that is decoded and resized. It and the ending, the table of
values, work straight into the batch; everything between them goes through the kernels. The pixels are the same.
"""

import math
import time
from collections.abc import Callable, Iterable
from functools import cache
from hashlib import sha256
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dataprep.backends.cpu.kernels import KernelError, kernel, run_kernels
from dataprep.backends.cpu.kernels.values import line_of
from dataprep.backends.mix import mix_batch
from dataprep.backends.program import compile_ops, delivered_size
from dataprep.backends.targets import TargetCanvas, stamped
from dataprep.errors import DecodeError, LoaderError, PipelineError, SourceError
from dataprep.fetched import Fetched
from dataprep.images.canvas import pixels_of_file, render_file
from dataprep.images.decode import decode
from dataprep.images.jpeg import Decoded
from dataprep.images.limits import MAX_PIXELS, quiet_decoders
from dataprep.images.resize import Line, Window, place, resize_window
from dataprep.protocols import Op, Program, Source
from dataprep.stages import Normalize
from dataprep.stages.ops.arguments import height_width
from dataprep.types import Batch, Box, Failure, Image, Params, Recipe, Rendered, Sizes, Slow, Spec, Stamp

LINE: Final = 64  # bytes of a line of a cache, which is written at once where it is written whole


def render(source: Source, program: Program, recipe: Recipe) -> Rendered:
    """Makes one batch as NumPy arrays, black where a file cannot be read, and says which files these are.

    Args:
        source: Reads the recipe's uris.
        program: The ops that the recipe's parameters were drawn for.
        recipe: The batch, fully determined.
    """
    images = canvas(program, len(recipe.uris))
    rendered = render_into(images, source, program, recipe)
    return rendered._replace(batch=mix_batch(rendered.batch, recipe.mixture, rendered.failures))


def render_into(images: NDArray[Any], source: Source, program: Program, recipe: Recipe) -> Rendered:
    """Fills what `canvas` gave with the images of one batch, not mixed yet, unlike its targets."""
    targets = TargetCanvas(source, recipe)
    with quiet_decoders(pixel_limit(recipe.sizes)):
        failures, slowest = fill(source, program, recipe, range(len(recipe.uris)), images, targets)
    return Rendered(Batch(images, recipe.labels, recipe.ids), failures, slowest, targets.finish(failures))


def canvas(program: Program, count: int) -> NDArray[Any]:
    """Returns (count, 3, H, W), not filled, of the type and the layout of the program's end; bfloat16 as its bits in uint16."""
    return channels_first(blank(program, count), program.spec)


def blank(program: Program, count: int) -> NDArray[Any]:
    """Returns the memory of a canvas, its axes in the order in which it lies there; it begins where a line of a cache does."""
    height, width = delivered_size(program)
    shape = (count, height, width, 3) if program.spec.memory == "channels_last" else (count, 3, height, width)
    dtype = np.dtype(_dtype(program.spec))
    memory = np.empty(math.prod(shape) * dtype.itemsize + LINE, np.uint8)
    start = -memory.ctypes.data % LINE
    return memory[start : start + len(memory) - LINE].view(dtype).reshape(shape)


def channels_first(memory: NDArray[Any], spec: Spec) -> NDArray[Any]:
    """Returns the canvas that is made of some memory."""
    return memory.transpose(0, 3, 1, 2) if spec.memory == "channels_last" else memory


def fill(
    source: Source, program: Program, recipe: Recipe, indices: Iterable[int], images: NDArray[Any], targets: TargetCanvas
) -> tuple[tuple[Failure, ...], Slow]:
    """Fills some images of a batch and their targets; returns which failed, black now, and which file took longest.

    Raises:
        PipelineError: An op has no kernel, or made another shape or type than it says.
    """
    failures, slowest = [], Slow(0.0, "")
    for index in indices:
        start, uri = time.perf_counter(), recipe.uris[index]
        try:
            targets.render(index)
            data = read_same(source, uri, stamp_of(recipe, index))
            _fill_one(program, recipe, index, data, images[index])
        except LoaderError as error:
            failures.append(failure_of(index, uri, error))
            images[index] = 0
        except PipelineError as error:
            raise PipelineError(f"{uri}: {error}") from error
        slowest = max(slowest, Slow(time.perf_counter() - start, uri))
    return tuple(failures), slowest


def _fill_one(program: Program, recipe: Recipe, index: int, data: bytes, out: NDArray[Any]) -> None:
    """Fills (3, H, W) with an image after all ops, from its bytes: in one call if that is possible, else step by step."""
    measured = int(recipe.sizes[index, 0]), int(recipe.sizes[index, 1])
    params = [drawn[index] for drawn in recipe.params]
    opening = opening_of(program, params, measured)
    if opening is not None and _fill_at_once(program, data, measured, params, opening, out):
        return
    part = opening.window.needed if opening else None
    _paint(program, decoded(data, recipe.uris[index], measured, part), params, opening, out)


def _fill_at_once(
    program: Program, data: bytes, measured: tuple[int, int], params: list[Params], opening: "Opening", out: NDArray[Any]
) -> bool:
    """Opens a usual JPEG in one compiled call, and ends it there if no op is between; returns whether it could."""
    window, first = opening
    if first == program.mirror:
        return render_file(data, measured, window, out, _is_mirrored(program, params), *_levels(program.ops[program.ending :]))
    pixels = pixels_of_file(data, measured, window)
    if pixels is None:
        return False
    _finish(program, pixels, params, first, out)
    return True


def failure_of(index: int, uri: str, error: LoaderError) -> Failure:
    """Returns the failure of a file that was not read, which the error names, or that an op raised an error on."""
    return Failure(index, uri, f"{uri}: {error}" if isinstance(error, KernelError) else str(error))


def paint(program: Program, image: Image, params: list[Params], out: NDArray[Any]) -> None:
    """Fills (3, H, W) with an (H, W, 3) image after all ops, each with the (k,) parameters drawn for it."""
    size = image.shape[0], image.shape[1]
    _paint(program, Decoded(image, "", *size), params, opening_of(program, params, size), out)


def apply(program: Program, image: Image, params: list[Params]) -> NDArray[Any]:
    """Returns (3, H, W): an (H, W, 3) RGB image after all ops by their kernels alone, which `paint` does faster."""
    return _channels_first(run_kernels(program.ops, image, params), program.spec)


def apply_op(op: Op, image: Image, params: Params) -> NDArray[Any]:
    """Returns an image after one op alone, done in the way in which `paint` would; what measurements of single ops call."""
    program = compile_ops((op,))
    opening = opening_of(program, [params], (image.shape[0], image.shape[1]))
    if opening is not None:
        return resize_window(image, opening.window)
    if program.ending == 0:
        out = np.empty((3, *image.shape[:2]), _dtype(program.spec))
        place(image, False, out, *_levels(program.ops))
        return out
    return kernel(op, image, params)


class Opening(NamedTuple):
    """What the first ops make of one image.

    Attributes:
        window: What they need of the image, and what becomes of it.
        ops: How many ops these are: a central crop that reaches beyond the resized image is not among them.
    """

    window: Window
    ops: int


def opening_of(program: Program, params: list[Params], size: tuple[int, int]) -> Opening | None:
    """Returns what the opening makes of an image of this height and width, None where the program has none."""
    if not program.opening:
        return None
    first: Any = program.ops[0]
    if program.cuts:
        box, target = Box(*params[0].astype(int).tolist()), height_width(first.size)
    else:
        box, target = Box(0, 0, *size), tuple(params[0].astype(int).tolist())
    whole = Box(0, 0, *target)
    if program.opening == 2:
        crop = Box(*params[1].astype(int).tolist())
        if crop.lies_in(whole):
            return Opening(Window(box, target, crop, first.interpolation), 2)
    return Opening(Window(box, target, whole, first.interpolation), 1)


def _paint(program: Program, decoded: Decoded, params: list[Params], opening: Opening | None, out: NDArray[Any]) -> None:
    """Fills (3, H, W) with what was decoded of an image, after all ops; of what the opening sees, all was."""
    if opening is None:
        _finish(program, decoded.image, params, 0, out)
        return
    window, first = opening
    _finish(program, resize_window(decoded.image, window.moved(decoded.top, decoded.left), reuse=True), params, first, out)


def _finish(program: Program, image: Image, params: list[Params], first: int, out: NDArray[Any]) -> None:
    """Fills (3, H, W) with an image after all ops from the first that was not done yet."""
    made = run_kernels(program.ops[first : program.mirror], image, params[first : program.mirror])
    pixels = _check_made(made, program.specs[program.ending], out.shape)
    mirror, ending = _is_mirrored(program, params), program.ops[program.ending :]
    if pixels.dtype == np.uint8:
        place(pixels.transpose(1, 2, 0), mirror, out, *_levels(ending))
    else:  # an op of the user's gave floats
        out[...] = run_kernels(ending, pixels[..., ::-1] if mirror else pixels, params[program.ending :])


def _is_mirrored(program: Program, params: list[Params]) -> bool:
    """Whether the flip before the ending was drawn."""
    return program.mirror < program.ending and bool(params[program.mirror][0])


@cache
def _levels(ending: tuple[Op, ...]) -> tuple[NDArray[Any], Line | None]:
    """Returns (3, 256), what each level of each channel becomes, asked of the kernels; and the line through them, if known."""
    program = compile_ops(ending)
    every = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    levels = np.ascontiguousarray(apply(program, every, [np.empty(0)] * len(ending))[:, 0])
    lines = [line_of(op) for op in ending if isinstance(op, Normalize)] or [np.tile([1.0, 0.0], (3, 1))]
    return levels, lines[0] if levels.dtype == np.float32 else None


def _channels_first(image: NDArray[Any], spec: Spec) -> NDArray[Any]:
    """Returns (3, H, W) of an image that is laid out as its spec says."""
    return image.transpose(2, 0, 1) if spec.layout == "HWC" else image


def _check_made(image: NDArray[Any], spec: Spec, shape: tuple[int, ...]) -> NDArray[Any]:
    """Returns (3, H, W) of an image, whose shape and type have to be those which the ops said."""
    pixels = _channels_first(image, spec) if image.ndim == 3 else image
    if pixels.shape != shape or (pixels.dtype == np.uint8) != (spec.dtype == "uint8"):
        said = (*shape[1:], 3) if spec.layout == "HWC" else shape
        raise PipelineError(f"an op gave {image.dtype} {image.shape} where its `spec` says {spec.dtype} {said} in {spec.layout}")
    return pixels


def _dtype(spec: Spec) -> str:
    """Returns the type that NumPy holds values in; of bfloat16 it holds the bits."""
    return "uint16" if spec.dtype == "bfloat16" else spec.dtype


def pixel_limit(sizes: Sizes) -> int:
    """Returns the limit against bombs for images of (B, 2) measured sizes: the largest of theirs."""
    return max(MAX_PIXELS, int(sizes.prod(axis=1).max(initial=0)))


def limit_of(measured: tuple[int, int]) -> int:
    """Returns the limit against bombs for an image of a measured size: `clean` may have been given a larger one."""
    return max(MAX_PIXELS, measured[0] * measured[1])


def read(source: Source, uri: str, measured: tuple[int, int], part: Box | None = None, stamp: Stamp | None = None) -> Decoded:
    """Returns the image of a uri, or of it at least a part.

    Args:
        source: Reads the uri.
        uri: The file.
        measured: Height and width that the image had when it was measured.
        part: What is needed of the image; None for all of it.
        stamp: What the file was when it was measured.

    Raises:
        LoaderError: It cannot be read or decoded, or is another one or has another size now; the message names it.
    """
    return decoded(read_same(source, uri, stamp), uri, measured, part)


def decoded(data: bytes, uri: str, measured: tuple[int, int], part: Box | None = None) -> Decoded:
    """Returns the image that the bytes of a uri are, as `read` does."""
    try:
        image = decode(data, max_pixels=limit_of(measured), reuse=True, part=part)
    except DecodeError as error:
        raise LoaderError(f"{uri}: {error}; run `clean` again to drop it") from error
    if (image.height, image.width) != measured:
        now, then = (f"{width}×{height}" for height, width in ((image.height, image.width), measured))
        raise LoaderError(f"{uri} is {now} now but was {then} when it was measured; run `clean` again")
    return image


def read_same(source: Source, uri: str, stamp: Stamp | None) -> bytes:
    """Returns the bytes of a file, which has to be the one that was measured.

    Its length is compared, and where the source tells it for less than reading, its version, or when it was changed. A file of
    another version or time, such as a copy, is digested: it may hold the same.

    Raises:
        LoaderError: It cannot be read, or is another file now; the message names it.
    """
    try:
        data = source.read(stamped(uri, stamp))
        other = stamp and _difference(source, uri, data, stamp)
        if other and getattr(data, "kept", False):  # by a cache, since before the file was measured
            data = source.read_again(uri)  # type: ignore[attr-defined]  # what keeps files has it
            other = stamp and _difference(source, uri, data, stamp)
    except SourceError as error:
        raise LoaderError(f"{uri}: {error}{'; run `clean` again to drop it' if error.of_image else ''}") from error
    if other:
        raise LoaderError(f"{uri} is another file than the one that was measured: {other}; run `clean` again")
    return data


def _difference(source: Source, uri: str, data: bytes, stamp: Stamp) -> str | None:
    """Returns in what a file is not the one that was measured, None where it is."""
    if stamp.bytes not in (None, len(data)):
        return f"{len(data):,} bytes now, {stamp.bytes:,} then"
    if _may_be_other(source, uri, data, stamp) and not sha256(data).hexdigest().startswith(stamp.digest or "unknown"):
        return "of the same length, with other content"
    return None


def _may_be_other(source: Source, uri: str, data: bytes, stamp: Stamp) -> bool:
    """Returns whether a file may have been changed since: it has another version, or another time, or a cache had it."""
    if isinstance(data, Fetched) and data.version is not None:
        return data.version != stamp.version
    if isinstance(data, Fetched) and data.kept:
        return data.modified is None or data.modified != stamp.modified
    return stamp.modified is not None and modified_of(source, uri) not in (None, stamp.modified)


def stamp_of(recipe: Recipe, index: int) -> Stamp | None:
    """Returns what a file of a recipe was when it was measured, if that is known."""
    return None if recipe.stamps is None else recipe.stamps[index]


def modified_of(source: Source, uri: str) -> int | None:
    """Returns when a file was changed last, in nanoseconds since 1970, None from a source that does not tell."""
    tell: Callable[[str], int | None] | None = getattr(source, "modified", None)
    return None if tell is None else tell(uri)
