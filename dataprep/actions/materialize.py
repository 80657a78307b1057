"""The kept images of a manifest as a clean tree of class folders: copies, hard links or symbolic links.

All files are looked at before the first one is written. A tree that is there already may be the same tree, in part or whole:
a killed run goes on. It may not be another one: an image that is not kept, or another file of the same name, is an error.
"""

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal, NamedTuple, get_args

from dataprep.actions.places import check_apart, check_names, check_ways, check_writable, files_of, place_of
from dataprep.columns import hex_of
from dataprep.errors import DataprepError, SourceError, suggestion
from dataprep.files import NO_LINKS, claimed, digest, modified_of, naming, shown, sweep, write
from dataprep.images.formats import is_image
from dataprep.manifest import Manifest, check_manifest
from dataprep.protocols import Progress, Source

Mode = Literal["copy", "hardlink", "symlink"]

OTHER_DISK: Final = "are on different disks, and no hard link leads from one to another"

NEEDED: Final = ("uri", "split", "label", "bytes", "modified", "digest")


class Materialized(NamedTuple):
    """What was done.

    Attributes:
        folder: The root of the tree.
        written: How many images were copied or linked.
        present: How many were there already.
    """

    folder: Path
    written: int
    present: int


class Kept(NamedTuple):
    """One image to put into the tree: what its record says, its path if it has one, and its path below the tree's root."""

    uri: str
    bytes: int | None
    modified: int | None
    digest: str
    path: str | None
    below: str


def materialize(manifest: Manifest, folder: str | Path, mode: Mode, progress: Progress | None = None) -> Materialized:
    """Writes the kept images below a folder, each at its own path below the source's root, and below the name of its split.

    Example:
        >>> dp.materialize(manifest, "tree", "copy").written
        12
        >>> from pathlib import Path
        >>> len(list(Path("tree/cat").iterdir()))
        6

    Args:
        manifest: Whose kept images.
        folder: The root of the tree; it is made if needed and must be apart from the source.
        mode: "copy"; "hardlink", which takes no space but needs the same disk; or "symlink", which needs the source to stay.
        progress: Called with "writing" as images are done.

    Raises:
        SourceError: An image is gone or was changed since the scan.
        DataprepError: The folder is not apart from the source, holds other images, or cannot be written.
    """
    _check_source(manifest, folder, mode)
    with claimed(folder):
        for parent, _, _ in os.walk(folder):
            with naming(parent):
                sweep([parent])
        _check_tree(manifest, folder)
        written = _fill(Path(folder), manifest, mode, progress)
    return Materialized(Path(folder), written, manifest.kept("id").num_rows - written)


def plan_tree(manifest: Manifest, folder: str | Path, mode: Mode) -> Materialized:
    """Returns what `materialize` would do, with its arguments and errors, and writes nothing."""
    _check_source(manifest, folder, mode)
    _check_tree(manifest, folder)
    missing = sum(not _is_there(image, os.path.join(folder, image.below), mode) for image in _kept(manifest))
    return Materialized(Path(folder), missing, manifest.kept("id").num_rows - missing)


def check_target(folder: str | Path, mode: Mode, source: Source) -> None:
    """Checks that a tree can be written, before it is known what of: for what takes hours until then.

    Args:
        folder: The root of the tree, which need not exist.
        mode: As of `materialize`.
        source: Where the images are.

    Raises:
        DataprepError: The folder is not apart from the source or cannot be written, or there can be no such links in it.
    """
    _check_mode(mode, source)
    check_apart(folder, source)
    check_writable(folder, None if mode == "copy" else lambda old, new: _link(old, new, mode))
    files = files_of(source)
    if mode == "hardlink" and files is not None:
        place = next(step for step in (Path(os.path.abspath(folder)), *Path(os.path.abspath(folder)).parents) if step.exists())
        for root in files.roots.values():
            if os.stat(root).st_dev != os.stat(place).st_dev:
                raise DataprepError(f"{shown(root)} and {shown(folder)} {OTHER_DISK}; materialize by copy")


def _check_source(manifest: Manifest, folder: str | Path, mode: Mode) -> None:
    """Checks that the kept images are there as they were scanned, and can be put into a folder by a mode."""
    check_manifest(manifest, "materialize")
    _check_mode(mode, manifest.source)
    check_apart(folder, manifest.source)
    for image in _kept(manifest):
        _check_unchanged(image)


def _check_tree(manifest: Manifest, folder: str | Path) -> None:
    """Checks that a folder can hold the kept images, and holds no others."""
    places = {image.below for image in _kept(manifest)}
    check_names(folder, places)
    check_ways(folder, places)
    _check_others(folder, places)


def _fill(folder: Path, manifest: Manifest, mode: Mode, progress: Progress | None) -> int:
    """Puts every kept image into the tree and returns how many were not there."""
    total, written, entered = manifest.kept("id").num_rows, 0, ""
    for done, image in enumerate(_kept(manifest), 1):
        target = os.path.join(folder, image.below)
        with naming(target):
            if os.path.dirname(target) != entered:
                entered = os.path.dirname(target)
                os.makedirs(entered, exist_ok=True)
            written += _put(image, target, mode, manifest.source)
        if progress is not None:
            progress("writing", done, total)
    return written


