"""What a manifest's file holds beside its columns, and that its columns are those of a manifest."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from dataprep.columns import COLUMNS
from dataprep.errors import ManifestError
from dataprep.files import is_url, shown
from dataprep.types import Statistics

METADATA: Final = b"dataprep"
"""The key in the metadata of the file."""


def frozen_of(metadata: Mapping[str, Any]) -> Statistics | None:
    """Returns the statistics of a file that are not to be counted anew."""
    return statistics_in(metadata) if metadata.get("frozen") else None


def statistics_in(metadata: Mapping[str, Any]) -> Statistics | None:
    """Returns the statistics that a file holds."""
    if metadata["statistics"] is None:
        return None
    mean, std, images, pixels = (metadata["statistics"][name] for name in Statistics._fields)
    return Statistics(tuple(mean), tuple(std), images, pixels)


def located(source: Any, path: str | Path) -> Any:
    """Returns a source that lies beside its manifest where that is now, and others as they are."""
    beside = getattr(source, "beside", None)
    folder = str(path).rpartition("/")[0] if is_url(path) else os.path.dirname(os.path.abspath(path))
    return source if beside is None else beside(folder)


def metadata_of(table: pa.Table, path: str | Path) -> dict[str, Any]:
    """Returns the metadata of a table that was read.

    Raises:
        ManifestError: It has none of a manifest.
    """
    text = (table.schema.metadata or {}).get(METADATA)
    if text is None:
        raise ManifestError(f"{shown(path)} is not a manifest: a Parquet file, but not written by `dataprep clean`")
    metadata: dict[str, Any] = json.loads(text)
    return metadata


def check_columns(table: pa.Table, path: str | Path) -> None:
    """Checks that a table has what every manifest has, and nothing else under those names."""
    types = {column.name: column.type for filler in ("clean", "scan", "verdict") for column in COLUMNS[filler]}
    for name in ("id", "uri", "keep"):
        if name not in table.column_names:
            raise ManifestError(f"{shown(path)} is not a manifest: it has no column {name!r}")
    for name, found in zip(table.column_names, table.schema.types, strict=True):
        if types.get(name, found) != found:
            raise ManifestError(f"{shown(path)} is not a manifest: its column {name!r} is of {found}, not of {types[name]}")
