"""The torch backend: `DataLoader` workers that fill batches together, each a part of every batch.

Part of a recipe is what a worker gets as its "index", so workers hold no randomness and no table: the same batches come out of
any number of them.
"""

import atexit
import gc
import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import chain, islice, repeat
from multiprocessing import current_process
from typing import Any, Final, Literal

import torch
from attrs import evolve, field, frozen
from torch.utils.data import DataLoader, Dataset, get_worker_info

from dataprep.ahead import Ahead, Order
from dataprep.arguments import check, is_whole, one_of
from dataprep.backends.autotune import counts, fewest, rate
from dataprep.backends.cpu.render import blank, channels_first, render_into
from dataprep.backends.memory import Shared
from dataprep.backends.mix import mix_batch
from dataprep.backends.program import PREFETCH
from dataprep.backends.shares import Kept, Place, Task, Tasks
from dataprep.backends.targets import uris_of
from dataprep.backends.tensors import as_dtype, tensors
from dataprep.errors import LoaderError
from dataprep.opencv import limit_threads
from dataprep.protocols import Program, Source
from dataprep.types import Batch, Recipe, Rendered

LOGGER: Final = logging.getLogger("dataprep")


NO_GUARD: Final = (
    "a worker runs this program from its start and comes to a loader itself; put what is to run once under "
    '`if __name__ == "__main__":`, or take backend=dp.Threads(2)'
)
"""What is wrong where processes are spawned from a program that does not say what is its main part."""
DIED: Final = (
    "out of memory, or crashed by a file or an op; where workers are spawned, the program has to put what is to run once under "
    '`if __name__ == "__main__":`. Try Torch(workers=0), or fewer workers'
)


START: Final = one_of("fork", "spawn", "forkserver", None, kind=LoaderError)


def _is_count(workers: object) -> bool:
    return workers == "auto" or (is_whole(workers) and workers >= 0)  # type: ignore[operator]  # a number


@frozen
class Torch:
    """Batches from a torch `DataLoader`, as tensors in the memory of the CPU.

    It keeps the memory of the few batches that are under way at once, for the next loop as well.

    Example:
        >>> loader = dp.Loader(manifest, batch_size=4, backend=dp.Torch(workers=0, pin_memory=True))  # more decode in processes
        >>> sum(len(batch.ids) for batch in loader)
        12

    Attributes:
        workers: Processes that decode; 0 decodes in this process; "auto" measures some numbers for a second or two when the
            first epoch starts, takes the fewest that are as fast as any, and tells the logger `dataprep` which and why.
        prefetch: Tasks that each worker has ready or under way: its parts of the next batches, or whole ones, where these are
            mixed, have targets beside labels, or are small.
        start: How workers start: "fork", "spawn" or "forkserver"; None takes the platform's default, and "forkserver" where the
            source cannot be read after a fork.
        pin_memory: Whether batches come in page-locked memory, for asynchronous copies to a GPU, as in
            `batch.images.to("cuda", non_blocking=True)`; it changes nothing where there is no GPU.
    """

    workers: int | Literal["auto"] = field(default=0, validator=check(_is_count, 'give 0 or more, or "auto"', LoaderError))
    prefetch: int = field(default=2, validator=PREFETCH)
    start: Literal["fork", "spawn", "forkserver"] | None = field(default=None, validator=START)
    pin_memory: bool = False
    _kept: Kept = field(factory=Kept, init=False, eq=False, repr=False)

    def run(self, source: Source, program: Program, recipes: Iterable[Recipe]) -> Iterator[Rendered]:
        """Yields the batch of each recipe, in order, as tensors.

        Raises:
            LoaderError: A worker died, or cannot be started.
        """
        if self.workers and getattr(current_process(), "_inheriting", False):
            raise LoaderError(NO_GUARD)
        if self.workers == "auto":
            yield from self._tuned(source, program, recipes)
            return
        start = self.start_for(source)
        if start != self.start:
            LOGGER.info("Torch starts its workers by %r, since this source cannot be read after a fork", start)
        ahead = Ahead(source, processes=self.workers)
        pins = self.pin_memory and torch.cuda.is_available()
        given = iter(recipes)
        first = list(islice(given, 1))
        slots = self._kept.take(program, first, 0 if pins else self.workers, self.prefetch)
        answers = iter(
            DataLoader(
                _Recipes(ahead, program, slots.memory),
                batch_size=None,  # a task is a whole batch, or as much of it as one worker fills
                sampler=Tasks(chain(first, given), max(self.workers, 1), slots),
                num_workers=self.workers,
                prefetch_factor=self.prefetch if self.workers else None,
                multiprocessing_context=start if self.workers else None,
                pin_memory=pins,
                collate_fn=_as_it_is,
                worker_init_fn=_begin,
            )
        )
        try:
            yield from slots.receive(answers)
        except RuntimeError as error:
            if getattr(answers, "_shutdown", False):  # as below: the workers have delivered all
                return
            if "exited unexpectedly" not in str(error):
                raise
            raise LoaderError(f"{str(error).partition('.')[0]}: {DIED}") from error
        finally:
            if self.workers:  # torch has no public way; left to itself, an exception's traceback keeps the workers alive
                with suppress(RuntimeError):  # a worker that dies when it is asked to end has delivered all that was wanted
                    getattr(answers, "_shutdown_workers", lambda: None)()
            ahead.close()
            if not any(worker.is_alive() for worker in getattr(answers, "_workers", ())):
                self._kept.put(slots)

    def start_for(self, source: Source) -> str | None:
        """Returns how workers start that read from a source, None for the platform's default.

        Raises:
            LoaderError: They are to be forked, and cannot read from it then.
        """
        if not self.workers or getattr(source, "forks", True):
            return self.start
        if self.start == "fork":
            raise LoaderError(
                f"Torch(start='fork'): {type(source).__name__} cannot be read in a process that is forked from one that has; "
                "leave `start` out, or give 'forkserver' or 'spawn'"
            )
        return self.start or "forkserver"

    def _tuned(self, source: Source, program: Program, recipes: Iterable[Recipe]) -> Iterator[Rendered]:
        """Runs with as many workers as are worth it, found by making the first batch again and again."""
        given = iter(recipes)
        first = next(given, None)
        if first is None:
            return
        tried = (self, repr(program.ops))
        if tried not in TUNED:
            runs = {count: evolve(self, workers=count).run(source, program, repeat(first)) for count in counts()}
            rates = {count: rate(batches) for count, batches in runs.items()}
            TUNED[tried] = fewest(rates)
            listed = ", ".join(f"{count}: {images:,.0f}" for count, images in rates.items())
            LOGGER.info("Torch(workers='auto') takes %d; images/s by number of workers: %s", TUNED[tried], listed)
        yield from evolve(self, workers=TUNED[tried]).run(source, program, chain([first], given))


