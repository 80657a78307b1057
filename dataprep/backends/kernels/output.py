"""The kernel that gives values their last type."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataprep.backends.kernels.dispatch import kernel
from dataprep.stages import Output
from dataprep.types import Image, Params


@kernel.register
def _(op: Output, image: Image, params: Params) -> NDArray[Any]:
    if op.dtype is None or op.dtype == image.dtype:
        return image
    values = image.transpose(2, 0, 1) if image.dtype == np.uint8 else image
    return bfloat16(values) if op.dtype == "bfloat16" else values.astype(op.dtype)


def bfloat16(values: NDArray[Any]) -> NDArray[np.uint16]:
    """Returns the bits of the nearest bfloat16, which are the upper half of a float32's; of two as near, the even one."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16)
