"""One shard: a plain tar of images, each with a JSON file of what is known of it, and a Parquet file of where they are in it.

The Parquet file is put last, so its being there says that the shard is done. Bytes depend on nothing but what is asked for: no
time, no owner, no order of work. Every file is digested as it is read, and has to be the one that was cleaned.
"""

import hashlib
import json
import math
import os
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any, Final, NamedTuple

import pyarrow as pa
from attrs import frozen

from dataprep.ahead import Ahead
from dataprep.columns import fields_of
from dataprep.errors import DecodeError, SourceError
from dataprep.files import naming, remove, unfinished
from dataprep.images.limits import MAX_PIXELS, quiet_decoders
from dataprep.manifest.parquet import write_file
from dataprep.packing.images import Stored, store
from dataprep.packing.options import Options
from dataprep.packing.places import Place
from dataprep.packing.targets import TARGETS, scaled, smaller_mask
from dataprep.protocols import Source
from dataprep.sources.names import ending
from dataprep.sources.shards import PACKED
from dataprep.sources.tars import Place as At
from dataprep.targets.masks import is_runs

TASK: Final = pa.schema([("number", pa.int64()), ("uri", pa.string()), ("rows", pa.large_binary())])
"""What an engine is given of a shard: one record, named as the shard, so that what happens to it happens to the shard."""

DONE: Final = pa.schema([("number", pa.int64()), ("name", pa.string()), ("failed", pa.string()), ("error", pa.string())])
"""What comes back: which images could not be packed, as JSON; and why the shard could not, or null."""


class ChangedError(SourceError):
    """A file is not the one that was cleaned."""


@frozen
class Making:
    """What makes shards: a function that an engine runs, in any process.

    Attributes:
        source: Reads the images.
        place: Where shards are put.
        options: How images are packed.
        classes: The labels in the order of their numbers.
        about: What each shard says of the pack that it belongs to.
    """

    source: Source
    place: Place
    options: Options
    classes: tuple[str, ...]
    about: Mapping[str, Any]

    def __call__(self, tasks: pa.RecordBatch) -> pa.RecordBatch:
        """Makes some shards, and returns what came of them."""
        return pa.RecordBatch.from_pylist([self._make(**task) for task in tasks.to_pylist()], DONE)

    def _make(self, number: int, uri: str, rows: bytes) -> dict[str, Any]:
        name, table = uri, pa.ipc.open_stream(rows).read_all()
        with naming(self.place.scratch), Ahead(self.source) as source, unfinished(self.place.scratch) as file:
            source.expect(table["source_uri"].to_pylist())
            images = _Images(source, self.options, {label: number for number, label in enumerate(self.classes)})
            written = write_tar(file, f"{name}.tar", images, table.to_pylist(), stop=self.options.on_error == "raise")
            if not written.failed or self.options.on_error == "skip":
                index = index_of(table, written, number)
                about = {**self.about, "tar": {"bytes": written.bytes, "digest": written.digest}, "failed": written.failed}
                self._put(name, file, index.replace_schema_metadata({PACKED: json.dumps(about)}))
            else:
                remove(file.name)
        return {"number": number, "name": name, "failed": json.dumps(written.failed)}

    def _put(self, name: str, tar: IO[bytes], index: pa.Table) -> None:
        """Puts a tar, and then its index."""
        tar.flush()
        os.fsync(tar.fileno())
        self.place.put(f"{name}.tar", tar.name)
        with unfinished(self.place.scratch) as file:
            write_file(index, file.name)
            os.fsync(file.fileno())
            self.place.put(f"{name}.parquet", file.name)


def task_of(number: int, name: str, rows: pa.Table) -> pa.RecordBatch:
    """Returns what an engine is given of a shard."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_table(rows)
    return pa.RecordBatch.from_pylist([{"number": number, "uri": name, "rows": sink.getvalue().to_pybytes()}], TASK)


def lost_task(tasks: pa.RecordBatch, error: str) -> pa.RecordBatch:
    """Returns what becomes of shards whose process died."""
    rows = [{"number": task["number"], "name": task["uri"], "failed": "[]", "error": error} for task in tasks.to_pylist()]
    return pa.RecordBatch.from_pylist(rows, DONE)


class Written(NamedTuple):
    """A tar that was written.

    Attributes:
        rows: What is known of each image in it, as it is stored.
        failed: The uri of each image that is not in it, and why.
        bytes: How many bytes it has.
        digest: Its SHA-256, hex.
    """

    rows: list[dict[str, Any]]
    failed: list[list[str]]
    bytes: int
    digest: str


class _Tar:
    """A tar that is digested as it is written, each file at once."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self.hasher, self.bytes = file, hashlib.sha256(), 0

    def add(self, name: str, data: bytes) -> int:
        """Adds a file and returns where its bytes are."""
        self._write(header_of(name, len(data)))
        offset = self.bytes
        self._write(data)
        self._write(bytes(-len(data) % tarfile.BLOCKSIZE))
        return offset

    def end(self) -> None:
        """Writes the end: two empty blocks, and what fills the last record."""
        self._write(bytes(2 * tarfile.BLOCKSIZE))
        self._write(bytes(-self.bytes % tarfile.RECORDSIZE))

    def _write(self, data: bytes) -> None:
        self.hasher.update(data)
        self.bytes += len(data)
        self._file.write(data)


