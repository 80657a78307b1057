"""The torch backend: `DataLoader` workers that fill batches together, each a part of every batch.

Part of a recipe is what a worker gets as its "index", so workers hold no randomness and no table: the same batches come out of
any number of them.
"""

import atexit
import gc
import logging
import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import chain, islice, pairwise, repeat
from multiprocessing import current_process
from typing import Any, Final, Literal, NamedTuple

import cv2
import numpy as np
import torch
from attrs import evolve, field, frozen
from torch.utils.data import DataLoader, Dataset, get_worker_info

from dataprep.ahead import Ahead, Order
from dataprep.arguments import check, is_whole, one_of
from dataprep.backends.autotune import counts, fewest, rate
from dataprep.backends.cpu.render import blank, channels_first, render_into
from dataprep.backends.memory import Shared, lend
from dataprep.backends.mix import mix_batch
from dataprep.backends.program import PREFETCH
from dataprep.backends.targets import uris_of
from dataprep.backends.tensors import as_dtype, tensors
from dataprep.errors import LoaderError
from dataprep.fetched import NO_READS
from dataprep.protocols import Program, Source
from dataprep.types import Batch, Recipe, Rendered

LOGGER: Final = logging.getLogger("dataprep")


HAD: Final = 3
"""Batches beside those that workers have ready or under way: the loop's last one, its next one, and one that it may keep."""
SHARE: Final = 16
"""Images that are worth a task of their own: fewer take less time than a small part of them costs."""

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
        slots = _Slots(program, first, 0 if pins else self.workers, self.prefetch)
        answers = iter(
            DataLoader(
                _Recipes(ahead, program, slots.memory),
                batch_size=None,  # a task is a whole batch, or as much of it as one worker fills
                sampler=_Tasks(chain(first, given), max(self.workers, 1), slots),
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


class _Place(NamedTuple):
    """Where in shared memory some images of a batch go.

    Attributes:
        slot: Which batch's memory it is.
        start: Which image of the batch is the first of them.
        size: How many the batch has.
    """

    slot: int
    start: int
    size: int


class _Slots:
    """Shared memory for batches, which workers fill and the main process lends to the loop, again and again.

    Attributes:
        memory: An array for a whole batch each, its axes as they lie in memory.
        free: Which of them nobody fills or has.
    """

    def __init__(self, program: Program, first: Sequence[Recipe], workers: int, prefetch: int) -> None:
        """Makes as many as are under way at once, for batches as large as the first; none for no workers."""
        self.program, self.count = program, max((len(recipe.uris) for recipe in first), default=0)
        tasks = workers * (prefetch + 1)  # one more for each worker is read ahead for
        number = -(-tasks // max((_shares(recipe, workers) for recipe in first), default=1)) + HAD if workers else 0
        self.memory = Shared(blank(program, self.count), number)
        self.free = list(range(number))

    def take(self, count: int) -> int | None:
        """Returns a slot for so many images, None where there is none."""
        return self.free.pop() if self.free and count <= self.count else None

    def receive(self, answers: Iterable[Rendered]) -> Iterator[Rendered]:
        """Yields batches from what workers made, in order; a slot comes back when its images are let go of."""
        parts: list[Rendered] = []
        for made in answers:
            place = made.batch.images
            if not isinstance(place, _Place):
                yield made
                continue
            parts.append(made)
            if place.start + len(made.batch.ids) == place.size:
                yield self._joined(place, parts)
                parts = []

    def _joined(self, place: _Place, parts: Sequence[Rendered]) -> Rendered:
        """Returns the batch of all its parts."""
        memory = lend(self.memory.arrays[place.slot], self.free.append, place.slot)[: place.size]
        images = as_dtype(torch.from_numpy(channels_first(memory, self.program)), self.program.spec)
        labels, ids = (torch.from_numpy(np.concatenate([part.batch[of] for part in parts])) for of in (1, 2))
        failures = tuple(
            replace(failure, index=part.batch.images.start + failure.index) for part in parts for failure in part.failures
        )
        slowest, reads = max(part.slowest for part in parts), sum((part.reads for part in parts), NO_READS)
        return Rendered(Batch(images, labels, ids), failures, slowest, parts[0].targets, reads)


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

    def __getitem__(self, task: "_Task") -> Rendered:
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

    def _memory(self, count: int, place: _Place | None) -> torch.Tensor:
        """Returns a tensor to fill; in a worker it is in shared memory, so that it need not be copied there."""
        if place is not None:
            return torch.from_numpy(self.slots.arrays[place.slot][place.start : place.start + count])
        if get_worker_info() is None:
            return torch.from_numpy(blank(self.program, count))
        return _shared(torch.from_numpy(blank(self.program, 1)), count)


class _Task(NamedTuple):
    """What a worker gets.

    Attributes:
        recipe: What to make: a batch, or the part of one.
        place: Where it goes; None for memory of its own.
        next: What is read for the task that it gets after that: a `DataLoader` deals to its workers in turn.
    """

    recipe: Recipe
    place: _Place | None
    next: Sequence[str] = ()


class _Tasks:
    """An iterable of tasks without a length, which a DataLoader would otherwise ask for."""

    def __init__(self, recipes: Iterable[Recipe], workers: int, slots: _Slots) -> None:
        self.recipes, self.workers, self.slots = recipes, workers, slots

    def __iter__(self) -> Iterator[_Task]:
        dealt: deque[_Task] = deque()
        for task in chain.from_iterable(map(self._of, self.recipes)):
            dealt.append(task)
            if len(dealt) > self.workers:
                yield dealt.popleft()._replace(next=uris_of(task.recipe))
        yield from dealt

    def _of(self, recipe: Recipe) -> Iterator[_Task]:
        """Yields the tasks of a batch: the whole, where no memory is free that several could fill."""
        count = len(recipe.uris)
        slot = self.slots.take(count)
        if slot is None:
            yield _Task(recipe, None)
            return
        shares = _shares(recipe, self.workers)
        for start, stop in pairwise(count * share // shares for share in range(shares + 1)):
            yield _Task(_part(recipe, start, stop), _Place(slot, start, count))


def _shares(recipe: Recipe, workers: int) -> int:
    """Returns how many workers fill a batch together: one where its images or their targets belong together."""
    if recipe.mixture is not None or recipe.targets is not None:
        return 1
    return max(1, min(workers, len(recipe.uris) // SHARE))


def _part(recipe: Recipe, start: int, stop: int) -> Recipe:
    """Returns the recipe of some images of a batch, without targets."""
    part = slice(start, stop)
    return recipe._replace(
        ids=recipe.ids[part],
        uris=recipe.uris[part],
        labels=recipe.labels[part],
        sizes=recipe.sizes[part],
        params=tuple(drawn[part] for drawn in recipe.params),
        stamps=None if recipe.stamps is None else recipe.stamps[part],
    )


def _as_it_is(rendered: Any) -> Any:
    return rendered


def _begin(worker: int) -> None:
    """Prepares a worker process."""
    # a spawned worker ends at once, as a forked one does: Python before 3.14 ends threads wherever they are, and one sharing a
    # tensor is in C++, which then aborts the process
    atexit.register(os._exit, 0)
    cv2.setNumThreads(0)  # the workers are the parallelism; any other number waits for threads that a fork left behind
    gc.freeze()  # looking for garbage among the parent's objects would copy each page that they lie on
