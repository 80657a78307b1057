"""Worker processes of torch: what they run, the memory that they fill, and how long they stay."""

import atexit
import gc
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from multiprocessing.util import Finalize
from typing import Any, Final
from weakref import WeakKeyDictionary

import torch
from torch.utils.data import DataLoader, Dataset, get_worker_info

from dataprep.ahead import Ahead, Order
from dataprep.backends.cpu.render import blank, channels_first, render_into
from dataprep.backends.memory import Shared
from dataprep.backends.mix import mix_batch
from dataprep.backends.shares import Place, Slots, Task, Tasks
from dataprep.backends.targets import uris_of
from dataprep.backends.tensors import as_dtype, tensors
from dataprep.errors import LoaderError
from dataprep.opencv import limit_threads
from dataprep.protocols import Program, Source
from dataprep.types import Batch, Recipe, Rendered

DIED: Final = (
    "out of memory, or crashed by a file or an op; where workers are spawned, the program has to put what is to run once under "
    '`if __name__ == "__main__":`. Try Torch(workers=0), or fewer workers'
)


class Team:
    """The workers of a loop and the memory that they fill; or nobody, and this process does their work.

    Attributes:
        source: What they read.
        count: Images in the largest batch that several of them can fill together.
    """

    def __init__(
        self, source: Source, program: Program, first: Recipe, *, workers: int, prefetch: int, start: str | None, pin_memory: bool
    ) -> None:
        """Takes what they are to do; they start with the first loop.

        Args:
            source: What they read.
            program: What they do with it.
            first: A recipe of a batch that is as large as they come.
            workers: How many there are.
            prefetch: Tasks that each has ready or under way.
            start: How they start.
            pin_memory: Whether batches come in page-locked memory.
        """
        self.source, self.count = source, len(first.uris)
        pins = pin_memory and torch.cuda.is_available()
        self._slots = Slots(program, first, 0 if pins else workers, prefetch)
        self._tasks = Tasks(max(workers, 1), self._slots)
        self._recipes = _Recipes(Ahead(source, processes=workers), program, self._slots.memory)
        self._loader = DataLoader(
            self._recipes,
            batch_size=None,  # a task is a whole batch, or as much of it as one worker fills
            sampler=self._tasks,
            num_workers=workers,
            prefetch_factor=prefetch if workers else None,
            multiprocessing_context=start if workers else None,
            persistent_workers=workers > 0,
            pin_memory=pins,
            collate_fn=_as_it_is,
            worker_init_fn=_begin,
        )
        self._answers: Any = None
        self._ending: Finalize | None = None

    def fits(self, source: Source, count: int) -> bool:
        """Returns whether all are there for batches of so many images from a source."""
        alive = all(worker.is_alive() for worker in self._answers._workers)
        return alive and self.source is source and self.count == count

    def run(self, recipes: Iterable[Recipe]) -> Iterator[Rendered]:
        """Yields the batch of each recipe.

        Raises:
            LoaderError: A worker died.
        """
        self._tasks.recipes = recipes
        try:
            self._answers = iter(self._loader)
            if self._loader.num_workers and self._ending is None:
                self._ending = Finalize(self, _end, (self._answers,), exitpriority=1)
                self._recipes.leave_to_workers()
            yield from self._slots.receive(self._answers)
        except RuntimeError as error:
            if "exited unexpectedly" not in str(error):
                raise
            raise LoaderError(f"{str(error).partition('.')[0]}: {DIED}") from error

    def end(self) -> None:
        """Ends the workers, and what this process reads ahead."""
        if self._ending is not None:
            self._ending()
        self._recipes.source.close()


class Kept:
    """Teams whose loop had all its batches, for the next loop of their program, while that is there; a copy has none."""

    def __init__(self) -> None:
        self._teams: WeakKeyDictionary[Program, Team] = WeakKeyDictionary()

    def __reduce__(self) -> tuple[Any, ...]:
        return Kept, ()

    def take(self, source: Source, program: Program, count: int) -> Team | None:
        """Returns the team for batches of so many images, which no loop beside this one gets, if there is one."""
        team = self._teams.pop(program, None)
        return team if team is not None and team.fits(source, count) else None

    def put(self, program: Program, team: Team) -> None:
        """Keeps a team, in the place of one that a loop beside this one has left."""
        self._teams[program] = team


def _end(answers: Any) -> None:
    """Ends workers; torch has no public way, and left to itself, an exception's traceback keeps them alive."""
    with suppress(RuntimeError):  # one that dies when it is asked to end
        answers._shutdown_workers()


class _Recipes(Dataset[Rendered]):
    """A dataset whose indices are tasks and whose items are batches."""

    def __init__(self, source: Ahead, program: Program, slots: Shared) -> None:
        self.source, self.program, self.slots = source, program, slots
        self.expected: list[Order] = []

    def leave_to_workers(self) -> None:
        """Lets go of what only workers need, once they have it."""
        del self.program

    def __getitem__(self, task: Task) -> Rendered:
        recipe = task.recipe
        orders, uris = self.expected, uris_of(recipe)
        if [order.uri for order in orders] != uris:
            self.source.forget(orders)
            orders = self.source.expect(uris)
        self.expected = self.source.expect(task.next)
        memory = self._memory(len(recipe.uris), task.place)
        images = channels_first(memory.numpy(), self.program.spec)
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


def _shared(one: torch.Tensor, count: int) -> torch.Tensor:
    """Returns memory, as of one image, for several, which every process sees that it is sent to."""
    size = count * one.numel() * one.element_size()
    # as torch's own collate does
    storage: torch.UntypedStorage = torch.UntypedStorage._new_shared(size, device="cpu")  # type: ignore[no-untyped-call]  # of torch
    return one.new_empty(0).set_(storage, 0, (count, *one.shape[1:]), one.stride())


def _as_it_is(rendered: Any) -> Any:
    return rendered


def _begin(worker: int) -> None:
    """Prepares a worker process."""
    # a spawned worker ends at once, as a forked one does: Python before 3.14 ends threads wherever they are, and one sharing a
    # tensor is in C++, which then aborts the process
    atexit.register(os._exit, 0)
    limit_threads(0)  # the workers are the parallelism; any other number waits for threads that a fork left behind
    gc.freeze()  # looking for garbage among the parent's objects would copy each page that they lie on
