"""What a GPU changes, in one table: rates, parity with nvJPEG, a training step fed by each, and resuming across CPU and GPU.

python tests/throughput/on_a_gpu.py FOLDER          where there is a GPU, with `pip install '.[torch,dali]'`; below ten minutes
python tests/throughput/on_a_gpu.py FOLDER --cpu    the same way with DALI on the CPU and few photos, to know that it works

FOLDER holds JPEG photos, a thousand or more; fewer are repeated. It ends with code 1 where a run is not resumed exactly or pixels
differ by more than the parity that the README states.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from anatomy import fill, photos_of
from by_hand import SIDE, DaliPhotos

import dataprep as dp
from dataprep.backends.dali.parity import parity
from dataprep.machine import cores

OPS = (dp.RandomResizedCrop(SIDE), dp.HorizontalFlip(), dp.Normalize.imagenet())
CLOSE = 0.99  # of the values have to be within 2 of 255
EPOCHS = 3  # of which the median counts


class Line(NamedTuple):
    """A row of the table.

    Attributes:
        what: What was measured.
        said: What came out.
        good: Whether it is as it should be.
    """

    what: str
    said: str
    good: bool = True


class Bench(NamedTuple):
    """What all measurements share.

    Attributes:
        folder: The photos, in ten classes.
        manifest: Of the same photos.
        device: Where DALI runs and the network is, as torch names it.
        batch: Images in a batch.
        threads: Threads or processes of each backend.
    """

    folder: Path
    manifest: dp.Manifest
    device: str
    batch: int
    threads: int

    @property
    def dali(self) -> Any:
        """DALI on that device."""
        return dp.Dali("gpu" if self.device == "cuda" else "cpu", threads=self.threads)

    def loader(self, backend: Any) -> dp.Loader:
        """Returns a loader of the training job."""
        return dp.Loader(self.manifest, dp.Pipeline(*OPS), batch_size=self.batch, backend=backend, sampler=dp.Sampler(seed=0))

    def feeds(self) -> Iterator[tuple[str, Callable[[], Iterable[tuple[Any, Any]]]]]:
        """Yields what makes an epoch of images and labels, on the device, by name."""
        named = {
            "dataprep, Dali": self.dali,
            "dataprep, Threads": dp.Threads(self.threads),
            "dataprep, Torch": dp.Torch(self.threads),
        }
        for name, backend in named.items():
            yield f"{name}({self.threads})", partial(self._moved, self.loader(backend))
        yield "DALI by hand", self._by_hand

    def _moved(self, loader: dp.Loader) -> Iterator[tuple[Any, Any]]:
        for batch in loader:
            yield batch.images.to(self.device, non_blocking=True), batch.labels.to(self.device, non_blocking=True)

    def _by_hand(self) -> Iterator[tuple[Any, Any]]:
        where = "gpu" if self.device == "cuda" else "cpu"
        with DaliPhotos(
            self.folder, training=True, normalised=True, batch=self.batch, threads=self.threads, device=where
        ) as graph:
            for images, labels in graph:
                yield images, labels.reshape(-1).long().to(self.device)

    def wait(self) -> None:
        """Waits for what the device has under way."""
        if self.device == "cuda":
            torch.cuda.synchronize()


def rates(bench: Bench) -> Iterator[Line]:
    """Yields the images a second of each feed, on the device, and with a training step for each batch."""
    for name, feed in bench.feeds():
        yield Line(f"images/s, {name}", f"{rate(bench, feed, lambda images, labels: None):,.0f}")
    step = training_step(bench)
    images, labels = next(iter(next(bench.feeds())[1]()))
    images, labels = images.clone(), labels.clone()  # DALI uses its memory again
    fed = rate(bench, lambda: ((images, labels) for _ in range(8)), step)
    yield Line("images/s trained, of one batch again and again", f"{fed:,.0f}")
    for name, feed in bench.feeds():
        yield Line(f"images/s trained, {name}", f"{rate(bench, feed, step):,.0f}")


def rate(bench: Bench, feed: Callable[[], Iterable[tuple[Any, Any]]], step: Callable[[Any, Any], None]) -> float:
    """Returns the images a second of an epoch: the median of a few, after one that warms up."""
    found = []
    for _ in range(1 + (EPOCHS if bench.device == "cuda" else 1)):
        start, count = time.perf_counter(), 0
        for images, labels in feed():
            step(images, labels)
            count += len(images)
        bench.wait()
        found.append(count / (time.perf_counter() - start))
    return float(np.median(found[1:]))


def training_step(bench: Bench) -> Callable[[Any, Any], None]:
    """Returns a step of training a convolutional network, ten layers deep on a GPU, with gradients and momentum."""
    layers: list[torch.nn.Module] = []
    before = 3
    for width in (64, 64, 128, 256, 512) if bench.device == "cuda" else (4, 8):
        layers += [torch.nn.Conv2d(before, width, 3, 2, 1, bias=False), torch.nn.BatchNorm2d(width), torch.nn.ReLU()]
        layers += [torch.nn.Conv2d(width, width, 3, 1, 1, bias=False), torch.nn.BatchNorm2d(width), torch.nn.ReLU()]
        before = width
    network = torch.nn.Sequential(*layers, torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(before, 10))
    network = network.to(bench.device, memory_format=torch.channels_last)
    optimiser = torch.optim.SGD(network.parameters(), 0.01, momentum=0.9)

    def step(images: Any, labels: Any) -> None:
        with torch.autocast(bench.device, torch.bfloat16, enabled=bench.device == "cuda"):
            loss = torch.nn.functional.cross_entropy(network(images), labels.reshape(-1))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    return step


def agreement(bench: Bench) -> Iterator[Line]:
    """Yields how alike the pixels of DALI are to those of the CPU, of decoding alone and end to end."""
    recipe = next(iter(bench.loader(dp.Threads(1)).recipes()))
    pipeline = bench.loader(dp.Threads(1)).pipeline
    for found in parity(bench.manifest.source, pipeline.ops, recipe, bench.dali):
        shares = f"{found.equal:.2%} equal, {found.close:.2%} within 2"
        said = f"{shares}, mean {found.mean:.3f}, p99 {found.p99:.1f}, most {found.most:.0f}"
        yield Line(f"of 255, {found.step}", said, found.close >= CLOSE)


def resumed(bench: Bench) -> Iterator[Line]:
    """Yields whether a run that begins with one backend and goes on with another is the run that none interrupted."""
    whole = [batch.ids.tolist() for batch in bench.loader(dp.Threads(bench.threads))]
    pairs = {"Dali, then Threads": (bench.dali, dp.Threads(2)), "Threads, then Dali": (dp.Threads(2), bench.dali)}
    for name, (first, second) in pairs.items():
        begun, ids = bench.loader(first), []
        for batch in begun:
            ids.append(batch.ids.tolist())
            if len(ids) == max(len(whole) // 2, 1):
                break
        rest = bench.loader(second)
        rest.load_state_dict(begun.state_dict())
        ids += [batch.ids.tolist() for batch in rest]
        yield Line(f"resumed, {name}", "the same samples" if ids == whole else "OTHER SAMPLES", ids == whole)


def main() -> int:
    """Prints the table, row by row, and returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cpu", action="store_true")
    parser.add_argument("--photos", type=int, help="how many; 6,400 with a GPU, else 64")
    parser.add_argument("--batch", type=int, help="images in a batch; 128 with a GPU, else 16")
    parser.add_argument("--threads", type=int, default=cores())
    asked = parser.parse_args()
    if not asked.cpu and not torch.cuda.is_available():
        parser.error("torch finds no GPU here; `--cpu` takes the same way without one")
    start, good = time.perf_counter(), True
    with tempfile.TemporaryDirectory() as place:
        paths = photos_of(asked.folder)
        count = asked.photos or (64 if asked.cpu else 6_400)
        folder = fill(Path(place), [paths[number % len(paths)] for number in range(count)])
        manifest = dp.clean(folder, dp.Pipeline())
        device, batch = ("cpu", asked.batch or 16) if asked.cpu else ("cuda", asked.batch or 128)
        bench = Bench(folder, manifest, device, batch, asked.threads)
        gpu = "no GPU" if asked.cpu else torch.cuda.get_device_name()
        print(f"{gpu}, {asked.threads} threads, {len(manifest):,} photos, batches of {batch}\n")
        for measure in (agreement, resumed, rates):
            for line in measure(bench):
                good &= line.good
                print(f"{'' if line.good else '! '}{line.what:<56}{line.said}", flush=True)
    print(f"\n{time.perf_counter() - start:,.0f} s in all")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
