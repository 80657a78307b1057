"""A folder of image files; the first folder below it names the label, as in torchvision's ImageFolder.

Where folders are called train and val they name splits, and where all lies in a folder called images the folders below count:
see `dataprep.sources.levels`. What is passed over, and why, is in `dataprep.sources.walk`.
"""

import os
from collections.abc import Mapping
from typing import Any, Final

import pyarrow as pa
from attrs import field, frozen

from dataprep.describe import register
from dataprep.errors import SourceError
from dataprep.files import modified_of
from dataprep.progress import as_found
from dataprep.sources.levels import SPLITS, label_mode, read_levels
from dataprep.sources.listing import Scan, counted, listed, quoted
from dataprep.sources.names import below, read_file, uri_of
from dataprep.sources.walk import Entry, Passed, Walk, as_globs, is_folder

FORMS: Final = (".tar", ".zip", ".parquet", ".csv", ".tsv", ".jsonl")
"""Endings of what images may be in, or named by, that `open_source` takes by itself."""

SHOWN: Final = 6
"""Endings that an error names."""


def absolute(root: str | os.PathLike[str]) -> str:
    """Returns the path from the root of the file system, so that a manifest can be used from anywhere."""
    return os.path.abspath(os.fspath(root))


@register
@frozen
class Folder:
    """Images in a folder and the folders below it.

    Hidden files and folders, what systems leave behind, and what `clean` wrote are passed over. Files whose name does not end as
    those of images do are looked at, and count if their content is an image.

    Example:
        >>> folder = dp.Folder("photos", exclude="copy.jpg")
        >>> folder.records()["uri"].to_pylist()[:2]
        ['cat/0000.jpg', 'cat/0002.jpg']
        >>> len(dp.clean(folder))
        12

    Attributes:
        root: The folder.
        splits: Whether the first folder names the split and the second the label; otherwise the first names the label. None
            decides by the names: train, val, test and the like are splits, if no other folder is beside them.
        label: What names the label: "first", "parent", "none", or a regular expression on the path below the root. None stands
            for "first", below a folder that holds all images and is called "images" or the like.
        include: Globs; where there are any, only files that one of them means are listed.
        exclude: Globs of files and folders that are left out, such as "drafts" or "*_mask.png".
    """

    root: str = field(converter=absolute)
    splits: bool | None = None
    label: str | None = label_mode()
    include: tuple[str, ...] = field(default=(), converter=as_globs)
    exclude: tuple[str, ...] = field(default=(), converter=as_globs)

    def records(self) -> pa.Table:
        """Lists every image file, sorted by uri; the schema's metadata counts other files and says what was decided.

        Returns:
            A table of uri, label, split, bytes, modified (ns since 1970) and error: a folder or file that cannot be looked at
            is a row with an error.

        Raises:
            SourceError: The root is not a folder, or there is no image in it.
        """
        check_root(self.root)
        walk = Walk(self.root, self.include, self.exclude, splits=has_splits(self.root) if self.splits is None else self.splits)
        entries = list(as_found(walk))
        if not entries:
            raise SourceError(f"no images in {self.root}: {what_is_there(walk)}")
        return list_entries(entries, walk, self.label, self.splits)

    def path(self, uri: str) -> str:
        """Returns the path of the file that a uri names; raises `SourceError` where it leads out of the root."""
        return below(self.root, uri)

    def modified(self, uri: str) -> int | None:
        """Returns when a file was changed last, in nanoseconds since 1970, None where it cannot be looked at."""
        try:
            return modified_of(os.stat(self.path(uri)))
        except OSError:
            return None

    def read(self, uri: str, start: int = 0, stop: int | None = None) -> bytes:
        """Returns the bytes `start` to `stop` of a file.

        Raises:
            SourceError: It cannot be opened or read.
        """
        return read_file(self.path(uri), start, stop)


def list_entries(
    entries: list[Entry], walk: Passed, label: str | None, splits: bool | None, further: pa.Table | None = None
) -> pa.Table:
    """Returns the listing of what a walk met, with further columns, a row each."""
    uris = [uri_of(entry.path) for entry in entries]
    levels = read_levels(uris, label, splits)
    columns: dict[str, list[Any]] = {
        "uri": uris,
        "label": levels.labels,
        "split": levels.splits,
        "bytes": [entry.bytes for entry in entries],
        "modified": [entry.modified for entry in entries],
        "error": [entry.error for entry in entries],
    }
    remarks = (*levels.remarks, *_passed_over(walk))
    return listed(columns, further, Scan(dict(sorted(walk.ignored.items())), remarks))


def check_root(root: str) -> None:
    """Raises `SourceError` unless a path is that of a folder that can be listed."""
    if not os.path.exists(root):
        raise SourceError(f"no such folder: {root}")
    if not os.path.isdir(root):
        raise SourceError(f"{root} is a file; give the folder that holds the images")
    try:
        os.scandir(root).close()
    except OSError as error:
        raise SourceError(f"{root} cannot be listed: {error.strerror}") from error


def has_splits(root: str) -> bool:
    """Returns whether the folders in a folder are all called as splits are."""
    with os.scandir(root) as found:
        names = [item.name.lower() for item in found if is_folder(item) and not item.name.startswith(".")]
    return bool(names) and SPLITS.issuperset(names)


def endings(ignored: Mapping[str, int]) -> str:
    """Returns how names end and how often, the most frequent first: "2 .heic, 1 without"."""
    known = sorted(ignored.items(), key=lambda item: (-item[1], item[0]))
    more = f" and {sum(count for _, count in known[SHOWN:]):,} more" if len(known) > SHOWN else ""
    return ", ".join(f"{count:,} {kind or 'without ending'}" for kind, count in known[:SHOWN]) + more


def what_is_there(walk: Passed) -> str:
    """Returns what a folder without images holds instead, and what images would be."""
    others = sum(walk.ignored.values())
    what = f"{counted(others, 'other file')} ({endings(dict(walk.ignored))})" if others else "nothing"
    left = f"it holds {what}" if not walk.excluded else f"--include and --exclude leave out all but {what}"
    forms = [kind for kind in FORMS if walk.ignored.get(kind)]
    if forms and not walk.excluded:
        return f"{left}; give what holds the images: {quoted(f'{walk.root}/*{kind}' for kind in forms)}"
    hidden = f", and hidden ones are passed over ({quoted(sorted(walk.hidden))})" if walk.hidden else ""
    return f"{left}{hidden}; images end in .jpg, .png, .webp and the like, or start as such files do"


def _passed_over(walk: Passed) -> list[str]:
    """Returns a sentence for each kind of things that were passed over."""
    found = []
    if walk.hidden:
        found.append(f"passed over as hidden, or as the system's: {quoted(sorted(walk.hidden))}")
    if walk.own:
        found.append(f"passed over as written by `dataprep clean`: {quoted(sorted(map(uri_of, walk.own)))}")
    if walk.excluded:
        what = "file or folder" if walk.excluded == 1 else "files and folders"
        found.append(f"--include and --exclude left out {walk.excluded:,} {what}")
    return found
