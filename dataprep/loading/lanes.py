"""An order that keeps neighbours together: each rank reads a few stretches of rows at a time, and an epoch is still exact.

Rows that lie beside each other, as in the shards that `pack` writes, form blocks. The blocks of an epoch come in a random
order and are dealt to lanes; position p belongs to lane p mod `lanes`. A lane goes through its blocks window by window, each
window in a random order of its own, so each rank stays within the windows of its own lanes, where their number is a multiple
of that of ranks:

    lanes 4, world 2      position   0 1 2 3 4 5 6 7 8 ...
                          lane       0 1 2 3 0 1 2 3 0 ...
                          rank       0 1 0 1 0 1 0 1 0 ...      rank 0 reads the windows of lanes 0 and 2 alone

Blocks that do not fill a round of all lanes, and the rows that do not fill a block, come last, as one window. Another number of
ranks is as exact, and reads more blocks at a time. Neighbours come together, so their order has to be a random one to begin with.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dataprep.draws import GOLDEN, LANE, REST, SHUFFLE, key, mix, permuted
from dataprep.loading.orders import Rows, first_turns

BLOCK: Final = 512
"""Rows of a block: some 10 to 60 MB of photographs, enough for few requests of a good size."""
WINDOW: Final = 4
"""Blocks of a lane that are mixed with each other. Both numbers are part of the format: others give other orders."""


@dataclass(frozen=True)
class Lanes:
    """Every row once, neighbours near each other.

    Attributes:
        seed: The run's seed.
        lanes: How many stretches are read side by side, at least 1: a multiple of the number of ranks.
        size: The number of rows.
    """

    seed: int
    lanes: int
    size: int

    def __len__(self) -> int:
        """One position for each row."""
        return self.size

    @property
    def signature(self) -> str:
        """The number of lanes."""
        return f"lanes {self.lanes}"

    @property
    def blocks(self) -> int:
        """How many whole blocks there are."""
        return self.size // BLOCK

    @property
    def dealt(self) -> int:
        """How many blocks each lane gets."""
        return self.blocks // self.lanes

    def epoch(self, epoch: int) -> Rows:
        """Returns the rows of an epoch, each computed from its position, with no memory for the order."""
        even = self.dealt * self.lanes * BLOCK  # positions that belong to lanes

        def rows(start: int, stop: int) -> NDArray[np.int64]:
            ours = self._of_lanes(epoch, np.arange(start, min(stop, even)))
            rest = self._of_rest(epoch, np.arange(max(start, even), stop) - even)
            return first_turns(np.concatenate([ours, rest]))

        return rows

    def _of_lanes(self, epoch: int, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Returns the rows at positions that belong to lanes."""
        turns, lanes = np.divmod(positions, self.lanes)
        windows = turns // (WINDOW * BLOCK)
        firsts = windows * WINDOW  # the first block of each window, as its lane counts them
        widths = np.minimum(WINDOW, self.dealt - firsts) * BLOCK
        places = permuted(turns - firsts * BLOCK, widths, self._keys(epoch, lanes, windows))
        return self._rows(epoch, (firsts + places // BLOCK) * self.lanes + lanes, places % BLOCK)

    def _of_rest(self, epoch: int, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Returns the rows at positions after those of the lanes: of blocks that were not dealt, and of none."""
        over = self.blocks - self.dealt * self.lanes
        places = permuted(positions, self.size - self.dealt * self.lanes * BLOCK, key(self.seed, epoch, REST))
        inside = places < over * BLOCK
        tail = self.blocks * BLOCK + places - over * BLOCK
        numbers = self.dealt * self.lanes + np.where(inside, places, 0) // BLOCK
        return np.where(inside, self._rows(epoch, numbers, places % BLOCK), tail) if over else tail

    def _rows(self, epoch: int, numbers: NDArray[np.int64], within: NDArray[np.int64]) -> NDArray[np.int64]:
        """Returns the rows at some places within the n-th blocks of an epoch."""
        return permuted(numbers, self.blocks, key(self.seed, epoch, SHUFFLE)) * BLOCK + within

    def _keys(self, epoch: int, lanes: NDArray[np.int64], windows: NDArray[np.int64]) -> NDArray[np.uint64]:
        """Returns what each lane's window is permuted by."""
        keys = mix(lanes.astype(np.uint64) ^ key(self.seed, epoch, LANE))
        return mix(keys + (windows.astype(np.uint64) + np.uint64(1)) * np.uint64(GOLDEN))
