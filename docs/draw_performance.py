"""Writes what was measured into docs/performance.md and README.md, between their marks.

python docs/draw_performance.py            figures of tests/throughput/figures.json, and where the time goes: some two minutes
python docs/draw_performance.py --figures  the figures alone
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "throughput"))

from anatomy import photos, study, text  # noqa: E402  after the path
from figures import Run, read_runs  # noqa: E402  after the path

PAGE, README = ROOT / "docs" / "performance.md", ROOT / "README.md"
TITLES = {
    "cleaning": "`clean`, from the scan to the manifest, with the start of its processes",
    "the command, 1,000 files": "`dataprep clean` with its report, as a command, 1,000 files",
    "the command, 20,000 files": "the same, 20,000 files",
    "training, float32": "training batches, float32 (crop, resize, flip, normalise), `Threads(2)`",
    "training, uint8": "the same, uint8",
    "evaluation, float32": "evaluation batches, float32 (resize, crop, normalise), `Threads(2)`",
    "DALI on the cpu": '`Dali("cpu")`, training, float32',
}
SAME = {"cleaning, slow peers": "cleaning"}  # races that are one row


def rows(run: Run) -> Iterator[str]:
    """Yields a table of the main races: our images a second, and ratios to peers, with the least and the most of a turn."""
    yield "| what | images/s | times as fast as |"
    yield "|---|---|---|"
    for title, named in TITLES.items():
        races = [title, *(other for other, one in SAME.items() if one == title)]
        found = {name: figure for name, figure in run.figures.items() if name.partition(": ")[0] in races}
        if not found:
            continue
        ours = next(iter(found)).partition(": ")[2].partition(" / ")[0]
        ours = "Threads" if title in ("training, float32", "training, uint8", "evaluation, float32") else ours
        cells = []
        for name, (ratio, lowest, highest) in found.items():
            thing, peer = name.partition(": ")[2].split(" / ")
            prefix = "" if thing == ours else f"`{thing}`: "
            cells.append(f"{prefix}{ratio:.2f} × {peer} ({lowest:.2f}–{highest:.2f})")
        rate = run.rates.get(f"{title}: {ours}")
        yield f"| {named} | {'–' if rate is None else f'{rate:,.0f}'} | {'; '.join(cells)} |"


def others(run: Run) -> Iterator[str]:
    """Yields a table of all other races."""
    yield "| race | times as fast | least and most of a turn |"
    yield "|---|---|---|"
    for name, (ratio, lowest, highest) in run.figures.items():
        if name.partition(": ")[0] not in (*TITLES, *SAME):
            yield f"| {name} | {ratio:.2f} | {lowest:.2f}–{highest:.2f} |"


def history(runs: list[Run]) -> Iterator[str]:
    """Yields a table of what became of the main ratios, the newest run last."""
    names = ["cleaning: clean / czkawka", "cleaning: clean / reading, SHA-256, decoding", "training, float32: Threads / DALI"]
    yield f"| date | version | machine | {' | '.join(names)} |"
    yield "|---" * (3 + len(names)) + "|"
    for run in runs:
        cells = [f"{run.figures[name].ratio:.2f}" if name in run.figures else "–" for name in names]
        yield f"| {run.date} | {run.dataprep} | {run.machine} | {' | '.join(cells)} |"


def insert(path: Path, mark: str, lines: str) -> None:
    """Puts lines between the two marks of a page."""
    begin, end = (re.escape(f"<!-- {word} -->") for word in (f"{mark}, written by docs/draw_performance.py", f"end of {mark}"))
    page = path.read_text(encoding="utf-8")
    page, count = re.subn(f"(?<={begin}\n\n).*?(?=\n{end})", lambda _: lines.strip() + "\n", page, flags=re.DOTALL)
    assert count == 1, f"{path.name} has the marks of {mark} once each"
    path.write_text(page, encoding="utf-8")


def main() -> None:
    """Writes all, or the figures alone."""
    runs = read_runs()
    newest = runs[-1]
    said = f"Of {newest.date}, version {newest.dataprep}, {newest.machine}.\n\n"
    insert(README, "figures", said + "\n".join(rows(newest)))
    insert(PAGE, "figures", said + "\n".join([*rows(newest), "", *others(newest)]))
    insert(PAGE, "history", "\n".join(history(runs)))
    if "--figures" not in sys.argv:
        sys.argv = [arg for arg in sys.argv if not arg.startswith("--")]
        insert(PAGE, "anatomy", text(study(photos())))


if __name__ == "__main__":
    main()
