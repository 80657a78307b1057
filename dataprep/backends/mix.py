"""Mixes a batch as `MixUp` and `CutMix` drew: on NumPy arrays and on torch tensors alike, wherever these are."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataprep.types import Batch, Failure, Mixture


def mix_batch(batch: Batch[Any], mixture: Mixture | None, failures: Sequence[Failure] = ()) -> Batch[Any]:
    """Returns the batch with each image mixed with the next one, and (B, classes) float32 shares for labels.

    The last step of every backend. A file that failed is nobody's partner: the next one that could be read takes its place.

    Example:
        >>> batch = dp.Batch(np.zeros((2, 3, 8, 8), np.float32), np.array([0, 1]), np.arange(2))
        >>> dp.mix_batch(batch, dp.Mixture(np.array([[0.75, 0, 0, 0, 0]] * 2), classes=2)).labels.tolist()
        [[0.75, 0.25], [0.25, 0.75]]

    Args:
        batch: What a backend made; it stays as it is.
        mixture: What was drawn for it; None returns the batch.
        failures: Which of its files failed.
    """
    if mixture is None:
        return batch
    partners = partners_of(len(mixture.params), {failure.index for failure in failures})
    images = _paste(batch.images, partners, mixture.params[:, 1:].astype(int).tolist())
    shares = mixture.params[:, 0].astype(np.float32)
    if not mixture.params[:, 3].any():
        images = _blend(batch.images, partners, shares)
    labels = np.asarray(batch.labels.tolist())
    is_shared = labels.ndim == 2  # of images that have several
    one_hot = (labels if is_shared else labels[:, None] == np.arange(mixture.classes)).astype(np.float32)
    shared = shares[:, None] * one_hot + (1 - shares[:, None]) * one_hot[partners]
    return Batch(_of_type(batch.images, images), _like(batch.labels, shared), batch.ids)


def partners_of(count: int, failed: set[int]) -> NDArray[np.int64]:
    """Returns (count,) the index of the image that each one is mixed with: the next one, around the end, that did not fail."""
    good = np.array([index for index in range(count) if index not in failed] or range(count))
    return good[np.searchsorted(good, np.arange(count), side="right") % len(good)]


def _paste(images: Any, partners: NDArray[np.int64], boxes: list[list[int]]) -> Any:
    """Returns the images with a box of their partner in each."""
    pasted = images.copy(order="K") if isinstance(images, np.ndarray) else images.clone()
    for index, (top, left, height, width) in enumerate(boxes):
        inside = (slice(None), slice(top, top + height), slice(left, left + width))
        pasted[(index, *inside)] = images[(int(partners[index]), *inside)]
    return pasted


def _blend(images: Any, partners: NDArray[np.int64], shares: NDArray[np.float32]) -> Any:
    """Returns share * image + (1 - share) * partner, computed in float32."""
    own = _like(images, shares.reshape(-1, 1, 1, 1))
    return images * own + images[partners] * (1 - own)


def _of_type(like: Any, images: Any) -> Any:
    return images.astype(like.dtype, copy=False) if isinstance(images, np.ndarray) else images.to(like.dtype)


def _like(array: Any, numbers: NDArray[np.float32]) -> Any:
    """Returns float32 numbers as an array of the same library, on the same device."""
    return numbers if isinstance(array, np.ndarray) else array.new_tensor(numbers, dtype=_float32(array))


def _float32(tensor: Any) -> Any:
    return tensor.new_empty(0).float().dtype
