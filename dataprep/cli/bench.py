"""`dataprep bench`: how fast the images of a manifest can be loaded on this machine, and what holds it up."""

from pathlib import Path

import click

from dataprep.cli.command import Command, group, printed
from dataprep.cli.options import Anywhere


@click.command(cls=Command, examples=("dataprep bench cleaned", "dataprep bench cleaned --images 2000 --workers 8 --json"))
@click.argument("manifest", type=Anywhere())
@group(
    "What is measured",
    click.option(
        "--images", type=click.IntRange(1), metavar="N", default=512, show_default=True, help="How many images to load."
    ),
    click.option("--batch-size", type=click.IntRange(1), metavar="N", default=64, show_default=True, help="Images in a batch."),
    click.option(
        "--workers",
        type=click.IntRange(1),
        metavar="N",
        help="Largest number of threads or processes to try.  [default: one for each core]",
    ),
)
@printed("the figures", quiet=False)
def bench(manifest: Path, images: int, batch_size: int, workers: int | None, as_json: bool) -> None:
    """Measure how fast this machine reads, decodes, transforms and batches the images of MANIFEST, and say what to change.

    MANIFEST is the file that `dataprep clean` wrote, or the folder that holds it. The ops of its pipeline are measured; where
    it has none, a random crop to 224 pixels, a flip and a normalisation.
    """
    from dataclasses import replace

    from dataprep.cli.rates import TRAINING, as_data, measure, show
    from dataprep.cli.terminal import say_json
    from dataprep.errors import LoaderError
    from dataprep.machine import cores
    from dataprep.manifest import Manifest
    from dataprep.pipeline import Pipeline

    whole = Manifest.read(manifest)
    pipeline = Pipeline(*(whole.pipeline.ops or TRAINING)).fill(whole.statistics)
    some = replace(whole, table=whole.kept().slice(0, images), pipeline=pipeline)
    if not len(some):
        raise LoaderError("the manifest keeps no image; `dataprep info` says why")
    done = measure(some, min(batch_size, len(some)), workers or cores())
    if as_json:
        say_json(as_data(done))
    else:
        show(done)
