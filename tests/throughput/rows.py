"""What many rows cost: seconds and memory of each step from a scan to the first batch, on a made-up manifest of any size.

python tests/throughput/rows.py [ROWS]    a million rows take a minute; ten million six minutes, 3 GB of disk and 5 GB of memory

Each step runs in a process of its own, and its memory is the peak of that process: all of it, and what came on top of what it
began with. Rows have the measures of the standard rules but for the small pictures, of which ten million alone are 10.6 GB;
every twentieth is a near copy of another one, every fiftieth an exact one.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from subprocess import PIPE
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from dataprep.columns import TYPES

SLICE = 1_000_000  # rows that are made at once
LABELS = 1_000
MADE = 128_000


class Cost(NamedTuple):
    """What a step took.

    Attributes:
        seconds: Of the step, without the start of its process.
        busy: Seconds that cores worked for it.
        whole: Bytes, the most that its process held.
        more: Bytes of it, beyond what it held before the step.
    """

    seconds: float
    busy: float
    whole: int
    more: int

    def row(self, size: int) -> str:
        """Returns the numbers of a line."""
        each = self.more / size
        times = f"{self.seconds:9.2f} s {self.busy:9.2f} s of cores"
        return f"{times} {self.whole / 1e6:9,.0f} MB {self.more / 1e6:9,.0f} MB more, {each:,.0f} B a row"


def table_of(size: int, seed: int = 0) -> pa.Table:
    """Returns a table of records as `clean` makes it, without a verdict."""
    return pa.concat_tables(_slice(start, min(SLICE, size - start), seed) for start in range(0, size, SLICE))


def _slice(start: int, size: int, seed: int) -> pa.Table:
    draw = np.random.default_rng([seed, start])
    rows = np.arange(start, start + size)
    exact, near = rows % 50 == 49, rows % 20 == 19
    hashes = [draw.integers(0, 256, (size, width), np.uint8) for width in (8, 32)]
    digests = draw.integers(0, 256, (size, 32), np.uint8)
    for codes in hashes:
        codes[exact | near] = codes[np.flatnonzero(exact | near) - 1]
        codes[near & ~exact, 0] ^= 3  # two bits
    digests[exact] = digests[np.flatnonzero(exact) - 1]
    labels = np.array([f"class{label:04d}" for label in range(LABELS)], object)[rows * LABELS // 100_000_000 % LABELS + rows % 7]
    numbers = {
        "brightness": draw.uniform(60, 200, size),
        "contrast": draw.uniform(30, 80, size),
        "sharpness": draw.uniform(200, 2_000, size),
    }
    whole = {"height": draw.integers(200, 2_000, size), "width": draw.integers(200, 2_000, size)}
    whole |= {"darkest": draw.integers(0, 10, size), "lightest": draw.integers(240, 256, size)}
    columns = {
        "id": pa.array(rows),
        "uri": pa.array(
            [f"{label}/{row:09d}.jpg" for label, row in zip(labels.tolist(), rows.tolist(), strict=True)], pa.large_string()
        ),
        "label": pa.array(labels, TYPES["label"]),
        "split": pa.nulls(size, TYPES["split"]),
        "bytes": pa.array(draw.integers(50_000, 200_000, size)),
        "modified": pa.array(draw.integers(10**18, 2 * 10**18, size)),
        "digest": fixed(digests),
        "format": pa.repeat(pa.scalar("JPEG", TYPES["format"]), size),
        **{name: pa.array(values.astype(np.int32)) for name, values in whole.items()},
        "remark": pa.nulls(size, TYPES["remark"]),
        "captured": pa.nulls(size, pa.timestamp("ms")),
        **{name: pa.array(values.astype(np.float32)) for name, values in numbers.items()},
        "phash64": fixed(hashes[0]),
        "phash256": fixed(hashes[1]),
        "error": pa.nulls(size, TYPES["error"]),
    }
    return pa.table(columns)


def fixed(codes: np.ndarray) -> pa.Array:
    """Returns (N, bytes) as a column."""
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(codes.shape[1]), len(codes), [None, pa.py_buffer(codes)])


def pipeline_of(radius: int | None) -> Any:
    """Returns thresholds and the search for copies, exact ones alone where the radius is None."""
    from dataprep import Deduplicate, Normalize, Pipeline, RandomResizedCrop
    from dataprep.stages.rules.standard import standard_rules

    copies = Deduplicate(by=None) if radius is None else Deduplicate(radius=radius, proof=None)
    return Pipeline(*standard_rules(duplicates=False), copies, RandomResizedCrop(224), Normalize((0.5,) * 3, (0.5,) * 3))


def manifest_of(size: int) -> Any:
    """Returns a manifest, judged by nothing yet."""
    from dataprep import Folder, Manifest, Pipeline
    from dataprep.manifest.verdicts import verdicts

    classes = tuple(f"class{label:04d}" for label in range(LABELS))
    return Manifest(verdicts(table_of(size), ()), Pipeline(), Folder("/photos"), pipeline_of(4).measures, classes)


def peak() -> int:
    """Returns the most bytes that this process has held."""
    return int(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))) * 1024


def held() -> int:
    """Returns the bytes that this process holds and shares with no other, and its part of those that it shares."""
    return int(next(line.split()[1] for line in open("/proc/self/smaps_rollup") if line.startswith("Pss:"))) * 1024


def measured(step: Callable[[], object]) -> Cost:
    """Runs a step."""
    with open("/proc/self/clear_refs", "w") as file:  # the peak begins anew
        file.write("5")
    before, start, busy = held(), time.perf_counter(), time.process_time()
    step()
    return Cost(time.perf_counter() - start, time.process_time() - busy, peak(), peak() - before)


def make(folder: Path, size: int) -> Cost:
    """Writes the manifest."""
    manifest = manifest_of(size)
    return measured(lambda: manifest.write(folder / "manifest.parquet"))


def read(folder: Path, size: int) -> Cost:
    """Reads it, with all of its columns."""
    from dataprep import Manifest

    return measured(lambda: Manifest.read(folder).table)


def judge(folder: Path, size: int, radius: int | None) -> Cost:
    """Judges it anew."""
    from dataprep import Manifest

    manifest, pipeline = Manifest.read(folder), pipeline_of(radius)
    len(manifest.table)
    return measured(lambda: manifest.judge(pipeline))


def judge_exact(folder: Path, size: int) -> Cost:
    """Judges by thresholds and exact copies."""
    return judge(folder, size, None)


def judge_near(folder: Path, size: int) -> Cost:
    """Judges by thresholds, exact and near copies."""
    return judge(folder, size, 4)


def fingerprint(folder: Path, size: int) -> Cost:
    """Counts the fingerprint anew, which the index has."""
    from dataprep import Manifest
    from dataprep.manifest.fingerprint import fingerprint_of_kept

    manifest = Manifest.read(folder)
    assert len(manifest.table) == size
    return measured(lambda: fingerprint_of_kept(manifest.table, manifest.classes))


class Anything:
    """A source that reads whatever it is asked for."""

    def records(self) -> pa.Table:
        """Lists nothing."""
        raise NotImplementedError

    def read(self, uri: str, start: int = 0, stop: int | None = None) -> bytes:
        """Returns zeros."""
        return bytes(1)


RANKS, BATCHES, BATCH = 8, 50, 256


def index(folder: Path, size: int) -> Cost:
    """Reads it for the first time, which writes the index of its rows."""
    from dataprep import Manifest

    for file in folder.glob(".*.rows"):
        file.unlink()
    return measured(lambda: Manifest.read(folder))


def load(folder: Path, size: int) -> Cost:
    """Reads it and makes a loader in each of some processes, and batches without images; the slowest, and memory of them all."""
    from dataprep import Manifest

    Manifest.read(folder)  # what is read for the first time is measured above
    command = [sys.executable, __file__, str(size), str(folder), "one rank"]
    with ExitStack() as stack:
        ranks = [
            stack.enter_context(subprocess.Popen([*command, str(rank)], stdin=PIPE, stdout=PIPE, text=True))
            for rank in range(RANKS)
        ]
        times = [tuple(map(float, _ask(rank, "").split())) for rank in ranks]
        found = [tuple(map(int, _ask(rank, "\n").split())) for rank in ranks]  # each waits for the others with all that it holds
        for rank in ranks:
            rank.communicate("\n")
    return Cost(
        max(seconds for seconds, _ in times),
        sum(busy for _, busy in times),
        sum(held for held, _ in found),
        sum(more for _, more in found),
    )


def _ask(process: "subprocess.Popen[str]", text: str) -> str:
    """Tells a process something, and returns the next line that it says."""
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(text)
    process.stdin.flush()
    return process.stdout.readline()


def rank(folder: Path, number: int) -> None:
    """Is one rank: says how long it took to have a loader, then what it holds in all and more than before."""
    from dataprep import Loader, Manifest, Pipeline, Sampler

    ops = pipeline_of(4).ops
    small = manifest_of(1_000)
    next(Loader(replace(small, source=Anything()), Pipeline(*ops)).recipes())  # all is imported
    before, start, busy = held(), time.perf_counter(), time.process_time()
    loader = Loader(
        Manifest.read(folder, Anything()), Pipeline(*ops), batch_size=BATCH, sampler=Sampler(rank=number, world_size=RANKS)
    )
    print(time.perf_counter() - start, time.process_time() - busy, flush=True)
    for _ in zip(range(BATCHES), loader.recipes(), strict=False):
        pass
    sys.stdin.readline()
    print(held(), held() - before, flush=True)
    sys.stdin.readline()


def measured_at_first(folder: Path, size: int) -> Cost:
    """Puts the results of a first run together, as they come in batches of 128, and those that the cache would save."""
    from dataprep.cleaning.clean import HELD
    from dataprep.cleaning.known import Found, assemble, laid_together
    from dataprep.sources.listing import SCHEMA

    measures = pipeline_of(4).measures

    def results() -> Iterator[Found]:
        for start in range(0, size, 128):
            if start % MADE == 0:
                table = _slice(start, min(MADE, size - start), 0).drop_columns([*SCHEMA.names[:-1], "id"])
            part = table.slice(start % MADE, 128).take(pa.array(range(min(128, size - start))))
            yield Found(np.arange(start, start + len(part)), part)

    records = table_of(size).select(SCHEMA.names)
    return measured(lambda: assemble(records, measures, list(laid_together(results(), HELD))))


STEPS: dict[str, Callable[[Path, int], Cost]] = {
    "write": make,
    "read for the first time": index,
    "read, all columns": read,
    "judge, exact copies": judge_exact,
    "judge, near copies at 4": judge_near,
    "fingerprint": fingerprint,
    "Loader, 8 ranks together": load,
    "scan to manifest": measured_at_first,
}


def cost(step: str, folder: Path, size: int) -> Cost:
    """Runs a step in a process of its own."""
    command = [sys.executable, __file__, str(size), str(folder), step]
    out = subprocess.run(command, capture_output=True, text=True, check=False)
    if out.returncode:
        raise RuntimeError(f"{step}: {out.stderr}")
    return Cost(*json.loads(out.stdout.splitlines()[-1]))


def main(size: int = 1_000_000, folder: str | None = None, step: str | None = None, number: str = "") -> None:
    """Prints what each step costs, or runs one."""
    if step == "one rank":
        rank(Path(str(folder)), int(number))
        return
    if step is not None:
        assert folder is not None
        print(json.dumps(STEPS[step](Path(folder), size)))
        return
    with tempfile.TemporaryDirectory() as made:
        print(f"{size:,} rows, {os.cpu_count()} cores")
        for name in STEPS:
            print(f"  {name:<26}{cost(name, Path(folder or made), size).row(size)}", flush=True)


if __name__ == "__main__":
    main(*([int(sys.argv[1])] if len(sys.argv) > 1 else []), *sys.argv[2:])
