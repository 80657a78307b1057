"""The torch backend: `DataLoader` workers that fill batches together, each a part of every batch.

Part of a recipe is what a worker gets as its "index", so workers hold no randomness and no table: the same batches come out of
any number of them.
"""

import logging
from collections.abc import Iterable, Iterator
from itertools import chain, repeat
from multiprocessing import current_process
from typing import Final, Literal

from attrs import evolve, field, frozen

from dataprep.arguments import check, is_whole, one_of
from dataprep.backends.autotune import counts, fewest, rate
from dataprep.backends.program import PREFETCH
from dataprep.backends.workers import Kept, Team
from dataprep.errors import LoaderError
from dataprep.protocols import Program, Source
from dataprep.types import Recipe, Rendered

LOGGER: Final = logging.getLogger("dataprep")

NO_GUARD: Final = (
    "a worker runs this program from its start and comes to a loader itself; put what is to run once under "
    '`if __name__ == "__main__":`, or take backend=dp.Threads(2)'
)
"""What is wrong where processes are spawned from a program that does not say what is its main part."""
START: Final = one_of("fork", "spawn", "forkserver", None, kind=LoaderError)


def _is_count(workers: object) -> bool:
    return workers == "auto" or (is_whole(workers) and workers >= 0)  # type: ignore[operator]  # a number


@frozen
class Torch:
    """Batches from a torch `DataLoader`, as tensors in the memory of the CPU.

    Its workers, and the memory of the few batches that are under way at once, stay for the next loop of the same loader. They go
    with the loader, or with a loop that is left early.

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
        persistent_workers: Whether workers stay after a loop that had all its batches; else each loop starts its own.
    """

    workers: int | Literal["auto"] = field(default=0, validator=check(_is_count, 'give 0 or more, or "auto"', LoaderError))
    prefetch: int = field(default=2, validator=PREFETCH)
    start: Literal["fork", "spawn", "forkserver"] | None = field(default=None, validator=START)
    pin_memory: bool = False
    persistent_workers: bool = True
    _kept: Kept = field(factory=Kept, init=False, eq=False, repr=False)

    def run(self, source: Source, program: Program, recipes: Iterable[Recipe]) -> Iterator[Rendered]:
        """Yields the batch of each recipe, in order, as tensors.

        Raises:
            LoaderError: A worker died, or cannot be started.
        """
        if self.workers and getattr(current_process(), "_inheriting", False):
            raise LoaderError(NO_GUARD)
        given = iter(recipes)
        first = next(given, None)
        if first is None:
            return
        workers = self._tuned(source, program, first) if self.workers == "auto" else self.workers
        team = self._kept.take(source, program, len(first.uris)) or self._team(workers, source, program, first)
        try:
            yield from team.run(chain([first], given))
        except BaseException:
            team.end()
            raise
        if self.persistent_workers and workers:
            self._kept.put(program, team)
        else:
            team.end()

    def _team(self, workers: int, source: Source, program: Program, first: Recipe) -> Team:
        start = self.start_for(source)
        if start != self.start:
            LOGGER.info("Torch starts its workers by %r, since this source cannot be read after a fork", start)
        return Team(source, program, first, workers=workers, prefetch=self.prefetch, start=start, pin_memory=self.pin_memory)

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

    def _tuned(self, source: Source, program: Program, first: Recipe) -> int:
        """Returns how many workers are worth it, found by making the first batch again and again."""
        tried = (self, repr(program.ops))
        if tried not in TUNED:
            runs = {count: evolve(self, workers=count).run(source, program, repeat(first)) for count in counts()}
            rates = {count: rate(batches) for count, batches in runs.items()}
            TUNED[tried] = fewest(rates)
            listed = ", ".join(f"{count}: {images:,.0f}" for count, images in rates.items())
            LOGGER.info("Torch(workers='auto') takes %d; images/s by number of workers: %s", TUNED[tried], listed)
        return TUNED[tried]


TUNED: Final[dict[tuple[Torch, str], int]] = {}
"""How many workers "auto" came to, by backend and ops: later epochs do not measure again."""
