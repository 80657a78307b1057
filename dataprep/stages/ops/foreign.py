"""What the ops that run transforms of other libraries have in common: the size that these give, and their `Normalize`."""

from collections.abc import Callable
from typing import Any, Final, TypeAlias

import numpy as np

from dataprep.errors import PipelineError
from dataprep.stages.ops.arguments import Size
from dataprep.types import Image

Numbers: TypeAlias = tuple[tuple[float, float, float], tuple[float, float, float]]
"""RGB mean and standard deviation, as shares of 255."""

TRIED: Final = ((512, 683), (683, 512), (640, 640))
"""Heights and widths of the images that a transform is tried on: as large as photographs, so that crops fit."""
TRIES: Final = 2  # of each, since what is drawn may decide about the size


def size_after(run: Callable[[Image], Any], name: str) -> Size | None:
    """Returns the size that a transform gives whatever it gets, None where it leaves the size as it is, by trying.

    Args:
        run: Gives an array (H, W, 3), a tensor (3, H, W), or one of Pillow's.
        name: The op's, for the error.

    Raises:
        PipelineError: The size after it varies.
    """
    found = set()
    for size in TRIED * TRIES:
        try:
            after = _size_of(run(np.zeros((*size, 3), np.uint8)))
        except Exception:  # it wants other images; those of the user tell
            return None
        found.add((after, after == size))
    if all(same for _, same in found):
        return None
    sizes = sorted({after for after, _ in found})
    if len(sizes) > 1:
        some = " and ".join(f"{width}×{height}" for height, width in sizes[:3])
        raise PipelineError(f"{name}: the size after the transform varies, such as {some}; end it with a resize or a crop")
    return sizes[0]


def _size_of(made: Any) -> tuple[int, int]:
    if isinstance(made, np.ndarray):
        return made.shape[0], made.shape[1]
    if hasattr(made, "shape"):
        return int(made.shape[-2]), int(made.shape[-1])
    width, height = made.size
    return height, width
