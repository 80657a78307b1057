"""A folder of image files; the first folder below it names the label, as in torchvision's ImageFolder.

A uri is the path below the root with forward slashes. Bytes of a name that are not UTF-8 and the percent sign itself are
percent-encoded, so that every name that a file system allows is a string that a table can hold.
"""

import os
import stat
from collections.abc import Iterator
from typing import Final, NamedTuple
from urllib.parse import unquote_to_bytes

import pyarrow as pa
from attrs import field, frozen

from dataprep.columns import fields_of
from dataprep.describe import register
from dataprep.errors import SourceError
from dataprep.images.formats import is_image

SCHEMA: Final = pa.schema(fields_of("scan"))


class Entry(NamedTuple):
    """A file or folder that was met: its path below the root, and what went wrong with it, if anything."""

    path: str
    bytes: int | None
    modified: int | None
    error: str | None


def _absolute(root: str) -> str:
    """Returns the path from the root of the file system, so that a manifest can be used from anywhere."""
    return os.path.abspath(root)


@register
@frozen
class Folder:
    """Images in a folder and the folders below it.

    Attributes:
        root: The folder.
        splits: Whether the first folder names the split and the second the label; otherwise the first names the label,
            so that a class may be called "train".
    """

    root: str = field(converter=_absolute)
    splits: bool = False

    def records(self) -> pa.Table:
        """Lists every image file, sorted by uri; the schema's metadata counts the other files as `ignored`.

        Returns:
            A table of uri, label, split, bytes, modified (ns since 1970) and error: a folder or file that cannot be looked at
            is a row with an error.

        Raises:
            SourceError: The root is not a folder, or there is no image in it.
        """
        _check_root(self.root)
        entries = list(_walk(self.root, self.splits))
        images = [entry for entry in entries if entry.error is not None or is_image(entry.path)]
        ignored = len(entries) - len(images)
        if not images:
            found = {0: "nothing", 1: "1 other file"}.get(ignored, f"{ignored} other files")
            raise SourceError(f"no images in {self.root}: it holds {found}; images end in .jpg, .png, .webp and the like")
        rows = sorted((_uri(entry.path), entry) for entry in images)
        parts = [uri.split("/")[:-1] for uri, _ in rows]
        at = int(self.splits)
        columns = [
            [uri for uri, _ in rows],
            [_name(folders[at]) if len(folders) > at else None for folders in parts],
            [_name(folders[0]) if self.splits and folders else None for folders in parts],
            [entry.bytes for _, entry in rows],
            [entry.modified for _, entry in rows],
            [entry.error for _, entry in rows],
        ]
        schema = SCHEMA.with_metadata({"ignored": str(ignored)})
        return pa.table([pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)], schema=schema)

    def path(self, uri: str) -> str:
        """Returns the path of the file that a uri names.

        Raises:
            SourceError: It names none below the root, which a manifest of someone else's may try.
        """
        below = os.fsdecode(unquote_to_bytes(uri))
        if below.startswith("/") or ".." in below.split("/") or "\0" in below:
            raise SourceError(f"cannot be read: {uri!r} is not a path below a folder")
        return os.path.join(self.root, below)

    def modified(self, uri: str) -> int | None:
        """Returns when a file was changed last, in nanoseconds since 1970, None where it cannot be looked at."""
        try:
            return os.stat(self.path(uri)).st_mtime_ns
        except OSError:
            return None

    def read(self, uri: str, start: int = 0, stop: int | None = None) -> bytes:
        """Returns the bytes `start` to `stop` of a file.

        Raises:
            SourceError: It cannot be opened or read.
        """
        try:
            with open(self.path(uri), "rb") as file:
                if start:
                    file.seek(start)
                return file.read() if stop is None else file.read(max(0, stop - start))
        except OSError as error:
            raise SourceError(f"cannot be read: {error.strerror or error}") from error


def _check_root(root: str) -> None:
    if not os.path.exists(root):
        raise SourceError(f"no such folder: {root}")
    if not os.path.isdir(root):
        raise SourceError(f"{root} is a file; give the folder that holds the images")
    try:
        os.scandir(root).close()
    except OSError as error:
        raise SourceError(f"{root} cannot be listed: {error.strerror}") from error


def _walk(root: str, splits: bool) -> Iterator[Entry]:
    """Yields every file below the root; each real folder once, or once in each split, so symbolic links may form loops.

    What two splits hold is a leak, which must not be overlooked for the two being links to one folder.
    """
    seen: set[tuple[int, int, str]] = set()
    pending: list[str] = [""]
    links: list[str] = []  # folders that links lead to come last: the real path of a file names it
    while pending or links:
        folder = pending.pop() if pending else links.pop(0)
        absolute = os.path.join(root, folder)
        try:
            status = os.stat(absolute)
            split = folder.split(os.sep)[0] if splits else ""
            if {(status.st_dev, status.st_ino, split), (status.st_dev, status.st_ino, "")} & seen:
                continue
            seen.add((status.st_dev, status.st_ino, split))
            with os.scandir(absolute) as found:
                items = sorted(found, key=lambda item: item.name)
        except OSError as error:
            yield Entry(os.path.join(folder, ""), None, None, f"folder cannot be listed: {error.strerror}")
            continue
        for item in items:
            path = os.path.join(folder, item.name)
            if _is_folder(item):
                (links if item.is_symlink() else pending).append(path)
            else:
                yield _entry(path, item)


def _is_folder(item: os.DirEntry[str]) -> bool:
    try:
        return item.is_dir()
    except OSError:
        return False


def _entry(path: str, item: os.DirEntry[str]) -> Entry:
    """Returns what is known of a file without opening it."""
    try:
        status = item.stat()
    except OSError as error:
        return Entry(path, None, None, f"cannot be read: {error.strerror}" if is_image(path) else None)
    odd = is_image(path) and not stat.S_ISREG(status.st_mode)  # opening a pipe would wait for ever
    return Entry(path, status.st_size, status.st_mtime_ns, "not a regular file" if odd else None)


def _name(part: str) -> str:
    """Returns a folder's name as a label: as a person wrote it, but for bytes that are not UTF-8."""
    return part.replace("%25", "%")


def _uri(path: str) -> str:
    """Returns a path as a string of valid Unicode that `Folder.path` turns back."""
    escaped = os.fsencode(path.replace(os.sep, "/")).replace(b"%", b"%25").decode("utf-8", "surrogateescape")
    return "".join(f"%{ord(c) - 0xDC00:02X}" if "\udc80" <= c <= "\udcff" else c for c in escaped)
