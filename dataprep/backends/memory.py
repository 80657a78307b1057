"""Memory of batches that is used again when nothing refers to it any more.

Fresh pages cost about as much time as what is written to them, so a loop that lets go of a batch gets its memory again.
"""

import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray


class _Lease:
    """Memory that is in use for as long as any array, tensor or view refers to it, however it came by it."""

    def __init__(self, memory: NDArray[Any]) -> None:
        self.memory = memory  # which stays for as long as the lease
        self.__array_interface__ = memory.__array_interface__  # what NumPy makes of it has the lease for its base


def lend(memory: NDArray[Any], take_back: Callable[..., object], *arguments: object) -> NDArray[Any]:
    """Returns an array of the same memory; when the last reference to it goes, `take_back(*arguments)` is called."""
    lease = _Lease(memory)
    weakref.finalize(lease, take_back, *arguments).atexit = False
    return np.asarray(lease)
