"""What is compiled from C where the machine that built the package could, and None where it could not.

Both modules give the pixels of a library that is always there, in less time: `jpeg` those of simplejpeg, `resample` those of
Pillow. Who calls them asks first whether they do, since the library that is installed may be of another version.
"""

from functools import cache
from importlib import import_module
from types import ModuleType


@cache
def module(name: str) -> ModuleType | None:
    """Returns a compiled module, None if it was not compiled."""
    try:
        return import_module(f"dataprep.images.native.{name}")
    except ImportError:
        return None
