"""How many bytes the files of a cache take, right whatever processes write there, and which of them make room for new ones.

Numbers in a file, changed under a lock, say how much lies in each of the folders that the files are shared out to. Room is booked
for a file before it has any; so a process that is killed leaves too much booked, and never too little. Whoever looks at the
files of a folder sets its number right. Of files that were not used since some moment, the least recently used go first.
"""

import fcntl
import os
import re
import threading
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from random import Random
from typing import Final, NamedTuple

from dataprep.files import sweep

FOLDERS: Final = 256
UNFINISHED: Final = FOLDERS  # the number of what is being written
NAME: Final = re.compile(r"[0-9a-f]{30}")
BLOCK: Final = 4096  # bytes that a file system gives at once
MANY: Final = 1024  # files of which the least recently used are chosen, at least, if there are as many
SPARE: Final = 64  # the part of the size that is freed at once
BOOT: Final = "/proc/sys/kernel/random/boot_id"
STAMP: Final = 64  # bytes at the start of the file of numbers that say since which start of the machine it is kept


class Used(NamedTuple):
    """A file of the cache.

    Attributes:
        when: When it was last used, in seconds since 1970.
        path: Its path.
        bytes: What it takes on the disk.
        folder: The number of its folder.
    """

    when: float
    path: str
    bytes: int
    folder: int


