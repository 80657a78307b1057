"""Mean and std of the images that are trained on: exact, from the integer sums that `ChannelSums` measured.

Which images those are is a matter of the splits: all but the protected ones, and where a split is called train, it alone. One
normalisation is for all splits; what is evaluated with another one than it was trained with is another image.
"""

from collections.abc import Collection
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from dataprep.types import Statistics

TRAINING: Final = ("train", "training")
"""Splits that are trained on, and no other beside them."""
HELD_OUT: Final = ("test", "val", "valid", "validation", "dev", "eval", "holdout")
"""Splits that are not trained on."""


def train_rows(table: pa.Table, protected: Collection[str] = ()) -> pa.Table:
    """Returns the rows that are trained on.

    Args:
        table: With a column `split`.
        protected: Splits that are held out, whatever they are called.
    """
    splits = set(table["split"].drop_null().unique().to_pylist()) - set(protected)
    training = {split for split in splits if split.casefold() in TRAINING}
    if training:
        return table.filter(pc.is_in(table["split"], pa.array(sorted(training), pa.string())))
    held_out = {split for split in splits if split.casefold() in HELD_OUT} | set(protected)
    return table.filter(pc.invert(pc.is_in(table["split"], pa.array(sorted(held_out), pa.string()))))


def statistics_of(table: pa.Table) -> Statistics | None:
    """Returns mean and std over all pixels of the kept rows, None where there is none.

    Args:
        table: With the columns of `ChannelSums`.
    """
    kept = table.filter(table["keep"])
    if kept.num_rows == 0:
        return None
    pixels = int(pc.sum(pc.multiply_checked(kept["height"].cast(pa.int64()), kept["width"].cast(pa.int64()))).as_py())
    sums, squares = (_totals(kept[name]) for name in ("channel_sums", "channel_squares"))
    mean = [total / pixels for total in sums]
    # pixels * squares - sums**2 in integers: no cancellation
    std = [(pixels * square - total * total) ** 0.5 / pixels for square, total in zip(squares, sums, strict=True)]
    scaled = [tuple(value / 255 for value in values) for values in (mean, std)]
    return Statistics(scaled[0], scaled[1], kept.num_rows, pixels)  # type: ignore[arg-type]  # three channels each


def _totals(column: pa.ChunkedArray) -> list[int]:
    """Returns the sum of each of three channels as integers of any size."""
    values = column.combine_chunks().flatten().to_numpy(zero_copy_only=False).reshape(-1, 3)
    # high and low words are summed apart: the squares of 1e8 large images do not fit 64 bits
    return [(int((channel >> 32).sum()) << 32) + int((channel & 0xFFFFFFFF).sum()) for channel in values.T]
