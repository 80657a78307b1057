"""`dataprep materialize`: the kept images of a manifest as a tree of folders."""

from pathlib import Path
from typing import Literal

import click

from dataprep.cli.command import AGAIN, PARTLY, Command, group, printed
from dataprep.cli.options import Here, on_manifest


@click.command(
    cls=Command,
    examples=(
        "dataprep materialize cleaned tree --mode hardlink",
        "dataprep materialize cleaned tree --split train --dry-run",
    ),
    codes={**PARTLY, **AGAIN},
)
@on_manifest
@click.argument("folder", type=Here())
@group(
    "What is written",
    click.option(
        "--mode",
        type=click.Choice(["copy", "hardlink", "symlink"]),
        default="copy",
        show_default=True,
        help="How each file gets there; links take no space.",
    ),
    click.option("--dry-run", is_flag=True, help="Only look whether it can be done, and say what would be written."),
)
@printed()
def materialize(
    manifest: Path,
    folder: Path,
    mode: Literal["copy", "hardlink", "symlink"],
    source: str | None,
    split: str | None,
    dry_run: bool,
    quiet: bool,
) -> None:
    """Write the kept images of MANIFEST into FOLDER, each at its own path below the source; below its split, where it has one.

    MANIFEST is the file that `dataprep clean` wrote, or the folder that holds it: it is used as it is, with its verdicts and the
    splits of `dataprep split`. Nothing is measured, and no file is overwritten.
    """
    from dataprep.cli.apply import preview_tree, read, write_tree

    part = read(manifest, source, split)
    if dry_run:
        preview_tree(part, folder, mode, quiet)
    else:
        write_tree(part, folder, mode, quiet)
