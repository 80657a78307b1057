"""Which rows come when, and to whom: the order of an epoch, this rank's share of it, and the state that resumes it.

The state of a run is four numbers: seed, epoch, position and the manifest's fingerprint. `position` counts the samples
delivered over all ranks, so the number of ranks, of workers and the backend may change between one run and the next.

    order of the epoch          7 2 9 0 5 3 8 1 6 4          position 4, world 2, batches of 2
    delivered                   7 2 9 0
    rank 0 takes order[4::2]            5   8   6            first batch 5 8
    rank 1 takes order[5::2]              3   1   4          first batch 3 1         -> position 8
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from dataprep.draws import permutation
from dataprep.errors import LoaderError, StateError

VERSION: Final = 1
REMAINDERS: Final = ("drop", "pad", "exact")


@dataclass(frozen=True)
class Sampler:
    """How an epoch is ordered and shared out. A description: the state belongs to a `Loader` or an `EpochSampler`.

    Attributes:
        seed: With the epoch, what the order and every augmentation follow from.
        shuffle: Whether each epoch has a random order of its own, or all have the manifest's.
        remainder: What happens to the last samples that do not fill a batch on every rank. "drop" leaves them out of this
            epoch; "pad" fills up from the start of the order; "exact" gives each row once, in smaller batches or none, for
            evaluation.
        rank: This process, from 0; None takes the environment's RANK, or 0.
        world: The number of processes; None takes the environment's WORLD_SIZE, or 1.
    """

    seed: int = 0
    shuffle: bool = True
    remainder: Literal["drop", "pad", "exact"] = "drop"
    rank: int | None = None
    world: int | None = None

    def __post_init__(self) -> None:
        """Checks the policy and the rank."""
        if self.remainder not in REMAINDERS:
            raise LoaderError(f"Sampler(remainder={self.remainder!r}): one of {', '.join(map(repr, REMAINDERS))}")
        if (self.rank is None) != (self.world is None):
            raise LoaderError("Sampler: give both `rank` and `world`, or neither to take them from the environment")
        if self.rank is not None and self.world is not None and not 0 <= self.rank < self.world:
            raise LoaderError(f"Sampler(rank={self.rank}, world={self.world}): ranks are 0 to world - 1")

    def resolved(self) -> tuple[int, int]:
        """Returns rank and world, as given or as torchrun sets them in the environment."""
        if self.rank is not None and self.world is not None:
            return self.rank, self.world
        return int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))

    def order(self, size: int, epoch: int) -> NDArray[np.int64]:
        """Returns all rows, 0..size-1, in the order of an epoch."""
        return permutation(self.seed, epoch, size) if self.shuffle else np.arange(size)

    def batches(self, size: int, epoch: int, position: int, batch_size: int) -> Iterator[NDArray[np.int64]]:
        """Yields this rank's batches of rows for the rest of an epoch.

        Args:
            size: The number of rows.
            epoch: The epoch.
            position: How many samples all ranks together have had of it.
            batch_size: Samples in a batch of one rank.
        """
        rank, world = self.resolved()
        order = self.order(size, epoch)[position:]
        step = batch_size * world
        count = self.count(size, position, batch_size)
        if self.remainder == "pad" and count * step > len(order):
            order = np.concatenate([order, np.resize(self.order(size, epoch), count * step - len(order))])
        for start in range(0, count * step, step):
            rows = order[start : start + step][rank::world]
            if len(rows):
                yield rows

    def count(self, size: int, position: int, batch_size: int) -> int:
        """Returns how many batches the rest of an epoch has; under "exact", on the rank that has most."""
        _, world = self.resolved()
        step = batch_size * world
        left = max(0, size - position)
        return left // step if self.remainder == "drop" else -(-left // step)

    def over(self, size: int, batch_size: int = 1) -> "EpochSampler":
        """Returns a sampler over the rows of any dataset of your own, for torch's `DataLoader(sampler=...)`.

        Args:
            size: The length of the dataset.
            batch_size: The batch size of the DataLoader, so that the remainder is decided for whole batches.
        """
        return EpochSampler(self, size, batch_size)


@dataclass
class Progress:
    """Where a run stands.

    Attributes:
        epoch: The epoch.
        position: Samples of it that all ranks together have had.
    """

    epoch: int = 0
    position: int = 0

    def seek(self, epoch: int) -> None:
        """Goes to the start of an epoch; staying in the same one keeps the position, so it is safe after a restore."""
        if epoch != self.epoch:
            self.epoch, self.position = epoch, 0

    def state(self, seed: int, fingerprint: str) -> dict[str, Any]:
        """Returns the state of the run: plain data for JSON or `torch.save`."""
        return {
            "version": VERSION,
            "seed": seed,
            "epoch": self.epoch,
            "position": self.position,
            "fingerprint": fingerprint,
        }

    def restore(self, state: Mapping[str, Any], seed: int, fingerprint: str) -> None:
        """Takes up a state.

        Raises:
            StateError: It is of another version, seed or manifest; the message names both.
        """
        missing = {"version", "seed", "epoch", "position", "fingerprint"} - state.keys()
        if missing:
            raise StateError(f"the state lacks {', '.join(sorted(missing))}; give what `state_dict()` returned")
        for name, here in (("version", VERSION), ("seed", seed), ("fingerprint", fingerprint)):
            if state[name] != here:
                what = "manifest (fingerprint)" if name == "fingerprint" else name
                raise StateError(
                    f"the state was saved with {what} {state[name]!r}, this run has {here!r}; use the same to resume"
                )
        self.epoch, self.position = int(state["epoch"]), int(state["position"])


@dataclass
class EpochSampler:
    """A sampler over 0..size-1 with a position: what torch's `DataLoader` takes as `sampler`.

    A `DataLoader` fetches ahead of what the loop has had, so this sampler cannot count for you: tell it with `delivered`.

    Attributes:
        sampler: The order and the sharing.
        size: The length of the dataset.
        batch_size: The batch size of the DataLoader.
        progress: Epoch and position.
    """

    sampler: Sampler
    size: int
    batch_size: int = 1
    progress: Progress = field(default_factory=Progress)

    def __post_init__(self) -> None:
        """Fixes rank and world as they are now."""
        rank, world = self.sampler.resolved()
        self.sampler = replace(self.sampler, rank=rank, world=world)

    def __iter__(self) -> Iterator[int]:
        """Yields this rank's rows for the rest of the epoch."""
        for rows in self.sampler.batches(self.size, self.progress.epoch, self.progress.position, self.batch_size):
            yield from rows.tolist()

    def __len__(self) -> int:
        """How many rows this rank has in the rest of the epoch."""
        if self.sampler.remainder != "exact":
            return self.sampler.count(self.size, self.progress.position, self.batch_size) * self.batch_size
        rank, world = self.sampler.resolved()
        return len(range(self.progress.position + rank, self.size, world))

    def set_epoch(self, epoch: int) -> None:
        """Goes to the start of an epoch; the same epoch keeps the position."""
        self.progress.seek(epoch)

    def delivered(self, samples: int) -> None:
        """Counts samples that the training loop has had on all ranks together."""
        self.progress.position += samples

    def state_dict(self) -> dict[str, Any]:
        """Returns the state as plain data."""
        return self.progress.state(self.sampler.seed, f"{self.size} rows")

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes up a state; raises `StateError` for one of another seed or size."""
        self.progress.restore(state, self.sampler.seed, f"{self.size} rows")
