"""The graph of a program: what enters it, batch by batch, its nodes, and the tensors that leave it."""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import chain, islice
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from nvidia.dali import Pipeline as Graph
from nvidia.dali import fn, types
from torch.utils.dlpack import from_dlpack

from dataprep.ahead import Ahead, Order
from dataprep.backends.cpu.kernels import KernelError, run_kernels
from dataprep.backends.cpu.render import decoded, failure_of, limit_of, opening_of, read, read_same, stamp_of
from dataprep.backends.dali.lowering import Node, arguments, node, normalize, resize_region
from dataprep.backends.mix import mix_batch
from dataprep.backends.program import Copies
from dataprep.backends.targets import TargetCanvas, convert_targets, uris_of
from dataprep.errors import DecodeError, LoaderError
from dataprep.images.decode import decode
from dataprep.images.jpeg import plain_jpeg
from dataprep.images.resize import resize_window
from dataprep.protocols import Program, Source
from dataprep.types import Batch, Failure, Image, Params, Recipe, Rendered, Slow, Spec, Stamp

LOGGER: Final = logging.getLogger("dataprep")

DTYPES: Final = {
    np.dtype(np.uint8): types.DALIDataType.UINT8,
    np.dtype(np.float32): types.DALIDataType.FLOAT,
    np.dtype(np.int32): types.DALIDataType.INT32,
    np.dtype(np.int64): types.DALIDataType.INT64,
}

Input: TypeAlias = NDArray[Any] | list[NDArray[Any]]
"""What enters the graph for one batch: an array with an entry for each sample, or a list of arrays of different sizes."""


Made: TypeAlias = tuple[NDArray[Any], Failure | None, Slow]
"""What one file gives: what enters the graph, what is wrong with the file, and how long it took."""


class UnderWay(NamedTuple):
    """A batch in the graph.

    Attributes:
        recipe: What it is made of.
        failures: The files that could not be read.
        slowest: The file that took longest to read, and to decode where the host does.
        targets: What goes along.
    """

    recipe: Recipe
    failures: tuple[Failure, ...]
    slowest: Slow
    targets: TargetCanvas


class Feed:
    """What enters the graph, batch by batch: the images, black where a file cannot be read, then the arguments of its ops."""

    def __init__(
        self,
        source: Ahead,
        program: Program,
        host: int,
        recipes: Iterator[Recipe],
        pool: ThreadPoolExecutor,
        encoded: bool = False,
    ) -> None:
        """Takes what to run.

        Args:
            source: Reads the uris, each batch's while the one before it is prepared.
            program: The ops, without `Output`.
            host: How many of them run on the CPU before the graph.
            recipes: The batches.
            pool: The threads that read, decode, and run what is done on the host.
            encoded: Whether DALI decodes; then the host runs none.
        """
        self.source, self.program, self.pool, self.host, self.encoded = source, program, pool, host, encoded
        self._copies = Copies(program)
        self.under_way: deque[UnderWay] = deque()
        self.counts: list[int] = []  # inputs of each op of the graph, beside the images
        self._recipes = recipes
        self._started: deque[tuple[TargetCanvas, list[Future[Made]], list[Order]]] = deque()
        self._ready: deque[list[Input]] = deque()

    def peek(self) -> list[NDArray[Any]]:
        """Returns one sample of each input of the next batch."""
        self._ready.append(self._prepare())
        return [np.asarray(inputs[0]) for inputs in self._ready[0]]

    def __call__(self) -> list[Input]:
        """Returns the inputs of the next batch; raises `StopIteration` at the end."""
        return self._ready.popleft() if self._ready else self._prepare()

    def decoding_here(self) -> "Feed":
        """Returns a feed of what did not leave the graph or never entered it, which DALI does not decode."""
        left = chain([made.recipe for made in self.under_way], [targets.recipe for targets, *_ in self._started], self._recipes)
        return Feed(self.source, self.program, self.host, left, self.pool)

    def _prepare(self) -> list[Input]:
        """Waits for a batch, when the threads have the next one to go on with, so that they work while the loop does."""
        while len(self._started) < 2 and (recipe := next(self._recipes, None)) is not None:
            orders, targets = self.source.expect(uris_of(recipe)), TargetCanvas(self.source, recipe)
            images = [self.pool.submit(self._image, targets, index) for index in range(len(recipe.ids))]
            self._started.append((targets, images, orders))
        if not self._started:
            raise StopIteration
        targets, images, orders = self._started.popleft()
        recipe = targets.recipe
        made = [image.result() for image in images]
        self.source.forget(orders)
        drawn = [arguments(op, mine) for op, mine in zip(self.program.ops, recipe.params, strict=False)][self.host :]
        self.counts = [len(arrays) for arrays in drawn]
        failures = tuple(failure for _, failure, _ in made if failure)
        self.under_way.append(UnderWay(recipe, failures, max(slow for *_, slow in made), targets))
        return [[image for image, *_ in made], *chain.from_iterable(drawn)]

    def _image(self, targets: TargetCanvas, index: int) -> Made:
        """Returns what enters the graph for one image; what is wrong; and how long it took. Renders its targets."""
        recipe = targets.recipe
        start, uri, failure = time.perf_counter(), recipe.uris[index], None
        measured = int(recipe.sizes[index, 0]), int(recipe.sizes[index, 1])
        params = [drawn[index] for drawn in recipe.params]
        stamp = stamp_of(recipe, index)
        try:
            targets.render(index)
            image = (
                read_encoded(self.source, uri, measured, stamp) if self.encoded else self._on_host(uri, measured, params, stamp)
            )
        except LoaderError as error:
            failure, black = failure_of(index, uri, error), np.zeros((*measured, 3), np.uint8)
            image = _pixmap(black) if self.encoded else self._black_after_kernels(black, params)
        return image, failure, Slow(time.perf_counter() - start, uri)

    def _on_host(self, uri: str, measured: tuple[int, int], params: list[Params], stamp: Stamp | None) -> Image:
        """Returns an image after the ops of the host; as on the other CPU backends, only what the opening needs is decoded."""
        opening = opening_of(self.program, params, measured) if self.host >= self.program.opening else None
        if opening is not None:
            found = read(self.source, uri, measured, opening.window.needed, stamp)
            return self._after_kernels(
                resize_window(found.image, opening.window.moved(found.top, found.left)), params, opening.ops
            )
        return self._after_kernels(read(self.source, uri, measured, None, stamp).image, params, 0)

    def _after_kernels(self, image: Image, params: list[Params], first: int) -> Image:
        """Returns a copy, since what was decoded lies in memory that is used again."""
        return np.array(run_kernels(self._copies.mine().ops[first : self.host], image, params[first : self.host]), order="C")

    def _black_after_kernels(self, black: Image, params: list[Params]) -> Image:
        """Returns what stands for a file that failed; an op that fails on black, too, gives black of the size it says."""
        image = black
        for number, (op, drawn) in enumerate(zip(self._copies.mine().ops[: self.host], params, strict=False), start=1):
            try:
                image = run_kernels((op,), image, [drawn])
            except KernelError:
                spec = self.program.specs[number]
                image = np.zeros((spec.height or image.shape[0], spec.width or image.shape[1], 3), np.uint8)
        return np.array(image, order="C")


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


