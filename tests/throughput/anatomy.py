"""Where the time of an image goes, in `clean` and in a loader, and how far both grow with cores.

python tests/throughput/anatomy.py [FOLDER]    some two minutes; FOLDER holds photos, else DATAPREP_PHOTOS does

Parts are CPU time of one thread, the least of a few tries for each file, then the mean over files. Each is timed by itself, by
the entry of the compiled code that does it alone; decoding, which is most of the one call that does all, is that call less its
other parts. Whole images are CPU time of the processes, start apart: what a large folder takes beyond a small one. What the
parts do not explain is Python, the hand-over between threads or processes, and caches that are cold.
"""

import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

TRIES = 3
MOST = 1 << 28  # pixels of a photo
FEW, MANY = 200, 1_000  # photos of the small folder, and of the large one
SOME = 320  # of which the parts are measured
JOBS = ("clean", "Threads")


class Part(NamedTuple):
    """A part of the time of an image.

    Attributes:
        depth: 0 for the whole, 1 and 2 for what it consists of.
        name: What it is.
        microseconds: CPU time of an image.
    """

    depth: int
    name: str
    microseconds: float


class Anatomy(NamedTuple):
    """Where the time of an image goes.

    Attributes:
        clean: The parts of an image in `clean`.
        load: The parts of an image in `Threads`, training, float32.
        rates: Images a second of each job on each number of cores, start of processes included.
        alone: µs of an image in which only one core works: the parent of `clean`, and in `Threads` what holds Python's lock.
    """

    clean: list[Part]
    load: list[Part]
    rates: dict[str, dict[int, float]]
    alone: dict[str, float]


def least(calls: Sequence[Callable[[], object]]) -> float:
    """Returns the CPU time of a call in µs: the least of some tries, then the mean over the calls."""
    times = []
    for call in calls:
        tries = []
        for _ in range(TRIES):
            start = time.thread_time()
            call()
            tries.append(time.thread_time() - start)
        times.append(min(tries))
    return 1e6 * sum(times) / max(len(times), 1)


def cpu() -> tuple[float, float]:
    """Returns the CPU time of this process, and of the processes that it started and that have ended, in seconds."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time(), children.ru_utime + children.ru_stime


def read(path: Path) -> bytes:
    """Reads a file as a process of `clean` does."""
    with open(path, "rb", buffering=0) as file:
        return file.read()


def anatomy_of_clean(folder: Path) -> tuple[list[Part], float]:
    """Returns the parts of an image, and how much of it is the parent's, in µs."""
    import numpy as np

    from dataprep.images import native
    from dataprep.images.decode import decode
    from dataprep.pipeline import Pipeline
    from dataprep.stages.measures.compiled import wanted
    from dataprep.stages.rules.standard import standard_rules

    code: Any = native.module("measure")
    assert code is not None, native.missing()
    measures = Pipeline(*standard_rules()).measures
    number = wanted(measures)
    paths = photos_of(folder)[:SOME]
    usual = [data for data in map(read, paths) if code.jpeg(data, number, MOST, False) is not None]
    whole = least([partial(code.jpeg, data, number, MOST, False) for data in usual])
    parts = {
        "read": least([partial(read, path) for path in paths]),
        "SHA-256": least([partial(hashlib.sha256, data) for data in usual]),
    }
    taken = 0.0
    for channels, function in ((1, code.gray), (3, code.rgb)):
        seeing = [measure for measure in measures if measure.channels == channels]
        views = [np.ascontiguousarray(decode(data, side=seeing[0].side, channels=channels).image) for data in usual]
        taken += least([partial(function, view, wanted(seeing)) for view in views])
    parts |= {"decode": whole - taken, "measures": taken}
    lone = least(measuring(folder, measures))
    parent, child = whole_of_clean(folder)
    parts |= {"Python, and profiles of colours": lone - sum(parts.values()), "pipes, cold caches": child - lone}
    head = [Part(0, "clean, an image", parent + child), Part(1, "a process", child)]
    return [*head, *(Part(2, name, took) for name, took in parts.items()), Part(1, "the parent", parent)], parent


def measuring(folder: Path, measures: Any) -> list[Callable[[], object]]:
    """Returns what a process of `clean` does with each of some images, here."""
    from dataprep.cleaning.lean import lean_measuring
    from dataprep.sources import open_source

    source = open_source(folder)
    records, lean = source.records(), lean_measuring(source, measures, MOST)
    assert lean is not None, "the measures are those that are compiled"
    measure = import_module(lean.program).prepare(*lean.arguments)

    def one(question: tuple[list[str], list[int]]) -> None:
        measure.expect(question)
        measure(question)

    named = zip(records["uri"].to_pylist(), records["bytes"].to_pylist(), strict=True)
    return [partial(one, ([uri], [size])) for uri, size in sorted(named, key=lambda each: each[0].rpartition("/")[2])[:SOME]]