def taken(size: int) -> int:
    """Returns the bytes that a file takes on the disk."""
    return -(-size // BLOCK) * BLOCK


class Room:
    """The room of a cache, as one process sees it; any number of its threads may ask."""

    def __init__(self, folder: str, size: int, is_own: Callable[[str], bool]) -> None:
        """Makes the folders, sweeps what killed processes left unfinished, and counts the files where nobody has.

        Args:
            folder: Where the cache is.
            size: The most bytes that its files may take.
            is_own: Whether a file is one of the cache, by what is in it.

        Raises:
            OSError: That cannot be done.
        """
        self.size, self._is_own = size, is_own
        self.unfinished = os.path.join(folder, "unfinished")
        self.folders = [os.path.join(folder, "entries", f"{number:02x}") for number in range(FOLDERS)]
        for one in (self.unfinished, *self.folders):
            os.makedirs(one, exist_ok=True)
        self._descriptor = os.open(os.path.join(folder, "use"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        self._lock = threading.Lock()
        self._next = Random(os.getpid()).randrange(FOLDERS)  # so that processes look at different folders
        self._full = 0.0  # before which moment nothing was last used any more
        self._stamp = _boot().ljust(STAMP, b"\0")
        with self._locked() as counts:
            sweep([self.unfinished])
            counts[UNFINISHED] = sum(taken(size) for size in _sizes(self.unfinished))

    def __del__(self) -> None:
        """Closes the file of numbers."""
        if hasattr(self, "_descriptor"):
            os.close(self._descriptor)

    def booked(self) -> int:
        """Returns how many bytes the cache takes, with what is being written."""
        with self._locked() as counts:
            return sum(counts)

    def book(self, size: int, before: float, now: float, make: Callable[[], None]) -> bool:
        """Books room for a file that is to be written, and makes it there with its size; returns False where there is no room.

        Args:
            size: Its bytes.
            before: Files that were last used before this moment, in seconds since 1970, may be removed for it.
            now: Which moment it is; what was used later, by a clock that was wrong, may be removed, too.
            make: Makes the file.

        Raises:
            OSError: The file cannot be made.
        """
        need = taken(size)
        with self._locked() as counts:
            if sum(counts) + need > self.size and not self._free(counts, need, before, now):
                return False
            make()
            counts[UNFINISHED] += need
            return True

    def settle(self, size: int, folder: int, path: str, move: Callable[[], None]) -> None:
        """Lets a file that is written come under its name, over its former self if there is one.

        Raises:
            OSError: It cannot.
        """
        with self._locked() as counts:
            counts[folder] += taken(size)
            self._write(counts)
            before = 0
            with suppress(FileNotFoundError):
                before = taken(os.lstat(path).st_size)
            move()
            _less(counts, folder, before)
            _less(counts, UNFINISHED, taken(size))

    def give_up(self, size: int) -> None:
        """Returns the room of a file that could not be written, and is gone."""
        with self._locked() as counts:
            _less(counts, UNFINISHED, taken(size))

    @contextmanager
    def _locked(self) -> "Iterator[array[int]]":
        """Gives the numbers, alone, and writes down what became of them."""
        with self._lock:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
            try:
                counts = self._read()
                try:
                    yield counts
                finally:
                    self._write(counts)
            finally:
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def _write(self, counts: "array[int]") -> None:
        os.pwrite(self._descriptor, self._stamp + counts.tobytes(), 0)

    def _read(self) -> "array[int]":
        """Returns the numbers, of files that are counted where none are there, or the machine was started since."""
        data = os.pread(self._descriptor, STAMP + 8 * (FOLDERS + 2), 0)
        counts = array("q")
        if len(data) == STAMP + 8 * (FOLDERS + 1) and data.startswith(self._stamp):
            counts.frombytes(data[STAMP:])
        if not counts or min(counts) < 0:
            os.ftruncate(self._descriptor, STAMP + 8 * (FOLDERS + 1))
            counts = array("q", [*(sum(file.bytes for file in self._files(number)) for number in range(FOLDERS)), 0])
        return counts

    def _files(self, number: int) -> list[Used]:
        """Returns the files of a folder that are the cache's by their names."""
        found = []
        with suppress(FileNotFoundError), os.scandir(self.folders[number]) as entries:
            for entry in entries:
                if NAME.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                    with suppress(FileNotFoundError):
                        status = entry.stat(follow_symlinks=False)
                        found.append(Used(status.st_mtime, entry.path, taken(status.st_size), number))
        return found

    def _free(self, counts: "array[int]", need: int, before: float, now: float) -> bool:
        """Makes room by removing what was not used for longest; returns False, and removes nothing, where that is too little."""
        if before <= self._full or need > self.size:
            return False
        wanted, old, seen = need + self.size // SPARE, list[Used](), 0
        while seen < FOLDERS and (len(old) < MANY or sum(file.bytes for file in old) < 2 * wanted):
            files = self._files(self._next)
            counts[self._next] = sum(file.bytes for file in files)
            old += [file for file in files if not before <= file.when <= now and self._is_own(file.path)]
            self._next, seen = (self._next + 1) % FOLDERS, seen + 1
        missing = sum(counts) + need - self.size
        if sum(file.bytes for file in old) < missing:
            self._full = before
            return False
        if missing > 0:
            self._remove(counts, sorted(old), missing + self.size // SPARE)
        return sum(counts) + need <= self.size

    def _remove(self, counts: "array[int]", files: list[Used], wanted: int) -> None:
        """Removes the first of some files, until so many bytes are free."""
        for file in files:
            if wanted <= 0:
                return
            with suppress(OSError):
                os.unlink(file.path)
                _less(counts, file.folder, file.bytes)
                wanted -= file.bytes


def _sizes(folder: str) -> Iterator[int]:
    """Yields the bytes of each file in a folder; one may go meanwhile."""
    for name in os.listdir(folder):
        with suppress(FileNotFoundError):
            yield os.lstat(os.path.join(folder, name)).st_size


def _less(counts: "array[int]", number: int, size: int) -> None:
    """Takes bytes off a number, which may have been set right meanwhile and never falls below none."""
    counts[number] = max(counts[number] - size, 0)


def _boot() -> bytes:
    """Returns what tells this start of the machine from others: what was not on the disk when it went down is not counted."""
    with suppress(OSError), open(BOOT, "rb") as file:
        return file.read(STAMP).strip()
    return b"unknown"
