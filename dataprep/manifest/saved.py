"""A manifest's file, written and read: the table is its columns, all else is JSON in the metadata of its schema."""

import json
import os
from collections.abc import Mapping
from json import JSONDecodeError
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from dataprep.describe import build, describe
from dataprep.errors import ManifestError, PipelineError
from dataprep.files import is_url, shown
from dataprep.manifest.entries import METADATA, check_columns, frozen_of, located, metadata_of
from dataprep.manifest.parquet import write_table
from dataprep.manifest.stored import Stored, open_rows
from dataprep.manifest.versions import VERSION, bring_up_to_date, ignored_of
from dataprep.pipeline import Pipeline

if TYPE_CHECKING:
    from dataprep.manifest.manifest import Manifest

NAME: Final = "manifest.parquet"
"""What `dataprep clean` calls the file."""


def write_manifest(manifest: "Manifest", path: str | Path) -> None:
    """Does what `Manifest.write` does.

    Raises:
        ManifestError: It cannot be written.
    """
    metadata = {
        "version": VERSION,
        "pipeline": [describe(stage) for stage in manifest.pipeline.stages],
        "measures": [describe(measure) for measure in manifest.measures],
        "source": describe(manifest.source),
        "classes": manifest.classes,
        "ignored": manifest.ignored,
        "remarks": manifest.remarks,
        "statistics": manifest.statistics._asdict() if manifest.statistics else None,
        "frozen": manifest.frozen is not None,
        "words": manifest.words,
        "packed": manifest.packed,
    }
    write_table(manifest.table.replace_schema_metadata({METADATA: json.dumps(metadata)}), path)


def contents_of(path: str | Path, source: Any = None) -> dict[str, Any]:
    """Returns what a file holds, as the arguments of a `Manifest`; `Manifest.read` says more.

    Raises:
        ManifestError: It cannot be read, is not a manifest, is damaged, or is of another version.
        SourceError: `source` is not understood, or not there.
    """
    import dataprep.sources.catalogue  # noqa: F401  names every source
    from dataprep.sources.open import open_source

    path = file_of(path)
    try:
        rows, metadata = _opened(path)
        given = None if source is None else open_source(source)
        return {
            "table": rows,
            "pipeline": Pipeline.from_descriptions(metadata["pipeline"]),
            "measures": tuple(build(measure, "measures") for measure in metadata["measures"]),
            "source": located(build(metadata["source"], "source"), path) if given is None else given,
            "classes": tuple(metadata["classes"]),
            "ignored": ignored_of(metadata),
            "frozen": frozen_of(metadata),
            "words": {name: tuple(known) for name, known in metadata.get("words", {}).items()},
            "remarks": tuple(metadata.get("remarks", ())),
            "packed": metadata.get("packed", {}),
        }
    except PipelineError as error:
        raise ManifestError(f"{shown(path)}: {error}; import the module that registers it first") from error
    except (KeyError, TypeError, AttributeError, RecursionError, pa.ArrowException, JSONDecodeError) as error:
        raise ManifestError(f"{shown(path)} is not a manifest: {error!r} where it is described") from error


def _opened(path: str | Path) -> tuple[pa.Table | Stored, Mapping[str, Any]]:
    """Returns the rows of a file as this version has them, and what it holds beside them."""
    rows = open_rows(path)
    if isinstance(rows, Stored):
        return rows, rows.index.metadata
    metadata = metadata_of(rows, path)
    table = bring_up_to_date(rows.replace_schema_metadata(None), metadata["version"], path)
    check_columns(table, path)
    return table, metadata


def file_of(path: object) -> str | Path:
    """Returns the file of a manifest, which may be given by its folder; in a store, its URL.

    Raises:
        ManifestError: It is no path.
    """
    if not isinstance(path, str | os.PathLike):
        hint = "it is read already" if hasattr(path, "fingerprint") else "such as 'cleaned/manifest.parquet'"
        raise ManifestError(f"a manifest is read and written by its path, got {path!r:.200}; {hint}")
    if is_url(path):
        return str(path) if str(path).endswith(".parquet") else f"{str(path).rstrip('/')}/{NAME}"
    return Path(path) / NAME if Path(path).is_dir() else Path(path)
