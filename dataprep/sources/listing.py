"""What a source lists: a table of records, and what is to be said of the listing, in the schema's metadata.

A listing may be held in memory only, such as that of a table. It is left out where a source is pickled for a worker, or described
in a manifest, since reading needs no listing; such a copy reads and does not list.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

import attrs
import pyarrow as pa

from dataprep.columns import COLUMNS, fields_of
from dataprep.describe import UNDESCRIBED
from dataprep.errors import SourceError

SCHEMA: Final = pa.schema(fields_of("scan"))

NAMED: Final = 3
"""Names that a remark quotes."""

TAKEN: Final = frozenset(column.name for filler, columns in COLUMNS.items() if filler != "targets" for column in columns)
"""Names that mean something in a manifest, so that a table's own columns cannot have them."""


class Scan(NamedTuple):
    """What is to be said of a listing beside its records.

    Attributes:
        ignored: How many files that are no images were met, by how their names end: {".txt": 2, "": 1}.
        remarks: What was decided about the source and what was left out, a sentence each.
        classes: The labels in the order of their numbers; None where that is theirs, sorted.
    """

    ignored: Mapping[str, int] = {}
    remarks: tuple[str, ...] = ()
    classes: tuple[str, ...] | None = None


KEYS: Final = tuple(name.encode() for name in Scan._fields)


def scan_of(records: pa.Table) -> Scan:
    """Returns what a listing says beside its records; of a source that says nothing, nothing."""
    metadata = {key.decode(): json.loads(value) for key, value in (records.schema.metadata or {}).items() if key in KEYS}
    classes = metadata.get("classes")
    return Scan(metadata.get("ignored", {}), tuple(metadata.get("remarks", ())), None if classes is None else tuple(classes))


def with_scan(records: pa.Table, scan: Scan) -> pa.Table:
    """Returns a listing that says something beside its records."""
    said = {name: json.dumps(value) for name, value in scan._asdict().items() if value}
    return records.replace_schema_metadata(said or None)


def joined(scans: Iterable[Scan]) -> Scan:
    """Returns what several listings say, as of one; classes that any of them orders stay in its order, others follow sorted."""
    scans = list(scans)
    ignored: Counter[str] = Counter()
    for scan in scans:
        ignored.update(scan.ignored)
    remarks = tuple(dict.fromkeys(remark for scan in scans for remark in scan.remarks))
    ordered = tuple(dict.fromkeys(label for scan in scans for label in scan.classes or ()))
    return Scan(dict(sorted(ignored.items())), remarks, ordered or None)


def listed(columns: Mapping[str, Sequence[Any]], further: pa.Table | None = None, scan: Scan | None = None) -> pa.Table:
    """Returns a listing, sorted by uri.

    Args:
        columns: Those of a scan; those that are left out are null.
        further: More columns, a row each.
        scan: What is to be said beside.
    """
    uris = columns["uri"]
    order = sorted(range(len(uris)), key=lambda row: uris[row])
    arrays = [
        pa.array([columns[field.name][row] for row in order], field.type)
        if field.name in columns
        else pa.nulls(len(uris), field.type)
        for field in SCHEMA
    ]
    table = pa.table(arrays, schema=SCHEMA)
    if further is not None:
        taken = further.take(order).combine_chunks()
        for name, column in zip(taken.column_names, taken.columns, strict=True):
            table = table.append_column(name, column)
    return with_scan(table, scan or Scan())


def one_batch(table: pa.Table) -> pa.RecordBatch:
    """Returns a table as one batch, with what its schema's metadata says."""
    columns = [pa.concat_arrays(column.chunks) if column.num_chunks else pa.nulls(0, column.type) for column in table.columns]
    return pa.RecordBatch.from_arrays(columns, schema=table.schema)


def free_names(table: pa.Table) -> pa.Table:
    """Returns a table whose columns that are called as one of a manifest's are called `source_...`, since that one is another."""
    return table.rename_columns([f"source_{name}" if name in TAKEN else name for name in table.column_names])


def quoted(names: Iterable[str]) -> str:
    """Returns the first names, and how many more there are."""
    known = list(names)
    more = f" and {len(known) - NAMED:,} more" if len(known) > NAMED else ""
    return ", ".join(map(repr, known[:NAMED])) + more


def counted(count: int, what: str) -> str:
    """Returns a number with its word, such as "1 file" or "2 files"."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def reader(source: Any) -> tuple[Any, tuple[()]]:
    """Returns what `__reduce__` gives for a source without what is in memory only: a copy that reads."""
    kind: Any = type(source)
    fields = [field for field in attrs.fields(kind) if field.init and UNDESCRIBED not in field.metadata]
    return partial(kind, **{field.alias: getattr(source, field.name) for field in fields}), ()


def in_memory(default: object = None) -> Any:
    """Returns a field of a source that is in this process only: neither described, nor sent to workers, nor compared."""
    return attrs.field(default=default, eq=False, repr=False, kw_only=True, metadata={UNDESCRIBED: True})


def held(listing: pa.Table | None, source: object) -> pa.Table:
    """Returns the listing that a source holds.

    Raises:
        SourceError: It holds none: the source reads, and what it lists is known only to the process that made it.
    """
    if listing is None:
        raise SourceError(
            f"{source!r} reads images, but which ones it lists is known only where it was made; "
            "give the list or the table again, as to `dataprep.open_source`"
        )
    return listing
