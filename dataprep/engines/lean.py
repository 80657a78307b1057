"""What a function that an engine runs may say of itself: how bare Python does the same, and how much memory a record may take.

An engine that knows nothing of it calls the function; the results are the same.
"""

import os
import sys
from collections.abc import Callable
from typing import Any

import pyarrow as pa
from attrs import frozen

Function = Callable[[pa.RecordBatch], pa.RecordBatch]


@frozen
class Lean:
    """The lean form of a function: what bare Python does for most records, without any package, started in a tenth of the time.

    Questions and replies are of what `marshal` takes: numbers, texts, bytes, and tuples and lists of them.

    Attributes:
        program: The name of a module that imports nothing but Python's own and such of the same package, whose `__init__` is
            not run. Its `prepare(*arguments)` returns what is called with each question, and returns the reply and which records
            it leaves to the function, by number; it may have an `expect`, as a function may.
        arguments: What it is prepared with.
        ask: Returns the question about a batch.
        answer: Returns the result of those records that were not left, of them and the reply.
        here: Returns the same for the machine that it is called on, where files of packages may lie elsewhere; None where there
            is no lean form.
    """

    program: str
    arguments: tuple[Any, ...]
    ask: Callable[[pa.RecordBatch], Any]
    answer: Callable[[pa.RecordBatch, Any], pa.RecordBatch]
    here: Callable[[], "Lean | None"]


def lean_of(function: Function) -> Lean | None:
    """Returns the lean form of a function, its attribute `lean`; None where it has none."""
    lean: Lean | None = getattr(function, "lean", None)
    return lean


def memory_of(function: Function) -> int:
    """Returns how many bytes a function may take for a record and has to be given: its attribute `memory`, 0 without."""
    return int(getattr(function, "memory", 0))


def folder_of(program: str) -> str:
    """Returns the folder of the package that a module is in."""
    return os.path.dirname(os.path.abspath(str(sys.modules[program.partition(".")[0]].__file__)))
