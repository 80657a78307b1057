"""Ops that mirror, turn and shear: what each one is and what it draws. The work is one kernel per backend."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from attrs import field, frozen

from dataprep.arguments import are_numbers, as_tuple, check, limits
from dataprep.describe import register
from dataprep.stages.arguments import PROBABILITY
from dataprep.stages.ops.arguments import (
    COLOR,
    Color,
    Limits,
    SameSize,
    VersionedOp,
    as_color,
    as_limits,
    both_signs,
    check_pixels,
    yes_no,
)
from dataprep.types import Params, Sizes, Spec, Uniforms

Shear: TypeAlias = tuple[float, float, float, float]


def _shear(given: float | Sequence[float]) -> Shear:
    """Returns the least and the largest angle along x, then along y, of one number or two for x, or of all four."""
    kept: Any = as_tuple(given)
    if not are_numbers(kept, 4):
        kept = both_signs(given)
    return (*kept, 0.0, 0.0) if are_numbers(kept, 2) else kept


def _are_shears(given: Any) -> bool:
    return are_numbers(given, 4) and all(-89 <= low <= high <= 89 for low, high in (given[:2], given[2:]))


SHARES = check(
    lambda given: are_numbers(given, 2) and all(0 <= share <= 1 for share in given),
    "give shares of width and height, each 0 to 1",
)
SHEAR = check(_are_shears, "give the least and the largest, in this order, between -89 and 89, along x or along x and y")


@register
@frozen
class HorizontalFlip(SameSize):
    """Mirrors left and right.

    Example:
        >>> shown = dp.Pipeline(dp.Resize((64, 64)), dp.HorizontalFlip()).preview("photos/cat/0000.jpg", count=4)
        >>> [picture.lines for picture in shown.pictures[1:]]
        [('HorizontalFlip: yes',), ('HorizontalFlip: no',), ('HorizontalFlip: no',), ('HorizontalFlip: yes',)]

    Attributes:
        p: The share of images that are mirrored.
    """

    p: float = field(default=0.5, validator=PROBABILITY)
    slots = 1

    def draw(self, u: Uniforms, sizes: Sizes) -> tuple[Params, Sizes]:
        """Draws 1 to mirror or 0."""
        return (u < self.p).astype(np.float64), sizes

    def tell(self, params: Params) -> str:
        """Says whether."""
        return yes_no(params)


@register
@frozen
class VerticalFlip(SameSize):
    """Mirrors top and bottom.

    Example:
        >>> shown = dp.Pipeline(dp.Resize((64, 64)), dp.VerticalFlip(p=1)).preview("photos/cat/0000.jpg", count=1)
        >>> shown.pictures[1].lines
        ('VerticalFlip: yes',)

    Attributes:
        p: The share of images that are mirrored.
    """

    p: float = field(default=0.5, validator=PROBABILITY)
    slots = 1

    def draw(self, u: Uniforms, sizes: Sizes) -> tuple[Params, Sizes]:
        """Draws 1 to mirror or 0."""
        return (u < self.p).astype(np.float64), sizes

    def tell(self, params: Params) -> str:
        """Says whether."""
        return yes_no(params)


@register
@frozen
class Rotate(VersionedOp):
    """Turns the image about its centre by a random angle; corners are filled.

    Example:
        >>> shown = dp.Pipeline(dp.Resize((64, 64)), dp.Rotate(15)).preview("photos/cat/0000.jpg", count=3)
        >>> [picture.lines for picture in shown.pictures[1:]]
        [('Rotate: -2.9°',), ('Rotate: 6.3°',), ('Rotate: 5.6°',)]

    Attributes:
        degrees: The least and the largest angle, counter-clockwise; one number d stands for (-d, d).
        fill: RGB, 0..255, of what comes in at the corners.
        expand: Whether the image grows so that nothing of it is lost; else it keeps its size.
    """

    degrees: Limits = field(converter=both_signs, validator=limits(-360, 360))
    fill: Color = field(default=(0, 0, 0), converter=as_color, validator=COLOR)
    expand: bool = False
    extra = "opencv"
    slots = 1

    def spec(self, spec: Spec) -> Spec:
        """Unchanged, or free where it expands."""
        check_pixels(self, spec)
        return Spec() if self.expand else spec

    def draw(self, u: Uniforms, sizes: Sizes) -> tuple[Params, Sizes]:
        """Draws the angle in degrees; the other parameters are height and width after it."""
        degrees = _between(self.degrees, u)
        target = _bounds(degrees, sizes) if self.expand else sizes
        return np.concatenate([degrees, target], axis=1), target

    def tell(self, params: Params) -> str:
        """Says the angle."""
        return f"{params[0]:.1f}°"


@register
@frozen
class Affine(SameSize):
    """Turns, shears, scales and moves the image about its centre, at once; what comes in at the edges is filled.

    Example:
        >>> affine = dp.Affine(degrees=10, translate=(0.1, 0.1), scale=(0.9, 1.1), shear=5)
        >>> shown = dp.Pipeline(dp.Resize((64, 64)), affine).preview("photos/cat/0000.jpg", count=1)
        >>> shown.pictures[1].lines  # the matrix, row by row
        ('Affine: 1.1, 0.0508, -1.49, 0.0369, 1.1, -4.95',)

    Attributes:
        degrees: The least and the largest angle, counter-clockwise; one number d stands for (-d, d).
        translate: The largest shift, as shares of (width, height).
        scale: The least and the largest factor.
        shear: The least and the largest angle of shearing along x, in degrees, or four numbers for x and y; one number d stands
            for (-d, d) along x.
        fill: RGB, 0..255, of what comes in.
    """

    degrees: Limits = field(default=(0.0, 0.0), converter=both_signs, validator=limits(-360, 360))
    translate: tuple[float, float] = field(default=(0.0, 0.0), converter=as_limits, validator=SHARES)
    scale: Limits = field(default=(1.0, 1.0), converter=as_limits, validator=limits(1e-3, 1e3))
    shear: Shear = field(default=(0.0, 0.0, 0.0, 0.0), converter=_shear, validator=SHEAR)
    fill: Color = field(default=(0, 0, 0), converter=as_color, validator=COLOR)
    extra = "opencv"
    slots = 6

    def draw(self, u: Uniforms, sizes: Sizes) -> tuple[Params, Sizes]:
        """Draws the matrix, (2, 3) row by row: from a pixel (x, y, 1) of the image to where it goes."""
        angle, shear_x, shear_y = (
            np.radians(_between(angles, u[:, slot]))
            for angles, slot in ((self.degrees, 0), (self.shear[:2], 4), (self.shear[2:], 5))
        )
        factor = _between(self.scale, u[:, 3])
        shift = np.array(self.translate) * sizes[:, ::-1] * (2 * u[:, 1:3] - 1)
        return about_centre(sizes, linear(angle, factor, shear_x, shear_y), shift).reshape(len(sizes), 6), sizes

    def tell(self, params: Params) -> str:
        """Says the matrix, row by row."""
        return ", ".join(f"{number:.3g}" for number in params)


def linear(angle: Params, factor: Params, shear_x: Params, shear_y: Params) -> Params:
    """Returns (B, 2, 2): shears, turns counter-clockwise (angles in radians, y points down) and scales."""
    sine, cosine, one = np.sin(angle), np.cos(angle), np.ones_like(angle)
    turn = np.stack([np.stack([cosine, sine], -1), np.stack([-sine, cosine], -1)], -2)
    shear = np.stack([np.stack([one, np.tan(shear_x)], -1), np.stack([np.tan(shear_y), one], -1)], -2)
    return np.asarray(factor[:, None, None] * (turn @ shear))


def about_centre(sizes: Sizes, matrices: Params, shift: Params) -> Params:
    """Returns (B, 2, 3): what (B, 2, 2) matrices do to pixels (x, y) about the centre, then moved by (B, 2) pixels."""
    centre = (sizes[:, ::-1] - 1) / 2
    offset = centre + shift - np.einsum("bij,bj->bi", matrices, centre)
    return np.concatenate([matrices, offset[:, :, None]], axis=2)


def from_corners(matrices: Params) -> Params:
    """Returns (B, 2, 3) matrices of places that are whole at the corners of pixels, of those that are whole in their middles.

    OpenCV, and so the parameters of `Affine`, count from the middle of the first pixel; DALI and targets from its corner.
    """
    moved = matrices.copy()
    moved[:, :, 2] += 0.5 - matrices[:, :, :2].sum(axis=2) / 2
    return moved


def _bounds(degrees: Params, sizes: Sizes) -> Sizes:
    """Returns the sizes of the images after (B, 1) turns that lose nothing."""
    sine, cosine = np.abs(np.sin(np.radians(degrees[:, 0]))), np.abs(np.cos(np.radians(degrees[:, 0])))
    height, width = sizes[:, 0], sizes[:, 1]
    turned = np.stack([height * cosine + width * sine, width * cosine + height * sine], axis=1)
    return np.ceil(turned - 1e-6).astype(np.int64)  # a quarter turn is off by rounding errors


def _between(both: tuple[float, ...], u: Uniforms) -> Params:
    return both[0] + (both[1] - both[0]) * u
