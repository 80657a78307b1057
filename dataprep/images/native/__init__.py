"""What is compiled from C where the machine that built the package could, and None where it could not.

All modules give the pixels and values of what is always there, in less time: `jpeg` those of simplejpeg, `resample` those of
Pillow, `measure` those of the measures' own code. Who calls them asks first whether they do, since the library that is installed
may be of another version.
"""

from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Final

COSTS: Final = {
    "measure": ("a C compiler", "cleaning takes two to three times as long"),
    "align": ("a C compiler", "a candidate for a copy that is a little turned or moved takes thirty times as long to prove"),
    "resample": ("a C compiler", "resizing takes several times as long"),
    "jpeg": (
        "a C compiler and the headers of libjpeg-turbo (Debian: libjpeg62-turbo-dev)",
        "loading decodes whole images where it crops, one call after the other, and takes up to half as long again",
    ),
}
"""What each module needs to be compiled, and what it costs to be without."""


@cache
def module(name: str) -> ModuleType | None:
    """Returns a compiled module, None if it was not compiled."""
    try:
        return import_module(f"dataprep.images.native.{name}")
    except ImportError:
        return None


def missing() -> list[str]:
    """Returns a sentence about each module that was not compiled: what that costs, and what to do."""
    return [sentence(name) for name in COSTS if module(name) is None]


def sentence(name: str) -> str:
    """Returns what it costs that a module was not compiled, and what to do."""
    needs, cost = COSTS[name]
    return f"`{name}` was not compiled, so {cost}: reinstall dataprep-images where there is {needs}"
