"""Which of several copies is the original: what is kept, as far as files tell.

Nothing in a file proves it. What speaks for an original is what copying takes away, in the order in which it is hard to put
back: pixels, then an encoding without losses, then bytes for each pixel, in steps of a quarter, as re-encoding at another
quality costs or wastes that much, then the time of the camera, then a name that no program gave to a copy. Sharpness is no
witness: whatever brightens or sharpens a picture raises it.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dataprep.columns import names_of
from dataprep.errors import PipelineError, suggestion
from dataprep.protocols import Measure
from dataprep.stages.rules.limits import DERIVED, MEASURED_BY, RECORDED

LOSSLESS: Final = ("BMP", "DIB", "PNG", "PPM", "TGA", "TIFF")
"""Formats that keep every pixel, a TIFF nearly always. A GIF keeps 256 colours, a WebP may keep all: both count as lossy."""

STEP: Final = 1.25

WORDS: Final = (
    "copy|copies|kopie|copie|copia|cópia|kopia|копия|duplicate|edited|edit|bearbeitet|modifié|editado|resized|thumbnail|thumb"
)
COPIED: Final = rf"(?i)(^|[^\pL])({WORDS})([^\pL]|$)|副本|コピー|\(\d+\)$"
"""What the name of a copy has, without folders and ending, be it by a program or a person: "x (1)", "Copy of x", "x-edited"."""
ANYWHERE: Final = rf"(?i){WORDS}|副本|コピー|\(\d+\)"
"""What a name has at least for that, wherever it is: a tenth of the work."""
STEM: Final = r"(?:.*/)?(?P<stem>[^/]*?)(?:\.[^./]*)?$"

ASCENDING: Final = "-"
NUMBERS: Final = (*RECORDED, "modified", "captured")
"""Columns of every record that an image may be preferred by, without a measure."""


def check_preferred(wanted: Sequence[Any]) -> None:
    """Checks what is preferred: folders, which end in "/", and columns, of which "-" before the name wants the smallest.

    Raises:
        PipelineError: One is neither, or a column of words, or one that no measure of dataprep fills.
    """
    known = [*NUMBERS, *MEASURED_BY]
    for name in wanted:
        if not isinstance(name, str) or not name:
            raise PipelineError(f"prefer: {name!r} is neither a folder, such as 'originals/', nor a column, such as 'captured'")
        column = name.removeprefix(ASCENDING)
        if not name.endswith("/") and column not in known:
            words = column in (*names_of("scan"), *names_of("read"), *DERIVED)
            hint = f"it is no number of a record; one of {', '.join(known)}" if words else suggestion(column, known)
            raise PipelineError(f"prefer: no column {column!r} to choose by; {hint}; or a folder, as {f'{column}/'!r}")


def measures_of(wanted: Sequence[str]) -> tuple[Measure, ...]:
    """Returns what fills the columns that are preferred by."""
    names = (name.removeprefix(ASCENDING) for name in wanted)
    return tuple(MEASURED_BY[name] for name in names if name in MEASURED_BY)


def preference(table: pa.Table, shielded: NDArray[np.bool_], wanted: Sequence[str] = ()) -> NDArray[np.int64]:
    """Returns the rows of the table, the one to keep first; shielded ones before all others.

    Args:
        table: The records, with what was read of them; `format` and `captured` may be missing.
        shielded: (N,) which rows stay whatever they are copies of.
        wanted: Folders and columns that come before all that speaks for an original.
    """
    pixels = table["height"].to_numpy().astype(np.int64) * table["width"].to_numpy()
    columns: dict[str, Any] = {"shielded": pa.array(shielded)}
    for place, name in enumerate(wanted):
        columns[f"wanted {place}"] = _wanted(table, name)
    columns["labelled"] = pc.is_valid(table["label"])
    columns["pixels"] = pa.array(pixels)
    if "format" in table.column_names:
        columns["lossless"] = pc.is_in(table["format"], value_set=pa.array(LOSSLESS))
    density = np.maximum(pc.fill_null(table["bytes"], 0).to_numpy(), 1) / np.maximum(pixels, 1)
    columns["density"] = pa.array(np.floor(np.log(density) / np.log(STEP)))
    if "captured" in table.column_names:
        columns["captured"] = pc.is_valid(table["captured"])
    columns["plain"] = pa.array(~_is_copied(table["uri"]))
    columns["bytes"] = table["bytes"]
    keys = [(name, "descending") for name in columns] + [("digest", "ascending"), ("uri", "ascending")]
    columns |= {name: table[name] for name in ("digest", "uri")}
    order: NDArray[np.int64] = pc.sort_indices(pa.table(columns), sort_keys=keys).to_numpy().astype(np.int64)
    return order


def _is_copied(uris: pa.ChunkedArray) -> NDArray[np.bool_]:
    """Returns (N,) whether a program or a person gave a copy its name; only names that hold such a word are taken apart."""
    maybe: NDArray[np.bool_] = pc.match_substring_regex(uris, ANYWHERE).to_numpy()
    stems = pc.extract_regex(pc.replace_substring_regex(uris.filter(pa.array(maybe)), r"\s", " "), STEM)
    maybe[maybe] = pc.match_substring_regex(pc.struct_field(stems, "stem"), COPIED).to_numpy()
    return maybe


def _wanted(table: pa.Table, name: str) -> Any:
    """Returns a column of which the largest value is preferred; what is missing comes last."""
    if name.endswith("/"):
        return pc.starts_with(table["uri"], name)
    column = name.removeprefix(ASCENDING)
    values = table[column] if column in table.column_names else pa.nulls(len(table), pa.int64())
    if pa.types.is_timestamp(values.type):
        values = values.cast(pa.int64())
    return pc.negate(values) if name.startswith(ASCENDING) else values
