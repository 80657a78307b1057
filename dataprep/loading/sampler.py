"""Which rows come when, and to whom: the order of an epoch, this rank's share of it, and the state that resumes it.

`position` counts the samples delivered over all ranks, so the number of ranks, of workers and the backend may change between one
run and the next.

    order of the epoch          7 2 9 0 5 3 8 1 6 4          position 4, world 2, batches of 2
    delivered                   7 2 9 0
    rank 0 takes order[4::2]            5   8   6            first batch 5 8
    rank 1 takes order[5::2]              3   1   4          first batch 3 1         -> position 8
"""

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from attrs import field, frozen
from numpy.typing import ArrayLike, NDArray

from dataprep.arguments import as_whole, check, is_whole, one_of
from dataprep.errors import LoaderError, suggestion
from dataprep.loading.lanes import Lanes
from dataprep.loading.orders import Each, Order, Quotas, Rows
from dataprep.loading.ranks import rank_and_world

if TYPE_CHECKING:
    from dataprep.loading.epochs import EpochSampler

REMAINDERS: Final = ("drop", "pad", "exact")
BLOCK: Final = 16_384  # positions that are looked up at once, so that a long order is never held whole
SEED: Final = check(is_whole, "a seed is a whole number, such as 0", LoaderError)
COUNT: Final = check(lambda value: value is None or is_whole(value), "give a whole number, or None", LoaderError)
NAME: Final = check(lambda value: value is None or isinstance(value, str), "name a column, such as 'label'", LoaderError)
SHARES: Final = check(
    lambda value: value is None or isinstance(value, Mapping),
    "give a share for each value, such as {'photos': 3, 'web': 1}",
    LoaderError,
)


def _weights(given: Any) -> Any:
    """Returns weights as an array, none below 0 and not all 0, and the name of a column as it is."""
    return given if given is None or isinstance(given, str) else _check_weights(given)


