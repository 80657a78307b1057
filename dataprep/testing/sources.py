"""The check of where images come from."""

import pickle
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from dataprep.ahead import concurrency_of
from dataprep.columns import fields_of, in_types
from dataprep.errors import DataprepError, SourceError
from dataprep.protocols import BulkSource, Parts, Source
from dataprep.sources import scan_of
from dataprep.testing.contract import broken, check_pickle, demand

NOWHERE: Final = "no/such image \N{SNOWMAN}.jpg"


def check_source(source: Source, *, reads: int = 20) -> None:
    """Checks that a source of your own keeps the contract of `dataprep.Source`.

    It can be sent to a worker process; it lists each image once, sorted by uri, in the columns of a scan; it reads whole images
    and ranges of them; what it cannot read is a `dataprep.SourceError`; where it has `reads`, that gives what `read` does; and
    where it has `part_names`, those parts together are what it lists.

    Example:
        >>> check_source(FakeSource({"cat/0.jpg": encoded(photo(0))}))

    Args:
        source: The source; it has to list at least one image.
        reads: How many of its images are read, the first ones.

    Raises:
        AssertionError: It breaks a rule; the message says which, and what to do.
    """
    missing = [name for name in ("records", "read") if not hasattr(source, name)]
    demand(not missing and not isinstance(source, type), source, f"is no source: it has no {missing or 'instance'}")
    check_pickle(source)
    records = source.records()
    demand(isinstance(records, pa.Table), source, f"lists {type(records).__name__}; `records` returns a `pyarrow.Table`")
    _check_columns(source, records)
    _check_uris(source, records)
    demand(source.records().equals(records), source, "lists other records the second time; sort them, and let nothing be random")
    first = [record for record in records.slice(0, reads).to_pylist() if record["error"] is None]
    for record in first:
        _check_read(source, record["uri"], record["bytes"])
    _check_unknown(source)
    _check_concurrency(source)
    if isinstance(source, BulkSource):
        _check_reads(source, [record["uri"] for record in first])
    if isinstance(source, Parts):
        _check_parts(source, records)


def _check_parts(source: Parts, records: pa.Table) -> None:
    """Checks that parts, listed by copies and in any order, are together what the source lists."""
    parts = list(source.part_names())
    demand(len(set(parts)) == len(parts), source, "has a part twice; call each by a name of its own")
    lists = {part: pickle.loads(pickle.dumps(source)).list_part(part) for part in reversed(parts)}
    batches = all(isinstance(one, pa.RecordBatch) for one in lists.values())
    demand(batches, source, "lists a part as something else than a `pyarrow.RecordBatch`")
    same = not parts or source.records_of({part: lists[part] for part in parts}).equals(records, check_metadata=True)
    demand(same, source, "makes other records of its parts than it lists; `records_of` returns what `records` does")


def _check_columns(source: Source, records: pa.Table) -> None:
    for field in fields_of("scan"):
        there = field.name in records.column_names
        demand(there, source, f"lists no column {field.name!r}; it is {field.type}, and may be null but for `uri`")
        kind = in_types(records.select([field.name])).schema.field(field.name).type
        demand(kind == field.type, source, f"lists {field.name!r} as {kind}; let it be {field.type}")
    _check_scan(source, records)


def _check_scan(source: Source, records: pa.Table) -> None:
    """Checks what the schema's metadata says of the listing."""
    try:
        scan = scan_of(records)
        counts = all(isinstance(ending, str) and isinstance(count, int) for ending, count in scan.ignored.items())
        texts = all(isinstance(text, str) for text in (*scan.remarks, *(scan.classes or ())))
    except (ValueError, AttributeError, TypeError):
        counts = texts = False
    rule = 'says of its listing what nobody understands; the schema\'s metadata holds JSON: `ignored` as {".txt": 2}'
    demand(counts and texts, source, f"{rule}, `remarks` and `classes` as lists of texts")


def _check_uris(source: Source, records: pa.Table) -> None:
    uris = records["uri"].to_pylist()
    demand(bool(uris), source, "lists no image; give the check one that does, and raise `SourceError` where there are none")
    demand(all(uris), source, "lists an image without a uri, which is what it is read by")
    demand(len(set(uris)) == len(uris), source, "lists a uri twice; each image has its own")
    demand(uris == sorted(uris), source, "lists images out of order; sort them by uri, since their ids follow it")
    least = pc.min(records["bytes"]).as_py()
    demand(least is None or least >= 0, source, f"lists an image of {least} bytes; give the size of its file, or null")


def _check_read(source: Source, uri: str, size: int | None) -> None:
    """Checks the bytes of one image, whole and in parts."""
    data = source.read(uri)
    demand(isinstance(data, bytes), source, f"reads {type(data).__name__} of {uri!r}; `read` returns bytes")
    demand(size in (None, len(data)), source, f"reads {len(data)} bytes of {uri!r}, and lists {size}")
    middle, end = len(data) // 2, len(data)
    for start, stop in ((0, middle), (middle, None), (middle, end), (middle, middle), (1, end + 9), (end, None)):
        part = source.read(uri, start, stop)
        right = part == data[start:stop]
        demand(right, source, f"reads other bytes by read({uri!r}, {start}, {stop}) than are there; it is `data[start:stop]`")


def _check_concurrency(source: Source) -> None:
    try:
        concurrency_of(source)
    except DataprepError as error:
        raise broken(source, str(error).partition(".")[2]) from error


def _check_reads(source: BulkSource, uris: list[str]) -> None:
    """Checks that several images at once are those of single reads, with one that there is not among them."""
    asked = [*uris[::-1], NOWHERE, *uris[:1]]
    rule = "yield of each, in the order that was asked for, the bytes, or the `dataprep.SourceError` that `read` raises"
    try:
        answers = list(source.reads(asked))
    except Exception as error:
        raise broken(source, f"raises {type(error).__name__} in `reads` where one of the images is not there; {rule}") from error
    demand(len(answers) == len(asked), source, f"gives {len(answers)} answers by `reads` of {len(asked)} images; {rule}")
    for uri, answer in zip(asked, answers, strict=True):
        right = isinstance(answer, SourceError) if uri == NOWHERE else answer == source.read(uri)
        demand(right, source, f"gives for {uri!r} by `reads` something else than by `read`; {rule}")


def _check_unknown(source: Source) -> None:
    rule = "where there is no such image; raise `dataprep.SourceError`, which makes it a row with an error and ends no run"
    try:
        data = source.read(NOWHERE)
    except SourceError:
        return
    except Exception as error:
        raise broken(source, f"raises {type(error).__name__} {rule}") from error
    demand(False, source, f"reads {len(data)} bytes {rule}")
