"""What is in a tar, and where: found by reading its headers once, and kept as an index, so that nobody has to ask the tar again.

Any tar is read that Python's `tarfile` reads: USTAR, GNU's long names, PAX. It may be anybody's: what cannot be read there is an
entry with an error, names are text and never become paths, and no more is read than a header asks for that the file really has.
"""

import hashlib
import json
import os
import posixpath
import re
import tarfile
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from typing import IO, ClassVar, Final, NamedTuple, Protocol

import pyarrow as pa
from attrs import frozen

from dataprep.errors import SourceError
from dataprep.files import modified_of, naming, replacing, shown, user_cache
from dataprep.sources.names import ending, uri_of
from dataprep.sources.samples import BESIDE

VERSION: Final = 1
"""Of the files of indexes; of another version they are made anew."""

KEY: Final = b"dataprep.index"
DIGEST: Final = 32  # bytes at the start of an index that say whether the rest is as it was written
TEXT: Final = 1 << 20  # bytes of a text beside an image above which it is no label
HEADER: Final = tarfile.BLOCKSIZE
SIZE: Final = slice(124, 136)  # where a header has the length of its member, in octal digits or, above 8 GB, as a number

MEMBER: Final = re.compile(r"([^#]+\.tar)#(\d{1,18})\+(\d{1,18})")
"""A uri: the name of a tar, the offset and the length of an image in it."""

ENTRIES: Final = pa.schema(
    [
        pa.field("name", pa.string(), nullable=False),
        pa.field("offset", pa.int64(), nullable=False),
        pa.field("length", pa.int64(), nullable=False),
        pa.field("error", pa.string()),
        pa.field("text", pa.binary()),
    ]
)
"""A row for each member that is a file or a link: its name, where its bytes are, why they cannot be read, and those of a text."""


class Place(NamedTuple):
    """Where an image is.

    Attributes:
        shard: The name of the tar, as it is in uris.
        offset: Of its first byte, in bytes.
        length: How many bytes it has.
    """

    shard: str
    offset: int
    length: int

    @property
    def uri(self) -> str:
        """The uri, whose digits let uris of a tar sort in the order in which the images lie there."""
        return f"{self.shard}#{self.offset:012d}+{self.length}"


def place_of(uri: str) -> Place:
    """Returns where an image is.

    Raises:
        SourceError: It is no uri of a member of a tar.
    """
    found = MEMBER.fullmatch(uri)
    if found is None:
        raise SourceError(f"cannot be read: {uri!r:.200} is no place in a tar, such as 'shard-000012.tar#000001125376+28249'")
    return Place(found[1], int(found[2]), int(found[3]))


def shard_name(path: str) -> str:
    """Returns what the tar of a path below the root is called in uris."""
    return uri_of(path).replace("#", "%23")


class Readable(Protocol):
    """A tar, wherever it is."""

    @property
    def name(self) -> str:
        """Its path below the root."""

    @property
    def path(self) -> str:
        """Its whole path, or its URL."""

    @property
    def size(self) -> int:
        """Its bytes."""

    @property
    def modified(self) -> int:
        """When it was changed last, in nanoseconds since 1970."""

    @property
    def version(self) -> str | None:
        """Which of its contents it is, where that is told."""

    def open(self) -> IO[bytes]:
        """Returns it as a file, to be read about from start to end."""

    def read(self, place: Place, start: int = 0, stop: int | None = None) -> bytes:
        """Returns the bytes `start` to `stop` of a member; raises `SourceError`."""


@frozen
class LocalTar:
    """A tar on this machine.

    Attributes:
        name: Its path below the root.
        path: Its path.
        size: Its bytes.
        modified: When it was changed last, in nanoseconds since 1970.
    """

    name: str
    path: str
    size: int
    modified: int
    version: ClassVar[None] = None

    def open(self) -> IO[bytes]:
        """Returns it as a file."""
        return open(self.path, "rb")

    def read(self, place: Place, start: int = 0, stop: int | None = None) -> bytes:
        """Returns the bytes `start` to `stop` of a member.

        Raises:
            SourceError: It cannot be read.
        """
        try:
            return opened(self.path).read(place.offset, place.length, start, stop)
        except OSError as error:
            raise SourceError(f"cannot be read: {error.strerror}") from error


def local_tar(root: str, name: str) -> LocalTar:
    """Returns a tar of a folder.

    Raises:
        SourceError: It cannot be looked at.
    """
    path = os.path.abspath(os.path.join(root, name))
    try:
        status = os.stat(path)
    except OSError as error:
        raise SourceError(f"cannot be read: {shown(path)}: {error.strerror}") from error
    return LocalTar(name, path, status.st_size, modified_of(status))


def index_of(tar: Readable, keep: str | None = None) -> pa.Table:
    """Returns what is in a tar, in the order in which it lies there.

    Args:
        tar: The tar.
        keep: A folder that holds indexes of tars; one that is there and of this tar is read, else one is left there if possible.

    Raises:
        SourceError: The tar cannot be opened.
    """
    stamp = json.dumps([VERSION, shown(tar.path), tar.size, tar.version or tar.modified])
    file = None if keep is None else os.path.join(keep, f"{hashlib.sha256(os.fsencode(tar.path)).hexdigest()}.arrow")
    known = None if file is None else _kept(file, stamp)
    if known is None:
        known = pa.Table.from_pylist(list(_entries(tar)), ENTRIES).replace_schema_metadata({KEY: stamp})
        if file is not None:
            _keep(file, known)
    return known


def folder_of_indexes() -> str:
    """Returns where indexes are kept."""
    return user_cache("shards")


