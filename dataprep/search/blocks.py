"""How to cut hashes into blocks so that every pair within a radius agrees in some of them, at the least cost.

Pigeonhole over combinations of bit blocks: cut each hash into m blocks; two hashes that differ in at most r bits differ
in at most r blocks, so they agree in m - r of them. Each choice of m - r blocks makes a table, in which only hashes that
agree are compared. (Manku, Jain, Das Sarma: "Detecting near-duplicates for web crawling", WWW 2007, for the block idea.)

Blocks take every m-th bit instead of m contiguous ranges, because neighbouring bits of a perceptual hash are correlated.
"""

from collections.abc import Iterator
from itertools import combinations
from math import comb
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

INDEPENDENT: Final = 57 / 64
"""The share of the bits of a luminance hash that count as independent."""

Words = NDArray[np.uint64]
"""(W, N) hashes, 64 bits each word; W is 1, 4 or more."""


class Table(NamedTuple):
    """A choice of blocks; it answers for the pairs that agree in them and in no other block before the last of them.

    Attributes:
        mask: (W,) the bits of the blocks.
        bits: How many they are.
        earlier: (E, W) the blocks before the last that were not chosen: a pair that agrees in one belongs to another table.
    """

    mask: Words
    bits: int
    earlier: Words


class Rates(NamedTuple):
    """What a search costs, in nanoseconds.

    Attributes:
        row: Sorting one hash into a table.
        candidate: Comparing a pair that agrees in the blocks of a table.
        pair: Comparing a pair when all are compared with all.
    """

    row: float
    candidate: float
    pair: float


class Plan(NamedTuple):
    """How to search.

    Attributes:
        blocks: How many blocks to cut hashes into, or 0 to compare all with all.
        seconds: What it will cost, on one core, with hashes that are independent.
    """

    blocks: int
    seconds: float


def words_of(codes: NDArray[np.uint8]) -> Words:
    """Returns (N, bytes) hashes as words: one of them up to 8 bytes, four up to 32."""
    size, width = codes.shape
    count = 1 if width <= 8 else max(4, -(-width // 8))
    padded = np.zeros((size, 8 * count), np.uint8)
    padded[:, :width] = codes
    return np.ascontiguousarray(padded.view(np.uint64).T)


def chance_pairs(size: int, bits: int, radius: int) -> float:
    """Returns how many pairs of unrelated pictures are expected within a radius: what a search has to look at a second time.

    The bits of a luminance hash hang together, so that hashes of 64 bits of different pictures are as far apart as 57 that are
    independent would be; measured on ordinary photographs.
    """
    independent = round(bits * INDEPENDENT)
    within: float = sum(comb(independent, distance) for distance in range(radius + 1)) / 2**independent
    return comb(size, 2) * within


def plan(size: int, pairs: float, bits: int, radius: int, rates: Rates) -> Plan:
    """Chooses the number of blocks: more make longer keys, so fewer candidates, but more tables.

    Args:
        size: How many hashes there are.
        pairs: How many pairs are asked about.
        bits: How many of their bits vary.
        radius: The largest distance.
        rates: What the steps cost.
    """

    def cost(blocks: int) -> float:
        """Returns the nanoseconds that a search by so many blocks takes."""
        agree = pairs / 2.0 ** (bits * (blocks - radius) // blocks)
        return comb(blocks, radius) * (size * rates.row + agree * rates.candidate)

    choices = [Plan(0, pairs * rates.pair / 1e9)]
    choices += [Plan(blocks, cost(blocks) / 1e9) for blocks in range(radius + 1, min(radius + 6, bits) + 1)]
    return min(choices, key=lambda choice: choice.seconds)


def mixed(words: Words) -> NDArray[np.uint64]:
    """Returns (N,) one word for each hash: the same for the same hash, and rarely so for others."""
    keys: NDArray[np.uint64] = words[0].copy()
    for word in words[1:]:
        keys ^= keys >> np.uint64(32)
        keys *= np.uint64(0x9E3779B97F4A7C15)  # odd and without pattern
        keys ^= word
    return keys


def varying(words: Words) -> NDArray[np.int64]:
    """Returns the bits in which any hashes differ, as positions 64 * word + bit."""
    different: Words = np.bitwise_or.reduce(words ^ words[:, :1], axis=1)
    return np.flatnonzero(np.unpackbits(different.view(np.uint8), bitorder="little"))


def tables(words: Words, radius: int, blocks: int) -> Iterator[Table]:
    """Yields one table for each choice of `blocks - radius` blocks, none for 0 blocks."""
    if blocks == 0:
        return
    bits = varying(words)
    cut = np.zeros((blocks, len(words), 64), np.uint8)
    for block in range(blocks):
        cut[block].flat[bits[block::blocks]] = 1
    masks = np.packbits(cut, axis=2, bitorder="little").view(np.uint64)[:, :, 0]
    for chosen in combinations(range(blocks), blocks - radius):
        mask = np.bitwise_or.reduce(masks[list(chosen)], axis=0)
        earlier = [block for block in range(chosen[-1]) if block not in chosen]
        yield Table(mask, int(np.bitwise_count(mask).sum()), masks[earlier])
