"""What images are delivered as: their type, and how they lie in memory."""

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np

from dataprep.errors import PipelineError
from dataprep.types import Params, Sizes, Spec, Uniforms

Dtype: TypeAlias = Literal["uint8", "float16", "bfloat16", "float32"]
DTYPES = ("uint8", "float16", "bfloat16", "float32")
MEMORY = ("contiguous", "channels_last")


@dataclass(frozen=True)
class Output:
    """Delivers values of another type, or with the channels last in memory; the shape stays (B, 3, H, W).

    Values are rounded to the nearest, not scaled: it comes after `Normalize`, or gives 0..255 as floats.

    Attributes:
        dtype: "uint8", "float16", "bfloat16" or "float32"; None leaves what there is. NumPy has no bfloat16: it is for tensors.
        memory: "contiguous", channel after channel, or "channels_last", pixel after pixel, as tensor cores want it.
    """

    dtype: Dtype | None = None
    memory: Literal["contiguous", "channels_last"] = "contiguous"
    slots = 0

    def __post_init__(self) -> None:
        """Checks the names."""
        if self.dtype is not None and self.dtype not in DTYPES:
            raise PipelineError(f"Output(dtype={self.dtype!r}): one of {', '.join(DTYPES)}")
        if self.memory not in MEMORY:
            raise PipelineError(f"Output(memory={self.memory!r}): one of {', '.join(MEMORY)}")

    def spec(self, spec: Spec) -> Spec:
        """The same image, as it is delivered."""
        if spec.delivered:
            raise PipelineError("`Output` comes once, as the last op")
        if self.dtype == "uint8" and spec.dtype != "uint8":
            raise PipelineError("`Output('uint8')` cannot follow `Normalize`, whose values are no bytes; leave one of them out")
        return replace(spec, dtype=self.dtype or spec.dtype, layout="CHW", memory=self.memory, delivered=True)

    def draw(self, u: Uniforms, sizes: Sizes) -> tuple[Params, Sizes]:
        """Draws nothing."""
        return np.empty((len(sizes), 0)), sizes
