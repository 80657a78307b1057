"""What is measured of one image after the other: the pure function that engines run, in processes that load little else."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dataprep.columns import fields_of
from dataprep.errors import DecodeError, SourceError
from dataprep.fetched import Fetched
from dataprep.images.decode import decode
from dataprep.images.exif import captured
from dataprep.images.limits import MAX_PIXELS, quiet_decoders, refuse_large
from dataprep.machine import cores
from dataprep.protocols import Engine, Measure, Source
from dataprep.stages.measures.compiled import measure_view

FACTS: Final = fields_of("read")
"""What is known of every image that was read, whatever is measured."""

SCANNED: Final = ("row", "uri", "bytes", "modified", "version")
"""What of a scan is sent to those who read, where the source tells it."""

AGAIN: Final = 3
"""How often a file is read once more that is not the one which was listed."""

SHARES: Final = 4
"""A batch is this part of what each core has left."""

DIGESTS: Final = pa.schema([pa.field("row", pa.int64()), *(field for field in FACTS if field.name in ("digest", "error"))])


def batches(records: pa.Table, rows: NDArray[np.int64], sizes: Iterable[int]) -> Iterator[pa.RecordBatch]:
    """Yields what of the given rows of a scan is sent to those who read, so many rows at a time as `sizes` say."""
    names = [name for name in SCANNED[1:] if name in records.column_names]
    start = 0
    for size in sizes:
        part = pa.array(rows[start : start + size])
        table = records.select(names).take(part).combine_chunks()
        yield pa.RecordBatch.from_arrays([part, *(column.combine_chunks() for column in table.columns)], names=["row", *names])
        start += size


def shares(count: int, least: int, most: int, workers: int) -> Iterator[int]:
    """Yields sizes of batches that make up `count` images: ever smaller ones, so that all workers end at about the same time.

    Source: Polychronopoulos and Kuck, "Guided self-scheduling: a practical scheduling scheme for parallel supercomputers", 1987.
    """
    while count > 0:
        size = min(max(count // (SHARES * workers), least), most, count)
        yield size
        count -= size


def cores_of(engine: Engine) -> int:
    """Returns on how many cores an engine measures: those of this machine, unless it says otherwise."""
    count: int = getattr(engine, "cores", cores)()
    return count


def measure_batch(
    records: pa.RecordBatch, measures: tuple[Measure, ...], source: Source, max_pixels: int = MAX_PIXELS
) -> pa.RecordBatch:
    """Reads and measures some images: the pure function that engines run.

    Args:
        records: Columns row, uri, bytes, modified, and version where the source has versions.
        measures: What to measure.
        source: Reads the uris.
        max_pixels: Larger images get an error.

    Returns:
        The columns of `records`, then digest, format, height, width, remark, captured, error, then those of the measures, null
        on error.
    """
    with quiet_decoders(max_pixels):
        rows = [_measure_one(listed, measures, source, max_pixels) for listed in _listed(records)]
    return _with_columns(records, measures, rows)


def lost_batch(records: pa.RecordBatch, error: str, measures: tuple[Measure, ...]) -> pa.RecordBatch:
    """Returns what `measure_batch` would, for records whose process died."""
    return _with_columns(records, measures, [{"error": error}] * records.num_rows)


def digest_batch(records: pa.RecordBatch, source: Source, max_pixels: int = MAX_PIXELS) -> pa.RecordBatch:
    """Reads some images and returns their row, digest, and error where they cannot be read."""
    named = zip(records["row"].to_pylist(), _listed(records), strict=True)
    rows = [{"row": row} | _digest_one(listed, source, max_pixels) for row, listed in named]
    return pa.RecordBatch.from_pylist(rows, DIGESTS)


def lost_digests(records: pa.RecordBatch, error: str) -> pa.RecordBatch:
    """Returns what `digest_batch` would, for records whose process died."""
    return pa.RecordBatch.from_pylist([{"row": row, "error": error} for row in records["row"].to_pylist()], DIGESTS)


class _Listed(NamedTuple):
    """What the scan knows of a file: its uri, its size in bytes, and which of its contents it is, where the source tells."""

    uri: str
    bytes: int | None
    version: str | None


def _listed(records: pa.RecordBatch) -> Iterator[_Listed]:
    versions = records["version"].to_pylist() if "version" in records.schema.names else [None] * records.num_rows
    return map(_Listed, records["uri"].to_pylist(), records["bytes"].to_pylist(), versions)


def _digest_one(listed: _Listed, source: Source, max_pixels: int) -> dict[str, object]:
    try:
        return {"digest": hashlib.sha256(_read(listed, source, max_pixels)).digest()}
    except (SourceError, DecodeError) as error:
        return {"error": str(error)}


def _measure_one(listed: _Listed, measures: tuple[Measure, ...], source: Source, max_pixels: int) -> dict[str, object]:
    """Returns facts and measures of one image: one read, and one decode for each view (scale and channels) that is asked for.

    A view is never made from a larger one: a reduced decode has slightly other values than a whole one that is reduced, and
    what a measure finds must depend neither on what else is measured with it nor on what a cache knew already. An error without
    a digest is of the moment, or of the source: nobody remembers it.
    """
    try:
        data = _read(listed, source, max_pixels)
    except (SourceError, DecodeError) as error:
        return {"error": str(error)}
    digest = hashlib.sha256(data).digest()
    row: dict[str, object] = {"digest": digest}
    views = dict.fromkeys([(measure.side, measure.channels) for measure in measures] or [(1, 1)])
    try:
        for side, channels in views:
            found = decode(data, side=side, channels=channels, max_pixels=max_pixels, reuse=True)
            row |= {"format": found.format, "height": found.height, "width": found.width, "remark": found.remark}
            seeing = [measure for measure in measures if (measure.side, measure.channels) == (side, channels)]
            row |= measure_view(found.image, side, seeing)
    except DecodeError as error:
        return {"digest": None if _passes(error.__cause__) else digest, "error": str(error)}
    return row | {"captured": captured(data)}


def _read(listed: _Listed, source: Source, max_pixels: int) -> bytes:
    """Returns the bytes of a file that is not too large for an image, and is the one that was listed, if the source tells.

    Raises:
        SourceError: It cannot be read, has been changed, or there is no memory for it.
        DecodeError: It is too large.
    """
    refuse_large(listed.bytes, max_pixels)
    try:
        data = source.read(listed.uri)
        for _ in range(AGAIN):  # for a moment, a store may answer with what it had before
            if _is_other(data, listed):
                data = getattr(source, "read_again", source.read)(listed.uri)
    except MemoryError as error:
        raise SourceError("cannot be read: out of memory") from error
    if _is_other(data, listed):
        raise SourceError("cannot be read: was changed since it was listed; run `clean` again")
    refuse_large(len(data), max_pixels)
    return data


def _is_other(data: bytes, listed: _Listed) -> bool:
    return isinstance(data, Fetched) and listed.version not in (None, data.version)


def _passes(cause: BaseException | None) -> bool:
    """Returns whether a fault may be of the machine at this moment, and not of the file: memory, or files that are open."""
    return isinstance(cause, MemoryError | ImportError) or (isinstance(cause, OSError) and cause.errno is not None)


def _with_columns(records: pa.RecordBatch, measures: tuple[Measure, ...], rows: Sequence[dict[str, object]]) -> pa.RecordBatch:
    fields = [*FACTS, *(field for measure in measures for field in measure.fields)]
    arrays = [pa.array([row.get(field.name) for row in rows], field.type) for field in fields]
    return pa.RecordBatch.from_arrays([*records.columns, *arrays], schema=pa.schema([*records.schema, *fields]))
