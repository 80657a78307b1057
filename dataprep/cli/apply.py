"""What commands do to files by a manifest, and the arguments of those that act on a manifest as it is."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from attrs import evolve

from dataprep.actions import materialize, note_quarantine, quarantine
from dataprep.actions.materialize import Mode
from dataprep.cli.output import ProgressBar
from dataprep.cli.terminal import say
from dataprep.errors import ManifestError
from dataprep.manifest import Manifest
from dataprep.sources import Folder

Command = TypeVar("Command", bound=Callable[..., Any])

EPILOG = "Exit codes: 0 done; 1 nothing was done; 2 wrong usage; 130 stopped by Ctrl-C: run the same command to continue."


def on_manifest(command: Command) -> Command:
    """Adds the argument MANIFEST, and the options that say where its images are and which of them are meant."""
    for add in (
        click.option("--quiet", is_flag=True, help="Print nothing but errors."),
        click.option("--split", metavar="NAME", help="Only the images of this split."),
        click.option("--source", type=click.Path(), metavar="FOLDER", help="Where the images are now, if they were moved."),
        click.argument("manifest", type=click.Path(path_type=Path)),
    ):
        command = add(command)
    return command


def read(path: Path, source: str | None) -> Manifest:
    """Returns a manifest, whose images may have moved to another folder."""
    manifest = Manifest.read(path)
    if source is None:
        return manifest
    if not isinstance(manifest.source, Folder):
        raise ManifestError(
            f"--source names a folder, and the images are in {manifest.source!r}; use `Manifest.read(path, source)`"
        )
    return Manifest.read(path, evolve(manifest.source, root=source))


def write_tree(manifest: Manifest, tree: Path, mode: Mode, quiet: bool) -> None:
    """Writes the kept images as a tree, and says how many are there."""
    with ProgressBar(quiet) as bar:
        written = materialize(manifest, tree, mode, bar.advance)
    say(f"{written.written + written.present:,} images in {tree}", quiet)


def move_rejects(manifest: Manifest, out: Path, folder: Path, split: str | None, quiet: bool) -> None:
    """Moves the dropped images away, says how to take that back, and which stay and why."""
    note_quarantine(out, folder)
    with ProgressBar(quiet) as bar:
        moved = quarantine(manifest, folder, bar.advance, split=split)
    say(f"{moved.moved:,} files moved to {folder}; to move them back: dataprep undo {moved.log}", quiet)
    for uri, reason in moved.skipped.items():
        say(f"  not moved: {uri}: {reason}", quiet)
