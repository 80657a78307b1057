"""How a file comes under its name: whole or not at all; over its former self by `replacing`, by all else never over another one.

A file is written as `UNFINISHED` and a random number, beside the name that it is to have, and holds a lock while it is written:
so what a killed run left is told from what another run is writing, and swept. A hard link to a name that is taken fails, which a
rename does not; so a file that must not come over another one is linked to its name and unlinked. Where a file system has no hard
links, it is a look and then a rename; where it has no locks, what is swept may be another run's, which then ends with an error.
"""

import errno
import fcntl
import hashlib
import os
import shutil
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from tempfile import gettempdir
from typing import IO, Final

from dataprep.errors import DataprepError

UNFINISHED: Final = ".dataprep-unfinished-"
"""How the name of a file starts while it is written, in every folder: names of 255 bytes leave no room for a suffix."""

NO_LINKS: Final = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK})
"""How file systems say that they make no hard link of a file that may still be renamed."""


def user_cache(name: str) -> str:
    """Returns a folder for what saves work the next time, with what other programs of this user keep."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(home, "dataprep", name)


def is_url(place: object) -> bool:
    """Returns whether a place is not one of this machine's, but of a store: s3://bucket/photos."""
    return isinstance(place, str) and "://" in place


def shown(path: str | Path) -> str:
    r"""Returns a path for an error message, bytes that are not UTF-8 as \xff."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


@contextmanager
def naming(path: str | Path, what: str = "written", kind: type[DataprepError] = DataprepError) -> Iterator[None]:
    """Turns an error of the file system into one of our own that names the file.

    Args:
        path: The file.
        what: What cannot be done with it.
        kind: Which error it becomes.
    """
    try:
        yield
    except DataprepError:  # a SourceError is an OSError, too
        raise
    except OSError as error:
        raise kind(f"{shown(path)} cannot be {what}: {error.strerror or error}") from error


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
        if not _lock(descriptor, fcntl.LOCK_EX):
            raise DataprepError(f"another dataprep is at work in {shown(folder)}; wait until it is done")
        yield is_new
    finally:
        os.close(descriptor)
        if is_new:
            with suppress(OSError):
                os.rmdir(folder)


@contextmanager
def locked(path: str | Path) -> Iterator[None]:
    """Waits until no other process holds the lock of a file, and holds it; some network file systems have none to give."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def own_folder() -> Path | None:
    """Returns a folder for temporary files that nobody else may write to, None where there is none.

    It has the same name in every process of this user.
    """
    folder = Path(gettempdir()) / f"dataprep-{os.getuid()}"
    with suppress(OSError):
        os.makedirs(folder, mode=0o700, exist_ok=True)
        status = os.lstat(folder)
        if stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and not status.st_mode & 0o022:
            return folder
    return None


@contextmanager
def unfinished(folder: str | Path) -> Iterator[IO[bytes]]:
    """Gives a new file in a folder, to write and to give its final name; on an error it is removed."""
    with _open_new(folder) as file:
        try:
            yield file
        except BaseException:
            remove(file.name)
            raise


@contextmanager
def creating(path: str) -> Iterator[IO[bytes]]:
    """Gives a file to write to, which in the end comes under a name that is free.

    Raises:
        FileExistsError: The name is taken.
    """
    with unfinished(os.path.dirname(path)) as file:
        yield file
        file.flush()
        _settle(file.name, path)


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Gives the name of a file to write to, which in the end comes under its own, `path`, over its former self if there is one.

    A power cut leaves the one or the other, whole. What killed runs left in the folder is removed.
    """
    target = Path(path)
    with suppress(OSError):  # another user's, maybe
        sweep([str(target.parent)])
    with unfinished(target.parent) as file:
        yield Path(file.name)
        os.fsync(file.fileno())
        os.replace(file.name, target)
    sync_folder(target.parent)


def write(path: str, data: bytes, modified: int | None = None) -> None:
    """Writes a new file.

    Args:
        path: Its name, which must be free.
        data: Its content.
        modified: The modified time to give it, ns since 1970.
    """
    with creating(path) as file:
        file.write(data)
        if modified is not None:
            file.flush()
            os.utime(file.name, ns=(modified, modified))


def write_text(path: str | Path, text: str, kind: type[DataprepError] = DataprepError) -> None:
    """Writes a file in UTF-8, new or over its former self.

    Args:
        path: The file.
        text: Its content.
        kind: The error to raise.

    Raises:
        DataprepError: It cannot be written; or the `kind` of it that is asked for.
    """
    with naming(path, kind=kind), replacing(path) as temporary, open(temporary, "wb") as file:
        file.write(text.encode())


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


def modified_of(status: os.stat_result) -> int:
    """Returns when a file was changed last, in ns since 1970, as far as 64 bits go; some file systems know the year 2263."""
    modified = status.st_mtime_ns
    return modified if -(2**63) <= modified < 2**63 else max(min(modified, 2**63 - 1), -(2**63))


def digest(path: str) -> str:
    """Returns the SHA-256 of a file's bytes, hex."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def remove(path: str) -> None:
    """Removes a file if it is there."""
    with suppress(FileNotFoundError):
        os.unlink(path)


def sweep(folders: Iterable[str]) -> None:
    """Removes what killed runs left unfinished in some folders, whether they exist or not."""
    for folder in folders:
        names: list[str] = []
        with suppress(OSError):  # it is not there, or what it holds is a secret
            names = os.listdir(folder or ".")
        for name in names:
            if name.startswith(UNFINISHED):
                _remove_if_left(os.path.join(folder, name))


def sync_folder(folder: str | Path) -> None:
    """Makes the names in a folder survive a power cut."""
    descriptor = os.open(folder or ".", os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _open_new(folder: str | Path) -> IO[bytes]:
    """Returns a locked file under a name that no other file ever has: who sweeps a name that was free meanwhile hits no other."""
    while True:
        file = open(os.path.join(folder, UNFINISHED + token_hex(8)), "xb")  # noqa: SIM115  closed by who asked for it
        if _lock(file.fileno(), fcntl.LOCK_EX) and _is_there(file):
            return file
        file.close()  # swept by another run, between the two


def _is_there(file: IO[bytes]) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.lstat(file.name))
    except FileNotFoundError:
        return False


def _lock(descriptor: int, how: int) -> bool:
    """Returns whether no other run has a lock, and takes it; some network file systems have none to give."""
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def _remove_if_left(path: str) -> None:
    """Removes an unfinished file unless another run is writing it; it may be a second link to one that is finished."""
    with suppress(FileNotFoundError), open(path, "rb") as file:
        if _lock(file.fileno(), fcntl.LOCK_SH):  # what takes no more than reading, over a network, too
            os.unlink(path)


def _settle(temporary: str, path: str) -> None:
    """Gives a file a free name instead of its old one.

    Raises:
        FileExistsError: The name is taken.
    """
    try:
        os.link(temporary, path, follow_symlinks=False)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        _rename(temporary, path)
    else:
        os.unlink(temporary)


def _rename(old: str, new: str) -> None:
    if os.path.lexists(new):
        raise FileExistsError(errno.EEXIST, "another file has this name")
    os.rename(old, new)


def _copy(old: str, new: str) -> None:
    """Copies to another device, to stay there through a power cut."""
    if os.path.islink(old):
        os.symlink(os.readlink(old), new)
    else:
        with open(old, "rb") as source, creating(new) as target:
            shutil.copyfileobj(source, target, 1 << 20)
            target.flush()
            os.fsync(target.fileno())
            with suppress(OSError):  # not every file system keeps times and permissions
                shutil.copystat(old, target.name)
    sync_folder(os.path.dirname(new))
