"""How a file comes under its name: whole or not at all; over its former self by `replacing`, else never over another one.

A hard link to a name that is taken fails, which a rename does not; so files are written as `UNFINISHED` beside the name that
they are to have, linked to it, and unlinked. Where a file system has no hard links, it is a look and then a rename.
"""

import errno
import fcntl
import hashlib
import os
import re
import shutil
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from dataprep.errors import DataprepError

UNFINISHED: Final = ".dataprep-unfinished"
"""The name of a file while it is written, in every folder: names of 255 bytes leave no room for a suffix."""

NO_LINKS: Final = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK})
"""How file systems say that they make no hard link of a file that may still be renamed."""


def shown(path: str | Path) -> str:
    r"""Returns a path for an error message, bytes that are not UTF-8 as \xff."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


@contextmanager
def naming(path: str | Path, what: str = "written") -> Iterator[None]:
    """Turns an error of the file system into one that names the file."""
    try:
        yield
    except DataprepError:  # a SourceError is an OSError, too
        raise
    except OSError as error:
        raise DataprepError(f"{shown(path)} cannot be {what}: {error.strerror or error}") from error


@contextmanager
def claimed(folder: str | Path) -> Iterator[bool]:
    """Keeps other runs out of a folder; the kernel gives it free when this run ends in any way.

    The folder is made if needed, and removed if nothing came into it. Gives whether it is new.

    Raises:
        DataprepError: It cannot be made, or another run is at work in it.
    """
    is_new = not os.path.lexists(folder)
    with naming(folder, "used"):
        os.makedirs(folder, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(OSError):  # some network file systems have no locks
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise DataprepError(f"another dataprep is at work in {shown(folder)}; wait until it is done") from None
        yield is_new
    finally:
        os.close(descriptor)
        if is_new:
            with suppress(OSError):
                os.rmdir(folder)


@contextmanager
def unfinished(path: str) -> Iterator[str]:
    """Gives the name to write a file under; afterwards it comes under its own, `path`, and on an error it is removed.

    Raises:
        FileExistsError: The name is taken.
    """
    temporary = os.path.join(os.path.dirname(path), UNFINISHED)
    remove(temporary)  # never truncated: it may be a second link to a file that is finished
    try:
        yield temporary
        settle(temporary, path)
    finally:
        remove(temporary)


def settle(temporary: str, path: str) -> None:
    """Gives a file a free name in one step; it may keep its old one.

    Raises:
        FileExistsError: The name is taken.
    """
    try:
        os.link(temporary, path, follow_symlinks=False)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        _rename(temporary, path)


def write(path: str, data: bytes, modified: int | None = None) -> None:
    """Writes a new file.

    Args:
        path: Its name, which must be free.
        data: Its content.
        modified: The modified time to give it, ns since 1970.
    """
    with unfinished(path) as temporary:
        with open(temporary, "xb") as file:
            file.write(data)
        if modified is not None:
            os.utime(temporary, ns=(modified, modified))


def replace(path: str, data: bytes) -> None:
    """Writes a file, new or over its former self, that survives a power cut as the one or the other."""
    temporary = os.path.join(os.path.dirname(path), UNFINISHED)
    remove(temporary)
    try:
        with open(temporary, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        remove(temporary)
    sync_folder(os.path.dirname(path))


def move(old: str, new: str) -> None:
    """Moves a file, or a link as a link; at every moment it is whole under one name at least.

    A move that was stopped in between, with the file under both names, is completed.

    Raises:
        FileExistsError: The new name is taken by anything else.
    """
    if os.path.lexists(new):
        if not same(old, new):
            raise FileExistsError(errno.EEXIST, "another file has this name")
        os.unlink(old)
        return
    try:
        os.link(old, new, follow_symlinks=False)
    except OSError as error:
        if error.errno in NO_LINKS:
            _rename(old, new)
            return
        if error.errno != errno.EXDEV:
            raise
        _copy(old, new)
    os.unlink(old)


def same(first: str, second: str) -> bool:
    """Returns whether removing one of two names loses nothing: two links to one file, equal files, or equal symbolic links."""
    a, b = os.lstat(first), os.lstat(second)
    if stat.S_IFMT(a.st_mode) != stat.S_IFMT(b.st_mode):
        return False
    if stat.S_ISLNK(a.st_mode):
        return os.readlink(first) == os.readlink(second)
    if (a.st_dev, a.st_ino) == (b.st_dev, b.st_ino):
        return a.st_nlink > 1  # one link under two names: a folder is mounted in two places
    return stat.S_ISREG(a.st_mode) and a.st_size == b.st_size and digest(first) == digest(second)


def digest(path: str) -> str:
    """Returns the SHA-256 of a file's bytes, hex."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def remove(path: str) -> None:
    """Removes a file if it is there."""
    with suppress(FileNotFoundError):
        os.unlink(path)


def sweep(folders: Iterable[str]) -> None:
    """Removes what a killed run left unfinished in some folders, whether they exist or not."""
    for folder in folders:
        path = os.path.join(folder, UNFINISHED)
        if os.path.lexists(path):  # a read-only folder with nothing to remove is no error
            remove(path)


def sync_folder(folder: str) -> None:
    """Makes the names in a folder survive a power cut."""
    descriptor = os.open(folder or ".", os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Gives a name beside a file to write to, and at the end puts what was written in its place.

    What a run left there that was killed as it wrote is removed.
    """
    target = Path(path)
    _remove_left_over(target)
    temporary = target.with_name(f"{target.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        os.replace(temporary, target)
    finally:
        with suppress(OSError):
            temporary.unlink()


def _remove_left_over(target: Path) -> None:
    """Removes temporary files of processes that are no more."""
    with suppress(OSError):
        for name in os.listdir(target.parent):
            found = re.fullmatch(re.escape(target.name) + r"\.(\d+)\.tmp", name)
            if found and not _is_alive(int(found[1])):
                target.with_name(name).unlink(missing_ok=True)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # of another user, or no number of a process
        return True
    return True


def _rename(old: str, new: str) -> None:
    if os.path.lexists(new):
        raise FileExistsError(errno.EEXIST, "another file has this name")
    os.rename(old, new)


def _copy(old: str, new: str) -> None:
    """Copies to another device, to stay there through a power cut."""
    if os.path.islink(old):
        os.symlink(os.readlink(old), new)
    else:
        with unfinished(new) as temporary:
            with open(old, "rb") as source, open(temporary, "xb") as target:
                shutil.copyfileobj(source, target, 1 << 20)
                target.flush()
                os.fsync(target.fileno())
            with suppress(OSError):  # not every file system keeps times and permissions
                shutil.copystat(old, temporary)
    sync_folder(os.path.dirname(new))
