"""Runs measures on a Ray cluster: a task is a batch, and what does it on its node is a process as `Local` has them.

So a decoder that crashes costs a process that Ray knows nothing of, and the image that did it is named; what Ray has to make good
is the loss of its own workers and of whole nodes. Ray's core tasks, without its retries and without Ray Data: what is done again,
and what is given up, is decided here, record by record.
"""

import logging
import os
import pickle
import socket
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final
from uuid import uuid4

import cloudpickle
import pyarrow as pa
from attrs import define, field, frozen

from dataprep import __version__
from dataprep.arguments import check, is_whole
from dataprep.engines.lean import Function
from dataprep.engines.local import Lost
from dataprep.engines.node import Done, alone, can_read, versions, working
from dataprep.errors import DataprepError

LOGGER: Final = logging.getLogger("dataprep.clean")

PATIENCE: Final = 60.0  # seconds that a free core is waited for
LOOK: Final = 1.0  # seconds between two looks at how large the cluster is
KNOCK: Final = 10.0  # seconds that a cluster has to answer in
LOSSES: Final = 4  # times that a batch is done again whose node was lost
CRASHES: Final = 2  # workers of Ray that a record alone may take down
ROW: Final = 2_500  # bytes that come back of a record, about
PIECE: Final = 90_000  # bytes of a result that come back with the answer; what is larger takes the way by two stores of objects
QUIET: Final = {"log_to_driver": False, "logging_level": "ERROR", "configure_logging": False}

_is_seconds: Final = check(
    lambda value: value is None or (isinstance(value, int | float) and not isinstance(value, bool) and value > 0),
    "a number of seconds above 0, or None to wait for ever",
    DataprepError,
)
_is_address: Final = check(
    lambda value: isinstance(value, str) and value not in ("", "local"),
    'the address of a cluster, such as "10.0.0.1:6379", or "auto" for the one that this machine is part of',
    DataprepError,
)
_is_count: Final = check(lambda value: is_whole(value) and value >= 1, "give 1 or more", DataprepError)


@frozen
class Ray:
    """The cores of a Ray cluster, which has to run already: `ray start --head`.

    All nodes see the source under the same name, as they do a bucket or a network file system, and have the same version of this
    package and of what decodes; a node where that is not so is refused by its name.

    Attributes:
        address: That of the cluster, as `ray.init` takes it; "auto" takes the one that this machine is part of, or RAY_ADDRESS.
            A program that has called `ray.init` itself stays connected as it is.
        ahead: Batches in flight for each core.
        timeout: Seconds after which a process that gives no answer is ended, as by `Local`.
        least: Records of a batch, at least. Each batch costs the program and the cluster some 10 ms, and is lost with its
            node.

    Example:
        >>> engine = dp.Ray("10.0.0.1:6379")  # connected when `clean` needs it
        >>> engine
        Ray(address='10.0.0.1:6379', ahead=2, timeout=600.0, least=256)
    """

    lists: ClassVar[bool] = True

    address: str = field(default="auto", validator=_is_address)
    ahead: int = field(default=2, validator=_is_count)
    timeout: float | None = field(default=600.0, validator=_is_seconds)
    least: int = field(default=256, validator=_is_count)

    def cores(self) -> int:
        """Returns how many cores the cluster has now, at least 1.

        Raises:
            DataprepError: There is no cluster at this address, or Ray is not installed.
        """
        return max(_cores(_connect(self.address)), 1)

    def map(self, function: Function, batches: Iterable[pa.RecordBatch], lost: Lost) -> Iterator[pa.RecordBatch]:
        """Yields the results in any order.

        A record that takes its process down, or Ray's worker again and again, gets its result from `lost`; what a lost node had
        is done again elsewhere.

        Raises:
            DataprepError: The cluster has no core for this, loses nodes faster than a batch is done, or a node has other versions
                or does not see the source.
        """
        driver = _Driver(_connect(self.address), self, function, lost)
        try:
            yield from driver.run(batches)
        finally:
            driver.close()


@define(eq=False)
class _Task:
    """A batch on its way.

    Attributes:
        records: What it is of.
        losses: How often its node was lost.
        crashes: How often it took a worker of Ray down, alone.
        trusted: Whether this machine cannot read it either.
        pieces: What its result is asked for by, piece by piece, while it is under way.
    """

    records: pa.RecordBatch
    losses: int = 0
    crashes: int = 0
    trusted: bool = False
    pieces: Sequence[Any] = ()


