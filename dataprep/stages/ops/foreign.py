"""What the ops that run transforms of other libraries have in common: how these are run, and the size that they give."""

import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeAlias

import numpy as np
import PIL.Image
from numpy.typing import NDArray

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
        run: Gives an array (H, W, 3), or a tensor (3, H, W).
        name: The op's, for the error.

    Raises:
        PipelineError: The size after it varies.
    """
    found = set()
    for size in TRIED * TRIES:
        try:
            after = _size_of(run(np.zeros((*size, 3), np.uint8)))
        except PipelineError:
            raise
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


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seeds the generators of the process, which the transforms of others draw from, and leaves them as they were."""
    torch: Any = sys.modules.get("torch")  # what has not loaded it does not draw from it
    kept = random.getstate(), np.random.get_state(), torch and torch.get_rng_state()  # noqa: NPY002  theirs, not ours
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    if torch:
        torch.default_generator.manual_seed(seed)
    try:
        yield
    finally:
        random.setstate(kept[0])
        np.random.set_state(kept[1])  # noqa: NPY002
        if torch:
            torch.set_rng_state(kept[2])


def run_seeded(transform: Any, image: Image, seed: int) -> NDArray[Any]:
    """Returns (H, W, 3) uint8, or float32, that a transform of Pillow's images makes of one.

    Raises:
        PipelineError: It makes something else than an image of three channels.
    """
    with seeded(seed):
        made = transform(PIL.Image.fromarray(image))
    if isinstance(made, PIL.Image.Image):
        return np.asarray(made.convert("RGB"))
    if hasattr(made, "detach"):
        made = made.detach().cpu()
        made = (made.float() if made.is_floating_point() else made).numpy()
        made = made.transpose(1, 2, 0) if made.ndim == 3 else made
    if not isinstance(made, np.ndarray) or made.ndim != 3 or made.shape[2] != 3:
        what = f"{made.dtype} {made.shape}" if isinstance(made, np.ndarray) else type(made).__name__
        raise PipelineError(f"the transform gives {what}, not an image of three channels: one of Pillow's or a (3, H, W) tensor")
    return made if made.dtype == np.uint8 else made.astype(np.float32)


def _size_of(made: Any) -> tuple[int, int]:
    if isinstance(made, np.ndarray):
        return made.shape[0], made.shape[1]
    return int(made.shape[-2]), int(made.shape[-1])
