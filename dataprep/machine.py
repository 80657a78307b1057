"""What this machine is: how many cores and how much memory there are to use, and whether the namesake is installed, too."""

import math
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

QUOTAS: Final = (
    ("/sys/fs/cgroup/cpu.max",),
    ("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "/sys/fs/cgroup/cpu/cpu.cfs_period_us"),
)
"""Files that hold a quota and its period, in µs; the second pair is of version 1."""

MEMORY: Final = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
"""Files that hold a limit of memory, in bytes; the second is of version 1."""


RANKS: Final = ("LOCAL_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_SIZE", "MV2_COMM_WORLD_LOCAL_SIZE", "MPI_LOCALNRANKS")
"""Variables in which launchers write how many of their processes are on this machine: torchrun, Open MPI, MVAPICH, MPICH."""

_WORKERS: Final = [1]


def share_among(workers: int) -> None:
    """Says that what this process may ask of others is that of one of so many processes, which do the same for one loader."""
    _WORKERS[0] = max(workers, 1)


def sharers() -> int:
    """Returns how many processes of this machine share what it may ask of others: the workers of each of its ranks."""
    ranks = next((int(said) for name in RANKS if (said := os.environ.get(name, "")).isdecimal()), 1)
    return _WORKERS[0] * max(ranks, 1)


def warn_of_namesake() -> None:
    """Warns if the other library is installed, too: the files of the two overwrite each other.

    Where the other one's lie on top, this is never called: `dataprep_images.py` warns there.
    """
    if not any(True for place in sys.path for _ in Path(place).glob("dataprep-*.dist-info")):
        return
    from importlib.metadata import distribution  # takes longer than all else that an import of dataprep loads

    other = distribution("dataprep")
    warnings.warn(
        f"the unrelated library `dataprep` {other.version} is installed beside `dataprep-images`, and both import as `dataprep`; "
        "only one of them can be installed: pip uninstall -y dataprep && pip install --force-reinstall --no-deps dataprep-images",
        stacklevel=2,
    )


def cores() -> int:
    """Returns how many cores this process may use, at least 1: the least of affinity, quota and PYTHON_CPU_COUNT."""
    counts = [os.cpu_count() or 1, *_quotas()]
    if hasattr(os, "sched_getaffinity"):
        counts.append(len(os.sched_getaffinity(0)))
    if (asked := os.environ.get("PYTHON_CPU_COUNT", "")).isdecimal():  # which Python itself heeds from 3.13 on
        counts.append(int(asked))
    return max(min(counts), 1)


def _quotas() -> Iterator[int]:
    """Yields how many cores the control group of a container pays for, in either version of control groups."""
    for names in QUOTAS:
        with suppress(OSError, ValueError):
            texts = []
            for name in names:
                with open(name) as file:
                    texts += file.read().split()
            quota, period = map(int, texts)  # "max" is none
            if quota > 0 and period > 0:
                yield math.ceil(quota / period)


def memory() -> int:
    """Returns how many bytes of memory this process and those that it starts may take: the least of machine and control group."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for name in MEMORY:
        with suppress(OSError, ValueError), open(name) as file:
            limits.append(int(file.read()))  # "max" is none
    return min(limits)
