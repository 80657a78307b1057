"""What lies below a folder: images, by name or by their first bytes, and a count of all else.

Hidden files and folders, what systems and editors leave behind, and what `clean` wrote are passed over. Only files with an ending
that is not known are opened, for their first bytes.
"""

import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from dataprep.files import modified_of
from dataprep.images.formats import SEEN, is_image
from dataprep.sources.names import ending, is_image_data, matches, may_be_image, uri_of

SYSTEM: Final = frozenset(
    {"__MACOSX", "@eaDir", "#recycle", "$RECYCLE.BIN", "System Volume Information", "lost+found", "__pycache__"}
    | {"Thumbs.db", "ehthumbs.db", "desktop.ini", "Desktop.ini"}
)
"""What systems leave beside people's files."""

OWN: Final = ("manifest.parquet", "cache")
"""What a folder holds that `dataprep clean` wrote."""

LONGEST: Final = 16
"""Characters of an ending that are told apart from "other"; longer ones are parts of a sentence."""


def as_globs(given: str | Iterable[str]) -> tuple[str, ...]:
    """Returns one glob or several as a tuple."""
    return (given,) if isinstance(given, str) else tuple(given)


class Entry(NamedTuple):
    """An image file, or what could not be looked at: its path below the root, and what went wrong with it, if anything."""

    path: str
    bytes: int | None
    modified: int | None
    error: str | None


@dataclass
class Passed:
    """What is not listed of what lies below a root, and why; filled on the way.

    Attributes:
        root: Where it starts.
        include: Globs; where there are any, only files that one of them means are images.
        exclude: Globs of files and folders that are left out.
        ignored: How many files were no images, by ending.
        hidden: The hidden and the system's names that were passed over, and how often.
        own: Folders that `clean` wrote.
        excluded: How many files and folders `include` and `exclude` left out.
    """

    root: str
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    ignored: Counter[str] = field(default_factory=Counter)
    hidden: Counter[str] = field(default_factory=Counter)
    own: list[str] = field(default_factory=list)
    excluded: int = 0

    def is_left_out(self, path: str, name: str) -> bool:
        """Returns whether a file or folder is passed over by its name, and counts it."""
        if name.startswith(".") or name in SYSTEM:
            self.hidden["._*" if name.startswith("._") else uri_of(name)] += 1
            return True
        if self.exclude and matches(path, self.exclude):
            self.excluded += 1
            return True
        return False

    def is_meant(self, path: str) -> bool:
        """Returns whether an image is one of those to list, and counts it if not."""
        meant = not self.include or matches(path, self.include)
        self.excluded += not meant
        return meant

    def ignore(self, path: str) -> None:
        """Counts a file that is no image."""
        kind = uri_of(ending(path))
        self.ignored[kind if len(kind) <= LONGEST else "other"] += 1


@dataclass
class Walk(Passed):
    """A walk through the files below a root; each real folder once, or once in each split, so symbolic links may form loops.

    Attributes:
        splits: Whether the folders in the root are splits. What two of them hold is a leak, which must not be overlooked for the
            two being links to one folder, so each real folder is met once in each of them.
    """

    splits: bool = False

    def __iter__(self) -> Iterator[Entry]:
        """Yields images and what cannot be looked at, folder by folder."""
        seen: set[tuple[int, int, str]] = set()
        pending: list[str] = [""]
        links: list[str] = []  # folders that links lead to come last: the real path of a file names it
        while pending or links:
            folder = pending.pop() if pending else links.pop(0)
            try:
                items = self._list(folder, seen)
            except OSError as error:
                yield Entry(os.path.join(folder, ""), None, None, f"folder cannot be listed: {error.strerror}")
                continue
            for item in items:
                path = os.path.join(folder, item.name)
                if self.is_left_out(path, item.name):
                    continue
                if is_folder(item):
                    (links if item.is_symlink() else pending).append(path)
                elif found := self._look(path, item):
                    yield found

    def _list(self, folder: str, seen: set[tuple[int, int, str]]) -> list["os.DirEntry[str]"]:
        """Returns what is in a folder, sorted by name; nothing if it was seen, or if it is one that `clean` wrote."""
        absolute = os.path.join(self.root, folder)
        status = os.stat(absolute)
        split = folder.split(os.sep, maxsplit=1)[0] if self.splits else ""
        if {(status.st_dev, status.st_ino, split), (status.st_dev, status.st_ino, "")} & seen:
            return []
        seen.add((status.st_dev, status.st_ino, split))
        with os.scandir(absolute) as found:
            items = sorted(found, key=lambda item: item.name)
        if folder and {item.name for item in items}.issuperset(OWN):
            self.own.append(folder)
            return []
        return items

    def _look(self, path: str, item: "os.DirEntry[str]") -> Entry | None:
        """Returns an image, or a file with the name of one that cannot be looked at; else counts it and returns None."""
        named = is_image(item.name)
        try:
            status = item.stat()
        except OSError as error:
            found = Entry(path, None, None, f"cannot be read: {error.strerror}") if named else None
        else:
            regular = stat.S_ISREG(status.st_mode)
            odd = "not a regular file" if named and not regular else None  # opening a pipe would wait for ever
            counts = named or (regular and self._is_image_inside(path))
            found = Entry(path, status.st_size, modified_of(status), odd) if counts else None
        if found is None:
            self.ignore(path)
        return found if found is None or self.is_meant(path) else None

    def _is_image_inside(self, path: str) -> bool:
        """Returns whether a file of no image's name starts as an image does."""
        if not may_be_image(path):
            return False
        try:
            with open(os.path.join(self.root, path), "rb") as file:
                return is_image_data(file.read(SEEN))
        except OSError:
            return False


def is_folder(item: "os.DirEntry[str]") -> bool:
    """Returns whether what was met is a folder, or a link to one."""
    try:
        return item.is_dir()
    except OSError:
        return False
