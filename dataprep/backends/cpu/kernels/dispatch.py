"""The dispatch on the type of an op, which each module of this package registers its kernels at."""

import traceback
from functools import singledispatch
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from dataprep.errors import DataprepError, LoaderError, PipelineError
from dataprep.protocols import Op
from dataprep.types import Image, Params


class KernelError(LoaderError):
    """An op raised an error on an image."""


def run_kernels(ops: tuple[Op, ...], image: NDArray[Any], params: list[Params]) -> NDArray[Any]:
    """Returns an image after some ops, laid out as the last one says, each with the (k,) parameters drawn for it.

    Raises:
        KernelError: An op did on this image, whatever it raised.
    """
    for op, drawn in zip(ops, params, strict=True):
        try:
            image = kernel(op, image, drawn)
        except DataprepError:
            raise  # on purpose: an op that does not keep to what it says is no matter of one image
        except Exception as error:
            raise KernelError(f"`{type(op).__name__}` raised {_words(error)}") from error
    return image


def _words(error: Exception) -> str:
    """Returns what an error says and where it was raised, in one line; from a worker, that is all there is of it."""
    at = traceback.extract_tb(error.__traceback__)[-1]
    said = " ".join(str(error).split())[:200]
    return f"{type(error).__name__}: {said} ({Path(at.filename).name}, line {at.lineno}, in {at.name})"


@singledispatch
def kernel(op: Op, image: Image, params: Params) -> NDArray[Any]:
    """Returns the image after one op, laid out as the `spec` of the op says; `register` adds an op of your own.

    Example:
        >>> dp.kernel(dp.HorizontalFlip(), photo(0, 4, 6), np.array([1.0])).shape
        (4, 6, 3)

    Args:
        op: What to do; its type chooses the function.
        image: (H, W, 3) uint8, unless an op before said otherwise; not to be changed.
        params: (k,) the numbers drawn for this image.
    """
    name = type(op).__name__
    raise PipelineError(f"`{name}` has no CPU kernel; register one: `@kernel.register` on a function (op: {name}, image, params)")
