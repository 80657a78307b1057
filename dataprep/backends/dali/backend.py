"""The DALI backend: the recipes of any loader, decoded and augmented by NVIDIA DALI, on the CPU or on a GPU.

The graph gets the bytes of each file and what was drawn for it; nothing in it is random. DALI decodes common JPEG, and only the
region that the first op cuts out. Other formats are decoded as the CPU backends decode them and enter the graph as pixels, so
that one policy holds for all images. An op that DALI cannot run is run by its CPU kernel before the graph (see `Dali.on_host`).
"""

import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, Final, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from nvidia.dali import Pipeline as Graph
from nvidia.dali import fn, types
from torch.utils.dlpack import from_dlpack

from dataprep.backends.cpu.kernels import kernel
from dataprep.backends.cpu.render import decoded, delivered, pixel_limit
from dataprep.backends.dali.lowering import Node, arguments, node, normalized, obstacle, resized_to
from dataprep.errors import LoaderError, SourceError
from dataprep.images.jpeg import plain_jpeg
from dataprep.images.limits import quiet_decoders
from dataprep.stages import HorizontalFlip, Normalize, Output, RandomResizedCrop
from dataprep.types import Batch, Failure, Image, Op, Recipe, Rendered, Source, Spec

DTYPES: Final = {
    np.dtype(np.uint8): types.DALIDataType.UINT8,
    np.dtype(np.float32): types.DALIDataType.FLOAT,
    np.dtype(np.int32): types.DALIDataType.INT32,
    np.dtype(np.int64): types.DALIDataType.INT64,
}

Input = NDArray[Any] | list[NDArray[Any]]
"""What enters the graph for one batch: an array with a line for each sample, or a list of arrays of different sizes."""


@dataclass(frozen=True)
class Dali:
    """Batches from an NVIDIA DALI graph, as torch tensors that share DALI's memory.

    Attributes:
        device: "gpu" decodes and augments on the GPU of this process, that of LOCAL_RANK under torchrun; "cpu" needs no GPU.
        threads: Threads that read files, and that decode on the CPU.
        prefetch: Batches that are ready or under way.
    """

    device: Literal["gpu", "cpu"] = "gpu"
    threads: int = 2
    prefetch: int = 2

    def __post_init__(self) -> None:
        """Checks the device and the numbers."""
        if self.device not in ("gpu", "cpu"):
            raise LoaderError(f"Dali(device={self.device!r}): one of 'gpu', 'cpu'")
        if self.threads < 1 or self.prefetch < 1:
            raise LoaderError(f"Dali(threads={self.threads}, prefetch={self.prefetch}): at least 1 thread and 1 batch ahead")

    def on_host(self, ops: tuple[Op, ...]) -> tuple[tuple[Op, str], ...]:
        """Returns the ops that run on the CPU before the graph, each with the reason; none where DALI runs them all."""
        ops = in_graph(ops)
        reasons = [obstacle(op) for op in ops]
        host = max((place for place, reason in enumerate(reasons, start=1) if reason), default=0)
        return tuple((op, reason or "an op after it does") for op, reason in zip(ops[:host], reasons, strict=False))

    def run(self, source: Source, ops: tuple[Op, ...], recipes: Iterable[Recipe]) -> Iterator[Rendered]:
        """Yields the batch of each recipe, in order, as tensors.

        Raises:
            LoaderError: There is no GPU.
        """
        queue = iter(recipes)
        first = next(queue, None)
        if first is None:
            return
        last = delivered(ops)
        ops = in_graph(ops)
        with ThreadPoolExecutor(self.threads) as pool:
            host = len(self.on_host(ops))
            feed = _Feed(source, ops, host or None, chain([first], queue), pool)
            graph = _graph(feed, Graph(len(first.ids), self.threads, self._device_id(), prefetch_queue_depth=self.prefetch))
            while (images := _next(graph)) is not None:
                yield _delivered(images, last, *feed.under_way.popleft())

    def trace(self, source: Source, ops: tuple[Op, ...], recipe: Recipe, host: int | None) -> list[NDArray[Any]]:
        """Returns the images of one recipe as they are after `ops`, (3, H, W) each, of any size: what parity is measured on.

        Args:
            source: Reads the uris.
            ops: The first ops of those that the recipe was drawn for.
            recipe: The batch.
            host: How many of them run on the CPU, which decodes as well; None for DALI to decode and to do all.
        """
        with ThreadPoolExecutor(self.threads) as pool:
            feed = _Feed(source, ops, host, iter([recipe]), pool)
            graph = _graph(feed, Graph(len(recipe.ids), self.threads, self._device_id(), prefetch_queue_depth=1))
            images = _next(graph)
        for failure in feed.under_way[0][1]:
            raise LoaderError(failure.why)
        images = images.as_cpu()
        return [np.array(images[place]) for place in range(len(images))]

    def _device_id(self) -> int | None:
        """Returns the GPU of this process, None for the CPU."""
        if self.device == "cpu":
            return None
        if not gpu_is_there():
            raise LoaderError(
                "Dali(device='gpu') finds no GPU: there is none, or its driver is older than CUDA 12 needs (525); "
                "use Dali(device='cpu'), or Torch(workers=2)"
            )
        return int(os.environ.get("LOCAL_RANK", "0"))


