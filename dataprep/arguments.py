"""What stages, samplers and backends check about what they are given, and how they say so.

They are `attrs` classes: a converter puts an argument into the form it is kept in, and leaves what it does not know alone; a
validator, made here, refuses what does not fit, by the names of the class and of the argument.
"""

import re
from collections.abc import Callable
from numbers import Integral
from typing import Any, Final, TypeAlias

from attrs import Attribute

from dataprep.errors import DataprepError, PipelineError

Validator: TypeAlias = Callable[[object, "Attribute[Any]", Any], None]
"""What attrs calls with the instance, the argument and its value; raises one of our errors."""


def check(fits: Callable[[Any], bool], advice: str, kind: type[DataprepError] = PipelineError) -> Validator:
    """Returns a validator that refuses what does not fit, quotes it and says what to give.

    Args:
        fits: Whether a value does.
        advice: The end of the error, after the class, the argument and its value.
        kind: Which error it is.
    """

    def validate(instance: object, argument: "Attribute[Any]", value: object) -> None:
        if not fits(value):
            raise kind(f"{type(instance).__name__}({argument.name}={value!r}): {advice}")

    return validate


def one_of(*names: str | None, kind: type[DataprepError] = PipelineError) -> Validator:
    """Returns a validator that knows some names."""
    return check(names.__contains__, f"one of {', '.join(map(repr, names))}", kind)


def whole(least: int, most: float, advice: str, kind: type[DataprepError] = PipelineError) -> Validator:
    """Returns a validator of whole numbers from the least to the most."""
    return check(lambda value: is_whole(value) and least <= value <= most, advice, kind)


def number(least: float, most: float, advice: str) -> Validator:
    """Returns a validator of numbers from the least to the most."""
    return check(lambda value: is_number(value) and least <= value <= most, advice)


def limits(low: float, high: float) -> Validator:
    """Returns a validator of (least, largest) within limits."""
    advice = f"give the least and the largest, in this order, between {low:g} and {high:g}"
    return check(lambda value: are_numbers(value, 2) and low <= value[0] <= value[1] <= high, advice)


def is_whole(value: object) -> bool:
    """Says whether a value is a whole number, which True is not."""
    return isinstance(value, int) and not isinstance(value, bool)


def as_whole(given: object) -> Any:
    """Returns a whole number of NumPy's as one of Python's, which JSON can hold, and other things as they are."""
    return given if isinstance(given, bool) or not isinstance(given, Integral) else int(given)


UNITS: Final = {
    "": 1,
    "b": 1,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "tb": 10**12,
    "kib": 1 << 10,
    "mib": 1 << 20,
    "gib": 1 << 30,
    "tib": 1 << 40,
}
"""What bytes are counted in."""


def as_bytes(given: object) -> Any:
    """Returns a size such as "256MB" in bytes, and other things as they are."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", given.lower()) if isinstance(given, str) else None
    if found is None or found[2] not in UNITS:
        return as_whole(given)
    return round(float(found[1]) * UNITS[found[2]])


def is_number(value: object) -> bool:
    """Says whether a value is a number."""
    return isinstance(value, int | float)


def are_numbers(value: object, count: int) -> bool:
    """Says whether a value is a tuple of so many numbers."""
    return isinstance(value, tuple) and len(value) == count and all(map(is_number, value))


def as_tuple(given: object) -> Any:
    """Returns a list, which is not hashable, as a tuple, and other things as they are."""
    return tuple(given) if isinstance(given, list) else given
