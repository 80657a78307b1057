"""Runs measures in processes of this machine.

Processes and not threads: a decoder that crashes, or is killed for the memory it takes, costs one process, and the image
that did it is named. They end with the process that started them, however that ends.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.connection import wait
from types import TracebackType
from typing import Any, Final, TypeAlias

import pyarrow as pa
from attrs import field, frozen

from dataprep.cleaning.engines.process import Code, DiedError, Function, Process
from dataprep.errors import DataprepError
from dataprep.machine import cores

Lost: TypeAlias = Callable[[pa.RecordBatch, str], pa.RecordBatch]

AHEAD: Final = 2  # batches in flight for each process: one at work, one waiting
LOOK: Final = 1.0  # seconds between two looks at whether a process takes too long


def _check_workers(engine: "Local", attribute: Any, value: object) -> None:
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 0):
        raise DataprepError(
            f"`Local(workers={value!r})`: workers is a number of processes, 0 to run in this one, or None for every core"
        )


def _check_timeout(engine: "Local", attribute: Any, value: object) -> None:
    if value is not None and (not isinstance(value, int | float) or isinstance(value, bool) or not value > 0):
        raise DataprepError(f"`Local(timeout={value!r})`: timeout is a number of seconds above 0, or None to wait for ever")


@frozen
class Local:
    """Processes of this machine.

    Attributes:
        workers: How many; 0 runs in this process, without protection from a decoder that crashes. None stands for every core
            that this process may use. Where not so many can be started, those that can do the work.
        timeout: Seconds after which a process that gives no answer is ended, as one that died: a file may make a decoder, or a
            read, take for ever. None waits for ever; without processes nothing can be ended.

    Raises:
        DataprepError: `workers` is neither None nor a whole number from 0, or `timeout` is not above 0; or, when it is used, no
            process can be started.
    """

    workers: int | None = field(default=None, validator=_check_workers)
    timeout: float | None = field(default=600.0, validator=_check_timeout)

    def map(self, function: Function, batches: Iterable[pa.RecordBatch], lost: Lost) -> Iterator[pa.RecordBatch]:
        """Yields the results in any order.

        When a process dies, the batches that it had are run again one record at a time, each alone; a record whose process dies
        again gets its result from `lost`.
        """
        workers = cores() if self.workers is None else self.workers
        if workers == 0:
            yield from _run_here(function, batches)
            return
        queue = iter(batches)
        with Code(function) as code, _Crew(code, workers, self.timeout) as crew, _Crew(code, 1, self.timeout) as alone:
            while True:
                deaths: list[_Death] = []
                yield from crew.run(queue, deaths)
                if not deaths:
                    return
                for batch in (batch for death in deaths for batch in death.batches):
                    yield from _run_alone(alone, batch, lost)


def _run_here(function: Function, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yields the results, each when the function was told of the batch after it as well, if it wants to know."""
    expect = getattr(function, "expect", lambda batch: None)
    ready: deque[pa.RecordBatch] = deque()
    for batch in batches:
        expect(batch)
        ready.append(batch)
        if len(ready) > 1:
            yield function(ready.popleft())
    yield from map(function, ready)


def _run_alone(crew: "_Crew", batch: pa.RecordBatch, lost: Lost) -> Iterator[pa.RecordBatch]:
    """Yields the result of each record of a batch, one after the other where it can harm no other."""
    for row in range(batch.num_rows):
        record = batch.slice(row, 1)
        deaths: list[_Death] = []
        yield from crew.run(iter([record]), deaths)
        for death in deaths:
            yield lost(record, f"the process that decoded it died: {death.why}")


@frozen
class _Death:
    """How a process ended, and what it was at."""

    why: str
    batches: list[pa.RecordBatch]


class _Crew:
    """Processes that run one function; a context manager, after which all are gone. Each is started when there is work for it."""

    def __init__(self, code: Code, size: int, timeout: float | None) -> None:
        self._code, self._size, self._timeout = code, size, timeout
        self._processes: list[Process] = []
        self._returned: deque[pa.RecordBatch] = deque()

    def __enter__(self) -> "_Crew":
        """Returns itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Ends the processes, whatever they do."""
        for process in self._processes:
            process.close()

    def run(self, queue: Iterator[pa.RecordBatch], deaths: list[_Death]) -> Iterator[pa.RecordBatch]:
        """Yields results until the queue is empty, or until a process dies: then the others end what they have, and no more."""
        while True:
            while not deaths and (process := self._free()) is not None and (batch := self._next(queue)) is not None:
                process.submit(batch)
            busy = [process for process in self._processes if process.work]
            if not busy:
                return
            ready: list[Any] = wait(busy, LOOK)  # type: ignore[arg-type]  # whatever has a `fileno`
            self._end_late([process for process in busy if process not in ready], deaths)
            for process in ready:
                try:
                    result = process.receive()
                except DiedError as error:
                    self._bury(process, error, deaths)
                else:
                    if result is not None:
                        yield result

    def _end_late(self, silent: list[Process], deaths: list[_Death]) -> None:
        """Ends the processes that have had nothing to say for too long."""
        for process in silent:
            if self._timeout is not None and process.silence > self._timeout:
                self._bury(process, DiedError(f"no answer in {self._timeout:g} seconds"), deaths)

    def _next(self, queue: Iterator[pa.RecordBatch]) -> pa.RecordBatch | None:
        return self._returned.popleft() if self._returned else next(queue, None)

    def _free(self) -> Process | None:
        """Returns the process with the least to do, which may be a new one; None if all have enough."""
        least = min(self._processes, key=lambda process: len(process.work), default=None)
        if least is not None and (not least.work or len(self._processes) >= self._size):
            return least if len(least.work) < AHEAD else None
        try:
            least = Process(self._code)
            self._processes.append(least)
        except OSError as error:
            self._shrink(error.strerror or str(error))
        return least

    def _bury(self, process: Process, error: DiedError, deaths: list[_Death]) -> None:
        """Takes a dead process out; if it never began, its work goes to the others, and no further one is started."""
        self._processes.remove(process)
        process.close()
        if error.ready:
            deaths.append(_Death(str(error), list(process.work)))
        else:
            self._returned.extend(process.work)
            self._shrink(str(error))

    def _shrink(self, why: str) -> None:
        """Leaves it at the processes that there are.

        Raises:
            DataprepError: There are none.
        """
        self._size = len(self._processes)
        if not self._processes:
            raise DataprepError(
                f"no process can be started to measure in: {why}; "
                "`Local(workers=0)` (`--workers 0`) measures in this one, without protection from decoders that crash"
            )
