"""The dispatch on the type of an op, which each module of this package registers its kernels at."""

from functools import singledispatch
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataprep.errors import PipelineError
from dataprep.types import Image, Op, Params


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
