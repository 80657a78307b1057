"""What was measured already, on disk, appended as it streams in: what a killed run goes on from.

A folder of streams, one for each run. A stream is a row of blocks, each a batch of rows with its schema under a checksum: a block
that was torn by a kill or a power cut, or has rotted, is passed over, and its rows are measured again. A row is found again by
where the file is, its size, its modified time and, in a store, its version; a column by the description and version of its
measure; all of it by the version of the decoding policy. What could not be decoded is tried again under another limit of pixels
and by other decoders than those that the block names. Delete the folder to measure everything anew.
"""

import json
import os
import re
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from hashlib import blake2b
from itertools import count, groupby
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dataprep.cleaning.known import Found
from dataprep.cleaning.names import Names
from dataprep.columns import TYPES, in_types
from dataprep.describe import describe
from dataprep.files import naming, replacing
from dataprep.images.decode import POLICY, decoders
from dataprep.images.limits import MAX_PIXELS
from dataprep.manifest.versions import with_bytes
from dataprep.protocols import Measure, Source

VERSION: Final = 3
"""Version 2, which is read, has digests as hex digits."""
METADATA: Final = b"dataprep"
MARK: Final = b"dataprep cache %d\n" % VERSION
"""How a block starts."""
START: Final = re.compile(rb"dataprep cache [2-3]\n")
"""How a block starts that is read; one of another version is no block."""
STAMP: Final = ("bytes", "modified", "version")
"""What a file is known by beside its name; a version only where a store has the files."""
FEW: Final = 16
"""Blocks from which on a stream is written anew when its run has ended."""
TOGETHER: Final = 65_536
"""Rows of a block then, and of what is read at once."""
WINDOW: Final = 1 << 16  # bytes in which the start of a block is looked for
CHECK: Final = 16
"""Bytes of the checksum."""
HEAD: Final = struct.Struct(f"<{len(MARK)}sQ{CHECK}s")
"""The mark, the length of what follows, and its checksum."""


class Cache:
    """Measured rows in a folder; a context manager that closes what it wrote."""

    def __init__(self, folder: str | Path, source: Source, max_pixels: int = MAX_PIXELS) -> None:
        """Opens the folder, and makes it if needed; if nothing comes into it, it is removed again.

        Args:
            folder: Where the streams are.
            source: Where the images are.
            max_pixels: The limit that images are measured under.

        Raises:
            DataprepError: It cannot be made.
        """
        self.folder = Path(folder)
        self._names, self._keys = Names(source), cache(keys_of)
        self.max_pixels = max_pixels
        self._stream: IO[bytes] | None = None
        self._blocks = 0
        self._is_new = not self.folder.exists()
        with naming(folder, "made"):
            self.folder.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> "Cache":
        """Returns itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Closes the stream."""
        if self._stream is not None:
            with naming(self.folder):
                self._stream.close()
                self._compact(Path(self._stream.name))
        elif self._is_new:
            with suppress(OSError):
                self.folder.rmdir()

    def find(self, records: pa.Table, measures: Sequence[Measure]) -> list[Found]:
        """Returns what is known of the records that have not changed since: facts and those of the measures, oldest first."""
        wanted = self._keys(tuple(measures))
        told = [name for name in STAMP if name in records.column_names]
        scanned = records.select(told).append_column("name", self._names(records["uri"]))
        found = []
        for table in self._tables():
            metadata = json.loads(table.schema.metadata[METADATA])
            if metadata["policy"] != POLICY:
                continue  # any of its pixels may be others now
            keys = metadata["measures"]
            current = [name for name in table.column_names if name not in keys or wanted.get(name) == keys[name]]
            if len(current) < table.num_columns or metadata["reader"] != self._reader():
                table = self._select_readable(table)  # what failed may have failed for what is not asked for now
            found.append(_match(scanned, table.select(current)))
        return found

    def append(self, batch: pa.RecordBatch | pa.Table, measures: Sequence[Measure]) -> None:
        """Writes measured rows through to the file system; those without a digest are left for the next run.

        Raises:
            DataprepError: The disk is full, or the folder is gone.
        """
        keys = self._keys(tuple(measures))
        metadata = {METADATA: json.dumps({"policy": POLICY, "measures": keys, "reader": self._reader()})}
        batch = batch.filter(pc.is_valid(batch["digest"]))
        names = self._names(batch["uri"])
        table = pa.table({"name": names} | {name: batch[name] for name in batch.schema.names if name != "uri"})
        block = _block(table.combine_chunks().replace_schema_metadata(metadata))
        with naming(self.folder):
            self._stream = self._stream or self._open()
            self._stream.write(block)
            self._blocks += 1
            self._stream.flush()

    def _reader(self) -> dict[str, Any]:
        """Returns what besides the measures decides whether an image can be decoded."""
        return {"max_pixels": self.max_pixels, "decoders": decoders()}

    def _select_readable(self, table: pa.Table) -> pa.Table:
        """Returns the rows that were decoded, and are within the limit."""
        pixels = pc.multiply(*(pc.fill_null(table[name], 0).cast(pa.int64()) for name in ("height", "width")))
        return table.filter(pc.and_(pc.is_null(table["error"]), pc.less_equal(pixels, self.max_pixels)))

    def _tables(self) -> Iterator[pa.Table]:
        """Yields what the streams hold, oldest first, in tables of one schema each."""
        batches = (batch for path in sorted(self.folder.glob("*.arrows")) for batch in _gathered(_read(path)))
        for _, alike in groupby(batches, key=lambda batch: (batch.schema.metadata, batch.schema.names)):
            table = pa.Table.from_batches(alike).combine_chunks()
            named = table.set_column(table.column_names.index("name"), "name", table["name"].cast(TYPES["uri"]))
            yield in_types(with_bytes(named))

    def _compact(self, path: Path) -> None:
        """Writes the stream of this run, in few blocks; a kill leaves it as it was."""
        if self._blocks >= FEW:
            with replacing(path) as temporary, open(temporary, "wb") as file:
                file.writelines(_block(pa.Table.from_batches([batch])) for batch in _gathered(_read(path)))

    def _open(self) -> IO[bytes]:
        """Starts a stream under the next number that is free, also where another run starts one at this moment."""
        self.folder.mkdir(parents=True, exist_ok=True)
        last = max((int(path.stem) for path in self.folder.glob("*.arrows") if path.stem.isdecimal()), default=0)
        for number in count(last + 1):
            try:
                return open(self.folder / f"{number:06d}.arrows", "xb")
            except FileExistsError:
                continue
        raise AssertionError("numbers do not end")


