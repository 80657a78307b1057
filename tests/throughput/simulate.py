"""What cannot be run here, in small: searches among made-up hashes, a cluster whose nodes are slow or die, an order of lanes.

The search and the order are the real ones, on rows that are made up; of the cluster the batches are the real ones, and time
passes by a list of events. `scale.py` makes of it what large sets cost.
"""

import heapq
import time
from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import Literal, NamedTuple

import numpy as np

from dataprep.cleaning.clean import BATCH, LEAN
from dataprep.cleaning.measure import shares
from dataprep.draws import SHUFFLE, key, permuted
from dataprep.loading.lanes import BLOCK, Lanes
from dataprep.search.blocks import plan, tables, varying, words_of
from dataprep.search.pairs import Codes, compiled_rates

Kind = Literal["independent", "photographs", "web"]
"""Of hashes of 64 bits.

- independent: each bit by itself.
- photographs: as many bits set as not, as `PHash` has them, in eight groups that hang together so that different hashes differ as
  much from each other as those of photographs: as 57 independent bits would (`dataprep.search.blocks.INDEPENDENT`).
- web: photographs, of which three in ten are copies of others, as was found for LAION-2B (Webster et al., "On the De-duplication
  of LAION-2B", 2023), in families of 2 to 10,000 whose number falls with the 2.5th power of their size; one in 1,000 is blank.
"""

TOGETHER = 0.2  # correlation of what is compared with its median to become a bit, in a group of eight
COPIES, BLANK, POWER, LARGEST = 0.3, 0.001, 2.5, 10_000
FLIPS = 1.5  # bits that a copy differs in from what its family is of, in the mean
SLICE = 1_000_000  # hashes that are made at once
COUNTED = 4  # tables whose comparisons are counted


def hashes(kind: Kind, size: int, seed: int = 0) -> Codes:
    """Returns (size, 8) hashes."""
    draw = np.random.default_rng([seed, size])
    if kind == "independent":
        return draw.integers(0, 256, (size, 8), np.uint8)
    if kind == "photographs":
        return _balanced(draw, size)
    family = _families(size)
    codes = _balanced(draw, int(family.max()) + 1)[family]
    copies = np.append(False, family[1:] == family[:-1])
    codes[copies] ^= np.packbits(draw.random((int(copies.sum()), 64), np.float32) < FLIPS / 64, axis=1)
    codes[draw.random(size) < BLANK] = 0
    return codes[draw.permutation(size)]


def _balanced(draw: np.random.Generator, size: int) -> Codes:
    """Returns (size, 8) hashes of photographs."""
    return np.concatenate([_slice(draw, min(SLICE, size - start)) for start in range(0, size, SLICE)])


def _slice(draw: np.random.Generator, size: int) -> Codes:
    common, own = draw.standard_normal((size, 8, 1), np.float32), draw.standard_normal((size, 8, 8), np.float32)
    values = (TOGETHER**0.5 * common + (1 - TOGETHER) ** 0.5 * own).reshape(size, 64)
    return np.packbits(values > np.median(values, axis=1, keepdims=True), axis=1)


