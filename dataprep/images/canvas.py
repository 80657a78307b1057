"""A window of a JPEG, or of raw pixels, on a batch, in one compiled call that holds no lock: what usual files and ops come to.

The pixels are those of `decode`, `resize_window` and `place` one after the other, to which all files are left that are uncommon
or have a fault, and every file where nothing was compiled.
"""

from typing import Any, Final

from numpy.typing import NDArray

from dataprep.images.jpeg import part_decoder
from dataprep.images.profiles import Conversion, conversion_of
from dataprep.images.resize import FILTERS, LEVELS, Line, Window, down_first, is_compiled
from dataprep.images.scratch import scratch, scratch_of
from dataprep.types import Image

MEMORY: Final = 1 << 20  # bytes to begin with, until an image asks for more
NUMBERS: Final = {filter: number for number, filter in enumerate(FILTERS)}
"""The filters as the compiled code numbers them."""


def render_file(
    data: bytes,
    size: tuple[int, int],
    window: Window,
    out: NDArray[Any],
    mirror: bool = False,
    levels: NDArray[Any] = LEVELS,
    line: Line | None = None,
) -> bool:
    """Fills (3, H, W) with what `levels`, (3, 256) of the same type, make of a window of an image, mirrored if asked.

    Args:
        data: The bytes of a file.
        size: The height and width, in pixels, that it should have; of another one it is not rendered.
        window: Which of its pixels, H × W of them.
        out: What is filled.
        mirror: Whether left becomes right.
        levels: What each level of each channel becomes.
        line: Through the levels, as `place` takes it.

    Returns:
        Whether it could; `out` may hold anything if not.
    """
    code = part_decoder()
    if code is None or not is_compiled():
        return False
    asked, columns_first = (*window[:3], NUMBERS[window.filter]), down_first(window)
    needed: int | None = MEMORY
    while needed:
        memory = scratch_of("rendering", needed)
        needed = code.render(data, size, _stay, asked, columns_first, memory, mirror, levels, out, line)
    return needed is not None


def pixels_of_file(data: bytes, size: tuple[int, int], window: Window) -> Image | None:
    """Returns (H, W, 3), the pixels of a window, in memory that this thread's next such call overwrites; None if it could not."""
    pixels = scratch("rendered", window.part.height * window.part.width * 3).reshape(window.part.height, window.part.width, 3)
    return pixels if render_file(data, size, window, pixels.transpose(2, 0, 1)) else None


def _stay(profile: bytes) -> bool:
    """Whether colours of a profile are left as they are."""
    return not isinstance(conversion_of(profile), Conversion)
