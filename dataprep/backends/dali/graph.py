"""The graph of a program: what enters it, batch by batch, its nodes, and the tensors that leave it."""

import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, islice
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from nvidia.dali import Pipeline as Graph
from nvidia.dali import fn, types
from torch.utils.dlpack import from_dlpack

from dataprep.backends.cpu.kernels import kernel
from dataprep.backends.cpu.render import pixel_limit, read
from dataprep.backends.dali.lowering import Node, arguments, node, normalize, resize_region
from dataprep.backends.mix import mix_batch
from dataprep.errors import LoaderError, SourceError
from dataprep.images.jpeg import plain_jpeg
from dataprep.images.limits import quiet_decoders
from dataprep.protocols import Program, Source
from dataprep.types import Batch, Failure, Image, Recipe, Rendered, Slow, Spec

DTYPES: Final = {
    np.dtype(np.uint8): types.DALIDataType.UINT8,
    np.dtype(np.float32): types.DALIDataType.FLOAT,
    np.dtype(np.int32): types.DALIDataType.INT32,
    np.dtype(np.int64): types.DALIDataType.INT64,
}

Input: TypeAlias = NDArray[Any] | list[NDArray[Any]]
"""What enters the graph for one batch: an array with an entry for each sample, or a list of arrays of different sizes."""


class UnderWay(NamedTuple):
    """A batch in the graph.

    Attributes:
        recipe: What it is made of.
        failures: The files that could not be read.
        slowest: The file that took longest to read, and to decode where the host does.
    """

    recipe: Recipe
    failures: tuple[Failure, ...]
    slowest: Slow


class Feed:
    """What enters the graph, batch by batch: the images, black where a file cannot be read, then the arguments of its ops."""

    def __init__(
        self, source: Source, program: Program, host: int | None, recipes: Iterator[Recipe], pool: ThreadPoolExecutor
    ) -> None:
        """Takes what to run.

        Args:
            source: Reads the uris.
            program: The ops, without `Output`.
            host: How many of them run on the CPU, which decodes as well; None for DALI to decode and to do all.
            recipes: The batches.
            pool: The threads that read, and that run what is done on the host.
        """
        self.source, self.program, self.pool = source, program, pool
        self.encoded, self.host = host is None, host or 0
        self.under_way: deque[UnderWay] = deque()
        self.counts: list[int] = []  # inputs of each op of the graph, beside the images
        self._inputs = map(self._prepare, recipes)
        self._ready: deque[list[Input]] = deque()

    def peek(self) -> list[NDArray[Any]]:
        """Returns one sample of each input of the next batch."""
        self._ready.append(next(self._inputs))
        return [np.asarray(inputs[0]) for inputs in self._ready[0]]

    def __call__(self) -> list[Input]:
        """Returns the inputs of the next batch; raises `StopIteration` at the end."""
        return self._ready.popleft() if self._ready else next(self._inputs)

    def _prepare(self, recipe: Recipe) -> list[Input]:
        limit = pixel_limit(recipe.sizes)
        with quiet_decoders(limit):
            made = list(self.pool.map(lambda index: self._image(recipe, index, limit), range(len(recipe.ids))))
        drawn = [arguments(op, mine) for op, mine in zip(self.program.ops, recipe.params, strict=False)][self.host :]
        self.counts = [len(arrays) for arrays in drawn]
        failures = tuple(failure for _, failure, _ in made if failure)
        self.under_way.append(UnderWay(recipe, failures, max(slow for *_, slow in made)))
        return [[image for image, *_ in made], *chain.from_iterable(drawn)]

    def _image(self, recipe: Recipe, index: int, limit: int) -> tuple[NDArray[Any], Failure | None, Slow]:
        """Returns the bytes that DALI decodes, or an image after the ops of the host; what is wrong; and how long it took."""
        start, uri, failure = time.perf_counter(), recipe.uris[index], None
        measured = int(recipe.sizes[index, 0]), int(recipe.sizes[index, 1])
        try:
            image: NDArray[Any] = (_read_encoded if self.encoded else _read_decoded)(self.source, uri, measured, limit)
        except LoaderError as error:
            failure, black = Failure(index, uri, str(error)), np.zeros((*measured, 3), np.uint8)
            image = _pixmap(black) if self.encoded else black
        for op, params in zip(self.program.ops[: self.host], recipe.params, strict=False):
            image = kernel(op, image, params[index])
        if not self.encoded:
            image = np.array(image, order="C")  # a copy: what was decoded lies in memory that is used again
        return image, failure, Slow(time.perf_counter() - start, uri)


