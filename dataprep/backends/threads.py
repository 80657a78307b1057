"""Batches from threads of this process: decoding and resizing hold no lock of the interpreter, and nothing is copied or sent.

Against `Torch(workers=…)`: no start of processes, one copy of the program, batches made where they are used. But what holds the
lock, the training loop's own Python and ops of yours in plain Python, runs on one core at a time. Of a usual training that is a
tenth of the time of an image (0.17 of 1.8 ms), so beyond some ten cores take processes.
"""

import sys
import warnings
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import cv2
import PIL.Image
from numpy.typing import NDArray

from dataprep.backends.cpu.render import blank, channels_first, delivered, fill, pixel_limit
from dataprep.errors import LoaderError
from dataprep.images.limits import MAX_PIXELS
from dataprep.types import Batch, Failure, Op, Recipe, Rendered, Slow, Source

KEPT = 16  # batches' memory that is looked through
_PROBE = [object()]
UNUSED = sys.getrefcount(_PROBE[0])  # of what only a list refers to
PIECE = 4  # images that a thread takes at once: few enough to end together, enough to spare the queue


@dataclass(frozen=True)
class Threads:
    """Batches from threads of this process, filled in place.

    Attributes:
        workers: Threads that decode.
        prefetch: Batches that are ready or under way ahead of the loop.
        output: "torch" for tensors, "numpy" for arrays, which need no torch.
    """

    workers: int = 2
    prefetch: int = 2
    output: Literal["torch", "numpy"] = "torch"

    def __post_init__(self) -> None:
        """Checks the numbers."""
        if self.workers < 1 or self.prefetch < 1:
            raise LoaderError(f"Threads(workers={self.workers}, prefetch={self.prefetch}): at least 1 thread and 1 batch ahead")
        if self.output not in ("torch", "numpy"):
            raise LoaderError(f"Threads(output={self.output!r}): 'torch' or 'numpy'")

    def run(self, source: Source, ops: tuple[Op, ...], recipes: Iterable[Recipe]) -> Iterator[Rendered]:
        """Yields the batch of each recipe, in order."""
        if self.output == "numpy" and ops and delivered(ops).dtype == "bfloat16":
            raise LoaderError("NumPy has no bfloat16; take tensors with Threads(output='torch'), or `Output('float16')`")
        warnings.filterwarnings("ignore", module=r"PIL\.")  # not undone: filters belong to all threads
        threads, pool = cv2.getNumThreads(), ThreadPoolExecutor(self.workers, "dataprep")
        cv2.setNumThreads(1)  # these threads are the parallelism
        started: deque[_Started] = deque()
        blanks: list[NDArray[Any]] = []
        try:
            for recipe in recipes:
                images = _unused(blanks, ops, len(recipe.uris))
                started.append(_start(pool, source, ops, recipe, images))
                del images  # what the loop has let go of is used again
                if len(started) > self.prefetch:
                    yield self._finished(started.popleft(), ops)
            while started:
                yield self._finished(started.popleft(), ops)
        finally:
            pool.shutdown(cancel_futures=True)
            cv2.setNumThreads(threads)

    def _finished(self, started: "_Started", ops: tuple[Op, ...]) -> Rendered:
        """Waits for a batch and returns it."""
        done = [piece.result() for piece in started.pieces]
        failures = tuple(failure for some, _ in done for failure in some)
        batch = Batch(started.images, started.recipe.labels, started.recipe.ids)
        return Rendered(_tensors(batch, ops) if self.output == "torch" else batch, failures, max(slow for _, slow in done))


def _tensors(batch: Batch, ops: tuple[Op, ...]) -> Batch:
    """Returns a batch of arrays as one of tensors that share their memory."""
    try:
        from torch import bfloat16, from_numpy
    except ModuleNotFoundError as error:
        hint = "pip install 'dataprep-images[torch]', or take arrays with Threads(output='numpy')"
        raise LoaderError(f"Threads gives torch tensors, and torch is missing: {hint}") from error
    images, labels, ids = map(from_numpy, batch)
    return Batch(images.view(bfloat16) if delivered(ops).dtype == "bfloat16" else images, labels, ids)


class _Started(NamedTuple):
    """A batch under way."""

    recipe: Recipe
    images: Any
    pieces: "list[Future[tuple[tuple[Failure, ...], Slow]]]"


def _unused(blanks: list[NDArray[Any]], ops: tuple[Op, ...], count: int) -> NDArray[Any]:
    """Returns a canvas for a batch, of memory to which nothing refers any more, or else of new.

    Fresh pages cost about as much time as what is written into them, so a loop that lets go of a batch gets its memory again.
    """
    for number in range(len(blanks)):
        # a tensor or a view of any kind that someone keeps would be one reference more, since views refer to what owns the memory
        if sys.getrefcount(blanks[number]) == UNUSED and len(blanks[number]) == count:
            return channels_first(blanks[number], ops)
    new = blank(ops, count)
    blanks.append(new)
    if len(blanks) > KEPT:
        del blanks[0]
    return channels_first(new, ops)


def _start(pool: ThreadPoolExecutor, source: Source, ops: tuple[Op, ...], recipe: Recipe, images: NDArray[Any]) -> _Started:
    """Hands the pieces of a batch to the threads."""
    count, limit = len(recipe.uris), pixel_limit(recipe.sizes)
    if limit > MAX_PIXELS:  # `clean` was allowed larger images than Pillow allows by itself
        PIL.Image.MAX_IMAGE_PIXELS = max(PIL.Image.MAX_IMAGE_PIXELS or 0, (limit + 1) // 2)
    pieces = [range(start, min(start + PIECE, count)) for start in range(0, count, PIECE)]
    return _Started(recipe, images, [pool.submit(fill, source, ops, recipe, piece, images) for piece in pieces])
