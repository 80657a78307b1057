"""What commands do to files by a manifest, or say that they would do."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from attrs import evolve

from dataprep.actions import materialize, note_quarantine, quarantine
from dataprep.actions.materialize import Mode, plan_tree
from dataprep.actions.quarantine import plan_quarantine
from dataprep.cli.command import is_verbose
from dataprep.cli.outcome import partly
from dataprep.cli.progress import progress_bar
from dataprep.cli.terminal import say
from dataprep.errors import ManifestError
from dataprep.files import is_url
from dataprep.manifest import Manifest
from dataprep.protocols import Progress
from dataprep.sources import Folder

FEW: Final = 10
"""Files that are listed, unless all are asked for."""


def folder_of(manifest: str | Path) -> Path:
    """Returns the folder that a manifest is in.

    Raises:
        ManifestError: It is in a store, and a file beside it has to be on this machine.
    """
    from dataprep.manifest import file_of

    file = file_of(manifest)
    if is_url(file):
        raise ManifestError(f"{file} is in a store, and a file beside it would not be; download it, or name another place")
    return Path(file).parent


def read(path: str | Path, source: str | None, split: str | None = None) -> Manifest:
    """Returns a manifest, or the part of it that is one split; its images may have moved to another folder."""
    manifest = Manifest.read(path)
    if is_url(source):
        manifest = Manifest.read(path, source)
    elif source is not None:
        if not isinstance(manifest.source, Folder):
            raise ManifestError(
                f"--source names a folder, and the images are in {manifest.source!r}; use `Manifest.read(path, source)`"
            )
        manifest = Manifest.read(path, evolve(manifest.source, root=source))
    return manifest if split is None else manifest.select(split)


def write_tree(manifest: Manifest, tree: Path, mode: Mode, quiet: bool) -> None:
    """Writes the kept images as a tree, and says how many are there."""
    with _counted(f"of the images in {tree}", quiet) as advance:
        written = materialize(manifest, tree, mode, advance)
    say(f"{written.written + written.present:,} images in {tree}", quiet)


def preview_tree(manifest: Manifest, tree: Path, mode: Mode, quiet: bool) -> None:
    """Says what `write_tree` would write."""
    plan = plan_tree(manifest, tree, mode)
    there = f", beside {plan.present:,} that are there" if plan.present else ""
    say(f"would write {plan.written:,} images into {tree} by {mode}{there} (--dry-run)", quiet)


def move_rejects(manifest: Manifest, out: Path, folder: Path, split: str | None, quiet: bool) -> bool:
    """Moves the dropped images away, says how to take that back, and which stay and why; returns whether any stays."""
    plan_quarantine(manifest, folder, split=split)  # what is refused leaves no note
    note_quarantine(out, folder)
    with _counted(f"of the files that go to {folder}", quiet) as advance:
        moved = quarantine(manifest, folder, advance, split=split)
    say(f"{moved.moved:,} files moved to {folder}; to move them back: dataprep undo {moved.log}", quiet)
    for uri, reason in moved.skipped.items():
        say(f"  not moved: {uri}: {reason}", quiet)
    return bool(moved.skipped)


def preview_rejects(manifest: Manifest, folder: Path, split: str | None, quiet: bool) -> None:
    """Says what `move_rejects` would move, and what not and why."""
    moves, skipped = plan_quarantine(manifest, folder, split=split)
    say(f"would move {len(moves):,} files to {folder} (--dry-run)", quiet)
    if not quiet:
        list_files(f"{one.old} -> {one.new}: {one.why['reason']}" for one in moves)
        list_files(f"not moved: {uri}: {reason}" for uri, reason in skipped.items())


@contextmanager
def _counted(of: str, quiet: bool) -> Iterator[Progress]:
    """Gives what is called as files are done; an error then says how many were."""
    finished = 0

    def count(what: str, done: int, total: int) -> None:
        nonlocal finished
        finished = done
        advance(what, done, total)

    with progress_bar(quiet) as advance, partly(lambda: f"{finished:,} {of} are done, and", lambda: finished > 0):
        yield count


def list_files(lines: Iterable[str]) -> None:
    """Prints a line for each file, the first ones where there are many."""
    shown = list(lines)
    for line in shown if is_verbose() else shown[:FEW]:
        say(f"  {line}")
    if len(shown) > FEW and not is_verbose():
        say(f"  and {len(shown) - FEW:,} more; -v lists all")