def build(feed: Feed, graph: Graph) -> Graph:
    """Returns the graph of what is not done on the host, built."""
    samples = feed.peek()
    layout = "" if feed.encoded else feed.program.specs[feed.host].layout
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


def run_once(graph: Graph) -> Any:
    """Returns the next images of a graph, None at the end."""
    try:
        (images,) = graph.run()
    except StopIteration:
        return None
    return images


def deliver(images: Any, last: Spec, made: UnderWay) -> Rendered:
    """Returns the batch as tensors where the images are, which share DALI's memory unless `Output` or a mix makes others."""
    pixels = from_dlpack(images.as_tensor())
    memory = torch.channels_last if last.memory == "channels_last" else torch.contiguous_format
    pixels = pixels.to(getattr(torch, last.dtype)).contiguous(memory_format=memory)
    pixels[[failure.index for failure in made.failures]] = 0  # what the graph made of the black in their place
    labels, ids = (
        torch.from_numpy(column).to(pixels.device, non_blocking=True) for column in (made.recipe.labels, made.recipe.ids)
    )
    batch = mix_batch(Batch(pixels, labels, ids), made.recipe.mixture, made.failures)
    return Rendered(batch, made.failures, made.slowest)


def _nodes(feed: Feed, images: Node, drawn: Iterator[Node], decoder: str) -> Node:
    """Returns the (3, H, W) images at the end of the graph, from what enters it."""
    program, first = feed.program, feed.host
    ops: tuple[Any, ...] = program.ops  # what the program says of them, not their type, decides
    given = {first + index: tuple(islice(drawn, count)) for index, count in enumerate(feed.counts)}
    decode = {"device": decoder, "output_type": types.DALIImageType.RGB}
    if feed.encoded and program.cuts:  # only the box is decoded
        images = resize_region(ops[0], fn.decoders.image_slice(images, *given[0], axes=(0, 1), **decode))
        first = 1
    elif feed.encoded:
        images = fn.decoders.image(images, **decode)
    mirrored = first <= program.mirror < program.ending < len(ops)  # mirrored as it is normalised
    for index in range(first, program.mirror if mirrored else len(ops)):
        images = node(ops[index], images, given[index])
    if mirrored:
        return normalize(ops[program.ending], images, mirror=given[program.mirror][0])
    return fn.transpose(images, perm=[2, 0, 1]) if program.spec.layout == "HWC" else images


def _read_encoded(source: Source, uri: str, measured: tuple[int, int], limit: int) -> NDArray[np.uint8]:
    """Returns the bytes of a file as DALI decodes them; what it would decode otherwise than we do, as a portable pixmap."""
    try:
        data = source.read(uri)
    except SourceError as error:
        raise LoaderError(f"{uri}: {error}; run `clean` again to drop it") from error
    if plain_jpeg(data) != measured:
        return _pixmap(_read_decoded(source, uri, measured, limit))
    return np.frombuffer(data, np.uint8)


def _read_decoded(source: Source, uri: str, measured: tuple[int, int], limit: int) -> Image:
    return read(source, uri, measured, limit).image


def _pixmap(image: Image) -> NDArray[np.uint8]:
    """Returns an image as the bytes of a portable pixmap, which any decoder turns into the same pixels."""
    return np.frombuffer(b"P6\n%d %d\n255\n" % image.shape[1::-1] + image.tobytes(), np.uint8)
