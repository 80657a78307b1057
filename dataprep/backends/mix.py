"""Mixes a batch as `MixUp` and `CutMix` say: on NumPy arrays and on torch tensors alike, wherever these are."""

from typing import Any

import numpy as np

from dataprep.types import Batch, Params


def mixed(batch: Batch, params: Params, classes: int) -> Batch:
    """Returns the batch with each image mixed with the next, and (B, classes) float32 shares for labels.

    Args:
        batch: What a backend made.
        params: (B, 5) the share that an image keeps, then top, left, height and width of the box that comes from the next.
        classes: How many there are; a record without label has no share of any.
    """
    following = (np.arange(len(params)) + 1) % len(params)
    images = _pasted(batch.images, following, params[:, 1:].astype(int).tolist())
    shares = params[:, 0].astype(np.float32)
    if not params[:, 3].any():
        images = _blended(batch.images, following, shares)
    labels = np.asarray(batch.labels.tolist())
    one_hot = (labels[:, None] == np.arange(classes)).astype(np.float32)
    mixture = shares[:, None] * one_hot + (1 - shares[:, None]) * one_hot[following]
    return Batch(_of_type(batch.images, images), _like(batch.labels, mixture), batch.ids)


def _pasted(images: Any, following: Any, boxes: list[list[int]]) -> Any:
    """Returns the images with a box of the next one in each."""
    pasted = images.copy(order="K") if isinstance(images, np.ndarray) else images.clone()
    for place, (top, left, height, width) in enumerate(boxes):
        inside = (place, slice(None), slice(top, top + height), slice(left, left + width))
        pasted[inside] = images[(int(following[place]), *inside[1:])]
    return pasted


def _blended(images: Any, following: Any, shares: Any) -> Any:
    own = _like(images, shares.reshape(-1, 1, 1, 1))
    return images * own + images[following] * (1 - own)


def _of_type(like: Any, images: Any) -> Any:
    return images.astype(like.dtype, copy=False) if isinstance(images, np.ndarray) else images.to(like.dtype)


def _like(array: Any, numbers: Any) -> Any:
    """Returns float32 numbers as an array of the same library, on the same device."""
    return numbers if isinstance(array, np.ndarray) else array.new_tensor(numbers, dtype=_float32(array))


def _float32(tensor: Any) -> Any:
    return tensor.new_empty(0).float().dtype
