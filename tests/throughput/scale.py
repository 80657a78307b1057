"""What large sets cost: computed from what was measured here and from the simulation, which `docs/draw_scale.py` makes a page of.

python tests/throughput/scale.py    measures again, into scale.json: five minutes and 4 GB of memory; DATAPREP_PHOTOS names photos

Times are CPU time, so that other work on the machine does not matter much. What is taken from figures.json and from
docs/performance.md was measured by what writes these. Prices are of one large provider and change: see `PRICES`.
"""

import json
import os
import re
import tempfile
import time
from collections.abc import Iterable, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from figures import machine, read_runs
from rows import cost
from simulate import Kind, Nodes, Search, search

from dataprep.search.blocks import chance_pairs, plan
from dataprep.search.pairs import compiled_rates

KEPT = Path(__file__).with_name("scale.json")
PERFORMANCE = Path(__file__).parents[2] / "docs" / "performance.md"
VERSION = 1  # of the layout of scale.json

ROWS = (1_000_000, 4_000_000)  # that memory is measured of
SEARCHES: tuple[tuple[Kind, int, int], ...] = (
    *((kind, size, radius) for kind in ("independent", "photographs", "web") for size in (10**5, 10**6) for radius in (4, 8)),
    ("photographs", 10**7, 4),
    ("web", 10**7, 4),
)
PICTURE = 1_056  # bytes of the small picture of an image, which the proof of copies compares
PAGE = 1_000  # objects that a store lists by a request
SHARD = 256e6  # bytes

PRICES = {"get": 0.0004 / 1000, "put": 0.005 / 1000, "month": 0.023 / 1e9}
"""Dollars of a GET, of a PUT or a LIST, and of a byte for a month: S3 Standard in us-east-1, as published in 2026. Traffic within
the region costs nothing; to another one or to the internet it costs more than all the rest."""


class Measured(NamedTuple):
    """What was measured.

    Attributes:
        date: When.
        machine: On what.
        photo: Bytes of a photo of the measurements, and packed with the shorter side 384 at quality 90.
        core: Seconds of a core for an image in `clean`: with nothing else, and as the whole run takes on two cores.
        driver: Seconds of the parent for an image: it lists, saves and judges.
        memory: Bytes of a process that judges so many rows, at most: the larger of putting them together and of judging them.
        searches: Real searches.
    """

    date: str
    machine: str
    photo: tuple[float, float]
    core: tuple[float, float]
    driver: float
    memory: Mapping[str, int]
    searches: tuple[Search, ...]


def read(path: Path = KEPT) -> Measured:
    """Returns what was kept."""
    content = json.loads(path.read_text(encoding="utf-8"))
    assert content.pop("version") == VERSION, f"{path} is of another version"
    pairs = {name: tuple(content.pop(name)) for name in ("photo", "core")}
    searches = tuple(Search(*found) for found in content.pop("searches"))
    return Measured(**content, **pairs, searches=searches)


def measure() -> Measured:
    """Measures all."""
    memory = {str(size): _memory(size) for size in ROWS}
    text = PERFORMANCE.read_text(encoding="utf-8")
    whole, parent = (_microseconds(text, name) for name in ("clean, an image", "  the parent"))
    rates = read_runs()[-1].rates
    slowest = 2 / rates["cleaning: clean"]  # of two cores, as the run says
    searches = tuple(search(*given) for given in SEARCHES)
    return Measured(time.strftime("%Y-%m-%d"), machine(), photo(), (whole / 1e6, slowest), parent / 1e6, memory, searches)


def _memory(size: int) -> int:
    with tempfile.TemporaryDirectory() as folder:
        cost("write", Path(folder), size)
        return max(cost(step, Path(folder), size).whole for step in ("scan to manifest", "judge, near copies at 4"))


def _microseconds(text: str, name: str) -> float:
    found = re.search(rf"^{name} +([\d,]+) µs", text, re.MULTILINE)
    assert found, f"docs/performance.md has a line {name!r}"
    return float(found[1].replace(",", ""))


def photo() -> tuple[float, float]:
    """Returns the bytes of a photo, and of what `pack` makes of it."""
    import dataprep as dp

    manifest = dp.clean(os.environ["DATAPREP_PHOTOS"], dp.Pipeline(), progress=False)
    with tempfile.TemporaryDirectory() as folder:
        packed = dp.pack(manifest, folder, side=384, quality=90, progress=False)
        size = sum(path.stat().st_size for path in Path(folder).glob("*.tar"))
    return float(np.mean(manifest.kept("bytes")["bytes"].to_numpy())), size / len(packed)


class Fit(NamedTuple):
    """What a search costs, in nanoseconds.

    Attributes:
        row: Each row in each table.
        decade: The same, more for each power of ten above 10,000 rows: what is gathered fits no cache any more.
        comparison: Each comparison.
        pair: Each pair found, in each table: it may be met in several.
        off: How far the worst of the fitted searches is off, as a factor.
    """

    row: float
    decade: float
    comparison: float
    pair: float
    off: float

    def seconds(self, one: Search) -> float:
        """Returns the CPU time of a search."""
        return float(_terms(one) @ np.array(self[:4]))


