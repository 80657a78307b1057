"""Ops that blur, sharpen, quantise, erase and re-encode: what each one is and what it draws."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from dataprep.errors import PipelineError
from dataprep.stages.ops.arguments import SameSize, check_probability, checked_factors, checked_fill, checked_range
from dataprep.stages.ops.geometry import fitting
from dataprep.types import Params, Sizes, Uniforms


@dataclass(frozen=True)
class GaussianBlur(SameSize):
    """Blurs with a Gaussian of random width.

    Attributes:
        sigma: The least and the largest standard deviation, in pixels; one number for always the same.
        p: The share of images that are blurred.
    """

    sigma: float | tuple[float, float] = (0.1, 2.0)
    p: float = 1.0
    slots = 2

    def __post_init__(self) -> None:
        """Checks the widths and the probability."""
        both: Any = (self.sigma, self.sigma) if isinstance(self.sigma, int | float) else self.sigma
        object.__setattr__(self, "sigma", checked_range(self, "sigma", both, 1e-3, 1e3))
        check_probability(self, self.p)

    def draw(self, u: Uniforms, sizes: Sizes) -> tuple[Params, Sizes]:
        """Draws the width, 0 for none."""
        assert isinstance(self.sigma, tuple)
        low, high = self.sigma
        return np.where(u[:, :1] < self.p, low + (high - low) * u[:, 1:], 0.0), sizes


@dataclass(frozen=True)
class Sharpness(SameSize):
    """Blends with a smoothed copy by a random factor: 0 is smooth, 1 the image, 2 sharpened, as in Pillow's `ImageEnhance`.

    Attributes:
        amount: a for factors from max(0, 1 - a) to 1 + a, or the least and the largest factor.
    """

    amount: float | tuple[float, float] = 0.5
    slots = 1

    def __post_init__(self) -> None:
        """Checks the factors."""
        object.__setattr__(self, "amount", checked_factors(self, self.amount))

    def draw(self, u: Uniforms, sizes: Sizes) -> tuple[Params, Sizes]:
        """Draws the factor."""
        assert isinstance(self.amount, tuple)
        low, high = self.amount
        return low + (high - low) * u, sizes


@dataclass(frozen=True)
class Posterize(SameSize):
    """Keeps the highest bits of each value.

    Attributes:
        bits: How many, 1 to 8.
        p: The share of images.
    """

    bits: int = 4
    p: float = 0.5
    slots = 1

    def __post_init__(self) -> None:
        """Checks the bits and the probability."""
        if not isinstance(self.bits, int) or not 1 <= self.bits <= 8:
            raise PipelineError(f"Posterize(bits={self.bits!r}): a value has 1 to 8 bits")
        check_probability(self, self.p)

    def draw(self, u: Uniforms, sizes: Sizes) -> tuple[Params, Sizes]:
        """Draws the number of bits, 8 for all."""
        return np.where(u < self.p, float(self.bits), 8.0), sizes


@dataclass(frozen=True)
class Solarize(SameSize):
    """Inverts all values from a threshold on.

    Attributes:
        threshold: 0 inverts all, 256 none.
        p: The share of images.
    """

    threshold: int = 128
    p: float = 0.5
    slots = 1

    def __post_init__(self) -> None:
        """Checks the threshold and the probability."""
        if not isinstance(self.threshold, int) or not 0 <= self.threshold <= 256:
            raise PipelineError(f"Solarize(threshold={self.threshold!r}): give a level, 0 to 256")
        check_probability(self, self.p)

    def draw(self, u: Uniforms, sizes: Sizes) -> tuple[Params, Sizes]:
        """Draws the threshold, 256 for none."""
        return np.where(u < self.p, float(self.threshold), 256.0), sizes


@dataclass(frozen=True)
class Equalize(SameSize):
    """Spreads the values of each channel so that all levels are about as frequent, as in Pillow's `ImageOps`.

    Attributes:
        p: The share of images.
    """

    p: float = 0.5
    slots = 1

    def __post_init__(self) -> None:
        """Checks the probability."""
        check_probability(self, self.p)

    def draw(self, u: Uniforms, sizes: Sizes) -> tuple[Params, Sizes]:
        """Draws 1 to equalize or 0."""
        return (u < self.p).astype(np.float64), sizes


@dataclass(frozen=True)
class JpegCompression(SameSize):
    """Encodes the image as a JPEG of random quality and decodes it again.

    Attributes:
        quality: The least and the largest quality, 1 to 100.
        p: The share of images.
    """

    quality: tuple[int, int] = (30, 100)
    p: float = 1.0
    slots = 2

    def __post_init__(self) -> None:
        """Checks the qualities and the probability."""
        low, high = checked_range(self, "quality", self.quality, 1, 100)
        object.__setattr__(self, "quality", (int(low), int(high)))
        check_probability(self, self.p)

    def draw(self, u: Uniforms, sizes: Sizes) -> tuple[Params, Sizes]:
        """Draws the quality, 0 for none."""
        low, high = self.quality
        return np.where(u[:, :1] < self.p, np.floor(low + (high - low + 1) * u[:, 1:]), 0.0), sizes


@dataclass(frozen=True)
class RandomErasing(SameSize):
    """Paints over a random box. Source: Zhong et al., "Random erasing data augmentation", 2020.

    Attributes:
        p: The share of images.
        scale: The least and the largest area of the box, as a share of the image's.
        ratio: The least and the largest width : height of the box.
        fill: RGB, 0..255, of the box.
    """

    p: float = 0.5
    scale: tuple[float, float] = (0.02, 0.33)
    ratio: tuple[float, float] = (0.3, 3.3)
    fill: tuple[int, int, int] = (0, 0, 0)
    slots = 23  # whether, ten tries of area and ratio, then top and left

    def __post_init__(self) -> None:
        """Checks the probability, the ranges and the colour."""
        check_probability(self, self.p)
        object.__setattr__(self, "scale", checked_range(self, "scale", self.scale, 0, 1))
        object.__setattr__(self, "ratio", checked_range(self, "ratio", self.ratio, 1e-3, 1e3))
        object.__setattr__(self, "fill", checked_fill(self, self.fill))

    def draw(self, u: Uniforms, sizes: Sizes) -> tuple[Params, Sizes]:
        """Draws the box: top, left, height, width; of no height for none."""
        box, fits = fitting(u[:, 1:21], sizes, self.scale, self.ratio)
        box = np.where(fits & (u[:, :1] < self.p), box, 0)
        anchor = np.floor(u[:, 21:23] * (sizes - box + 1))
        return np.concatenate([anchor, box], axis=1).astype(np.float64), sizes
