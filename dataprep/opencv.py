"""OpenCV, which need not be there: it is loaded when something first needs it, at the latest before hours of work begin.

Without it `clean` decides the same, and batches are resized, cropped, mirrored and normalised; most of what moves or recolours
pixels needs it. An op or a measure that does says so by its attribute `extra`.
"""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from dataprep.errors import PipelineError

_THREADS: Final[list[int]] = []
"""In how many threads it is to compute, the last one counts; empty leaves that to it."""


def opencv(who: str = "this op or measure") -> Any:
    """Returns the module `cv2`.

    Raises:
        PipelineError: It is not installed, and `who` needs it.
    """
    is_new = _loaded() is None
    try:
        import cv2  # which waits for a thread that is loading it
    except ModuleNotFoundError as error:
        raise PipelineError(f"{who} needs OpenCV: pip install 'dataprep-images[opencv]'") from error
    if is_new and _THREADS:
        cv2.setNumThreads(_THREADS[-1])
    return cv2


def require(stages: Iterable[object]) -> None:
    """Loads what stages need, be it by what rules measure, before they are used.

    Raises:
        PipelineError: It is not installed.
    """
    for stage in stages:
        for part in (stage, *getattr(stage, "needs", ())):
            if getattr(part, "extra", None) == "opencv":
                name = f"`{type(stage).__name__}`"
                opencv(name if part is stage else f"{name}, which measures `{part!r}`,")


def limit_threads(count: int) -> None:
    """Has OpenCV compute in so many threads, now or from when it is loaded on."""
    _THREADS.append(count)
    if _loaded():
        _loaded().setNumThreads(count)


@contextmanager
def one_thread() -> Iterator[None]:
    """Within, OpenCV computes in the thread that calls it; after that, in as many as before."""
    count = _loaded().getNumThreads() if _loaded() else -1  # which stands for its own choice
    limit_threads(1)
    try:
        yield
    finally:
        _THREADS.remove(1)
        if _loaded():
            _loaded().setNumThreads(count)


def _loaded() -> Any:
    """Returns the module, None where it is not loaded, be it by us or by others."""
    return sys.modules.get("cv2")
