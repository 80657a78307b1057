"""What is counted between the backend and the loop: batches, the time that the loop waited, files that failed or were slow."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from attrs import define, field

from dataprep.errors import LoaderError
from dataprep.loading.failures import POLICIES, OnError, settle
from dataprep.types import Batch, Failure, Rendered, Slow

NAMED: Final = 10  # files that statistics name


@dataclass(frozen=True)
class LoaderStats:
    """What a loader has delivered, over all its epochs, and what it cost the loop.

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

    @property
    def rate(self) -> float:
        """Images a second, as the loop had them."""
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
        if self.failed:
            lines += [f"{self.failed:,} files failed", *(f"  {failure.why}" for failure in self.failures)]
        return "\n".join(lines)


def _check_policy(delivery: object, argument: object, given: object) -> None:
    if given not in POLICIES:
        raise LoaderError(f"Loader(on_error={given!r}): one of {', '.join(map(repr, POLICIES))}")


@define
class Delivery:
    """Counts what goes through it.

    Attributes:
        on_error: What becomes of a batch with files that failed.
        stats: What was counted.
        asked: Recipes that the backend took in this epoch.
        had: Batches that it made of them.
    """

    on_error: OnError = field(default="raise", validator=_check_policy)
    stats: LoaderStats = field(factory=LoaderStats)
    asked: int = 0
    had: int = 0

    def count(self, recipes: Iterable[Any]) -> Iterator[Any]:
        """Yields the recipes as the backend takes them."""
        self.asked = self.had = 0
        for recipe in recipes:
            self.asked += 1
            yield recipe

    def time(self, made: Iterable["Batch | Rendered"]) -> Iterator[Batch | None]:
        """Yields each batch as the loop gets it, None where nothing of it is left.

        Raises:
            LoaderError: A file failed and the policy is "raise", or all of a batch did and it is "replace".
        """
        batches = iter(made)
        try:
            yield from self._time(batches)
        finally:  # at once: an error's traceback would keep the backend, and its processes, alive
            getattr(batches, "close", lambda: None)()

    def _time(self, batches: "Iterator[Batch | Rendered]") -> Iterator[Batch | None]:
        last, began = time.perf_counter(), True
        while True:
            start = time.perf_counter()
            one = next(batches, None)
            if one is None:
                return
            end = time.perf_counter()
            rendered = one if isinstance(one, Rendered) else Rendered(one)
            self.had += 1
            self._count(rendered, end - start, end - last, began)
            last, began = end, False
            batch = settle(rendered, self.on_error)
            if batch is not None:
                self.stats = replace(self.stats, batches=self.stats.batches + 1, images=self.stats.images + len(batch.ids))
            yield batch

    def _count(self, rendered: Rendered, waited: float, passed: float, began: bool) -> None:
        """Adds what is known before the policy has its say."""
        old, slow = self.stats, [rendered.slowest] if rendered.slowest.uri else []
        self.stats = replace(
            old,
            seconds=old.seconds + passed,
            waited=old.waited + waited,
            first=waited if began else old.first,
            ahead=self.asked - self.had,
            failed=old.failed + len(rendered.failures),
            failures=(*old.failures, *rendered.failures)[:NAMED],
            slowest=tuple(sorted([*old.slowest, *slow], reverse=True)[:NAMED]),
        )
