"""The only source of randomness: numbers as a function of (seed, epoch, row, slot).

A counter-based hash instead of a generator: no state to save, nothing to share between workers, and a row's numbers do
not depend on its batch, rank, worker, backend or order. Keys are tuples that are hashed, never sums, so seed 0 in epoch 1
and seed 1 in epoch 0 have nothing in common.

The mixing is SplitMix64's finaliser (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014), which
passes BigCrush on counters.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dataprep.types import Params, Sizes, Uniforms

if TYPE_CHECKING:
    from dataprep.protocols import Op

GOLDEN = 0x9E3779B97F4A7C15  # 2**64 / golden ratio, the increment that SplitMix64 counts in
MASK = 0xFFFFFFFFFFFFFFFF

# streams: draws of the same (seed, epoch, row) for another purpose differ
AUGMENTATION, SHUFFLE, PASS, ROUNDING, LANE, REST = 1, 2, 3, 4, 5, 6


def mix(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Returns the 64-bit words, well mixed: every bit of the input changes half the bits of the output."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))


def key(*parts: int) -> np.uint64:
    """Returns one 64-bit key of a tuple of integers; order counts, and no two tuples in use collide by arithmetic."""
    word = np.zeros(1, np.uint64)
    for part in parts:
        word = mix(word + np.uint64(GOLDEN)) ^ np.uint64(part & MASK)
    return np.uint64(mix(word)[0])


def words(seed: int, epoch: int, stream: int, rows: ArrayLike, slots: int) -> NDArray[np.uint64]:
    """Returns (R, slots) independent 64-bit words for the given rows."""
    base = mix(np.asarray(rows, np.int64).astype(np.uint64) ^ key(seed, epoch, stream))
    counters = np.arange(1, slots + 1, dtype=np.uint64) * np.uint64(GOLDEN)
    return mix(base[:, None] + counters)


def uniforms(seed: int, epoch: int, rows: ArrayLike, slots: int) -> NDArray[np.float64]:
    """Draws the numbers that augment some rows in an epoch.

    Args:
        seed: The run's seed.
        epoch: The epoch.
        rows: (R,) integers that name the rows.
        slots: How many numbers each row gets.

    Returns:
        (R, slots) numbers in [0, 1) with 53 random bits.
    """
    return (words(seed, epoch, AUGMENTATION, rows, slots) >> np.uint64(11)) * np.float64(2.0**-53)


def draw_ops(ops: "Sequence[Op]", u: Uniforms, sizes: Sizes) -> tuple[tuple[Params, ...], list[Sizes]]:
    """Returns the parameters of each op for some images, and their sizes before each op and at last after all of them.

    Args:
        ops: The ops, in order.
        u: (B, slots) uniforms, one after the other for the ops; more than these take are left.
        sizes: (B, 2) height and width of each image.
    """
    params, start, passed = [], 0, [sizes]
    for op in ops:
        drawn, after = op.draw(u[:, start : start + op.slots], passed[-1])
        params.append(drawn)
        passed.append(after)
        start += op.slots
    return tuple(params), passed


def permutation(seed: int, epoch: int, size: int) -> NDArray[np.int64]:
    """Returns the integers 0..size-1 in the random order of an epoch (a stable sort of one random word each)."""
    return np.argsort(words(seed, epoch, SHUFFLE, np.arange(size), 1)[:, 0], kind="stable")


def again(rows: NDArray[np.int64], turns: NDArray[np.int64]) -> NDArray[np.int64]:
    """Returns what names the draws of rows that come several times in an epoch: the row itself at its first turn, 0."""
    named: NDArray[np.int64] = rows ^ (mix(turns.astype(np.uint64)) >> np.uint64(1)).astype(np.int64)  # mix(0) is 0
    return named


ROUNDS: Final = 12  # even, so that halves of unequal width are back in place; four suffice for large sizes, small ones need more


def permuted(indices: ArrayLike, sizes: ArrayLike, keys: ArrayLike) -> NDArray[np.int64]:
    """Returns where keyed permutations take some indices, without memory for a permutation.

    A Feistel network permutes the integers of so many bits; what falls outside the size is sent through it again ("cycle
    walking", Black and Rogaway: "Ciphers with arbitrary finite domains", 2002), at most once more on average above 32.

    Args:
        indices: (N,) integers, each at least 0 and below its size.
        sizes: (N,) or one: how many integers the permutation is of, below 2**53.
        keys: (N,) or one: 64-bit words from `key`, which choose the permutation.

    Returns:
        (N,) integers, each below its size; over all indices of a size and a key each comes once.
    """
    given = (np.atleast_1d(np.asarray(numbers, np.uint64)) for numbers in (indices, sizes, keys))
    places, limits, chosen = np.broadcast_arrays(*given)
    bits = np.maximum(np.frexp((limits - np.uint64(1)).astype(np.float64))[1], 6).astype(np.uint64)
    places = places.copy()
    walking = np.arange(len(places))
    while len(walking):
        places[walking] = _feistel(places[walking], bits[walking], chosen[walking])
        walking = walking[places[walking] >= limits[walking]]
    return places.astype(np.int64)


def _feistel(words: NDArray[np.uint64], bits: NDArray[np.uint64], keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Permutes the integers of so many bits: each round mixes one half into the other and exchanges them."""
    lower = bits // np.uint64(2)
    upper = bits - lower
    high, low = words >> lower, words & ((np.uint64(1) << lower) - np.uint64(1))
    for number in range(1, ROUNDS + 1):
        mixed = mix((low ^ keys) + np.uint64(number * GOLDEN & MASK))
        high, low = low, high ^ (mixed >> (np.uint64(64) - upper))
        lower, upper = upper, lower
    together: NDArray[np.uint64] = (high << lower) | low
    return together
