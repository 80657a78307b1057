"""`dataprep quarantine`: the dropped images of a manifest out of the source."""

from pathlib import Path

import click

from dataprep.cli.apply import EPILOG, move_rejects, on_manifest, read
from dataprep.cli.command import Command
from dataprep.manifest import file_of


@click.command(cls=Command, epilog=EPILOG)
@on_manifest
@click.argument("folder", type=click.Path(path_type=Path))
def quarantine(manifest: Path, folder: Path, source: str | None, split: str | None, quiet: bool) -> None:
    """Move the dropped images of MANIFEST out of the source into FOLDER; `dataprep undo FOLDER` moves them back.

    MANIFEST is the file that `dataprep clean` wrote, or the folder that holds it, used as it is. A file that was changed since
    it was cleaned stays where it is, and so does one that a kept image needs.
    """
    whole = read(manifest, source)
    if split is not None:
        whole.select(split)  # says so where there is none
    move_rejects(whole, file_of(manifest).parent, folder, split, quiet)
