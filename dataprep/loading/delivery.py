"""What happens to a batch between the backend and the loop: files that failed are dealt with, and what was had is counted."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, TypeAlias

import numpy as np

from dataprep.errors import LoaderError
from dataprep.types import Batch, Failure, Rendered, Slow

OnError: TypeAlias = Literal["raise", "skip", "replace"]

POLICIES: Final = ("raise", "skip", "replace")
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


@dataclass
class Delivery:
    """Counts what goes through it.

    Attributes:
        on_error: What becomes of a batch with files that failed.
        stats: What was counted.
        asked: Recipes that the backend took in this epoch.
        had: Batches that it made of them.
    """

    on_error: OnError = "raise"
    stats: LoaderStats = field(default_factory=LoaderStats)
    asked: int = 0
    had: int = 0

    def __post_init__(self) -> None:
        """Checks the policy."""
        if self.on_error not in POLICIES:
            raise LoaderError(f"Loader(on_error={self.on_error!r}): one of {', '.join(map(repr, POLICIES))}")

    def counted(self, recipes: Iterable[Any]) -> Iterator[Any]:
        """Yields the recipes as the backend takes them."""
        self.asked = self.had = 0
        for recipe in recipes:
            self.asked += 1
            yield recipe

    def timed(self, made: Iterable["Batch | Rendered"]) -> Iterator[Batch | None]:
        """Yields each batch as the loop gets it, None where nothing of it is left.

        Raises:
            LoaderError: A file failed and the policy is "raise", or all of a batch did and it is "replace".
        """
        batches = iter(made)
        try:
            yield from self._timed(batches)
        finally:  # at once: an error's traceback would keep the backend, and its processes, alive
            getattr(batches, "close", lambda: None)()

    def _timed(self, batches: "Iterator[Batch | Rendered]") -> Iterator[Batch | None]:
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
            batch = settled(rendered, self.on_error)
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


def settled(rendered: Rendered, on_error: OnError) -> Batch | None:
    """Returns the batch that the loop gets, None if no image of it is left.

    Args:
        rendered: The batch, black where a file failed.
        on_error: "raise" raises an error at the first file that failed; "skip" leaves failed ones out; "replace" puts the next
            good image of the same batch, with its label and id, in the place of a failed one.
    """
    batch, failures, _ = rendered
    if not failures:
        return batch
    if on_error == "raise":
        raise LoaderError(failures[0].why)
    count, bad = len(batch.ids), {failure.place for failure in failures}
    good = [place for place in range(count) if place not in bad]
    if on_error == "skip":
        return Batch(*(array[good] for array in batch)) if good else None
    if not good:
        raise LoaderError(f"no file of a batch is left to replace the others with; the first: {failures[0].why}")
    follows = np.array(good)[np.searchsorted(good, np.arange(count)) % len(good)]
    for array in batch:
        for place in sorted(bad):
            array[place] = array[int(follows[place])]
    return batch
