"""Ops that resize and cut: what each one is and what it draws. The work is one kernel per backend.

Boxes are drawn as integers (top, left, height, width in pixels), because libraries round a fractional anchor differently.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from dataprep.arguments import as_tuple, check, limits, whole
from dataprep.describe import register
from dataprep.stages.ops.arguments import (
    COLOR,
    INTERPOLATION,
    SIZE,
    Color,
    Interpolation,
    Limits,
    Size,
    VersionedOp,
    as_color,
    as_limits,
    as_size,
    check_pixels,
    height_width,
    tell_box,
)
from dataprep.types import Params, Sizes, Spec, Uniforms


def _sides(given: int | Sequence[int]) -> tuple[int, int, int, int]:
    """Returns (left, top, right, bottom) of one number of pixels, or of all four."""
    kept: tuple[int, int, int, int] = (given,) * 4 if isinstance(given, int) and given >= 0 else as_tuple(given)
    return kept


def _are_sides(given: Any) -> bool:
    return isinstance(given, tuple) and len(given) == 4 and all(isinstance(side, int) and side >= 0 for side in given)


@register
@frozen
class Resize(VersionedOp):
    """Resizes to an exact size, or the shorter side to a length with the aspect ratio kept.

    Antialiased: each output pixel averages all the pixels that it covers, as in Pillow.

    Example:
        >>> pipeline = dp.Pipeline(dp.Resize(256), dp.CenterCrop(224))  # the shorter side is 256, then all is square
        >>> dp.Pipeline(dp.Resize(256))  # and this is refused, since the longer side is whatever it is
        Traceback (most recent call last):
            ...
        dataprep.errors.PipelineError: ... leaves height or width free, so images cannot be batched; ...

    Attributes:
        size: (height, width) in pixels, or the length of the shorter side.
        interpolation: "nearest", "bilinear", "bicubic" or "lanczos".
    """

    size: Size = field(converter=as_size, validator=SIZE)
    interpolation: Interpolation = field(default="bilinear", validator=INTERPOLATION)
    slots = 0

    def spec(self, spec: Spec) -> Spec:
        """A fixed height and width if both were given; else one side of the result varies."""
        check_pixels(self, spec)
        if isinstance(self.size, int):
            if spec.height is None or spec.width is None:
                return Spec()
            target = self._shorter_to(np.array([[spec.height, spec.width]]), self.size)[0]
            return Spec(int(target[0]), int(target[1]))
        return Spec(*self.size)

    def draw(self, u: Uniforms, sizes: Sizes) -> tuple[Params, Sizes]:
        """Draws nothing: the parameters are the target height and width."""
        if isinstance(self.size, int):
            target = self._shorter_to(sizes, self.size)
        else:
            target = np.tile(np.array(self.size, np.int64), (len(sizes), 1))
        return target.astype(np.float64), target

    @staticmethod
    def _shorter_to(sizes: Sizes, length: int) -> Sizes:
        """Returns the sizes with the shorter side at `length`; the longer one rounded half up, at least `length`."""
        shorter = sizes.min(axis=1, keepdims=True)
        target: Sizes = np.maximum((2 * sizes * length + shorter) // (2 * shorter), length)
        return target


@register
@frozen
class CenterCrop(VersionedOp):
    """Cuts out the middle; where an image is smaller than the crop, black is laid around it.

    Example:
        >>> shown = dp.Pipeline(dp.Resize(72), dp.CenterCrop(64)).preview("photos/cat/0000.jpg")
        >>> shown.pictures[1].image.shape
        (64, 64, 3)

    Attributes:
        size: (height, width) in pixels, or one number for a square.
    """

    size: Size = field(converter=as_size, validator=SIZE)
    slots = 0

    def spec(self, spec: Spec) -> Spec:
        """A fixed height and width."""
        check_pixels(self, spec)
        return Spec(*height_width(self.size))

    def draw(self, u: Uniforms, sizes: Sizes) -> tuple[Params, Sizes]:
        """Draws nothing: the parameters are the box, its top and left negative where black is laid around."""
        target = np.tile(np.array(height_width(self.size), np.int64), (len(sizes), 1))
        anchor = np.floor_divide(sizes - target, 2)
        return np.concatenate([anchor, target], axis=1).astype(np.float64), target


@register
@frozen
class RandomResizedCrop(VersionedOp):
    """Cuts out a box of random area and aspect ratio and resizes it: the standard training crop.

    Ten boxes are tried for one that fits; failing that, the largest central one within the ratios.
    Source: Szegedy et al., "Going deeper with convolutions", 2015, as in torchvision.

    Example:
        >>> shown = dp.Pipeline(dp.RandomResizedCrop(64, scale=(0.25, 1))).preview("photos/cat/0000.jpg", count=2)
        >>> [picture.lines for picture in shown.pictures[1:]]
        [('RandomResizedCrop: 88×77 at (24, 0)',), ('RandomResizedCrop: 101×95 at (19, 1)',)]

    Attributes:
        size: (height, width) of the result in pixels, or one number for a square.
        scale: The least and the largest area of the box, as a share of the image's.
        ratio: The least and the largest width : height of the box.
        interpolation: "nearest", "bilinear", "bicubic" or "lanczos", antialiased.
    """

    size: Size = field(converter=as_size, validator=SIZE)
    scale: Limits = field(default=(0.08, 1.0), converter=as_limits, validator=limits(0, 1))
    ratio: Limits = field(default=(3 / 4, 4 / 3), converter=as_limits, validator=limits(1e-3, 1e3))
    interpolation: Interpolation = field(default="bilinear", validator=INTERPOLATION)
    slots = 22  # ten tries of area and ratio, then top and left

    def spec(self, spec: Spec) -> Spec:
        """A fixed height and width."""
        check_pixels(self, spec)
        return Spec(*height_width(self.size))

    def draw(self, u: Uniforms, sizes: Sizes) -> tuple[Params, Sizes]:
        """Draws the box: top, left, height, width."""
        box, fits = fitting(u[:, :20], sizes, self.scale, self.ratio)
        box = np.where(fits, box, self._largest(sizes))
        room = sizes - box
        anchor = np.where(fits, np.floor(u[:, 20:22] * (room + 1)), room // 2)
        target = np.tile(np.array(height_width(self.size), np.int64), (len(sizes), 1))
        return np.concatenate([anchor, box], axis=1).astype(np.float64), target

    def tell(self, params: Params) -> str:
        """Says the box."""
        return tell_box(params)

    def _largest(self, sizes: Sizes) -> Sizes:
        """Returns the largest boxes with a ratio within the limits."""
        height, width = sizes[:, 0], sizes[:, 1]
        narrow = np.minimum(width, np.maximum(np.floor(height * self.ratio[1] + 0.5), 1))
        low = np.minimum(height, np.maximum(np.floor(width / self.ratio[0] + 0.5), 1))
        return np.stack([low, narrow], axis=1).astype(np.int64)


@register
@frozen
class RandomCrop(VersionedOp):
    """Cuts out a box of one size at a random place.

    Example:
        >>> shown = dp.Pipeline(dp.RandomCrop(64, padding=4)).preview("photos/cat/0000.jpg", count=2)
        >>> [picture.lines for picture in shown.pictures[1:]]
        [('RandomCrop: 64×64 at (50, 12)',), ('RandomCrop: 64×64 at (40, 25)',)]

    Attributes:
        size: (height, width) in pixels, or one number for a square.
        padding: Pixels that are laid around all sides first; a smaller image gets as many more as it needs, on both sides alike.
        fill: RGB, 0..255, of what is laid around.
    """

    size: Size = field(converter=as_size, validator=SIZE)
    padding: int = field(default=0, validator=whole(0, np.inf, "give a number of pixels, 0 or more"))
    fill: Color = field(default=(0, 0, 0), converter=as_color, validator=COLOR)
    slots = 2

    def spec(self, spec: Spec) -> Spec:
        """A fixed height and width."""
        check_pixels(self, spec)
        return Spec(*height_width(self.size))

    def draw(self, u: Uniforms, sizes: Sizes) -> tuple[Params, Sizes]:
        """Draws the box: top, left, height, width; top and left are negative where it begins in the padding."""
        target = np.tile(np.array(height_width(self.size), np.int64), (len(sizes), 1))
        # missing: (B, 2) pixels on each side that an image is too small by
        padding = self.padding + np.maximum(-(-(target - sizes - 2 * self.padding) // 2), 0)
        anchor = np.floor(u * (sizes + 2 * padding - target + 1)) - padding
        return np.concatenate([anchor, target], axis=1).astype(np.float64), target

    def tell(self, params: Params) -> str:
        """Says the box."""
        return tell_box(params)


@register
@frozen
class Pad(VersionedOp):
    """Lays a border around.

    Example:
        >>> dp.Pipeline(dp.Resize((64, 64)), dp.Pad(4)).spec.height
        72

    Attributes:
        padding: Pixels: one number for all sides, or (left, top, right, bottom).
        fill: RGB, 0..255, of the border.
    """

    padding: tuple[int, int, int, int] = field(
        converter=_sides, validator=check(_are_sides, "give pixels, one number or (left, top, right, bottom)")
    )
    fill: Color = field(default=(0, 0, 0), converter=as_color, validator=COLOR)
    slots = 0

    def spec(self, spec: Spec) -> Spec:
        """The height and the width with the borders."""
        check_pixels(self, spec)
        left, top, right, bottom = self.padding
        height, width = spec.height, spec.width
        return Spec(None if height is None else height + top + bottom, None if width is None else width + left + right)

    def draw(self, u: Uniforms, sizes: Sizes) -> tuple[Params, Sizes]:
        """Draws nothing: the parameters are the box, its top and left negative."""
        left, top, right, bottom = self.padding
        target = sizes + np.array([top + bottom, left + right])
        anchor = np.tile(np.array([-top, -left]), (len(sizes), 1))
        return np.concatenate([anchor, target], axis=1).astype(np.float64), target


def fitting(u: Uniforms, sizes: Sizes, scale: tuple[float, float], ratio: tuple[float, float]) -> tuple[Sizes, NDArray[np.bool_]]:
    """Draws boxes of random area and aspect ratio.

    Args:
        u: (B, 2 T) an area and a ratio for each of T tries.
        sizes: (B, 2) height and width of the images.
        scale: The least and the largest area, as a share of the image's.
        ratio: The least and the largest width : height, drawn evenly in logarithms.

    Returns:
        (B, 2) height and width of the first try that lies within the image, and (B, 1) whether one does.
    """
    area = sizes.prod(axis=1)[:, None] * (scale[0] + (scale[1] - scale[0]) * u[:, 0::2])
    low, high = np.log(ratio)
    aspect = np.exp(low + (high - low) * u[:, 1::2])
    # tries: (B, T, 2) height and width
    tries = np.floor(np.sqrt(np.stack([area / aspect, area * aspect], axis=2)) + 0.5).astype(np.int64)
    fits = ((tries > 0) & (tries <= sizes[:, None])).all(axis=2)
    first = np.take_along_axis(tries, fits.argmax(axis=1)[:, None, None], axis=1)[:, 0]
    return first, fits.any(axis=1, keepdims=True)
