"""Arrays as tensors, and how long these take to a GPU."""

import time
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from dataprep.backends.targets import convert_targets
from dataprep.types import Batch, Rendered, Spec


def tensors(rendered: Rendered, spec: Spec) -> Rendered:
    """Returns a batch of arrays as one of tensors that share their memory, and its targets."""
    images, labels, ids = map(torch.from_numpy, rendered.batch)
    batch = Batch(as_dtype(images, spec), labels, ids)
    return rendered._replace(batch=batch, targets=convert_targets(rendered.targets, torch.from_numpy))


def as_dtype(images: torch.Tensor, spec: Spec) -> torch.Tensor:
    """Returns images of the type that a spec says, in the same memory, from what NumPy can hold."""
    return images.view(torch.bfloat16) if spec.dtype == "bfloat16" else images


def time_transfer(images: NDArray[Any]) -> float | None:
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
