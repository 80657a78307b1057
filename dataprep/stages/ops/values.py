"""The ops at the end of a pipeline: what values become, and how they lie in memory."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final, Literal, TypeAlias

import numpy as np
from attrs import converters, field, frozen, validators

from dataprep.arguments import are_numbers, as_tuple, check, one_of
from dataprep.describe import register
from dataprep.errors import PipelineError
from dataprep.stages.ops.arguments import VersionedOp
from dataprep.types import Params, Sizes, Spec, Uniforms

Triple: TypeAlias = tuple[float, float, float]
Dtype: TypeAlias = Literal["uint8", "float16", "bfloat16", "float32"]
DTYPES = ("uint8", "float16", "bfloat16", "float32")
MEMORY = ("contiguous", "channels_last")

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def _triple(given: Sequence[float]) -> Triple:
    """Returns three numbers, a list as a tuple."""
    kept: Triple = as_tuple(given)
    return kept


def _are_shares(given: Any) -> bool:
    return are_numbers(given, 3) and all(abs(share) <= 2 for share in given)


MEAN: Final = validators.optional(check(_are_shares, f"give three shares of 255, such as {IMAGENET_MEAN}"))
STD: Final = validators.optional(
    check(lambda given: _are_shares(given) and min(given) > 0, f"give three shares of 255 above 0, such as {IMAGENET_STD}")
)


@register
@frozen
class Normalize(VersionedOp):
    """Turns 0..255 into float32 with (value / 255 - mean) / std per channel, channels first.

    Example:
        >>> dp.Normalize.imagenet()
        Normalize(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
        >>> filled = dp.Pipeline(dp.Resize((64, 64)), dp.Normalize()).fill(manifest.statistics)
        >>> filled.ops[1].mean == manifest.statistics.mean
        True

    Attributes:
        mean: RGB mean as a share of 255, such as 0.485; None takes the manifest's, over its kept images.
        std: RGB standard deviation as a share of 255; None takes the manifest's.
    """

    mean: Triple | None = field(default=None, converter=converters.optional(_triple), validator=MEAN)
    std: Triple | None = field(default=None, converter=converters.optional(_triple), validator=STD)
    slots = 0

    def __attrs_post_init__(self) -> None:
        """Checks that both or none are given."""
        if (self.mean is None) != (self.std is None):
            raise PipelineError("Normalize: give both `mean` and `std`, or neither to take them from the manifest")

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


@register
@frozen
class Output(VersionedOp):
    """Delivers values of another type, or with the channels last in memory; the shape stays (B, 3, H, W).

    Values are rounded to the nearest, not scaled: it comes after `Normalize`, or gives 0..255 as floats.

    Example:
        >>> output = dp.Output("bfloat16", "channels_last")
        >>> dp.Pipeline(dp.Resize((64, 64)), dp.Normalize.imagenet(), output).spec.dtype
        'bfloat16'

    Attributes:
        dtype: "uint8", "float16", "bfloat16" or "float32"; None leaves what there is. NumPy has no bfloat16: it is for tensors.
        memory: "contiguous", channel after channel, or "channels_last", pixel after pixel, as tensor cores want it.
    """

    dtype: Dtype | None = field(default=None, validator=validators.optional(one_of(*DTYPES)))
    memory: Literal["contiguous", "channels_last"] = field(default="contiguous", validator=one_of(*MEMORY))
    slots = 0

    def spec(self, spec: Spec) -> Spec:
        """The same image, as it is delivered."""
        if spec.delivered:
            raise PipelineError("`Output` comes once, as the last op")
        if self.dtype == "uint8" and spec.dtype != "uint8":
            raise PipelineError("`Output('uint8')` cannot follow `Normalize`, whose values are not bytes; leave one of them out")
        return replace(spec, dtype=self.dtype or spec.dtype, memory=self.memory, delivered=True)

    def draw(self, u: Uniforms, sizes: Sizes) -> tuple[Params, Sizes]:
        """Draws nothing."""
        return np.empty((len(sizes), 0)), sizes
