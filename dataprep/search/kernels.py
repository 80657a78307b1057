"""The search compiled: hashes are gathered into buckets by some of their bits, and each bucket is compared with itself.

A bucket is one run of memory, so comparing it is a loop over 64-bit words that LLVM turns into vector popcounts: 0.08 ns a
pair of 64 bits, 0.19 ns one of 256, on a core with AVX-512. It needs numba, whose import takes half a second; compiling
takes some seconds on the first use and is kept on disk.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

import numba
import numpy as np
from numpy.typing import NDArray

from dataprep.machine import cores
from dataprep.search.blocks import Table, Words

P = ParamSpec("P")
R = TypeVar("R")

TILE = 256  # hashes compared at once: 8 KiB, a part of the fastest cache
ROWS = 32  # hashes, an even number, that meet a tile while it is there
PIECES = 128  # parts of an all-against-all search, so that no thread is left with a long one
THREADS = 16  # at most: each holds its own copy of the hashes, in the order of the buckets


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compiles a function on its first call, and keeps the code on disk if there is a folder for it."""
    try:
        fast: Callable[P, R] = numba.njit(nogil=True, cache=True)(function)
    except RuntimeError:  # neither the package's folder nor the user's can be written
        fast = numba.njit(nogil=True)(function)
    return fast


