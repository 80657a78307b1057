"""Detects the unrelated library that is called `dataprep` on the package index, and imports under the same name."""

import warnings
from importlib.metadata import PackageNotFoundError, distribution


def warn_of_namesake() -> None:
    """Warns if the other library is installed: the files of the two overwrite each other."""
    try:
        other = distribution("dataprep")
    except PackageNotFoundError:
        return
    warnings.warn(
        f"the unrelated library `dataprep` {other.version} is installed beside `dataprep-images`, and both import as `dataprep`; "
        "uninstall it and reinstall this one: pip uninstall dataprep && pip install --force-reinstall dataprep-images",
        stacklevel=2,
    )
