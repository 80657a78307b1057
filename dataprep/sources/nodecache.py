"""A cache on a disk of this machine of what a slow source gives: for all processes of the machine, bounded in bytes.

An entry is a file, whole under its name or not there: it is written as an unfinished one first. It says what it holds and has a
checksum, so that what a power cut or a bad disk made of it is not taken for an image. Where the disk is full, or fails, images
come from their source as without a cache. Only files that are entries by their names and by what is in them are ever removed.
"""

import errno
import json
import os
import time
from contextlib import ExitStack
from functools import cache, partial
from hashlib import blake2b
from pathlib import Path
from typing import IO, Final
from zlib import crc32

from attrs import field, frozen

from dataprep.arguments import as_bytes, whole
from dataprep.errors import DataprepError
from dataprep.fetched import Fetched
from dataprep.files import UNFINISHED, is_url, replacing, shown, unfinished
from dataprep.sources.folder import absolute
from dataprep.sources.room import Room

MARK: Final = "dataprep-cache.json"
VERSION: Final = 1
"""Of the folder and of its entries; one of another version is refused."""

MAGIC: Final = b"dataprep"
"""What an entry starts with; then come a checksum of all that follows, the length of the header, the header and the file."""

LEAST: Final = 10**6
HOUR: Final = 3600.0  # seconds after which the time of the last use is set again
FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


def _as_folder(given: object) -> str:
    if not isinstance(given, str | os.PathLike) or not os.fspath(given) or is_url(given):
        raise DataprepError(f'NodeCache({given!r:.100}, ...): give a folder on a disk of this machine, such as "/local/cache"')
    return absolute(given)


@frozen
class NodeCache:
    """A folder on a disk of this machine that keeps what a `Loader` has read from a slow source.

    All processes of the machine may share it: ranks, workers, several trainings. It holds what the manifest means: what has
    another digest, or another version in the store, is fetched anew. What does not fit is left out; room is made by what was not
    used for longest, but never by what the program itself has read of the source: a loop over more images than fit would else
    remove each of them just before it comes again. Remove the folder to empty it, while nothing reads.

    Example:
        >>> cache = dp.NodeCache("kept", "2GB")
        >>> loader = dp.Loader(manifest, batch_size=4, cache=cache)
        >>> for epoch in range(2):
        ...     for batch in loader:
        ...         pass
        >>> loader.stats().reads.kept  # the second time, all of them
        12

    Attributes:
        folder: The folder; a new one, an empty one, or that of a cache before.
        size: The most bytes that it takes, such as "200GB".

    Raises:
        DataprepError: The size is none.
    """

    folder: str = field(converter=_as_folder)
    size: int = field(
        converter=as_bytes, validator=whole(LEAST, 2**62, 'give bytes, at least "1MB", such as "200GB"', DataprepError)
    )

    def check(self) -> None:
        """Makes the folder, if needed, and checks that it may be used; a disk that is full is none of its faults.

        Raises:
            DataprepError: It holds files of others, is of another version, or cannot be written.
        """
        _disk.cache_clear()  # the folder may have been removed and made anew
        try:
            _disk(self, os.getpid())
        except OSError as error:
            if error.errno not in FULL:
                raise DataprepError(f"{shown(self.folder)} cannot be used as a cache: {error.strerror or error}") from error

    def get(self, source: str, uri: str, since: float) -> Fetched | None:
        """Returns what is kept of a file, None where nothing is, or that cannot be read or is damaged.

        Args:
            source: What tells the source from others.
            uri: The file.
            since: When the loader that reads it was made, in seconds since 1970.
        """
        try:
            with open(_path(self.folder, source, uri), "rb", buffering=0) as file:
                data, used = file.read(), os.fstat(file.fileno()).st_mtime
                found = _unpacked(data, uri)
                if found is not None and used < max(since, time.time() - HOUR):
                    os.utime(file.fileno())
        except OSError:
            return None
        return found

    def put(self, source: str, uri: str, data: bytes, modified: int | None, since: float) -> str:
        """Keeps a file, if there is room; returns why it could not be written, and nothing where all is well.

        Args:
            source: What tells the source from others.
            uri: The file.
            data: Its bytes.
            modified: When it was changed last, in nanoseconds since 1970, if the source tells.
            since: When the loader that reads it was made, in seconds since 1970: what was used since then stays.
        """
        header = json.dumps({"uri": uri, "version": getattr(data, "version", None), "modified": modified}).encode()
        try:
            _disk(self, os.getpid()).write(header, data, _path(self.folder, source, uri), since)
        except DataprepError as error:  # somebody has put another folder in its place
            return str(error)
        except OSError as error:
            return error.strerror or str(error)
        return ""


