"""Zip and tar archives, read in place: members by their offset, in any order, without unpacking.

Labels are those of folders inside, or those that lie beside each image in a tar, as WebDataset has them: `0001.jpg`, `0001.cls`
with its class, `0001.txt` with its caption, `0001.json` with whatever else is known. A tar that is compressed as a whole can be
read from its start only, and is refused with the command that unpacks it; members of a zip may be compressed, each by itself.
"""

import os
import posixpath
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

import pyarrow as pa
from attrs import field, frozen

from dataprep.describe import register
from dataprep.errors import SourceError
from dataprep.images.formats import SEEN, is_image
from dataprep.sources.folder import absolute, endings
from dataprep.sources.levels import label_mode, read_levels
from dataprep.sources.listing import Scan, joined, listed, quoted, scan_of, with_scan
from dataprep.sources.names import ending, is_image_data, may_be_image, uri_of
from dataprep.sources.options import Options
from dataprep.sources.samples import BESIDE, key_of, parse, table_of
from dataprep.sources.table import describe_rows
from dataprep.sources.walk import LONGEST, SYSTEM

PACKED: Final = {".gz": "gunzip -k", ".tgz": "gunzip -k", ".bz2": "bunzip2 -k", ".xz": "unxz -k", ".zst": "unzstd"}
"""Endings of archives that are compressed as a whole, with what unpacks them."""


class Member(NamedTuple):
    """A file in an archive.

    Attributes:
        name: Its name there.
        size: In bytes, unpacked.
        offset: Where its bytes are in a tar; -1 in a zip.
    """

    name: str
    size: int
    offset: int


@register
@frozen
class Archive:
    """The images in a zip or tar archive.

    Example:
        >>> from shutil import make_archive
        >>> file = make_archive("photos", "zip", "photos")
        >>> dp.clean(dp.Archive(file)).class_counts()
        {'cat': 6, 'dog': 6}

    Attributes:
        file: The archive.
        splits: Whether the first folder inside names the split, as of `Folder`.
        label: What names the label, as of `Folder`; a folder that holds all other folders names none.
    """

    file: str = field(converter=absolute)
    splits: bool | None = None
    label: str | None = label_mode()

    def records(self) -> pa.Table:
        """Lists the images, sorted by uri; none is unpacked.

        Raises:
            SourceError: The archive cannot be read, or there is no image in it.
        """
        members, remarks = _index(self.file, *_stamp(self.file))
        others: Counter[str] = Counter()
        images = {uri: member for uri, member in members.items() if self._is_listed(uri, member, others)}
        if not images:
            raise SourceError(f"no images in {self.file}: it holds {endings(others) or 'nothing'}")
        beside = _beside(self, members, images) if self.file.endswith(".tar") else None
        modified = os.stat(self.file).st_mtime_ns  # of a member it is often the same for all, and stays when others are packed
        columns: dict[str, list[Any]] = {
            "uri": list(images),
            "bytes": [member.size for member in images.values()],
            "modified": [modified] * len(images),
        }
        ignored = dict(sorted(others.items()))
        if beside is not None:
            options = Options(label=self.label, splits=self.splits)
            table = describe_rows(columns, [[row] for row in range(len(images))], beside, "image", options)
            return with_scan(table, joined([scan_of(table), Scan(ignored, remarks)]))
        levels = read_levels(list(images), self.label, self.splits, os.path.splitext(os.path.basename(self.file))[0])
        columns |= {"label": levels.labels, "split": levels.splits}
        return listed(columns, scan=Scan(ignored, (*remarks, *levels.remarks)))

    def _is_listed(self, uri: str, member: Member, others: Counter[str]) -> bool:
        """Returns whether a member is an image to list; counts those that are something else."""
        if any(step.startswith(".") or step in SYSTEM for step in uri.split("/")):
            return False
        if not is_image(uri) and not (may_be_image(uri) and is_image_data(self.read(uri, 0, SEEN))):
            kind = ending(uri)
            others[kind if len(kind) <= LONGEST else "other"] += 1
            return False
        return True

    def modified(self, uri: str) -> int | None:
        """Returns when the archive was changed last, in nanoseconds since 1970, None where it cannot be looked at."""
        try:
            return os.stat(self.file).st_mtime_ns
        except OSError:
            return None

    def read(self, uri: str, start: int = 0, stop: int | None = None) -> bytes:
        """Returns the bytes `start` to `stop` of an image.

        Raises:
            SourceError: There is no such member, or it cannot be unpacked.
        """
        stamp = _stamp(self.file)
        members, _ = _index(self.file, *stamp)
        if uri not in members:
            raise SourceError(f"cannot be read: {self.file} has no member {uri!r}")
        member = members[uri]
        first, last, _ = slice(start, stop).indices(member.size)
        try:
            if member.offset >= 0:
                return _read_at(self.file, member, first, max(first, last))
            with _opened(self.file, os.getpid(), *stamp).open(member.name) as opened:
                if first:
                    opened.seek(first)
                return opened.read(max(0, last - first))
        except (OSError, zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError) as error:
            if isinstance(error, SourceError):
                raise
            raise SourceError(f"cannot be read: {getattr(error, 'strerror', None) or error}") from error


