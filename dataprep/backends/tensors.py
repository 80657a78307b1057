"""Arrays as tensors."""

import time
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from dataprep.backends.cpu.render import delivered
from dataprep.types import Op


def typed(images: torch.Tensor, ops: tuple[Op, ...]) -> torch.Tensor:
    """Returns (B, 3, H, W) of the type that the ops end with, from what `canvas` gave, which knows no bfloat16."""
    return images.view(torch.bfloat16) if delivered(ops).dtype == "bfloat16" else images


def transfer(images: NDArray[Any]) -> float | None:
    """Returns the seconds in which a batch of arrays gets from page-locked memory to the GPU, None where there is no GPU."""
    if not torch.cuda.is_available():
        return None
    batch = torch.from_numpy(np.ascontiguousarray(images)).pin_memory()
    batch.cuda()  # the first copy waits for the GPU to start
    torch.cuda.synchronize()
    start = time.perf_counter()
    batch.to("cuda", non_blocking=True)
    torch.cuda.synchronize()
    return time.perf_counter() - start