@frozen
class Sampler:
    """How an epoch is ordered and shared out. A description: the state belongs to a `Loader` or an `EpochSampler`.

    Without `weights` and `balance` an epoch has every row once. With either, shares are exact up to rounding in every epoch, not
    only on average: see `dataprep.loading.orders.Quotas`.

    Example:
        >>> loader = dp.Loader(manifest, batch_size=4, sampler=dp.Sampler(seed=1))
        >>> often = dp.Sampler(balance="label", shares={"cat": 3, "dog": 1}, length=16)
        >>> order = often.order(manifest.kept(), epoch=0)
        >>> np.bincount(manifest.labels()[order])
        array([12,  4])

    Attributes:
        seed: With the epoch, what the order and every augmentation follow from.
        shuffle: Whether each epoch has a random order of its own, or all have the manifest's.
        remainder: What happens to the last samples that do not fill a batch on every rank. "drop" leaves them out of this
            epoch; "pad" fills up from the start of the order; "exact" gives each row once, in smaller batches or none, for
            evaluation.
        rank: This process, from 0; None asks, whenever a loop begins, torch.distributed, or where it is not initialised the
            variables of torchrun, Lightning, MPI or SLURM.
        world_size: The number of processes; None asks likewise, and takes 1 where nothing says otherwise.
        weights: How often each row comes, relative to others: a number for each kept row, or the column that holds it. A row
            may come several times in an epoch, or not at all.
        balance: The column whose values come equally often, such as "label".
        shares: With `balance`, how often each value comes instead, relative to others, such as {"photos": 3, "web": 1}.
        length: With `weights` or `balance`, samples in an epoch over all ranks; None takes the number of rows.
        lanes: For rows that were shuffled once, as `pack` does: how many stretches of neighbours are read side by side, so that
            each rank reads a few blocks of rows at a time where a shuffled order has it read from all over. A multiple of the
            number of ranks, such as 64; None shuffles all rows. See `dataprep.loading.lanes`.
    """

    seed: int = field(default=0, converter=as_whole, validator=SEED)
    shuffle: bool = field(default=True, validator=check((True, False).__contains__, "True or False", LoaderError))
    remainder: Literal["drop", "pad", "exact"] = field(default="drop", validator=one_of(*REMAINDERS, kind=LoaderError))
    rank: int | None = field(default=None, converter=as_whole, validator=COUNT)
    world_size: int | None = field(default=None, converter=as_whole, validator=COUNT)
    # arrays have no one answer to ==; their bytes do
    weights: str | ArrayLike | None = field(
        default=None, converter=_weights, eq=lambda given: getattr(given, "tobytes", lambda: given)()
    )
    balance: str | None = field(default=None, validator=NAME)
    shares: Mapping[str, float] | None = field(default=None, hash=False, validator=SHARES)
    length: int | None = field(default=None, converter=as_whole, validator=COUNT)
    lanes: int | None = field(default=None, converter=as_whole, validator=COUNT)

    def __attrs_post_init__(self) -> None:
        """Checks what goes together."""
        if (self.rank is None) != (self.world_size is None):
            raise LoaderError("Sampler: give both `rank` and `world_size`, or neither to take them from the environment")
        if self.rank is not None and self.world_size is not None and not 0 <= self.rank < self.world_size:
            raise LoaderError(f"Sampler(rank={self.rank}, world_size={self.world_size}): ranks are 0 to world_size - 1")
        self._check_shares()
        self._check_lanes()

    def _check_shares(self) -> None:
        if self.weights is not None and self.balance is not None:
            raise LoaderError("Sampler: give `weights` or `balance`, not both; each says alone how often a row comes")
        if self.shares is not None and self.balance is None:
            raise LoaderError("Sampler(shares=...): say which column has these values, as in Sampler(balance='part', shares=...)")
        if self.shares is not None:
            _check_weights(list(self.shares.values()), "shares")
        if self.length is not None and (self.length < 1 or (self.weights is None and self.balance is None)):
            raise LoaderError(
                f"Sampler(length={self.length}): at least 1, and with `weights` or `balance` alone; "
                "without them an epoch has every row once"
            )

    def _check_lanes(self) -> None:
        if self.lanes is not None and self.lanes < 1:
            raise LoaderError(f"Sampler(lanes={self.lanes}): at least 1, such as 64; without lanes all rows are shuffled")
        others = {"weights": self.weights is not None, "balance": self.balance is not None, "shuffle=False": not self.shuffle}
        for other in (name for name, given in others.items() if given and self.lanes is not None):
            raise LoaderError(
                f"Sampler(lanes={self.lanes}) is an order of its own and does not go with `{other}`; give one of them"
            )

    def resolve(self) -> tuple[int, int]:
        """Returns rank and world size: as given, or as they are now.

        Example:
            >>> dp.Sampler(rank=1, world_size=4).resolve()
            (1, 4)

        Raises:
            LoaderError: The environment has half of what says them, or contradicts itself.
        """
        if self.rank is not None and self.world_size is not None:
            return self.rank, self.world_size
        return rank_and_world() or (0, 1)

    def plan(self, rows: int | pa.Table) -> Order:
        """Returns which row comes at which position of an epoch.

        Example:
            >>> len(dp.Sampler().plan(10))
            10

        Args:
            rows: The kept rows of a manifest, or how many rows there are.

        Raises:
            LoaderError: A column is missing or not of numbers, or weights are not one for each row.
        """
        size = rows if isinstance(rows, int) else rows.num_rows
        if self.lanes is not None:
            return Lanes(self.seed, self.lanes, size)
        length = self.length or size
        if self.balance is not None:
            groups, sizes, shares = _groups(_column(rows, self.balance), self.balance, self.shares)
            return Quotas(self.seed, self.shuffle, length, shares, groups, sizes)
        if self.weights is None:
            return Each(self.seed, self.shuffle, size)
        weights = self.weights
        if isinstance(weights, str):
            weights = _check_weights(_column(rows, weights).to_numpy(), f"the column {weights!r}")
        numbers = np.asarray(weights, np.float64)
        if len(numbers) != size:
            raise LoaderError(f"Sampler(weights=...): {len(numbers):,} weights for {size:,} kept rows; give one for each")
        return Quotas(self.seed, self.shuffle, length, numbers)

    def order(self, size: int | pa.Table, epoch: int) -> NDArray[np.int64]:
        """Returns the rows of a whole epoch, in order.

        Example:
            >>> dp.Sampler(seed=0).order(10, epoch=0)
            array([4, 5, 8, 0, 7, 3, 9, 1, 6, 2])
            >>> dp.Sampler(seed=0).order(10, epoch=1)
            array([7, 8, 0, 4, 2, 9, 1, 6, 3, 5])
        """
        plan = self.plan(size)
        return plan.epoch(epoch)(0, len(plan))[:, 0]

    def batches(self, rows: int | Order, epoch: int, position: int, batch_size: int) -> Iterator[NDArray[np.int64]]:
        """Yields this rank's batches of rows, each (B,), for the rest of an epoch.

        Example:
            >>> for rank in range(2):
            ...     sampler = dp.Sampler(seed=0, rank=rank, world_size=2)
            ...     print(rank, [rows.tolist() for rows in sampler.batches(10, epoch=0, position=0, batch_size=2)])
            0 [[4, 8], [7, 9]]
            1 [[5, 0], [3, 1]]

        Args:
            rows: The number of rows, or what `plan` returned.
            epoch: The epoch.
            position: How many samples all ranks together have had of it.
            batch_size: Samples in a batch of one rank.
        """
        plan = self.plan(rows) if isinstance(rows, int) else rows
        for taken in self.turns(plan, epoch, position, batch_size):
            yield taken[:, 0]

    def turns(self, plan: Order, epoch: int, position: int, batch_size: int) -> Iterator[NDArray[np.int64]]:
        """Yields the same as (B, 2): each row, and how often it came before in this epoch, so that it is augmented anew.

        Example:
            >>> twice = dp.Sampler(shuffle=False, weights=[2, 1, 1], length=4)
            >>> next(twice.turns(twice.plan(3), epoch=0, position=0, batch_size=4)).tolist()
            [[0, 0], [0, 1], [1, 0], [2, 0]]
        """
        rank, world_size = self.resolve()
        step = batch_size * world_size
        stop = position + self.count(len(plan), position, batch_size) * step
        if self.remainder == "exact":
            stop = min(stop, max(position, len(plan)))
        if position == stop:
            return
        looked_up, block = plan.epoch(epoch), max(1, BLOCK // step) * step
        for start in range(position, stop, block):
            order = _wrap(looked_up, start, min(start + block, stop), len(plan))
            for first in range(0, len(order), step):
                taken = order[first : first + step][rank::world_size]
                if len(taken):
                    yield taken

    def count(self, size: int, position: int, batch_size: int) -> int:
        """Returns how many batches the rest of an epoch has; under "exact", on the rank that has most.

        Example:
            >>> [dp.Sampler(remainder=kind).count(10, position=0, batch_size=4) for kind in ("drop", "pad", "exact")]
            [2, 3, 3]
        """
        _, world_size = self.resolve()
        step = batch_size * world_size
        left = max(0, size - position)
        return left // step if self.remainder == "drop" else -(-left // step)

    def __iter__(self) -> Iterator[int]:
        """Raises an error: a description has no length and no position, which a `DataLoader` asks of its sampler."""
        raise LoaderError(
            "a Sampler only describes an order; for a DataLoader of your own give it the length of the data set, as in "
            "DataLoader(dataset, batch_size=64, sampler=sampler.over(len(dataset), batch_size=64))"
        )

    def over(self, size: int, batch_size: int = 1) -> "EpochSampler":
        """Returns a sampler over the rows of any dataset of your own, for torch's `DataLoader(sampler=...)`.

        Example:
            >>> sampler = dp.Sampler(seed=0).over(10, batch_size=4)
            >>> list(sampler), len(sampler)
            ([4, 5, 8, 0, 7, 3, 9, 1], 8)

        Args:
            size: The length of the dataset.
            batch_size: The batch size of the DataLoader, so that the remainder is decided for whole batches.
        """
        from dataprep.loading.epochs import EpochSampler  # which is made of samplers

        return EpochSampler(self, size, batch_size)


def _wrap(rows: Rows, start: int, stop: int, size: int) -> NDArray[np.int64]:
    """Returns (N, 2) the rows and turns at some positions; after the last position of the order comes its first again."""
    pieces = []
    while start < stop:
        begin = start % size
        end = min(size, begin + stop - start)
        pieces.append(rows(begin, end))
        start += end - begin
    return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)