def in_graph(ops: tuple[Op, ...]) -> tuple[Op, ...]:
    """Returns the ops without `Output`, which is torch's to do, where the images are."""
    return tuple(op for op in ops if not isinstance(op, Output))


def gpu_is_there() -> bool:
    """Returns whether there is a GPU that torch, and so this backend, can use."""
    return bool(torch.cuda.is_available())


class _Feed:
    """What enters the graph, batch by batch: the images, black where a file is no good, then the arguments of its ops."""

    def __init__(
        self, source: Source, ops: tuple[Op, ...], host: int | None, recipes: Iterator[Recipe], pool: ThreadPoolExecutor
    ) -> None:
        self.source, self.pool = source, pool
        self.encoded, host = host is None, host or 0
        self.on_host, self.ops = ops[:host], ops[host:]
        self.under_way: deque[tuple[Recipe, tuple[Failure, ...]]] = deque()
        self.counts: list[int] = []  # inputs of each op of the graph, beside the images
        self._inputs = map(self._prepared, recipes)
        self._ready: deque[list[Input]] = deque()

    def peek(self) -> list[NDArray[Any]]:
        """Returns one sample of each input of the next batch."""
        self._ready.append(next(self._inputs))
        return [np.asarray(inputs[0]) for inputs in self._ready[0]]

    def __call__(self) -> list[Input]:
        """Returns the inputs of the next batch; raises `StopIteration` at the end."""
        return self._ready.popleft() if self._ready else next(self._inputs)

    def _prepared(self, recipe: Recipe) -> list[Input]:
        limit = pixel_limit(recipe.sizes)
        with quiet_decoders(limit):
            made = list(self.pool.map(lambda place: self._image(recipe, place, limit), range(len(recipe.ids))))
        params = recipe.params[len(self.on_host) :]
        drawn = [arguments(op, mine) for op, mine in zip(self.ops, params, strict=False)]
        self.counts = [len(arrays) for arrays in drawn]
        self.under_way.append((recipe, tuple(failure for _, failure in made if failure)))
        return [[image for image, _ in made], *chain.from_iterable(drawn)]

    def _image(self, recipe: Recipe, place: int, limit: int) -> tuple[NDArray[Any], Failure | None]:
        """Returns the bytes of a file that DALI decodes, or an image after the ops of the host; and what is wrong with it."""
        uri, measured, failure = recipe.uris[place], (int(recipe.sizes[place, 0]), int(recipe.sizes[place, 1])), None
        try:
            image: NDArray[Any] = (_encoded if self.encoded else decoded)(self.source, uri, measured, limit)
        except LoaderError as error:
            failure, black = Failure(place, uri, str(error)), np.zeros((*measured, 3), np.uint8)
            image = _pixmap(black) if self.encoded else black
        for op, params in zip(self.on_host, recipe.params, strict=False):
            image = kernel(op, image, params[place])
        if not self.encoded:
            image = np.array(image, order="C")  # a copy: what was decoded lies in memory that is used again
        return image, failure


