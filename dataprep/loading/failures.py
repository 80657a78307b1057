"""What becomes of a batch with files that failed: an error, a smaller batch, or good images in their place."""

from typing import Final, Literal, TypeAlias

import numpy as np

from dataprep.errors import LoaderError
from dataprep.types import Batch, Rendered

OnError: TypeAlias = Literal["raise", "skip", "replace"]

POLICIES: Final = ("raise", "skip", "replace")


def settle(rendered: Rendered, on_error: OnError) -> Batch | None:
    """Returns the batch that the loop gets, None if no image of it is left.

    Args:
        rendered: The batch, black where a file failed.
        on_error: "raise" raises an error at the first file that failed; "skip" leaves failed ones out; "replace" puts the next
            good image of the same batch, with its label and id, in the place of a failed one.
    """
    batch, failures, _ = rendered
    if not failures:
        return batch
    if on_error == "raise":
        raise LoaderError(failures[0].why)
    count, bad = len(batch.ids), {failure.index for failure in failures}
    good = [index for index in range(count) if index not in bad]
    if on_error == "skip":
        return Batch(*(array[good] for array in batch)) if good else None
    if not good:
        raise LoaderError(f"no file of a batch is left to replace the others with; the first: {failures[0].why}")
    follows = np.array(good)[np.searchsorted(good, np.arange(count)) % len(good)]
    for array in batch:
        for index in sorted(bad):
            array[index] = array[int(follows[index])]
    return batch
