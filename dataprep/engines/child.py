"""What a process does: it answers the batches that its parent sends, until the parent is gone.

It runs as bare Python, without `site` and what is installed: all that is imported here is built into Python, or nearly so. The
lean form of the work needs no more. The function itself, and with it all that it imports, is loaded at the first batch that needs
it. A message is its length and a marshalled tuple.
"""

import marshal
import os
import sys
import time
from _queue import SimpleQueue
from _thread import allocate_lock, start_new_thread
from importlib import import_module
from select import POLLIN, poll

TYPE_CHECKING = False  # `typing` takes as long to load as all of this
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

WATCH = 0.5  # seconds between two looks whether the parent is there
LENGTH = 8  # bytes of a message's length
SOME = 1 << 20  # bytes that are read at once


def serve(socket: int, code: int, parent: int) -> None:
    """Answers batches with results, until the parent is gone.

    Args:
        socket: The descriptor of this end.
        code: That of the file that `Code` wrote.
        parent: The process that started this one.
    """
    paths, memory, lean, function = marshal.loads(os.pread(code, os.fstat(code).st_size, 0))
    packages = Packages(paths)
    forms = (
        Form(lambda: packages.load_function(function), _unpickled),
        Form(lambda: packages.load_lean(*lean), lambda asked: asked),
    )
    inbox: SimpleQueue[tuple[bool, list[Any]]] = SimpleQueue()
    # in a thread of its own, so that the parent never waits to be heard while this one waits to be heard by it
    start_new_thread(_listen, (socket, parent, forms, inbox))
    try:
        _bound(memory)
        forms[lean is not None].get_ready()
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # libtiff and others write there of every fault, which is in the row as well
        _send(socket, ("ready", None))
        while True:
            is_lean, item = inbox.get()
            forms[is_lean].get_ready()
            answer = forms[is_lean].run(item.pop())
            _send(socket, ("lean", answer) if is_lean else ("whole", _pickled(answer)))
    except MemoryError:
        _send(socket, ("died", "out of memory"))
    except BaseException as error:
        _send(socket, ("error", _pickled_error(error, packages)))
    while True:  # until the parent ends this one, or itself
        time.sleep(WATCH)


class Form:
    """One form of the work, loaded when it is first needed, which is told of each batch as it comes, if it wants to know."""

    def __init__(self, load: "Callable[[], Any]", read: "Callable[[bytes], Any]") -> None:
        """Takes what loads it, and what makes a batch of what was sent."""
        self._load, self._read, self._lock = load, read, allocate_lock()
        self._early: list[list[Any]] = []  # what came before it was loaded
        self._expect: Callable[[Any], None] | None = None
        self.run: Any = None

    def get_ready(self) -> None:
        """Loads it, once."""
        if self.run is None:
            run = self._load()
            with self._lock:
                self.run, self._expect = run, getattr(run, "expect", None)
                for item in self._early:
                    self._tell(item)
                self._early.clear()

    def put(self, item: "list[Any]") -> None:
        """Takes a batch as it was sent, alone in a list; it is one to run on when this is ready."""
        with self._lock:
            if self.run is None:
                self._early.append(item)
            else:
                self._tell(item)

    def _tell(self, item: "list[Any]") -> None:
        item[0] = self._read(item[0])
        if self._expect is not None:
            self._expect(item[0])


class Packages:
    """What can be imported here: at first nothing but Python's own modules."""

    def __init__(self, paths: "list[str]") -> None:
        """Takes where the parent finds what it imports."""
        self._paths = paths
        self._shell = ""

    def load_lean(self, program: str, folder: str, arguments: "tuple[Any, ...]") -> "Any":
        """Returns the lean form of the work: what the `prepare` of a module gives for some arguments.

        Args:
            program: The name of the module.
            folder: That of the package that it is in, whose own `__init__`, which loads other packages, is not run.
            arguments: What it is prepared with.
        """
        self._shell = program.partition(".")[0]
        shell = sys.modules[self._shell] = type(sys)(self._shell)
        shell.__path__ = [folder]
        return import_module(program).prepare(*arguments)

    def load_function(self, function: bytes) -> "Any":
        """Returns the function itself."""
        self.open()
        return _unpickled(function)

    def open(self) -> None:
        """Makes this a whole Python, which finds what its parent finds; the lean form keeps the modules that it has."""
        import site

        site.main()  # where an import of a package that lies elsewhere is arranged for
        sys.path[:] = self._paths
        for name in [name for name in sys.modules if name.partition(".")[0] == self._shell]:
            del sys.modules[name]
        self._shell = ""


def _listen(socket: int, parent: int, forms: "tuple[Form, ...]", inbox: "SimpleQueue[Any]") -> None:
    """Takes what the parent sends; ends this process when the parent is gone, however that ended.

    Its end of the socket may outlive it in a process that it forked, so its number is looked at as well.
    """
    waiting = poll()
    waiting.register(socket, POLLIN)
    try:
        while os.getppid() == parent:
            if waiting.poll(WATCH * 1000):
                length = int.from_bytes(_receive(socket, LENGTH), "little")
                is_lean, batch = marshal.loads(_receive(socket, length))
                item = [batch]
                forms[is_lean].put(item)
                inbox.put((is_lean, item))
    finally:
        os._exit(1)


def _receive(socket: int, size: int) -> bytes:
    parts = []
    while size:
        part = os.read(socket, min(size, SOME))
        if not part:
            raise EOFError
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _send(socket: int, message: "tuple[str, Any]") -> None:
    data = marshal.dumps(message)
    rest = memoryview(len(data).to_bytes(LENGTH, "little") + data)
    while rest:
        rest = rest[os.write(socket, rest) :]


def _bound(memory: int) -> None:
    """Keeps this process from taking more bytes of memory than that, so that no file takes it from all others."""
    import resource

    # of what is written to: RLIMIT_AS would count all that libraries set aside
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    limits = [limit for limit in (memory, soft, hard) if limit != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_DATA, (min(limits), hard))


def _unpickled(data: bytes) -> "Any":
    import pickle

    return pickle.loads(data)


def _pickled(result: "Any") -> bytes:
    import pickle

    return pickle.dumps(result)


def _pickled_error(error: BaseException, packages: Packages) -> bytes:
    """Returns an error with its traceback, or as much of it as can be sent."""
    packages.open()
    import pickle
    from multiprocessing.pool import ExceptionWithTraceback  # type: ignore[attr-defined]  # undocumented
    from traceback import format_exception

    import cloudpickle

    try:
        sent: bytes = cloudpickle.dumps(ExceptionWithTraceback(error, error.__traceback__))
        pickle.loads(sent)
    except Exception:
        return pickle.dumps(RuntimeError("".join(format_exception(error))))
    return sent