class Tar:
    """An opened tar, read at offsets by any number of threads; closed when nobody has it any more."""

    def __init__(self, path: str) -> None:
        """Opens a tar.

        Raises:
            OSError: It cannot be opened.
        """
        self._descriptor = -1
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self.size = os.fstat(self._descriptor).st_size

    def __del__(self) -> None:
        """Closes it."""
        if self._descriptor >= 0:
            os.close(self._descriptor)

    def read(self, offset: int, length: int, start: int = 0, stop: int | None = None) -> bytes:
        """Returns the bytes `start` to `stop` of a member, whose header has to say that it is as long.

        Raises:
            SourceError: There is no such member.
            OSError: It cannot be read.
        """
        if offset < HEADER or member_length(os.pread(self._descriptor, HEADER, offset - HEADER)) != length:
            raise SourceError(f"cannot be read: no member of {length:,} bytes is there; was the archive changed since the scan?")
        if offset + length > self.size:
            raise SourceError("cannot be read: the archive is cut short, in the middle of this image or before it")
        first, last, _ = slice(start, stop).indices(length)
        wanted = max(last - first, 0)
        data = os.pread(self._descriptor, wanted, offset + first)
        while len(data) < wanted:  # Linux gives no more than 2 GiB at once
            more = os.pread(self._descriptor, wanted - len(data), offset + first + len(data))
            if not more:
                raise SourceError("cannot be read: the archive was cut short meanwhile")
            data += more
        return data


def opened(path: str) -> Tar:
    """Returns a tar, opened anew where another file has come under its name.

    Raises:
        OSError: It cannot be opened.
    """
    status = os.stat(path)
    return _opened(path, status.st_ino, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=128)
def _opened(path: str, number: int, modified: int, size: int) -> Tar:
    return Tar(path)


def member_length(header: bytes) -> int:
    """Returns how long a header says that its member is, -1 where it is no header."""
    try:
        return int(tarfile.nti(header[SIZE])) if len(header) == HEADER else -1  # type: ignore[attr-defined]
    except tarfile.TarError:
        return -1


def _entries(tar: Readable) -> Iterator[dict[str, object]]:
    """Yields the members of a tar; where it is damaged, the rest of it as one with an error.

    Raises:
        SourceError: It cannot be read.
    """
    end, why = 0, None
    with naming(tar.path, "read", SourceError), tar.open() as file:
        try:
            with tarfile.open(fileobj=file, mode="r:") as archive:
                for member in archive:
                    end = member.offset_data + _room(member.size if member.isreg() else 0)
                    if not member.isdir():
                        yield _entry(archive, member, tar.size)
                end = archive.offset
        except SourceError:
            raise
        except (tarfile.TarError, OSError, ValueError, OverflowError, RecursionError, MemoryError, KeyError) as error:
            why = f"the archive is damaged, so what follows is not known: {str(error) or type(error).__name__}"
        if end <= tar.size and (why := why or _no_end(file, end)):
            yield {"name": "", "offset": end, "length": tar.size - end, "error": why, "text": None}


def _no_end(file: IO[bytes], offset: int) -> str | None:
    """Returns what is wrong where `tarfile` takes a tar to be at its end: it says nothing of a header that it cannot read."""
    file.seek(offset)
    block = file.read(HEADER)
    if not block:
        return "the archive is cut short: it has no end, so images may be missing"
    return None if not any(block) else "the archive is damaged, so what follows is not known: a header cannot be read"


def _entry(archive: tarfile.TarFile, member: tarfile.TarInfo, size: int) -> dict[str, object]:
    """Returns what is known of a member."""
    error = _error(member, size)
    text = None
    if error is None and ending(member.name) in BESIDE and member.size <= TEXT:
        found = archive.extractfile(member)
        text = None if found is None else found.read()
    return {
        "name": uri_of(member.name),
        "offset": member.offset_data,
        "length": max(member.size, 0),
        "error": error,
        "text": text,
    }


def _error(member: tarfile.TarInfo, size: int) -> str | None:
    """Returns why a member cannot be read, None where it can."""
    name = posixpath.normpath(member.name.replace("\\", "/"))
    if member.islnk() or member.issym():
        return f"is a link to {member.linkname!r:.200}; links in archives are not followed"
    if not member.isreg() or member.issparse():
        return "is no plain file"
    if name == ".." or name.startswith(("../", "/")):
        return f"has a name that leads out of the archive: {member.name!r:.200}"
    if member.size < 0 or member.offset_data + member.size > size:
        return "the archive is cut short, in the middle of this image or before it"
    return None


def _room(length: int) -> int:
    """Returns the bytes that a member takes behind its header: whole blocks."""
    return -(-length // HEADER) * HEADER


def _kept(file: str, stamp: str) -> pa.Table | None:
    """Returns an index that is kept, None where it is not there, is damaged, or is of another tar or version."""
    with suppress(OSError, pa.ArrowException):
        with open(file, "rb") as kept:
            digest, data = kept.read(DIGEST), kept.read()
        if hashlib.sha256(data).digest() == digest:
            index = pa.ipc.open_stream(data).read_all()
            return index if (index.schema.metadata or {}).get(KEY) == stamp.encode() else None
    return None


def _keep(file: str, index: pa.Table) -> None:
    """Leaves an index for the next time; a folder that cannot be written costs that time only."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, index.schema) as writer:
        writer.write_table(index)
    data = sink.getvalue().to_pybytes()
    with suppress(OSError):
        os.makedirs(os.path.dirname(file), exist_ok=True)
        with replacing(file) as temporary, open(temporary, "wb") as kept:
            kept.write(hashlib.sha256(data).digest() + data)