def _families(size: int) -> np.ndarray:
    """Returns (size,) the family of each row, ascending: most are alone."""
    sizes = np.arange(2, min(LARGEST, size // 100) + 1)
    chance = sizes**-POWER / (sizes**-POWER).sum()
    count = COPIES * size / float((chance * (sizes - 1)).sum())
    spaced = (np.arange(int(count)) + 0.5) / int(count)  # not drawn: a few large families would make all the difference
    families = sizes[np.searchsorted(np.cumsum(chance), spaced)]
    alone = np.ones(size - int(families.sum()), np.int64)
    return np.repeat(np.arange(len(families) + len(alone)), np.concatenate([families, alone]))


class Search(NamedTuple):
    """What a search of a number of different hashes took.

    Attributes:
        kind: Of the hashes.
        size: How many.
        radius: Bits.
        tables: So often each is sorted into a table.
        comparisons: Of a hash with others in all tables together.
        pairs: Found within the radius.
        seconds: CPU time, of all threads.
    """

    kind: str
    size: int
    radius: int
    tables: int
    comparisons: float
    pairs: int
    seconds: float


def search(kind: Kind, size: int, radius: int) -> Search:
    """Runs the real search, compiled, among the different ones of so many hashes: equal ones are put together before it."""
    from dataprep.search import kernels

    words = words_of(np.unique(hashes(kind, size).view(np.uint64)).view(np.uint8).reshape(-1, 8))
    count = words.shape[1]
    blocks, _ = plan(count, count * count / 2, len(varying(words)), radius, compiled_rates(1))
    chosen = list(tables(words, radius, blocks))
    kernels.search(words[:, :3_000], radius, tables(words, radius, blocks), 3_000)  # compiled, or loaded
    start = time.process_time()
    found = kernels.search(words, radius, chosen, count)
    seconds = time.process_time() - start
    some = chosen[:: max(1, len(chosen) // COUNTED)]
    compared = [_compared(words[0] & table.mask[0], min(table.bits, count.bit_length() - 1)) for table in some]
    comparisons = float(np.mean(compared)) * len(chosen) / count if chosen else (count - 1) / 2
    return Search(kind, count, radius, len(chosen), comparisons, len(found), seconds)


def _compared(keys: np.ndarray, bits: int) -> float:
    """Returns how many pairs meet in the buckets of a table: those that agree, and those that share a bucket by chance."""
    agreeing = np.unique(keys, return_counts=True)[1].astype(float)
    apart = len(keys) ** 2 - (agreeing**2).sum()
    return float((agreeing * (agreeing - 1) / 2).sum() + apart / 2 / 2**bits)


class Nodes(NamedTuple):
    """A cluster.

    Attributes:
        count: Nodes.
        cores: Of each.
        slow: The part of them that takes twice as long.
        loss: How often a node is lost, on average, in an hour.
        pause: Seconds until it is noticed.
        back: Seconds until there is another in its place.
    """

    count: int
    cores: int = 32
    slow: float = 0.0
    loss: float = 0.0
    pause: float = 30.0
    back: float = 300.0


class Passed(NamedTuple):
    """What became of a run.

    Attributes:
        seconds: It took.
        ideal: It would take if all cores of the cluster were always at work, at the speed that they have.
        again: Images that were measured again since their node was lost.
        driver: The part of the time in which the program was at work.
    """

    seconds: float
    ideal: float
    again: int
    driver: float


def run(images: int, nodes: Nodes, core: float, driver: float, lean: bool = True, spread: float = 0.7, seed: int = 0) -> Passed:
    """Passes the time that a run on a cluster takes.

    Args:
        images: How many.
        nodes: The cluster.
        core: Seconds of a core for an image.
        driver: Seconds of the program for an image: it takes results one after the other, and hands out a batch for each.
        lean: Whether images are files, so that batches are large.
        spread: Standard deviation of the time of an image, as a part of its mean.
        seed: Of all that is drawn.
    """
    draw = np.random.default_rng(seed)
    width = nodes.count * nodes.cores
    speed = np.where(np.arange(nodes.count) < round(nodes.slow * nodes.count), 2.0, 1.0)
    deaths = [_times(draw, nodes.loss) for _ in range(nodes.count)]
    dies = [next(times) for times in deaths]
    batches = shares(images, *(LEAN if lean else BATCH), width)
    waiting = deque((0.0, size) for size in islice(batches, 2 * width))
    free = [(0.0, place) for place in range(width)]
    done: list[tuple[float, int]] = []
    clock, busy, again, end = 0.0, 0.0, 0, 0.0
    while waiting or done:
        if waiting and (not done or max(free[0][0], waiting[0][0]) <= done[0][0]):
            (given, size), (since, place) = waiting.popleft(), heapq.heappop(free)
            start, node = max(given, since), place // nodes.cores
            while dies[node] + nodes.back <= start:
                dies[node] = next(deaths[node])
            start = start if start < dies[node] else dies[node] + nodes.back
            took = draw.gamma(size / spread**2, spread**2) * core * speed[node]
            if start < dies[node] < start + took:
                again += size
                waiting.append((dies[node] + nodes.pause, size))
                heapq.heappush(free, (dies[node] + nodes.back, place))
            else:
                heapq.heappush(done, (start + took, size))
                heapq.heappush(free, (start + took, place))
            continue
        at, size = heapq.heappop(done)
        clock, busy = max(clock, at) + size * driver, busy + size * driver
        end = clock
        if (following := next(batches, None)) is not None:
            waiting.append((clock, following))
    ideal = images * core / float((nodes.cores / speed).sum())
    return Passed(end, ideal, again, busy / end)


def _times(draw: np.random.Generator, rate: float) -> Iterator[float]:
    """Yields when a node dies, in seconds, at so many deaths an hour."""
    at = 0.0
    while rate:
        at += draw.exponential(3600 / rate)
        yield at
    while True:
        yield float("inf")


class Touched(NamedTuple):
    """Blocks of 512 rows that one node reads of, of all that there are, in a number of batches."""

    shuffled: int
    lanes: int
    all: int


def touched(size: int, world: int, ranks: int = 8, batch: int = 256, batches: int = 40) -> Touched:
    """Asks the real orders which rows the ranks of the first node get, in an epoch of so many rows."""
    positions = np.arange(world * batch * batches)
    ours = positions[positions % world < ranks]
    of_lanes = Lanes(0, world, size).epoch(0)(0, len(positions))[ours, 0]
    shuffled = permuted(ours, size, key(0, 0, SHUFFLE))
    return Touched(len(np.unique(shuffled // BLOCK)), len(np.unique(of_lanes // BLOCK)), -(-size // BLOCK))
