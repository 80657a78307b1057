"""What `dataprep parity` compares and prints: the same recipes through the CPU kernels and through DALI."""

from importlib import import_module
from typing import Any, Final

from rich.table import Table

from dataprep.cli.console import Terminal
from dataprep.errors import LoaderError
from dataprep.stages import ColorJitter, HorizontalFlip, Normalize, RandomResizedCrop

TRAINING: Final = (RandomResizedCrop(224), HorizontalFlip(), ColorJitter(0.4, 0.4, 0.4), Normalize.imagenet())
STANDARD: Final = 0.999  # share of values within 2 of 255 that the same batch has on both sides


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


def backends() -> Any:
    """Returns the module that compares, or says what to install."""
    try:
        return import_module("dataprep.backends.dali.parity")
    except ModuleNotFoundError as error:
        hint = "pip install 'dataprep-images[dali,torch]'"
        raise LoaderError(f"parity needs DALI and torch, and {error.name} is missing: {hint}") from error