def _kept(manifest: Manifest) -> Iterator[Kept]:
    """Yields the kept images, in the order of the table."""
    place, files = place_of(manifest.source), files_of(manifest.source)
    for batch in manifest.kept(*NEEDED).to_batches(max_chunksize=1024):
        columns = (*(column.to_pylist() for column in batch.columns[:-1]), hex_of(batch[NEEDED[-1]]))
        for uri, split, label, size, modified, content in zip(*columns, strict=True):
            path = None if files is None else files.path(uri)
            yield Kept(uri, size, modified, content or "", path, place(uri, split, label))


def _check_mode(mode: str, source: Source) -> None:
    if mode not in get_args(Mode):
        raise DataprepError(f"images cannot be materialized by {mode!r}; {suggestion(mode, get_args(Mode))}")
    if mode != "copy" and files_of(source) is None:
        raise DataprepError(f"links need a folder of files, and {type(source).__name__} is not one; materialize by copy")


def _check_unchanged(image: Kept) -> None:
    """Checks that the file of an image is the one that was scanned: by its size, and by its content if it was touched since."""
    if image.path is None:
        return
    try:
        status = os.stat(image.path)
        touched = modified_of(status) != image.modified
        if status.st_size == image.bytes and not (touched and digest(image.path) != image.digest):
            return
    except OSError as error:
        raise SourceError(f"{shown(image.path)} was scanned but cannot be read now: {error.strerror}; clean again") from error
    raise SourceError(f"{shown(image.path)} was changed since the scan; clean again")


def _check_others(folder: str | Path, places: set[str]) -> None:
    """Checks that a tree holds no image but those that are kept.

    Raises:
        DataprepError: It does; training on it would see what was dropped.
    """
    others: list[str] = []
    for parent, _, names in os.walk(folder):
        paths = (os.path.relpath(os.path.join(parent, name), folder) for name in names if is_image(name))
        others += [path for path in paths if path not in places]
    if others:
        more = f" and {len(others) - 1} more" if len(others) > 1 else ""
        raise DataprepError(
            f"{shown(folder)} holds images that are not kept in this manifest: {shown(min(others))}{more}; "
            "remove the folder or choose another one"
        )


def _put(image: Kept, target: str, mode: Mode, source: Source) -> bool:
    """Copies or links one image, and returns whether that was needed."""
    if _is_there(image, target, mode):
        return False
    if mode == "copy":
        write(target, _content(image, source), image.modified)
    else:
        _link(_path(image), target, mode)
    return True


def _is_there(image: Kept, target: str, mode: Mode) -> bool:
    """Returns whether an image is in the tree already.

    Raises:
        DataprepError: Something else is in its place.
    """
    if not os.path.lexists(target):
        return False
    if not _is_done(image, target, mode):
        raise DataprepError(
            f"{shown(target)} exists and is not the {mode} of {shown(image.path or image.uri)} that would go there; "
            "remove the folder or choose another one"
        )
    return True


def _is_done(image: Kept, target: str, mode: Mode) -> bool:
    """Returns whether what has an image's name in the tree is what would be put there."""
    status = os.lstat(target)
    if mode == "symlink":
        return stat.S_ISLNK(status.st_mode) and os.readlink(target) == _path(image)
    linked = image.path is not None and os.path.samestat(status, os.stat(image.path))
    if mode == "hardlink":
        return linked
    if linked or not stat.S_ISREG(status.st_mode):
        return False
    as_written = (status.st_size, modified_of(status)) == (image.bytes, image.modified)
    return as_written or digest(target) == image.digest


def _content(image: Kept, source: Source) -> bytes:
    """Returns the bytes to copy.

    Raises:
        SourceError: They cannot be read, or are not those that were scanned.
    """
    name = shown(image.path or image.uri)
    try:
        data = source.read(image.uri)
    except SourceError as error:
        raise SourceError(f"{name} was scanned but {error}; clean again") from error
    if hashlib.sha256(data).hexdigest() != image.digest:
        raise SourceError(f"{name} was changed since the scan; clean again")
    return data


def _link(path: str, target: str, mode: Mode) -> None:
    try:
        if mode == "symlink":
            os.symlink(path, target)
        else:
            os.link(os.path.realpath(path), target)  # of the image, where its path is a link itself
    except OSError as error:
        if error.errno == errno.EXDEV:
            why = OTHER_DISK
        elif error.errno in NO_LINKS:
            why = f"cannot be linked there: {error.strerror}"
        else:
            raise
        raise DataprepError(f"{shown(path)} and {shown(target)} {why}; materialize by copy") from error


def _path(image: Kept) -> str:
    assert image.path is not None, "_check_mode has looked"
    return image.path