TUNED: Final[dict[tuple[Torch, str], int]] = {}
"""How many workers "auto" came to, by backend and ops: later epochs do not measure again."""


def _shared(one: torch.Tensor, count: int) -> torch.Tensor:
    """Returns memory, as of one image, for several, which every process sees that it is sent to."""
    size = count * one.numel() * one.element_size()
    # as torch's own collate does
    storage: torch.UntypedStorage = torch.UntypedStorage._new_shared(size, device="cpu")  # type: ignore[no-untyped-call]  # of torch
    return one.new_empty(0).set_(storage, 0, (count, *one.shape[1:]), one.stride())


class _Recipes(Dataset[Rendered]):
    """A dataset whose indices are tasks and whose items are batches."""

    def __init__(self, source: Ahead, program: Program, slots: Shared) -> None:
        self.source, self.program, self.slots = source, program, slots
        self.expected: list[Order] = []

    def __getitem__(self, task: Task) -> Rendered:
        recipe = task.recipe
        orders, uris = self.expected, uris_of(recipe)
        if [order.uri for order in orders] != uris:
            self.source.forget(orders)
            orders = self.source.expect(uris)
        self.expected = self.source.expect(task.next)
        memory = self._memory(len(recipe.uris), task.place)
        images = channels_first(memory.numpy(), self.program)
        made = tensors(render_into(images, self.source, self.program, recipe), self.program.spec)
        # the tensor itself and not one of its array: it may lie in shared memory
        own = memory.permute(0, 3, 1, 2) if self.program.spec.memory == "channels_last" else memory
        batch = made.batch._replace(images=as_dtype(own, self.program.spec))
        made = made._replace(reads=self.source.take_reads())
        self.source.forget(orders)
        mixed = mix_batch(batch, recipe.mixture, made.failures)
        if task.place is None:
            return made._replace(batch=mixed)
        if mixed is not batch:
            batch.images.copy_(mixed.images)
        return made._replace(batch=Batch(task.place, mixed.labels.numpy(), mixed.ids.numpy()))

    def _memory(self, count: int, place: Place | None) -> torch.Tensor:
        """Returns a tensor to fill; in a worker it is in shared memory, so that it need not be copied there."""
        if place is not None:
            return torch.from_numpy(self.slots.arrays[place.slot][place.start : place.start + count])
        if get_worker_info() is None:
            return torch.from_numpy(blank(self.program, count))
        return _shared(torch.from_numpy(blank(self.program, 1)), count)


def _as_it_is(rendered: Any) -> Any:
    return rendered


def _begin(worker: int) -> None:
    """Prepares a worker process."""
    # a spawned worker ends at once, as a forked one does: Python before 3.14 ends threads wherever they are, and one sharing a
    # tensor is in C++, which then aborts the process
    atexit.register(os._exit, 0)
    limit_threads(0)  # the workers are the parallelism; any other number waits for threads that a fork left behind
    gc.freeze()  # looking for garbage among the parent's objects would copy each page that they lie on
