"""How far the work is, for who waits for it: a bar in a terminal or below a cell of a notebook, nothing where nobody looks.

Rich draws both. In a notebook its own live display needs ipywidgets, which IPython's display of what it draws does not.
"""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

from dataprep.errors import DataprepError
from dataprep.protocols import Progress

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

Watch: TypeAlias = Progress | bool | None
"""True for a bar where somebody looks, False or None for nothing, or a function that is called in its place."""

SCANNING: Final = "scanning"
"""What is done while a source is listed: nobody knows how many images there are, so both numbers are those found so far."""

STEP: Final = 100
"""Images found between two calls; a slow source finds some hundred a second."""

Found = TypeVar("Found")
_SCAN: ContextVar[Callable[[], None] | None] = ContextVar("scan", default=None)

PAUSE: Final = 0.1  # seconds between two pictures of a bar in a notebook, each of which is sent to a browser


@contextmanager
def watched(wanted: Watch) -> Iterator[Progress | None]:
    """Gives what is to be called as work is done, and takes the bar away at the end.

    Raises:
        DataprepError: It is neither True nor False, None nor a function.
    """
    if wanted is True:
        with _bar() as advance:
            yield advance
    elif wanted is False or wanted is None or callable(wanted):
        yield wanted or None
    else:
        raise DataprepError(f"progress={wanted!r:.200}: True shows a bar, False none; or give a function (what, done, total)")


@contextmanager
def scanning(progress: Progress | None) -> Iterator[None]:
    """Has told, while a source is listed, how many images it found: what lists them and who waits know nothing of each other."""
    found = 0

    def count() -> None:
        nonlocal found
        found += 1
        if found % STEP == 0 and progress is not None:
            progress(SCANNING, found, found)

    token = _SCAN.set(count)
    try:
        yield
    finally:
        _SCAN.reset(token)


def as_found(images: Iterable[Found]) -> Iterator[Found]:
    """Yields what a source finds, and counts it for whoever waits for the scan."""
    count = _SCAN.get() or (lambda: None)
    for image in images:
        count()
        yield image


class Bar:
    """One bar for one kind of work after the other, and how many images a second that is."""

    def __init__(self, console: "Console | None" = None, first: str = "preparing") -> None:
        """Takes where it is drawn, None for standard error, and what is done before anything can be counted."""
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        parts = (
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[share]}"),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
        )
        console = console or Console(stderr=True)
        self.live = Progress(TextColumn("{task.description}"), *parts, console=console, transient=True)
        self._what, self._start = first, (0.0, 0)
        self._task = self.live.add_task(self._what, total=None, rate="", share="")

    def advance(self, what: str, done: int, total: int) -> None:
        """Shows how many images are done; other work than before starts a bar of its own."""
        now = time.perf_counter()
        known = None if what == SCANNING else total
        if what != self._what:
            self.live.remove_task(self._task)
            self._what, self._start = what, (now, done)  # what was done before, such as known images, tells no rate
            self._task = self.live.add_task(what, total=known, rate="", share="")
        passed, made = now - self._start[0], done - self._start[1]
        rate = f"{made / passed:,.0f} images/s" if passed > 0.5 and made else ""
        share = f"{done / known:4.0%}" if known else ""
        self.live.update(self._task, completed=done, total=known, rate=rate, share=share)

    def picture(self) -> "Table":
        """Returns the bar as it is now."""
        return self.live.make_tasks_table(self.live.tasks)


@contextmanager
def _bar() -> Iterator[Progress | None]:
    """Gives a bar where somebody looks."""
    if _in_notebook():
        with _below_a_cell() as advance:
            yield advance
    elif sys.stderr is not None and sys.stderr.isatty():
        bar = Bar()
        with bar.live:
            yield bar.advance
    else:
        yield None


def _in_notebook() -> bool:
    """Returns whether a kernel of Jupyter, or of what speaks its language, runs this process."""
    shell: Callable[[], Any] = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)
    return hasattr(shell(), "kernel")


@contextmanager
def _below_a_cell() -> Iterator[Progress]:
    """Gives a bar that is drawn anew in its place below a cell."""
    from IPython.display import display
    from rich.text import Text

    bar, shown = Bar(), time.perf_counter()
    place = display(bar.picture(), display_id=True)

    def advance(what: str, done: int, total: int) -> None:
        nonlocal shown
        bar.advance(what, done, total)
        if time.perf_counter() - shown >= PAUSE:
            place.update(bar.picture())
            shown = time.perf_counter()

    try:
        yield advance
    finally:
        place.update(Text(""))
