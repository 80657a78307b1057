"""Images that are bytes: in a column of a table in memory, or of a Parquet file.

A uri is the number of the row, and after it the name that the table has for the image. Bytes in memory are written once to a
temporary file, which workers map instead of each getting a copy; it goes when the source does. A Parquet file is read by whole
row groups, of which the last few are kept: in order that costs one read of each, at random up to one for each image.
"""

import os
import tempfile
import weakref
from functools import lru_cache, partial
from typing import Any, Final

import numpy as np
import pyarrow as pa
from attrs import field, frozen

from dataprep.describe import UNDESCRIBED, register
from dataprep.errors import SourceError
from dataprep.files import modified_of
from dataprep.sources.folder import absolute
from dataprep.sources.guess import is_bytes
from dataprep.sources.listing import Scan, held, in_memory, joined, quoted, reader, scan_of, with_scan
from dataprep.sources.names import uri_of
from dataprep.sources.options import Options
from dataprep.sources.table import describe_rows, tidy

DIGITS: Final = 9
"""Of the number of a row in a uri, so that uris are sorted as rows are."""

GROUPS: Final = 2
"""Row groups of Parquet files that a process keeps."""


@register
@frozen
class Bytes:
    """Images that were given as bytes in memory; `open_source` makes it of a data frame or a data set.

    Example:
        >>> import pandas as pd
        >>> frame = pd.DataFrame({"image": [encoded(photo(0)), encoded(photo(1))], "label": ["cat", "dog"]})
        >>> source = dp.open_source(frame)
        >>> isinstance(source, dp.Bytes), len(dp.clean(source))
        (True, 2)

    Attributes:
        file: The temporary file that holds the bytes; none in a source that a manifest opens, which cannot read.
        listing: The records.
    """

    file: str = field(default="", eq=False, repr=False, metadata={UNDESCRIBED: True})
    listing: pa.Table | None = in_memory()

    def records(self) -> pa.Table:
        """Lists the images, in the order of the rows; one without bytes is a row with an error."""
        return held(self.listing, self)

    def read(self, uri: str, start: int = 0, stop: int | None = None) -> bytes:
        """Returns the bytes `start` to `stop` of an image.

        Raises:
            SourceError: There is no such row, or nothing in it, or the images were in the memory of another process.
        """
        if not self.file:
            raise SourceError(
                "cannot be read: the images were in the memory of the process that made the manifest; give them again, as in "
                "`Manifest.read(path, data)`"
            )
        column = _mapped(self.file)
        return _part(column, row_of(uri, len(column)), start, stop)

    def __reduce__(self) -> tuple[Any, tuple[()]]:
        """Leaves the listing out of a pickled copy, which reads."""
        return partial(Bytes, self.file), ()


@register
@frozen
class Parquet:
    """Images that are bytes in a column of a Parquet file.

    Example:
        >>> import pyarrow as pa, pyarrow.parquet as pq
        >>> table = pa.table({"image": [encoded(photo(0)), encoded(photo(1))], "label": ["cat", "dog"]})
        >>> pq.write_table(table, "images.parquet")
        >>> dp.clean("images.parquet").class_counts()
        {'cat': 1, 'dog': 1}

    Attributes:
        file: The file.
        column: The column; bytes, or pairs of bytes and a path, as Hugging Face has them.
        listing: The records.
    """

    file: str = field(converter=absolute)
    column: str = "image"
    listing: pa.Table | None = in_memory()

    def records(self) -> pa.Table:
        """Lists the images, in the order of the rows; sizes are not known before one is read."""
        return held(self.listing, self)

    def read(self, uri: str, start: int = 0, stop: int | None = None) -> bytes:
        """Returns the bytes `start` to `stop` of an image.

        Raises:
            SourceError: The file cannot be read, or there is no such row, or nothing in it.
        """
        try:
            ends = _ends(self.file)
            row = row_of(uri, int(ends[-1]) if len(ends) else 0)
            group = int(np.searchsorted(ends, row, side="right"))
            return _part(_group(self.file, self.column, group), row - (int(ends[group - 1]) if group else 0), start, stop)
        except (pa.ArrowException, OSError, KeyError) as error:
            if isinstance(error, SourceError):
                raise
            raise SourceError(f"cannot be read: {error}") from error

    __reduce__ = reader


def hold(table: pa.Table, column: str, options: Options) -> Bytes:
    """Returns the source of a table in memory whose column holds the bytes of images."""
    data = bytes_of(table[column])
    folder = tempfile.gettempdir()
    descriptor, file = tempfile.mkstemp(".arrow", "dataprep-images-", folder)
    with os.fdopen(descriptor, "wb") as opened, pa.ipc.new_file(opened, pa.schema([("data", data.type)])) as writer:
        writer.write_table(pa.table({"data": data}), max_chunksize=64)
    sizes, errors = [], []
    for value in data:  # lengths, without a copy of the bytes
        sizes.append(len(value.as_buffer()) if value.is_valid else None)
        errors.append(None if value.is_valid else "cannot be read: there is nothing in its row")
    others = [field.name for field in table.schema if is_bytes(field.type) and field.name != column]
    listing = list_rows(table.drop_columns(others), column, options, {"bytes": sizes, "error": errors})
    source = Bytes(file, listing=_say_left_out(listing, table.schema, column))
    weakref.finalize(source, _remove, file, os.getpid())
    return source


