"""What a loader needs of each row in a file that the processes of a machine map: one copy in memory, whatever their number.

A Parquet file has to be decoded, by each process into memory of its own: ten million rows take 15 s and 4 GB. So who reads a
manifest of many rows first writes these columns once more, as they lie in memory, beside the manifest, or into a folder of the
user's own for temporary files where it may not; others wait for it and map what it wrote. An index is right as long as the
manifest has the size, the modified time and the digest that it had, and is written anew else. What a file system or another
program does to the index itself is not noticed, as it is not of a file that a database maps; remove it where in doubt.
"""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dataprep.errors import DataprepError, SourceError
from dataprep.files import is_url, locked, own_folder, replacing
from dataprep.manifest.fingerprint import COLUMNS as FINGERPRINTED
from dataprep.manifest.fingerprint import fingerprint_of_kept
from dataprep.manifest.labels import LEARNT, Numbers, numbers_of
from dataprep.manifest.parquet import digest_of, read_checked

VERSION: Final = 1
ROWS: Final = 1_000_000
"""Rows from which on there is an index; fewer are read in less than a second."""
BYTES: Final = 8
"""Of a manifest's file for each row, at least: a smaller file has fewer rows, and is not looked into."""

ABOUT: Final = b"dataprep"
"""The key of what the file has beside its columns, JSON."""
SCHEMA: Final = b"dataprep.schema"
"""The key of the schema of the whole table."""

NUMBER: Final = "dataprep.number"
"""The column of class numbers, -1 without a label, in place of `label`."""
COLUMNS: Final = ("id", "uri", "keep", "split", "height", "width", "bytes", "modified", "version", "digest")
"""The columns that are as in the manifest, of those that it has; `split` is a dictionary, and of digests there is the start."""
DIGITS: Final = 16
"""Of a digest, in hex: enough to tell that a file is another one, and a quarter of what its whole takes."""
SHORT: Final = 2**31 - 1
"""Bytes of texts that offsets of 32 bits reach."""
NEEDED: Final = ("id", "uri", "keep", "label", "split", "height", "width", "digest")
"""Without which there is none."""


@dataclass(frozen=True)
class Index:
    """Mapped columns.

    Attributes:
        file: Where they are.
        rows: The columns, each in one piece.
        schema: Of the whole table.
        stamp: What the manifest was known by.
        metadata: What the manifest's file has beside its table.
        fingerprint: Of the kept rows.
        splits: The same of those of each split.
    """

    file: Path
    rows: pa.RecordBatch
    schema: pa.Schema
    stamp: Mapping[str, Any]
    metadata: Mapping[str, Any]
    fingerprint: str
    splits: Mapping[str, str]

    def __reduce__(self) -> Any:
        """Lets a copy in another process map the same file."""
        return _mapped, (self.file,)


def stamp_of(manifest: str | Path) -> dict[str, Any] | None:
    """Returns what a manifest's file is known by; None where it is too small for an index, or not written by this program."""
    if is_url(manifest):
        from dataprep.sources.stores import look

        place, _, name = str(manifest).rpartition("/")
        with suppress(SourceError):
            there = look(place, name)
            known = there.version is not None and there.bytes >= ROWS * BYTES
            return {"bytes": there.bytes, "modified": there.modified, "version": there.version} if known else None
        return None
    with suppress(OSError):
        status = os.stat(manifest)
        digest = digest_of(manifest) if status.st_size >= ROWS * BYTES else None
        return digest and {"bytes": status.st_size, "modified": status.st_mtime_ns, "digest": digest}  # type: ignore[return-value]
    return None


def find(manifest: str | Path, stamp: Mapping[str, Any]) -> Index | None:
    """Returns the index of a manifest, None where there is none that is right."""
    for file in _places(manifest):
        with suppress(OSError, pa.ArrowException, ValueError, KeyError, TypeError):
            found = _mapped(file)
            if found.stamp == stamp:
                return found
    return None


def make(manifest: str | Path, copy: str | Path, stamp: Mapping[str, Any], schema: pa.Schema, text: bytes) -> Index | None:
    """Writes the index of a manifest, unless another process is faster, and returns it; None where it can be written nowhere.

    Args:
        manifest: The file, or its URL.
        copy: The file, or a copy of it on this machine, which was checked.
        stamp: What it is known by.
        schema: Of its table.
        text: What it has beside the table, JSON.
    """
    with locked(_lock_of(manifest)):
        found = find(manifest, stamp)
        if found is not None:
            return found
        return _made(_batch(copy, stamp, schema, text), _places(manifest))


def _made(batch: pa.RecordBatch, places: Iterable[Path]) -> Index | None:
    """Writes an index in the first place where it can be, and returns it."""
    for file in places:
        with suppress(OSError, DataprepError):
            with replacing(file) as temporary:
                _write(batch, temporary)
            del batch
            pa.default_memory_pool().release_unused()  # of which nothing is needed any more
            return _mapped(file)
    return None


def numbered(taken: pa.Table, classes: tuple[str, ...]) -> Numbers:
    """Returns what `Manifest.labels` does, of rows of an index."""
    if NUMBER not in taken.column_names:
        return numbers_of(taken, classes)
    numbers: NDArray[np.int64] = taken[NUMBER].to_numpy().astype(np.int64)
    return numbers


