"""What `dataprep split` prints: label by split, and what could not be had."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from rich.markup import escape
from rich.table import Table

from dataprep.cli.console import Terminal
from dataprep.cli.terminal import say
from dataprep.manifest.splits import Division

VERSION: Final = 1
ROWS: Final = 20  # labels; more do not fit a screen
NAMED: Final = 5  # labels that a note lists


def as_data(rows: list[Division], shares: Mapping[str, float], seed: int, target: str | Path) -> dict[str, Any]:
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


def show(rows: list[Division], target: str | Path, dry_run: bool) -> None:
    """Prints label by split, or the totals of many labels; then what could not be had, and where the manifest is."""
    Terminal().print(tabulate(rows))
    if len(rows) > ROWS:
        say(furthest(rows))
    for note in notes(rows):
        say(note)
    say(f"would write {target} (--dry-run)" if dry_run else f"manifest: {target}")


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
