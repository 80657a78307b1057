"""What was drawn for an image, in words: a line for each op that draws."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from dataprep.types import Mixture, Params

NUMBERS = 6
"""Numbers of an op without words of its own that are shown."""


def told(ops: Sequence[Any], params: Sequence[Params]) -> tuple[str, ...]:
    """Returns a line for each op that draws, with the (k,) parameters of one image."""
    return tuple(_line(op, drawn) for op, drawn in zip(ops, params, strict=True) if op.slots)


def told_mix(mixture: Mixture, index: int) -> str:
    """Returns what one image of a batch is mixed by."""
    share, top, left, height, width = mixture.params[index].tolist()
    if height:
        return f"a box of the next one, {width:.0f}×{height:.0f} at ({left:.0f}, {top:.0f})"
    return "as it was" if share == 1 else f"{share:.0%} of it, {1 - share:.0%} of the next one"


def _line(op: Any, drawn: Params) -> str:
    tell = getattr(op, "tell", None)
    if callable(tell):
        return f"{type(op).__name__}: {tell(drawn)}"
    numbers = [f"{number:.4g}" for number in np.ravel(drawn)[:NUMBERS]]
    return f"{type(op).__name__}: {', '.join([*numbers, '…'] if drawn.size > NUMBERS else numbers)}"
