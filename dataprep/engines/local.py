"""Runs measures in processes of this machine.

Processes and not threads: a decoder that crashes, or is killed for the memory it takes, costs one process, and the image
that did it is named. They end with the process that started them, however that ends.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.connection import wait
from typing import Any, Final, TypeAlias

import pyarrow as pa
from attrs import field, frozen

from dataprep.engines.lean import Function
from dataprep.engines.process import Code, DiedError, Process, Task
from dataprep.errors import DataprepError
from dataprep.machine import cores

Lost: TypeAlias = Callable[[pa.RecordBatch, str], pa.RecordBatch]

AHEAD: Final = 2  # batches in flight for each process: one at work, one waiting
LOOK: Final = 1.0  # seconds between two looks at whether a process takes too long
TOGETHER: Final = 16  # records that the function itself is run on at once, of those that bare Python has left: some 50 ms of work
WORTH: Final = 128  # records that wait for the function from which on another process loads it, which takes 0.3 s


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

    Example:
        >>> manifest = dp.clean("photos", engine=dp.Local(workers=1, timeout=60))
        >>> len(manifest)
        13

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
        with Team(function, workers, self.timeout) as team:
            yield from team.run(batches, lost)


class Team:
    """Processes that run one function, on batches that come now and then; a context manager, after which all are gone."""

    def __init__(self, function: Function, workers: int, timeout: float | None, among: int | None = None) -> None:
        """Starts nothing yet.

        Args:
            function: What they run.
            workers: How many processes there may be.
            timeout: Seconds after which one that gives no answer is ended.
            among: How many processes share the memory of the machine; None stands for these.
        """
        self._code = Code(function, among or workers)
        self._crew, self._alone = _Crew(self._code, workers, timeout), _Crew(self._code, 1, timeout)

    def __enter__(self) -> "Team":
        """Returns itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Ends the processes, whatever they do."""
        self.close()

    def close(self) -> None:
        """Ends the processes, whatever they do."""
        self._crew.close()
        self._alone.close()
        self._code.close()

    def run(self, batches: Iterable[pa.RecordBatch], lost: Lost) -> Iterator[pa.RecordBatch]:
        """Yields the results in any order; a record that takes its process down gets its own from `lost`."""
        queue = _Queue(batches, lean=self._code.lean is not None)
        while True:
            deaths: list[_Death] = []
            yield from self._crew.run(queue, deaths)
            if not deaths:
                return
            for task in (task for death in deaths for task in death.tasks):
                yield from _run_alone(self._alone, task, lost)


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


def _run_alone(crew: "_Crew", task: Task, lost: Lost) -> Iterator[pa.RecordBatch]:
    """Yields the result of each record of a task, one after the other where it can harm no other."""
    for row in range(task.batch.num_rows):
        record = task.batch.slice(row, 1)
        deaths: list[_Death] = []
        yield from crew.run(_Queue([record], task.lean), deaths)
        for death in deaths:
            yield lost(record, f"the process that decoded it died: {death.why}")


@frozen
class _Death:
    """How a process ended, and what it was at."""

    why: str
    tasks: list[Task]


class _Queue:
    """What is to be done: batches as they come, and the records that bare Python has left to the function itself."""

    def __init__(self, batches: Iterable[pa.RecordBatch], lean: bool) -> None:
        """Takes batches, and whether bare Python has a try at them first."""
        self._batches, self._lean = iter(batches), lean
        self._returned: deque[Task] = deque()
        self._left: deque[pa.RecordBatch] = deque()

    def take(self, loaded: bool, loaders: int) -> Task | None:
        """Returns what a process does next, None for nothing.

        What is left is done by the process that has loaded the function. Another one loads it where that saves time: where there
        is none, or where more is left than those that there are get done meanwhile.

        Args:
            loaded: Whether the process that asks has loaded the function.
            loaders: How many processes have.
        """
        if self._returned:
            return self._returned.popleft()
        if self._left and (loaded or sum(batch.num_rows for batch in self._left) > WORTH * loaders):
            return Task(self._gather(), lean=False)
        batch = next(self._batches, None)
        return None if batch is None else Task(batch, self._lean)

    def put_back(self, tasks: Iterable[Task]) -> None:
        """Takes tasks that were not begun."""
        self._returned.extend(tasks)

    def leave(self, batch: pa.RecordBatch) -> None:
        """Takes records that are left to the function itself."""
        self._left.append(batch)

    def _gather(self) -> pa.RecordBatch:
        """Returns some records that are left."""
        batches = [self._left.popleft()]
        while self._left and sum(batch.num_rows for batch in batches) < TOGETHER:
            batches.append(self._left.popleft())
        table = pa.Table.from_batches(batches)
        if table.num_rows > TOGETHER:
            self._left.extendleft(table.slice(TOGETHER).combine_chunks().to_batches())
        return table.slice(0, TOGETHER).combine_chunks().to_batches()[0]


class _Crew:
    """Processes that run one function. Each is started when there is work for it."""

    def __init__(self, code: Code, size: int, timeout: float | None) -> None:
        self._code, self._size, self._timeout = code, size, timeout
        self._processes: list[Process] = []

    def close(self) -> None:
        """Ends the processes, whatever they do."""
        for process in self._processes:
            process.close()
        self._processes.clear()

    def run(self, queue: _Queue, deaths: list[_Death]) -> Iterator[pa.RecordBatch]:
        """Yields results until the queue is empty, or until a process dies: then the others end what they have, and no more."""
        while True:
            while not deaths and self._hand_out(queue):
                pass
            busy = [process for process in self._processes if process.work]
            if not busy:
                return
            ready: list[Any] = wait(busy, LOOK)  # type: ignore[arg-type]  # whatever has a `fileno`
            self._end_late([process for process in busy if process not in ready], queue, deaths)
            for process in ready:
                try:
                    answer = process.receive()
                except DiedError as error:
                    self._bury(process, error, queue, deaths)
                    continue
                if answer.left is not None:
                    queue.leave(answer.left)
                if answer.done is not None:
                    yield answer.done

    def _hand_out(self, queue: _Queue) -> bool:
        """Gives a task to the process with the least to do, which may be a new one; returns whether there was one for any."""
        loaders = sum(process.loaded for process in self._processes)
        for process in self._with_room():
            task = queue.take(process is not None and process.loaded, loaders)
            if task is not None:
                try:
                    (process or self._start()).submit(task)
                except OSError as error:
                    queue.put_back([task])
                    self._shrink(error.strerror or str(error))
                return True
        return False

    def _with_room(self) -> Iterator[Process | None]:
        """Yields the processes that can be given work, the one with the least first; None for one that is not started yet."""
        yield from (process for process in self._processes if not process.work)
        if len(self._processes) < self._size:
            yield None
        yield from (process for process in self._processes if 0 < len(process.work) < AHEAD)

    def _start(self) -> Process:
        process = Process(self._code)
        self._processes.append(process)
        return process

    def _end_late(self, silent: list[Process], queue: _Queue, deaths: list[_Death]) -> None:
        """Ends the processes that have had nothing to say for too long."""
        for process in silent:
            if self._timeout is not None and process.silence > self._timeout:
                self._bury(process, DiedError(f"no answer in {self._timeout:g} seconds"), queue, deaths)

    def _bury(self, process: Process, error: DiedError, queue: _Queue, deaths: list[_Death]) -> None:
        """Takes a dead process out; if it never began, its work goes to the others, and no further one is started."""
        self._processes.remove(process)
        process.close()
        if error.ready:
            deaths.append(_Death(str(error), list(process.work)))
        else:
            queue.put_back(process.work)
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
