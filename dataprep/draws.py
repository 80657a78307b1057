"""The only source of randomness: numbers as a function of (seed, epoch, row, slot).

A counter-based hash instead of a generator: no state to save, nothing to share between workers, and a row's numbers do
not depend on its batch, rank, worker, backend or order. Keys are tuples that are hashed, never sums, so seed 0 in epoch 1
and seed 1 in epoch 0 have nothing in common.

The mixing is SplitMix64's finaliser (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014), which
passes BigCrush on counters.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

GOLDEN = 0x9E3779B97F4A7C15  # 2**64 / golden ratio, the increment that SplitMix64 counts in
MASK = 0xFFFFFFFFFFFFFFFF

AUGMENTATION, SHUFFLE = 1, 2  # streams: draws of the same (seed, epoch, row) for another purpose differ


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


def permutation(seed: int, epoch: int, size: int) -> NDArray[np.int64]:
    """Returns the integers 0..size-1 in the random order of an epoch (a stable sort of one random word each)."""
    return np.argsort(words(seed, epoch, SHUFFLE, np.arange(size), 1)[:, 0], kind="stable")
