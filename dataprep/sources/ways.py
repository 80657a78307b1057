"""One file, one row: the parts of a source may reach the same file, being nested, linked or mounted twice.

Else an image of the test set that lies in the training folder, too, is a copy of itself, and is dropped as a leak. A file is
known by the folder that it lies in, which has a number, and its name there; so two hard links to one content are two files, as
removing one of them leaves the other. What is listed twice by one part is that part's affair.
"""

import os
from collections.abc import Collection
from typing import Any, Protocol, runtime_checkable

import pyarrow as pa

from dataprep.errors import SourceError
from dataprep.protocols import Source
from dataprep.sources.labelled import parts_of


@runtime_checkable
class Paths(Protocol):
    """A source whose images are files."""

    @property
    def root(self) -> str:
        """The folder that they all lie in."""

    def path(self, uri: str) -> str:
        """Returns the path of one image."""


def one_row_each(records: pa.Table, source: Source, protected: Collection[str]) -> pa.Table:
    """Returns the records with one row for each file that several parts of a source list.

    Args:
        records: What the source lists.
        source: The source; of one that has no parts, all rows stay.
        protected: The splits that keep their files, whatever else lists them. Then the part in the innermost folder does.

    Raises:
        SourceError: No image of a part is left, for those that others protect.
    """
    files = {name: part for name, part in parts_of(source).items() if isinstance(part, Paths)}
    if len(files) < 2:
        return records
    depths = {name: (os.path.realpath(part.root).count(os.sep), place) for place, (name, part) in enumerate(files.items())}
    folders = _Folders()
    rows: list[tuple[str, Any]] = []  # of each row: its part, and what its file is known by
    ranks: dict[Any, tuple[bool, tuple[int, int], str]] = {}  # of each file: by what a part has it, and the part
    for row, (uri, split) in enumerate(zip(records["uri"].to_pylist(), records["split"].to_pylist(), strict=True)):
        name, _, rest = uri.partition("/")
        key = folders.identify(files[name].path(rest)) if name in files else row
        rank = (split in protected, depths.get(name, (0, 0)), name)
        rows.append((name, key))
        ranks[key] = max(ranks.get(key, rank), rank)
    kept = [ranks[key][2] == name for name, key in rows]
    emptied = {name for name, _ in rows} - {name for (name, _), keep in zip(rows, kept, strict=True) if keep}
    if robbed := sorted(name for name, key in rows if name in emptied and ranks[key][0]):
        raise SourceError(f"part {robbed[0]!r}: its images are all in a protected part, so none is left to clean; leave one out")
    return records.filter(pa.array(kept))


class _Folders:
    """Tells files apart by the numbers of their folders, each of which is looked at once."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[int, int] | str] = {}

    def identify(self, path: str) -> tuple[tuple[int, int] | str, str]:
        """Returns what a file has in common with no other, whatever way leads to it."""
        if os.path.islink(path):
            path = os.path.realpath(path)
        folder, name = os.path.split(path)
        if folder not in self._known:
            try:
                status = os.stat(folder)
                self._known[folder] = (status.st_dev, status.st_ino)
            except OSError:
                self._known[folder] = folder
        return self._known[folder], name
