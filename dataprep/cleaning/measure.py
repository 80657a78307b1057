"""What is measured of one image after the other: the pure function that engines run, in processes that load little else."""

import hashlib
from collections.abc import Sequence
from typing import Final

import pyarrow as pa

from dataprep.columns import fields_of
from dataprep.errors import DecodeError, SourceError
from dataprep.images.decode import decode
from dataprep.images.limits import MAX_PIXELS, quiet_decoders
from dataprep.images.views import reduce
from dataprep.protocols import Measure, Source

FACTS: Final = fields_of("read")
"""What is known of every image that was read, whatever is measured."""


def measure_batch(
    records: pa.RecordBatch, measures: tuple[Measure, ...], source: Source, max_pixels: int = MAX_PIXELS
) -> pa.RecordBatch:
    """Reads and measures some images: the pure function that engines run.

    Args:
        records: Columns row, uri, bytes, modified.
        measures: What to measure.
        source: Reads the uris.
        max_pixels: Larger images get an error.

    Returns:
        The columns of `records`, then digest, format, height, width, remark, error, then those of the measures, null on error.
    """
    with quiet_decoders(max_pixels):
        rows = [_measure_one(uri, measures, source, max_pixels) for uri in records["uri"].to_pylist()]
    return _with_columns(records, measures, rows)


def lost_batch(records: pa.RecordBatch, error: str, measures: tuple[Measure, ...]) -> pa.RecordBatch:
    """Returns what `measure_batch` would, for records whose process died."""
    return _with_columns(records, measures, [{"error": error}] * records.num_rows)


def _measure_one(uri: str, measures: tuple[Measure, ...], source: Source, max_pixels: int) -> dict[str, object]:
    """Returns facts and measures of one image: one read, and one decode for each view (scale and channels) that is asked for.

    A view is never made from a larger one: a reduced decode has slightly other values than a whole one that is reduced, and
    what a measure finds must depend neither on what else is measured with it nor on what a cache knew already.
    """
    try:
        data = source.read(uri)
    except SourceError as error:
        return {"error": str(error)}
    digest = hashlib.sha256(data).hexdigest()
    row: dict[str, object] = {"digest": digest}
    views = dict.fromkeys([(measure.side, measure.channels) for measure in measures] or [(1, 1)])
    try:
        for side, channels in views:
            found = decode(data, side=side, channels=channels, max_pixels=max_pixels, reuse=True)
            row |= {"format": found.format, "height": found.height, "width": found.width, "remark": found.remark}
            image = reduce(found.image, side)
            for measure in measures:
                if (measure.side, measure.channels) == (side, channels):
                    row |= measure.measure(image)
    except DecodeError as error:
        return {"digest": digest, "error": str(error)}
    return row


def _with_columns(records: pa.RecordBatch, measures: tuple[Measure, ...], rows: Sequence[dict[str, object]]) -> pa.RecordBatch:
    fields = [*FACTS, *(field for measure in measures for field in measure.fields)]
    arrays = [pa.array([row.get(field.name) for row in rows], field.type) for field in fields]
    return pa.RecordBatch.from_arrays([*records.columns, *arrays], schema=pa.schema([*records.schema, *fields]))