class _Disk:
    """A cache as one process uses it."""

    def __init__(self, cache: NodeCache) -> None:
        """Opens it, or makes it.

        Raises:
            OSError: It cannot be read or written.
            DataprepError: It is none, or of another version.
        """
        _mark(cache.folder)
        self.room = Room(cache.folder, cache.size, _is_own)

    def write(self, header: bytes, data: bytes, path: str, since: float) -> None:
        """Writes an entry, if there is room.

        Raises:
            OSError: It cannot be written; then nothing is left of it.
        """
        size = len(MAGIC) + 4 + 4 + len(header) + len(data)
        with ExitStack() as stack:
            made: list[IO[bytes]] = []

            def make() -> None:
                made.append(stack.enter_context(unfinished(self.room.unfinished)))
                os.ftruncate(made[0].fileno(), size)

            if not self.room.book(size, since, time.time(), make):
                return
            try:
                made[0].writelines(_packed(header, data))
                made[0].flush()
                self.room.settle(size, _folder_of(path), path, partial(os.replace, made[0].name, path))
            except BaseException:
                self.room.give_up(size)
                raise


@cache
def _disk(kept: NodeCache, process: int) -> _Disk:
    """Returns the cache as a process uses it: locks and their files belong to one."""
    return _Disk(kept)


def _mark(folder: str) -> None:
    """Marks a folder as a cache, or checks that it is one.

    Raises:
        OSError: It cannot be read or written.
        DataprepError: It is none, or of another version.
    """
    mark = os.path.join(folder, MARK)
    os.makedirs(folder, exist_ok=True)
    there = [name for name in os.listdir(folder) if not name.startswith(UNFINISHED)]
    if not os.path.lexists(mark):
        if there:
            raise DataprepError(
                f"{shown(folder)} is no cache and not empty: {there[0]!r:.100} is there; give a new folder, or an empty one"
            )
        with replacing(mark) as temporary:
            temporary.write_text(json.dumps({"version": VERSION}) + "\n")
    try:
        known = json.loads(Path(mark).read_bytes())["version"]
    except (ValueError, TypeError, KeyError):
        known = None
    if known != VERSION:
        raise DataprepError(f"{shown(folder)} is a cache of another version of dataprep; remove it, or give a new folder")


def _path(folder: str, source: str, uri: str) -> str:
    """Returns where an entry is."""
    name = blake2b(f"{source}\0{uri}".encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    return os.path.join(folder, "entries", name[:2], name[2:])


def _folder_of(path: str) -> int:
    """Returns the number of the folder that an entry is in."""
    return int(os.path.basename(os.path.dirname(path)), 16)


def _packed(header: bytes, data: bytes) -> tuple[bytes, ...]:
    """Returns the parts of an entry."""
    length = len(header).to_bytes(4, "little")
    checksum = crc32(data, crc32(header, crc32(length)))
    return MAGIC, checksum.to_bytes(4, "little"), length, header, data


def _unpacked(entry: bytes, uri: str) -> Fetched | None:
    """Returns what is in an entry, None where it is damaged, or another file's."""
    rest = memoryview(entry)[len(MAGIC) + 4 :]
    if not entry.startswith(MAGIC) or crc32(rest).to_bytes(4, "little") != entry[len(MAGIC) : len(MAGIC) + 4] or len(rest) < 4:
        return None
    end = 4 + int.from_bytes(rest[:4], "little")
    about = json.loads(bytes(rest[4:end]))
    if about["uri"] != uri:
        return None
    found = Fetched(rest[end:])
    found.version, found.modified, found.kept = about["version"], about["modified"], True
    return found


def _is_own(path: str) -> bool:
    """Returns whether a file that is named as an entry is one, or the zeros that a power cut makes of one."""
    try:
        with open(path, "rb", buffering=0) as file:
            start = file.read(len(MAGIC))
    except OSError:
        return False
    return start == MAGIC or not any(start)
