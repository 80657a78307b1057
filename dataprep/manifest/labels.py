"""The labels of a manifest's kept rows as numbers: what a model learns, how many images each class has, what it should weigh."""

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dataprep.errors import ManifestError

LEARNT: Final = ("label", "labels", "value")
"""The columns that say what a model learns, those that there are."""

Numbers = NDArray[np.int64] | NDArray[np.float32]


def numbers_of(kept: pa.Table, classes: tuple[str, ...]) -> Numbers:
    """Returns what `Manifest.labels` does, of some rows."""
    if "labels" in kept.column_names:
        return _several(kept, classes)
    if "value" in kept.column_names and not classes:
        values: NDArray[np.float32] = pc.fill_null(kept["value"], np.nan).to_numpy().astype(np.float32)
        return values
    indices = pc.index_in(kept["label"], value_set=pa.array(classes, pa.string()))
    numbers: NDArray[np.int64] = pc.fill_null(indices, -1).to_numpy().astype(np.int64)
    return numbers


def counts_of(numbers: Numbers, classes: tuple[str, ...]) -> NDArray[np.int64]:
    """Returns (classes,) how many rows have each class.

    Raises:
        ManifestError: There are no classes.
    """
    if not classes:
        what = "its labels are numbers to learn" if numbers.dtype == np.float32 else "its images have no labels"
        raise ManifestError(f"the manifest has no classes to count: {what}")
    counts: NDArray[np.int64]
    if numbers.ndim == 2:
        counts = numbers.sum(axis=0).astype(np.int64)
        return counts
    counts = np.bincount(numbers[numbers >= 0].astype(np.int64), minlength=len(classes))
    return counts


def weights_of(numbers: Numbers, classes: tuple[str, ...]) -> NDArray[np.float32]:
    """Returns what `Manifest.class_weights` does."""
    counts = counts_of(numbers, classes)
    there = counts > 0
    if numbers.ndim == 2:
        total, weights = len(numbers) - counts, 1.0
    else:
        total, weights = counts.sum(), 1 / max(there.sum(), 1)
    return np.where(there, weights * total / np.maximum(counts, 1), 0).astype(np.float32)


def is_list_of_text(kind: pa.DataType) -> bool:
    """Returns whether a column holds lists of text."""
    item = getattr(kind, "value_type", None)
    return pa.types.is_nested(kind) and item is not None and (pa.types.is_string(item) or pa.types.is_large_string(item))


def _several(table: pa.Table, classes: tuple[str, ...]) -> NDArray[np.float32]:
    """Returns (N, classes) 1 where a row has the label, else 0; a row without a list, of another source, has its one label."""
    lists, known = table["labels"].combine_chunks(), pa.array(classes, pa.string())
    alone = np.flatnonzero(pc.is_null(lists).to_numpy(zero_copy_only=False))
    rows = np.concatenate([pc.list_parent_indices(lists).to_numpy(), alone])
    words = [*pc.list_flatten(lists).to_pylist(), *table["label"].take(pa.array(alone)).to_pylist()]
    numbers = pc.fill_null(pc.index_in(pa.array(words, pa.string()), value_set=known, skip_nulls=True), -1).to_numpy()
    many = np.zeros((len(lists), len(classes)), np.float32)
    many[rows[numbers >= 0], numbers[numbers >= 0]] = 1
    return many
