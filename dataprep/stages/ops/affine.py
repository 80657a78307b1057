"""Ops that mirror, turn and shear: what each one is and what it draws. The work is one kernel per backend."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from dataprep.errors import PipelineError
from dataprep.stages.ops.arguments import SameSize, check_pixels, check_probability, checked_fill, checked_range
from dataprep.types import Params, Sizes, Spec, Uniforms


@dataclass(frozen=True)
class HorizontalFlip(SameSize):
    """Mirrors left and right.

    Attributes:
        p: The share of images that are mirrored.
    """

    p: float = 0.5
    slots = 1

    def __post_init__(self) -> None:
        """Checks the probability."""
        check_probability(self, self.p)

    def draw(self, u: Uniforms, sizes: Sizes) -> tuple[Params, Sizes]:
        """Draws 1 to mirror or 0."""
        return (u < self.p).astype(np.float64), sizes


@dataclass(frozen=True)
class VerticalFlip(SameSize):
    """Mirrors top and bottom.

    Attributes:
        p: The share of images that are mirrored.
    """

    p: float = 0.5
    slots = 1

    def __post_init__(self) -> None:
        """Checks the probability."""
        check_probability(self, self.p)

    def draw(self, u: Uniforms, sizes: Sizes) -> tuple[Params, Sizes]:
        """Draws 1 to mirror or 0."""
        return (u < self.p).astype(np.float64), sizes


@dataclass(frozen=True)
class Rotate:
    """Turns the image about its centre by a random angle; corners are filled.

    Attributes:
        degrees: The least and the largest angle, counter-clockwise; one number d stands for (-d, d).
        fill: RGB, 0..255, of what comes in at the corners.
        expand: Whether the image grows so that nothing of it is lost; else it keeps its size.
    """

    degrees: float | tuple[float, float]
    fill: tuple[int, int, int] = (0, 0, 0)
    expand: bool = False
    slots = 1

    def __post_init__(self) -> None:
        """Checks the angles and the colour."""
        object.__setattr__(self, "degrees", _checked_angles(self, "degrees", self.degrees))
        object.__setattr__(self, "fill", checked_fill(self, self.fill))

    def spec(self, spec: Spec) -> Spec:
        """Unchanged, or free where it expands."""
        check_pixels(self, spec)
        return Spec() if self.expand else spec

    def draw(self, u: Uniforms, sizes: Sizes) -> tuple[Params, Sizes]:
        """Draws the angle in degrees; the other parameters are height and width after it."""
        assert isinstance(self.degrees, tuple)
        degrees = _between(self.degrees, u)
        target = _bounds(degrees, sizes) if self.expand else sizes
        return np.concatenate([degrees, target], axis=1), target


@dataclass(frozen=True)
class Affine(SameSize):
    """Turns, shears, scales and moves the image about its centre, at once; what comes in at the edges is filled.

    Attributes:
        degrees: The least and the largest angle, counter-clockwise; one number d stands for (-d, d).
        translate: The largest shift, as shares of (width, height).
        scale: The least and the largest factor.
        shear: The least and the largest angle of shearing along x, in degrees, or four numbers for x and y; one number d stands
            for (-d, d) along x.
        fill: RGB, 0..255, of what comes in.
    """

    degrees: float | tuple[float, float] = 0.0
    translate: tuple[float, float] = (0.0, 0.0)
    scale: tuple[float, float] = (1.0, 1.0)
    shear: float | tuple[float, ...] = 0.0
    fill: tuple[int, int, int] = (0, 0, 0)
    slots = 6

    def __post_init__(self) -> None:
        """Checks the ranges and the colour."""
        object.__setattr__(self, "degrees", _checked_angles(self, "degrees", self.degrees))
        object.__setattr__(self, "translate", tuple(float(share) for share in self.translate))
        if len(self.translate) != 2 or not all(0 <= share <= 1 for share in self.translate):
            raise PipelineError(f"Affine(translate={self.translate!r}): give shares of width and height, each 0 to 1")
        object.__setattr__(self, "scale", checked_range(self, "scale", self.scale, 1e-3, 1e3))
        shear: Any = self.shear
        along = shear if isinstance(shear, list | tuple) and len(shear) == 4 else None
        x, y = (along[:2], along[2:]) if along else (shear, 0.0)
        both = (*_checked_angles(self, "shear", x, 89), *_checked_angles(self, "shear", y, 89))
        object.__setattr__(self, "shear", both)
        object.__setattr__(self, "fill", checked_fill(self, self.fill))

    def draw(self, u: Uniforms, sizes: Sizes) -> tuple[Params, Sizes]:
        """Draws the matrix, (2, 3) row by row: from a pixel (x, y, 1) of the image to where it goes."""
        assert isinstance(self.degrees, tuple)
        assert isinstance(self.shear, tuple)
        angle, shear_x, shear_y = (
            np.radians(_between(limits, u[:, place]))
            for limits, place in ((self.degrees, 0), (self.shear[:2], 4), (self.shear[2:], 5))
        )
        factor = _between(self.scale, u[:, 3])
        shift = np.array(self.translate) * sizes[:, ::-1] * (2 * u[:, 1:3] - 1)
        return about_centre(sizes, linear(angle, factor, shear_x, shear_y), shift).reshape(len(sizes), 6), sizes


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


def _bounds(degrees: Params, sizes: Sizes) -> Sizes:
    """Returns the sizes of the images after (B, 1) turns that lose nothing."""
    sine, cosine = np.abs(np.sin(np.radians(degrees[:, 0]))), np.abs(np.cos(np.radians(degrees[:, 0])))
    height, width = sizes[:, 0], sizes[:, 1]
    turned = np.stack([height * cosine + width * sine, width * cosine + height * sine], axis=1)
    return np.ceil(turned - 1e-6).astype(np.int64)  # a quarter turn is off by rounding errors


def _between(limits: tuple[float, ...], u: Uniforms) -> Params:
    return limits[0] + (limits[1] - limits[0]) * u


def _checked_angles(op: object, name: str, given: Any, most: float = 360) -> tuple[float, float]:
    both = (-abs(given), abs(given)) if isinstance(given, int | float) else given
    return checked_range(op, name, both, -most, most)
