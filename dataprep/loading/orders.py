"""Orders of an epoch: which row comes at which position, as a function of (seed, epoch, position) and of nothing else.

`Each` visits every row once, and so does `lanes.Lanes`, which keeps neighbours together. `Quotas` gives groups of rows their
shares: weighted rows, balanced classes, mixtures. An order is asked for a range of positions, so a run goes on anywhere, and
ranks agree without talking; nothing is drawn one after the other.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dataprep.draws import GOLDEN, PASS, ROUNDING, SHUFFLE, key, mix, permutation, permuted, words

LAZY_ABOVE: Final = 1_000_000
"""Rows from which on an order is computed where it is looked at, at 0.4 µs a position. A permutation of ten million takes 3 s and
240 MB on each rank before the first batch, and ten times that for ten times as many; below, sorting is the faster way. The number
is part of the format: another one gives runs over sizes in between another order."""

Rows: TypeAlias = Callable[[int, int], NDArray[np.int64]]
"""From a range of positions, start and stop, to (N, 2): the row there, and its turn, how often it came before in this epoch."""


class Order(Protocol):
    """The positions of an epoch."""

    def __len__(self) -> int:
        """How many positions an epoch has."""

    @property
    def signature(self) -> str:
        """What sets this order apart from a shuffled one, for the fingerprint of a state; empty for that."""

    def epoch(self, epoch: int) -> Rows:
        """Returns the rows of an epoch, to be asked for by position."""


@dataclass(frozen=True)
class Each:
    """Every row once.

    Attributes:
        seed: The run's seed.
        shuffle: Whether in random order, another one each epoch, or ascending.
        size: The number of rows.
    """

    seed: int
    shuffle: bool
    size: int

    def __len__(self) -> int:
        """One position for each row."""
        return self.size

    @property
    def signature(self) -> str:
        """Empty, or "sequential"."""
        return "" if self.shuffle else "sequential"

    def epoch(self, epoch: int) -> Rows:
        """Returns the rows of an epoch; of many rows, computes those alone that are asked for."""
        if not self.shuffle:
            return lambda start, stop: first_turns(np.arange(start, stop))
        if self.size > LAZY_ABOVE:
            chosen = key(self.seed, epoch, SHUFFLE)
            return lambda start, stop: first_turns(permuted(np.arange(start, stop), self.size, chosen))
        order = permutation(self.seed, epoch, self.size)
        return lambda start, stop: first_turns(order[start:stop])


@dataclass(frozen=True, eq=False)
class Quotas:
    """Groups of rows, each with its share of an epoch, exact up to rounding.

    Systematic sampling: the groups lie side by side on a line of the epoch's length, each as long as its share, and one number,
    drawn for the epoch, says where the whole positions lie on it. So a group of share s has floor(s * length) or one more, in
    every epoch, and s * length on average. Within its group a row comes again only after all others have: the group is gone
    through in passes, each in an order of its own.

    Attributes:
        seed: The run's seed.
        shuffle: Whether positions are in random order, or group after group.
        length: Positions in an epoch.
        shares: (G,) the share of each group, at least 0, not all 0; on any scale.
        rows: (R,) the rows, group after group; None where each group is one row.
        sizes: (G,) the number of rows of each group; None where each is 1.
    """

    seed: int
    shuffle: bool
    length: int
    shares: NDArray[np.float64]
    rows: NDArray[np.int64] | None = None
    sizes: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        """As many positions as were asked for."""
        return self.length

    @property
    def signature(self) -> str:
        """The length and a digest of the shares and the groups."""
        hasher = hashlib.sha256((self.shares / self.shares.sum()).tobytes())
        for numbers in (self.rows, self.sizes):
            hasher.update(b"" if numbers is None else numbers.tobytes())
        return f"{'' if self.shuffle else 'sequential '}shares {hasher.hexdigest()[:16]} of {self.length}"

    def starts(self, epoch: int) -> NDArray[np.int64]:
        """Returns (G + 1,) where the positions of each group start, before they are shuffled, and at last the length."""
        ends = np.cumsum(self.shares)
        offset = (words(self.seed, epoch, ROUNDING, [0], 1)[0, 0] >> np.uint64(11)) * np.float64(2.0**-53)
        inner = np.ceil(ends / ends[-1] * self.length - offset).astype(np.int64)
        last = int(np.flatnonzero(self.shares)[-1])
        inner[last:] = self.length  # which a sum of fractions may miss
        return np.concatenate([[0], np.clip(inner, 0, self.length)])

    def epoch(self, epoch: int) -> Rows:
        """Returns the rows of an epoch, each found from its position."""
        starts = self.starts(epoch)
        chosen = key(self.seed, epoch, SHUFFLE)

        def rows(start: int, stop: int) -> NDArray[np.int64]:
            places = np.arange(start, stop)
            if self.shuffle:
                places = permuted(places, self.length, chosen)
            groups = np.searchsorted(starts, places, side="right") - 1
            turns = places - starts[groups]
            taken = (groups, turns) if self.sizes is None else self._within(epoch, groups, turns)
            return np.stack(taken, axis=1)

        return rows

    def _within(
        self, epoch: int, groups: NDArray[np.int64], turns: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Returns the row that comes at the k-th turn of each group, and which turn of the row that is."""
        assert self.rows is not None
        assert self.sizes is not None
        firsts = np.cumsum(self.sizes) - self.sizes
        passes, places = np.divmod(turns, self.sizes[groups])
        if self.shuffle:
            keys = mix(groups.astype(np.uint64) ^ key(self.seed, epoch, PASS))
            keys = mix(keys + (passes.astype(np.uint64) + np.uint64(1)) * np.uint64(GOLDEN))
            places = permuted(places, self.sizes[groups], keys)
        return self.rows[firsts[groups] + places], passes


def first_turns(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Returns rows that come once in an epoch, with their turns: 0."""
    return np.stack([rows, np.zeros_like(rows)], axis=1)
