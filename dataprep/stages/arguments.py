"""What several kinds of stages have in common."""

from typing import ClassVar, Final

from dataprep.arguments import check, is_whole, number, whole


class Versioned:
    """What draws: a version that goes up when the same numbers would draw other parameters."""

    version: ClassVar[int] = 1


PROBABILITY: Final = number(0, 1, "a probability is between 0 and 1")
SIDE: Final = whole(1, float("inf"), "give the shorter side in pixels, such as 128")
SIDE_OR_ALL: Final = check(
    lambda value: value is None or (is_whole(value) and value >= 1),
    "give the shorter side in pixels, such as 128, or None for all",
)
