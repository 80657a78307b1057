"""A process that runs a function over batches, one after the other, and its parent's end of the socket between them.

The two share nothing else: no semaphore, so /dev/shm is not needed; no thread of the parent's; no list of the machine's
processes. Whichever dies, the other one reads the end of the stream. It is started as a program, so the caller's script needs no
`if __name__ == "__main__"`, and a daemonic process may start one. The price is one start of Python, 0.2 s of a core.
"""

import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, Pipe
from multiprocessing.pool import ExceptionWithTraceback  # type: ignore[attr-defined]  # undocumented
from multiprocessing.spawn import get_executable
from queue import SimpleQueue
from time import monotonic
from traceback import format_exception
from types import TracebackType
from typing import Any, Final

import cloudpickle
import pyarrow as pa

Function = Callable[[pa.RecordBatch], pa.RecordBatch]

BOOT: Final = (
    "import sys; descriptors, sys.path[:] = map(int, sys.argv[1:4]), sys.argv[4:]; "
    "from dataprep.cleaning.engines.process import serve; serve(*descriptors)"
)
"""What Python runs: `serve`, found where the parent finds it."""

ALONE: Final = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "OPENCV_FOR_THREADS_NUM": "1"}
"""The processes are the parallelism, so libraries start no threads."""

GRACE: Final = 10.0  # seconds that a process has to end after it closed its socket
WATCH: Final = 0.5  # seconds between two looks whether the parent is there


class DiedError(Exception):
    """A process ended with work to do; `ready` is whether it ever began."""

    def __init__(self, why: str, ready: bool = True) -> None:
        super().__init__(why)
        self.ready = ready


class Code:
    """A function that processes run, where all of them read it, and what they say when they cannot."""

    def __init__(self, function: Function) -> None:
        self.function, self.complaints = _nameless_file("function"), _nameless_file("complaints")
        with open(self.function, "wb", closefd=False) as file:
            cloudpickle.dump(function, file)  # by value, where it is of the caller's script

    def __enter__(self) -> "Code":
        """Returns itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Forgets it."""
        os.close(self.function)
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
        work: The batches that it was given and has not answered, the oldest first.
    """

    def __init__(self, code: Code) -> None:
        """Starts a process; it is ready some time after.

        Raises:
            OSError: No further process, or no further file, can be had.
        """
        self.work: deque[pa.RecordBatch] = deque()
        self._code, self._ready, self._heard = code, False, monotonic()
        self._socket, theirs = Pipe()
        given = (theirs.fileno(), code.function)
        command = [get_executable(), "-P", "-c", BOOT, *map(str, (*given, os.getpid())), *sys.path]
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

    def submit(self, batch: pa.RecordBatch) -> None:
        """Gives it one more batch."""
        self._heard = self._heard if self.work else monotonic()
        self.work.append(batch)
        with suppress(OSError):  # it died, as the next answer will say
            self._socket.send_bytes(pickle.dumps(batch))

    def receive(self) -> pa.RecordBatch | None:
        """Returns the result of its oldest batch, or None where it has only said that it is ready.

        Raises:
            DiedError: It has ended.
            Exception: What the function raised.
        """
        try:
            result, error = pickle.loads(self._socket.recv_bytes())
        except (EOFError, OSError):
            raise DiedError(self._end(), self._ready) from None
        if error is not None:
            raise error
        self._heard = monotonic()
        if not self._ready:
            self._ready = True
            return None
        self.work.popleft()
        return result

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


def serve(socket: int, function: int, parent: int) -> None:
    """Answers batches with results, until the parent is gone: what a process does.

    Args:
        socket: The descriptor of its end.
        function: That of a file of the pickled function.
        parent: The process that started this one.
    """
    connection = Connection(socket)
    batches = _Inbox()
    # listening in a thread of its own, so that the parent never waits to be heard while this one waits to be heard by it
    threading.Thread(target=_listen, args=(connection, parent, batches), daemon=True).start()
    with open(function, "rb") as file:
        run = _attempt(pickle.loads, os.pread(file.fileno(), os.fstat(function).st_size, 0), connection)
    batches.tell(run)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # libtiff and others write there of every fault, which is in the row as well
    connection.send_bytes(pickle.dumps((None, None)))
    while True:
        result = _attempt(run, batches.get(), connection)
        connection.send_bytes(pickle.dumps((result, None)))


class _Inbox:
    """The batches that came, in order, of each of which the function is told before it is run on it, if it wants to know."""

    def __init__(self) -> None:
        self._batches: SimpleQueue[pa.RecordBatch] = SimpleQueue()
        self._lock = threading.Lock()
        self._early: list[pa.RecordBatch] | None = []  # what came before the function
        self._expect: Callable[[pa.RecordBatch], None] = self._early.append

    def tell(self, function: Function) -> None:
        """Takes the function."""
        with self._lock:
            early, self._early, self._expect = self._early, None, getattr(function, "expect", lambda batch: None)
            for batch in early or ():
                self._expect(batch)

    def put(self, batch: pa.RecordBatch) -> None:
        """Takes a batch."""
        with self._lock:
            self._expect(batch)
        self._batches.put(batch)

    def get(self) -> pa.RecordBatch:
        """Returns the next batch, when it is there."""
        return self._batches.get()


def _listen(connection: Connection, parent: int, batches: _Inbox) -> None:
    """Takes what the parent sends; ends this process when the parent is gone, however that ended.

    Its end of the socket may outlive it in a process that it forked, so its number is looked at as well.
    """
    with suppress(EOFError, OSError):
        while os.getppid() == parent:
            if connection.poll(WATCH):
                batches.put(pickle.loads(connection.recv_bytes()))
    os._exit(1)


def _attempt(function: Callable[[Any], Any], argument: Any, connection: Connection) -> Any:
    """Returns what a function does; sends what it raises to the parent, and waits for the end."""
    try:
        return function(argument)
    except MemoryError:
        connection.send_bytes(pickle.dumps((None, DiedError("out of memory"))))
    except BaseException as error:
        connection.send_bytes(_pickled(error))
    while True:
        signal.pause()


def _pickled(error: BaseException) -> bytes:
    """Returns an error with its traceback, or as much of it as can be sent."""
    try:
        sent = cloudpickle.dumps((None, ExceptionWithTraceback(error, error.__traceback__)))
        pickle.loads(sent)
    except Exception:
        return pickle.dumps((None, RuntimeError("".join(format_exception(error)))))
    return bytes(sent)
