"""Ops that change colours, each a 3 × 4 matrix for every image: what each one is and what it draws.

The model is that of DALI's `color_twist`: saturation and hue in the YIQ space, contrast about middle gray. Values are rounded
and cut off at 0 and 255.
"""

from typing import Final

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from dataprep.arguments import limits
from dataprep.describe import register
from dataprep.stages.arguments import PROBABILITY
from dataprep.stages.ops.arguments import FACTORS, Limits, SameSize, both_signs, factors
from dataprep.types import Params, Sizes, Uniforms

GRAY: Final = 128.0  # what contrast is about
LUMA: Final = np.array([0.299, 0.587, 0.114])  # ITU-R 601
# rows that sum to 0, so that gray stays gray; DALI's own have three digits and do not quite
TO_YIQ: Final = np.array([LUMA, [0.595716, -0.274453, -0.321263], [0.211456, -0.522591, 0.311135]])
FROM_YIQ: Final = np.linalg.inv(TO_YIQ)


@register
@frozen
class Brightness(SameSize):
    """Multiplies all values by a random factor, rounded half up and cut off at 255.

    Example:
        >>> dp.Brightness(0.3).amount
        (0.7, 1.3)
        >>> shown = dp.Pipeline(dp.Resize((64, 64)), dp.Brightness(0.3)).preview("photos/cat/0000.jpg", count=3)
        >>> [picture.lines for picture in shown.pictures[1:]]
        [('Brightness: × 0.94',), ('Brightness: × 1.13',), ('Brightness: × 1.11',)]

    Attributes:
        amount: a for factors from max(0, 1 - a) to 1 + a, or the least and the largest factor.
    """

    amount: Limits = field(default=(0.8, 1.2), converter=factors, validator=FACTORS)
    slots = 1

    def draw(self, u: Uniforms, sizes: Sizes) -> tuple[Params, Sizes]:
        """Draws the factor."""
        return _between(self.amount, u), sizes

    def tell(self, params: Params) -> str:
        """Says the factor."""
        return f"× {params[0]:.2f}"


@register
@frozen
class Contrast(SameSize):
    """Moves all values away from middle gray, 128, by a random factor.

    Example:
        >>> shown = dp.Pipeline(dp.Resize((64, 64)), dp.Contrast(0.4)).preview("photos/cat/0000.jpg", count=3)
        >>> [picture.lines for picture in shown.pictures[1:]]
        [('Contrast: × 0.92',), ('Contrast: × 1.17',), ('Contrast: × 1.15',)]

    Attributes:
        amount: a for factors from max(0, 1 - a) to 1 + a, or the least and the largest factor.
    """

    amount: Limits = field(default=(0.8, 1.2), converter=factors, validator=FACTORS)
    extra = "opencv"
    slots = 1

    def draw(self, u: Uniforms, sizes: Sizes) -> tuple[Params, Sizes]:
        """Draws the matrix, (3, 4) row by row."""
        return color_matrices(contrast=_between(self.amount, u[:, 0])), sizes

    def tell(self, params: Params) -> str:
        """Says the factor."""
        return f"× {changes_of(params)['contrast']:.2f}"


@register
@frozen
class Saturation(SameSize):
    """Moves all colours away from gray of the same luminance by a random factor; 0 is gray.

    Example:
        >>> shown = dp.Pipeline(dp.Resize((64, 64)), dp.Saturation((0, 2))).preview("photos/cat/0000.jpg", count=3)
        >>> [picture.lines for picture in shown.pictures[1:]]
        [('Saturation: × 0.81',), ('Saturation: × 1.42',), ('Saturation: × 1.38',)]

    Attributes:
        amount: a for factors from max(0, 1 - a) to 1 + a, or the least and the largest factor.
    """

    amount: Limits = field(default=(0.8, 1.2), converter=factors, validator=FACTORS)
    extra = "opencv"
    slots = 1

    def draw(self, u: Uniforms, sizes: Sizes) -> tuple[Params, Sizes]:
        """Draws the matrix, (3, 4) row by row."""
        return color_matrices(saturation=_between(self.amount, u[:, 0])), sizes

    def tell(self, params: Params) -> str:
        """Says the factor."""
        return f"× {changes_of(params)['saturation']:.2f}"


@register
@frozen
class Hue(SameSize):
    """Turns all colours about the gray axis of the YIQ space by a random angle.

    Example:
        >>> shown = dp.Pipeline(dp.Resize((64, 64)), dp.Hue(18)).preview("photos/cat/0000.jpg", count=3)
        >>> [picture.lines for picture in shown.pictures[1:]]
        [('Hue: -3.5°',), ('Hue: 7.6°',), ('Hue: 6.8°',)]

    Attributes:
        degrees: The least and the largest angle; one number d stands for (-d, d). torchvision's `hue=0.1` is 36.
    """

    degrees: Limits = field(default=(-18.0, 18.0), converter=both_signs, validator=limits(-180, 180))
    extra = "opencv"
    slots = 1

    def draw(self, u: Uniforms, sizes: Sizes) -> tuple[Params, Sizes]:
        """Draws the matrix, (3, 4) row by row."""
        return color_matrices(hue=_between(self.degrees, u[:, 0])), sizes

    def tell(self, params: Params) -> str:
        """Says the angle."""
        return f"{changes_of(params)['hue']:.1f}°"


