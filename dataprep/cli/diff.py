"""`dataprep diff`: what became other from one manifest to another."""

import sys
from pathlib import Path

import click

from dataprep.cli.command import Command, group, printed
from dataprep.cli.options import Anywhere


@click.command(
    cls=Command,
    examples=("dataprep diff before/manifest.parquet cleaned", "dataprep diff v1 v2 --exit-code -q    # in a script"),
    codes={3: "they differ, and --exit-code was given"},
)
@click.argument("first", type=Anywhere())
@click.argument("second", type=Anywhere())
@group("What follows", click.option("--exit-code", is_flag=True, help="Exit with code 3 if they differ."))
@printed("the changes")
def diff(first: Path, second: Path, exit_code: bool, as_json: bool, quiet: bool) -> None:
    """Print what changed from the manifest FIRST to the manifest SECOND: images, contents, labels, splits, verdicts and rules.

    Each is the file that `dataprep clean` wrote, or the folder that holds it. An image whose name is new and whose content is
    that of one that is gone was moved. No image is read.
    """
    from dataprep.cli.terminal import say_json
    from dataprep.manifest import Manifest
    from dataprep.manifest.changes import compare

    changes = compare(Manifest.read(first), Manifest.read(second))
    if as_json:
        say_json({"images": [change._asdict() for change in changes.images], "stages": list(changes.stages)})
    elif not quiet:
        from dataprep.cli.changed import show

        show(changes)
    if exit_code and (changes.images or changes.stages):
        sys.exit(3)
