"""What the commands print of a manifest when they are done: a table, labels, notes and warnings."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from rich.markup import escape
from rich.table import Table

from dataprep.cleaning.folder import REPORT, SUMMARY
from dataprep.cli.command import is_verbose
from dataprep.cli.console import Terminal
from dataprep.cli.terminal import say
from dataprep.manifest import NAME
from dataprep.report import Summary
from dataprep.report.finding import percent
from dataprep.report.labels import Label, most_notable
from dataprep.sources import endings
from dataprep.sources.listing import counted

WARNINGS: Final = 6
"""Warnings that the terminal shows; the others are counted."""


SPLITS: Final = 8
"""Splits that the terminal names."""

SETTLED: Final = {"keep": "keeping the best", "majority": "majority", "drop": "dropping all"}
"""What was done where labels of copies disagree."""
LABELS: Final = 12
"""Labels that the terminal lists."""
REASONS: Final = 3
"""Reasons that the terminal lists of a label."""
WIDE: Final = 40
"""Characters of a label that the terminal shows."""


def show(summary: Summary, out: Path) -> None:
    """Prints the summary of a cleaning run."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column()
    table.add_column(justify="right")
    table.add_row("scanned", f"{summary.scanned:,}")
    table.add_row("[bold]kept[/]", f"[bold]{summary.kept:,}[/]")
    for reason, count in summary.dropped.items():
        table.add_row(f"  {escape(reason)}", f"{count:,}")
    for row in _copies(summary).items():
        table.add_row(*row)
    if summary.ignored:
        table.add_row("other files, left alone", escape(endings(summary.ignored)))
    if summary.mean and summary.std:
        table.add_row("mean", " ".join(f"{value:.4f}" for value in summary.mean))
        table.add_row("std", " ".join(f"{value:.4f}" for value in summary.std))
        table.add_row("  both of", escape(summary.statistics_of or ""))
    console = Terminal()
    console.print(table)
    again = f" ({summary.known:,} known from before)" if summary.known else ""
    if summary.seconds:
        console.print(f"{summary.seconds:.1f} s, {summary.rate:,.0f} images/s{again}")
    if summary.retries:
        say(f"{counted(summary.retries, 'request')} to the store made again, after faults that passed")
    for line in _splits(summary):
        say(line)
    show_labels(summary, console)
    for remark in summary.remarks:
        say(f"note: {remark}")
    for name in (NAME, REPORT):
        if (out / name).exists():
            say(f"{name.partition('.')[0]}: {out / name}")
    warn(summary)


def show_labels(summary: Summary, console: Terminal) -> None:
    """Prints what became of the images of each label: of all labels where they are few, else of those that want a look."""
    whole = is_verbose() or len(summary.labels) <= LABELS
    rows = list(summary.labels) if whole else most_notable(summary.labels)[:LABELS]
    found = {spelt(name): summary.labels[name] for name in rows}
    if summary.unlabelled is not None:
        found["(no label)"] = summary.unlabelled
    if not summary.labels:
        say("labels: none")
        return
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column(f"{len(summary.labels):,} label{'' if len(summary.labels) == 1 else 's'}", overflow="fold")
    for name in ("images", "kept"):
        table.add_column(name, justify="right")
    table.add_column("dropped", overflow="fold")
    for name, label in found.items():
        mark = "[bold red]![/] " if label.flags else ""
        table.add_row(mark + escape(name), f"{label.images:,}", f"{label.kept:,}", escape(reasons_of(label)))
    console.print(table)
    if not whole:
        say(f"and {len(summary.labels) - LABELS:,} more labels, in {SUMMARY}; -v lists all")


def reasons_of(label: Label) -> str:
    """Returns how many images of a label were dropped for the most frequent reasons."""
    shown = [f"{count:,} {reason}" for reason, count in list(label.dropped.items())[:REASONS]]
    return ", ".join(shown) + (f" and {len(label.dropped) - REASONS:,} more" if len(label.dropped) > REASONS else "")


def spelt(text: str) -> str:
    """Returns a text so that it cannot break a line or turn a terminal, and has no end."""
    plain = text if text.isprintable() else repr(text)[1:-1]
    return plain if len(plain) <= WIDE else f"{plain[: WIDE - 1]}…"


def _splits(summary: Summary) -> Iterator[str]:
    """Yields what became of splits, and how many images are kept of each."""
    if summary.splits:
        shown = [f"{name} {count:,}" for name, count in list(summary.splits.items())[:SPLITS]]
        more = f" and {len(summary.splits) - SPLITS:,} more" if len(summary.splits) > SPLITS else ""
        yield f"splits: {', '.join(shown)}{more}"
    if summary.carried:
        said = f"splits are those that the images had: {summary.carried['known']:,}"
        said += f", {summary.carried['new']:,} new ones were divided alike" if summary.carried["new"] else ""
        moved = summary.carried["moved"]
        yield said + (f", {moved:,} went to the larger split that they are copies of images in" if moved else "")


def warn(summary: Summary) -> None:
    """Prints what looks wrong on standard error, the worst first; nothing where nothing does."""
    if not summary.warnings:
        return
    console = Terminal(error=True)
    console.print(f"\n[bold red]Look at this before you use the result ({summary.suspicious:,}):[/]", soft_wrap=True)
    shown = summary.suspicious if is_verbose() else WARNINGS
    for finding in summary.warnings[:shown]:
        console.print(f"[bold red]![/] [bold]{escape(finding.sentence)}[/]", soft_wrap=True)
    if summary.suspicious > shown:
        console.print(f"[bold red]![/] and {summary.suspicious - shown:,} more, in {SUMMARY}", soft_wrap=True)


def _copies(summary: Summary) -> dict[str, str]:
    """Returns the rows about copies: those that were looked for, and of near duplicates across labels those that there are."""
    rows = {
        "[bold]leaks, copies of protected images[/]": summary.leaks,
        "[bold]copies whose labels disagree[/]": summary.conflicts,
    }
    found = {name: f"{count:,}" for name, count in rows.items() if count is not None}
    if summary.conflicts and summary.conflict_rule:
        found["  settled by"] = SETTLED[summary.conflict_rule]
    if summary.near_conflicts and summary.near_duplicates:
        share = percent(summary.near_conflicts, summary.near_duplicates)
        found["  of near duplicates"] = f"{summary.near_conflicts:,} of {summary.near_duplicates:,} ({share})"
    if summary.protected_copies:
        found["copies among protected images, kept"] = f"{summary.protected_copies:,}"
    if summary.protected_conflicts:
        found["  whose labels disagree"] = f"{summary.protected_conflicts:,}"
    return found
