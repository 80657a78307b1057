"""A process that does work over batches, one after the other, and its parent's end of the socket between them.

The two share nothing else: no semaphore, so /dev/shm is not needed; no thread of the parent's; no list of the machine's
processes. Whichever dies, the other one reads the end of the stream. It is started as a program, so the caller's script needs no
`if __name__ == "__main__"`, and a daemonic process may start one. What it runs is `dataprep.engines.child`.
"""

import marshal
import os
import pickle
import signal
import socket
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.spawn import get_executable
from time import monotonic
from typing import Final, NamedTuple

import cloudpickle
import pyarrow as pa

from dataprep.engines.lean import Function, folder_of, lean_of, memory_of
from dataprep.machine import memory

CHILD: Final = os.path.join(os.path.dirname(__file__), "child.py")

BOOT: Final = (
    "import sys; from importlib.machinery import SourceFileLoader; child = type(sys)('child'); "
    "SourceFileLoader('child', sys.argv[1]).exec_module(child); child.serve(*map(int, sys.argv[2:]))"
)
"""What Python runs: `serve` of `CHILD`, without the packages around it."""

ALONE: Final = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "OPENCV_FOR_THREADS_NUM": "1"}
"""The processes are the parallelism, so libraries start no threads."""

GRACE: Final = 10.0  # seconds that a process has to end after it closed its socket
LENGTH: Final = 8  # bytes of a message's length
LIBRARIES: Final = 1 << 30  # bytes that a process may take beside what a record needs


class DiedError(Exception):
    """A process ended with work to do; `ready` is whether it ever began."""

    def __init__(self, why: str, ready: bool = True) -> None:
        super().__init__(why)
        self.ready = ready


class Task(NamedTuple):
    """What a process is given.

    Attributes:
        batch: The records.
        lean: Whether bare Python is to do it, or the function itself.
    """

    batch: pa.RecordBatch
    lean: bool


class Answer(NamedTuple):
    """What comes of a task.

    Attributes:
        done: The result of the records that it is known of; None where there is none.
        left: The records that the function itself has to be run on; None where there is none.
    """

    done: pa.RecordBatch | None = None
    left: pa.RecordBatch | None = None


class Code:
    """A function that processes run, where all of them read it, and what they say when they cannot.

    Attributes:
        lean: How bare Python does the same, None where it does not.
        file: The descriptor of what a process reads.
        complaints: That of what they say.
    """

    def __init__(self, function: Function, workers: int = 1) -> None:
        """Writes it down for so many processes, which share the memory of the machine."""
        self.lean = lean_of(function)
        lean = None if self.lean is None else (self.lean.program, folder_of(self.lean.program), self.lean.arguments)
        limit = max(memory() // workers, LIBRARIES + memory_of(function))
        pickled = cloudpickle.dumps(function)  # by value, where it is of the caller's script
        data = marshal.dumps((sys.path, limit, lean, pickled))
        self.file, self.complaints = _nameless_file("function"), _nameless_file("complaints")
        with open(self.file, "wb", closefd=False) as file:
            file.write(data)

    def close(self) -> None:
        """Forgets it."""
        os.close(self.file)
        os.close(self.complaints)

    def complaint(self) -> str:
        """Returns the last line that a process left before it was ready."""
        size = os.fstat(self.complaints).st_size
        return os.pread(self.complaints, 1000, max(size - 1000, 0)).decode(errors="replace").strip().rpartition("\n")[2]


def _nameless_file(what: str) -> int:
    """Returns the descriptor of a file without a name: in memory on Linux, else among temporary files."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create(what)
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


class Process:
    """The parent's end.

    Attributes:
        work: The tasks that it was given and has not answered, the oldest first.
        loaded: Whether it has been given work for the function itself, which takes a while to load.
    """

    def __init__(self, code: Code) -> None:
        """Starts a process; it is ready some time after.

        Raises:
            OSError: No further process, or no further file, can be had.
        """
        self.work: deque[Task] = deque()
        self.loaded = False
        self._code, self._heard, self._ready = code, monotonic(), False
        self._socket, theirs = socket.socketpair()
        given = (theirs.fileno(), code.file)
        # without `site`: what is installed is found when it is needed
        command = [get_executable(), "-S", "-P", "-c", BOOT, CHILD, *map(str, (*given, os.getpid()))]
        try:
            with theirs, _without_interrupts():
                self._child = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=code.complaints,
                    env=os.environ | ALONE,
                    pass_fds=given,
                )
        except BaseException:
            self._socket.close()
            raise

    def fileno(self) -> int:
        """Returns what there is to wait for: an answer, or the end."""
        return self._socket.fileno()

    @property
    def silence(self) -> float:
        """For how many seconds it has been ready, had work and answered nothing."""
        return monotonic() - self._heard if self._ready and self.work else 0.0

    def submit(self, task: Task) -> None:
        """Gives it one more task."""
        self._heard = self._heard if self.work else monotonic()
        self.work.append(task)
        self.loaded = self.loaded or not task.lean
        lean = self._code.lean if task.lean else None
        message = marshal.dumps((task.lean, pickle.dumps(task.batch) if lean is None else lean.ask(task.batch)))
        with suppress(OSError):  # it died, as the next answer will say
            self._socket.sendall(len(message).to_bytes(LENGTH, "little") + message)

    def receive(self) -> Answer:
        """Returns what came of its oldest task, or nothing where it has only said that it is ready.

        Raises:
            DiedError: It has ended.
            Exception: What the function raised.
        """
        try:
            kind, answer = marshal.loads(self._bytes(int.from_bytes(self._bytes(LENGTH), "little")))
        except (EOFError, OSError):
            raise DiedError(self._end(), self._ready) from None
        if kind == "died":
            raise DiedError(answer, self._ready)
        if kind == "error":
            raise pickle.loads(answer)
        self._heard = monotonic()
        if kind == "ready":
            self._ready = True
            return Answer()
        task = self.work.popleft()
        return self._answer(task.batch, *answer) if task.lean else Answer(pickle.loads(answer))

    def _answer(self, batch: pa.RecordBatch, reply: object, left: list[int]) -> Answer:
        """Returns what bare Python's reply says of a batch, of which it has left some records."""
        assert self._code.lean is not None, "it was asked"
        if not left:
            return Answer(self._code.lean.answer(batch, reply))
        others = sorted(set(range(batch.num_rows)).difference(left))
        done = self._code.lean.answer(batch.take(pa.array(others)), reply) if others else None
        return Answer(done, batch.take(pa.array(left)))

    def _bytes(self, size: int) -> bytes:
        """Returns what it says next."""
        data = bytearray(size)
        rest = memoryview(data)
        while rest:
            count = self._socket.recv_into(rest, flags=socket.MSG_WAITALL)
            if not count:
                raise EOFError
            rest = rest[count:]
        return bytes(data)

    def close(self) -> None:
        """Ends it, whatever it does."""
        self._socket.close()
        self._child.kill()
        self._child.wait()

    def _end(self) -> str:
        """Returns how it ended, such as SIGSEGV(-11), or what it said if it was never ready."""
        try:
            code = self._child.wait(GRACE)
        except subprocess.TimeoutExpired:  # something closed the socket under it
            self.close()
            code = 0
        how = signal.Signals(-code).name if -code in signal.valid_signals() else "EXIT"
        complaint = "" if self._ready else self._code.complaint()
        return f"{how}({code}){complaint and ': '}{complaint}"


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Holds Ctrl-C back; a process that is started meanwhile inherits that, so it is the parent's alone from the outset."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