def _terms(one: Search) -> np.ndarray:
    """Returns how often a search pays each cost, times 1e-9."""
    sorted_ = one.size * one.tables
    return np.array([sorted_, sorted_ * np.log10(one.size / 1e4), one.size * one.comparisons, one.pairs * one.tables]) / 1e9


def fit(searches: Iterable[Search]) -> Fit:
    """Fits what was measured, by relative errors; no cost is below 0."""
    kept = list(searches)
    scaled = np.array([_terms(one) / one.seconds for one in kept])
    chosen = np.arange(scaled.shape[1])
    while True:
        found = np.linalg.lstsq(scaled[:, chosen], np.ones(len(kept)), rcond=None)[0]
        if (found >= 0).all():
            break
        chosen = chosen[found >= 0]
    costs = np.zeros(scaled.shape[1])
    costs[chosen] = found
    return Fit(*costs.tolist(), off=float(np.exp(np.abs(np.log(scaled @ costs)).max())))


def foreseen(size: int, radius: int) -> Search:
    """Returns a search that was not run, of photographs of which none are copies; its `seconds` are 0."""
    blocks, _ = plan(size, size**2 / 2, 64, radius, compiled_rates(1))
    bits = [len(range(block, 64, blocks)) for block in range(blocks)]
    keys = [sum(chosen) for chosen in combinations(bits, blocks - radius)]
    met = sum(2.0**-key + 2.0 ** -min(key, size.bit_length() - 1) for key in keys)  # since they agree, and in a bucket by chance
    return Search("photographs", size, radius, len(keys), size / 2 * met, round(chance_pairs(size, 64, radius)), 0.0)


def seconds(size: int, radius: int, measured: Measured) -> tuple[float, float]:
    """Returns the CPU time of a search, from and to: what the fit says, and as far off as its worst is, for each power of ten."""
    fitted = fit(measured.searches)
    middle = fitted.seconds(foreseen(size, radius))
    off = fitted.off ** (1 + max(np.log10(size / max(one.size for one in measured.searches)), 0))
    return float(middle / off), float(middle * off)


def search_memory(size: int, threads: int) -> int:
    """Returns the bytes that the compiled search holds, beside the pairs: the hashes, and in each thread a table of them."""
    return size * 8 + threads * (size * (8 + 8 + 4) + 8 * 2 ** (size.bit_length() - 1))


def driver_memory(size: int, measured: Measured, pictures: bool) -> int:
    """Returns the bytes that the program holds when it judges, with the small pictures or without."""
    less, more = (measured.memory[str(rows)] for rows in ROWS)
    each = (more - less) / (ROWS[1] - ROWS[0])
    return round(less + (size - ROWS[0]) * each + size * PICTURE * pictures)


def most(memory: float, measured: Measured, pictures: bool) -> int:
    """Returns how many images a machine of so many bytes can judge."""
    each = driver_memory(2, measured, pictures) - driver_memory(1, measured, pictures)
    return round((memory - driver_memory(0, measured, pictures)) / each)


def requests(size: int, measured: Measured) -> list[tuple[str, float, float, float]]:
    """Returns what a store is asked for: what for, GETs, PUTs and LISTs, and bytes."""
    photo, packed = measured.photo
    shards = size * packed / SHARD
    return [
        ("listing, a page of 1,000 objects each", 0, size / PAGE, 0),
        ("`clean`: each image once", size, 0, size * photo),
        ("`clean` again, nothing changed: the listing alone", 0, size / PAGE, 0),
        ("`pack`, side 384, quality 90: each image, and two objects for each shard of 256 MB", size, 2 * shards, size * packed),
        ("an epoch from objects", size, 0, size * photo),
        ("an epoch from shards, each image by itself", size, 0, size * packed),
        ("an epoch from shards, blocks of 512 images as one", size / 512, 0, size * packed),
    ]


def dollars(gets: float, puts: float) -> float:
    """Returns the price of requests."""
    return gets * PRICES["get"] + puts * PRICES["put"]


CLUSTERS: Mapping[str, Nodes] = {
    "no node is slow or lost": Nodes(16, 2),
    "one node is half as fast": Nodes(16, 2, slow=1 / 16),
    "and each node is lost once an hour": Nodes(16, 2, slow=1 / 16, loss=1),
    "and each node is lost six times an hour": Nodes(16, 2, slow=1 / 16, loss=6),
}
"""Clusters of 32 cores, as many as one program keeps busy."""


def as_json(measured: Measured) -> str:
    """Returns what is kept, a search on a line."""
    content: dict[str, Any] = {"version": VERSION, **measured._asdict()}
    searches = ",\n  ".join(json.dumps(one) for one in content.pop("searches"))
    rest = json.dumps(content, indent=1, ensure_ascii=False)
    return f'{rest[:-2]},\n "searches": [\n  {searches}\n ]\n}}\n'


if __name__ == "__main__":
    KEPT.write_text(as_json(measure()), encoding="utf-8")
