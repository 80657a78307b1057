"""How far a command is: a bar where somebody watches, else a line every so often, as logs of jobs want it."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from dataprep.cli.terminal import say_error
from dataprep.progress import SCANNING
from dataprep.protocols import Progress

EVERY: Final = 15.0
"""Seconds between two lines; what takes less prints none."""


@contextmanager
def progress_bar(quiet: bool = False, first: str = "preparing") -> Iterator[Progress]:
    """Gives what is called as images are done; nothing is shown if quiet.

    Args:
        quiet: Whether to show nothing.
        first: What is done before anything can be counted.
    """
    if quiet:
        yield lambda what, done, total: None
    elif not sys.stderr.isatty():
        yield Lines()
    else:
        from dataprep.cli.console import Terminal
        from dataprep.progress import Bar

        bar = Bar(Terminal(error=True), first)
        with bar.live:
            yield bar.advance


class Lines:
    """Prints a line on standard error when the last one was a while ago."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, say: Callable[[str], object] = say_error) -> None:
        """Takes what tells the time, in seconds, and what prints a line."""
        self._clock, self._say = clock, say
        self._what, self._first = "", 0
        self._start = self._last = clock()

    def __call__(self, what: str, done: int, total: int) -> None:
        """Takes how many images are done of one kind of work."""
        now = self._clock()
        if what != self._what:
            self._what, self._first, self._start = what, done, now
        if now - self._last < EVERY:
            return
        passed = now - self._start
        rate = f", {(done - self._first) / passed:,.0f} images/s" if passed and done > self._first else ""
        of = " images so far" if what == SCANNING else f" of {total:,} images"
        self._say(f"{what}: {done:,}{of}{rate}")
        self._last = now
