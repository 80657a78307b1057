"""What this machine is: how many cores a process may use, and whether the namesake of this library is installed, too."""

import sys
import warnings
from pathlib import Path


def warn_of_namesake() -> None:
    """Warns if the other library is installed: the files of the two overwrite each other."""
    if not any(True for place in sys.path for _ in Path(place).glob("dataprep-*.dist-info")):
        return
    from importlib.metadata import distribution  # takes longer than all else that an import of dataprep loads

    other = distribution("dataprep")
    warnings.warn(
        f"the unrelated library `dataprep` {other.version} is installed beside `dataprep-images`, and both import as `dataprep`; "
        "uninstall it and reinstall this one: pip uninstall dataprep && pip install --force-reinstall dataprep-images",
        stacklevel=2,
    )


def cores() -> int:
    """Returns how many cores this process may use, at least 1: the least of affinity, quota and LOKY_MAX_CPU_COUNT."""
    from loky import cpu_count  # takes longer than all else that an import of dataprep loads

    return int(cpu_count())
