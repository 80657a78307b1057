"""The dispatch on the type of an op, which each module of this package registers its kernels at."""

from functools import singledispatch
from typing import Any

from numpy.typing import NDArray

from dataprep.errors import PipelineError
from dataprep.protocols import Op
from dataprep.types import Image, Params


def run_kernels(ops: tuple[Op, ...], image: NDArray[Any], params: list[Params]) -> NDArray[Any]:
    """Returns an image after some ops, laid out as the last one says, each with the (k,) parameters drawn for it."""
    for op, drawn in zip(ops, params, strict=True):
        image = kernel(op, image, drawn)
    return image


@singledispatch
def kernel(op: Op, image: Image, params: Params) -> NDArray[Any]:
    """Returns the image after one op, laid out as the `spec` of the op says; `register` adds an op of your own.

    Example:
        >>> kernel(dp.HorizontalFlip(), photo(0, 4, 6), np.array([1.0])).shape
        (4, 6, 3)

    Args:
        op: What to do; its type chooses the function.
        image: (H, W, 3) uint8, unless an op before said otherwise; not to be changed.
        params: (k,) the numbers drawn for this image.
    """
    name = type(op).__name__
    raise PipelineError(f"`{name}` has no CPU kernel; register one: `@kernel.register` on a function (op: {name}, image, params)")
