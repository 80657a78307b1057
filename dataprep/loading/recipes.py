"""All that is random about a batch: what each op draws for each of its images."""

import numpy as np
from numpy.typing import NDArray

from dataprep.draws import uniforms
from dataprep.types import Op, Params, Sizes


def draw(ops: tuple[Op, ...], sizes: Sizes, ids: NDArray[np.int64], seed: int, epoch: int) -> tuple[Params, ...]:
    """Returns the parameters of each op for some images.

    Args:
        ops: The ops, in order.
        sizes: (B, 2) height and width of each image.
        ids: (B,) what each image's draws depend on.
        seed: The run's seed.
        epoch: The epoch.
    """
    u = uniforms(seed, epoch, ids, sum(op.slots for op in ops))
    params, start = [], 0
    for op in ops:
        drawn, sizes = op.draw(u[:, start : start + op.slots], sizes)
        params.append(drawn)
        start += op.slots
    return tuple(params)
