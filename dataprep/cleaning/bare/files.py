"""Files by their uris, read as `Folder` and `Files` read them where they are plain, and ahead where they are slow."""

import os
from _thread import allocate_lock
from time import perf_counter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from dataprep.ahead import Ahead

KIND, REGULAR = 0o170000, 0o100000  # bits of a file's mode
HOW = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK  # a pipe that came in a file's place would be waited for here
WAIT, EACH = 0.002, 1e-9  # seconds that a read, and each byte of it, takes where nobody waits
SLOW = 3  # reads in a row that take longer, from which on files are read ahead


class Files:
    """Reads files in the order in which they were announced."""

    def __init__(self, roots: "dict[str, str]", largest: int) -> None:
        """Takes the folders by the first steps of uris, "" for all, and of how many bytes a file may be."""
        self._roots = {name: os.path.join(root, "") for name, root in roots.items()}
        self._largest, self._slow = largest, 0
        self._lock = allocate_lock()
        self._announced: list[list[str]] = []  # paths of each batch that is to come
        self._ahead: Ahead | None = None

    def expect(self, question: "tuple[list[str], list[int | None]]") -> None:
        """Announces some files by their uris and sizes."""
        paths = [path for path in map(self._path, *question) if path is not None]
        with self._lock:
            self._announced.append(paths)
            if self._ahead is not None:
                self._ahead.expect(paths)

    def read(self, uris: "list[str]", sizes: "list[int | None]") -> "Iterator[bytes | None]":
        """Yields the bytes of files that were announced, None for what is not plainly a file that can be read."""
        with self._lock:
            self._announced.pop(0)
        paths = list(map(self._path, uris, sizes))
        for number, path in enumerate(paths):
            if path is None:
                yield None
            elif self._ahead is None:
                yield self._read(path)
                if self._slow == SLOW:
                    self._read_ahead([path for path in paths[number + 1 :] if path is not None])
            else:
                yield _taken(self._ahead, path)

    def _path(self, uri: str, size: "int | None") -> "str | None":
        """Returns the path of a file, None where its uri or its size needs a closer look."""
        root = self._roots.get("")
        if root is None:
            name, _, uri = uri.partition("/")
            root = self._roots.get(name)
        if root is None or (size or 0) > self._largest or "%" in uri or ".." in uri or "\0" in uri or uri[:1] == "/":
            return None
        return root + uri

    def _read(self, path: str) -> "bytes | None":
        """Reads a file, and notes whether that took long."""
        began = perf_counter()
        data = read_file(path, self._largest)
        waited = perf_counter() - began > WAIT + EACH * len(data or b"")
        self._slow = self._slow + 1 if waited else 0
        return data

    def _read_ahead(self, paths: "list[str]") -> None:
        """Has these files and all that are announced read by threads."""
        from dataprep.ahead import Ahead

        with self._lock:
            self._ahead = Ahead(Readable(self._largest))  # type: ignore[arg-type]  # it lists nothing
            for announced in (paths, *self._announced):
                self._ahead.expect(announced)


class Readable:
    """Files by their paths, as a source to read ahead from."""

    def __init__(self, largest: int) -> None:
        """Takes of how many bytes a file may be."""
        self._largest = largest

    def read(self, path: str, start: int = 0, stop: "int | None" = None) -> bytes:
        """Returns the bytes of a file, none of what is not plainly one that can be read."""
        return read_file(path, self._largest) or b""


def _taken(ahead: "Ahead", path: str) -> "bytes | None":
    return ahead.read(path) or None


def read_file(path: str, largest: int) -> "bytes | None":
    """Returns the bytes of a regular file of no more than so many bytes, all of them as they were when it was opened."""
    try:
        file = os.open(path, HOW)
    except OSError:
        return None
    try:
        status = os.fstat(file)
        size = status.st_size
        if status.st_mode & KIND != REGULAR or not 0 < size <= largest:
            return None
        data = os.read(file, size + 1)
    except (OSError, MemoryError):
        return None
    finally:
        os.close(file)
    return data if len(data) == size else None
