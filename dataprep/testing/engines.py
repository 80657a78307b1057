"""The check of who measures many images, with functions that fail, and that kill the process that they run in."""

import os
import signal
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

import pyarrow as pa

from dataprep.protocols import Engine
from dataprep.testing.contract import broken, demand, processes

SIZES: Final = (5, 1, 7, 3, 4, 2, 6)  # records of each batch
MANY: Final = 1000  # batches, more than an engine has under way
FAULT: Final = 11  # the row whose function fails or kills

Function = Callable[[pa.RecordBatch], pa.RecordBatch]


def check_engine(engine: Engine) -> None:
    """Checks that an engine of your own keeps the contract of `dataprep.Engine`.

    Every record has its result once, in any order; batches are taken as they are needed; what the function raises is raised;
    where it takes a process down, the record that did it gets its result from `lost` and all others their own; and no process
    is left, also when the results are left early.

    Example:
        >>> check_engine(dp.Local(0))

    Args:
        engine: The engine. One that runs in this very process is not made to die.

    Raises:
        AssertionError: It breaks a rule; the message says which, and what to do.
    """
    function = partial(_measure, home=os.getpid())
    _check_results(engine, function, "")
    demand(list(engine.map(function, iter(()), _lose)) == [], engine, "gives results where there are no batches")
    before = processes()
    _check_results(engine, partial(function, deadly=FAULT), " where a process dies")
    _check_error(engine, partial(function, failing=FAULT))
    _check_early_end(engine, function)
    demand(processes() <= before, engine, "leaves processes behind; end them when its results are done, fail or are closed")


def _check_results(engine: Engine, function: Function, where: str) -> None:
    """Checks that every record has its result, or that of `lost` if it died."""
    rows = [row for batch in engine.map(function, _batches(SIZES), _lose) for row in batch.to_pylist()]
    found = {row["row"]: row for row in rows}
    demand(len(rows) == len(found), engine, f"gives a record's result twice{where}; yield each once")
    demand(found.keys() == set(range(sum(SIZES))), engine, f"gives no result for some records{where}; yield one for every record")
    for number, row in found.items():
        own = row["square"] == number**2 and row["error"] is None
        died = bool(row["error"]) and number == FAULT and bool(where)
        silent = row["error"] == ""
        demand(not silent, engine, "gives `lost` no reason; say how the process died")
        demand(own or died, engine, f"gives the record {number} another result than its own{where}; only what died is lost")


def _check_error(engine: Engine, function: Function) -> None:
    rule = "where the function raises an ArithmeticError; let it through, since bad code is an exception"
    try:
        list(engine.map(function, _batches(SIZES), _lose))
    except ArithmeticError as error:
        demand(str(FAULT) in str(error), engine, f"changes the message to {str(error)!r} {rule}")
        return
    except Exception as error:
        raise broken(engine, f"raises {type(error).__name__} {rule}") from error
    demand(False, engine, f"raises nothing {rule}")


def _check_early_end(engine: Engine, function: Function) -> None:
    """Checks that an engine takes batches as it needs them; leaves its results after the first."""
    taken: list[int] = []
    results: Any = engine.map(function, _batches((1,) * MANY, taken), _lose)
    next(results)
    demand(len(taken) < MANY, engine, "takes all batches before it gives a result; take a few ahead, since there may be millions")
    demand(hasattr(results, "close"), engine, "returns what cannot be closed early; let `map` be a generator")
    results.close()


def _batches(sizes: tuple[int, ...], taken: list[int] | None = None) -> Iterator[pa.RecordBatch]:
    """Yields batches of so many records, and notes each one that was taken."""
    first = 0
    for size in sizes:
        rows = list(range(first, first + size))
        first += size
        if taken is not None:
            taken.append(first)
        columns = {"row": rows, "uri": [f"{row}.jpg" for row in rows], "bytes": rows, "modified": [0] * size}
        yield pa.RecordBatch.from_pydict(columns)


def _measure(records: pa.RecordBatch, home: int, failing: int = -1, deadly: int = -1) -> pa.RecordBatch:
    """Adds the square of each row; raises at one row, or kills its process there unless that is `home`."""
    rows = records["row"].to_pylist()
    if failing in rows:
        raise ArithmeticError(f"row {failing}")
    if deadly in rows and os.getpid() != home:
        os.kill(os.getpid(), signal.SIGKILL)
    return _with_columns(records, [row**2 for row in rows], [None] * len(rows))


def _lose(records: pa.RecordBatch, why: str) -> pa.RecordBatch:
    return _with_columns(records, [None] * len(records), [why or ""] * len(records))


def _with_columns(records: pa.RecordBatch, squares: list[Any], errors: list[Any]) -> pa.RecordBatch:
    added = [pa.array(squares, pa.int64()), pa.array(errors, pa.string())]
    return pa.RecordBatch.from_arrays([*records.columns, *added], names=[*records.schema.names, "square", "error"])
