"""The kept figures: how many times as fast as its peer everything was, and races that fail when that is lost.

`figures.json` holds them, with the version and the machine that they were measured on. A race is run in turns, and only what ran
in the same turn is compared. Where a ratio looks lost the race is run again, up to RUNS times, and the median of all turns
counts, so that a bad minute of a shared machine fails nothing. `pytest tests/throughput --update-figures` runs every race RUNS
times and keeps what it finds.
"""

import json
import platform
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

import dataprep
from dataprep.machine import cores

KEPT = Path(__file__).with_name("figures.json")
RUNS, TURNS = 3, 5
LOSS = 0.15  # of a kept ratio; more is a regression
LOSS_ELSEWHERE = 0.35  # on another machine, which may suit a peer better or worse than it suits us

Pair = tuple[str, str]  # what is judged, and the peer that it is judged by
Seconds = Mapping[str, float]  # how long each thing took in one turn
Compare = Callable[[str, Mapping[str, Callable[[], object]], int, Mapping[Pair, float]], None]


class Figure(NamedTuple):
    """How many times as fast as its peer something is: the median of all turns, and the least and the largest median of a run."""

    ratio: float
    lowest: float
    highest: float


def machine() -> str:
    """Returns the processor, and how many cores of it there are."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    name = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())
    return f"{cores()} cores, {name}"


def ratio(pair: Pair, turns: Iterable[Seconds]) -> float:
    """Returns how many times as fast the first of two is as the second: the median of the turns."""
    return float(np.median([seconds[pair[1]] / seconds[pair[0]] for seconds in turns]))


def seconds_of(thing: Callable[[], object]) -> float:
    """How long something takes; a context is entered before the clock starts and left after it stops."""
    with thing if isinstance(thing, AbstractContextManager) else nullcontext():
        start = time.perf_counter()
        thing()
        return time.perf_counter() - start


@dataclass
class Figures:
    """The figures that were kept, and those of this run.

    Attributes:
        kept: By name.
        loss: Which part of a kept ratio may be lost.
        update: Whether this run makes new ones and is not judged by the kept.
        found: Those of this run, by name.
    """

    kept: Mapping[str, Figure]
    loss: float = LOSS
    update: bool = False
    found: dict[str, Figure] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path = KEPT, *, update: bool = False) -> "Figures":
        """Reads what was kept."""
        content = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"machine": None, "figures": {}}
        kept = {name: Figure(**figure) for name, figure in content["figures"].items()}
        return cls(kept, LOSS if content["machine"] == machine() else LOSS_ELSEWHERE, update)

    def write(self, path: Path = KEPT) -> None:
        """Keeps the figures of this run, and of what was not run those from before."""
        figures = {name: figure._asdict() for name, figure in sorted({**self.kept, **self.found}.items())}
        content = {"version": dataprep.__version__, "machine": machine(), "figures": figures}
        path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

    def least(self, name: str, floor: float) -> float:
        """Returns the ratio that is asked for: the floor, or what may be left of the kept one where that is more."""
        if self.update:
            return floor
        assert name in self.kept, f"no figure of {name!r} was kept; run `pytest tests/throughput --update-figures`"
        return max(floor, self.kept[name].ratio * (1 - self.loss))

    def race(
        self,
        title: str,
        turn: Callable[[], Seconds],
        floors: Mapping[Pair, float],
        turns: int = TURNS,
        say: Callable[[float], str] = "{:.3f} s".format,
    ) -> None:
        """Runs a race, prints its figures, and fails if one of them is below its floor or lost.

        Args:
            title: What the figures are named by, with the names of the pair.
            turn: Runs all things one after the other.
            floors: The least ratio of each pair, whatever was kept.
            turns: How many a run has.
            say: How seconds are printed.
        """
        least = {pair: self.least(name_of(title, pair), floor) for pair, floor in floors.items()}
        had: list[Seconds] = []
        while len(had) < RUNS * turns:
            had += [turn() for _ in range(turns)]
            if not self.update and all(ratio(pair, had) >= wanted for pair, wanted in least.items()):
                break
        found = {pair: figure(pair, had, turns) for pair in floors}
        self.found |= {name_of(title, pair): each for pair, each in found.items()}
        print(f"\n\n{title}, median of {len(had)} turns")
        print(*(f"  {name:<48}{say(float(np.median([seconds[name] for seconds in had]))):>16}" for name in had[0]), sep="\n")
        print(*(line(pair, each, least[pair]) for pair, each in found.items()), sep="\n")
        slow = [line(pair, each, least[pair]) for pair, each in found.items() if each.ratio < least[pair]]
        assert not slow, f"{title}: " + "; ".join(slow)


def name_of(title: str, pair: Pair) -> str:
    """Returns the name of a figure."""
    return f"{title}: {pair[0]} / {pair[1]}"


def figure(pair: Pair, had: list[Seconds], turns: int) -> Figure:
    """Returns the figure of a pair after some runs of so many turns each."""
    runs = [ratio(pair, had[start : start + turns]) for start in range(0, len(had), turns)]
    return Figure(*(round(number, 2) for number in (ratio(pair, had), min(runs), max(runs))))


def line(pair: Pair, figure: Figure, least: float) -> str:
    """Returns a line of a table of figures."""
    return f"  {figure.ratio:.2f}× ({figure.lowest:.2f} to {figure.highest:.2f}), at least {least:.2f}×: {pair[0]} / {pair[1]}"
