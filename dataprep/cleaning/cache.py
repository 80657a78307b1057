"""What was measured already, on disk, appended as it streams in: what a killed run goes on from.

A folder of Arrow streams, one for each run and set of columns. A row is found again by uri, size and modified time; a
column by the description and version of its measure; all of it by the version of the decoding policy. What could not be
decoded is tried again under another limit of pixels and by other decoders than those that the stream names.
A stream that ends in the middle of a batch, because its writer was killed, is read up to there. Delete the folder to measure
everything anew.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dataprep.cleaning.known import Found
from dataprep.describe import describe
from dataprep.files import naming
from dataprep.images.decode import POLICY, decoders
from dataprep.images.limits import MAX_PIXELS
from dataprep.protocols import Measure

VERSION: Final = 1
METADATA: Final = b"dataprep"
KEY: Final = ("uri", "bytes", "modified")


class Cache:
    """Measured rows in a folder; a context manager that closes what it wrote."""

    def __init__(self, folder: str | Path, max_pixels: int = MAX_PIXELS) -> None:
        """Opens the folder, and makes it if needed.

        Args:
            folder: Where the streams are.
            max_pixels: The limit that images are measured under.

        Raises:
            DataprepError: It cannot be made.
        """
        self.folder = Path(folder)
        self.max_pixels = max_pixels
        self._writers: dict[pa.Schema, tuple[pa.OSFile, pa.RecordBatchStreamWriter]] = {}
        with naming(folder, "made"):
            self.folder.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> "Cache":
        """Returns itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Closes the streams."""
        with naming(self.folder):
            for file, writer in self._writers.values():
                writer.close()
                file.close()
        self._writers.clear()

    def find(self, records: pa.Table, measures: Sequence[Measure]) -> list[Found]:
        """Returns what is known of the records that have not changed since: facts and those of the measures, oldest first."""
        wanted = {field.name: measure_key(measure) for measure in measures for field in measure.fields}
        found = []
        for path in sorted(self.folder.glob("*.arrows")):
            table = _read_stream(path)
            if table is not None:
                metadata = json.loads(table.schema.metadata[METADATA])
                if metadata.get("policy") != POLICY:
                    continue  # any of its pixels may be others now
                keys = metadata["measures"]
                current = [name for name in table.column_names if name not in keys or wanted.get(name) == keys[name]]
                if len(current) < table.num_columns or metadata.get("reader") != self._reader():
                    table = self._select_readable(table)  # what failed may have failed for what is not asked for now
                found.append(_match(records, table.select(current)))
        return found

    def _reader(self) -> dict[str, Any]:
        """Returns what besides the measures decides whether an image can be decoded."""
        return {"max_pixels": self.max_pixels, "decoders": decoders()}

    def _select_readable(self, table: pa.Table) -> pa.Table:
        """Returns the rows that were decoded, and are within the limit."""
        pixels = pc.multiply(*(pc.fill_null(table[name], 0).cast(pa.int64()) for name in ("height", "width")))
        return table.filter(pc.and_(pc.is_null(table["error"]), pc.less_equal(pixels, self.max_pixels)))

    def append(self, batch: pa.RecordBatch, measures: Sequence[Measure]) -> None:
        """Writes measured rows through to the file system; those that could not even be read are left for the next run.

        Raises:
            DataprepError: The disk is full, or the folder is gone.
        """
        keys = {field.name: measure_key(measure) for measure in measures for field in measure.fields}
        metadata = {METADATA: json.dumps({"version": VERSION, "policy": POLICY, "measures": keys, "reader": self._reader()})}
        batch = batch.filter(pc.is_valid(batch["digest"])).replace_schema_metadata(metadata)
        with naming(self.folder):
            file, writer = self._writers.get(batch.schema) or self._open(batch.schema)
            writer.write_batch(batch)
            file.flush()

    def _open(self, schema: pa.Schema) -> tuple[pa.OSFile, pa.RecordBatchStreamWriter]:
        """Starts a new stream under the next free number."""
        number = 1 + max((int(path.stem) for path in self.folder.glob("*.arrows") if path.stem.isdigit()), default=0)
        path = self.folder / f"{number:06d}.arrows"
        path.touch(exist_ok=False)
        file = pa.OSFile(os.fsencode(path), "wb")
        self._writers[schema] = (file, pa.ipc.new_stream(file, schema))
        return self._writers[schema]


def measure_key(measure: Measure) -> str:
    """Returns the text that a measure's values are cached under: its description and the version of its algorithm."""
    return json.dumps([describe(measure), measure.version], sort_keys=True)


def _read_stream(path: Path) -> pa.Table | None:
    """Returns the whole batches of a stream, up to a torn end if it has one; None for one of another version."""
    batches: list[pa.RecordBatch] = []
    try:
        with pa.OSFile(os.fsencode(path), "rb") as file, pa.ipc.open_stream(file) as stream:
            if json.loads((stream.schema.metadata or {}).get(METADATA, b"{}")).get("version") != VERSION:
                return None
            batches.extend(stream)
    except (pa.ArrowInvalid, OSError):
        pass  # what was written whole is in `batches`
    return pa.Table.from_batches(batches) if batches else None


def _match(records: pa.Table, cached: pa.Table) -> Found:
    """Returns the cached rows whose file is as it was, and which records they are."""
    indices = pc.index_in(cached["uri"], value_set=records["uri"].combine_chunks())
    known = cached.filter(pc.is_valid(indices))
    rows = indices.drop_null().to_numpy().astype(np.int64)
    now = records.take(pa.array(rows))
    same = np.ones(len(rows), bool)
    for name in ("bytes", "modified"):
        same &= now[name].to_numpy() == known[name].to_numpy()
    return Found(rows[same], known.filter(pa.array(same)).drop_columns(list(KEY)))
