"""`dataprep info`: what a manifest says."""

from pathlib import Path

import click

from dataprep.cli.command import Command, group, printed
from dataprep.cli.options import Anywhere


@click.command(cls=Command, examples=("dataprep info cleaned", "dataprep info cleaned --split train --json"))
@click.argument("manifest", type=Anywhere())
@group("Which images", click.option("--split", metavar="NAME", help="Only the images of this split."))
@printed("the summary", quiet=False)
def info(manifest: Path, split: str | None, as_json: bool) -> None:
    """Print what MANIFEST says: images kept and dropped, labels, splits, statistics, and what looks wrong.

    MANIFEST is the file that `dataprep clean` wrote, or the folder that holds it. No image is read.
    """
    from dataprep.cli.output import show
    from dataprep.cli.terminal import say_json
    from dataprep.manifest import Manifest, file_of
    from dataprep.report import summarize

    whole = Manifest.read(manifest)
    summary = summarize(whole if split is None else whole.select(split))
    if as_json:
        say_json(summary.as_json())
    else:
        show(summary, Path(file_of(manifest)).parent)
