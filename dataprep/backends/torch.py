"""The torch backend: `DataLoader` workers that render whole batches, and torch's view of single parts of dataprep.

A recipe is what a worker gets as its "index", so workers hold no randomness and no table: the same batches come out of
any number of them.
"""

import logging
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, repeat
from multiprocessing import Value
from multiprocessing.context import get_spawning_popen
from typing import Any, Literal

import cv2
import numpy as np
import PIL.Image
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset, get_worker_info

from dataprep.backends.kernels import apply
from dataprep.backends.render import canvas, delivered, pixel_limit, rendered
from dataprep.draws import key
from dataprep.errors import LoaderError
from dataprep.images.decode import decode, quiet_decoders
from dataprep.loader import draw
from dataprep.manifest import Manifest
from dataprep.pipeline import Pipeline
from dataprep.types import Batch, Image, Op, Recipe, Rendered, Source


@dataclass(frozen=True)
class Torch:
    """Batches from a torch `DataLoader`, as tensors in the memory of the CPU.

    Attributes:
        workers: Processes that decode; 0 decodes in this process; "auto" measures some numbers for a second or two when the
            first epoch starts, takes the fewest that are as fast as any, and tells the logger `dataprep` which and why.
        prefetch: Batches that each worker has ready or under way.
        start: How workers start: "fork", "spawn" or "forkserver"; None takes the platform's default.
        pin_memory: Whether batches come in page-locked memory, for asynchronous copies to a GPU, as in
            `batch.images.to("cuda", non_blocking=True)`; it changes nothing where there is no GPU.
    """

    workers: int | Literal["auto"] = 0
    prefetch: int = 2
    start: Literal["fork", "spawn", "forkserver"] | None = None
    pin_memory: bool = False

    def __post_init__(self) -> None:
        """Checks the numbers."""
        counted = self.workers == "auto" or (isinstance(self.workers, int) and self.workers >= 0)
        if not counted or self.prefetch < 1:
            raise LoaderError(
                f'Torch(workers={self.workers}, prefetch={self.prefetch}): at least 0 workers, or "auto", and 1 batch ahead'
            )

    def run(self, source: Source, ops: tuple[Op, ...], recipes: Iterable[Recipe]) -> Iterator[Rendered]:
        """Yields the batch of each recipe, in order, as tensors."""
        if self.workers == "auto":
            yield from _picked(self, source, ops, recipes)
            return
        batches = iter(
            DataLoader(
                _Recipes(source, ops),
                batch_size=None,  # a recipe is a whole batch
                sampler=_Once(recipes),
                num_workers=self.workers,
                prefetch_factor=self.prefetch if self.workers else None,
                multiprocessing_context=self.start if self.workers else None,
                pin_memory=self.pin_memory and torch.cuda.is_available(),
                collate_fn=_as_it_is,
                worker_init_fn=_one_thread,
            )
        )
        try:
            yield from batches
        finally:
            if self.workers:  # torch has no public way; left to itself, an exception's traceback keeps the workers alive
                getattr(batches, "_shutdown_workers", lambda: None)()


LOGGER = logging.getLogger("dataprep")

PICKED: dict[tuple[Torch, str], int] = {}
"""How many workers "auto" came to, by backend and ops: later epochs do not measure again."""

SPELL = 0.4  # seconds that a number of workers is tried for
NEAR = 0.9  # of the best rate: what fewer workers have to reach


def _picked(auto: Torch, source: Source, ops: tuple[Op, ...], recipes: Iterable[Recipe]) -> Iterator[Rendered]:
    """Runs with as many workers as are worth it, found by making the first batch again and again."""
    given = iter(recipes)
    first = next(given, None)
    if first is None:
        return
    place = (auto, repr(ops))
    if place not in PICKED:
        rates = {count: _rate(replace(auto, workers=count), source, ops, first) for count in _counts()}
        PICKED[place] = fewest(rates)
        tried = ", ".join(f"{count}: {rate:,.0f}" for count, rate in rates.items())
        LOGGER.info("Torch(workers='auto') takes %d; images/s by number of workers: %s", PICKED[place], tried)
    yield from replace(auto, workers=PICKED[place]).run(source, ops, chain([first], given))


def fewest(rates: dict[int, float]) -> int:
    """Returns the least number of workers, of images a second by number, that is nearly as fast as the fastest."""
    return min(count for count, rate in rates.items() if rate >= NEAR * max(rates.values()))


