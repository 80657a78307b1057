"""What several ops check about what they are given, and how they say so."""

from typing import Any, Literal, TypeAlias

from dataprep.errors import PipelineError
from dataprep.types import Spec

Interpolation: TypeAlias = Literal["nearest", "bilinear", "bicubic", "lanczos"]
INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "lanczos")


def height_width(size: int | tuple[int, int]) -> tuple[int, int]:
    """Returns a size as (height, width)."""
    return (size, size) if isinstance(size, int) else size


def checked_size(op: object, size: object) -> int | tuple[int, int]:
    """Returns a size as an int or a tuple of two, from Python or YAML."""
    lengths: list[Any] = list(size) if isinstance(size, list | tuple) else [size]
    whole = all(isinstance(length, int) and not isinstance(length, bool) and length > 0 for length in lengths)
    if not whole or len(lengths) not in (1, 2):
        raise PipelineError(f"{type(op).__name__}(size={size!r}): give pixels, one number or (height, width), each above 0")
    return (lengths[0], lengths[1]) if len(lengths) == 2 else lengths[0]


def checked_range(op: object, name: str, given: object, low: float, high: float) -> tuple[float, float]:
    """Returns (least, largest) from Python or YAML, within the limits."""
    if not isinstance(given, list | tuple) or len(given) != 2 or not low <= given[0] <= given[1] <= high:
        raise PipelineError(
            f"{type(op).__name__}({name}={given!r}): give the least and the largest, in this order, between {low:g} and {high:g}"
        )
    return (float(given[0]), float(given[1]))


def check_interpolation(op: object, interpolation: str) -> None:
    """Raises `PipelineError` unless an interpolation of this name is known."""
    if interpolation not in INTERPOLATIONS:
        raise PipelineError(f"{type(op).__name__}(interpolation={interpolation!r}): one of {', '.join(INTERPOLATIONS)}")


def check_pixels(op: object, spec: Spec) -> None:
    """Raises `PipelineError` where an op would follow `Normalize` or `Output`."""
    if spec.delivered:
        raise PipelineError(f"`{type(op).__name__}` comes before `Output`, which is the last op")
    if spec.dtype != "uint8":
        raise PipelineError(f"`{type(op).__name__}` works on 8-bit pixels; put it before `Normalize`")


class SameSize:
    """An op that changes pixels, and neither how many there are nor their type."""

    def spec(self, spec: Spec) -> Spec:
        """Unchanged."""
        check_pixels(self, spec)
        return spec


def checked_factors(op: object, given: object) -> tuple[float, float]:
    """Returns (least, largest) factor from `a`, which stands for max(0, 1 - a) to 1 + a, or from both."""
    limits: Any = (max(0.0, 1 - given), 1 + given) if isinstance(given, int | float) else given
    if not isinstance(limits, list | tuple) or len(limits) != 2 or not 0 <= limits[0] <= limits[1] < float("inf"):
        raise PipelineError(f"{type(op).__name__}(amount={given!r}): give a number above 0, or the least and the largest factor")
    return (float(limits[0]), float(limits[1]))


def check_probability(op: object, p: object) -> None:
    """Raises `PipelineError` unless `p` is a probability."""
    if not isinstance(p, int | float) or not 0 <= p <= 1:
        raise PipelineError(f"{type(op).__name__}(p={p!r}): a probability is between 0 and 1")


def checked_fill(op: object, fill: object) -> tuple[int, int, int]:
    """Returns (red, green, blue) from Python or YAML."""
    if not isinstance(fill, list | tuple) or len(fill) != 3 or not all(isinstance(x, int) and 0 <= x <= 255 for x in fill):
        raise PipelineError(f"{type(op).__name__}(fill={fill!r}): give red, green and blue, each 0 to 255")
    return (fill[0], fill[1], fill[2])
