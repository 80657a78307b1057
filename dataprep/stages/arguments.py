"""What stages check about what they are given, and how they say so.

A stage is an `attrs` class: a converter puts an argument into the form it is kept in, and leaves what it does not know alone; a
validator, made here, refuses what does not fit, by the names of the stage and of the argument.
"""

from collections.abc import Callable
from typing import Any, ClassVar, Final, TypeAlias

from attrs import Attribute

from dataprep.errors import PipelineError

Validator: TypeAlias = Callable[[object, "Attribute[Any]", Any], None]
"""What attrs calls with the stage, the argument and its value; raises `PipelineError`."""


class Versioned:
    """What draws: a version that goes up when the same numbers would draw other parameters."""

    version: ClassVar[int] = 1


def check(fits: Callable[[Any], bool], advice: str) -> Validator:
    """Returns a validator that refuses what does not fit, quotes it and says what to give."""

    def validate(stage: object, argument: "Attribute[Any]", value: object) -> None:
        if not fits(value):
            raise PipelineError(f"{type(stage).__name__}({argument.name}={value!r}): {advice}")

    return validate


def one_of(*names: str | None) -> Validator:
    """Returns a validator that knows some names."""
    return check(names.__contains__, f"one of {', '.join(map(repr, names))}")


def whole(least: int, most: float, advice: str) -> Validator:
    """Returns a validator of whole numbers from the least to the most."""
    return check(lambda value: isinstance(value, int) and least <= value <= most, advice)


def number(least: float, most: float, advice: str) -> Validator:
    """Returns a validator of numbers from the least to the most."""
    return check(lambda value: is_number(value) and least <= value <= most, advice)


def limits(low: float, high: float) -> Validator:
    """Returns a validator of (least, largest) within limits."""
    advice = f"give the least and the largest, in this order, between {low:g} and {high:g}"
    return check(lambda value: are_numbers(value, 2) and low <= value[0] <= value[1] <= high, advice)


def is_number(value: object) -> bool:
    """Says whether a value is a number."""
    return isinstance(value, int | float)


def are_numbers(value: object, count: int) -> bool:
    """Says whether a value is a tuple of so many numbers."""
    return isinstance(value, tuple) and len(value) == count and all(map(is_number, value))


def as_tuple(given: object) -> Any:
    """Returns a list, which is not hashable, as a tuple, and other things as they are."""
    return tuple(given) if isinstance(given, list) else given


PROBABILITY: Final = number(0, 1, "a probability is between 0 and 1")
SIDE: Final = whole(1, float("inf"), "give the shorter side in pixels, such as 128")