def keys_of(measures: tuple[Measure, ...]) -> Mapping[str, str]:
    """Returns the key of each column of measures."""
    return {field.name: measure_key(measure) for measure in measures for field in measure.fields}


def measure_key(measure: Measure) -> str:
    """Returns the text that a measure's values are cached under: its description and the version of its algorithm."""
    return json.dumps([describe(measure), measure.version], sort_keys=True)


def _block(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    content: bytes = sink.getvalue().to_pybytes()
    return HEAD.pack(MARK, len(content), _check(content)) + content


def _gathered(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yields batches that follow each other, and have one schema, as larger ones."""
    for _, alike in groupby(batches, key=lambda batch: (batch.schema.metadata, batch.schema.names)):
        gathered: list[pa.RecordBatch] = []
        for batch in alike:
            gathered.append(batch)
            if sum(one.num_rows for one in gathered) >= TOGETHER:
                yield from pa.Table.from_batches(gathered).combine_chunks().to_batches()
                gathered = []
        if gathered:
            yield from pa.Table.from_batches(gathered).combine_chunks().to_batches()


def _check(content: bytes | memoryview) -> bytes:
    return blake2b(content, digest_size=CHECK).digest()


def _read(path: Path) -> Iterator[pa.RecordBatch]:
    """Yields the batches of the blocks of a stream that are as they were written; nothing where it cannot be read."""
    with suppress(OSError), open(path, "rb") as file:
        size, at = os.fstat(file.fileno()).st_size, 0
        while (found := _next(file, at)) is not None and found + HEAD.size <= size:
            file.seek(found)
            _, length, check = HEAD.unpack(file.read(HEAD.size))
            content = file.read(length) if length <= size else b""
            at = found + 1
            if len(content) == length and _check(content) == check:
                at = found + HEAD.size + length
                with pa.ipc.open_stream(content) as stream:
                    yield from stream


def _next(file: IO[bytes], at: int) -> int | None:
    """Returns where the next block of a stream starts, from a place on; None where there is none."""
    file.seek(at)
    window = b""
    while data := file.read(WINDOW):
        window += data
        if found := START.search(window):
            return at + found.start()
        at += max(0, len(window) - len(MARK))
        window = window[-len(MARK) :]
    return None


def _match(records: pa.Table, cached: pa.Table) -> Found:
    """Returns the cached rows whose file is as it was, and which records they are."""
    indices = pc.index_in(cached["name"], value_set=records["name"].combine_chunks())
    known = cached.filter(pc.is_valid(indices))
    rows = indices.drop_null().to_numpy().astype(np.int64)
    now = records.take(pa.array(rows))
    same = np.ones(len(rows), bool)
    for name in [name for name in STAMP if name in now.column_names]:
        then = known[name] if name in known.column_names else pa.nulls(len(rows), now[name].type)
        alike = pc.fill_null(pc.equal(now[name], then), False)
        if name != "modified":  # a source that knows no sizes may know when all of it was changed
            alike = pc.or_(alike, pc.and_(pc.is_null(now[name]), pc.is_null(then)))
        same &= alike.to_numpy()
    known = known.drop_columns(["name", *(name for name in STAMP if name in known.column_names)])
    return Found(rows, known) if same.all() else Found(rows[same], known.filter(pa.array(same)))