def run_graph(feed: Feed, graph: Callable[[], Graph]) -> Iterator[tuple[Any, UnderWay]]:
    """Yields the images of each batch, as DALI holds them.

    DALI says neither which file it cannot decode nor goes on after one, so that batch and all behind it are then decoded here.

    Args:
        feed: What enters the graph; of one batch at least.
        graph: Makes an empty graph.
    """
    built = build(feed, graph())
    while True:
        try:
            (images,) = built.run()
        except StopIteration:
            return
        except RuntimeError as error:
            if not feed.encoded:
                raise
            LOGGER.warning("DALI cannot decode a file that others decode; from this batch on the CPU decodes: %s", error)
            feed = feed.decoding_here()
            built = build(feed, graph())
        else:
            yield images, feed.under_way.popleft()


def deliver(images: Any, last: Spec, made: UnderWay) -> Rendered:
    """Returns the batch as tensors where the images are, which share DALI's memory unless `Output` or a mix makes others."""
    pixels = from_dlpack(images.as_tensor())
    memory = torch.channels_last if last.memory == "channels_last" else torch.contiguous_format
    pixels = pixels.to(getattr(torch, last.dtype)).contiguous(memory_format=memory)
    pixels[[failure.index for failure in made.failures]] = 0  # what the graph made of the black in their place
    there = partial(_tensor, device=pixels.device)
    batch = mix_batch(Batch(pixels, there(made.recipe.labels), there(made.recipe.ids)), made.recipe.mixture, made.failures)
    return Rendered(batch, made.failures, made.slowest, convert_targets(made.targets.finish(made.failures), there))


def _tensor(array: NDArray[Any], device: torch.device) -> torch.Tensor:
    return torch.from_numpy(array).to(device, non_blocking=True)


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


def read_encoded(source: Source, uri: str, measured: tuple[int, int], stamp: Stamp | None = None) -> NDArray[np.uint8]:
    """Returns the bytes of a file as DALI decodes them; what it would decode otherwise than we do, as a portable pixmap.

    DALI fills what is damaged with gray and says nothing, so the pixels are read here first, at an eighth of the size.

    Raises:
        LoaderError: It cannot be read or decoded, or is another one or has another size now; the message names it.
    """
    data = read_same(source, uri, stamp)
    try:
        plain = (
            plain_jpeg(data) == measured
            and decode(data, side=1, channels=1, max_pixels=limit_of(measured), reuse=True).remark is None
        )
    except DecodeError as error:
        raise LoaderError(f"{uri}: {error}; run `clean` again to drop it") from error
    return np.frombuffer(data, np.uint8) if plain else _pixmap(decoded(data, uri, measured).image)


def _pixmap(image: Image) -> NDArray[np.uint8]:
    """Returns an image as the bytes of a portable pixmap, which any decoder turns into the same pixels."""
    return np.frombuffer(b"P6\n%d %d\n255\n" % image.shape[1::-1] + image.tobytes(), np.uint8)