def _encoded(source: Source, uri: str, measured: tuple[int, int], limit: int) -> NDArray[np.uint8]:
    """Returns the bytes of a file as DALI decodes them; what it would decode otherwise than we do, as a portable pixmap."""
    try:
        data = source.read(uri)
    except SourceError as error:
        raise LoaderError(f"{uri}: {error}; run `clean` again to drop it") from error
    if plain_jpeg(data) != measured:
        image = decoded(source, uri, measured, limit)
        return _pixmap(image)
    return np.frombuffer(data, np.uint8)


def _pixmap(image: Image) -> NDArray[np.uint8]:
    """Returns an image as the bytes of a portable pixmap, which any decoder turns into the same pixels."""
    return np.frombuffer(b"P6\n%d %d\n255\n" % image.shape[1::-1] + image.tobytes(), np.uint8)


def _graph(feed: _Feed, graph: Graph) -> Graph:
    """Returns the graph of what is not done on the host, built."""
    samples = feed.peek()
    layout = "" if feed.encoded else "HWC" if samples[0].dtype == np.uint8 else "CHW"
    with graph:
        images, *drawn = fn.external_source(
            source=feed,
            num_outputs=len(samples),
            batch=True,
            dtype=[DTYPES[sample.dtype] for sample in samples],
            ndim=[sample.ndim for sample in samples],
            layout=[layout, *[""] * (len(samples) - 1)],
        )
        if not feed.encoded and graph.device_id is not None:
            images = images.gpu()
        graph.set_outputs(_nodes(feed, images, iter(drawn), "cpu" if graph.device_id is None else "mixed"))
    graph.build()
    return graph


def _nodes(feed: _Feed, images: Node, drawn: Iterator[Node], decoder: str) -> Node:
    """Returns the (3, H, W) images at the end of the graph, from what enters it."""
    inputs = [tuple(islice(drawn, count)) for count in feed.counts]
    steps = list(zip(feed.ops, inputs, strict=True))
    decode = {"device": decoder, "output_type": types.DALIImageType.RGB}
    first = feed.ops[0] if feed.ops else None
    if feed.encoded and isinstance(first, RandomResizedCrop):  # only its box is decoded
        _, box = steps.pop(0)
        images = resized_to(first, fn.decoders.image_slice(images, *box, axes=(0, 1), **decode))
    elif feed.encoded:
        images = fn.decoders.image(images, **decode)
    for (op, given), after in zip(steps, [*(op for op, _ in steps[1:]), None], strict=False):
        if isinstance(op, HorizontalFlip) and isinstance(after, Normalize):  # mirrored as it is normalised
            return normalized(after, images, mirror=given[0])
        images = node(op, images, given)
    return images if any(isinstance(op, Normalize) for op in feed.on_host + feed.ops) else fn.transpose(images, perm=[2, 0, 1])


def _next(graph: Graph) -> Any:
    """Returns the next images of a graph, None at the end."""
    try:
        (images,) = graph.run()
    except StopIteration:
        return None
    return images


def _delivered(images: Any, last: Spec, recipe: Recipe, failures: tuple[Failure, ...]) -> Rendered:
    """Returns the batch as tensors where the images are, which share DALI's memory unless `Output` wants others."""
    pixels = from_dlpack(images.as_tensor())
    memory = torch.channels_last if last.memory == "channels_last" else torch.contiguous_format
    pixels = pixels.to(getattr(torch, last.dtype)).contiguous(memory_format=memory)
    labels, ids = (torch.from_numpy(column).to(pixels.device, non_blocking=True) for column in (recipe.labels, recipe.ids))
    return Rendered(Batch(pixels, labels, ids), failures)
