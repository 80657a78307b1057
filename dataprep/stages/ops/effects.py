"""Ops that blur, sharpen, quantise, erase and re-encode: what each one is and what it draws."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from attrs import field, frozen

from dataprep.arguments import as_tuple, check, limits, whole
from dataprep.describe import register
from dataprep.stages.arguments import PROBABILITY
from dataprep.stages.ops.arguments import COLOR, FACTORS, Color, Limits, SameSize, as_color, as_limits, factors, tell_box, yes_no
from dataprep.stages.ops.geometry import fitting
from dataprep.types import Params, Sizes, Uniforms


def _twice(given: float | Sequence[float]) -> Limits:
    """Returns (least, largest) of one number, which is both, or of both."""
    kept: Limits = (given, given) if isinstance(given, int | float) else as_tuple(given)
    return kept


def _qualities(given: Sequence[int]) -> tuple[int, int]:
    """Returns (least, largest), a list as a tuple."""
    kept: tuple[int, int] = as_tuple(given)
    return kept


QUALITIES: Final = check(lambda given: all(isinstance(quality, int) for quality in given), "give whole numbers")


@register
@frozen
class GaussianBlur(SameSize):
    """Blurs with a Gaussian of random width.

    Example:
        >>> shown = dp.Pipeline(dp.Resize((64, 64)), dp.GaussianBlur((0.1, 2), p=0.5)).preview("photos/cat/0000.jpg", count=3)
        >>> [picture.lines for picture in shown.pictures[1:]]
        [('GaussianBlur: σ 1.51',), ('GaussianBlur: no',), ('GaussianBlur: no',)]

    Attributes:
        sigma: The least and the largest standard deviation, in pixels; one number for always the same.
        p: The share of images that are blurred.
    """

    sigma: Limits = field(default=(0.1, 2.0), converter=_twice, validator=limits(1e-3, 1e3))
    p: float = field(default=1.0, validator=PROBABILITY)
    extra = "opencv"
    slots = 2

    def draw(self, u: Uniforms, sizes: Sizes) -> tuple[Params, Sizes]:
        """Draws the width, 0 for none."""
        low, high = self.sigma
        return np.where(u[:, :1] < self.p, low + (high - low) * u[:, 1:], 0.0), sizes

    def tell(self, params: Params) -> str:
        """Says the width."""
        return f"σ {params[0]:.2f}" if params[0] else "no"


@register
@frozen
class Sharpness(SameSize):
    """Blends with a smoothed copy by a random factor: 0 is smooth, 1 the image, 2 sharpened, as in Pillow's `ImageEnhance`.

    Example:
        >>> shown = dp.Pipeline(dp.Resize((64, 64)), dp.Sharpness((0, 2))).preview("photos/cat/0000.jpg", count=3)
        >>> [picture.lines for picture in shown.pictures[1:]]
        [('Sharpness: × 0.81',), ('Sharpness: × 1.42',), ('Sharpness: × 1.38',)]

    Attributes:
        amount: a for factors from max(0, 1 - a) to 1 + a, or the least and the largest factor.
    """

    amount: Limits = field(default=(0.5, 1.5), converter=factors, validator=FACTORS)
    slots = 1

    def draw(self, u: Uniforms, sizes: Sizes) -> tuple[Params, Sizes]:
        """Draws the factor."""
        low, high = self.amount
        return low + (high - low) * u, sizes

    def tell(self, params: Params) -> str:
        """Says the factor."""
        return f"× {params[0]:.2f}"


@register
@frozen
class Posterize(SameSize):
    """Keeps the highest bits of each value.

    Example:
        >>> shown = dp.Pipeline(dp.Resize((64, 64)), dp.Posterize(bits=2, p=1)).preview("photos/cat/0000.jpg", count=1)
        >>> np.unique(shown.pictures[1].image)
        array([  0,  64, 128, 192], dtype=uint8)

    Attributes:
        bits: How many, 1 to 8.
        p: The share of images.
    """

    bits: int = field(default=4, validator=whole(1, 8, "a value has 1 to 8 bits"))
    p: float = field(default=0.5, validator=PROBABILITY)
    slots = 1

    def draw(self, u: Uniforms, sizes: Sizes) -> tuple[Params, Sizes]:
        """Draws the number of bits, 8 for all."""
        return np.where(u < self.p, float(self.bits), 8.0), sizes

    def tell(self, params: Params) -> str:
        """Says the number of bits."""
        return f"{params[0]:.0f} bits" if params[0] < 8 else "no"


@register
@frozen
class Solarize(SameSize):
    """Inverts all values from a threshold on.

    Example:
        >>> shown = dp.Pipeline(dp.Resize((64, 64)), dp.Solarize(threshold=128, p=1)).preview("photos/cat/0000.jpg", count=1)
        >>> int(shown.pictures[1].image.max())
        127

    Attributes:
        threshold: 0 inverts all, 256 none.
        p: The share of images.
    """

    threshold: int = field(default=128, validator=whole(0, 256, "give a level, 0 to 256"))
    p: float = field(default=0.5, validator=PROBABILITY)
    slots = 1

    def draw(self, u: Uniforms, sizes: Sizes) -> tuple[Params, Sizes]:
        """Draws the threshold, 256 for none."""
        return np.where(u < self.p, float(self.threshold), 256.0), sizes

    def tell(self, params: Params) -> str:
        """Says the threshold."""
        return f"from {params[0]:.0f}" if params[0] < 256 else "no"


@register
@frozen
class Equalize(SameSize):
    """Spreads the values of each channel so that all levels are about as frequent, as in Pillow's `ImageOps`.

    Example:
        >>> shown = dp.Pipeline(dp.Resize((64, 64)), dp.Equalize(p=1)).preview("photos/cat/0000.jpg", count=1)
        >>> shown.pictures[1].image.min(), shown.pictures[1].image.max()
        (np.uint8(0), np.uint8(255))

    Attributes:
        p: The share of images.
    """

    p: float = field(default=0.5, validator=PROBABILITY)
    slots = 1

    def draw(self, u: Uniforms, sizes: Sizes) -> tuple[Params, Sizes]:
        """Draws 1 to equalize or 0."""
        return (u < self.p).astype(np.float64), sizes

    def tell(self, params: Params) -> str:
        """Says whether."""
        return yes_no(params)


@register
@frozen
class JpegCompression(SameSize):
    """Encodes the image as a JPEG of random quality and decodes it again.

    Example:
        >>> shown = dp.Pipeline(dp.Resize((64, 64)), dp.JpegCompression()).preview("photos/cat/0000.jpg", count=3)
        >>> [picture.lines for picture in shown.pictures[1:]]
        [('JpegCompression: quality 82',), ('JpegCompression: quality 73',), ('JpegCompression: quality 77',)]

    Attributes:
        quality: The least and the largest quality, 1 to 100.
        p: The share of images.
    """

    quality: tuple[int, int] = field(default=(30, 100), converter=_qualities, validator=[limits(1, 100), QUALITIES])
    p: float = field(default=1.0, validator=PROBABILITY)
    slots = 2

    def draw(self, u: Uniforms, sizes: Sizes) -> tuple[Params, Sizes]:
        """Draws the quality, 0 for none."""
        low, high = self.quality
        return np.where(u[:, :1] < self.p, np.floor(low + (high - low + 1) * u[:, 1:]), 0.0), sizes

    def tell(self, params: Params) -> str:
        """Says the quality."""
        return f"quality {params[0]:.0f}" if params[0] else "no"


@register
@frozen
class RandomErasing(SameSize):
    """Paints over a random box. Source: Zhong et al., "Random erasing data augmentation", 2020.

    Example:
        >>> ops = dp.Resize((64, 64)), dp.RandomErasing(p=0.5), dp.Normalize.imagenet()
        >>> shown = dp.Pipeline(*ops).preview("photos/cat/0000.jpg", count=3)
        >>> [picture.lines for picture in shown.pictures[1:]]
        [('RandomErasing: 30×34 at (4, 18)',), ('RandomErasing: no',), ('RandomErasing: no',)]

    Attributes:
        p: The share of images.
        scale: The least and the largest area of the box, as a share of the image's.
        ratio: The least and the largest width : height of the box.
        fill: RGB, 0..255, of the box.
    """

    p: float = field(default=0.5, validator=PROBABILITY)
    scale: Limits = field(default=(0.02, 0.33), converter=as_limits, validator=limits(0, 1))
    ratio: Limits = field(default=(0.3, 3.3), converter=as_limits, validator=limits(1e-3, 1e3))
    fill: Color = field(default=(0, 0, 0), converter=as_color, validator=COLOR)
    slots = 23  # whether, ten tries of area and ratio, then top and left

    def draw(self, u: Uniforms, sizes: Sizes) -> tuple[Params, Sizes]:
        """Draws the box: top, left, height, width; of no height for none."""
        box, fits = fitting(u[:, 1:21], sizes, self.scale, self.ratio)
        box = np.where(fits & (u[:, :1] < self.p), box, 0)
        anchor = np.floor(u[:, 21:23] * (sizes - box + 1))
        return np.concatenate([anchor, box], axis=1).astype(np.float64), sizes

    def tell(self, params: Params) -> str:
        """Says the box."""
        return tell_box(params) if params[2] else "no"
