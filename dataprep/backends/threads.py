"""Batches from threads of this process: decoding and resizing hold no lock of the interpreter, and nothing is copied or sent.

Against `Torch(workers=…)`: no start of processes, one copy of the program, batches made where they are used. But what holds the
lock, the training loop's own Python and ops of yours in plain Python, runs on one core at a time. Of a usual training that is a
fortieth of the time of an image (0.04 of 1.7 ms), so beyond some thirty cores take processes.
"""

import math
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, ClassVar, Literal, TypeAlias

from attrs import Factory, field, frozen
from numpy.typing import NDArray

from dataprep.ahead import Ahead, Order
from dataprep.arguments import one_of, whole
from dataprep.backends.cpu.render import blank, channels_first, fill
from dataprep.backends.memory import lend
from dataprep.backends.mix import mix_batch
from dataprep.backends.program import PREFETCH, Copies
from dataprep.backends.targets import TargetCanvas, uris_of
from dataprep.errors import LoaderError
from dataprep.images.limits import quiet_threads
from dataprep.opencv import one_thread
from dataprep.protocols import Program, Source
from dataprep.types import Batch, Failure, Recipe, Rendered, Slow, Spec

SPARE = 16  # batches' memory that is kept to be used again
Filling: TypeAlias = "list[Future[tuple[tuple[Failure, ...], Slow]]]"
"""The pieces of a batch: each ends with the files that failed and the one that took longest."""

PIECE = 4  # images that a thread takes at once: few enough to end together, enough to spare the queue


class _Memory:
    """The memory of batches, lent and taken back; a copy has none."""

    def __init__(self) -> None:
        self._spare: defaultdict[tuple[int, Spec], list[NDArray[Any]]] = defaultdict(list)

    def __reduce__(self) -> tuple[Any, ...]:
        return _Memory, ()

    def lend(self, program: Program, count: int) -> NDArray[Any]:
        """Returns what `blank` does; when the last reference to it goes, its memory comes back by itself."""
        spare = self._spare[count, program.spec]
        memory = spare.pop() if spare else blank(program, count)
        return lend(memory, self._take_back, memory, spare)

    def _take_back(self, memory: NDArray[Any], spare: list[NDArray[Any]]) -> None:
        if len(spare) < SPARE:
            spare.append(memory)


@frozen
class Threads:
    """Batches from threads of this process, filled in place.

    It keeps the memory of the few batches that are under way at once, for the next loop as well.

    Example:
        >>> loader = dp.Loader(manifest, batch_size=4, backend=dp.Threads(2, output="numpy"))
        >>> type(next(iter(loader)).images)
        <class 'numpy.ndarray'>

    Attributes:
        workers: Threads that decode.
        prefetch: Batches that are ready or under way ahead of the loop.
        output: "torch" for tensors, "numpy" for arrays, which need no torch.
    """

    workers: int = field(default=2, validator=whole(1, math.inf, "give at least 1 thread", LoaderError))
    prefetch: int = field(default=2, validator=PREFETCH)
    in_threads: ClassVar[bool] = True
    output: Literal["torch", "numpy"] = field(default="torch", validator=one_of("torch", "numpy", kind=LoaderError))
    _memory: _Memory = field(factory=_Memory, init=False, eq=False, repr=False)

    def run(self, source: Source, program: Program, recipes: Iterable[Recipe]) -> Iterator[Rendered]:
        """Yields the batch of each recipe, in order."""
        if self.output == "numpy" and program.spec.dtype == "bfloat16":
            raise LoaderError("NumPy has no bfloat16; take tensors with Threads(output='torch'), or `Output('float16')`")
        quiet_threads()
        ahead, pool = Ahead(source), ThreadPoolExecutor(self.workers, "dataprep")
        work = _Work(ahead, program, _tensors_of(program) if self.output == "torch" else lambda made: made, self._memory)
        started: deque[Future[Rendered]] = deque()
        with one_thread():  # these threads are the parallelism
            try:
                for recipe in recipes:
                    started.append(work.start(pool, recipe))
                    if len(started) > self.prefetch:
                        yield started.popleft().result()
                while started:
                    yield started.popleft().result()
            finally:
                ahead.close()
                pool.shutdown(cancel_futures=True)


def _tensors_of(program: Program) -> Callable[[Rendered], Rendered]:
    """Returns the function from a batch of arrays to one of tensors that share their memory."""
    try:
        from dataprep.backends.tensors import tensors
    except ModuleNotFoundError as error:
        hint = "pip install 'dataprep-images[torch]', or take arrays with Threads(output='numpy')"
        raise LoaderError(f"Threads gives torch tensors, and torch is missing: {hint}") from error
    return lambda made: tensors(made, program.spec)


@frozen
class _Work:
    """What all batches of a run share.

    Attributes:
        source: Reads the uris, each batch's while those before it are decoded.
        program: What is done to each image.
        copies: The same, one for each thread.
        convert: From a batch of arrays to what is delivered.
        memory: That of the batches.
    """

    source: Ahead
    program: Program
    convert: Callable[[Rendered], Rendered]
    memory: _Memory
    copies: Copies = field(init=False, default=Factory(lambda work: Copies(work.program), takes_self=True))

    def start(self, pool: ThreadPoolExecutor, recipe: Recipe) -> "Future[Rendered]":
        """Hands the pieces of a batch to the threads, and what is done when they are there; the last waits for the others."""
        count = len(recipe.uris)
        orders = self.source.expect(uris_of(recipe))
        images = channels_first(self.memory.lend(self.program, count), self.program.spec)
        targets = TargetCanvas(self.source, recipe)
        pieces = [range(start, min(start + PIECE, count)) for start in range(0, count, PIECE)]
        filling = [pool.submit(self._fill, targets, piece, images) for piece in pieces]
        return pool.submit(self._finish, targets, images, filling, orders)

    def _fill(self, targets: TargetCanvas, piece: range, images: NDArray[Any]) -> tuple[tuple[Failure, ...], Slow]:
        return fill(self.source, self.copies.mine(), targets.recipe, piece, images, targets)

    def _finish(self, targets: TargetCanvas, images: NDArray[Any], filling: Filling, orders: list[Order]) -> Rendered:
        """Waits for the pieces, which were begun before, and returns the batch."""
        recipe, done = targets.recipe, [piece.result() for piece in filling]
        self.source.forget(orders)
        failures = tuple(failure for some, _ in done for failure in some)
        slowest, batch = max(slow for _, slow in done), Batch(images, recipe.labels, recipe.ids)
        made = self.convert(Rendered(batch, failures, slowest, targets.finish(failures), self.source.take_reads()))
        return made._replace(batch=mix_batch(made.batch, recipe.mixture, failures))
