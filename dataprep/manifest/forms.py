"""A manifest in the forms that loaders, tools and people take: a table, a data frame, paths of files, lines of a notebook."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from dataprep.columns import DIGEST, hex_of
from dataprep.errors import ManifestError
from dataprep.html import card, few
from dataprep.manifest.labels import counts_of
from dataprep.sources import parts_of
from dataprep.sources.ways import Paths

if TYPE_CHECKING:
    from dataprep.manifest.manifest import Manifest


def frame_of(table: pa.Table) -> Any:
    """Returns a table as a data frame of pandas.

    Raises:
        ManifestError: Pandas is not installed.
    """
    try:
        import pandas as pd
    except ModuleNotFoundError as error:
        raise ManifestError("to_pandas needs pandas: pip install pandas; without it, `manifest.table` is of pyarrow") from error
    whole = {pa.int8(): pd.Int8Dtype(), pa.int16(): pd.Int16Dtype(), pa.int32(): pd.Int32Dtype(), pa.int64(): pd.Int64Dtype()}
    whole |= {pa.uint8(): pd.UInt8Dtype(), pa.uint16(): pd.UInt16Dtype(), pa.uint32(): pd.UInt32Dtype()}
    whole |= {pa.uint64(): pd.UInt64Dtype(), pa.bool_(): pd.BooleanDtype()}
    for place, field in enumerate(table.schema):
        if field.type == DIGEST:
            table = table.set_column(place, field.name, pa.array(hex_of(table[place]), pa.string()))
    return table.to_pandas(types_mapper=whole.get)


def light_of(manifest: "Manifest") -> pa.Table:
    """Returns the kept records without the measures of bytes, which only the search for copies reads and are most of a row."""
    kinds = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary)
    measured = [field for measure in manifest.measures for field in measure.fields]
    heavy = {field.name for field in measured if any(is_kind(field.type) for is_kind in kinds)}
    return manifest.kept(*(name for name in manifest.table.column_names if name not in heavy))


def paths_of(manifest: "Manifest") -> list[Path]:
    """Returns the path of each kept image.

    Raises:
        ManifestError: The images are no files.
    """
    parts = parts_of(manifest.source)
    others = [type(part).__name__ for part in parts.values() if not isinstance(part, Paths)]
    if others:
        hint = "`dataprep materialize` writes them as files; `manifest.source.read(uri)` gives the bytes of one"
        raise ManifestError(f"images of {others[0]} are no files of their own, so they have no paths; {hint}")
    return [Path(_path(parts, uri)) for uri in manifest.kept("uri")["uri"].to_pylist()]


def _path(parts: Any, uri: str) -> str:
    """Returns the path of an image, which is named by the source or by one of its parts."""
    name, _, rest = ("", "", uri) if "" in parts else uri.partition("/")
    path: str = parts[name].path(rest)
    return path


def html_of(manifest: "Manifest") -> str:
    """Returns what a notebook shows."""
    kept, reasons = len(manifest.kept("id")), manifest.reasons()
    share = f" ({kept / len(manifest):.1%})" if len(manifest) else ""
    rows: list[tuple[str, object]] = [("records", f"{len(manifest):,}"), ("kept", f"{kept:,}{share}")]
    rows += [("dropped", few(reasons))] if reasons else []
    if manifest.classes:
        counts = dict(zip(manifest.classes, counts_of(manifest.labels(), manifest.classes).tolist(), strict=True))
        rows.append((f"{len(counts):,} label{'' if len(counts) == 1 else 's'}", f"kept: {few(by_number(counts))}"))
    else:
        rows.append(("labels", "none" if "value" not in manifest.table.column_names else "numbers"))
    if manifest.table["split"].null_count < len(manifest):
        found = manifest.kept("split")["split"].drop_null().value_counts().to_pylist()
        rows.append(("splits", f"kept: {few(by_number({one['values']: one['counts'] for one in found}))}"))
    if manifest.statistics is not None:
        rows += [(name, _triple(getattr(manifest.statistics, name))) for name in ("mean", "std")]
    return card("Manifest", [*rows, ("source", repr(manifest.source))])


def by_number(counts: dict[str, int]) -> dict[str, int]:
    """Returns counts, the largest first."""
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _triple(numbers: Sequence[float]) -> str:
    return ", ".join(f"{number:.4f}" for number in numbers)