def read_schema(file: str) -> pa.Schema:
    """Returns the schema of a Parquet file.

    Raises:
        SourceError: It is none.
    """
    import pyarrow.parquet as pq

    try:
        return pq.read_schema(file)
    except (pa.ArrowException, OSError) as error:
        raise SourceError(f"{file} cannot be read as a table (.parquet): {str(error).splitlines()[0]}") from error


def open_parquet(file: str, column: str, options: Options) -> Parquet:
    """Returns the source of a Parquet file whose column holds the bytes of images; reads all its columns that hold no bytes."""
    import pyarrow.parquet as pq

    schema = read_schema(file)
    names = [field.name for field in schema if not is_bytes(field.type)]
    kind = schema.field(column).type
    if pa.types.is_struct(kind) and kind.get_field_index("path") >= 0:
        with pq.ParquetFile(file) as opened:
            table = opened.read(columns=[*names, f"{column}.path"])
    else:
        columns = dict(zip(names, pq.read_table(file, columns=names).columns, strict=True))
        table = pa.table({**columns, column: pa.nulls(pq.read_metadata(file).num_rows)})
    modified = modified_of(os.stat(file))
    listing = list_rows(tidy(table), column, options, {"modified": [modified] * table.num_rows})
    return Parquet(file, column, listing=_say_left_out(listing, schema, column))


def _say_left_out(listing: pa.Table, schema: pa.Schema, column: str) -> pa.Table:
    """Returns a listing that names the columns of bytes beside the images', which are not carried along."""
    others = [field.name for field in schema if is_bytes(field.type) and field.name != column]
    said = (f"columns {quoted(others)} hold bytes and are left out",) if others else ()
    return with_scan(listing, joined([scan_of(listing), Scan(remarks=said)]))


def list_rows(table: pa.Table, column: str, options: Options, columns: dict[str, list[Any]]) -> pa.Table:
    """Returns the listing of a table with an image in each row."""
    names = names_in(table[column])
    uris = [uri_at(row, name) for row, name in enumerate(names)]
    return describe_rows({"uri": uris, **columns}, [[row] for row in range(len(uris))], table, column, options)


def uri_at(row: int, name: str | None) -> str:
    """Returns the uri of a row: its number, and the last step of the name that its image has there."""
    last = uri_of(os.path.basename(name)) if name else ""
    return f"{row:0{DIGITS}d}" + (f"-{last}" if last else "")


def row_of(uri: str, size: int) -> int:
    """Returns the row that a uri means.

    Raises:
        SourceError: There is none of so many.
    """
    digits = uri[:DIGITS]
    if not (len(digits) == DIGITS and digits.isascii() and digits.isdigit() and int(digits) < size):
        raise SourceError(f"cannot be read: {uri!r} is not one of the {size:,} rows")
    return int(digits)


def bytes_of(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Returns the bytes of a column of bytes, or of pairs of bytes and a path."""
    import pyarrow.compute as pc

    data = pc.struct_field(column, "bytes") if pa.types.is_struct(column.type) else column
    return data.cast(pa.large_binary())


def names_in(column: pa.ChunkedArray) -> list[str | None]:
    """Returns the names that images have beside their bytes."""
    import pyarrow.compute as pc

    if not pa.types.is_struct(column.type) or column.type.get_field_index("path") < 0:
        return [None] * len(column)
    return pc.struct_field(column, "path").to_pylist()  # type: ignore[no-any-return]  # pyarrow has no types


def _part(column: pa.ChunkedArray, row: int, start: int, stop: int | None) -> bytes:
    value = column[row]
    if not value.is_valid:
        raise SourceError("cannot be read: there is nothing in its row")
    size = len(value.as_buffer())
    first, last, _ = slice(start, stop).indices(size)
    return bytes(memoryview(value.as_buffer())[first:last])


@lru_cache(maxsize=8)
def _mapped(file: str) -> pa.ChunkedArray:
    """Returns the bytes in a temporary file."""
    try:
        return pa.ipc.open_file(pa.memory_map(file)).read_all()["data"]
    except (OSError, pa.ArrowException) as error:
        raise SourceError(f"cannot be read: the images in memory are gone with the source that held them ({file})") from error


@lru_cache(maxsize=32)
def _ends(file: str) -> "np.ndarray[Any, np.dtype[np.int64]]":
    """Returns (G,) the row after each row group."""
    import pyarrow.parquet as pq

    metadata = pq.read_metadata(file)
    return np.cumsum([metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)], dtype=np.int64)


@lru_cache(maxsize=GROUPS)
def _group(file: str, column: str, group: int) -> pa.ChunkedArray:
    """Returns the bytes of a row group."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(file) as opened:
        return bytes_of(opened.read_row_group(group, columns=[column])[column])


def _remove(file: str, process: int) -> None:
    """Removes a temporary file, unless this is a process that was forked from the one that made it."""
    if os.getpid() == process:
        os.unlink(file)
