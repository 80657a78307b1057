"""The images of a batch as pictures: with their ids and labels, and what was drawn for each, as far as the batch knows."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataprep.arguments import is_whole
from dataprep.errors import LoaderError
from dataprep.looking.drawing import marked, told_targets
from dataprep.looking.pictures import SIDE, Picture, Pictures
from dataprep.looking.values import as_array, pixels_of
from dataprep.looking.words import told, told_mix
from dataprep.types import AnyBatch, Batch, Origin, TargetBatch

LABELS = 3
"""Labels of an image that has several, or shares of them, that are shown."""


def show(batch: AnyBatch, most: int = 16) -> Pictures:
    """Returns the images of a batch as a grid of pictures, each with its id, its label and what was drawn for it.

    What `Normalize` did is undone. Boxes, points, outlines and masks of a batch that has targets are drawn over its images, and
    named below, as are its texts and numbers. Batches that a loader gave know their classes, and what was drawn; of a copy, such
    as one on another device, the numbers are shown.

    Example:
        >>> batch = next(iter(dp.Loader(manifest, dp.Pipeline(dp.RandomResizedCrop(32)), batch_size=2, backend=FakeBackend())))
        >>> dp.show(batch)
        2 pictures: show them in a notebook, or `save` them to a file

    Args:
        batch: What a loader gives, on any device.
        most: How many images.

    Raises:
        LoaderError: It is no batch of images.
    """
    if not isinstance(batch, Batch | TargetBatch):
        raise LoaderError(f"show takes a batch, got {type(batch).__name__}; `next(iter(loader))` gives one")
    if not is_whole(most) or most < 1:
        raise LoaderError(f"show(most={most!r}): give at least 1 image")
    images = as_array(batch.images[:most])
    if images.ndim != 4 or images.shape[1] != 3:
        raise LoaderError(f"show takes a batch of (B, 3, H, W) images, got {images.shape}")
    ids, labels, origin = as_array(batch.ids), as_array(batch.labels), batch.origin
    pixels, note = pixels_of(images, () if origin is None else origin.ops)
    shown = []
    for index, image in enumerate(pixels):
        title = f"{ids[index]} · {_label(labels[index], () if origin is None else origin.classes)}"
        lines = () if origin is None else _drawn(origin, ids, index)
        if batch.targets:
            image = marked(image, batch.targets, index, SIDE)
            lines += told_targets(batch.targets, index, {} if origin is None else origin.vocabularies)
        shown.append(Picture(image, title, lines))
    left = len(ids) - len(pixels)
    notes = [note, f"and {left:,} more; `most=` shows them" if left > 0 else ""]
    return Pictures(tuple(shown), " ".join(filter(None, notes)))


def _drawn(origin: Origin, ids: NDArray[Any], index: int) -> tuple[str, ...]:
    """Returns what was drawn for one image of a batch, from which files that failed may have been left out."""
    recipe = origin.recipe
    at = index if np.array_equal(ids, recipe.ids) else int(np.flatnonzero(recipe.ids == ids[index])[0])
    lines = told(origin.ops, [drawn[at] for drawn in recipe.params])
    return lines if recipe.mixture is None else (*lines, told_mix(recipe.mixture, at))


def _label(label: Any, classes: Sequence[str]) -> str:
    """Returns the label of one image: a class, a number, or those of several classes that have the largest shares."""
    if np.ndim(label) == 0:
        if np.issubdtype(label.dtype, np.floating):
            return f"{label:.4g}"
        return "no label" if label < 0 else _name(int(label), classes)
    order = np.argsort(-label, kind="stable")
    found = [f"{_name(int(one), classes)}{'' if label[one] == 1 else f' {label[one]:.2f}'}" for one in order if label[one] > 0]
    return ", ".join([*found[:LABELS], "…"] if len(found) > LABELS else found) or "no label"


def _name(number: int, classes: Sequence[str]) -> str:
    return classes[number] if number < len(classes) else f"class {number}"
