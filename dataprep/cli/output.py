"""What the commands print: a progress bar while they work, a table when they are done."""

import sys
from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from dataprep.manifest import NAME
from dataprep.report import Summary


class ProgressBar:
    """A bar on standard error, which also counts how many images were measured in this run."""

    def __init__(self, what: str, quiet: bool) -> None:
        """Shows nothing if quiet, or if nobody watches."""
        self._known: int | None = None
        self._done = 0
        columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TaskProgressColumn(), TimeRemainingColumn())
        console = Console(stderr=True)
        self._bar = Progress(*columns, console=console, transient=True, disable=quiet or not sys.stderr.isatty())
        self._task = self._bar.add_task(what, total=None)

    @property
    def measured(self) -> int:
        """Images measured so far in this run."""
        return self._done - (self._known or 0)

    def advance(self, done: int, total: int) -> None:
        """Shows how many images are done; the first call says how many were known before."""
        if self._known is None:
            self._known = done
        self._done = done
        self._bar.update(self._task, completed=done, total=total)

    def __enter__(self) -> "ProgressBar":
        """Starts to show."""
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Wipes the bar."""
        self._bar.stop()


def progress_bar(what: str, quiet: bool) -> ProgressBar:
    """Returns a bar to use in a `with` statement."""
    return ProgressBar(what, quiet)


def say(text: str, quiet: bool = False) -> None:
    """Prints a line as it is, unless quiet."""
    if not quiet:
        Console(highlight=False).print(text, soft_wrap=True, markup=False)


def show(summary: Summary, out: Path) -> None:
    """Prints the summary of a cleaning run."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column()
    table.add_column(justify="right")
    table.add_row("scanned", f"{summary.scanned:,}")
    table.add_row("[bold]kept[/]", f"[bold]{summary.kept:,}[/]")
    for reason, count in summary.dropped.items():
        table.add_row(f"  {escape(reason)}", f"{count:,}")
    if summary.leaks:
        table.add_row("[bold red]leaks, copies of protected images[/]", f"{summary.leaks:,}")
    if summary.conflicts:
        table.add_row("[bold]copies whose labels disagree[/]", f"{summary.conflicts:,}")
    if summary.ignored:
        table.add_row("other files, left alone", f"{summary.ignored:,}")
    if summary.mean and summary.std:
        table.add_row("mean", " ".join(f"{value:.4f}" for value in summary.mean))
        table.add_row("std", " ".join(f"{value:.4f}" for value in summary.std))
    console = Console(highlight=False)
    console.print(table)
    known = summary.scanned - summary.measured
    again = f" ({known:,} known from before)" if known else ""
    console.print(f"{summary.seconds:.1f} s, {summary.rate:,.0f} images/s{again}")
    for name in (NAME, "report.html"):
        if (out / name).exists():
            say(f"{name.partition('.')[0]}: {out / name}")