def check_packed(file: str) -> None:
    """Raises `SourceError` for an archive that is compressed as a whole, and says what to do."""
    stem, kind = os.path.splitext(file)
    if kind.lower() in PACKED and (kind.lower() == ".tgz" or stem.lower().endswith(".tar")):
        raise SourceError(
            f"{file} is compressed as a whole, so nothing in it can be read without all before it; unpack it once, by "
            f"`{PACKED[kind.lower()]} {file}`, and give the .tar"
        )


def _stamp(file: str) -> tuple[int, int]:
    """Returns what an archive is known by: when it was changed, and its size."""
    try:
        status = os.stat(file)
    except OSError as error:
        raise SourceError(f"cannot be read: {file}: {error.strerror}") from error
    return status.st_mtime_ns, status.st_size


@lru_cache(maxsize=64)
def _index(file: str, modified: int, size: int) -> tuple[Mapping[str, Member], tuple[str, ...]]:
    """Returns the members of an archive by their uris, and what is to be said of it; each process looks once.

    Raises:
        SourceError: It is no archive.
    """
    found: dict[str, Member] = {}
    remarks: list[str] = []
    outside = []
    for member in _tar(file, remarks) if file.lower().endswith(".tar") else _zip(file):
        name = posixpath.normpath(member.name.replace("\\", "/")).lstrip("/")
        if name.split("/")[0] == "..":
            outside.append(member.name)
        else:
            found[uri_of(name)] = member  # a later one of the same name is what unpacking would leave
    if outside:
        remarks.append(f"left out, since their names lead out of the archive: {quoted(outside)}")
    return found, tuple(remarks)


def _tar(file: str, remarks: list[str]) -> Iterator[Member]:
    """Yields the files in a tar; links are the files that they lead to, if these came before."""
    import tarfile

    known: dict[str, Member] = {}
    try:
        with tarfile.open(file, "r:") as opened:
            for entry in opened:
                if entry.isreg() and not entry.issparse():
                    known[entry.name] = Member(entry.name, entry.size, entry.offset_data)
                elif entry.islnk() and entry.linkname in known:
                    known[entry.name] = known[entry.linkname]._replace(name=entry.name)
                else:
                    continue
                yield known[entry.name]
    except (tarfile.TarError, OSError, ValueError) as error:
        if not known:
            raise SourceError(f"{file} cannot be read as a tar archive: {error}") from error
        remarks.append(f"the archive is damaged behind {list(known)[-1]!r}; what follows is not listed: {error}")


def _zip(file: str) -> Iterator[Member]:
    """Yields the files in a zip."""
    try:
        infos = _opened(file, os.getpid(), *_stamp(file)).infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise SourceError(f"{file} cannot be read as a zip archive: {error}") from error
    yield from (Member(info.filename, info.file_size, -1) for info in infos if not info.is_dir())


@lru_cache(maxsize=16)
def _opened(file: str, process: int, modified: int, size: int) -> zipfile.ZipFile:
    """Returns an opened zip, which threads may share, and processes, which would share its position, may not."""
    return zipfile.ZipFile(file)


def _read_at(file: str, member: Member, first: int, last: int) -> bytes:
    """Returns the bytes of a member of a tar from `first` to `last`."""
    with open(file, "rb") as opened:
        opened.seek(member.offset + first)
        data = opened.read(last - first)
    if len(data) < last - first:
        raise SourceError(f"cannot be read: the archive ends in the middle of {member.name!r}")
    return data


def _beside(source: Archive, members: Mapping[str, Member], images: Mapping[str, Member]) -> pa.Table | None:
    """Returns what lies beside the images under the same name, a row each; None where nothing does."""
    rows: list[dict[str, Any]] = []
    for uri in images:
        key = key_of(uri)
        row: dict[str, Any] = {}
        for kind in BESIDE:
            if f"{key}{kind}" in members:
                row |= parse(kind, source.read(f"{key}{kind}"))
        rows.append(row)
    return table_of(rows, list(images), source.file)
