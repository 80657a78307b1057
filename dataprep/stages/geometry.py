"""Ops that move pixels: what each one is and what it draws. The work is one kernel per backend.

Boxes are drawn as integers (top, left, height, width in pixels), because libraries round a fractional anchor differently.
"""

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dataprep.errors import PipelineError
from dataprep.types import Params, Sizes, Spec, Uniforms

Interpolation: TypeAlias = Literal["nearest", "bilinear", "bicubic", "lanczos"]
INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "lanczos")


@dataclass(frozen=True)
class Resize:
    """Resizes to an exact size, or the shorter side to a length with the aspect ratio kept.

    Antialiased: each output pixel averages all the pixels that it covers, as in Pillow.

    Attributes:
        size: (height, width) in pixels, or the length of the shorter side.
        interpolation: "nearest", "bilinear", "bicubic" or "lanczos".
    """

    size: int | tuple[int, int]
    interpolation: Interpolation = "bilinear"
    slots = 0

    def __post_init__(self) -> None:
        """Checks the size and the name of the interpolation."""
        object.__setattr__(self, "size", _checked_size(self, self.size))
        _check_interpolation(self, self.interpolation)

    def spec(self, spec: Spec) -> Spec:
        """A fixed height and width if both were given; else one side of the result varies."""
        _check_pixels(self, spec)
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


@dataclass(frozen=True)
class CenterCrop:
    """Cuts out the middle; where an image is smaller than the crop, black is laid around it.

    Attributes:
        size: (height, width) in pixels, or one number for a square.
    """

    size: int | tuple[int, int]
    slots = 0

    def __post_init__(self) -> None:
        """Checks the size."""
        object.__setattr__(self, "size", _checked_size(self, self.size))

    def spec(self, spec: Spec) -> Spec:
        """A fixed height and width."""
        _check_pixels(self, spec)
        return Spec(*_height_width(self.size))

    def draw(self, u: Uniforms, sizes: Sizes) -> tuple[Params, Sizes]:
        """Draws nothing: the parameters are the box, its top and left negative where black is laid around."""
        target = np.tile(np.array(_height_width(self.size), np.int64), (len(sizes), 1))
        anchor = np.floor_divide(sizes - target, 2)
        return np.concatenate([anchor, target], axis=1).astype(np.float64), target


