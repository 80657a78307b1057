"""The files of a quarantine back to where they were, as its undo log says; the log goes when all of them are back."""

import os
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from dataprep.actions.places import Folders, check_ways
from dataprep.actions.undolog import NAME, UndoLog
from dataprep.errors import DataprepError
from dataprep.files import claimed, naming, same, shown
from dataprep.files import move as move_file
from dataprep.protocols import Progress


class Restored(NamedTuple):
    """What was done.

    Attributes:
        roots: The folders of the source.
        moved: How many files were moved back.
        present: How many were where they belong already.
        blocked: Files that stay in quarantine, since another file has their name in the source; paths below either folder.
        missing: Files that are neither in quarantine nor in the source.
    """

    roots: tuple[str, ...]
    moved: int
    present: int
    blocked: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether every file is back; if so, the log and the folders that quarantine made are gone."""
        return not self.blocked and not self.missing


def undo(log: str | Path, progress: Progress | None = None) -> Restored:
    """Moves the files of a quarantine back; never over another file.

    Example:
        >>> log = dp.quarantine(manifest, "rejects").log
        >>> restored = dp.undo(log)
        >>> restored.moved, restored.blocked
        (1, ())

    Args:
        log: The undo log, or the folder that it is in; the folder may have been moved since.
        progress: Called with "moving back" as files are done.

    Raises:
        DataprepError: There is no such log, the source is gone, or a file cannot be moved. The same call goes on.
    """
    path = _path(log)
    with claimed(path.parent):
        opened = _open(path)
        opened.sweep()
        done = _restore(opened, move=True, progress=progress)
        _clear(opened, complete=done.complete)
    return done


def plan_undo(log: str | Path) -> Restored:
    """Returns what `undo` would do, with its errors, and moves nothing."""
    return _restore(_open(_path(log)), move=False)


def _path(log: str | Path) -> Path:
    path = Path(os.path.abspath(log)) / (NAME if os.path.isdir(log) else "")
    if not os.path.lexists(path):
        raise DataprepError(f"there is no undo log {shown(path)}; it is removed once all files are back")
    return path


def _open(path: Path) -> UndoLog:
    """Returns a log, once it is clear that its files may be moved."""
    opened = UndoLog.read(path)
    _check_roots(opened)
    check_ways(path.parent, opened.files)
    _check_homes(opened)
    return opened


def _check_roots(log: UndoLog) -> None:
    for root in log.roots.values():
        if not os.path.isdir(root):
            raise DataprepError(f"the folder {shown(root)} that files were moved from is not there; mount or make it first")


def _check_homes(log: UndoLog) -> None:
    """Checks that every file goes back into the source, and not through a link in it to where it never was."""
    folders = Folders(log.roots)
    for _, _, home in log.homes():
        if folders.leads_out(home):
            raise DataprepError(f"{shown(os.path.dirname(home))} is behind a link that leads out of the source; remove the link")


def _restore(log: UndoLog, *, move: bool, progress: Progress | None = None) -> Restored:
    """Moves files back, or only looks where each one is."""
    found: dict[str, list[str]] = {"moved": [], "present": [], "blocked": [], "missing": []}
    for done, (below, held, home) in enumerate(log.homes(), 1):
        with naming(held, f"moved back to {shown(home)}"):
            state = _state(held, home)
            if state == "moved" and move:
                os.makedirs(os.path.dirname(home), exist_ok=True)
                move_file(held, home)
        found[state].append(below)
        if progress is not None:
            progress("moving back", done, len(log.files))
    moved, present = len(found["moved"]), len(found["present"])
    return Restored(tuple(log.roots.values()), moved, present, tuple(found["blocked"]), tuple(found["missing"]))


def _state(held: str, home: str) -> str:
    """Returns what is to be said of a file: "moved" if it is to be moved back."""
    if not os.path.lexists(held):
        return "present" if os.path.lexists(home) else "missing"
    return "moved" if not os.path.lexists(home) or same(held, home) else "blocked"


def _clear(log: UndoLog, *, complete: bool) -> None:
    """Removes the folders that quarantine made and that are empty now, and the log when it is done with."""
    for folder in sorted(log.folders - {""}, key=lambda name: name.count("/"), reverse=True):
        with suppress(OSError):
            os.rmdir(log.path.parent / folder)
    if complete:
        with naming(log.path, "removed"):
            log.path.unlink()
        if "" in log.folders:
            with suppress(OSError):
                os.rmdir(log.path.parent)
