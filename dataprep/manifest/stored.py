"""The rows of a manifest of millions, or some of them, in its file: a column is read when somebody looks at it.

What loaders need is mapped, see `dataprep.manifest.index`, and is found row by row; all else comes from the Parquet file, whole.
"""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dataprep.columns import in_types
from dataprep.errors import ManifestError
from dataprep.files import shown
from dataprep.manifest import index
from dataprep.manifest.chosen import Chosen, mask_of
from dataprep.manifest.entries import METADATA, check_columns
from dataprep.manifest.index import COLUMNS, Index
from dataprep.manifest.parquet import check_file, here, read_checked, read_table, schema_of
from dataprep.manifest.versions import VERSION

LOGGER: Final = logging.getLogger("dataprep")


@dataclass(frozen=True, eq=False)
class Stored:
    """Rows in a file. It has what of a table is asked for without looking at columns, and gives these.

    Attributes:
        path: The file, or its URL.
        index: The columns that are mapped.
        chosen: Which rows; None for all.
        fingerprint: Of the kept rows; None where it is not known.
    """

    path: str | Path
    index: Index
    chosen: Chosen | None
    fingerprint: str | None

    def __len__(self) -> int:
        """How many rows there are."""
        return self.index.rows.num_rows if self.chosen is None else len(self.chosen)

    @property
    def schema(self) -> pa.Schema:
        """The columns that there are."""
        return self.index.schema

    @cached_property
    def table(self) -> pa.Table:
        """All columns, in memory."""
        return self._of(self._read(None))

    @cached_property
    def kept(self) -> Chosen:
        """Which rows are kept, of all in the file."""
        keep = mask_of(self.index.rows.column("keep"))
        return Chosen.of(keep if self.chosen is None else keep & self.chosen.mask)

    def take(self, places: NDArray[np.int64]) -> pa.Table:
        """Returns the mapped columns of some of the kept rows, by their places from 0 among these."""
        return pa.Table.from_batches([self.index.rows.take(pa.array(self.kept.rows(places)))])

    def select(self, names: Sequence[str]) -> pa.Table:
        """Returns some columns, in memory."""
        if "table" in self.__dict__:
            return self.table.select(list(names))
        others = [name for name in names if name not in COLUMNS or name == "digest"]  # of which the index has the start
        read = dict(zip(others, self._read(others).columns, strict=True)) if others else {}
        columns = [read[name] if name in read else self._mapped(name) for name in names]
        return self._of(pa.table(columns, schema=pa.schema([self.schema.field(name) for name in names])))

    def where(self, rows: pa.ChunkedArray, fingerprint: str | None) -> "Stored":
        """Returns those of the rows for which an array says so."""
        mask = mask_of(rows)
        return Stored(self.path, self.index, Chosen.of(mask) if self.chosen is None else self.chosen.within(mask), fingerprint)

    def fingerprint_of(self, split: str) -> str | None:
        """Returns the fingerprint of the kept rows of a split, where it is known."""
        return self.index.splits.get(split) if self.chosen is None else None

    def _mapped(self, name: str) -> pa.Array:
        return self.index.rows.column(name).cast(self.schema.field(name).type)

    def _read(self, names: Sequence[str] | None) -> pa.Table:
        """Returns columns from the file, which has to be the one that the index is of."""
        table = in_types(read_table(self.path, names).replace_schema_metadata(None))
        if index.stamp_of(self.path) != self.index.stamp:
            raise ManifestError(f"{shown(self.path)} is another file now than when it was read; read it again")
        return table

    def _of(self, table: pa.Table) -> pa.Table:
        return table if self.chosen is None else table.filter(pa.array(self.chosen.mask))


class Table:
    """The attribute `table` of a manifest: what it was made of, or of rows in a file the table, read when it is wanted."""

    def __get__(self, manifest: Any, owner: object = None) -> Any:
        """Returns the table."""
        if manifest is None:
            return self
        return manifest.rows.table if isinstance(manifest.rows, Stored) else manifest.rows

    def __set__(self, manifest: Any, rows: pa.Table | Stored) -> None:
        """Takes either."""
        manifest.__dict__["rows"] = rows


def open_rows(path: str | Path) -> pa.Table | Stored:
    """Returns the rows of a manifest's file: a table as it was written, or the file itself, where there are many.

    Raises:
        ManifestError: It cannot be read, is no Parquet file, is damaged, or has not the columns of a manifest.
    """
    stamp = index.stamp_of(path)
    found = None if stamp is None else index.find(path, stamp)
    if found is None:
        with here(path) as file:
            check_file(file)
            found = None if stamp is None else _indexed(path, file, stamp)
            if found is None:
                return read_checked(file)
    return Stored(path, found, None, found.fingerprint)


def _indexed(path: str | Path, file: str | Path, stamp: dict[str, Any]) -> Index | None:
    """Returns a new index of a manifest, None where it has too few rows, or is of another version."""
    size, schema = schema_of(file)
    text = (schema.metadata or {}).get(METADATA)
    if size < index.ROWS or text is None or json.loads(text)["version"] != VERSION or not {*index.NEEDED} <= {*schema.names}:
        return None
    empty = in_types(schema.remove_metadata().empty_table())
    check_columns(empty, path)
    found = index.make(path, file, stamp, empty.schema, text)
    if found is None:
        LOGGER.warning("%s: no index of its rows can be written, so each process has them in memory of its own", shown(path))
    return found
