"""`dataprep verify`: which images of a manifest are no longer what was measured."""

import sys
from pathlib import Path

import click

from dataprep.cleaning.engines import Local
from dataprep.cleaning.verify import verify as compare
from dataprep.cli.apply import on_manifest, read
from dataprep.cli.command import Command
from dataprep.cli.output import ProgressBar
from dataprep.cli.terminal import say


@click.command(
    cls=Command,
    epilog="Exit codes: 0 nothing was changed; 1 nothing was done; 2 wrong usage; 3 something was; 130 stopped by Ctrl-C.",
)
@on_manifest
@click.option("--workers", type=click.IntRange(0), help="Processes that read; 0 reads in this one.  [default: one for each core]")
def verify(manifest: Path, source: str | None, split: str | None, quiet: bool, workers: int | None) -> None:
    """Read every image of MANIFEST, and list those whose content is no longer the one that was measured.

    MANIFEST is the file that `dataprep clean` wrote, or the folder that holds it. Nothing is changed.
    """
    whole = read(manifest, source)
    some = whole if split is None else whole.select(split)
    with ProgressBar(quiet) as bar:
        changed = compare(some, engine=Local(workers), progress=bar.advance)
    for row in changed.to_pylist():
        say(f"{row['uri']}: {row['why']}", quiet)
    say(f"{len(changed):,} of {len(some):,} images are not as they were measured", quiet)
    if len(changed):
        sys.exit(3)
