"""Image files that are named one by one: in a list, by a glob, or in the column of a table.

All uris are paths below one root, so that no name leads out of it: the folder that the names are relative to, or the deepest one
that also holds the files that are given by absolute paths.
"""

import os
import stat
from collections.abc import Sequence
from typing import Final, NamedTuple

import pyarrow as pa
from attrs import field, frozen

from dataprep.describe import register
from dataprep.files import modified_of
from dataprep.sources.folder import absolute
from dataprep.sources.levels import label_mode
from dataprep.sources.listing import held, in_memory, reader
from dataprep.sources.names import below, read_file, uri_of

OUTSIDE: Final = "leads out of the folder that it is relative to; name one that holds all as root (--root)"


@register
@frozen
class Files:
    """Files below a folder, those of a list or of a table's column: what `open_source` makes of these.

    A pickled copy, and one that a manifest opens again, reads and does not list.

    Example:
        >>> source = dp.open_source(["photos/cat/0000.jpg", "photos/dog/0001.jpg"])
        >>> isinstance(source, dp.Files), source.records()["uri"].to_pylist()
        (True, ['cat/0000.jpg', 'dog/0001.jpg'])

    Attributes:
        root: The folder that uris are relative to.
        label: Which part of a path the label was, as `open_source` was told.
        listing: What is known of the files without a look at them: a record each, those that cannot be read with an error.
    """

    root: str = field(converter=absolute)
    label: str | None = label_mode()
    listing: pa.Table | None = in_memory()

    def records(self) -> pa.Table:
        """Lists the files, sorted by uri, with size and time; one that is missing is a row with an error.

        Raises:
            SourceError: The list was left where this source was made.
        """
        table = held(self.listing, self)
        looks = [self._look(*row) for row in zip(table["uri"].to_pylist(), table["error"].to_pylist(), strict=True)]
        for place, name in enumerate(("bytes", "modified", "error")):
            column = table.schema.get_field_index(name)
            table = table.set_column(column, table.field(name), pa.array([look[place] for look in looks], table.field(name).type))
        return table

    def _look(self, uri: str, error: str | None) -> tuple[int | None, int | None, str | None]:
        """Returns size, time and error of a file, without opening it."""
        if error is not None:
            return None, None, error
        try:
            status = os.stat(self.path(uri))
        except (OSError, ValueError) as failure:
            return None, None, f"cannot be read: {getattr(failure, 'strerror', None) or failure}"
        odd = not stat.S_ISREG(status.st_mode)  # opening a pipe would wait for ever
        return status.st_size, modified_of(status), "not a regular file" if odd else None

    def path(self, uri: str) -> str:
        """Returns the path of the file that a uri names; raises `SourceError` where it leads out of the root."""
        return below(self.root, uri)

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
        return read_file(self.path(uri), start, stop)

    __reduce__ = reader


class Named(NamedTuple):
    """Files under their names below a root.

    Attributes:
        root: The root.
        uris: The uri of each.
        errors: Why it cannot be one, or None.
    """

    root: str
    uris: list[str]
    errors: list[str | None]


def resolve(paths: Sequence[str], root: str | None = None) -> Named:
    """Returns files under their names below a root, which is widened so that it holds those that are given by absolute paths.

    Without a root, all paths have to be absolute, and it is the deepest folder that holds them.
    """
    whole = [os.path.normpath(os.path.join(root or os.sep, path)) for path in paths]
    given = [path for path, name in zip(whole, paths, strict=True) if os.path.isabs(name)]
    if root is None:
        root = os.path.commonpath(map(os.path.dirname, whole))
    outside = [not os.path.isabs(name) and not _is_in(path, root) for path, name in zip(whole, paths, strict=True)]
    base = root if all(_is_in(path, root) for path in given) else os.path.commonpath([root, *map(os.path.dirname, given)])
    uris = [uri_of(os.path.relpath(path, base)) for path in whole]
    return Named(base, uris, [f"{name!r} {OUTSIDE}" if out else None for name, out in zip(paths, outside, strict=True)])


def _is_in(path: str, folder: str) -> bool:
    return path.startswith(os.path.join(folder, ""))
