"""What `dataprep bench` measures: how fast images can be loaded on this machine, and what holds it up."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from importlib.util import find_spec
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple

import numpy as np
from rich.table import Table

from dataprep.ahead import Ahead
from dataprep.backends.cpu.render import apply_op, canvas, render
from dataprep.backends.targets import uris_of
from dataprep.backends.threads import Threads
from dataprep.cli.console import Terminal
from dataprep.cli.terminal import say
from dataprep.images import native
from dataprep.images.decode import decode
from dataprep.images.limits import quiet_decoders
from dataprep.loading.loader import Loader
from dataprep.machine import cores
from dataprep.manifest import Manifest
from dataprep.protocols import Backend, Program, Source
from dataprep.sources import stores
from dataprep.stages import HorizontalFlip, Normalize, RandomResizedCrop
from dataprep.types import Image, Recipe, Rendered

VERSION: Final = 3
ONE: Final = "this process alone"
TRAINING: Final = (RandomResizedCrop(224), HorizontalFlip(), Normalize.imagenet())
LONG: Final = 0.1  # of the time: waits for bytes that are worth a remedy
NEAR: Final = 0.9  # of the fastest rate: what is as good on a machine that does other things too

REMEDIES: Final = {
    "read": "put the images on a faster disk, or nearer: reading takes most of the time",
    "decode": "store the images nearer to the size that training sees: decoding takes most of the time",
    "transfer": "end the ops with `Output('float16')`, or leave out `Normalize`: the copy to the GPU takes most of the time",
}
"""What to do about a step that is slower than the others."""

FOR_STORES: Final = {
    "pack": "pack the images into shards there, `dataprep pack MANIFEST --into s3://…`: one request then has several neighbours",
    "lanes": "take `Sampler(lanes=64)`: it reads neighbours together, so that one request has several images",
    "more": f"make more requests at once, {stores.REQUESTS}={2 * stores.CONCURRENCY}, where the network is not at its limit",
    "cache": 'give the loader `cache=dp.NodeCache("/local/cache", "200GB")`: later epochs then read a local disk',
}
"""What to do about waiting for a store."""


class Run(NamedTuple):
    """What an epoch from a backend came to.

    Attributes:
        rate: Images a second.
        waited: Seconds that a thread or process of it waited for bytes, on average.
        seconds: How long it took.
    """

    rate: float
    waited: float
    seconds: float


class Rates(NamedTuple):
    """What was measured, in images a second.

    Attributes:
        images: How many images were loaded.
        cores: The cores that this process may use.
        steps: Each step alone, on one core, one image after the other.
        ends: Each backend from end to end.
        floor: Reading and decoding alone on all cores, of a store only decoding: no ops come beyond it without decoding less.
        runs: What an epoch from each backend came to, of which `ends` are the rates.
        remedies: What helps where it waits for long, in sentences; of a local source nothing.
    """

    images: int
    cores: int
    steps: dict[str, float]
    ends: dict[str, float]
    floor: float
    runs: Mapping[str, Run] = MappingProxyType({})
    remedies: tuple[str, ...] = ()

    def share(self, name: str) -> float:
        """Returns which part of its time a backend waited for bytes."""
        return self.runs[name].waited / self.runs[name].seconds if name in self.runs else 0.0

    @property
    def best(self) -> str:
        """The backend with the fewest threads or processes of those that are as fast as any."""
        backends = {name: rate for name, rate in self.ends.items() if name != ONE}
        return next(name for name, rate in backends.items() if rate >= NEAR * max(backends.values()))

    @property
    def waiting(self) -> str:
        """A sentence about how long the loop waited for bytes."""
        _, waited, seconds = self.runs[self.best]
        return f"{self.best} waited {waited:.2f} of {seconds:.2f} seconds for bytes ({self.share(self.best):.0%})"

    @property
    def bottleneck(self) -> str:
        """A sentence about the step that takes longest."""
        seconds = {name: 1 / rate for name, rate in self.steps.items()}
        worst = max(seconds, key=lambda name: seconds[name])
        return f"{worst} takes {seconds[worst] / sum(seconds.values()):.0%} of the time of an image when steps run alone"

    @property
    def advice(self) -> list[str]:
        """What to do, in sentences."""
        backends = {name: rate for name, rate in self.ends.items() if name != ONE}
        best, fewest = max(backends, key=lambda name: backends[name]), self.best
        lines = [f"use {fewest}: {backends[fewest]:,.0f} images/s"]
        if fewest != best:
            lines[0] += f", nearly as many as {best} with {backends[best]:,.0f}"
        if self.ends.get(ONE, 0) >= backends[best]:
            lines.append(f"more threads or processes gain nothing here: this one alone loads {self.ends[ONE]:,.0f} images/s")
        lines += native.missing()
        if self.remedies:
            return lines + (list(self.remedies) if self.share(fewest) > LONG else [])
        slowest = min(self.steps, key=lambda name: self.steps[name])
        return lines + ([REMEDIES[slowest]] if slowest in REMEDIES else [])


class _Alone:
    """A backend that renders in this thread."""

    def run(self, source: Source, program: Program, recipes: Iterable[Recipe]) -> Iterator[Rendered]:
        """Yields one batch after the other."""
        with Ahead(source) as ahead:
            for recipe in recipes:
                orders = ahead.expect(uris_of(recipe))
                made = render(ahead, program, recipe)
                ahead.forget(orders)
                yield made._replace(reads=ahead.take_reads())


def measure(manifest: Manifest, batch_size: int, workers: int) -> Rates:
    """Measures the steps, then each backend from end to end.

    Args:
        manifest: The images to load, with ops alone in its pipeline.
        batch_size: Images in a batch.
        workers: The most threads or processes.
    """
    steps = measure_steps(manifest, batch_size)
    remedies = remedies_of(manifest)
    floor = workers / ((0.0 if remedies else 1 / steps["read"]) + 1 / steps["decode"])
    runs = measure_ends(manifest, batch_size, workers)
    rates = {name: run.rate for name, run in runs.items()}
    return Rates(len(manifest), cores(), steps, rates, floor, runs, remedies)


def remedies_of(manifest: Manifest) -> tuple[str, ...]:
    """Returns what helps against waiting for the source of a manifest, the best first; nothing where it is of this machine."""
    if getattr(manifest.source, "forks", True):
        return ()
    if not manifest.packed:
        return FOR_STORES["cache"], FOR_STORES["pack"], FOR_STORES["more"]
    lanes = (FOR_STORES["lanes"],) if manifest.packed.get("shuffled") is not None else ()
    return FOR_STORES["cache"], *lanes, FOR_STORES["more"]


def measure_steps(manifest: Manifest, batch_size: int) -> dict[str, float]:
    """Returns the images a second of reading, decoding, each op and collating on one core, and of the copy to a GPU, if any."""
    loader = Loader(manifest, batch_size=batch_size, backend=_Alone())
    ops = loader.pipeline.ops
    render(loader.source, loader.program, next(iter(loader.recipes())))  # what is compiled is compiled before the clock starts
    names = ["read", "decode", *(type(op).__name__ for op in ops), "collate"]
    seconds, images = dict.fromkeys(names, 0.0), 0
    with quiet_decoders():
        for recipe in loader.recipes():
            files = _time(seconds, "read", [partial(loader.source.read, uri) for uri in recipe.uris])
            pixels = _time(seconds, "decode", [partial(_decode, file) for file in files])
            for op, params in zip(ops, recipe.params, strict=True):
                calls = [partial(apply_op, op, image, drawn) for image, drawn in zip(pixels, params, strict=True)]
                pixels = _time(seconds, type(op).__name__, calls)
            last = [image.transpose(2, 0, 1) if loader.program.spec.layout == "HWC" else image for image in pixels]
            (batch,) = _time(seconds, "collate", [partial(_collate, loader.program, last)])
            images += len(recipe.uris)
    if find_spec("torch"):
        from dataprep.backends.tensors import time_transfer

        one = time_transfer(batch)
        seconds |= {} if one is None else {"transfer": one / len(batch) * images}
    return {name: images / max(spent, 1e-9) for name, spent in seconds.items()}


def _decode(file: bytes) -> Image:
    return decode(file).image


def _collate(program: Program, images: list[Any]) -> Any:
    return np.stack(images, out=canvas(program, len(images)))


def _time(seconds: dict[str, float], name: str, calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """Returns what some calls return, and adds the time they took."""
    start = time.perf_counter()
    results = [call() for call in calls]
    seconds[name] += time.perf_counter() - start
    return results


def measure_ends(manifest: Manifest, batch_size: int, workers: int) -> dict[str, Run]:
    """Returns what a whole epoch from each backend comes to, with few and with all workers."""
    counts = sorted({1, workers, *(count for count in (2, 4, 8) if count < workers)})
    backends: dict[str, Backend] = {ONE: _Alone()}
    backends |= {f"Threads(workers={count})": Threads(count, output="numpy") for count in counts}
    if find_spec("torch"):
        from dataprep.backends.torch import Torch

        backends |= {f"Torch(workers={count})": Torch(count) for count in counts}
    if find_spec("torch") and find_spec("nvidia") and find_spec("nvidia.dali"):
        from dataprep.backends.dali.backend import Dali, gpu_is_there

        devices: list[Literal["cpu", "gpu"]] = ["cpu", "gpu"] if gpu_is_there() else ["cpu"]
        backends |= {f"Dali({device!r}, threads={workers})": Dali(device, threads=workers) for device in devices}
    runs = {}
    for name, backend in backends.items():
        loader = Loader(manifest, batch_size=batch_size, backend=backend)
        start = time.perf_counter()
        for _ in loader:
            pass
        seconds, stats = time.perf_counter() - start, loader.stats()
        readers = getattr(backend, "workers", None) or getattr(backend, "threads", None) or 1
        runs[name] = Run(stats.images / seconds, min(stats.reads.waited / readers, seconds), seconds)
    return runs


def as_data(done: Rates) -> dict[str, Any]:
    """Returns what is printed as plain data; rates are images a second."""
    said = {"bottleneck": done.bottleneck, "waiting": done.waiting, "advice": done.advice}
    runs = {name: run._asdict() for name, run in done.runs.items()}
    return {"version": VERSION, **done._asdict(), "runs": runs, **said, "missing": native.missing()}


def show(done: Rates) -> None:
    """Prints the rates, the bottleneck and the advice."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column()
    table.add_column(justify="right")
    table.add_column(justify="right")
    for title, rates in (("a step alone, one core", done.steps), ("from end to end", done.ends)):
        waited = "[bold]waited for bytes[/]" if done.remedies and rates is done.ends else ""
        table.add_row(f"[bold]{title}[/]", "[bold]images/s[/]", waited)
        for name, rate in rates.items():
            table.add_row(f"  {name}", f"{rate:,.0f}", f"{done.share(name):.0%}" if waited else "")
    floor = "decode alone, all workers" if done.remedies else "read and decode alone, all workers"
    table.add_row(floor, f"{done.floor:,.0f}")
    Terminal().print(table)
    waiting = [done.waiting] if done.remedies else []
    for line in (f"{done.images:,} images, {done.cores} cores", *waiting, f"bottleneck: {done.bottleneck}", *done.advice):
        say(line)
