"""From the ops of a pipeline to the program that every backend lowers: decided once, not for each image.

A resize at the beginning says what of an image is needed, so that only that is decoded. A flip and a table of values at the end
are done as the batch is written. What lies between runs one op after the other.
"""

import math
import threading
from copy import deepcopy
from typing import Final

from dataprep.arguments import whole
from dataprep.errors import LoaderError, PipelineError
from dataprep.opencv import require
from dataprep.protocols import Op, Program
from dataprep.stages import CenterCrop, HorizontalFlip, Normalize, Output, RandomResizedCrop, Resize
from dataprep.types import Spec

PREFETCH: Final = whole(1, math.inf, "give at least 1 batch ahead of the loop", LoaderError)
"""What every backend checks about the batches that are ready or under way."""


def compile_ops(ops: tuple[Op, ...]) -> Program:
    """Returns the program of some ops.

    Args:
        ops: In order; a `Normalize` has its numbers when the program runs.

    Raises:
        PipelineError: An op cannot follow what is before it, or needs what is not installed.
    """
    require(ops)
    specs = [Spec()]
    for op in ops:
        specs.append(op.spec(specs[-1]))
    ending = len(ops)
    while ending and isinstance(ops[ending - 1], Normalize | Output):
        ending -= 1
    opening = _opening(ops[:ending])
    flips = ending > opening and type(ops[ending - 1]) is HorizontalFlip
    cuts = bool(ops) and type(ops[0]) is RandomResizedCrop
    return Program(ops, tuple(specs), cuts, opening, ending - flips, ending)


class Copies:
    """A program, of which each thread gets a copy of its own: what an op holds may be no more than one thread's at a time.

    What cannot be copied is shared.
    """

    def __init__(self, program: Program) -> None:
        """Takes the program."""
        self._program, self._own = program, threading.local()

    def mine(self) -> Program:
        """Returns the copy of the thread that asks."""
        if not hasattr(self._own, "program"):
            try:
                self._own.program = deepcopy(self._program)
            except TypeError:  # of a lock or the like
                self._own.program = self._program
        program: Program = self._own.program
        return program


def delivered_size(program: Program) -> tuple[int, int]:
    """Returns the height and width of every image at the end.

    Raises:
        PipelineError: A side varies from image to image.
    """
    height, width = program.spec.height, program.spec.width
    if height is None or width is None:
        raise PipelineError("the ops leave height or width of the images free, so they cannot be batched; add `CenterCrop(224)`")
    return height, width


def _opening(ops: tuple[Op, ...]) -> int:
    """Returns how many of the first ops are one antialiased resize."""
    if not ops or type(ops[0]) not in (RandomResizedCrop, Resize) or getattr(ops[0], "interpolation", "nearest") == "nearest":
        return 0
    return 2 if len(ops) > 1 and type(ops[1]) is CenterCrop else 1
