"""Arrow as a command needs it: without pandas, which it imports, where it is installed, for the first list that it is given.

A command has no data frame, so nothing of pandas is wanted, and its import takes as long as cleaning some hundred images.
"""

import sys
from importlib.machinery import ModuleSpec


class _Hidden:
    """Says that there is no pandas."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """Refuses the one module, and knows of no other."""
        if name == "pandas":
            raise ModuleNotFoundError(name)
        return None


def do_without_pandas() -> None:
    """Makes Arrow's first array where there is no pandas, which it remembers until a data frame is converted."""
    if "pandas" in sys.modules:
        return
    import pyarrow as pa

    hidden = _Hidden()
    sys.meta_path.insert(0, hidden)
    try:
        pa.array([None])
    finally:
        sys.meta_path.remove(hidden)
