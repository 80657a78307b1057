"""`dataprep parity`: whether DALI makes the batches that the CPU backends make, op by op and end to end."""

import sys
from pathlib import Path
from typing import Final

import click

from dataprep.cli.command import Command, group, printed
from dataprep.cli.options import Anywhere, Here

VERSION: Final = 1


@click.command(
    cls=Command,
    examples=("dataprep parity cleaned", "dataprep parity cleaned --pipeline pipeline.yaml --device gpu"),
    codes={0: "the backends agree", 3: "they do not agree"},
)
@click.argument("manifest", type=Anywhere())
@group(
    "What is compared",
    click.option(
        "--pipeline",
        type=Here(),
        metavar="FILE",
        help="Pipeline file whose ops to use instead of the manifest's.",
    ),
    click.option("--samples", type=click.IntRange(1), metavar="N", default=64, show_default=True, help="Images to compare."),
    click.option(
        "--seed", type=int, default=0, show_default=True, help="Seed of the choice of images and of their augmentations."
    ),
    click.option("--device", type=click.Choice(["cpu", "gpu"]), default="cpu", show_default=True, help="Where DALI runs."),
)
@printed("the figures", quiet=False)
def parity(manifest: Path, pipeline: Path | None, samples: int, seed: int, device: str, as_json: bool) -> None:
    """Run the same recipes through the CPU kernels and through DALI, and print how alike the images are.

    MANIFEST is the file that `dataprep clean` wrote, or the folder that holds it. Where it has no ops, and without --pipeline,
    the ops are a random crop to 224 pixels, a flip, a colour jitter and a normalisation. The backends agree if 99.9 % of all
    values differ by at most 2 of 255.
    """
    from dataprep.cli.likeness import STANDARD, TRAINING, backends, show
    from dataprep.cli.terminal import say_json
    from dataprep.loading.loader import Loader
    from dataprep.loading.sampler import Sampler
    from dataprep.manifest import Manifest
    from dataprep.pipeline import Pipeline

    known = backends()
    loaded = Manifest.read(manifest)
    ops = Pipeline(*(Pipeline.read(pipeline).ops if pipeline else loaded.pipeline.ops or TRAINING)).fill(loaded.statistics)
    size = min(samples, loaded.kept("id").num_rows)
    dali = known.Dali(device=device)
    loader = Loader(loaded, ops, batch_size=max(1, size), sampler=Sampler(seed=seed, rank=0, world_size=1), backend=dali)
    recipe = next(iter(loader.recipes()))
    rows = list(known.parity(loader.source, loader.pipeline.ops, recipe, dali))
    agree = rows[-1].close >= STANDARD
    if as_json:
        steps = [row._asdict() for row in rows]
        say_json({"version": VERSION, "images": size, "device": device, "agree": agree, "steps": steps})
    else:
        show(rows, size, agree)
    if not agree:
        sys.exit(3)