def _places(manifest: str | Path) -> Iterator[Path]:
    """Yields where an index may be, the best place first."""
    if not is_url(manifest):
        path = Path(os.path.abspath(manifest))
        yield path.parent / f".{path.name}.rows"
        manifest = path
    own = own_folder()
    if own is not None:
        yield own / f"{sha256(os.fsencode(manifest)).hexdigest()[:32]}.rows"


def _lock_of(manifest: str | Path) -> str | Path:
    """Returns what to lock while an index is written: the manifest, or of one in a store a file of this user."""
    for place in _places(manifest) if is_url(manifest) else ():
        lock = place.with_suffix(".lock")
        with suppress(OSError):
            lock.touch(mode=0o600)
            return lock
    return os.devnull if is_url(manifest) else manifest


def _mapped(file: Path) -> Index:
    """Returns what a file has, mapped: nothing of its columns is read yet.

    Raises:
        ValueError: It is of another version, or no index; or what reading it may raise.
    """
    rows = pa.ipc.open_file(pa.memory_map(str(file))).get_batch(0)
    rows.validate()
    metadata = rows.schema.metadata
    about = json.loads(metadata[ABOUT])
    if about["version"] != VERSION:
        raise ValueError(about["version"])
    schema = pa.ipc.read_schema(pa.py_buffer(metadata[SCHEMA]))
    return Index(file, rows, schema, about["stamp"], about["metadata"], about["fingerprint"], about["splits"])


def _write(batch: pa.RecordBatch, file: Path) -> None:
    with pa.OSFile(os.fsencode(file), "wb") as sink, pa.ipc.new_file(sink, batch.schema) as writer:
        writer.write_batch(batch)


def _batch(file: str | Path, stamp: Mapping[str, Any], schema: pa.Schema, text: bytes) -> pa.RecordBatch:
    """Returns the columns of an index, read one by one, with what it has beside them."""
    metadata = json.loads(text)
    classes = tuple(metadata["classes"])
    columns = {name: _whole(read_checked(file, [name])[name], name) for name in COLUMNS if name in schema.names}
    learnt = read_checked(file, [name for name in LEARNT if name in schema.names])
    known = pa.table({"label": learnt["label"], "digest": read_checked(file, ["digest"])["digest"]})
    known = pa.table({name: known[name] if name in known.column_names else columns[name] for name in (*FINGERPRINTED, "keep")})
    about = {"version": VERSION, "stamp": stamp, "metadata": metadata, "fingerprint": fingerprint_of_kept(known, classes)}
    about["splits"] = _fingerprints(known, columns["split"], classes)
    columns |= _numbers(learnt, classes)
    batch = pa.RecordBatch.from_arrays(list(columns.values()), list(columns))
    return batch.replace_schema_metadata({ABOUT: json.dumps(about), SCHEMA: schema.remove_metadata().serialize().to_pybytes()})


def _fingerprints(known: pa.Table, split: pa.DictionaryArray, classes: tuple[str, ...]) -> dict[str, str]:
    """Returns the fingerprint of the kept rows of each split."""
    numbers = pc.fill_null(split.indices, -1).to_numpy()
    parts = ((name, known.filter(pa.array(numbers == at))) for at, name in enumerate(split.dictionary.to_pylist()))
    return {name: fingerprint_of_kept(part, classes) for name, part in parts}


def _numbers(learnt: pa.Table, classes: tuple[str, ...]) -> dict[str, pa.Array]:
    """Returns the class numbers; where images may have several labels, or numbers for labels, the columns as they are."""
    if learnt.column_names == ["label"] or ("labels" not in learnt.column_names and classes):
        return {NUMBER: _narrow(pa.array(numbers_of(learnt.select(["label"]), classes)))}
    return {name: _whole(learnt[name], name) for name in learnt.column_names}


def _whole(column: pa.ChunkedArray, name: str) -> pa.Array:
    """Returns a column in one piece, as narrow as its values allow."""
    if name == "split":
        split = _joined(column.dictionary_encode())
        return pa.DictionaryArray.from_arrays(_narrow(split.indices), split.dictionary)
    if name == "digest":
        column = pc.binary_slice(column, 0, DIGITS // 2).cast(pa.binary(DIGITS // 2))
    elif pa.types.is_list(column.type):
        column = column.cast(pa.large_list(pa.large_string()))
    elif pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        column = column.cast(pa.string() if column.nbytes < SHORT else pa.large_string())
    return _narrow(_joined(column))


def _joined(column: pa.ChunkedArray) -> Any:
    whole = column.combine_chunks()
    return whole.chunk(0) if isinstance(whole, pa.ChunkedArray) else whole


def _narrow(numbers: Any) -> Any:
    """Returns whole numbers in the fewest bytes that hold them all, and other values as they are."""
    if not pa.types.is_integer(numbers.type) or numbers.null_count == len(numbers):
        return numbers
    least, most = pc.min_max(numbers).as_py().values()
    for kind in (np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32):
        if np.iinfo(kind).min <= least and most <= np.iinfo(kind).max:
            return numbers.cast(pa.from_numpy_dtype(kind))
    return numbers
