"""`dataprep split`: training, validation and test images of one manifest, with duplicates on the same side."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from rich.markup import escape
from rich.table import Table

from dataprep.cli.command import Command
from dataprep.cli.terminal import Terminal, say, say_json
from dataprep.manifest import Manifest, file_of
from dataprep.manifest.splits import Division, divisions, shares_of
from dataprep.manifest.splits import split as split_manifest
from dataprep.report.summary import name_trained

VERSION = 1
ROWS = 20  # labels; more do not fit a screen
NAMED = 5  # labels that a note lists


@click.command(cls=Command, epilog="Exit codes: 0 done; 1 nothing was done; 2 wrong usage; 130 stopped by Ctrl-C.")
@click.argument("manifest", type=click.Path(path_type=Path))
@click.option("--train", type=float, metavar="SHARE", help="Share of the training images, such as 0.8.")
@click.option("--val", type=float, metavar="SHARE", help="Share of the validation images.")
@click.option("--test", type=float, metavar="SHARE", help="Share of the test images.")
@click.option("--folds", type=click.IntRange(2), metavar="K", help="Instead of shares: K equal parts for a cross-validation.")
@click.option("--out", type=click.Path(path_type=Path), help="File to write, instead of MANIFEST itself.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the random division.")
@click.option("--replace", is_flag=True, help="Replace splits that the manifest has already.")
@click.option("--json", "as_json", is_flag=True, help="Print the counts as JSON.")
def split(
    manifest: Path,
    train: float | None,
    val: float | None,
    test: float | None,
    folds: int | None,
    out: Path | None,
    seed: int,
    replace: bool,
    as_json: bool,
) -> None:
    """Divide the images of MANIFEST into splits whose shares sum to 1, each label in the same proportions.

    A duplicate always goes into the split of its twin, so that no two splits share an image. Only kept images count for the
    shares. MANIFEST is the file that `dataprep clean` wrote, or the folder that holds it. The same seed gives the same splits,
    and when images are added later, few of the old ones change their split; `dataprep clean` into the same folder moves none.

    With --folds, `manifest.fold(0)` in Python gives the images to train on and to validate with in the first round.
    """
    shares = {name: share for name, share in (("train", train), ("val", val), ("test", test)) if share is not None}
    if not shares and folds is None:
        raise click.UsageError("no shares are given; add some, such as --train 0.8 --val 0.1 --test 0.1, or --folds 5")
    parts = shares_of(shares or None, folds)
    path = file_of(manifest)
    done = split_manifest(Manifest.read(path), shares or None, seed, folds=folds, replace=replace)
    target = path if out is None else out
    done.write(target)
    rows = divisions(done, parts)
    if as_json:
        say_json(as_data(rows, parts, seed, target))
    else:
        show(rows, target)
        if done.statistics is not None:
            say(f"mean and std for every split are those of {name_trained(done)}")


def as_data(rows: list[Division], shares: Mapping[str, float], seed: int, target: Path) -> dict[str, Any]:
    """Returns what the table and the notes say as plain data."""
    labels = [{"label": row.label, "images": row.images, "splits": row.counts, "absent": list(row.absent)} for row in rows]
    return {
        "version": VERSION,
        "manifest": str(target),
        "seed": seed,
        "shares": dict(shares),
        "images": sum(row.images for row in rows),
        "splits": totals(rows),
        "labels": labels,
    }


def totals(rows: list[Division]) -> dict[str, int]:
    """Returns how many images each split has."""
    return {name: sum(row.counts[name] for row in rows) for name in rows[0].counts}


def show(rows: list[Division], target: Path) -> None:
    """Prints label by split, or the totals of many labels; then what could not be had, and where the manifest is."""
    Terminal().print(tabulate(rows))
    if len(rows) > ROWS:
        say(furthest(rows))
    for note in notes(rows):
        say(note)
    say(f"manifest: {target}")


def tabulate(rows: list[Division]) -> Table:
    """Returns the table of counts, one line for each label unless there are many, and the totals."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("")
    for name in rows[0].counts:
        table.add_column(name, justify="right")
    for row in rows if len(rows) <= ROWS else ():
        table.add_row(escape(name_of(row)), *(f"{count:,}" for count in row.counts.values()))
    whole = "all" if len(rows) == 1 else f"all {len(rows):,} labels"
    table.add_row(f"[bold]{whole}[/]", *(f"[bold]{count:,}[/]" for count in totals(rows).values()))
    return table


def furthest(rows: list[Division]) -> str:
    """Returns a sentence about the label that is furthest from its share of a split."""
    row = max(rows, key=lambda row: row.deviation(row.worst))
    count, wanted = row.counts[row.worst], row.wanted[row.worst]
    return f"furthest from its share: {name_of(row)} with {count:,} of {row.images:,} images in {row.worst}, not {wanted:,.1f}"


def notes(rows: list[Division]) -> list[str]:
    """Returns a sentence for each split that lacks labels."""
    said = []
    for name in rows[0].counts:
        lacking = [row for row in rows if name in row.absent]
        if lacking:
            shown = ", ".join(f"{name_of(row)} ({row.images:,})" for row in lacking[:NAMED])
            more = f" and {len(lacking) - NAMED:,} more" if len(lacking) > NAMED else ""
            said.append(f"note: too few images to be in {name}: {shown}{more}")
    return said


def name_of(row: Division) -> str:
    """Returns the label, or what stands for none."""
    return "(no label)" if row.label is None else row.label