def _counts() -> list[int]:
    """Returns the numbers of workers to try: none, and powers of two up to the cores that this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return [0, *(count for count in (1, 2, 4, 8, 16, 32) if count < cores), cores]


def _rate(backend: Torch, source: Source, ops: tuple[Op, ...], recipe: Recipe) -> float:
    """Returns the images a second of a backend once its workers have started."""
    batches = backend.run(source, ops, repeat(recipe))
    next(batches)
    start, images = time.perf_counter(), 0
    while time.perf_counter() - start < SPELL:
        images += len(next(batches).batch.ids)
    rate = images / (time.perf_counter() - start)
    batches.close()  # type: ignore[attr-defined]  # a generator
    return rate


def transfer(images: NDArray[Any]) -> float | None:
    """Returns the seconds in which a batch of arrays gets from page-locked memory to the GPU, None where there is no GPU."""
    if not torch.cuda.is_available():
        return None
    batch = torch.from_numpy(np.ascontiguousarray(images)).pin_memory()
    batch.cuda()  # the first copy waits for the GPU to start
    torch.cuda.synchronize()
    start = time.perf_counter()
    batch.to("cuda", non_blocking=True)
    torch.cuda.synchronize()
    return time.perf_counter() - start


class Transform:
    """The ops of a pipeline as a callable, for a `Dataset` of your own.

    What an image gets depends on the seed, the epoch and its row, not on the worker that does it.
    """

    def __init__(self, pipeline: Pipeline, seed: int = 0) -> None:
        """Takes the ops of a pipeline whose `Normalize` has its numbers (see `Pipeline.fill`)."""
        self.ops = pipeline.ops
        self.seed = seed
        self._epoch = Value("q", 0, lock=False)  # shared, so that workers that are kept alive see a new epoch

    def __getstate__(self) -> dict[str, Any]:
        """Returns what a copy is made of; only a worker that is being started shares the epoch."""
        return self.__dict__ if get_spawning_popen() else self.__dict__ | {"_epoch": self._epoch.value}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Becomes a copy, with an epoch of its own, or in a worker the same."""
        epoch = state["_epoch"]
        self.__dict__.update(state, _epoch=Value("q", epoch, lock=False) if isinstance(epoch, int) else epoch)

    def set_epoch(self, epoch: int) -> None:
        """Gives every image other augmentations than in another epoch."""
        self._epoch.value = epoch

    def __call__(self, image: "Image | PIL.Image.Image", row: int | None = None) -> torch.Tensor:
        """Transforms one image.

        Args:
            image: (H, W, 3) RGB, 0..255, or a Pillow image.
            row: What identifies the image, such as its index; None derives a number from its pixels.

        Returns:
            (3, H, W) float32 after `Normalize`, else uint8, unless `Output` says otherwise.
        """
        pixels = np.array(image.convert("RGB")) if isinstance(image, PIL.Image.Image) else image
        if row is None:
            row = int(key(*np.frombuffer(cv2.resize(pixels, (8, 8)).tobytes(), np.int64).tolist()) >> np.uint64(1))
        params = draw(self.ops, np.array([pixels.shape[:2]]), np.array([row]), self.seed, self._epoch.value)
        return typed(torch.from_numpy(np.ascontiguousarray(apply(self.ops, pixels, [drawn[0] for drawn in params]))), self.ops)


class ImageDataset(Dataset[tuple[Any, int]]):
    """The kept images of a manifest as a plain map-style dataset of (image, label), as torchvision's ImageFolder gives.

    Attributes:
        classes: The label of each class number.
    """

    def __init__(self, manifest: Manifest, transform: Any = None) -> None:
        """Takes a manifest and what to do to each Pillow image: a `Transform`, torchvision's, any callable, or None."""
        kept = manifest.kept()
        self.classes = manifest.classes
        self.transform = transform
        self._source = manifest.source
        self._ids = kept["id"].to_numpy()
        self._uris = kept["uri"].combine_chunks()
        self._labels = manifest.labels()
        self._limit = pixel_limit(np.stack([kept["height"].to_numpy(), kept["width"].to_numpy()], axis=1).astype(np.int64))

    def __len__(self) -> int:
        """The number of kept images."""
        return len(self._ids)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        """Returns an image, transformed, and its class number, -1 without a label."""
        with quiet_decoders(self._limit):
            image = PIL.Image.fromarray(decode(self._source.read(self._uris[index].as_py()), max_pixels=self._limit).image)
        if isinstance(self.transform, Transform):
            return self.transform(image, row=int(self._ids[index])), int(self._labels[index])
        return image if self.transform is None else self.transform(image), int(self._labels[index])


class _Recipes(Dataset[Rendered]):
    """A dataset whose indices are recipes and whose items are batches."""

    def __init__(self, source: Source, ops: tuple[Op, ...]) -> None:
        self.source, self.ops = source, ops

    def __getitem__(self, recipe: Recipe) -> Rendered:
        images = self._images(len(recipe.uris))
        batch, failures, slowest = rendered(self.source, self.ops, recipe, images.numpy())
        arrays = (typed(images, self.ops), torch.from_numpy(batch.labels), torch.from_numpy(batch.ids))
        return Rendered(Batch(*arrays), failures, slowest)

    def _images(self, count: int) -> torch.Tensor:
        """Returns a tensor to fill; in a worker it is in shared memory, so that it need not be copied there."""
        if get_worker_info() is None:
            return torch.from_numpy(canvas(self.ops, count))
        one = torch.from_numpy(canvas(self.ops, 1))
        size = count * one.numel() * one.element_size()
        # as torch's own collate does
        storage: torch.UntypedStorage = torch.UntypedStorage._new_shared(size, device="cpu")  # type: ignore[no-untyped-call]  # of torch
        return one.new_empty(0).set_(storage, 0, (count, *one.shape[1:]), one.stride())


def typed(images: torch.Tensor, ops: tuple[Op, ...]) -> torch.Tensor:
    """Returns (B, 3, H, W) of the type that the ops end with, from what `canvas` gave, which knows no bfloat16."""
    return images.view(torch.bfloat16) if delivered(ops).dtype == "bfloat16" else images


class _Once:
    """An iterable without a length, which a DataLoader would otherwise ask for."""

    def __init__(self, recipes: Iterable[Recipe]) -> None:
        self.recipes = recipes

    def __iter__(self) -> Iterator[Recipe]:
        return iter(self.recipes)


def _as_it_is(rendered: Any) -> Any:
    return rendered


def _one_thread(worker: int) -> None:
    cv2.setNumThreads(0)  # the workers are the parallelism; any other number waits for threads that a fork left behind