class _Driver:
    """The side of the program: it hands out batches, and decides what is done again."""

    def __init__(self, ray: Any, engine: Ray, function: Function, lost: Lost) -> None:
        self._ray, self._engine, self._function, self._lost = ray, engine, function, lost
        self._name = f"the Ray cluster at {engine.address!r}"
        pickled = cloudpickle.dumps((function, lost, engine.timeout))
        self._work = ray.remote(num_cpus=1, max_retries=0)(working(uuid4().hex, pickled))
        self._waiting: deque[_Task] = deque()
        self._flying: dict[Any, _Task] = {}
        self._cores, self._looked = 0, -LOOK
        self._heard = time.monotonic()

    def run(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yields results until all is done."""
        given = iter(batches)
        self._find_core()
        while self._hand_out(given):
            ready, _ = self._ray.wait(list(self._flying), num_returns=1, timeout=LOOK)
            if not ready:
                self._check_patience()
            for reference in ready:
                self._heard = time.monotonic()
                yield from self._take(self._flying.pop(reference))

    def close(self) -> None:
        """Ends what is under way, with the processes that are at it."""
        for reference in self._flying:
            self._ray.cancel(reference, force=True)
        self._flying.clear()

    def _find_core(self) -> None:
        """Waits until a core is free.

        Raises:
            DataprepError: None is.
        """
        probe = self._ray.remote(num_cpus=1, max_retries=0)(versions).remote()
        if not self._ray.wait([probe], timeout=PATIENCE)[0]:
            self._ray.cancel(probe, force=True)
            raise DataprepError(f"{self._name} has had no free core for {PATIENCE:g} s; see `ray status` for who has them")

    def _hand_out(self, given: Iterator[pa.RecordBatch]) -> bool:
        """Hands out as much as there is room for; returns whether anything is under way."""
        while len(self._flying) < max(self._count(), 1) * self._engine.ahead:
            if not self._waiting:
                records = next(given, None)
                if records is None:
                    break
                self._waiting.append(_Task(records))
            task = self._waiting.popleft()
            count = 2 + task.records.num_rows * ROW // PIECE  # of one alone Ray makes no list
            task.pieces = self._work.options(num_returns=count).remote(alone(task.records), task.trusted, count)
            self._flying[task.pieces[0]] = task
        return bool(self._flying)

    def _count(self) -> int:
        """Returns how many cores there are, which nodes that come and go change."""
        if time.monotonic() - self._looked >= LOOK:
            self._cores, self._looked = _cores(self._ray), time.monotonic()
        return self._cores

    def _check_patience(self) -> None:
        """Says that nothing comes, each time when it has not for long.

        Raises:
            DataprepError: There is no node left that it could come from.
        """
        if time.monotonic() - self._heard < PATIENCE:
            return
        if not _cores(self._ray):
            raise DataprepError(f"{self._name} has had no core for {PATIENCE:g} s; start nodes, and run this again")
        LOGGER.warning("%s has given no result for %g s; it goes on waiting", self._name, PATIENCE)
        self._heard = time.monotonic()

    def _take(self, task: _Task) -> Iterator[pa.RecordBatch]:
        """Yields what came of a task, or sees to it that it is done again.

        Raises:
            Exception: What the function raised.
        """
        errors = self._ray.exceptions
        try:
            done: Done = pickle.loads(b"".join(self._ray.get(task.pieces)))
        except errors.RayTaskError as error:
            raise _cause(error) from error
        except (errors.WorkerCrashedError, errors.OutOfMemoryError) as error:
            yield from self._suspect(task, type(error).__name__)
        except errors.RayError as error:
            self._repeat(task, error)
        else:
            yield from self._check(done, task)

    def _check(self, done: Done, task: _Task) -> Iterator[pa.RecordBatch]:
        """Yields results that are of the same versions, read from the same source.

        Raises:
            DataprepError: They are not.
        """
        if done.versions != versions():
            raise DataprepError(
                f"the node {done.node} would measure otherwise: it has {done.versions}; this machine has {versions()}; "
                "install the same on all of them"
            )
        if done.results is not None:
            yield from done.results
        elif can_read(self._function, task.records):
            raise DataprepError(
                f"the node {done.node} reads none of {task.records.num_rows} images that this machine can read; give a source "
                "that all nodes see under the same name, such as a bucket or a network file system"
            )
        else:
            task.trusted = True
            self._waiting.append(task)

    def _suspect(self, task: _Task, why: str) -> Iterator[pa.RecordBatch]:
        """Puts each record of a batch that took Ray's worker down in a task of its own; gives up one that did so alone, twice."""
        task.crashes += 1
        if task.records.num_rows > 1:
            self._waiting.extend(_Task(task.records.slice(row, 1)) for row in range(task.records.num_rows))
        elif task.crashes < CRASHES:
            self._waiting.append(task)
        else:
            yield self._lost(task.records, f"the process that decoded it died: {why} of Ray")

    def _repeat(self, task: _Task, error: Exception) -> None:
        """Does a batch again whose node was lost.

        Raises:
            DataprepError: That happened too often.
        """
        task.losses += 1
        if task.losses > LOSSES:
            raise DataprepError(f"{self._name} lost the same batch {task.losses} times: {error}") from error
        self._waiting.append(task)


def _connect(address: str) -> Any:
    """Returns Ray, connected to a cluster; it stays so until the program ends.

    Raises:
        DataprepError: There is none at this address, or Ray is not installed.
    """
    try:
        import ray
    except ModuleNotFoundError:
        raise DataprepError("`Ray` needs Ray: pip install 'dataprep-images[ray]'") from None
    if not ray.is_initialized():
        try:
            _knock(os.environ.get("RAY_ADDRESS", _of_this_machine()) if address == "auto" else address)
            ray.init(address=address, **QUIET)
        except (OSError, RuntimeError, ValueError) as error:
            why = str(error).strip().partition("\n")[0]
            raise DataprepError(
                f"there is no Ray cluster at {address!r}: {why}; start one by `ray start --head`, or give its address"
            ) from error
    return ray


def _of_this_machine() -> str:
    """Returns the address of the cluster that was started last on this machine, as Ray notes it; empty if there is no note."""
    try:
        return Path(os.environ.get("RAY_TMPDIR", "/tmp"), "ray", "ray_current_cluster").read_text().strip()
    except OSError:
        return ""


def _knock(address: str) -> None:
    """Sees whether anything answers at a host and port; Ray itself would try for five minutes.

    Raises:
        OSError: Nothing does.
    """
    host, _, port = address.rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), timeout=KNOCK).close()


def _cores(ray: Any) -> int:
    count: float = ray.cluster_resources().get("CPU", 0)
    return int(count)


def _cause(error: Any) -> BaseException:
    """Returns what a task raised; that a node lacks this package is said in other words."""
    cause: BaseException = getattr(error, "cause", None) or error
    if isinstance(cause, ModuleNotFoundError) and (cause.name or "").partition(".")[0] == "dataprep":
        return DataprepError(f"a node of the cluster has no dataprep-images; install version {__version__} on all of them")
    return cause
