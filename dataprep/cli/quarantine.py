"""`dataprep quarantine`: the dropped images of a manifest out of the source."""

import sys
from pathlib import Path

import click

from dataprep.cli.command import AGAIN, Command, group, printed
from dataprep.cli.options import Here, on_manifest


@click.command(
    cls=Command,
    examples=("dataprep quarantine cleaned rejects --dry-run", "dataprep quarantine cleaned rejects"),
    codes={4: "done in part: some files stay where they are, and it is said which and why", **AGAIN},
)
@on_manifest
@click.argument("folder", type=Here())
@group("What is moved", click.option("--dry-run", is_flag=True, help="Only say what would be moved, and what not and why."))
@printed()
def quarantine(manifest: Path, folder: Path, source: str | None, split: str | None, dry_run: bool, quiet: bool) -> None:
    """Move the dropped images of MANIFEST out of the source into FOLDER; `dataprep undo FOLDER` moves them back.

    MANIFEST is the file that `dataprep clean` wrote, or the folder that holds it, used as it is. A file that was changed since
    it was cleaned stays where it is, and so does one that a kept image needs.
    """
    from dataprep.cli.apply import folder_of, move_rejects, preview_rejects, read

    whole = read(manifest, source)
    if split is not None:
        whole.select(split)  # says so where there is none
    if dry_run:
        preview_rejects(whole, folder, split, quiet)
    elif move_rejects(whole, folder_of(manifest), folder, split, quiet):
        sys.exit(4)
