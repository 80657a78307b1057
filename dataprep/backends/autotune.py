"""How many workers are worth it: the fewest that are nearly as fast as any, found by trying."""

import time
from collections.abc import Iterator
from typing import Final

from dataprep.machine import cores
from dataprep.types import Rendered

SPELL: Final = 0.4  # seconds that a number of workers is tried for
NEAR: Final = 0.9  # of the best rate: what fewer workers have to reach


def fewest(rates: dict[int, float]) -> int:
    """Returns the least number of workers, of images a second by number, that is nearly as fast as the fastest."""
    return min(count for count, rate in rates.items() if rate >= NEAR * max(rates.values()))


def counts() -> list[int]:
    """Returns the numbers of workers to try: none, and powers of two up to the cores that this process may use."""
    most = cores()
    return [0, *(count for count in (1, 2, 4, 8, 16, 32) if count < most), most]


def rate(batches: Iterator[Rendered]) -> float:
    """Returns the images a second of a backend once its workers have started; ends them."""
    next(batches)
    start, images = time.perf_counter(), 0
    while time.perf_counter() - start < SPELL:
        images += len(next(batches).batch.ids)
    seconds = time.perf_counter() - start
    getattr(batches, "close", lambda: None)()
    return images / seconds
