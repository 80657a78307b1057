"""The checks of what draws: ops, with their CPU kernel, and mixes."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dataprep.backends.cpu.kernels import kernel, run_kernels
from dataprep.backends.program import compile_ops
from dataprep.draws import uniforms
from dataprep.errors import PipelineError
from dataprep.protocols import Mix, Op
from dataprep.testing.contract import broken, check_stage, demand
from dataprep.testing.images import photo
from dataprep.testing.places import check_geometry
from dataprep.types import Params, Sizes, Spec, Uniforms

SIZES: Final = ((24, 32), (33, 17), (2, 3), (1, 1))
"""Height and width, in pixels, of the images that an op is tried on."""
ROWS: Final = 12
LARGEST: Final = 1 - 2.0**-53  # the largest number that is drawn


def check_op(op: Op, *, after: tuple[Op, ...] = (), sizes: Sequence[tuple[int, int]] = SIZES, seed: int = 0) -> None:
    """Checks that an op of your own keeps the contract of `dataprep.Op`, and so does its CPU kernel.

    It is a frozen, hashable, picklable description; what it draws for an image depends on that image's numbers and size alone;
    `spec`, the drawn sizes and the kernel's pixels agree; the kernel changes neither image nor parameters, and takes an image
    however it lies in memory; and it moves pixels to where `dataprep.geometry` says, if the op is registered there.

    Example:
        >>> check_op(dp.Rotate(15))
        >>> check_op(dp.Output("float16"), after=(dp.Normalize.imagenet(),))

    Args:
        op: The op.
        after: Ops that come before it, where it does not take 8-bit pixels.
        sizes: Height and width, in pixels, of the images that it is tried on.
        seed: Of the numbers that it draws from.

    Raises:
        AssertionError: It breaks a rule; the message says which, and what to do.
    """
    check_stage(op, "slots", "spec", "draw")
    u = _uniforms(op, seed)
    start = np.resize(np.array(sizes, np.int64), (ROWS, 2))
    given, images = start, [photo(seed + row, *size) for row, size in enumerate(start.tolist())]
    for earlier in after:
        params, given = earlier.draw(_uniforms(earlier, seed), given)
        images = [run_kernels((earlier,), image, [drawn]) for image, drawn in zip(images, params, strict=True)]
    params, left = _draw(op, u, given)
    for row in range(ROWS):
        alone = _draw(op, u[row : row + 1], given[row : row + 1])
        same = np.array_equal(alone[0][0], params[row]) and np.array_equal(alone[1][0], left[row])
        demand(same, op, "draws otherwise for an image alone than in a batch; let its draws depend on its row of `u` only")
    before = compile_ops(after).spec
    _check_order(op, before)
    _check_registered(op)
    for row, image in enumerate(images):
        specs = _specs(op, before, given[row], left[row])
        _check_kernel(op, specs, image, params[row], left[row])
    if not after:
        check_geometry(op, seed)


def check_mix(mix: Mix, *, size: tuple[int, int] = (12, 17), seed: int = 0) -> None:
    """Checks that a mix of your own keeps the contract of `dataprep.Mix`.

    It is a frozen, hashable, picklable description; what it draws for an image depends on that image's numbers alone: the
    share that it keeps, from 0 to 1, and a box of whole pixels that lies in the image, of no size where values are blended.

    Example:
        >>> check_mix(dp.CutMix())

    Args:
        mix: The mix.
        size: Height and width, in pixels, of the images that it is tried on.
        seed: Of the numbers that it draws from.

    Raises:
        AssertionError: It breaks a rule; the message says which, and what to do.
    """
    check_stage(mix, "slots", "blends", "draw_mix")
    demand(isinstance(mix.blends, bool), mix, f"says blends={mix.blends!r}; give True or False")
    u = _uniforms(mix, seed)
    params = _mix_params(mix, u, size)
    for row in range(ROWS):
        same = np.array_equal(_mix_params(mix, u[row : row + 1], size)[0], params[row])
        demand(same, mix, "draws otherwise for an image alone than in a batch; let its draws depend on its row of `u` only")
    share, box = params[:, 0], params[:, 1:]
    demand(bool(((share >= 0) & (share <= 1)).all()), mix, f"draws shares from {share.min()} to {share.max()}; keep to 0 to 1")
    start, sides = box[:, :2], box[:, 2:]
    inside = (start >= 0).all() and (sides >= 0).all() and (start + sides <= size).all() and (box == np.floor(box)).all()
    demand(bool(inside), mix, f"draws a box that is no whole pixels within {size}; give top, left, height, width")
    if mix.blends:
        demand(not sides.any(), mix, "blends and yet draws boxes; a mix does one of both: let the boxes have no size")
    else:
        empty = sides.prod(axis=1) == 0
        demand(bool((share[empty] == 1).all()), mix, "gives away a share where it pastes no box; draw a share of 1 there")


def _uniforms(stage: Op | Mix, seed: int) -> Uniforms:
    """Returns (ROWS, slots) numbers, the least and the largest that can be drawn in the first two rows."""
    slots: Any = stage.slots
    demand(isinstance(slots, int) and slots >= 0, stage, f"has slots={slots!r}; give how many numbers an image takes, from 0")
    u = uniforms(seed, 0, np.arange(ROWS), slots)
    u[0], u[1] = 0, LARGEST
    return u


def _draw(op: Op, u: Uniforms, sizes: Sizes) -> tuple[Params, Sizes]:
    """Returns what an op draws, in the form that it has to have."""
    passed = u.copy(), sizes.copy()
    params, left = op.draw(*passed)
    unchanged = np.array_equal(passed[0], u) and np.array_equal(passed[1], sizes)
    demand(unchanged, op, "changes the arrays that `draw` is given; other ops draw from them, so make new ones")
    _check_params(op, "draw", params, len(u))
    shaped = isinstance(left, np.ndarray) and left.dtype == np.int64 and left.shape == sizes.shape
    demand(shaped, op, f"gives sizes of {_form(left)}; `draw` returns (B, 2) int64, the height and width of each image after it")
    demand(bool((left > 0).all()), op, "makes images without pixels; let every size after it be 1 or more")
    again = op.draw(u.copy(), sizes.copy())
    same = np.array_equal(again[0], params) and np.array_equal(again[1], left)
    demand(same, op, "draws twice otherwise from the same numbers; take all that is random from `u`")
    return params, left


def _mix_params(mix: Mix, u: Uniforms, size: tuple[int, int]) -> Params:
    """Returns what a mix draws, in the form that it has to have."""
    passed = u.copy()
    params = mix.draw_mix(passed, size)
    demand(np.array_equal(passed, u), mix, "changes the array that `draw_mix` is given; make a new one")
    _check_params(mix, "draw_mix", params, len(u))
    demand(params.shape[1] == 5, mix, f"draws {_form(params)}; `draw_mix` returns (B, 5): the share, top, left, height, width")
    same = np.array_equal(mix.draw_mix(u.copy(), size), params)
    demand(same, mix, "draws twice otherwise from the same numbers; take all that is random from `u`")
    return params


def _check_params(stage: Op | Mix, function: str, params: object, count: int) -> None:
    formed = isinstance(params, np.ndarray) and params.dtype == np.float64 and params.ndim == 2 and len(params) == count
    demand(formed, stage, f"draws {_form(params)}; `{function}` returns float64 parameters, one row for each of {count} images")
    demand(bool(np.isfinite(np.asarray(params)).all()), stage, "draws what is not finite; `u` goes from 0 to just below 1")


def _form(value: object) -> str:
    return f"{value.dtype} {value.shape}" if isinstance(value, np.ndarray) else type(value).__name__


def _check_order(op: Op, before: Spec) -> None:
    """Checks that an op does not follow `Output`, after which values may be the bits of a bfloat16."""
    try:
        op.spec(replace(before, delivered=True))
    except PipelineError:
        return
    demand(False, op, "accepts what `Output` has delivered; let its `spec` raise `dataprep.PipelineError` where `spec.delivered`")


def _check_registered(op: Op) -> None:
    known = kernel.dispatch(type(op)) is not kernel.dispatch(object)
    demand(known, op, f"has no CPU kernel; register one: `@dataprep.kernel.register` on (op: {type(op).__name__}, image, params)")


def _specs(op: Op, before: Spec, given: NDArray[np.int64], left: NDArray[np.int64]) -> Spec:
    """Returns what an op says of one image, which it has to say of images of any size as well."""
    height, width = map(int, given)
    spec = _spec(op, replace(before, height=height, width=width))
    for said in (spec, _spec(op, replace(before, height=None, width=None))):
        agrees = said.height in (None, left[0]) and said.width in (None, left[1])
        demand(agrees, op, f"says {said.height} × {said.width} by `spec` and {left[0]} × {left[1]} by `draw`; let both agree")
    return spec


def _spec(op: Op, given: Spec) -> Spec:
    try:
        said = op.spec(given)
    except PipelineError as error:
        raise broken(op, f"refuses {given}: {error}; give the check what has to come before it as `after=`") from error
    demand(isinstance(said, Spec), op, f"says {said!r} of an image; `spec` returns a `dataprep.Spec`")
    demand(op.spec(given) == said, op, f"says something else of {given} the second time; `spec` depends on its argument only")
    return said


def _check_kernel(op: Op, spec: Spec, image: NDArray[Any], params: NDArray[np.float64], left: NDArray[np.int64]) -> None:
    """Checks the kernel on one image against what was announced, however the image lies in memory."""
    passed = image.copy(), params.copy()
    result = np.array(kernel(op, *passed))
    demand(np.array_equal(passed[0], image), op, "has a kernel that changes the image it is given; let it write to a copy")
    demand(np.array_equal(passed[1], params), op, "has a kernel that changes its parameters; let it leave them as they are")
    height, width = map(int, left)
    shape = (height, width, 3) if spec.layout == "HWC" else (3, height, width)
    dtype = "uint16" if spec.dtype == "bfloat16" else spec.dtype  # NumPy holds its bits
    announced = result.shape == shape and result.dtype == dtype
    demand(announced, op, f"has a kernel that makes {_form(result)} where `spec` and `draw` say {dtype} {shape}; let them agree")
    for name, laid in _layouts(image):
        try:
            other = kernel(op, laid, params)
        except Exception as error:
            raise broken(
                op, f"has a kernel that fails on an image that is {name} ({error}); try `np.ascontiguousarray(image)`"
            ) from error
        demand(np.array_equal(other, result), op, f"has a kernel that makes other pixels of an image that is {name}")


def _layouts(image: NDArray[Any]) -> Iterator[tuple[str, NDArray[Any]]]:
    """Yields an image as ops before may leave it in memory."""
    yield "the same", image.copy()
    yield "a mirrored view", image[:, ::-1].copy()[:, ::-1]
    yield "turned upside down", image[::-1].copy()[::-1]
    yield "in Fortran's order", np.asfortranarray(image)
    larger = np.zeros([side + 2 for side in image.shape], image.dtype)
    inside = larger[tuple(slice(1, -1) for _ in image.shape)]
    inside[...] = image
    yield "cut out of a larger one", inside
    locked = image.copy()
    locked.flags.writeable = False
    yield "read-only", locked
