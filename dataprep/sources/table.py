"""Tables with a row for each image: CSV, TSV, JSON lines and Parquet, and data frames of pandas, polars and Arrow.

A column says which image a row is about: a path, a name or an id below a root, or the bytes of the image themselves. Columns that
are neither image, label nor split are carried along.
"""

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from dataprep.errors import SourceError
from dataprep.sources.files import Files, Named, resolve
from dataprep.sources.folder import Folder
from dataprep.sources.guess import label_columns, split_column
from dataprep.sources.levels import read_levels
from dataprep.sources.listing import Scan, counted, free_names, joined, listed, quoted, scan_of, with_scan
from dataprep.sources.matching import match
from dataprep.sources.objects import with_boxes
from dataprep.sources.options import Options
from dataprep.sources.values import labels_of

TABLES: Final = {".csv": ",", ".tsv": "\t", ".tab": "\t", ".jsonl": None, ".ndjson": None, ".parquet": None}
"""Endings of tables, with what usually parts the columns of those that are text."""

WHOLE: Final = re.compile(r"-?(?:0|[1-9]\d{0,17})")
NUMBER: Final = re.compile(r"-?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")


def read_table(path: str) -> pa.Table:
    """Returns the table of a file; texts of a CSV that are all numbers are numbers, but for those with zeros before them, as ids.

    Raises:
        SourceError: It cannot be read, or is no such table.
    """
    ending = Path(path).suffix.lower()
    try:
        if ending == ".parquet":
            import pyarrow.parquet as pq

            return tidy(pq.read_table(path))
        table = _read_csv(path, TABLES[ending]) if TABLES[ending] else _read_lines(path)
    except (pa.ArrowException, ValueError, OSError, TypeError) as error:
        if isinstance(error, SourceError):
            raise
        reason = str(error).split("\n", 1)[0]
        raise SourceError(f"{path} cannot be read as a table ({ending}): {reason}") from error
    return tidy(table)


def tidy(table: pa.Table) -> pa.Table:
    """Returns a table whose columns have the common types of texts and bytes.

    Raises:
        SourceError: Two columns have one name.
    """
    twice = sorted({name for name in table.column_names if table.column_names.count(name) > 1})
    if twice:
        raise SourceError(f"two columns of the table are called {twice[0]!r}; give one another name")
    for place, field in enumerate(table.schema):
        kind = field.type
        if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
            table = table.set_column(place, field.name, table[place].cast(pa.string()))
        elif pa.types.is_binary_view(kind) or pa.types.is_fixed_size_binary(kind) or pa.types.is_binary(kind):
            table = table.set_column(place, field.name, table[place].cast(pa.large_binary()))
    return table.replace_schema_metadata(None)


def table_of(given: Any) -> pa.Table | None:
    """Returns the table that a data frame is, or None where it is none."""
    if isinstance(given, pa.Table):
        return tidy(given)
    library, name = type(given).__module__.partition(".")[0], type(given).__name__
    if (library, name) == ("pandas", "DataFrame"):
        try:
            return tidy(pa.Table.from_pandas(given, preserve_index=False))
        except pa.ArrowException as error:
            raise SourceError(f"the data frame has a column of mixed types: {str(error).splitlines()[0]}") from error
    return tidy(given.to_arrow()) if (library, name) == ("polars", "DataFrame") else None


def open_paths(table: pa.Table, column: str, name: str, root: str, options: Options) -> Files:
    """Returns the source of a table whose column names files.

    Args:
        table: A row for each image, or several.
        column: Which image a row is about.
        name: What the table is called, for remarks.
        root: What paths are relative to.
        options: Which columns are labels, and the like.

    Raises:
        SourceError: No file is there that the column names.
    """
    whole, table = table.num_rows, table.filter(table[column].is_valid())
    names = [str(value) for value in table[column].to_pylist()]
    if not names:
        raise SourceError(f"{name} names no image: column {column!r} is empty")
    named = resolve(names, root)
    if not any(os.path.exists(os.path.join(root, path)) for path in names):
        named = _find(named, names, name, column)
    groups: dict[str, list[int]] = {}
    for row, uri in enumerate(named.uris):
        groups.setdefault(uri, []).append(row)
    columns: dict[str, list[Any]] = {"uri": list(groups), "error": [named.errors[rows[0]] for rows in groups.values()]}
    listing = describe_rows(columns, list(groups.values()), table, column, options)
    if whole > len(names):
        remark = f"{counted(whole - len(names), 'row')} of {name} left out, since column {column!r} is empty there"
        listing = with_scan(listing, joined([scan_of(listing), Scan(remarks=(remark,))]))
    return Files(named.root, listing=listing)


