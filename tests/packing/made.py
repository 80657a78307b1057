"""Manifests to pack: of files in memory that need be no images, and of folders that were cleaned."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

import dataprep as dp
from dataprep.columns import fields_of
from dataprep.testing import FakeSource

FORMATS = {".jpg": "JPEG", ".png": "PNG", ".webp": "WEBP"}
FILLERS = ("clean", "scan", "read", "verdict")


def manifest_of(files: Mapping[str, bytes], **columns: Sequence[Any]) -> dp.Manifest:
    """Returns a manifest of files in memory as `clean` would have made it, were they images of 4 × 6 pixels.

    Args:
        files: The bytes of each by its uri.
        **columns: More columns, or others than usual, in the order of the sorted uris.
    """
    uris = sorted(files)
    fields = {field.name: field for filler in FILLERS for field in fields_of(filler)}
    fields |= {field.name: field for field in fields_of("targets") if field.name in columns}
    rows = [
        {
            "id": 3 * number,
            "uri": uri,
            "bytes": len(files[uri]),
            "digest": hashlib.sha256(files[uri]).digest(),
            "format": FORMATS.get(Path(uri).suffix, "JPEG"),
            "height": 4,
            "width": 6,
            "keep": True,
            **{name: values[number] for name, values in columns.items()},
        }
        for number, uri in enumerate(uris)
    ]
    table = pa.Table.from_pylist(rows, pa.schema(fields.values()))
    classes = tuple(sorted(table["label"].drop_null().unique().to_pylist()))
    return dp.Manifest(table, dp.Pipeline(), FakeSource(files), (), classes)


def tree(folder: Path) -> dict[str, bytes]:
    """The files in a folder with their bytes."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}
