"""Ops that change colours, each a 3 × 4 matrix for every image: what each one is and what it draws.

The model is that of DALI's `color_twist`: saturation and hue in the YIQ space, contrast about middle gray. Values are rounded
and cut off at 0 and 255.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dataprep.stages.ops.arguments import SameSize, check_probability, checked_factors, checked_range
from dataprep.types import Params, Sizes, Uniforms

GRAY: Final = 128.0  # what contrast is about
LUMA: Final = np.array([0.299, 0.587, 0.114])  # ITU-R 601
# rows that sum to 0, so that gray stays gray; DALI's own have three digits and do not quite
TO_YIQ: Final = np.array([LUMA, [0.595716, -0.274453, -0.321263], [0.211456, -0.522591, 0.311135]])
FROM_YIQ: Final = np.linalg.inv(TO_YIQ)

Factors = float | tuple[float, float]


@dataclass(frozen=True)
class Brightness(SameSize):
    """Multiplies all values by a random factor, rounded half up and cut off at 255.

    Attributes:
        amount: a for factors from max(0, 1 - a) to 1 + a, or the least and the largest factor.
    """

    amount: Factors = 0.2
    slots = 1

    def __post_init__(self) -> None:
        """Checks the factors."""
        object.__setattr__(self, "amount", checked_factors(self, self.amount))

    def draw(self, u: Uniforms, sizes: Sizes) -> tuple[Params, Sizes]:
        """Draws the factor."""
        return _between(self.amount, u), sizes


@dataclass(frozen=True)
class Contrast(SameSize):
    """Moves all values away from middle gray, 128, by a random factor.

    Attributes:
        amount: a for factors from max(0, 1 - a) to 1 + a, or the least and the largest factor.
    """

    amount: Factors = 0.2
    slots = 1

    def __post_init__(self) -> None:
        """Checks the factors."""
        object.__setattr__(self, "amount", checked_factors(self, self.amount))

    def draw(self, u: Uniforms, sizes: Sizes) -> tuple[Params, Sizes]:
        """Draws the matrix, (3, 4) row by row."""
        return color_matrices(contrast=_between(self.amount, u[:, 0])), sizes


@dataclass(frozen=True)
class Saturation(SameSize):
    """Moves all colours away from gray of the same luminance by a random factor; 0 is gray.

    Attributes:
        amount: a for factors from max(0, 1 - a) to 1 + a, or the least and the largest factor.
    """

    amount: Factors = 0.2
    slots = 1

    def __post_init__(self) -> None:
        """Checks the factors."""
        object.__setattr__(self, "amount", checked_factors(self, self.amount))

    def draw(self, u: Uniforms, sizes: Sizes) -> tuple[Params, Sizes]:
        """Draws the matrix, (3, 4) row by row."""
        return color_matrices(saturation=_between(self.amount, u[:, 0])), sizes


@dataclass(frozen=True)
class Hue(SameSize):
    """Turns all colours about the gray axis of the YIQ space by a random angle.

    Attributes:
        degrees: The least and the largest angle; one number d stands for (-d, d). torchvision's `hue=0.1` is 36.
    """

    degrees: float | tuple[float, float] = 18.0
    slots = 1

    def __post_init__(self) -> None:
        """Checks the angles."""
        object.__setattr__(self, "degrees", _checked_hue(self, "degrees", self.degrees))

    def draw(self, u: Uniforms, sizes: Sizes) -> tuple[Params, Sizes]:
        """Draws the matrix, (3, 4) row by row."""
        return color_matrices(hue=_between(self.degrees, u[:, 0])), sizes


@dataclass(frozen=True)
class ColorJitter(SameSize):
    """Changes saturation, hue, contrast and brightness at once, in this order, each by a random amount.

    One matrix does all, so values are rounded and cut off once; torchvision does so four times, in random order.

    Attributes:
        brightness: a for factors from max(0, 1 - a) to 1 + a, or the least and the largest factor.
        contrast: The same.
        saturation: The same.
        hue: The least and the largest angle in degrees; one number d stands for (-d, d).
    """

    brightness: Factors = 0.0
    contrast: Factors = 0.0
    saturation: Factors = 0.0
    hue: float | tuple[float, float] = 0.0
    slots = 4

    def __post_init__(self) -> None:
        """Checks the factors and the angles."""
        for name in ("brightness", "contrast", "saturation"):
            object.__setattr__(self, name, checked_factors(self, getattr(self, name)))
        object.__setattr__(self, "hue", _checked_hue(self, "hue", self.hue))

    def draw(self, u: Uniforms, sizes: Sizes) -> tuple[Params, Sizes]:
        """Draws the matrix, (3, 4) row by row."""
        brightness, contrast, saturation, hue = (
            _between(limits, u[:, slot])
            for slot, limits in enumerate((self.brightness, self.contrast, self.saturation, self.hue))
        )
        return color_matrices(brightness=brightness, contrast=contrast, saturation=saturation, hue=hue), sizes


@dataclass(frozen=True)
class Grayscale(SameSize):
    """Replaces colours by gray of the same luminance (ITU-R 601), in three equal channels.

    Attributes:
        p: The share of images that become gray.
    """

    p: float = 1.0
    slots = 1

    def __post_init__(self) -> None:
        """Checks the probability."""
        check_probability(self, self.p)

    def draw(self, u: Uniforms, sizes: Sizes) -> tuple[Params, Sizes]:
        """Draws the matrix, (3, 4) row by row."""
        return color_matrices(saturation=(u[:, 0] >= self.p).astype(np.float64)), sizes


def color_matrices(**drawn: NDArray[np.float64]) -> Params:
    """Returns (B, 12): for each image a matrix of (3, 4), row by row, which maps (red, green, blue, 1) to new values.

    Args:
        **drawn: (B,) factors `brightness`, `contrast`, `saturation`, angles `hue` in degrees; what is left out changes nothing.
    """
    one = np.ones(len(next(iter(drawn.values()))))
    brightness, contrast, saturation, hue = (
        drawn.get(name, one * neutral) for name, neutral in (("brightness", 1), ("contrast", 1), ("saturation", 1), ("hue", 0))
    )
    # in_yiq: (B, 3, 3) turns the chroma by the hue and stretches it by the saturation
    in_yiq = np.zeros((len(one), 3, 3))
    sine, cosine = np.sin(np.radians(hue)), np.cos(np.radians(hue))
    in_yiq[:, 0, 0] = 1
    in_yiq[:, 1, 1], in_yiq[:, 1, 2] = saturation * cosine, saturation * sine
    in_yiq[:, 2, 1], in_yiq[:, 2, 2] = -saturation * sine, saturation * cosine
    matrix = np.empty((len(one), 3, 4))
    matrix[:, :, :3] = (brightness * contrast)[:, None, None] * (FROM_YIQ @ in_yiq @ TO_YIQ)
    matrix[:, :, 3] = (brightness * GRAY * (1 - contrast))[:, None]
    return matrix.round(9).reshape(len(one), 12)  # what changes nothing is the identity, not nearly so


def _between(limits: object, u: Uniforms) -> Params:
    assert isinstance(limits, tuple)
    low, high = limits
    return np.asarray(low + (high - low) * u)


def _checked_hue(op: object, name: str, given: object) -> tuple[float, float]:
    both = (-abs(given), abs(given)) if isinstance(given, int | float) else given
    return checked_range(op, name, both, -180, 180)