@dataclass(frozen=True)
class RandomResizedCrop:
    """Cuts out a box of random area and aspect ratio and resizes it: the standard training crop.

    Ten boxes are tried for one that fits; failing that, the largest central one within the ratios.
    Source: Szegedy et al., "Going deeper with convolutions", 2015, as in torchvision.

    Attributes:
        size: (height, width) of the result in pixels, or one number for a square.
        scale: The least and the largest area of the box, as a share of the image's.
        ratio: The least and the largest width : height of the box.
        interpolation: "nearest", "bilinear", "bicubic" or "lanczos", antialiased.
    """

    size: int | tuple[int, int]
    scale: tuple[float, float] = (0.08, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)
    interpolation: Interpolation = "bilinear"
    slots = 22  # ten tries of area and ratio, then top and left

    def __post_init__(self) -> None:
        """Checks the size, the ranges and the name of the interpolation."""
        object.__setattr__(self, "size", _checked_size(self, self.size))
        object.__setattr__(self, "scale", _checked_range(self, "scale", self.scale, 0, 1))
        object.__setattr__(self, "ratio", _checked_range(self, "ratio", self.ratio, 1e-3, 1e3))
        _check_interpolation(self, self.interpolation)

    def spec(self, spec: Spec) -> Spec:
        """A fixed height and width."""
        _check_pixels(self, spec)
        return Spec(*_height_width(self.size))

    def draw(self, u: Uniforms, sizes: Sizes) -> tuple[Params, Sizes]:
        """Draws the box: top, left, height, width."""
        box, fits = self._fitting(u, sizes)
        room = sizes - box
        anchor = np.where(fits, np.floor(u[:, 20:22] * (room + 1)), room // 2)
        target = np.tile(np.array(_height_width(self.size), np.int64), (len(sizes), 1))
        return np.concatenate([anchor, box], axis=1).astype(np.float64), target

    def _fitting(self, u: Uniforms, sizes: Sizes) -> tuple[Sizes, NDArray[np.bool_]]:
        """Returns (B, 2) height and width of the first of ten tries that lies within the image, and (B, 1) whether one does."""
        area = sizes.prod(axis=1)[:, None] * (self.scale[0] + (self.scale[1] - self.scale[0]) * u[:, 0:20:2])
        low, high = np.log(self.ratio)
        ratio = np.exp(low + (high - low) * u[:, 1:20:2])
        # tries: (B, 10, 2) height and width
        tries = np.floor(np.sqrt(np.stack([area / ratio, area * ratio], axis=2)) + 0.5).astype(np.int64)
        fits = ((tries > 0) & (tries <= sizes[:, None])).all(axis=2)
        first = np.take_along_axis(tries, fits.argmax(axis=1)[:, None, None], axis=1)[:, 0]
        found = fits.any(axis=1, keepdims=True)
        return np.where(found, first, self._largest(sizes)), found

    def _largest(self, sizes: Sizes) -> Sizes:
        """Returns the largest boxes with a ratio within the limits."""
        height, width = sizes[:, 0], sizes[:, 1]
        narrow = np.minimum(width, np.maximum(np.floor(height * self.ratio[1] + 0.5), 1))
        low = np.minimum(height, np.maximum(np.floor(width / self.ratio[0] + 0.5), 1))
        return np.stack([low, narrow], axis=1).astype(np.int64)


@dataclass(frozen=True)
class HorizontalFlip:
    """Mirrors left and right.

    Attributes:
        p: The share of images that are mirrored.
    """

    p: float = 0.5
    slots = 1

    def __post_init__(self) -> None:
        """Checks the probability."""
        if not 0 <= self.p <= 1:
            raise PipelineError(f"HorizontalFlip(p={self.p}): a probability is between 0 and 1")

    def spec(self, spec: Spec) -> Spec:
        """Unchanged."""
        _check_pixels(self, spec)
        return spec

    def draw(self, u: Uniforms, sizes: Sizes) -> tuple[Params, Sizes]:
        """Draws 1 to mirror or 0."""
        return (u < self.p).astype(np.float64), sizes


@dataclass(frozen=True)
class Rotate:
    """Turns the image about its centre by a random angle and keeps its size; corners are filled.

    Attributes:
        degrees: The least and the largest angle, counter-clockwise; one number d stands for (-d, d).
        fill: RGB, 0..255, of what comes in at the corners.
    """

    degrees: float | tuple[float, float]
    fill: tuple[int, int, int] = (0, 0, 0)
    slots = 1

    def __post_init__(self) -> None:
        """Checks the angles and the colour."""
        degrees = (-abs(self.degrees), abs(self.degrees)) if isinstance(self.degrees, int | float) else self.degrees
        object.__setattr__(self, "degrees", _checked_range(self, "degrees", degrees, -360, 360))
        object.__setattr__(self, "fill", tuple(self.fill))
        if len(self.fill) != 3 or not all(0 <= level <= 255 for level in self.fill):
            raise PipelineError(f"Rotate(fill={self.fill}): give red, green and blue, each 0 to 255")

    def spec(self, spec: Spec) -> Spec:
        """Unchanged."""
        _check_pixels(self, spec)
        return spec

    def draw(self, u: Uniforms, sizes: Sizes) -> tuple[Params, Sizes]:
        """Draws the angle in degrees."""
        assert isinstance(self.degrees, tuple)
        low, high = self.degrees
        return low + (high - low) * u, sizes


def _height_width(size: int | tuple[int, int]) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else size


def _checked_size(op: object, size: object) -> int | tuple[int, int]:
    """Returns a size as an int or a tuple of two, from Python or YAML."""
    lengths: list[Any] = list(size) if isinstance(size, list | tuple) else [size]
    whole = all(isinstance(length, int) and not isinstance(length, bool) and length > 0 for length in lengths)
    if not whole or len(lengths) not in (1, 2):
        raise PipelineError(f"{type(op).__name__}(size={size!r}): give pixels, one number or (height, width), each above 0")
    return (lengths[0], lengths[1]) if len(lengths) == 2 else lengths[0]


def _checked_range(op: object, name: str, given: object, low: float, high: float) -> tuple[float, float]:
    """Returns (least, largest) from Python or YAML, within the limits."""
    if not isinstance(given, list | tuple) or len(given) != 2 or not low <= given[0] <= given[1] <= high:
        raise PipelineError(
            f"{type(op).__name__}({name}={given!r}): give the least and the largest, in this order, between {low:g} and {high:g}"
        )
    return (float(given[0]), float(given[1]))


def _check_interpolation(op: object, interpolation: str) -> None:
    if interpolation not in INTERPOLATIONS:
        raise PipelineError(f"{type(op).__name__}(interpolation={interpolation!r}): one of {', '.join(INTERPOLATIONS)}")


def _check_pixels(op: object, spec: Spec) -> None:
    if spec.dtype != "uint8":
        raise PipelineError(f"`{type(op).__name__}` works on 8-bit pixels; put it before `Normalize`")
