"""How fast `clean` is: against the least that it could do, against what people use today, and within the whole command."""

import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from cleaners import cleaner, least, photos_of
from figures import Compare, Pair

from dataprep.cleaning.clean import clean
from dataprep.machine import cores

pytestmark = pytest.mark.throughput

LEAST = "reading, SHA-256, decoding"
FAST = {"imagehash": 2.6, "czkawka": 2.0, "imagededup": 3.3}  # the least ratios
SLOW = {"cleanvision": 12.0, "fastdup": 12.0}
WHOLE = 0.87  # of the speed of `dp.clean` in a process of its own: the command takes 1.15 times as long, at most
CODE = "import sys, dataprep as dp; dp.clean(sys.argv[1], cache=sys.argv[2])"


def cleaning(folder: Path, tmp_path: Path) -> Callable[[], object]:
    """Returns what cleans a folder anew each time it is called."""
    images, runs = len(photos_of(folder)), count()

    def cleaned() -> None:
        manifest = clean(folder, cache=tmp_path / f"cache{next(runs)}")
        assert len(manifest) == images
        assert manifest.reasons().get("unreadable", 0) == 0

    return cleaned


def race(folder: Path, tmp_path: Path, compare: Compare, title: str, peers: Mapping[str, float], turns: int = 3) -> None:
    """Runs `clean` against the peers that are installed."""
    things: dict[str, Any] = {"clean": cleaning(folder, tmp_path)}
    for name in peers:
        thing = partial(least, folder, cores()) if name == LEAST else cleaner(name, folder, cores())
        things |= {} if thing is None else {name: thing}
    if len(things) == 1:
        pytest.skip(f"none of {', '.join(peers)} is installed")
    things["clean"]()  # what the first run in a process imports, no later one does
    floors: dict[Pair, float] = {("clean", name): floor for name, floor in peers.items() if name in things}
    compare(title, things, len(photos_of(folder)), floors, turns)


def test_cleaning_keeps_up(thousand_photos: Path, tmp_path: Path, compare: Compare) -> None:
    """`clean` as a whole is as fast as reading and decoding alone, and a multiple of looking for copies by other tools."""
    race(thousand_photos, tmp_path, compare, "cleaning", {LEAST: 0.95, **FAST})


@pytest.mark.usefixtures("long")
def test_cleaning_is_far_ahead(thousand_photos: Path, tmp_path: Path, compare: Compare) -> None:
    """`clean` is many times as fast as tools that look for several faults."""
    race(thousand_photos, tmp_path, compare, "cleaning, slow peers", SLOW, turns=1)


def command(folder: Path, tmp_path: Path, compare: Compare, title: str, turns: int) -> None:
    """Runs the command with its report against `dp.clean` alone, each in a process of its own, and against it in this one."""
    runs = count()

    def whole() -> None:
        run(["-m", "dataprep", "clean", str(folder), "--out", str(tmp_path / f"out{next(runs)}")])

    def alone() -> None:
        run(["-c", CODE, str(folder), str(tmp_path / f"alone{next(runs)}")])

    things = {"dataprep clean": whole, "python, dp.clean": alone, "dp.clean": cleaning(folder, tmp_path)}
    things["dp.clean"]()
    floors = {("dataprep clean", "python, dp.clean"): WHOLE, ("dataprep clean", "dp.clean"): 0.3}
    compare(title, things, len(photos_of(folder)), floors, turns)


def run(arguments: list[str]) -> None:
    """Runs Python, which has to end well."""
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_command_adds_little(thousand_photos: Path, tmp_path: Path, compare: Compare) -> None:
    """The whole command, with its imports and its report, takes little longer than `clean`, of 1,000 files."""
    command(thousand_photos, tmp_path, compare, "the command, 1,000 files", turns=3)


@pytest.mark.usefixtures("long")
def test_the_command_adds_little_to_much(twenty_thousand_photos: Path, tmp_path: Path, compare: Compare) -> None:
    """The same of 20,000 files."""
    command(twenty_thousand_photos, tmp_path, compare, "the command, 20,000 files", turns=1)
