"""The kept figures: how many times as fast as its peer everything was, and races that fail when that is lost.

`figures.json` holds the runs that were kept, each with its date, version and machine, so that what became of a ratio can be read
there. A race is run in turns, and only what ran in the same turn is compared. Where a ratio looks lost the race is run again, up
to RUNS times, and the median of all turns counts, so that a bad minute of a shared machine fails nothing. `--update-figures` runs
every race RUNS times, or until it has taken a minute, and keeps what it finds; `--quick` has one turn in a run, and forgives as
much as on another machine.
"""

import json
import platform
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import dataprep
from dataprep.machine import cores

KEPT = Path(__file__).with_name("figures.json")
VERSION = 2  # of the layout of that file
MOST = 40  # runs that are kept
RUNS, TURNS = 3, 3
ENOUGH = 60.0  # seconds after which a race that is to keep figures is not run again
LOSS = 0.15  # of a kept ratio; more is a regression
LOSS_ELSEWHERE = 0.35  # on another machine, which may suit a peer better or worse than it suits us

Pair = tuple[str, str]  # what is judged, and the peer that it is judged by
Seconds = Mapping[str, float]  # how long each thing took in one turn
Compare = Callable[..., None]


class Figure(NamedTuple):
    """How many times as fast as its peer something is: the median of all turns, and the least and the most of a turn."""

    ratio: float
    lowest: float
    highest: float


class Run(NamedTuple):
    """What one run kept.

    Attributes:
        date: The day that it ended on, as in 2026-11-27.
        dataprep: Its version.
        machine: The processor, and how many cores of it.
        figures: By the name of the race and the pair.
        rates: Images a second of each thing, by the name of the race and the thing.
    """

    date: str
    dataprep: str
    machine: str
    figures: Mapping[str, Figure] = {}
    rates: Mapping[str, float] = {}

    @classmethod
    def read(cls, content: Mapping[str, Any]) -> "Run":
        """Returns a run that a file has."""
        return cls(**{**content, "figures": {name: Figure(*numbers) for name, numbers in content["figures"].items()}})

    def beside(self, before: "Run") -> "Run":
        """Returns this run, with what it did not look at from an earlier one."""
        figures, rates = {**before.figures, **self.figures}, {**before.rates, **self.rates}
        return self._replace(figures=dict(sorted(figures.items())), rates=dict(sorted(rates.items())))


