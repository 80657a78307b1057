"""Ops that change values: what each one is and what it draws. The work is one kernel per backend."""

import math
from dataclasses import dataclass

import numpy as np

from dataprep.errors import PipelineError
from dataprep.types import Params, Sizes, Spec, Uniforms

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Brightness:
    """Multiplies all values by a random factor, rounded half up and cut off at 255.

    Attributes:
        amount: a for factors from max(0, 1 - a) to 1 + a, or the least and the largest factor.
    """

    amount: float | tuple[float, float] = 0.2
    slots = 1

    def __post_init__(self) -> None:
        """Checks the factors."""
        amount = self.amount
        limits = (max(0.0, 1 - amount), 1 + amount) if isinstance(amount, int | float) else tuple(amount)
        if len(limits) != 2 or not 0 <= limits[0] <= limits[1] < math.inf:
            raise PipelineError(f"Brightness(amount={amount!r}): give a number above 0, or the least and the largest factor")
        object.__setattr__(self, "amount", (float(limits[0]), float(limits[1])))

    def spec(self, spec: Spec) -> Spec:
        """Unchanged."""
        if spec.dtype != "uint8":
            raise PipelineError("`Brightness` works on 8-bit pixels; put it before `Normalize`")
        return spec

    def draw(self, u: Uniforms, sizes: Sizes) -> tuple[Params, Sizes]:
        """Draws the factor."""
        assert isinstance(self.amount, tuple)
        low, high = self.amount
        return low + (high - low) * u, sizes


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
        if spec.dtype != "uint8":
            raise PipelineError("`Normalize` comes once, as the last op: it takes 8-bit pixels and gives float32")
        return Spec(spec.height, spec.width, "float32", "CHW")

    def draw(self, u: Uniforms, sizes: Sizes) -> tuple[Params, Sizes]:
        """Draws nothing."""
        return np.empty((len(sizes), 0)), sizes