def search(words: Words, radius: int, tables: Iterable[Table], firsts: int) -> NDArray[np.uint64]:
    """Finds all pairs within the radius, in any order, each once.

    Args:
        words: (1 or 4, N) hashes.
        radius: The largest distance, in bits.
        tables: The choices of blocks to gather by, or none to compare all with all.
        firsts: Pairs whose first row is not below this may be left out.

    Returns:
        (P,) the first row of each pair in the upper 32 bits, the second in the lower.
    """
    size = words.shape[1]

    def by(table: Table) -> NDArray[np.uint64]:
        """Returns the pairs that a table answers for."""
        bits = max(1, min(table.bits, size.bit_length() - 1))
        return scan(*gather(words, table.mask, bits), table.mask, table.earlier, radius, firsts, 0, size)

    def piece(low: int, high: int) -> NDArray[np.uint64]:
        """Returns the pairs whose first row is `low` to `high`, compared with all."""
        nothing = np.zeros((0, len(words)), np.uint64)
        rows, starts = np.arange(size, dtype=np.int32), np.array([0, size])
        return scan(words, rows, starts, np.zeros(len(words), np.uint64), nothing, radius, firsts, low, high)

    edges = np.linspace(0, firsts // 2, PIECES + 1).astype(np.int64) * 2
    edges[-1] = firsts
    with ThreadPoolExecutor(min(THREADS, cores())) as pool:
        found = list(pool.map(by, tables)) or list(pool.map(piece, edges[:-1].tolist(), edges[1:].tolist()))
    return np.concatenate(found)


@compiled
def gather(words: Words, mask: Words, bits: int) -> tuple[Words, NDArray[np.int32], NDArray[np.int64]]:
    """Gathers hashes that agree in the bits of a mask, by counting.

    Args:
        words: (W, N) hashes.
        mask: (W,) the bits they shall agree in.
        bits: There are 2 ** bits buckets.

    Returns:
        (W, N) the hashes by bucket, (N,) the rows they come from, ascending in each bucket, and (2 ** bits + 1,) where the
        buckets start.
    """
    size = words.shape[1]
    buckets = np.zeros(size, np.uint64)
    for word in range(len(words)):  # the multipliers are odd and without pattern
        for row in range(size):
            mixed = (buckets[row] ^ (words[word, row] & mask[word])) * np.uint64(0x9E3779B97F4A7C15)
            buckets[row] = mixed ^ (mixed >> np.uint64(32))
    starts = np.zeros((1 << bits) + 2, np.int64)
    for row in range(size):
        buckets[row] = (buckets[row] * np.uint64(0xD6E8FEB86659FD93)) >> np.uint64(64 - bits)
        starts[buckets[row] + np.uint64(2)] += 1
    for bucket in range(2, len(starts)):
        starts[bucket] += starts[bucket - 1]
    gathered, rows = np.empty_like(words), np.empty(size, np.int32)
    for row in range(size):
        place = starts[buckets[row] + np.uint64(1)]
        starts[buckets[row] + np.uint64(1)] += 1
        rows[place] = row
        for word in range(len(words)):
            gathered[word, place] = words[word, row]
    return gathered, rows, starts[:-1]


@compiled
def scan(
    words: Words,
    rows: NDArray[np.int32],
    starts: NDArray[np.int64],
    mask: Words,
    earlier: Words,
    radius: int,
    firsts: int,
    low: int,
    high: int,
) -> NDArray[np.uint64]:
    """Compares the hashes of each bucket, two with a tile of others at a time.

    Args:
        words: (W, N) hashes by bucket.
        rows: (N,) where they come from, ascending in each bucket.
        starts: (B + 1,) where the buckets start.
        mask: (W,) the bits that the hashes of a pair shall agree in; other pairs meet in a bucket by chance.
        earlier: (E, W) blocks; a pair that agrees in one of them belongs to an earlier table.
        radius: The largest distance, in bits.
        firsts: Pairs whose first row is not below this may be left out.
        low: The first place to compare from.
        high: The place to stop before, an even number of places after the start of its bucket or at its end.

    Returns:
        (P,) pairs as `search` gives them.
    """
    found, count = np.empty(1024, np.uint64), 0
    for bucket in range(len(starts) - 1):
        stop = starts[bucket + 1]
        for block in range(max(starts[bucket], low), min(stop, high), ROWS):
            for tile in range(block, stop, TILE):
                end = min(tile + TILE, stop)
                for first in range(block, min(block + ROWS, stop, high), 2):
                    if rows[first] >= firsts:
                        break
                    if len(found) < count + 2 * TILE + 1:
                        found = np.concatenate((found[:count], np.empty(count + 1024, np.uint64)))
                    start = max(tile, first + 2)
                    if start < end and lower_bound(words, first, start, end) <= radius:
                        for one in (first, first + 1):
                            if nearest(words, one, start, end) <= radius:
                                count = take(words, rows, one, start, end, mask, earlier, radius, found, count)
                    if tile == block and first + 1 < stop and nearest(words, first, first + 1, first + 2) <= radius:
                        count = take(words, rows, first, first + 1, first + 2, mask, earlier, radius, found, count)
    return found[:count]


@compiled
def lower_bound(words: Words, row: int, start: int, stop: int) -> np.int64:
    """Returns a number that no distance of a row and its next one to some others is below.

    Of two words at least as many bits differ as in the union of their differences, which is half as many popcounts.
    """
    bits = np.uint64(256)
    a, e = words[0, row], words[0, row + 1]
    all_a = words[0, start:stop]
    if len(words) == 1:
        for place in range(len(all_a)):
            bits = min(bits, ones(a ^ all_a[place]), ones(e ^ all_a[place]))
        return np.int64(bits)
    b, c, d = words[1, row], words[2, row], words[3, row]
    f, g, h = words[1, row + 1], words[2, row + 1], words[3, row + 1]
    all_b, all_c, all_d = words[1, start:stop], words[2, start:stop], words[3, start:stop]
    for place in range(len(all_a)):
        one = ones((a ^ all_a[place]) | (b ^ all_b[place])) + ones((c ^ all_c[place]) | (d ^ all_d[place]))
        two = ones((e ^ all_a[place]) | (f ^ all_b[place])) + ones((g ^ all_c[place]) | (h ^ all_d[place]))
        bits = min(bits, one, two)
    return np.int64(bits)


@compiled
def nearest(words: Words, row: int, start: int, stop: int) -> np.int64:
    """Returns the least distance of a row to some others."""
    bits = np.uint64(256)
    a, all_a = words[0, row], words[0, start:stop]
    if len(words) == 1:
        for place in range(len(all_a)):
            bits = min(bits, ones(a ^ all_a[place]))
        return np.int64(bits)
    b, c, d = words[1, row], words[2, row], words[3, row]
    all_b, all_c, all_d = words[1, start:stop], words[2, start:stop], words[3, start:stop]
    for place in range(len(all_a)):
        left = ones(a ^ all_a[place]) + ones(b ^ all_b[place])
        bits = min(bits, left + ones(c ^ all_c[place]) + ones(d ^ all_d[place]))
    return np.int64(bits)


@compiled
def take(
    words: Words,
    rows: NDArray[np.int32],
    first: int,
    start: int,
    stop: int,
    mask: Words,
    earlier: Words,
    radius: int,
    found: NDArray[np.uint64],
    count: int,
) -> int:
    """Appends the pairs of one row with some others that belong to this table, and returns the new count."""
    distances = np.zeros(TILE, np.uint16)[: stop - start]
    for word in range(len(words)):
        own, others = words[word, first], words[word, start:stop]
        for place in range(len(distances)):
            distances[place] += np.uint16(ones(own ^ others[place]))
    for place in range(len(distances)):
        if distances[place] <= radius and first_seen(words, first, start + place, mask, earlier):
            found[count] = (np.uint64(rows[first]) << np.uint64(32)) | np.uint64(rows[start + place])
            count += 1
    return count


@compiled
def first_seen(words: Words, first: int, second: int, mask: Words, earlier: Words) -> bool:
    """Says whether two rows agree in all bits of the mask and in no earlier block."""
    for word in range(len(words)):
        if (words[word, first] ^ words[word, second]) & mask[word]:
            return False
    for block in range(len(earlier)):
        differing = np.uint64(0)
        for word in range(len(words)):
            differing |= (words[word, first] ^ words[word, second]) & earlier[block, word]
        if not differing:
            return False
    return True


@compiled
def ones(word: np.uint64) -> np.uint64:
    """Counts the bits that are set, in the way that LLVM knows for a popcount."""
    word = word - ((word >> np.uint64(1)) & np.uint64(0x5555555555555555))
    word = (word & np.uint64(0x3333333333333333)) + ((word >> np.uint64(2)) & np.uint64(0x3333333333333333))
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return (word * np.uint64(0x0101010101010101)) >> np.uint64(56)
