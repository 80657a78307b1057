"""Automatic augmentation: a few of the elementary changes, each at a drawn strength. The work is one kernel per backend."""

from typing import Final

import numpy as np
from attrs import field, frozen

from dataprep.arguments import number, whole
from dataprep.describe import register
from dataprep.stages.ops.affine import about_centre, linear
from dataprep.stages.ops.arguments import COLOR, Color, SameSize, as_color
from dataprep.types import Params, Sizes, Uniforms

CHANGES: Final = (
    "identity",
    "shear_x",
    "shear_y",
    "translate_x",
    "translate_y",
    "rotate",
    "brightness",
    "saturation",
    "contrast",
    "sharpness",
    "posterize",
    "solarize",
    "autocontrast",
    "equalize",
)
"""The elementary changes; a change's index is the number that stands for it in the parameters."""

SIGNED: Final = CHANGES[1:10]
"""Those whose strength is drawn with a sign."""

FACTORS: Final = CHANGES[6:10]
"""Those whose value is a factor, 1 for no change."""

LEVELS: Final = 30
"""Strengths are 0 to 30, as in the papers."""


@register
@frozen
class RandAugment(SameSize):
    """Makes some elementary changes, one after the other, all at one strength.

    Source: Cubuk et al., "RandAugment: practical automated data augmentation with a reduced search space", 2020, with
    torchvision's ranges: shearing by 0.3, moving by 45 % of the image, turning by 30°, factors 0.1 to 1.9, 4 bits.

    Example:
        >>> shown = dp.Pipeline(dp.Resize((64, 64)), dp.RandAugment(num_ops=2)).preview("photos/cat/0000.jpg", count=2)
        >>> [picture.lines for picture in shown.pictures[1:]]
        [('RandAugment: rotate 9, brightness 1.27',), ('RandAugment: sharpness 1.27, autocontrast',)]

    Attributes:
        num_ops: How many changes.
        magnitude: The strength, 0 to 30.
        fill: RGB, 0..255, of what comes in at the edges.
    """

    num_ops: int = field(default=2, validator=whole(1, np.inf, "at least 1 change"))
    magnitude: float = field(default=9, validator=number(0, LEVELS, f"a strength is 0 to {LEVELS}"))
    fill: Color = field(default=(0, 0, 0), converter=as_color, validator=COLOR)

    extra = "opencv"

    @property
    def slots(self) -> int:
        """Which change and which sign, for each."""
        return 2 * self.num_ops

    def draw(self, u: Uniforms, sizes: Sizes) -> tuple[Params, Sizes]:
        """Draws the number of each change and its value, in turns."""
        most = {"shear": 0.3, "degrees": 30.0, "factor": 0.9, "bits": 4.0}
        shift = np.asarray(150 / 331 * sizes, np.float64)
        strength = np.full(len(sizes), self.magnitude / LEVELS)
        drawn = [_changes(u[:, slot], strength, u[:, slot + 1], shift, most) for slot in range(0, self.slots, 2)]
        return np.concatenate(drawn, axis=1), sizes

    def tell(self, params: Params) -> str:
        """Says the changes."""
        return _tell(params)


@register
@frozen
class TrivialAugmentWide(SameSize):
    """Makes one elementary change at a random strength.

    Source: Müller and Hutter, "TrivialAugment: tuning-free yet state-of-the-art data augmentation", 2021, with its wide ranges:
    shearing by 0.99, moving by 32 pixels, turning by 135°, factors 0.01 to 1.99, 2 bits.

    Example:
        >>> shown = dp.Pipeline(dp.Resize((64, 64)), dp.TrivialAugmentWide()).preview("photos/cat/0000.jpg", count=3)
        >>> [picture.lines for picture in shown.pictures[1:]]
        [('TrivialAugmentWide: rotate 58.5',), ('TrivialAugmentWide: sharpness 1.89',), ('TrivialAugmentWide: sharpness 1',)]

    Attributes:
        fill: RGB, 0..255, of what comes in at the edges.
    """

    fill: Color = field(default=(0, 0, 0), converter=as_color, validator=COLOR)
    extra = "opencv"
    slots = 3

    def draw(self, u: Uniforms, sizes: Sizes) -> tuple[Params, Sizes]:
        """Draws the number of the change and its value."""
        most = {"shear": 0.99, "degrees": 135.0, "factor": 0.99, "bits": 6.0}
        strength = np.floor(u[:, 2] * (LEVELS + 1)) / LEVELS
        return _changes(u[:, 0], strength, u[:, 1], np.full((len(sizes), 2), 32.0), most), sizes

    def tell(self, params: Params) -> str:
        """Says the change."""
        return _tell(params)


def _tell(params: Params) -> str:
    """Says some changes, each with its value if it has one."""
    told = []
    for index, value in params.reshape(-1, 2).tolist():
        name = CHANGES[int(index)]
        told.append(f"{name} {value:.3g}" if name in (*SIGNED, "posterize", "solarize") else name)
    return ", ".join(told)


def _changes(which: Uniforms, strength: Params, sign: Uniforms, shift: Params, most: dict[str, float]) -> Params:
    """Returns (B, 2): the number of a change and its value, in the unit that the change works in.

    Args:
        which: (B,) uniforms that choose the change.
        strength: (B,) 0 to 1.
        sign: (B,) uniforms.
        shift: (B, 2) the largest move down and to the right, in pixels.
        most: The largest shear, angle, distance of a factor from 1, and number of bits taken away.
    """
    number = np.floor(which * len(CHANGES)).astype(np.int64)
    signed = strength * np.where(sign < 0.5, -1, 1)
    value = np.zeros(len(number))
    scales = {"shear_x": most["shear"], "shear_y": most["shear"], "rotate": most["degrees"]}
    scales |= dict.fromkeys(FACTORS, most["factor"])
    for name in SIGNED:
        scale = shift[:, int(name == "translate_x")] if name.startswith("translate") else scales[name]
        value = np.where(number == CHANGES.index(name), signed * scale + (name in FACTORS), value)
    value = np.where(number == CHANGES.index("posterize"), 8 - np.floor(strength * most["bits"] + 0.5), value)
    value = np.where(number == CHANGES.index("solarize"), np.floor(255 * (1 - strength) + 0.5), value)
    return np.stack([number, value], axis=1)


def change_matrices(number: Params, value: Params, sizes: Sizes) -> Params:
    """Returns (B, 2, 3): from a pixel (x, y, 1) of each image to where a change puts it, which most leave where it is.

    Args:
        number: (B,) numbers of changes.
        value: (B,) their values: a tangent, pixels, degrees, or what moves nothing.
        sizes: (B, 2) height and width of the images.
    """
    names = ("rotate", "shear_x", "shear_y", "translate_x", "translate_y")
    angle, shear_x, shear_y, *shift = (np.where(number == CHANGES.index(name), value, 0.0) for name in names)
    turn = linear(np.radians(angle), np.ones(len(sizes)), np.arctan(shear_x), np.arctan(shear_y))
    return about_centre(sizes, turn, np.stack(shift, axis=1))