@register
@frozen
class ColorJitter(SameSize):
    """Changes saturation, hue, contrast and brightness at once, in this order, each by a random amount.

    One matrix does all, so values are rounded and cut off once; torchvision does so four times, in random order.

    Example:
        >>> jitter = dp.ColorJitter(brightness=0.4, contrast=0.4, saturation=0.4, hue=36)  # torchvision's hue=0.1
        >>> shown = dp.Pipeline(dp.Resize((64, 64)), jitter).preview("photos/cat/0000.jpg", count=1)
        >>> shown.pictures[1].lines
        ('ColorJitter: brightness × 0.92, contrast × 1.20, saturation × 0.96, hue 34.7°',)

    Attributes:
        brightness: a for factors from max(0, 1 - a) to 1 + a, or the least and the largest factor.
        contrast: The same.
        saturation: The same.
        hue: The least and the largest angle in degrees; one number d stands for (-d, d).
    """

    brightness: Limits = field(default=(1.0, 1.0), converter=factors, validator=FACTORS)
    contrast: Limits = field(default=(1.0, 1.0), converter=factors, validator=FACTORS)
    saturation: Limits = field(default=(1.0, 1.0), converter=factors, validator=FACTORS)
    hue: Limits = field(default=(0.0, 0.0), converter=both_signs, validator=limits(-180, 180))
    extra = "opencv"
    slots = 4

    def draw(self, u: Uniforms, sizes: Sizes) -> tuple[Params, Sizes]:
        """Draws the matrix, (3, 4) row by row."""
        brightness, contrast, saturation, hue = (
            _between(both, u[:, slot]) for slot, both in enumerate((self.brightness, self.contrast, self.saturation, self.hue))
        )
        return color_matrices(brightness=brightness, contrast=contrast, saturation=saturation, hue=hue), sizes

    def tell(self, params: Params) -> str:
        """Says the factors and the angle."""
        changes = changes_of(params)
        factors = [f"{name} × {changes[name]:.2f}" for name in ("brightness", "contrast", "saturation")]
        return ", ".join([*factors, f"hue {changes['hue']:.1f}°"])


@register
@frozen
class Grayscale(SameSize):
    """Replaces colours by gray of the same luminance (ITU-R 601), in three equal channels.

    Example:
        >>> shown = dp.Pipeline(dp.Resize((64, 64)), dp.Grayscale(p=0.5)).preview("photos/cat/0000.jpg", count=3)
        >>> [picture.lines for picture in shown.pictures[1:]]
        [('Grayscale: yes',), ('Grayscale: no',), ('Grayscale: no',)]

    Attributes:
        p: The share of images that become gray.
    """

    p: float = field(default=1.0, validator=PROBABILITY)
    extra = "opencv"
    slots = 1

    def draw(self, u: Uniforms, sizes: Sizes) -> tuple[Params, Sizes]:
        """Draws the matrix, (3, 4) row by row."""
        return color_matrices(saturation=(u[:, 0] >= self.p).astype(np.float64)), sizes

    def tell(self, params: Params) -> str:
        """Says whether."""
        return "no" if np.array_equal(params, color_matrices(saturation=np.ones(1))[0]) else "yes"


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


def changes_of(params: Params) -> dict[str, float]:
    """Returns what (12,) of `color_matrices` does: factors `brightness`, `contrast` and `saturation`, and `hue` in degrees.

    Where gray is all that is left, nothing tells the hue, which is 0; of black, all factors are 0.
    """
    matrix = params.reshape(3, 4)
    slope, offset = matrix[0, :3].sum(), matrix[0, 3] / GRAY  # brightness * contrast, brightness * (1 - contrast)
    brightness = slope + offset
    if slope < 1e-6:
        return {"brightness": brightness, "contrast": 0.0, "saturation": 0.0, "hue": 0.0}
    chroma = (TO_YIQ @ (matrix[:, :3] / slope) @ FROM_YIQ)[1]
    saturation = float(np.hypot(chroma[1], chroma[2]))
    hue = float(np.degrees(np.arctan2(chroma[2], chroma[1]))) if saturation > 1e-6 else 0.0
    return {"brightness": brightness, "contrast": slope / brightness, "saturation": saturation, "hue": hue}


def _between(both: Limits, u: Uniforms) -> Params:
    low, high = both
    return np.asarray(low + (high - low) * u)
