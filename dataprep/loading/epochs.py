"""An order with a run through it: which batches of rows this rank gets, epoch after epoch, and the state to resume from.

`EpochSampler` is what a `Loader` has as its `sampler`, and what torch's `DataLoader` takes as one. A `DataLoader` fetches ahead
of what the loop has had, so there the loop tells with `delivered`; a `Loader` counts by itself.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
from attrs import evolve, frozen
from numpy.typing import NDArray

from dataprep.arguments import as_whole, is_whole
from dataprep.errors import LoaderError
from dataprep.loading.orders import Order
from dataprep.loading.ranks import GroupNeededError, of_group, rank_and_world
from dataprep.loading.state import Position, Progress, Run, fingerprint_of

if TYPE_CHECKING:
    from dataprep.loading.sampler import Sampler

LARGEST: Final = 2**31


class Row(int):
    """A row's number that knows when it comes, so that a dataset in a worker augments it as a `Loader` would.

    Attributes:
        epoch: The epoch that it comes in.
        turn: How often it came before in this epoch.
    """

    epoch: int
    turn: int

    def __new__(cls, row: int, epoch: int, turn: int) -> "Row":
        """Makes a number of three."""
        made = super().__new__(cls, row)
        made.epoch, made.turn = epoch, turn
        return made

    def __getnewargs__(self) -> Any:  # a tuple of three, where int has one
        """Returns what a worker makes it of."""
        return int(self), self.epoch, self.turn


@frozen
class Loop:
    """One way through an epoch, or through the rest of one, on this rank.

    Attributes:
        number: Which one of its sampler.
        start: Where it began.
        sampler: The order and the sharing, rank and world as they were then.
        plan: Which row comes at which position.
        batch_size: Samples in a batch of one rank.
    """

    number: int
    start: Position
    sampler: "Sampler"
    plan: Order
    batch_size: int

    def turns(self) -> Iterator[NDArray[np.int64]]:
        """Yields its batches, (B, 2) each: rows, and how often they came before in this epoch."""
        return self.sampler.turns(self.plan, self.start.epoch, self.start.position, self.batch_size)

    def after(self, batches: int) -> int:
        """Returns the position after so many batches on each rank."""
        return min(self.start.position + batches * self.batch_size * self.sampler.resolve()[1], len(self.plan))


class EpochSampler:
    """A sampler with a position: each `for` loop over it is one epoch.

    Each loop is a whole epoch, the next after the one before; only the first loop after `load_state_dict` begins within one.

    Example:
        >>> sampler = dp.Sampler(seed=0).over(4)
        >>> [list(sampler) for epoch in range(2)]  # each loop is the next epoch
        [[0, 3, 1, 2], [0, 2, 1, 3]]

    Attributes:
        sampler: The order and the sharing.
        batch_size: Samples in a batch of one rank.
        plan: Which row comes at which position of an epoch.
    """

    def __init__(
        self,
        sampler: "Sampler",
        rows: int | pa.Table,
        batch_size: int = 1,
        *,
        told: bool = True,
        advance: int = 1,
        fingerprint: str | None = None,
        draws: Mapping[str, int] | None = None,
    ) -> None:
        """Plans the order.

        Args:
            sampler: The order and the sharing.
            rows: The length of a dataset, or the kept rows of a manifest.
            batch_size: Samples in a batch of one rank.
            told: Whether positions come from `delivered` alone. Then nothing tells a state saved in the last batch of an epoch
                from one saved after it, and a loop after such a state is the next epoch, unless `set_epoch` names this one.
            advance: How many epochs on the loop after a loop is; 0 for evaluation.
            fingerprint: What the rows are known by; None goes by their number.
            draws: The version of each op that draws, by its name.

        Raises:
            LoaderError: There are no rows, a batch is not at least one sample or larger than what there is, or the rank cannot
                be known.
        """
        rows, batch_size = as_whole(rows), as_whole(batch_size)
        if not isinstance(rows, pa.Table) and (not is_whole(rows) or rows < 1):
            raise LoaderError(f"a sampler over {rows!r:.60}: give the length of the dataset, as in over(len(dataset))")
        if not is_whole(batch_size) or not 1 <= batch_size < LARGEST:
            raise LoaderError(f"batch_size={batch_size!r:.60}: give a whole number of samples, at least 1")
        self.sampler, self.batch_size, self.told = sampler, batch_size, told
        self.plan = sampler.plan(rows)
        known = f"{rows} rows" if fingerprint is None else fingerprint
        self._run = Run(sampler.seed, fingerprint_of(known, self.plan), dict(draws or {}), len(self.plan))
        self.progress = Progress(advance)
        self._known = None if sampler.rank is None else sampler.resolve()
        with suppress(GroupNeededError):  # a process group may be there when the first batch is asked for
            self._known = self._known or rank_and_world()
            self._resolved()

    @property
    def rank(self) -> int:
        """Which process this is, as far as is known now.

        Example:
            >>> dp.Sampler(rank=1, world_size=4).over(8).rank
            1
        """
        return self._share()[0]

    @property
    def world_size(self) -> int:
        """How many processes there are, as far as is known now.

        Example:
            >>> dp.Sampler(rank=1, world_size=4).over(8).world_size
            4
        """
        return self._share()[1]

    @property
    def epoch(self) -> int:
        """The epoch of the loop that is under way, else that of the next one.

        Example:
            >>> sampler = dp.Sampler().over(4)
            >>> rows = list(sampler)
            >>> sampler.epoch
            0
        """
        return self.progress.at.epoch if self.progress.newest is not None else self.next().start.epoch

    def next(self) -> Loop:
        """Returns the loop that would begin now.

        Example:
            >>> dp.Sampler().over(4).next().start
            Position(epoch=0, position=0)
        """
        sampler = self._resolved()
        return Loop(0, self.progress.next(self._over(sampler)), sampler, self.plan, self.batch_size)

    def begin(self) -> Loop:
        """Begins a loop, for the rank that this process has now.

        Example:
            >>> loop = dp.Sampler(shuffle=False).over(4, batch_size=2).begin()
            >>> [taken[:, 0].tolist() for taken in loop.turns()]
            [[0, 1], [2, 3]]
        """
        sampler = self._resolved()
        number = self.progress.begin(self._over(sampler))
        return Loop(number, self.progress.at, sampler, self.plan, self.batch_size)

    def count(self) -> int:
        """How many batches this rank has in a whole epoch; under "exact", the rank that has most.

        Example:
            >>> dp.Sampler().over(10, batch_size=4).count()
            2
        """
        return self._resolved().count(len(self.plan), 0, self.batch_size)

    def __iter__(self) -> Iterator[int]:
        """Yields this rank's rows of an epoch, or of the rest of the one that a state was loaded of."""
        loop = self.begin()
        for taken in loop.turns():
            yield from (Row(row, loop.start.epoch, turn) for row, turn in taken.tolist())

    def __len__(self) -> int:
        """How many rows this rank has in a whole epoch."""
        sampler = self._resolved()
        if sampler.remainder != "exact":
            return sampler.count(len(self.plan), 0, self.batch_size) * self.batch_size
        rank, world_size = sampler.resolve()
        return len(range(rank, len(self.plan), world_size))

    def set_epoch(self, epoch: int) -> None:
        """Lets the next loop begin an epoch; after `load_state_dict`, the epoch of the state keeps its position.

        Example:
            >>> sampler = dp.Sampler().over(4)
            >>> sampler.set_epoch(7)
            >>> sampler.epoch
            7
        """
        self.progress.set_epoch(epoch)

    def delivered(self, samples: int) -> None:
        """Counts samples that the training loop has had on all ranks together.

        Example:
            >>> sampler = dp.Sampler(seed=0).over(8, batch_size=4)
            >>> rows = iter(sampler)
            >>> batch = [next(rows) for _ in range(4)]
            >>> sampler.delivered(len(batch))
            >>> sampler.state_dict()["position"]
            4
        """
        at = self.progress.at
        self.progress.at = at._replace(position=min(at.position + int(samples), len(self.plan)))

    def state_dict(self) -> dict[str, Any]:
        """Returns where the run stands as plain data: version, seed, epoch, position, fingerprint, and what draws.

        Example:
            >>> dp.Sampler(seed=3).over(8).state_dict()["seed"]
            3
        """
        return self.progress.save(self._run)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Lets the next loop go on from a state, under any number of ranks and workers.

        Example:
            >>> sampler = dp.Sampler(seed=0, shuffle=False).over(8)
            >>> state = sampler.state_dict() | {"position": 6}
            >>> sampler.load_state_dict(state)
            >>> list(sampler)
            [6, 7]

        Raises:
            StateError: It was saved with another seed or other rows, or is damaged.
        """
        self.progress.load(state, self._run)

    def _share(self) -> tuple[int, int]:
        """Returns rank and world size: as given, of the process group, as they were known at first, or as they are now."""
        return (self.sampler.rank is None and of_group()) or self._known or self.sampler.resolve()

    def _resolved(self) -> "Sampler":
        """Returns the sampler of this rank, if every rank has a batch."""
        rank, world_size = self._share()
        size, needed = len(self.plan), self.batch_size * world_size
        if self.sampler.remainder == "drop" and needed > size:
            ranks = f" on each of {world_size} ranks" if world_size > 1 else ""
            raise LoaderError(
                f"batches of {self.batch_size}{ranks} need {needed:,} images but {size:,} are there; "
                "use a smaller batch_size, or Sampler(remainder='pad') or 'exact'"
            )
        return evolve(self.sampler, rank=rank, world_size=world_size)

    def _over(self, sampler: "Sampler") -> Any:
        """Returns whether an epoch that was told of has no batch left at a position."""
        return lambda position: self.told and sampler.count(len(self.plan), position, self.batch_size) == 0
