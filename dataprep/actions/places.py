"""Where the images of a manifest lie, and where they may be put: below a folder that is apart from the source.

A record's place is its own path below the root of the source, as raw as the file system has it; where a source has several
parts, below the part's name; and below those of its split and label, where they are not on its path. Nothing that a manifest
or a log says leads out of the folder that the user named.
"""

import os
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote_to_bytes

from dataprep.errors import DataprepError, SourceError, suggestion
from dataprep.files import naming, remove, shown, unfinished
from dataprep.protocols import Source
from dataprep.sources import parts_of
from dataprep.sources.ways import Paths


@dataclass(frozen=True)
class Files:
    """The images of a source as files: what links and moves need.

    Attributes:
        parts: The parts of the source by their names, or the source itself under "".
    """

    parts: Mapping[str, Paths]

    @property
    def roots(self) -> dict[str, str]:
        """The folder of each part."""
        return {name: os.path.abspath(part.root) for name, part in self.parts.items()}

    def path(self, uri: str) -> str:
        """Returns the path of an image."""
        _, part, rest = self._find(uri)
        return part.path(rest)

    def below(self, uri: str) -> str:
        """Returns the path of an image below the root of its part, after the name of the part.

        Raises:
            DataprepError: It is not below it.
        """
        name, part, rest = self._find(uri)
        return safe(os.path.join(name, safe(os.path.relpath(part.path(rest), part.root))))

    def _find(self, uri: str) -> tuple[str, Paths, str]:
        if "" in self.parts:
            return "", self.parts[""], uri
        name, _, rest = uri.partition("/")
        if name not in self.parts:
            raise DataprepError(f"{uri!r} is in no part of the source; {suggestion(name, self.parts)}")
        return name, self.parts[name], rest


class Folders:
    """Resolves the links in the folders of paths, not in their last part; each folder is looked at once."""

    def __init__(self, roots: dict[str, str]) -> None:
        self._roots = [os.path.realpath(root) for root in roots.values()]
        self._known: dict[str, str] = {}

    def resolve(self, path: str) -> str:
        """Returns a path without links on its way."""
        folder, name = os.path.split(path)
        if folder not in self._known:
            self._known[folder] = os.path.realpath(folder)
        return os.path.join(self._known[folder], name)

    def leads_out(self, path: str) -> bool:
        """Returns whether a path of the source is one outside of it in truth."""
        return all(os.path.commonpath([root, self.resolve(path)]) != root for root in self._roots)


def files_of(source: Source) -> Files | None:
    """Returns the images of a source as files, or None where they are none."""
    parts = parts_of(source)
    files = {name: part for name, part in parts.items() if isinstance(part, Paths)}
    return Files(files) if len(files) == len(parts) else None


Place = Callable[[str, str | None, str | None], str]
"""From uri, split and label to a path below a folder."""


def place_of(source: Source) -> Place:
    """Returns the function that says where below a folder an image of this source goes."""
    files = files_of(source)
    if files is not None:
        return lambda uri, split, label: _named(files.below(uri), uri, split, label)
    name: Callable[[str], str] = getattr(source, "file_name", lambda uri: uri)  # of an image whose uri is no path
    return lambda uri, split, label: _labelled(name(uri), split, label)


def safe(path: str) -> str:
    """Returns a path as it is.

    Raises:
        DataprepError: It is no plain path that stays below the folder that it is joined to.
    """
    if {"..", "", "."} & set(path.split("/")) or "\0" in path:
        raise DataprepError(f"{path!r} is not a path below a folder")
    return path


def check_apart(folder: str | Path, source: Source) -> None:
    """Checks that a folder is neither the source, nor in it, nor around it.

    Raises:
        DataprepError: It is, or the source is gone.
    """
    files = files_of(source)
    for root in () if files is None else files.roots.values():
        if not os.path.isdir(root):
            raise SourceError(f"no such folder: {shown(root)}")
        for inner, outer, relation in ((folder, root, "in"), (root, folder, "around")):
            if _within(str(inner), str(outer)):
                where = "is" if _within(str(outer), str(inner)) else f"is {relation}"
                raise DataprepError(f"{shown(folder)} {where} the source {shown(root)}; choose a folder apart from it")


