"""Some of many rows at two bits each: the n-th of them is found without a list of their numbers, which would take 8 bytes each.

The rows are bits in blocks of 64, and how many are chosen before each block is counted once: a search finds the block, the bits
of the block the row (as the succinct structures of Jacobson: "Space-efficient static trees and graphs", 1989).
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

BLOCK: Final = 64


@dataclass(frozen=True, eq=False)
class Chosen:
    """Some rows of many.

    Attributes:
        bits: (blocks, 8) a bit for each row, the lowest of a byte first, zeros beyond the last row.
        size: How many rows there are.
    """

    bits: NDArray[np.uint8]
    size: int

    @classmethod
    def of(cls, mask: NDArray[np.bool_]) -> "Chosen":
        """Makes it of (N,) whether each row is chosen."""
        bits = np.zeros((-(-len(mask) // BLOCK), BLOCK // 8), np.uint8)
        packed = np.packbits(mask, bitorder="little")
        bits.ravel()[: len(packed)] = packed
        return cls(bits, len(mask))

    @cached_property
    def before(self) -> NDArray[np.int64]:
        """(blocks + 1,) how many are chosen before each block, and at last how many are."""
        counts = np.bitwise_count(self.bits.view(np.uint64)[:, 0])
        return np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])

    @property
    def mask(self) -> NDArray[np.bool_]:
        """(N,) whether each row is chosen."""
        return np.unpackbits(self.bits.ravel(), count=self.size, bitorder="little").view(np.bool_)

    def __len__(self) -> int:
        """How many are chosen."""
        return int(self.before[-1])

    def rows(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Returns (B,) the numbers of the rows that are at some places, from 0, among those that are chosen."""
        blocks = np.searchsorted(self.before, places, side="right") - 1
        inside = np.cumsum(np.unpackbits(self.bits[blocks], axis=1, bitorder="little"), axis=1, dtype=np.uint8)  # (B, BLOCK)
        within = (places - self.before[blocks])[:, None]
        found: NDArray[np.int64] = blocks * BLOCK + np.count_nonzero(inside <= within, axis=1)
        return found

    def within(self, mask: NDArray[np.bool_]) -> "Chosen":
        """Returns those of the chosen ones, (chosen,), for which a mask says so."""
        every = self.mask
        every[every] = mask
        return Chosen.of(every)


def mask_of(truths: pa.BooleanArray | pa.ChunkedArray) -> NDArray[np.bool_]:
    """Returns a column of truth values as an array, null as False; `to_numpy` would import pandas for it."""
    whole = truths.combine_chunks() if isinstance(truths, pa.ChunkedArray) else truths
    whole = whole.fill_null(False)
    bits = np.frombuffer(whole.buffers()[1] or b"", np.uint8)
    every = np.unpackbits(bits, count=whole.offset + len(whole), bitorder="little")
    return every[whole.offset :].view(np.bool_)
