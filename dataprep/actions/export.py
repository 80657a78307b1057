"""The records of a manifest for other tools: CSV and JSON lines of every record, or a plain list of the kept files.

What such files cannot hold is put plainly: hashes as hex, triples as one column each in CSV, NaN as null in JSON. Names are
uris, so that both are valid UTF-8; the plain list has the names as they are on the disk.
"""

import json
import math
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import IO, Any, Literal, get_args

import pyarrow as pa
import pyarrow.compute as pc

from dataprep.actions.places import Files, files_of
from dataprep.actions.tools import write_cleanvision, write_fiftyone
from dataprep.columns import names_of
from dataprep.errors import DataprepError, suggestion
from dataprep.files import naming, replacing
from dataprep.manifest import Manifest, check_manifest

Kind = Literal["csv", "jsonl", "txt", "fiftyone", "cleanvision"]

FIRST = ("id", "uri", "label", "split", *names_of("verdict"))
"""What people look for first; the other columns follow as they are in the manifest."""


def export(manifest: Manifest, path: str | Path, kind: Kind) -> None:
    """Writes a file, to a temporary name first, over a former one.

    Example:
        >>> dp.export(manifest, "records.csv", "csv")
        >>> dp.export(manifest, "kept.txt", "txt")
        >>> with open("kept.txt") as file:
        ...     len(file.readlines())
        12

    Args:
        manifest: What of.
        path: The file.
        kind: "csv" or "jsonl", every record with the uri of its twin; "txt", the absolute paths of the kept files, one a line;
            "fiftyone", the kept files with their labels, as JSON that FiftyOne reads; "cleanvision", the table of issues, as CSV
            that `Imagelab.issues.to_csv` writes.

    Raises:
        DataprepError: It cannot be written, or there are no paths for one that names files.
    """
    check_manifest(manifest, "export")
    writers: dict[str, Callable[[Manifest, IO[bytes]], None]] = {"csv": _write_csv, "jsonl": _write_jsonl, "txt": _write_paths}
    writers |= {"fiftyone": partial(_write_by_paths, write_fiftyone), "cleanvision": partial(_write_by_paths, write_cleanvision)}
    if kind not in writers:
        raise DataprepError(f"records cannot be exported as {kind!r}; {suggestion(kind, get_args(Kind))}")
    with naming(path), replacing(path) as temporary, open(temporary, "wb") as file:
        writers[kind](manifest, file)


def records(manifest: Manifest) -> pa.Table:
    """Returns every record, hashes as hex and the twin as its uri."""
    table = manifest.table
    twins = pc.index_in(table["twin"], value_set=table["id"].combine_chunks())
    table = table.set_column(table.schema.get_field_index("twin"), "twin", table["uri"].take(twins))
    table = table.select([*FIRST, *(name for name in table.column_names if name not in FIRST)])
    for index, field in enumerate(table.schema):
        if _is_binary(field.type):
            texts = [None if value is None else value.hex() for value in table[index].to_pylist()]
            table = table.set_column(index, field.name, pa.array(texts, pa.string()))
    return table


def _write_csv(manifest: Manifest, file: IO[bytes]) -> None:
    from pyarrow.csv import write_csv

    columns: dict[str, Any] = {}
    table = records(manifest)
    for name, column in zip(table.column_names, table.columns, strict=True):
        if pa.types.is_nested(column.type):
            columns[name] = pa.array([None if value is None else _json(value) for value in column.to_pylist()], pa.string())
        else:
            columns[name] = column
    write_csv(pa.table(columns), file)


def _write_jsonl(manifest: Manifest, file: IO[bytes]) -> None:
    table = records(manifest)
    for index, field in enumerate(table.schema):
        if pa.types.is_float32(field.type):  # by way of its shortest text, so that 0.1 stays 0.1
            table = table.set_column(index, field.name, table[index].cast(pa.string()).cast(pa.float64()))
    for batch in table.to_batches(max_chunksize=1024):
        file.writelines(f"{_json(row)}\n".encode() for row in batch.to_pylist())


def _write_by_paths(write: Callable[[Manifest, Files, IO[bytes]], None], manifest: Manifest, file: IO[bytes]) -> None:
    write(manifest, _paths(manifest), file)


def _paths(manifest: Manifest) -> Files:
    """Returns the images as files, which they have to be."""
    files = files_of(manifest.source)
    if files is None:
        name = type(manifest.source).__name__
        raise DataprepError(f"{name} is not a folder of files, so there are no paths to list; export csv or jsonl")
    return files


def _write_paths(manifest: Manifest, file: IO[bytes]) -> None:
    files = _paths(manifest)
    for uri in manifest.kept("uri")["uri"].to_pylist():
        path = files.path(uri)
        if "\n" in path:
            raise DataprepError(f"a list with one path a line cannot hold {path!r}, a name of two lines; export csv or jsonl")
        file.write(os.fsencode(path) + b"\n")


def _is_binary(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind))


def _json(value: object) -> str:
    return json.dumps(_plain(value), ensure_ascii=False, allow_nan=False, default=str)


def _plain(value: object) -> object:
    """Returns what JSON can hold: bytes as hex, and null for what is not a number."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value.hex() if isinstance(value, bytes) else value
