"""The kernel that runs a transform of torchvision, timm or the user's own, which the op holds."""

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataprep.backends.cpu.kernels.dispatch import kernel
from dataprep.errors import LoaderError, PipelineError
from dataprep.stages import TorchVision
from dataprep.stages.ops.foreign import run_seeded
from dataprep.targets.geometry import geometry
from dataprep.types import Image, Params, Sizes

PROCESSES = "give the loader backend=dp.Torch(workers=...), whose workers are processes"


@kernel.register
def _(op: TorchVision, image: Image, params: Params) -> NDArray[Any]:
    if op.transform is None:
        raise PipelineError(
            "a file has only the text of the transform of `TorchVision`; make the pipeline anew and give it to the loader"
        )
    if threading.current_thread() is not threading.main_thread():
        raise PipelineError(f"`TorchVision` draws from generators that threads share; {PROCESSES}")
    seed, height, width = params.astype(int).tolist()
    made = run_seeded(op.transform, np.ascontiguousarray(image), seed)
    if made.shape != (height, width, 3) or made.dtype != op.dtype:
        raise PipelineError(
            f"the transform of `TorchVision` made {made.dtype} {made.shape} where {op.dtype} {(height, width, 3)} is wanted; "
            "give it `size=(height, width)` if it changes the size"
        )
    return made


@geometry.register
def _(op: TorchVision, params: Params, sizes: Sizes) -> None:
    raise LoaderError(
        "`TorchVision` does not tell where its transform moves pixels, so no targets can follow it; use the ops of dataprep"
    )
