"""What tests of several backends compare batches by."""

from collections.abc import Iterable

import numpy as np

from dataprep.types import Batch


def assert_same(ours: Iterable[Batch], theirs: Iterable[Batch]) -> None:
    """Checks that two runs gave the same batches to the last bit, be they arrays or tensors."""
    for one, other in zip(ours, theirs, strict=True):
        for mine, yours in zip(map(np.asarray, one), map(np.asarray, other), strict=True):
            assert mine.dtype == yours.dtype
            assert np.array_equal(mine, yours)
