"""`dataprep why`: what decided about an image."""

from pathlib import Path

import click

from dataprep.cli.command import Command, group, printed
from dataprep.cli.options import Anywhere


@click.command(cls=Command, examples=("dataprep why cleaned cat/0003.jpg", "dataprep why cleaned photos/cat/0003.jpg --json"))
@click.argument("manifest", type=Anywhere())
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path())
@group(
    "Which images",
    click.option("--source", type=click.Path(), metavar="FOLDER", help="Where the images are now, if they were moved."),
)
@printed("what decided", quiet=False)
def why(manifest: Path, files: tuple[str, ...], source: str | None, as_json: bool) -> None:
    """Print why each FILE is kept or dropped: its numbers beside what the rules ask, its twin and how far that is.

    MANIFEST is the file that `dataprep clean` wrote, or the folder that holds it. FILE is the path of an image, its name in the
    manifest, or the end of that, if no other name ends so. No image is read.
    """
    from dataprep.cli.apply import read
    from dataprep.cli.explained import as_data, find, show
    from dataprep.cli.terminal import say, say_json
    from dataprep.manifest.explain import explain

    whole = read(manifest, source)
    found = [explain(whole, find(whole, file)) for file in files]
    if as_json:
        say_json([as_data(one) for one in found])
        return
    for number, one in enumerate(found):
        say("", quiet=not number)
        show(one)