def _check_weights(given: ArrayLike, name: str = "weights") -> NDArray[np.float64]:
    """Returns weights as an array, none below 0 and not all 0."""
    try:
        weights = np.array(given, np.float64)
    except (TypeError, ValueError):
        weights = np.array([math.nan])
    if weights.ndim != 1 or not np.isfinite(weights).all() or (weights < 0).any() or not 0 < weights.sum() < math.inf:
        raise LoaderError(f"Sampler: {name} must be finite numbers, at least 0 and not all 0, got {given!r:.60}")
    return weights


def _column(rows: int | pa.Table, name: str) -> pa.ChunkedArray:
    if isinstance(rows, int):
        raise LoaderError(f"Sampler: a number of rows has no column {name!r}; give the manifest, or weights for each row")
    if name not in rows.column_names:
        raise LoaderError(f"Sampler: the manifest has no column {name!r}; {suggestion(name, rows.column_names)}")
    if rows[name].null_count:
        raise LoaderError(
            f"Sampler: {rows[name].null_count:,} kept rows have nothing in the column {name!r}, so it does not say how "
            "often they come; fill it, or give weights for each row"
        )
    return rows[name]


def _groups(
    column: pa.ChunkedArray, name: str, given: Mapping[str, float] | None
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Returns the rows of each value one after the other, (G,) how many each has, and (G,) its share; values are sorted."""
    values = sorted(pc.unique(column).to_pylist())
    shares = dict.fromkeys(values, 1.0) if given is None else given
    for strange in shares.keys() ^ set(values):
        where = "the column has" if strange in values else "the shares have"
        raise LoaderError(
            f"Sampler(balance={name!r}, shares=...): {where} {strange!r} and the other has not; name each value once"
        )
    places = pc.index_in(column, value_set=pa.array(values, column.type)).to_numpy()
    sizes = np.bincount(places, minlength=len(values)).astype(np.int64)
    return np.argsort(places, kind="stable"), sizes, np.array([shares[value] for value in values], np.float64)
