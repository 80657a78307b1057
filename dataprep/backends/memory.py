"""Memory of batches that is used again when nothing refers to it any more, and what processes share of it.

Fresh pages cost about as much time as what is written to them, so a loop that lets go of a batch gets its memory again.
"""

import mmap
import os
import weakref
from collections.abc import Callable
from multiprocessing.reduction import DupFd
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


class Shared:
    """Arrays that a process shares with those that it starts, in whichever way, from then on.

    They lie in no folder, so the size of /dev/shm, 64 MB in most containers, is no limit.

    Attributes:
        arrays: The arrays, which are zeros at first.
    """

    def __init__(self, one: NDArray[Any], number: int) -> None:
        """Makes some arrays of the shape and type of one; the system gives memory as they are written.

        Raises:
            OSError: The system has no file for them.
        """
        descriptor = os.memfd_create("dataprep")
        os.ftruncate(descriptor, max(number * one.nbytes, 1))
        self._attach(descriptor, (number, *one.shape), one.dtype)

    def __reduce__(self) -> tuple[Any, ...]:
        """Returns what a process that is being started makes the same of."""
        return _attached, (DupFd(self._descriptor), self._shape, self._dtype)

    def _attach(self, descriptor: int, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        weakref.finalize(self, os.close, descriptor).atexit = False
        self._descriptor, self._shape, self._dtype = descriptor, shape, dtype
        self.arrays: list[NDArray[Any]] = list(np.ndarray(shape, dtype, mmap.mmap(descriptor, 0)))


def _attached(copy: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Shared:
    """Returns what another process shares with this one."""
    shared = Shared.__new__(Shared)
    shared._attach(copy.detach(), shape, dtype)
    return shared
