"""`dataprep materialize`: the kept images of a manifest as a tree of folders."""

from pathlib import Path

import click

from dataprep.actions.materialize import Mode
from dataprep.cli.apply import EPILOG, on_manifest, read, write_tree
from dataprep.cli.command import Command


@click.command(cls=Command, epilog=EPILOG)
@on_manifest
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--mode",
    type=click.Choice(["copy", "hardlink", "symlink"]),
    default="copy",
    show_default=True,
    help="How each file gets there; links take no space.",
)
def materialize(manifest: Path, folder: Path, mode: Mode, source: str | None, split: str | None, quiet: bool) -> None:
    """Write the kept images of MANIFEST into FOLDER, each at its own path below the source; below its split, where it has one.

    MANIFEST is the file that `dataprep clean` wrote, or the folder that holds it: it is used as it is, with its verdicts and the
    splits of `dataprep split`. Nothing is measured, and no file is overwritten.
    """
    whole = read(manifest, source)
    write_tree(whole if split is None else whole.select(split), folder, mode, quiet)
