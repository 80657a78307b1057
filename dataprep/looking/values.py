"""The values of a batch as pixels again: what `Normalize` took away is given back."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataprep.stages import Normalize
from dataprep.types import Image


def as_array(values: Any) -> NDArray[Any]:
    """Returns a NumPy array of an array, or of a tensor on any device and of any type."""
    if isinstance(values, np.ndarray):
        return values
    values = values.detach().cpu()
    return np.asarray(values.float().numpy() if values.is_floating_point() else values.numpy())


def pixels_of(images: NDArray[Any], ops: Iterable[Any]) -> tuple[list[Image], str]:
    """Returns each (3, H, W) of a batch as (H, W, 3) RGB, 0..255, and a note where nothing says what its values mean.

    Args:
        images: (B, 3, H, W) uint8, or floats.
        ops: What made them, if it is known: the numbers of its `Normalize` are undone.
    """
    upright = images.transpose(0, 2, 3, 1)
    if images.dtype == np.uint8:
        return [np.ascontiguousarray(image) for image in upright], ""
    known = [numbers for op in ops if (numbers := _normalized_by(op)) is not None]
    if known:
        mean, std = map(np.array, known[0])
        values, note = (upright * std + mean) * 255, ""
    else:
        low, high = float(images.min(initial=0)), float(images.max(initial=0))
        values, note = _stretched(upright, low, high)
    shown = np.clip(np.nan_to_num(values) + 0.5, 0, 255).astype(np.uint8)
    return [np.ascontiguousarray(image) for image in shown], note


def _normalized_by(op: Any) -> Any:
    """Returns the mean and the std that an op normalises by, if it does."""
    return (op.mean, op.std) if isinstance(op, Normalize) and op.mean else getattr(op, "normalize", None)


def _stretched(values: NDArray[Any], low: float, high: float) -> tuple[NDArray[Any], str]:
    """Returns values as 0..255: as they are where they are such already, else from the least to the largest."""
    if low >= 0 and 1 < high <= 255:
        return values, ""
    if low >= 0 and high <= 1:
        return values * 255, ""
    note = f"Nothing says what the values mean; shown is {low:.2f} as black to {high:.2f} as white."
    return (values - low) * (255 / (high - low)), note
