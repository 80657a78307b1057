"""Memory that each thread uses again: the system takes longer to hand out fresh pages than a decoder to fill them."""

import threading

import numpy as np
from numpy.typing import NDArray

_MEMORY = threading.local()


def scratch(name: str, size: int) -> NDArray[np.uint8]:
    """Returns (size,) bytes, which this thread's next call with the same name overwrites."""
    return scratch_of(name, size)[:size]


def scratch_of(name: str, least: int) -> NDArray[np.uint8]:
    """Returns all the bytes of a name that this thread has, and at least so many."""
    memory: NDArray[np.uint8] | None = _MEMORY.__dict__.get(name)
    if memory is None or memory.size < least:
        memory = _MEMORY.__dict__[name] = np.empty(least, np.uint8)
    return memory
