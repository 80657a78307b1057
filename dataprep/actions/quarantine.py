"""The dropped images of a manifest out of the source, each to its own path below another folder, with a log to undo it.

The log is on the disk before the first file is moved, and a move never leaves a file under no name. So whatever stops a run,
the same command goes on, and `undo` takes all of it back.
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from dataprep.actions.places import Files, Folders, check_apart, check_names, check_ways, files_of
from dataprep.actions.undolog import NAME, UndoLog
from dataprep.errors import DataprepError
from dataprep.files import claimed, modified_of, move, naming, same, shown
from dataprep.manifest import Manifest, check_manifest
from dataprep.protocols import Progress, Source


class Quarantined(NamedTuple):
    """What was done.

    Attributes:
        log: The undo log.
        moved: How many files were moved.
        skipped: Which dropped records were left where they are, and why, by uri.
    """

    log: Path
    moved: int
    skipped: dict[str, str]


class Move(NamedTuple):
    """One file to move: its path below the source, where it is, where it goes, and why."""

    below: str
    old: str
    new: str
    why: dict[str, Any]


def quarantine(
    manifest: Manifest, folder: str | Path, progress: Progress | None = None, *, split: str | None = None
) -> Quarantined:
    """Moves the files of the dropped records out of the source; what was changed since the scan is left where it is.

    A file that a kept record of any split needs is left, too, whatever way leads to it.

    Example:
        >>> done = dp.quarantine(manifest, "rejects")
        >>> done.moved, done.log.name
        (1, 'undo.jsonl')
        >>> dp.undo("rejects").moved
        1

    Args:
        manifest: Whose dropped records.
        folder: Where to; it is made if needed and must be apart from the source.
        progress: Called with "moving" as files are moved.
        split: The split to which the dropped records belong; None stands for all.

    Raises:
        DataprepError: The source is not a folder of files, the folder is not apart from it, or a file cannot be moved. The
            same call goes on, and `undo` takes back what was done.
    """
    files = _files(manifest, folder)
    with claimed(folder) as is_new:
        log = _log_in(Path(folder), files.roots)
        moves, skipped = _plan(manifest, files, log, split)
        if is_new:
            log.folders.add("")
        log.folders.update(_missing_folders(moves, Path(folder)))
        log.files.update((one.below, one.why) for one in moves)
        log.write()
        log.sweep()
        for done, one in enumerate(moves, 1):
            with naming(one.old, f"moved to {shown(one.new)}"):
                os.makedirs(os.path.dirname(one.new), exist_ok=True)
                move(one.old, one.new)
            if progress is not None:
                progress("moving", done, len(moves))
    return Quarantined(log.path, len(moves), skipped)


def plan_quarantine(manifest: Manifest, folder: str | Path, *, split: str | None = None) -> tuple[list[Move], dict[str, str]]:
    """Returns what `quarantine` would move, with its arguments and errors, and what it would leave and why; moves nothing."""
    files = _files(manifest, folder)
    return _plan(manifest, files, _log_in(Path(folder), files.roots), split)


def check_movable(source: Source) -> Files:
    """Returns the images of a source as files.

    Raises:
        DataprepError: They are none, so that nothing can be moved.
    """
    files = files_of(source)
    if files is None:
        raise DataprepError(f"quarantine moves files, and {type(source).__name__} is not a folder of files; use materialize")
    return files


def _files(manifest: Manifest, folder: str | Path) -> Files:
    """Returns the files of a manifest, once it is clear that they can be moved to a folder.

    Raises:
        DataprepError: They cannot.
    """
    check_manifest(manifest, "quarantine")
    files = check_movable(manifest.source)
    check_apart(folder, manifest.source)
    return files


def _log_in(folder: Path, roots: dict[str, str]) -> UndoLog:
    """Returns the log of an earlier run in the same folder, or a new one."""
    path = folder / NAME
    if not os.path.lexists(path):
        return UndoLog(path, roots)
    log = UndoLog.read(path)
    if log.roots != roots:
        theirs, ours = (", ".join(map(shown, each.values())) for each in (log.roots, roots))
        raise DataprepError(f"{shown(folder)} is the quarantine of {theirs}; choose another folder for {ours}")
    return log


def _plan(manifest: Manifest, files: Files, log: UndoLog, split: str | None) -> tuple[list[Move], dict[str, str]]:
    """Returns what to move, and what not, and why; checks that every new name is free.

    Raises:
        DataprepError: Another file has one of the new names.
    """
    moves, skipped = [], {}
    folders = Folders(files.roots)
    taken = _kept_files(manifest, files, folders)
    for row in _dropped(manifest if split is None else manifest.select(split)):
        place, old = files.below(row["uri"]), files.path(row["uri"])
        new = os.path.join(log.path.parent, place)
        if not os.path.lexists(old) and place in log.files and os.path.lexists(new):
            continue  # moved by an earlier run
        obstacle = _obstacle(row, old, folders, taken)
        if obstacle is not None:
            skipped[row["uri"]] = obstacle
            continue
        with naming(new, "compared"):
            if os.path.lexists(new) and not (place in log.files and same(old, new)):
                raise DataprepError(f"{shown(old)} would be moved over {shown(new)}; choose another folder")
        moves.append(Move(place, old, new, {"reason": row["reason"], "detail": row["detail"]}))
        taken[folders.resolve(old)] = f"the same file as {row['uri']}"
    for source in {os.path.dirname(one.old) for one in moves}:
        if not os.access(source, os.W_OK):
            raise DataprepError(f"{shown(source)} is read-only, so nothing can be moved out of it")
    check_names(log.path.parent, (one.below for one in moves))
    check_ways(log.path.parent, (one.below for one in moves))
    return moves, skipped


def _dropped(manifest: Manifest) -> Iterator[dict[str, Any]]:
    """Yields the rows that are not kept, in the order of the table."""
    columns = ["uri", "bytes", "modified", "keep", "reason", "detail"]
    for batch in manifest.table.select(columns).to_batches(max_chunksize=1024):
        yield from (row for row in batch.to_pylist() if not row["keep"])


def _kept_files(manifest: Manifest, files: Files, folders: Folders) -> dict[str, str]:
    """Returns the files of the kept images, and what they are links to, step by step; moving one would take an image away."""
    found: dict[str, str] = {}
    for uri in manifest.kept("uri")["uri"].to_pylist():
        path, why = folders.resolve(files.path(uri)), f"the same file as {uri}, which is kept"
        while path not in found:
            found[path] = why
            if os.path.islink(path):
                path, why = folders.resolve(os.path.join(os.path.dirname(path), os.readlink(path))), f"what {uri} is a link to"
    return found


def _obstacle(row: dict[str, Any], path: str, folders: Folders, taken: dict[str, str]) -> str | None:
    """Returns why a dropped record has no file that may be moved, or None."""
    try:
        status = os.stat(path)
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    if stat.S_ISDIR(status.st_mode):
        return "a folder"
    if not stat.S_ISREG(status.st_mode):
        return "not a regular file"
    if (status.st_size, modified_of(status)) != (row["bytes"], row["modified"]):
        return "changed since the scan"
    if not os.access(path, os.R_OK):
        return "cannot be read: Permission denied"
    if folders.leads_out(path):
        return "behind a link that leads out of the source"
    return taken.get(folders.resolve(path))


def _missing_folders(moves: list[Move], folder: Path) -> set[str]:
    """Returns the folders that moving has to make, as paths below the folder."""
    missing: set[str] = set()
    for one in moves:
        step = os.path.dirname(one.below)
        while step and step not in missing and not os.path.lexists(folder / step):
            missing.add(step)
            step = os.path.dirname(step)
    return missing
