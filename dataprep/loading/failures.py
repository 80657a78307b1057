"""What becomes of a batch with files that failed: an error, a smaller batch, or good images in their place."""

from typing import Any, Final, Literal, TypeAlias

import numpy as np
from attrs import define

from dataprep.errors import LoaderError
from dataprep.loading.arguments import MOVED
from dataprep.targets.marks import chosen, split
from dataprep.types import AnyBatch, Batch, Failure, Rendered, TargetBatch, Targets

OnError: TypeAlias = Literal["raise", "skip", "replace"]

POLICIES: Final = ("raise", "skip", "replace")
IN_A_ROW: Final = 8  # files, of two batches or more, of which none is left: then something else is wrong than some files


def settle(rendered: Rendered, on_error: OnError) -> AnyBatch | None:
    """Returns the batch that the loop gets, None if no image of it is left.

    Args:
        rendered: The batch, black where a file failed.
        on_error: "raise" raises an error at the first file that failed; "skip" leaves failed ones out; "replace" puts the next
            good image of the same batch, with its label, id and targets, in the place of a failed one.
    """
    batch, failures, targets = rendered.batch, rendered.failures, rendered.targets
    if not failures:
        return _with_targets(batch, targets)
    if on_error == "raise":
        raise LoaderError(failures[0].why)
    count, bad = len(batch.ids), {failure.index for failure in failures}
    good = [index for index in range(count) if index not in bad]
    if on_error == "skip":
        left = None if targets is None else chosen(targets, np.array(good, np.int64))
        return _with_targets(Batch(*(array[good] for array in batch)), left) if good else None
    if not good:
        raise LoaderError(f"no file of a batch is left to replace the others with; the first: {failures[0].why}")
    follows = np.array(good)[np.searchsorted(good, np.arange(count)) % len(good)]
    for array in batch:
        for index in sorted(bad):
            array[index] = array[int(follows[index])]
    return _with_targets(batch, None if targets is None else chosen(targets, follows))


def _with_targets(batch: Batch[Any], targets: Targets | None) -> AnyBatch:
    """Returns what the loop gets."""
    return batch if targets is None else TargetBatch(*batch, split(targets))


@define
class Losses:
    """What was left out in a loop: some files, or all there is, which is not what a policy for some is for.

    Attributes:
        batches: Whole batches, one after the other.
        files: The files of these.
        delivered: Whether the loop had any image.
        first: The first file that failed.
    """

    batches: int = 0
    files: int = 0
    delivered: bool = False
    first: Failure | None = None

    def check(self, rendered: Rendered, batch: AnyBatch | None) -> AnyBatch | None:
        """Returns what is left of a batch.

        Raises:
            LoaderError: Nothing is, and nothing of those before it.
        """
        self.first = self.first or next(iter(rendered.failures), None)
        if batch is not None:
            self.batches, self.files, self.delivered = 0, 0, True
            return batch
        self.batches, self.files = self.batches + 1, self.files + len(rendered.failures)
        if self.batches > 1 and self.files >= IN_A_ROW:
            raise LoaderError(f"no image is left of {self.batches} batches in a row; {self._why()}")
        return None

    def check_all(self) -> None:
        """Raises a `LoaderError` at the end of a loop that had no image though there were some."""
        if self.first is not None and not self.delivered:
            raise LoaderError(f"no image is left of the epoch; {self._why()}")

    def _why(self) -> str:
        return f"the first: {self.first.why if self.first else ''}; {MOVED}"