def whole_of_clean(folder: Path) -> tuple[float, float]:
    """Returns µs of an image in the parent and in the other processes: of a large folder, less those of a small one."""
    from dataprep.cleaning.clean import clean

    with tempfile.TemporaryDirectory() as place:
        small = fill(Path(place), photos_of(folder)[:FEW])
        clean(small)
        spent = []
        for _ in range(3):
            turn = []
            for which in (small, folder):
                before = cpu()
                clean(which)
                turn.append([after - start for after, start in zip(cpu(), before, strict=True)])
            spent.append([large - few for few, large in zip(*turn, strict=True)])
    parent, child = (1e6 * sorted(column)[1] / (MANY - FEW) for column in zip(*spent, strict=True))
    return parent, child


def photos_of(folder: Path) -> list[Path]:
    """Returns the files of a folder, in an order in which none of its folders comes first."""
    return sorted((path for path in folder.rglob("*.*") if path.is_file()), key=lambda path: path.name)


def fill(folder: Path, paths: Sequence[Path]) -> Path:
    """Fills a folder with copies of some files, in ten classes, each with other bytes behind its end, and returns it."""
    for number, path in enumerate(paths):
        copy = folder / str(number % 10) / f"{number:05d}{path.suffix}"
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes() + b"\0" * (number // 100))
    return folder


def anatomy_of_loading(folder: Path) -> tuple[list[Part], float]:
    """Returns the parts of an image, and how much of it holds the lock of Python, in µs."""
    from dataprep.backends.cpu import render
    from dataprep.images import native

    loader = training(folder)
    calls: list[tuple[Any, ...]] = []
    original = render.render_file
    with replaced(render, "render_file", lambda *call: (len(calls) < SOME and calls.append(call)) or original(*call)):
        epoch(loader)
    resample: Any = native.module("resample")
    assert resample is not None, native.missing()
    rendered = least([partial(original, *call) for call in calls])
    resized = [resizing(data, window) for data, _, window, *_ in calls]
    ends = [(mirror, levels, out, line) for *_, out, mirror, levels, line in calls]
    placed = [(each.image, *end) for each, end in zip(resized, ends, strict=True)]
    parts = {
        "read": least([partial(read, path) for path in photos_of(folder)[:SOME]]),
        "resize": least([partial(resample.resize, *each.resize) for each in resized])
        + sum(least([partial(resample.taps, *each.axes[axis]) for each in resized]) for axis in (0, 1)),
        "normalise and place": least([partial(resample.place, *each) for each in placed]),
    }
    parts["decode"] = rendered - parts["resize"] - parts["normalise and place"]
    took = cpu_of_image(loader)
    with replaced(render, "render_file", lambda *call: True):
        parts["Python"] = cpu_of_image(loader) - parts["read"]
    parts["hand-over, cold caches"] = took - rendered - parts["read"] - parts["Python"]
    order = ("read", "decode", "resize", "normalise and place", "Python", "hand-over, cold caches")
    return [Part(0, "Threads, an image", took), *(Part(1, name, parts[name]) for name in order)], parts["Python"]


class Resized(NamedTuple):
    """How an image is resized.

    Attributes:
        image: What comes of it.
        resize: What the compiled code is called with.
        axes: What its weights of rows and of columns are made of.
    """

    image: Any
    resize: tuple[Any, ...]
    axes: tuple[tuple[Any, ...], tuple[Any, ...]]


def resizing(data: bytes, window: Any) -> Resized:
    """Returns how a window of a file is resized."""
    import numpy as np

    from dataprep.images import native
    from dataprep.images.decode import decode
    from dataprep.images.resize import FILTERS, resize_window

    found = decode(data, part=window.needed)
    moved, image = window.moved(found.top, found.left), np.ascontiguousarray(found.image)
    calls: list[tuple[Any, ...]] = []
    with replaced(native.module("resample"), "resize", lambda *call: calls.append(call)):
        resize_window(image, moved)
    box, target, part, filter = window
    number = list(FILTERS).index(filter)
    rows, columns = (box.height, target[0], part.top, part.height), (box.width, target[1], part.left, part.width)
    return Resized(resize_window(image, moved), calls[0], ((*rows, number), (*columns, number)))


@contextmanager
def replaced(module: Any, name: str, function: Callable[..., object]) -> Iterator[None]:
    """Has another function in its place."""
    original = getattr(module, name)
    setattr(module, name, function)
    try:
        yield
    finally:
        setattr(module, name, original)


def cpu_of_image(loader: Any) -> float:
    """Returns the CPU time of an image in an epoch, in µs: the median of three."""
    times = []
    for _ in range(3):
        start = time.process_time()
        times.append(1e6 / epoch(loader) * (time.process_time() - start))
    return sorted(times)[1]


def training(folder: Path, workers: int = 1) -> Any:
    """Returns a loader of the usual training job."""
    import dataprep as dp

    pipeline = dp.Pipeline(dp.RandomResizedCrop(224), dp.HorizontalFlip(), dp.Normalize.imagenet())
    manifest = dp.clean(folder, dp.Pipeline())
    return dp.Loader(manifest, pipeline, batch_size=64, backend=dp.Threads(workers, output="numpy"))


def epoch(loader: Any) -> int:
    """Goes through an epoch, and returns how many images it had."""
    return sum(len(batch.images) for batch in loader)


def rate(job: str, cores: int, folder: Path) -> float:
    """Returns the images a second of a job in a process of its own that may use so many cores."""
    command = [sys.executable, __file__, "--rate", job, str(cores), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return float(json.loads(done.stdout.splitlines()[-1]))


def rate_here(job: str, cores: int, folder: Path) -> float:
    """Returns the images a second of a job on the first cores, what is imported left out."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])  # before any thread is started
    from dataprep.cleaning.clean import clean

    if job == "clean":
        with tempfile.TemporaryDirectory() as place:
            clean(fill(Path(place), photos_of(folder)[:10]))
        start = time.perf_counter()
        images = len(clean(folder))
    else:
        loader = training(folder, cores)
        epoch(loader)
        start = time.perf_counter()
        images = epoch(loader)
    return images / (time.perf_counter() - start)


def estimate(whole: float, alone: float, cores: int) -> float:
    """Returns the images a second on so many cores: all work, until what only one can do takes all of its time."""
    return 1e6 * min(cores / whole, 1 / max(alone, 1.0))


def study(photos: Path) -> Anatomy:
    """Measures all, on photos that fill a large folder."""
    with tempfile.TemporaryDirectory() as place:
        paths = photos_of(photos)
        folder = fill(Path(place), [paths[number % len(paths)] for number in range(MANY)])
        cleaning, parent = anatomy_of_clean(folder)
        loading, python = anatomy_of_loading(folder)
        counts = [count for count in (1, 2, 4, 8, 16, 64) if count <= len(os.sched_getaffinity(0))]
        rates = {job: {count: sorted(rate(job, count, folder) for _ in range(3))[1] for count in counts} for job in JOBS}
    return Anatomy(cleaning, loading, rates, {"clean": parent, "Threads": python})


def bars(parts: Sequence[Part]) -> Iterator[str]:
    """Yields a line for each part: its share of the whole as a bar, indented by depth."""
    whole = parts[0].microseconds
    for part in parts:
        bar = "█" * max(round(40 * part.microseconds / whole), 1 if part.microseconds > 0 else 0)
        name = "  " * part.depth + part.name
        yield f"{name:<36}{part.microseconds:>7,.0f} µs {part.microseconds / whole:>5.0%}  {bar}"


BOUNDS = {
    "clean": "the parent, which lists, saves and judges",
    "Threads": "the lock of Python, of which `Torch` has one in each process",
}


def growth(found: Anatomy) -> Iterator[str]:
    """Yields the rows of a table: images a second by number of cores, measured and computed."""
    measured = sorted(found.rates["clean"])
    titles = [*(f"{count} core{'s' * (count > 1)}" for count in measured), "16, computed", "64, computed", "bound by"]
    yield f"| | {' | '.join(titles)} |"
    yield "|---" * (len(titles) + 1) + "|"
    for job, parts in (("clean", found.clean), ("Threads", found.load)):
        whole, alone = parts[0].microseconds, max(found.alone[job], 1.0)
        cells = [f"{found.rates[job][count]:,.0f}" for count in measured]
        cells += [f"{estimate(whole, alone, count):,.0f}" for count in (16, 64)]
        limit = f"{alone:,.0f} µs an image, so {1e6 / alone:,.0f} images/s, from {whole / alone:,.0f} cores on"
        yield f"| `{job}` | {' | '.join(cells)} | {BOUNDS[job]}: {limit} |"


def text(found: Anatomy) -> str:
    """Returns all as Markdown."""
    shares = "\n".join([*bars(found.clean), "", *bars(found.load)])
    return f"```text\n{shares}\n```\n\n" + "\n".join(growth(found)) + "\n"


def photos() -> Path:
    """Returns the folder of photos that was named."""
    place = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("DATAPREP_PHOTOS")
    assert place, "name a folder of JPEG photos, or set DATAPREP_PHOTOS"
    return Path(place)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--rate"]:
        print(json.dumps(rate_here(sys.argv[2], int(sys.argv[3]), Path(sys.argv[4]))))
    else:
        print(text(study(photos())))
