"""How far a command is, where no terminal is: a line every so often, and none from what is quick or quiet."""

import os
import pty
import subprocess
import sys
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataprep.cli.progress import EVERY, Lines, progress_bar


def clock(times: list[float]) -> Iterator[float]:
    """Yields times, the first of them when the work begins."""
    return iter([0.0, *times])


def test_what_a_line_says(capsys: pytest.CaptureFixture[str]) -> None:
    """A line tells the work, how much of it is done, and its rate without what was done before."""
    lines = Lines(clock([1.0, EVERY + 1, EVERY + 2, 2 * EVERY + 1, 4 * EVERY]).__next__)
    for what, done in (("measuring", 100), ("measuring", 400), ("measuring", 500), ("thumbnails", 0), ("thumbnails", 90)):
        lines(what, done, 9000)
    rate = 90 / (2 * EVERY - 1)
    assert capsys.readouterr().err.splitlines() == [
        f"measuring: 400 of 9,000 images, {300 / EVERY:,.0f} images/s",
        "thumbnails: 0 of 9,000 images",
        f"thumbnails: 90 of 9,000 images, {rate:,.0f} images/s",
    ]


def test_what_a_line_says_of_a_scan() -> None:
    """A scan, of which nobody knows how long it is, tells how many images were found so far."""
    said: list[str] = []
    lines = Lines(clock([EVERY / 3, 4 * EVERY / 3]).__next__, said.append)
    lines("scanning", 0, 0)
    lines("scanning", 1500, 1500)
    assert said == ["scanning: 1,500 images so far, 100 images/s"]


@given(st.lists(st.floats(0, 10 * EVERY), max_size=50))
def test_not_too_often(steps: list[float]) -> None:
    """No two lines are nearer than that, and none comes sooner after the start, whatever the work reports when."""
    times, said, now = [], [], 0.0
    for step in steps:
        now += step
        times.append(now)

    lines = Lines(clock(times).__next__, said.append)
    for place, _ in enumerate(times):
        before = len(said)
        lines("measuring", place, len(times))
        said[before:] = [times[place]] * (len(said) - before)
    assert all(later - earlier >= EVERY for earlier, later in zip([0.0, *said], said, strict=False))
    assert bool(said) == any(time >= EVERY for time in times)


def test_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is said if quiet, nor where all is done at once."""
    for quiet in (True, False):
        with progress_bar(quiet) as advance:
            advance("measuring", 1, 2)
    assert capsys.readouterr() == ("", "")


TERMINAL = """
import sys
from dataprep.cli.progress import progress_bar
with progress_bar(False, "scanning") as advance:
    advance("measuring", 1, 2)
"""


def test_a_terminal_has_a_bar() -> None:
    """Where standard error is a terminal a bar shows the work, from what cannot be counted yet."""
    ours, theirs = pty.openpty()
    done = subprocess.run([sys.executable, "-c", TERMINAL], stderr=theirs, check=False)
    os.close(theirs)
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        said = terminal.read(100_000).decode()
    assert done.returncode == 0
    assert "measuring" in said and "1/2" in said