def overlap(first: str | Path, second: str | Path) -> bool:
    """Returns whether two folders are one or one lies in the other; they need not exist."""
    return _within(str(first), str(second)) or _within(str(second), str(first))


def check_writable(folder: str | Path, link: Callable[[str, str], None] | None = None) -> None:
    """Checks that a folder which need not exist can be written, by trying where it would be made; leaves nothing there.

    Args:
        folder: The folder.
        link: Makes a link to a file that has just been made, where links are to be made there.

    Raises:
        DataprepError: It cannot.
    """
    with naming(folder), unfinished(_nearest(folder)) as probe:
        if link is not None:
            link(probe.name, f"{probe.name}-link")
            remove(f"{probe.name}-link")
        remove(probe.name)


def check_ways(folder: str | Path, paths: Iterable[str]) -> None:
    """Checks that no folder on the way from a folder to paths below it is a link, which would lead somewhere else.

    Raises:
        DataprepError: One is.
    """
    known = {""}
    for path in paths:
        step = os.path.dirname(path)
        while step not in known:
            known.add(step)
            if os.path.islink(os.path.join(folder, step)):
                raise DataprepError(
                    f"{shown(os.path.join(folder, step))} is a link, so files would not be in {shown(folder)}; remove it"
                )
            step = os.path.dirname(step)


def check_names(folder: str | Path, paths: Iterable[str]) -> None:
    """Checks that a folder can tell all these paths, and the folders on their way, from each other.

    Raises:
        DataprepError: Two differ only in upper and lower case or in how accents are composed, and the file system ignores that.
    """
    seen: dict[str, str] = {}
    names = set(paths)
    folders = {os.path.dirname(name) for name in names}
    while folders - names:
        names |= folders
        folders = {os.path.dirname(name) for name in folders}
    for name in sorted(names):
        other = seen.setdefault(unicodedata.normalize("NFC", name).casefold(), name)
        if other != name:
            if not _ignores_case(str(folder)):
                return
            raise DataprepError(
                f"{shown(other)} and {shown(name)} are one name on the file system of {shown(folder)}, which ignores upper and "
                "lower case; choose a folder on another one, or rename one of them"
            )


def _nearest(folder: str | Path) -> Path:
    """Returns a folder, or the innermost one around it that is there."""
    steps = (Path(os.path.abspath(folder)), *Path(os.path.abspath(folder)).parents)
    return next(step for step in steps if os.path.lexists(step))


def _within(inner: str, outer: str) -> bool:
    """Returns whether one folder is another or lies in it, by what they are and not by how they are written."""
    resolved, target = Path(os.path.realpath(inner)), Path(os.path.realpath(outer))
    steps = (resolved, *resolved.parents)
    if not target.exists():
        return target in steps
    return any(step.samefile(target) for step in steps if step.exists())


def _named(path: str, uri: str, *names: str | None) -> str:
    """Returns a path below the folders of its split and label, but for those that it has already."""
    folders = [part.replace("%25", "%") for part in uri.split("/")[:-1]]
    return safe("/".join([*(name for name in names if name is not None and name not in folders), path]))


def _labelled(uri: str, split: str | None, label: str | None) -> str:
    """Returns the uri as a path, below the folders of its split and label unless it has them already."""
    path = os.fsdecode(unquote_to_bytes(uri))
    start = "".join(f"{part}/" for part in (split, label) if part is not None)
    return safe(path if path.startswith(start) else start + path)


def _ignores_case(folder: str) -> bool:
    """Returns whether upper and lower case are the same in a folder, or where it would be made, by trying."""
    nearest = _nearest(folder)
    with naming(folder), unfinished(nearest) as probe:
        found = os.path.lexists(os.path.join(nearest, os.path.basename(probe.name).upper()))
        remove(probe.name)
        return found
