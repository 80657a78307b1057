"""The ops at the end of a pipeline: what values become, and how they lie in memory."""

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np

from dataprep.errors import PipelineError
from dataprep.types import Params, Sizes, Spec, Uniforms

Dtype: TypeAlias = Literal["uint8", "float16", "bfloat16", "float32"]
DTYPES = ("uint8", "float16", "bfloat16", "float32")
MEMORY = ("contiguous", "channels_last")

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Normalize:
    """Turns 0..255 into float32 with (value / 255 - mean) / std per channel, channels first.

    Attributes:
        mean: RGB mean as a share of 255, such as 0.485; None takes the manifest's, over its kept images.
        std: RGB standard deviation as a share of 255; None takes the manifest's.
    """

    mean: tuple[float, float, float] | None = None
    std: tuple[float, float, float] | None = None
    slots = 0

    def __post_init__(self) -> None:
        """Checks that both or none are given, three numbers each."""
        if (self.mean is None) != (self.std is None):
            raise PipelineError("Normalize: give both `mean` and `std`, or neither to take them from the manifest")
        if self.mean is None or self.std is None:
            return
        object.__setattr__(self, "mean", tuple(self.mean))
        object.__setattr__(self, "std", tuple(self.std))
        if len(self.mean) != 3 or len(self.std) != 3 or min(self.std) <= 0:
            raise PipelineError(f"Normalize(mean={self.mean}, std={self.std}): three numbers each, every std above 0")
        if max(*map(abs, self.mean), *self.std) > 2:
            raise PipelineError(f"Normalize(mean={self.mean}, std={self.std}): give shares of 255, such as {IMAGENET_MEAN}")

    @classmethod
    def imagenet(cls) -> "Normalize":
        """Returns the constants that weights trained on ImageNet expect."""
        return cls(IMAGENET_MEAN, IMAGENET_STD)

    def spec(self, spec: Spec) -> Spec:
        """float32, channels first."""
        if spec.delivered:
            raise PipelineError("`Normalize` comes before `Output`, which is the last op")
        if spec.dtype != "uint8":
            raise PipelineError("`Normalize` comes once, as the last op: it takes 8-bit pixels and gives float32")
        return Spec(spec.height, spec.width, "float32", "CHW")

    def draw(self, u: Uniforms, sizes: Sizes) -> tuple[Params, Sizes]:
        """Draws nothing."""
        return np.empty((len(sizes), 0)), sizes


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
        return replace(spec, dtype=self.dtype or spec.dtype, memory=self.memory, delivered=True)

    def draw(self, u: Uniforms, sizes: Sizes) -> tuple[Params, Sizes]:
        """Draws nothing."""
        return np.empty((len(sizes), 0)), sizes