def machine() -> str:
    """Returns the processor, and how many cores of it there are."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    name = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())
    return f"{cores()} cores, {name}"


def this_run() -> Run:
    """Returns a run of today that has found nothing yet."""
    return Run(time.strftime("%Y-%m-%d"), dataprep.__version__, machine())


def read_runs(path: Path = KEPT) -> list[Run]:
    """Returns the runs that were kept, the newest last."""
    if not path.exists():
        return []
    content = json.loads(path.read_text(encoding="utf-8"))
    assert content["version"] == VERSION, f"{path} is of version {content['version']}, this reads {VERSION}"
    return [Run.read(run) for run in content["runs"]]


def write_runs(runs: list[Run], path: Path = KEPT) -> None:
    """Keeps the newest runs."""
    kept = [run._asdict() for run in runs[-MOST:]]
    text = json.dumps({"version": VERSION, "runs": kept}, indent=1, ensure_ascii=False)
    path.write_text(_numbers_on_one_line(text) + "\n", encoding="utf-8")


def _numbers_on_one_line(text: str) -> str:
    """Returns indented JSON with each list of numbers on a line."""
    head, *rest = text.split(": [\n     ")
    return ": [".join([head, *(", ".join(part.split(",\n     ")).replace("\n    ]", "]", 1) for part in rest)])


def ratio(pair: Pair, turns: Iterable[Seconds]) -> float:
    """Returns how many times as fast the first of two is as the second: the median of the turns."""
    return float(np.median(ratios(pair, turns)))


def ratios(pair: Pair, turns: Iterable[Seconds]) -> list[float]:
    """Returns how many times as fast the first of two is as the second, in each turn."""
    return [seconds[pair[1]] / seconds[pair[0]] for seconds in turns]


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
        kept: Of each the newest of this machine, or else those of the newest run of any.
        update: Whether this run makes new ones and is not judged by the kept.
        quick: Whether a run has one turn.
        path: Where figures are kept.
        found: Those of this run.
    """

    kept: Run
    update: bool = False
    quick: bool = False
    path: Path = KEPT
    found: Run = field(default_factory=this_run)

    @classmethod
    def read(cls, path: Path = KEPT, *, update: bool = False, quick: bool = False) -> "Figures":
        """Reads what was kept."""
        runs = read_runs(path)
        here = [run for run in runs if run.machine == machine()]
        return cls(reduce(lambda before, run: run.beside(before), here or runs[-1:] or [this_run()]), update, quick, path)

    @property
    def loss(self) -> float:
        """Which part of a kept ratio may be lost."""
        return LOSS if self.kept.machine == self.found.machine and not self.quick else LOSS_ELSEWHERE

    def write(self) -> None:
        """Keeps the figures of this run, beside those of the same day, version and machine."""
        *before, last = read_runs(self.path) or [self.found]
        runs = [*before, self.found.beside(last)] if last[:3] == self.found[:3] else [*before, last, self.found]
        write_runs(runs, self.path)

    def least(self, name: str, floor: float) -> float:
        """Returns the ratio that is asked for: the floor, or what may be left of the kept one where that is more."""
        if self.update:
            return floor
        floor *= 1 - LOSS_ELSEWHERE if self.quick else 1
        if name not in self.kept.figures:
            print(f"\n  no figure of {name!r} was kept, so only its floor counts; `--update-figures` keeps one", end="")
            return floor
        return max(floor, self.kept.figures[name].ratio * (1 - self.loss))

    def race(
        self,
        title: str,
        turn: Callable[[], Seconds],
        floors: Mapping[Pair, float],
        turns: int = TURNS,
        images: int | None = None,
    ) -> None:
        """Runs a race, prints its figures, and fails if one of them is below its floor or lost.

        Args:
            title: What the figures are named by, with the names of the pair.
            turn: Runs all things one after the other.
            floors: The least ratio of each pair, whatever was kept.
            turns: How many a run has.
            images: Through how many everything goes; None where it goes through something else.
        """
        least = {pair: self.least(name_of(title, pair), floor) for pair, floor in floors.items()}
        turns = 1 if self.quick else turns
        had: list[Seconds] = []
        start = time.perf_counter()
        while len(had) < RUNS * turns:
            had += [turn() for _ in range(turns)]
            passed = all(ratio(pair, had) >= wanted for pair, wanted in least.items())
            if time.perf_counter() - start > ENOUGH if self.update else passed:
                break
        found = {pair: figure(pair, had) for pair in floors}
        medians = {name: float(np.median([seconds[name] for seconds in had])) for name in had[0]}
        self.found = self.found._replace(
            figures={**self.found.figures, **{name_of(title, pair): each for pair, each in found.items()}},
            rates={**self.found.rates, **{f"{title}: {name}": round(images / took) for name, took in medians.items() if images}},
        )
        if self.update:
            self.write()
        print(f"\n\n{title}, median of {len(had)} turns")
        for name, took in medians.items():
            print(f"  {name:<48}{f'{images / took:,.0f} images/s' if images else f'{took:.3f} s':>16}")
        print(*(line(pair, each, least[pair]) for pair, each in found.items()), sep="\n")
        slow = [line(pair, each, least[pair]) for pair, each in found.items() if each.ratio < least[pair]]
        assert not slow, f"{title}: " + "; ".join(slow)


def name_of(title: str, pair: Pair) -> str:
    """Returns the name of a figure."""
    return f"{title}: {pair[0]} / {pair[1]}"


def figure(pair: Pair, had: list[Seconds]) -> Figure:
    """Returns the figure of a pair after some turns."""
    each = ratios(pair, had)
    return Figure(*(round(number, 2) for number in (ratio(pair, had), min(each), max(each))))


def line(pair: Pair, figure: Figure, least: float) -> str:
    """Returns a line of a table of figures."""
    return f"  {figure.ratio:.2f}× ({figure.lowest:.2f} to {figure.highest:.2f}), at least {least:.2f}×: {pair[0]} / {pair[1]}"
