"""Writes what large sets cost into docs/scale.md, between its marks: from tests/throughput/scale.json and by simulation.

python docs/draw_scale.py    some seconds; `python tests/throughput/scale.py` measures again before it
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "throughput"))

import scale  # noqa: E402  after the path
import simulate  # noqa: E402  after the path
from scale import Measured  # noqa: E402  after the path

PAGE = ROOT / "docs" / "scale.md"
SIZES = (10**8, 10**9)
PER_PROGRAM = 10**7  # images of a simulated program
THREADS = 16  # that search at once, at most: `dataprep.search.kernels.THREADS`


def big(number: float) -> str:
    """Returns a number in two digits that count, such as 120 million."""
    for unit, name in ((1e12, " trillion"), (1e9, " billion"), (1e6, " million")):
        if number >= unit:
            return f"{short(number / unit)}{name}"
    return short(number)


def short(number: float) -> str:
    """Returns a number in two digits that count."""
    rounded = float(f"{number:.2g}")
    return f"{rounded:,.0f}" if rounded >= 10 or rounded == 0 else f"{rounded:g}"


def size(number: float) -> str:
    """Returns bytes."""
    return f"{short(number / 1e12)} TB" if number >= 1e12 else f"{short(number / 1e9)} GB"


def time(seconds: float) -> str:
    """Returns a time."""
    for unit, name in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * unit:
            return f"{short(seconds / unit)} {name}"
    return f"{short(seconds)} s"


def span(low: float, high: float) -> str:
    """Returns a time from and to."""
    return f"{time(low)} – {time(high)}"


def row(*cells: object) -> str:
    """Returns a row of a table."""
    return f"| {' | '.join(map(str, cells))} |"


def head(*cells: str) -> Iterator[str]:
    """Yields the first two rows of a table."""
    yield row(*cells)
    yield "|---" * len(cells) + "|"


def measured_table(measured: Measured) -> Iterator[str]:
    """Yields what was measured."""
    yield f"Of {measured.date}, {measured.machine}."
    yield ""
    yield from head("what", "measured", "by")
    low, high = (1000 * seconds for seconds in measured.core)
    yield row(
        "a core for an image in `clean`", f"{low:.1f} – {high:.1f} ms", "`anatomy.py` alone; a run on two cores, figures.json"
    )
    yield row("the program for an image: it lists, saves, judges", f"{measured.driver * 1e6:.0f} µs", "`anatomy.py`")
    photo, packed = (f"{part / 1e3:.0f} kB" for part in measured.photo)
    yield row("a photo; packed with `side=384, quality=90`", f"{photo}; {packed}", "`scale.py`")
    small, large = measured.memory.values()
    rows = " and ".join(f"{int(count):,}" for count in measured.memory)
    yield row(f"the program's memory, {rows} rows", f"{small / 1e9:.2f} and {large / 1e9:.2f} GB", "`rows.py`: the worst step")


def requests_table(measured: Measured) -> Iterator[str]:
    """Yields requests, their price and bytes."""
    yield from head("", *(f"{big(count)} images: requests, price, bytes" for count in SIZES))
    for lines in zip(*(scale.requests(count, measured) for count in SIZES), strict=True):
        cells = [
            f"{big(gets + puts)}, ${scale.dollars(gets, puts):,.0f}{f', {size(data)}' if data else ''}"
            for _, gets, puts, data in lines
        ]
        yield row(lines[0][0], *cells)
    kept = [count * sum(measured.photo) for count in SIZES]
    yield row("keeping originals and shards, a month", *(f"${data * scale.PRICES['month']:,.0f}, {size(data)}" for data in kept))


def cores_table(measured: Measured) -> Iterator[str]:
    """Yields the time of `clean` by cores and programs."""
    yield from head("programs, each with cores", *(f"{big(count)} images" for count in SIZES))
    for programs, cores in ((1, 8), (1, 32), (1, 256), (8, 32), (32, 32)):
        cells = []
        for count in SIZES:
            low, high = (count / programs * max(each / cores, measured.driver) for each in measured.core)
            cells.append(span(low, high) if high > low else f"{time(high)}, the program's own")
        yield row(f"{programs} × {cores}", *cells)
    days = (span(*(count * each for each in measured.core)) for count in SIZES)
    yield row("time of a core in all", *days)


def cluster_table(measured: Measured) -> Iterator[str]:
    """Yields what slow and lost nodes cost, simulated."""
    yield from head("", "time", "of what the cores would need", "measured again", "the program at work")
    for name, nodes in scale.CLUSTERS.items():
        found = simulate.run(PER_PROGRAM, nodes, measured.core[1], measured.driver)
        again = f"{found.again:,} images"
        yield row(name, time(found.seconds), f"{found.seconds / found.ideal:.2f} ×", again, f"{found.driver:.0%}")


def search_table(measured: Measured) -> Iterator[str]:
    """Yields the searches that were run, and what the fit makes of them."""
    fitted = scale.fit(measured.searches)
    yield from head("hashes", "different ones", "radius", "tables", "comparisons a hash", "pairs", "CPU", "fit / CPU")
    for one in measured.searches:
        ratio = f"{fitted.seconds(one) / one.seconds:.2f}"
        counts = (one.radius, one.tables, big(one.comparisons), big(one.pairs), f"{one.seconds:.2f} s", ratio)
        yield row(one.kind, f"{one.size:,}", *counts)
    yield ""
    yield (
        f"The fit: {fitted.row:.0f} ns for a hash in a table and {fitted.decade:.0f} more for each power of ten above 10,000 "
        f"hashes, {fitted.comparison:.2f} ns for a comparison, {fitted.pair:.0f} ns for a pair in a table. At its worst it is "
        f"off by a factor of {fitted.off:.1f}."
    )


def ahead_table(measured: Measured) -> Iterator[str]:
    """Yields searches that nobody ran."""
    yield from head("images", "radius", "tables", "comparisons a hash", "pairs by chance", "CPU", "memory, 1 – 16 threads")
    for count in (10**7, *SIZES):
        for radius in (4, 6, 8):
            one = scale.foreseen(count, radius)
            memory = " – ".join(size(scale.search_memory(count, threads)) for threads in (1, THREADS))
            time_ = span(*scale.seconds(count, radius, measured))
            yield row(big(count), radius, one.tables, big(one.comparisons), big(one.pairs), time_, memory)


def memory_table(measured: Measured) -> Iterator[str]:
    """Yields what the program holds, and how much a machine judges."""
    yield from head("", "without small pictures", "with them")
    for count in (10**7, *SIZES):
        yield row(f"{big(count)} images", *(size(scale.driver_memory(count, measured, with_)) for with_ in (False, True)))
    for memory in (64e9, 256e9, 1024e9):
        cells = (big(scale.most(memory, measured, with_)) for with_ in (False, True))
        yield row(f"a machine of {memory / 1e9:,.0f} GB judges", *(f"{cell} images" for cell in cells))


def lanes_table() -> Iterator[str]:
    """Yields what a node of eight ranks reads of."""
    yield from head("images", "ranks", "blocks in all", "shuffled", "lanes")
    for count in SIZES:
        for world in (8, 64):
            found = simulate.touched(count, world)
            yield row(big(count), world, f"{found.all:,}", f"{found.shuffled:,}", found.lanes)


def page(text: str) -> str:
    """Returns the page with its tables written anew."""
    measured = scale.read()
    parts = {
        "measured": measured_table(measured),
        "requests": requests_table(measured),
        "cores": cores_table(measured),
        "cluster": cluster_table(measured),
        "search": search_table(measured),
        "ahead": ahead_table(measured),
        "memory": memory_table(measured),
        "lanes": lanes_table(),
    }
    for mark, lines in parts.items():
        begin, end = (re.escape(f"<!-- {word} -->") for word in (f"{mark}, written by docs/draw_scale.py", f"end of {mark}"))
        written = "\n".join(lines)
        text, count = re.subn(f"(?<={begin}\n\n).*?(?=\n{end})", lambda _, said=written: f"{said}\n", text, flags=re.DOTALL)
        assert count == 1, f"{PAGE.name} has the marks of {mark} once each"
    return text


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
