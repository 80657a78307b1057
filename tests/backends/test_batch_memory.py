"""Memory that is used again, and memory that processes share."""

import gc
import multiprocessing
import os
from pathlib import Path

import numpy as np
import pytest

from dataprep.backends.memory import Shared, lend


@pytest.mark.parametrize("view", [lambda array: array, lambda array: array[1:, ::2].T, memoryview])
def test_memory_comes_back_with_the_last_reference(view: object) -> None:
    """What is lent is taken back once, when nothing refers to it, by whatever view of it."""
    back: list[str] = []
    lent = lend(np.zeros((4, 4)), back.append, "it")
    kept = view(lent)  # type: ignore[operator]  # a function
    del lent
    assert back == []
    del kept
    gc.collect()
    assert back == ["it"]


def _fill(shared: Shared) -> None:
    for number, array in enumerate(shared.arrays):
        array[...] = number + 1


@pytest.mark.parametrize("start", ["fork", "spawn", "forkserver"])
def test_what_a_process_writes_is_seen_by_the_one_that_started_it(start: str) -> None:
    """Arrays are the same memory on both sides, and zeros before, however the process was started."""
    shared = Shared(np.ones((3, 5), np.float32), 4)
    assert not any(array.any() for array in shared.arrays)
    process = multiprocessing.get_context(start).Process(target=_fill, args=(shared,))  # type: ignore[attr-defined]  # typeshed
    process.start()
    process.join()
    assert [array.tolist() for array in shared.arrays] == [np.full((3, 5), number + 1).tolist() for number in range(4)]


def mappings() -> int:
    """Returns how many ranges of this process are memory that is shared."""
    return Path("/proc/self/maps").read_text().count("memfd:dataprep")


def test_shared_memory_goes_with_its_last_array() -> None:
    """No descriptor stays open, and no mapping is left, after the arrays."""
    gc.collect()
    before = os.listdir("/proc/self/fd"), mappings()
    shared = Shared(np.ones(1000), 3)
    kept = shared.arrays[1]
    del shared
    kept[:] = 7
    assert mappings() == before[1] + 1
    del kept
    assert (os.listdir("/proc/self/fd"), mappings()) == before
