"""What is known of the records and what is not: columns that come in parts, from the cache and from measuring, put together."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dataprep.cleaning.measure import FACTS
from dataprep.protocols import Measure


class Found(NamedTuple):
    """Columns that are known of some rows.

    Attributes:
        rows: (F,) rows of the scan.
        table: F rows of columns.
    """

    rows: NDArray[np.int64]
    table: pa.Table


def lacking(records: pa.Table, measures: tuple[Measure, ...], known: list[Found]) -> dict[tuple[Measure, ...], NDArray[np.int64]]:
    """Returns which rows lack which measures; rows that the scan could not look at lack none, nor do those known as broken."""
    lacks = np.zeros((1 + len(measures), records.num_rows), bool)  # facts first, then each measure
    for group, columns in enumerate(_groups(measures)):
        lacks[group] = _indices(records.num_rows, known, columns) < 0
    lacks &= pc.is_null(records["error"]).to_numpy() & (_broken(records.num_rows, known) < 0)
    # patterns: (distinct, 1 + measures), which: (N,) the index of each row's
    patterns, which = np.unique(lacks.T, axis=0, return_inverse=True)
    found: dict[tuple[Measure, ...], NDArray[np.int64]] = {}
    for index, pattern in enumerate(patterns):
        if pattern.any():
            needed = tuple(measure for measure, lacks_it in zip(measures, pattern[1:], strict=True) if lacks_it)
            rows = np.flatnonzero(which.ravel() == index)
            found[needed] = np.sort(np.concatenate([found.get(needed, rows[:0]), rows]))
    return found


def laid_together(parts: Iterable[Found], rows: int) -> Iterator[Found]:
    """Yields the same in parts of so many rows or more, where neighbours have the same columns."""
    gathered: list[Found] = []
    for part in parts:
        if gathered and part.table.column_names != gathered[0].table.column_names:
            yield _joined(gathered)
            gathered = []
        gathered.append(part)
        if sum(len(one.rows) for one in gathered) >= rows:
            yield _joined(gathered)
            gathered = []
    if gathered:
        yield _joined(gathered)


def _joined(parts: list[Found]) -> Found:
    tables = [part.table.replace_schema_metadata(None) for part in parts]
    return Found(np.concatenate([part.rows for part in parts]), pa.concat_tables(tables).combine_chunks())


def assemble(records: pa.Table, measures: tuple[Measure, ...], parts: list[Found]) -> pa.Table:
    """Returns one row for each record: the scan's columns, the facts, the measures.

    Args:
        records: The scan.
        measures: What was to be measured.
        parts: What is known; the list is empty afterwards, so that no column is held twice.
    """
    size, given = records.num_rows, parts
    parts = _merged(given)
    given.clear()
    table = records.drop_columns(["error"]).replace_schema_metadata(None)
    table = table.add_column(0, "id", pa.array(np.arange(size, dtype=np.int64)))
    schema = {field.name: field for fields in (FACTS, *(measure.fields for measure in measures)) for field in fields}
    facts, broken = _groups(measures)[0], _broken(size, parts)
    for columns in _groups(measures):
        indices = np.where(broken < 0, _indices(size, parts, columns), broken if columns == facts else -1)
        having = [bool(_having([part], columns)) for part in parts]
        for name in columns:
            those = [part for part, has in zip(parts, having, strict=True) if has]
            table = table.append_column(schema[name], _in_order(schema[name].type, those, name, indices))
            del those
            parts = [part._replace(table=_without(part.table, name)) for part in parts]
            pa.default_memory_pool().release_unused()  # or what was freed stays with this process
    error = pc.coalesce(records["error"], table["error"])
    return table.drop_columns(["error"]).append_column("error", error)


def _in_order(kind: pa.DataType, parts: list[Found], name: str, indices: NDArray[np.int64]) -> pa.Array | pa.ChunkedArray:
    """Returns a column of all rows.

    Args:
        kind: Its type.
        parts: Those that have it.
        name: Its name.
        indices: (N,) where each row is in the parts laid end to end, -1 where it is in none.
    """
    if not _is_of_bytes(kind):
        known = pa.chunked_array([chunk for part in parts for chunk in part.table[name].chunks], kind)
        return known.take(pa.array(indices, mask=indices < 0))
    values, valid = np.zeros((len(indices), kind.bit_width // 8), np.uint8), np.zeros(len(indices), bool)
    start = 0
    for rows, column in ((rows, chunk.cast(kind)) for part in parts for rows, chunk in _chunks(part, name)):
        taken = np.flatnonzero(indices[rows] == np.arange(start, start + len(rows)))
        start += len(rows)
        valid[rows[taken]] = pc.is_valid(column).to_numpy(zero_copy_only=False)[taken]
        values[rows[taken]] = _bytes_of(column)[taken]
    mask = None if valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little"))
    return pa.Array.from_buffers(kind, len(indices), [mask, pa.py_buffer(values)])


def _chunks(part: Found, name: str) -> Iterator[tuple[NDArray[np.int64], pa.Array]]:
    """Yields a column piece by piece, each with its rows."""
    start = 0
    for chunk in part.table[name].chunks:
        yield part.rows[start : start + len(chunk)], chunk
        start += len(chunk)


def _is_of_bytes(kind: pa.DataType) -> bool:
    """Returns whether each value is of the same number of whole bytes."""
    return pa.types.is_fixed_size_binary(kind) or (
        (pa.types.is_primitive(kind) or pa.types.is_temporal(kind)) and not pa.types.is_boolean(kind)
    )


def _bytes_of(column: pa.Array) -> NDArray[np.uint8]:
    """Returns (N, bytes) the values of a column, a view of its memory."""
    width = column.type.bit_width // 8
    return np.frombuffer(column.buffers()[1] or b"", np.uint8).reshape(-1, width)[column.offset : column.offset + len(column)]


def _without(table: pa.Table, name: str) -> pa.Table:
    """Returns a table without a column that is not asked for any more; errors are, to the end."""
    return table.drop_columns([name]) if name in table.column_names and name != "error" else table


def _merged(parts: list[Found]) -> list[Found]:
    """Returns the same in fewer parts: those of the same columns that follow each other as one, in chunks as they came."""
    merged = []
    for _, group in groupby(parts, key=lambda part: part.table.column_names):
        alike = list(group)
        tables = [part.table.replace_schema_metadata(None) for part in alike]
        merged.append(Found(np.concatenate([part.rows for part in alike]), pa.concat_tables(tables)))
    return merged


def _groups(measures: tuple[Measure, ...]) -> list[list[str]]:
    """Returns the columns that come together: the facts, then those of each measure."""
    return [[field.name for field in fields] for fields in (FACTS, *(measure.fields for measure in measures))]


def _indices(size: int, parts: list[Found], columns: list[str]) -> NDArray[np.int64]:
    """Returns where each row is in the parts that have these columns, laid end to end; -1 where it is in none."""
    indices = np.full(size, -1, np.int64)
    offset = 0
    for part in _having(parts, columns):
        indices[part.rows] = offset + np.arange(len(part.rows))
        offset += len(part.rows)
    return indices


def _broken(size: int, parts: list[Found]) -> NDArray[np.int64]:
    """Returns where each row whose decoding failed is in the parts laid end to end, -1 for the others.

    Another measure may have seen more of the same file, or less, and found no fault: that it fails is what counts.
    """
    indices = np.full(size, -1, np.int64)
    if parts:
        failed = np.flatnonzero(np.concatenate([pc.is_valid(part.table["error"]).to_numpy() for part in parts]))
        indices[np.concatenate([part.rows for part in parts])[failed]] = failed
    return indices


def _having(parts: list[Found], columns: list[str]) -> list[Found]:
    return [part for part in parts if set(columns) <= set(part.table.column_names)]