def header_of(name: str, size: int) -> bytes:
    """Returns the header of a file in a tar: of nobody, of 1970."""
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o644
    return info.tobuf(tarfile.USTAR_FORMAT)


@frozen
class _Images:
    """Reads images and what belongs to them, and makes of them what is stored."""

    source: Source
    options: Options
    numbers: Mapping[str, int]

    def read(self, row: Mapping[str, Any]) -> bytes:
        """Returns the bytes of an image, which are those that were cleaned.

        Raises:
            SourceError: They cannot be read, or are others.
        """
        data = self.source.read(row["source_uri"])
        if row["digest"] not in (None, digest := hashlib.sha256(data).digest()):
            now, then = (known.hex()[:12] for known in (digest, row["digest"]))
            raise ChangedError(f"was changed since the scan: its SHA-256 is {now}… now, {then}… then")
        return data

    def store(self, row: Mapping[str, Any]) -> tuple[Stored, Stored | None]:
        """Returns an image as it is stored, and its mask, if it is in a file or has to be.

        Raises:
            SourceError: They cannot be read, or are others.
            DecodeError: They cannot be decoded.
        """
        old, new = size_of(row), stored_size_of(row)
        stored = store(self.read(row), row["format"], new, self.options, max(MAX_PIXELS, math.prod(old)))
        mask = row.get("mask")
        if mask is None or (old == new and is_runs(mask)):
            return stored, None
        given = mask if is_runs(mask) else self.source.read(mask)
        if old != new:
            return stored, Stored(smaller_mask(given, old, new), ".mask.png", "PNG")
        return stored, Stored(given, f".mask{ending(mask) or '.png'}", "")

    def known(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Returns what the JSON file of an image says, all but the digest of what is stored."""
        labels = row.get("labels")
        number = self.numbers.get(row["label"]) if labels is None else [self.numbers.get(label) for label in labels]
        digest = None if row["digest"] is None else row["digest"].hex()
        known = {"uri": row["source_uri"], "label": row["label"], "cls": number, "digest": digest, "split": row["split"]}
        known |= {name: row[name] for name in ("labels", "value") if name in row}
        return known | {name: row[name] for name in TARGETS if name in row}


def size_of(row: Mapping[str, Any]) -> tuple[int, int]:
    """Returns height and width of an image as it was measured."""
    return row["height"], row["width"]


def stored_size_of(row: Mapping[str, Any]) -> tuple[int, int]:
    """Returns height and width of an image as it is stored."""
    return row["stored_height"], row["stored_width"]


def write_tar(file: IO[bytes], shard: str, images: _Images, rows: Sequence[dict[str, Any]], *, stop: bool) -> Written:
    """Writes a tar of images.

    Args:
        file: What it is written to.
        shard: Its name in uris.
        images: Reads them.
        rows: What is known of each.
        stop: Whether to write no more once an image has failed.
    """
    tar = _Tar(file)
    packed: list[dict[str, Any]] = []
    failed: list[list[str]] = []
    limit = max([MAX_PIXELS, *(math.prod(size_of(row)) for row in rows)])
    with quiet_decoders(limit):
        for row in rows:
            try:
                stored, mask = images.store(row)
            except (SourceError, DecodeError) as error:
                failed.append([row["source_uri"], str(error)])
            else:
                if not (stop and failed):
                    packed.append(_add(tar, shard, images, row, stored, mask))
    tar.end()
    return Written(packed, failed, tar.bytes, tar.hasher.hexdigest())


def _add(tar: _Tar, shard: str, images: _Images, row: dict[str, Any], stored: Stored, mask: Stored | None) -> dict[str, Any]:
    """Adds an image with what belongs to it, and returns its row as it is now."""
    name = f"{row['id']:012d}"
    at = At(shard, tar.add(f"{name}{stored.ending}", stored.data), len(stored.data))
    new = {**row, **scaled(row, size_of(row), stored_size_of(row))} if size_of(row) != stored_size_of(row) else dict(row)
    if mask is not None:
        new["mask"] = At(shard, tar.add(f"{name}{mask.ending}", mask.data), len(mask.data)).uri
    if images.options.form != "original":
        new |= {"digest": hashlib.sha256(stored.data).digest(), "format": stored.format, "remark": None}
        new |= {"height": row["stored_height"], "width": row["stored_width"]}
    known = json.dumps(_plain(images.known(new)), ensure_ascii=False, separators=(",", ":"))
    tar.add(f"{name}.json", known.encode())
    return {**new, "uri": at.uri, "offset": at.offset, "length": at.length, "bytes": at.length, "modified": None}


def _plain(value: Any) -> Any:
    """Returns plain data that JSON can hold: what is no number is null."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def index_of(table: pa.Table, written: Written, number: int) -> pa.Table:
    """Returns what is known of the images of a shard, in the columns that they had, and where they are."""
    table = table.drop_columns(["stored_height", "stored_width"])
    packing = {field.name: field for field in fields_of("pack")}
    fields = [*(field for field in table.schema if field.name not in packing), *packing.values()]
    return pa.Table.from_arrays(list(_columns(fields, written.rows, number)), schema=pa.schema(fields))


def _columns(fields: Sequence[pa.Field], rows: Sequence[Mapping[str, Any]], number: int) -> Iterator[pa.Array]:
    """Yields the columns of an index."""
    for field in fields:
        yield pa.array([number if field.name == "shard" else row[field.name] for row in rows], field.type)
