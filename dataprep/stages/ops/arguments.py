"""What several ops are given, and what they check about it."""

from collections.abc import Sequence
from typing import Any, Final, Literal, TypeAlias

from dataprep.arguments import are_numbers, as_tuple, check, is_number, one_of
from dataprep.errors import PipelineError
from dataprep.protocols import Op
from dataprep.stages.arguments import Versioned
from dataprep.types import Params, Spec

Interpolation: TypeAlias = Literal["nearest", "bilinear", "bicubic", "lanczos"]
INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "lanczos")

Color: TypeAlias = tuple[int, int, int]
Limits: TypeAlias = tuple[float, float]
Size: TypeAlias = int | tuple[int, int]


def both_signs(given: float | Sequence[float]) -> Limits:
    """Returns (least, largest) of one number d, which stands for -d to d, or of both."""
    kept: Limits = (-abs(given), abs(given)) if isinstance(given, int | float) else as_tuple(given)
    return kept


def factors(given: float | Sequence[float]) -> Limits:
    """Returns (least, largest) factor of one number a from 0, which stands for max(0, 1 - a) to 1 + a, or of both."""
    one: Any = given if is_number(given) else None
    kept: Limits = (max(0.0, 1 - one), 1.0 + one) if one is not None and 0 <= one < float("inf") else as_tuple(given)
    return kept


def as_limits(given: Sequence[float]) -> Limits:
    """Returns (least, largest), a list as a tuple."""
    kept: Limits = as_tuple(given)
    return kept


def as_color(given: Sequence[int]) -> Color:
    """Returns (red, green, blue), a list as a tuple."""
    kept: Color = as_tuple(given)
    return kept


def as_size(given: int | Sequence[int]) -> Size:
    """Returns pixels, or (height, width), a list as a tuple."""
    kept: Size = as_tuple(given)
    return kept


def height_width(size: Size) -> tuple[int, int]:
    """Returns a size as (height, width)."""
    return (size, size) if isinstance(size, int) else size


def _is_size(size: object) -> bool:
    lengths: tuple[Any, ...] = size if isinstance(size, tuple) and len(size) == 2 else (size,)
    return all(isinstance(length, int) and not isinstance(length, bool) and length > 0 for length in lengths)


def _is_color(color: Any) -> bool:
    return are_numbers(color, 3) and all(isinstance(value, int) and 0 <= value <= 255 for value in color)


SIZE: Final = check(_is_size, "give pixels, one number or (height, width), each above 0")
COLOR: Final = check(_is_color, "give red, green and blue, each 0 to 255")
FACTORS: Final = check(
    lambda given: are_numbers(given, 2) and 0 <= given[0] <= given[1] < float("inf"),
    "give a number above 0, or the least and the largest factor",
)
INTERPOLATION: Final = one_of(*INTERPOLATIONS)


def tell_box(params: Params) -> str:
    """Says a box of top, left, height and width in words."""
    top, left, height, width = params[:4].astype(int).tolist()
    return f"{width}×{height} at ({left}, {top})"


def yes_no(params: Params) -> str:
    """Says whether an op does anything."""
    return "yes" if params[0] else "no"


def check_pixels(op: object, spec: Spec) -> None:
    """Raises `PipelineError` where an op would follow `Normalize` or `Output`."""
    if spec.delivered:
        raise PipelineError(f"`{type(op).__name__}` comes before `Output`, which is the last op")
    if spec.dtype != "uint8":
        raise PipelineError(f"`{type(op).__name__}` works on 8-bit pixels; put it before `Normalize`")


class VersionedOp(Versioned, Op):
    """An op of ours: by its base, too, so that a list of different ones is one of ops to type checkers that look for a base."""


class SameSize(VersionedOp):
    """An op that changes pixels, and neither how many there are nor their type."""

    def spec(self, spec: Spec) -> Spec:
        """Unchanged."""
        check_pixels(self, spec)
        return spec
