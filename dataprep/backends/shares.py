"""How worker processes of torch fill a batch together: the tasks that it falls into, and the shared memory that they fill.

A batch lies in one piece, of which each worker fills a part. Where no memory is free, since the loop keeps batches, and where
images or their targets belong together, one worker makes the whole.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, pairwise
from typing import Final, NamedTuple

import numpy as np
import torch

from dataprep.backends.cpu.render import blank, channels_first
from dataprep.backends.memory import Shared, lend
from dataprep.backends.targets import uris_of
from dataprep.backends.tensors import as_dtype
from dataprep.fetched import NO_READS
from dataprep.protocols import Program
from dataprep.types import Batch, Recipe, Rendered

HAD: Final = 3
"""Batches beside those that workers have ready or under way: the loop's last one, its next one, and one that it may keep."""
SHARE: Final = 16
"""Images that are worth a task of their own: fewer take less time than a small part of them costs."""


class Place(NamedTuple):
    """Where in shared memory some images of a batch go.

    Attributes:
        slot: Which batch's memory it is.
        start: Which image of the batch is the first of them.
        size: How many the batch has.
    """

    slot: int
    start: int
    size: int


class Slots:
    """Shared memory for batches, which workers fill and the main process lends to the loop, again and again.

    Attributes:
        memory: An array for a whole batch each, its axes as they lie in memory.
        lent: Which of them the loop has.
        free: Which of them nobody fills or has.
    """

    def __init__(self, program: Program, first: Recipe, workers: int, prefetch: int) -> None:
        """Makes as many as are under way at once, for batches as large as the first; none for no workers."""
        self.count, self._spec = len(first.uris), program.spec
        tasks = workers * (prefetch + 1)  # one more for each worker is read ahead for
        number = -(-tasks // shares(first, workers)) + HAD if workers else 0
        self.memory = Shared(blank(program, self.count), number)
        self.lent: set[int] = set()
        self.free = list(range(number))

    def take(self, count: int) -> int | None:
        """Returns a slot for so many images, None where there is none."""
        return self.free.pop() if self.free and count <= self.count else None

    def receive(self, answers: Iterable[Rendered]) -> Iterator[Rendered]:
        """Yields batches from what workers made, in order; a slot comes back when its images are let go of."""
        parts: list[Rendered] = []
        for made in answers:
            place = made.batch.images
            if not isinstance(place, Place):
                yield made
                continue
            parts.append(made)
            if place.start + len(made.batch.ids) == place.size:
                yield self._joined(place, parts)
                parts = []

    def _joined(self, place: Place, parts: Sequence[Rendered]) -> Rendered:
        """Returns the batch of all its parts."""
        self.lent.add(place.slot)
        memory = lend(self.memory.arrays[place.slot], self._take_back, place.slot)[: place.size]
        images = as_dtype(torch.from_numpy(channels_first(memory, self._spec)), self._spec)
        labels, ids = (torch.from_numpy(np.concatenate([part.batch[of] for part in parts])) for of in (1, 2))
        failures = tuple(
            replace(failure, index=part.batch.images.start + failure.index) for part in parts for failure in part.failures
        )
        slowest, reads = max(part.slowest for part in parts), sum((part.reads for part in parts), NO_READS)
        return Rendered(Batch(images, labels, ids), failures, slowest, parts[0].targets, reads)

    def _take_back(self, slot: int) -> None:
        self.lent.remove(slot)
        self.free.append(slot)


class Task(NamedTuple):
    """What a worker gets.

    Attributes:
        recipe: What to make: a batch, or the part of one.
        place: Where it goes; None for memory of its own.
        next: What is read for the task that it gets after that: a `DataLoader` deals to its workers in turn.
    """

    recipe: Recipe
    place: Place | None
    next: Sequence[str] = ()


class Tasks:
    """An iterable of the tasks of the next loop, without a length, which a DataLoader would otherwise ask for."""

    def __init__(self, workers: int, slots: Slots) -> None:
        self.recipes: Iterable[Recipe] = ()
        self.workers, self.slots = workers, slots

    def __iter__(self) -> Iterator[Task]:
        dealt: deque[Task] = deque()
        for task in chain.from_iterable(map(self._of, self.recipes)):
            dealt.append(task)
            if len(dealt) > self.workers:
                yield dealt.popleft()._replace(next=uris_of(task.recipe))
        yield from dealt

    def _of(self, recipe: Recipe) -> Iterator[Task]:
        """Yields the tasks of a batch: the whole, where no memory is free that several could fill."""
        count = len(recipe.uris)
        slot = self.slots.take(count)
        if slot is None:
            yield Task(recipe, None)
            return
        parts = shares(recipe, self.workers)
        for start, stop in pairwise(count * number // parts for number in range(parts + 1)):
            yield Task(_part(recipe, start, stop), Place(slot, start, count))


def shares(recipe: Recipe, workers: int) -> int:
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
