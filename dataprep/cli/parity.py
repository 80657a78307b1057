"""`dataprep parity`: whether DALI makes the batches that the CPU backends make, op by op and end to end."""

from importlib import import_module
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from dataprep.cli.command import Command
from dataprep.cli.terminal import Terminal, say_json
from dataprep.errors import LoaderError
from dataprep.loading.loader import Loader
from dataprep.loading.sampler import Sampler
from dataprep.manifest import Manifest
from dataprep.pipeline import Pipeline
from dataprep.stages import ColorJitter, HorizontalFlip, Normalize, RandomResizedCrop

VERSION = 1
TRAINING = (RandomResizedCrop(224), HorizontalFlip(), ColorJitter(0.4, 0.4, 0.4), Normalize.imagenet())
STANDARD = 0.999  # share of values within 2 of 255 that the same batch has on both sides


@click.command(cls=Command, epilog="Exit codes: 0 the backends agree; 1 nothing was done; 2 wrong usage; 3 they do not agree.")
@click.argument("manifest", type=click.Path(path_type=Path))
@click.option("--pipeline", type=click.Path(path_type=Path), help="Pipeline file whose ops to use instead of the manifest's.")
@click.option("--samples", type=click.IntRange(1), default=64, show_default=True, help="Images to compare.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the choice of images and of their augmentations.")
@click.option("--device", type=click.Choice(["cpu", "gpu"]), default="cpu", show_default=True, help="Where DALI runs.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def parity(manifest: Path, pipeline: Path | None, samples: int, seed: int, device: str, as_json: bool) -> int:
    """Run the same recipes through the CPU kernels and through DALI, and print how alike the images are.

    MANIFEST is the file that `dataprep clean` wrote, or the folder that holds it. Where it has no ops, and without --pipeline,
    the ops are a random crop to 224 pixels, a flip, a colour jitter and a normalisation. The backends agree if 99.9 % of all
    values differ by at most 2 of 255.
    """
    backends = _backends()
    loaded = Manifest.read(manifest)
    ops = Pipeline(*(Pipeline.read(pipeline).ops if pipeline else loaded.pipeline.ops or TRAINING)).fill(loaded.statistics)
    size = min(samples, loaded.kept().num_rows)
    dali = backends.Dali(device=device)
    loader = Loader(loaded, ops, batch_size=max(1, size), sampler=Sampler(seed=seed, rank=0, world_size=1), backend=dali)
    recipe = next(iter(loader.recipes()))
    rows = list(backends.parity(loader.source, loader.pipeline.ops, recipe, dali))
    agree = rows[-1].close >= STANDARD
    if as_json:
        steps = [row._asdict() for row in rows]
        say_json({"version": VERSION, "images": size, "device": device, "agree": agree, "steps": steps})
    else:
        show(rows, size, agree)
    return 0 if agree else 3


def show(rows: list[Any], images: int, agree: bool) -> None:
    """Prints a line for each step and the verdict."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("")
    for name in ("equal", "within 2", "mean", "p99", "most"):
        table.add_column(name, justify="right")
    for row in rows:
        shares = f"{row.equal:.2%}", f"{row.close:.3%}"
        table.add_row(row.step + "*" * bool(row.on_host), *shares, f"{row.mean:.3f}", f"{row.p99:.1f}", f"{row.most:.1f}")
    console = Terminal()
    console.print(table)
    for row in rows:
        if row.on_host:
            console.print(f"* {row.step} runs on the CPU before the graph: {row.on_host}", soft_wrap=True)
    verdict = "the same batches" if agree else "NOT the same batches: less than 99.9 % of the values are within 2 of 255"
    console.print(f"{images:,} images, differences of 255: {verdict}", soft_wrap=True)


def _backends() -> Any:
    """Returns the module that compares, or says what to install."""
    try:
        return import_module("dataprep.backends.dali.parity")
    except ModuleNotFoundError as error:
        hint = "pip install 'dataprep-images[dali,torch]'"
        raise LoaderError(f"parity needs DALI and torch, and {error.name} is missing: {hint}") from error
