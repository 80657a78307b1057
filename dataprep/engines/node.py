"""What a node of a Ray cluster does with a batch: its versions are told, and a process as `Local` has them does the work."""

import pickle
from collections.abc import Callable
from functools import partial
from threading import Lock, Timer
from typing import Final, NamedTuple

import cloudpickle
import pyarrow as pa

from dataprep import __version__
from dataprep.engines.lean import Function, lean_of
from dataprep.engines.local import Lost, Team
from dataprep.images import native
from dataprep.images.decode import decoders
from dataprep.machine import cores

IDLE: Final = 10.0  # seconds after which a process ends that has nothing to do


class Versions(NamedTuple):
    """What results depend on: nodes where it differs would measure otherwise."""

    dataprep: str
    decoders: str
    compiled: tuple[str, ...]

    def __str__(self) -> str:
        """Tells them in one line."""
        return f"dataprep-images {self.dataprep}, {self.decoders}, compiled: {', '.join(self.compiled) or 'nothing'}"


def versions() -> Versions:
    """Returns those of the machine that it is called on."""
    return Versions(__version__, decoders(), tuple(name for name in native.COSTS if native.module(name) is not None))


class Done(NamedTuple):
    """What comes back of a task.

    Attributes:
        node: The name of the machine, and Ray's number of it.
        versions: Those of the node.
        results: Of all records; None where not one of them can be read there.
    """

    node: str
    versions: Versions
    results: list[pa.RecordBatch] | None


class _Desk:
    """The side of a node: in each of Ray's workers, the function that was opened last, and the process that runs it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._key: str | None = None
        self._opened: tuple[Callable[[], Team], Lost] | None = None
        self._team: Team | None = None
        self._timer: Timer | None = None

    def open(self, key: str, code: bytes, records: pa.RecordBatch, trusted: bool) -> bool:
        """Makes a function the one that is run, unless it is already.

        Args:
            key: The number of the code.
            code: The function, what stands in for lost records, and the timeout.
            records: The batch to begin with.
            trusted: Whether it is to be run although not one of them can be read.

        Returns:
            False where this node can read none of the records.
        """
        if self._key == key:
            return True
        function, lost, timeout = cloudpickle.loads(code)
        if not trusted and not can_read(function, records):
            return False
        lean = lean_of(function)
        if lean is not None:
            function.lean = lean.here()
        with self._lock:
            self._close()
            self._key, self._opened = key, (partial(Team, function, 1, timeout, among=cores()), lost)
        return True

    def run(self, records: pa.RecordBatch) -> list[pa.RecordBatch]:
        """Runs what was opened on a batch, in a process that lives on until no batch comes for a while."""
        assert self._opened is not None
        start, lost = self._opened
        with self._lock:
            self._team = self._team or start()
            results = list(self._team.run([records], lost))
        self._wait()
        return results

    def _wait(self) -> None:
        """Ends the process if nothing comes for a while: Ray keeps its workers for as long as their program runs."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = Timer(IDLE, self.close)
        self._timer.daemon = True
        self._timer.start()

    def close(self) -> None:
        """Ends the process, unless it is at work."""
        if self._lock.acquire(blocking=False):
            try:
                self._close()
            finally:
                self._lock.release()

    def _close(self) -> None:
        if self._team is not None:
            self._team.close()
            self._team = None


_DESK: Final = _Desk()  # that of this worker of Ray


def working(key: str, code: bytes) -> Callable[[pa.RecordBatch, bool, int], list[bytes]]:
    """Returns a task of a batch: with it a worker gets the code, once, where each task would ask Ray for an object again.

    What is done comes back in so many pieces, each small enough to come with the answer.
    """

    def task(records: pa.RecordBatch, trusted: bool, count: int) -> list[bytes]:
        """Does a batch, and returns so many pieces."""
        data = pickle.dumps(work(key, code, records, trusted))
        size = -(-len(data) // count)
        return [data[size * number : size * (number + 1)] for number in range(count)]

    return task


def work(key: str, code: bytes, records: pa.RecordBatch, trusted: bool) -> Done:
    """Does a batch.

    Args:
        key: The number of the code.
        code: The function, what stands in for lost records, and the timeout.
        records: The batch.
        trusted: Whether it is to be done although not one of the records can be read.
    """
    import ray

    node = f"{ray.util.get_node_ip_address()} ({ray.get_runtime_context().get_node_id()[:8]})"
    if not _DESK.open(key, code, records, trusted):
        return Done(node, versions(), None)
    return Done(node, versions(), [alone(batch) for batch in _DESK.run(records)])


def can_read(function: Function, records: pa.RecordBatch) -> bool:
    """Returns whether at least one of some records can be read on this machine; true where a function cannot say."""
    readable: Callable[[pa.RecordBatch], bool] = getattr(function, "readable", lambda records: True)
    return readable(records)


def alone(records: pa.RecordBatch) -> pa.RecordBatch:
    """Returns records that hold no others: what is pickled of a slice is all that it is a slice of."""
    return records.take(pa.array(range(records.num_rows), pa.int64()))
