"""What is counted between the backend and the loop: batches, the time that the loop waited, files that failed or were slow."""

import logging
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from attrs import define, field

from dataprep.errors import LoaderError
from dataprep.fetched import NO_READS, Reads
from dataprep.loading.failures import POLICIES, Losses, OnError, settle
from dataprep.protocols import Backend, Program, Source
from dataprep.types import AnyBatch, Batch, Failure, Recipe, Rendered, Slow

LOGGER: Final = logging.getLogger("dataprep")

NAMED: Final = 10  # files that statistics name


@dataclass(frozen=True)
class LoaderStats:
    """What a loader has delivered, over all its epochs, and what it cost the loop.

    Example:
        >>> loader = dp.Loader(manifest, batch_size=4)
        >>> for batch in loader:
        ...     pass
        >>> print(loader.stats())
        12 images in 3 batches, ... images/s
        waited ... s of ... s (...), ... s for the first batch
        ... batches ahead
        ...

    Attributes:
        batches: Batches delivered.
        images: Images delivered.
        seconds: From asking for the first batch to having the last, less the pauses between epochs.
        waited: Seconds of these that the loop waited for batches.
        first: Seconds until the first batch of the last epoch, with the start of the workers.
        ahead: Batches asked of the backend and not yet had by the loop, after the last one.
        failed: Files that could not be made part of their batch.
        failures: What was wrong with the first of them.
        slowest: The files that took longest to read, decode and transform, each the slowest of its batch.
        reads: What reading came to: how long those who decode waited for it, requests to a store that were made again, files
            that a cache had.
    """

    batches: int = 0
    images: int = 0
    seconds: float = 0.0
    waited: float = 0.0
    first: float = 0.0
    ahead: int = 0
    failed: int = 0
    failures: tuple[Failure, ...] = ()
    slowest: tuple[Slow, ...] = ()
    reads: Reads = NO_READS

    @property
    def rate(self) -> float:
        """Images a second, as the loop had them.

        Example:
            >>> dp.LoaderStats(batches=2, images=128, seconds=0.5).rate
            256.0
        """
        return self.images / self.seconds if self.seconds else 0.0

    def __str__(self) -> str:
        """Some lines to read."""
        share = self.waited / self.seconds if self.seconds else 0.0
        lines = [
            f"{self.images:,} images in {self.batches:,} batches, {self.rate:,.0f} images/s",
            f"waited {self.waited:.2f} s of {self.seconds:.2f} s ({share:.0%}), {self.first:.2f} s for the first batch",
            f"{self.ahead} batches ahead",
        ]
        lines += [f"slow: {slow.uri}, {slow.seconds:.3f} s" for slow in self.slowest[:3]]
        if self.reads.retries:
            lines.append(f"{self.reads.retries:,} requests to a store made again")
        if self.reads.kept:
            lines.append(f"{self.reads.kept:,} files from the cache of this machine")
        if self.reads.unkept:
            lines.append(f"{self.reads.unkept:,} files that the cache could not take: {self.reads.why}")
        if self.failed:
            lines += [f"{self.failed:,} files failed", *(f"  {failure.why}" for failure in self.failures)]
        return "\n".join(lines)


def _check_policy(delivery: object, argument: object, given: object) -> None:
    if given not in POLICIES:
        raise LoaderError(f"Loader(on_error={given!r}): one of {', '.join(map(repr, POLICIES))}")


@define
class Delivery:
    """Counts what goes from a backend to the loops.

    Attributes:
        on_error: What becomes of a batch with files that failed.
        stats: What was counted.
    """

    on_error: OnError = field(default="raise", validator=_check_policy)
    stats: LoaderStats = field(factory=LoaderStats)

    def deliver(self, backend: Backend, source: Source, program: Program, recipes: Iterable[Recipe]) -> Iterator[AnyBatch | None]:
        """Yields each batch as the loop gets it, None where nothing of it is left.

        Raises:
            LoaderError: A file failed and the policy is "raise", or too many did for another one.
        """
        asked = _Asked(recipes)
        batches = iter(backend.run(source, program, asked))
        losses = Losses()
        try:
            for rendered in self._time(batches, asked):
                self._warn_once(source, rendered.reads)
                batch = losses.check(rendered, settle(rendered, self.on_error))
                if batch is not None:
                    self.stats = replace(self.stats, batches=self.stats.batches + 1, images=self.stats.images + len(batch.ids))
                yield batch
            losses.check_all()
        finally:  # at once: an error's traceback would keep the backend, and its processes, alive
            getattr(batches, "close", lambda: None)()

    def _time(self, batches: "Iterator[Batch[Any] | Rendered]", asked: "_Asked") -> Iterator[Rendered]:
        last, began, had = time.perf_counter(), True, 0
        while True:
            start = time.perf_counter()
            one = next(batches, None)
            if one is None:
                return
            end, had = time.perf_counter(), had + 1
            rendered = one if isinstance(one, Rendered) else Rendered(one)
            self._count(rendered, end - start, end - last, began, asked.count - had)
            last, began = end, False
            yield rendered

    def _warn_once(self, source: Source, reads: Reads) -> None:
        """Says at the first files that a cache could not take that it is so."""
        if reads.unkept and reads.unkept == self.stats.reads.unkept:
            folder = getattr(getattr(source, "cache", None), "folder", "the cache")
            LOGGER.warning("images could not be kept in %s: %s; they are read from their source each time", folder, reads.why)

    def _count(self, rendered: Rendered, waited: float, passed: float, began: bool, ahead: int) -> None:
        """Adds what is known before the policy has its say."""
        old, slow = self.stats, [rendered.slowest] if rendered.slowest.uri else []
        self.stats = replace(
            old,
            seconds=old.seconds + passed,
            waited=old.waited + waited,
            first=waited if began else old.first,
            ahead=ahead,
            failed=old.failed + len(rendered.failures),
            failures=(*old.failures, *rendered.failures)[:NAMED],
            slowest=tuple(sorted([*old.slowest, *slow], reverse=True)[:NAMED]),
            reads=old.reads + rendered.reads,
        )


class _Asked:
    """Recipes, counted as a backend takes them."""

    def __init__(self, recipes: Iterable[Recipe]) -> None:
        self.recipes, self.count = recipes, 0

    def __iter__(self) -> Iterator[Recipe]:
        for recipe in self.recipes:
            self.count += 1
            yield recipe
