"""torchvision, whose transforms are plain torch, also where it was built for another torch than the one that is installed.

The package index has the build for CUDA; beside a torch for the CPU its library cannot be loaded, and its import fails on two
operators for detection that it then lacks. They are declared here, without code, since nothing here calls them.
"""

from functools import cache
from importlib.util import find_spec
from typing import Any

LACKED = ("nms", "qnms")


@cache
def have_torchvision() -> bool:
    """Imports torchvision, if it is installed, and returns whether it is."""
    if find_spec("torch") is None or find_spec("torchvision") is None:
        return False
    try:
        import torchvision
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
        _KEPT.append(_declare())
        import torchvision  # noqa: F401
    return True


_KEPT: list[Any] = []  # what is declared lasts as long as the object that did


def _declare() -> Any:
    """Declares the operators that torchvision looks for."""
    from torch.library import Library

    library = Library("torchvision", "FRAGMENT")
    for name in LACKED:
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return library