def images_below(root: str) -> list[str]:
    """Returns the uris of the images below a folder, none where it cannot be listed."""
    try:
        uris: list[str] = Folder(root, label="none", splits=False).records()["uri"].to_pylist()
    except SourceError:
        return []
    return uris


def _find(named: Named, names: Sequence[str], name: str, column: str) -> Named:
    """Returns the images that a table names by a part of their path, or by an id."""
    there = images_below(named.root)
    found = match(names, there, os.path.basename(name))
    if not found.found:
        raise SourceError(
            f"none of the {counted(len(names), 'image')} of {name} is there: column {column!r} names {quoted(names[:1])}, and "
            f"{named.root} holds {quoted(there[:1]) or 'no image'}; say what names are relative to by --root, or name another "
            "--image-column"
        )
    missing = "no image of this name, or several, below the root"
    uris = [there[image] if image >= 0 else uri for image, uri in zip(found.images, named.uris, strict=True)]
    return Named(named.root, uris, [None if image >= 0 else missing for image in found.images])


def describe_rows(
    columns: dict[str, list[Any]], groups: Sequence[Sequence[int]], table: pa.Table, image: str, options: Options
) -> pa.Table:
    """Returns the listing of images that rows of a table are about.

    Args:
        columns: Those of a scan that are known, the uris at least, an item for each image.
        groups: The rows of each image; none for one that no row is about.
        table: The rows.
        image: The column that says which image a row is about.
        options: Which columns are labels, and the like.
    """
    names, said = label_columns(table, image, options.label_column)
    split = split_column(table, (image, *names))
    labels = labels_of(table, names, options.label_as, options.separator).take(groups) if names else None
    firsts = pa.array([rows[0] if rows else None for rows in groups], pa.int64())
    rest, boxed = with_boxes(table.drop_columns(list(dict.fromkeys([image, *names, *([split] if split else [])]))))
    levels = read_levels(columns["uri"], "none" if names else options.label, False if split else options.splits)
    known = {**columns, "label": levels.labels, "split": levels.splits}
    further = dict(zip(free_names(rest).column_names, rest.take(firsts).columns, strict=True))
    if split:
        known["split"] = table[split].take(firsts).to_pylist()
    if labels is not None:
        further = {**labels.columns(), **further}
        known["label"] = further.pop("label").to_pylist()
    remarks = (*said, *(labels.remarks if labels else ()), *boxed, *levels.remarks, *_repeats(groups, rest))
    return listed(known, pa.table(further) if further else None, Scan({}, remarks, labels.classes if labels else None))


def _repeats(groups: Sequence[Sequence[int]], rest: pa.Table) -> list[str]:
    """Returns a remark where images have several rows, of which only the first one's further columns are kept."""
    many = sum(len(rows) > 1 for rows in groups)
    if not many or not rest.num_columns:
        return []
    return [f"{counted(many, 'image')} in several rows: columns {quoted(rest.column_names)} are those of the first row"]


def _read_csv(path: str, separator: str | None) -> pa.Table:
    """Returns a table of a text file."""
    from pyarrow import csv

    with open(path, "rb") as file:
        header = file.readline(1 << 20)
    marks = sorted({separator or ",", ",", ";", "\t", "|"}, key=lambda mark: (-header.count(mark.encode()), mark != separator))
    parse = csv.ParseOptions(delimiter=marks[0], newlines_in_values=True)
    with csv.open_csv(path, parse_options=parse) as opened:
        names = opened.schema.names
    convert = csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True, null_values=[""])
    table = csv.read_csv(path, parse_options=parse, convert_options=convert)
    if len(set(names)) < len(names):
        return table  # which `tidy` refuses
    return pa.table({name: _typed(column) for name, column in zip(names, table.columns, strict=True)})


def _typed(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Returns texts as whole numbers or numbers where all of them are."""
    values = column.drop_null().unique().to_pylist()
    for pattern, kind in ((WHOLE, pa.int64()), (NUMBER, pa.float64())):
        if values and all(pattern.fullmatch(value) for value in values):
            is_padded = kind == pa.float64() and any(value.lstrip("-").startswith("0") and value.isdigit() for value in values)
            return column if is_padded else column.cast(kind)
    return column


def _read_lines(path: str) -> pa.Table:
    """Returns a table of a file with one JSON object a line."""
    with open(path, "rb") as file:
        rows = [json.loads(line) for line in file if line.strip()]
    if not rows or not all(isinstance(row, dict) for row in rows):
        raise ValueError('each line has to be a JSON object, such as {"file_name": "1.jpg", "label": "cat"}')
    names = list(dict.fromkeys(name for row in rows for name in row))
    return pa.table({name: pa.array([row.get(name) for row in rows]) for name in names})
