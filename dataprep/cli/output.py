"""What the commands print: a progress bar while they work, a table when they are done."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Final

from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from dataprep.cleaning.folder import REPORT, SUMMARY
from dataprep.cli.terminal import Terminal, say
from dataprep.manifest import NAME
from dataprep.report import Summary
from dataprep.report.findings import percent

WARNINGS: Final = 6
"""Warnings that the terminal shows; the others are counted."""


SPLITS: Final = 8
"""Splits that the terminal names."""


class ProgressBar:
    """A bar on standard error for one kind of work after the other; nothing if quiet, or if nobody watches."""

    def __init__(self, quiet: bool) -> None:
        """Takes whether to show nothing."""
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(),
        )
        console = Terminal(error=True)
        self._bar = Progress(*columns, console=console, transient=True, disable=quiet or not sys.stderr.isatty())
        self._task = self._bar.add_task("preparing", total=None)
        self._what = "preparing"

    def advance(self, what: str, done: int, total: int) -> None:
        """Shows how many images are done; other work than before starts a bar of its own."""
        if what != self._what:
            self._bar.remove_task(self._task)
            self._task, self._what = self._bar.add_task(what, total=total), what
        self._bar.update(self._task, completed=done, total=total)

    def __enter__(self) -> "ProgressBar":
        """Starts to show."""
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Wipes the bar."""
        self._bar.stop()


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
        table.add_row("other files, left alone", f"{summary.ignored:,}")
    if summary.mean and summary.std:
        table.add_row("mean", " ".join(f"{value:.4f}" for value in summary.mean))
        table.add_row("std", " ".join(f"{value:.4f}" for value in summary.std))
        table.add_row("  both of", escape(summary.statistics_of or ""))
    console = Terminal()
    console.print(table)
    again = f" ({summary.known:,} known from before)" if summary.known else ""
    if summary.seconds:
        console.print(f"{summary.seconds:.1f} s, {summary.rate:,.0f} images/s{again}")
    for line in _splits(summary):
        say(line)
    for name in (NAME, REPORT):
        if (out / name).exists():
            say(f"{name.partition('.')[0]}: {out / name}")
    warn(summary)


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
    for finding in summary.warnings[:WARNINGS]:
        console.print(f"[bold red]![/] [bold]{escape(finding.sentence)}[/]", soft_wrap=True)
    if summary.suspicious > WARNINGS:
        console.print(f"[bold red]![/] and {summary.suspicious - WARNINGS:,} more, in {SUMMARY}", soft_wrap=True)


def _copies(summary: Summary) -> dict[str, str]:
    """Returns the rows about copies: those that were looked for, and of near duplicates across labels those that there are."""
    rows = {
        "[bold]leaks, copies of protected images[/]": summary.leaks,
        "[bold]copies whose labels disagree[/]": summary.conflicts,
    }
    found = {name: f"{count:,}" for name, count in rows.items() if count is not None}
    if summary.near_conflicts and summary.near_duplicates:
        share = percent(summary.near_conflicts, summary.near_duplicates)
        found["  of near duplicates"] = f"{summary.near_conflicts:,} of {summary.near_duplicates:,} ({share})"
    if summary.protected_copies:
        found["copies among protected images, kept"] = f"{summary.protected_copies:,}"
    if summary.protected_conflicts:
        found["  whose labels disagree"] = f"{summary.protected_conflicts:,}"
    return found
