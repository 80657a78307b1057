"""Runs measures in processes of this machine.

Processes and not threads: a decoder that crashes, or is killed for the memory it takes, costs one process, and the image
that did it is named. They come from loky, which needs no `if __name__ == "__main__"` in the caller's script, and end with
the process that started them, however that ends.
"""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from itertools import islice
from typing import Any, Final, TypeAlias

import pyarrow as pa
from attrs import field, frozen
from loky import ProcessPoolExecutor

from dataprep.errors import DataprepError
from dataprep.machine import cores

Function: TypeAlias = Callable[[pa.RecordBatch], pa.RecordBatch]
Lost: TypeAlias = Callable[[pa.RecordBatch, str], pa.RecordBatch]
Pending: TypeAlias = "dict[Future[pa.RecordBatch], pa.RecordBatch]"

AHEAD: Final = 2  # batches in flight for each process: one at work, one waiting


def _check_workers(engine: "Local", attribute: Any, value: object) -> None:
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 0):
        raise DataprepError(
            f"`Local(workers={value!r})`: workers is a number of processes, 0 to run in this one, or None for every core"
        )


@frozen
class Local:
    """Processes of this machine.

    Attributes:
        workers: How many; 0 runs in this process, without protection from a decoder that crashes. None stands for every core
            that this process may use.

    Raises:
        DataprepError: `workers` is neither None nor a whole number from 0.
    """

    workers: int | None = field(default=None, validator=_check_workers)

    def map(self, function: Function, batches: Iterable[pa.RecordBatch], lost: Lost) -> Iterator[pa.RecordBatch]:
        """Yields the results in any order.

        When a process dies, the batches in flight are run again one record at a time, each alone in a fresh process; a record
        whose process dies again gets its result from `lost`.
        """
        workers = cores() if self.workers is None else self.workers
        if workers == 0:
            yield from map(function, batches)
            return
        queue = iter(batches)
        while True:
            suspects: list[pa.RecordBatch] = []
            yield from _run(function, queue, workers, suspects)
            if not suspects:
                return
            yield from _run_alone(function, suspects, lost)


def _run(
    function: Function, queue: Iterator[pa.RecordBatch], workers: int, suspects: list[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    """Yields results until the queue is empty, or until a process dies: then `suspects` holds what was in flight."""
    executor = _executor(workers)
    pending: Pending = {}
    try:
        while True:
            for batch in islice(queue, 0 if suspects else workers * AHEAD - len(pending)):
                try:
                    pending[_submit(executor, function, batch)] = batch
                except BrokenExecutor:  # a process died since the last result
                    suspects.append(batch)
                    break
            if not pending:
                return
            done, _ = wait(pending, return_when=FIRST_COMPLETED)
            for future in done:
                batch = pending.pop(future)
                try:
                    yield future.result()
                except BrokenExecutor:
                    suspects.append(batch)
    finally:
        executor.shutdown(wait=True, kill_workers=True)


def _run_alone(function: Function, batches: list[pa.RecordBatch], lost: Lost) -> Iterator[pa.RecordBatch]:
    """Yields the result of each record of some batches, one after the other in a process where it can harm no other."""
    records = iter([batch.slice(row, 1) for batch in batches for row in range(batch.num_rows)])
    while True:
        suspects: list[pa.RecordBatch] = []
        executor = _executor(1)
        try:
            for record in records:
                try:
                    yield _submit(executor, function, record).result()
                except BrokenExecutor as error:
                    yield lost(record, _cause(error))
                    suspects.append(record)
                    break
        finally:
            executor.shutdown(wait=True, kill_workers=True)
        if not suspects:
            return


def _cause(error: BrokenExecutor) -> str:
    """Returns how the process ended, in the words of the exit code, such as SIGSEGV(-11)."""
    _, _, codes = str(error).rpartition("{")
    return f"the process that decoded it died: {codes.rstrip('}. ')}" if codes else "the process that decoded it died"


def _executor(workers: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(
        max_workers=workers,
        initializer=_follow,
        initargs=(os.getpid(),),
        env={
            "OPENBLAS_NUM_THREADS": "1",
            "OMP_NUM_THREADS": "1",
            "OPENCV_FOR_THREADS_NUM": "1",
        },  # the processes are the parallelism
    )


def _submit(executor: ProcessPoolExecutor, function: Function, batch: pa.RecordBatch) -> "Future[pa.RecordBatch]":
    """Starts work; a process that this starts inherits that Ctrl-C is held back, so it is the parent's alone from the outset."""
    if not hasattr(signal, "pthread_sigmask"):
        return executor.submit(function, batch)  # type: ignore[no-any-return]  # loky has no types
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return executor.submit(function, batch)  # type: ignore[no-any-return]  # loky has no types
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _follow(parent: int) -> None:
    """Leaves Ctrl-C and the terminal to the parent, and ends this process when the parent is gone, however that ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # libtiff and others write there of every fault, which is in the row as well

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
