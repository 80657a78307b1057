"""The versions of a manifest's file: which are read, and how an older one is brought up to date.

Version 1 has no column `distance`; a sentence for people says it. Version 2 has it. Version 3 has the column `captured`, says
whether its statistics are frozen, which those of an older one are not, and has the words of lists of labels. Version 4 counts the
files beside the images by their ending, and has remarks. Version 5 holds digests as bytes, no longer as hex digits, and has texts
that together may be longer than 2 GiB, such as uris; and it says how its images were packed, where they were.
"""

from collections.abc import Mapping
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from dataprep.columns import COLUMNS, DIGEST, EXACT_DUPLICATE, LEAK, NEAR_DUPLICATE, digests_of, in_types
from dataprep.errors import ManifestError

VERSION: Final = 5

SLICE: Final = 65_536
"""Rows of which a list is made at once."""

SAME: Final = rf"^(?:{EXACT_DUPLICATE} of an image in .*, )?same content$"
NEAR: Final = rf"^(?:{NEAR_DUPLICATE} of an image in .*, )?distance (?P<bits>\d{{1,3}})$"
"""The whole sentences of version 1; the name of a split may hold numbers, commas and the word distance."""


def bring_up_to_date(table: pa.Table, version: Any, path: object) -> pa.Table:
    """Returns the table of a manifest as this version has it.

    Args:
        table: As it was written.
        version: The version that its file names.
        path: The file, for the message.

    Raises:
        ManifestError: It is of a version that is not known.
    """
    if type(version) is not int or not 1 <= version <= VERSION:
        raise ManifestError(
            f"{path} is a manifest of version {version!r}; this dataprep reads versions 1 to {VERSION}: "
            "run `dataprep clean` again, or use the dataprep that wrote it"
        )
    if version < 2:
        table = _add_distance(table)
    if version < 3:
        table = _add_captured(table)
    try:
        return in_types(with_bytes(table) if version < 5 else table)
    except ValueError as error:
        raise ManifestError(f"{path} is not a manifest: a digest is not 64 hex digits") from error


def with_bytes(table: pa.Table) -> pa.Table:
    """Returns a table with its digests as bytes, which in version 4 are texts.

    Raises:
        ValueError: One is not 64 hex digits.
    """
    if "digest" not in table.column_names or table["digest"].type == DIGEST:
        return table
    parts = (column.slice(start, SLICE) for column in table["digest"].chunks for start in range(0, len(column), SLICE))
    digests = pa.chunked_array([digests_of(part.to_pylist()) for part in parts], DIGEST)
    return table.set_column(table.column_names.index("digest"), "digest", digests)


def _add_captured(table: pa.Table) -> pa.Table:
    """Returns a table of version 2 with the column `captured`, of which nothing is known."""
    field = next(column.field for column in COLUMNS["read"] if column.name == "captured")
    place = table.column_names.index("error") if "error" in table.column_names else table.num_columns
    return table.add_column(place, field, pa.nulls(len(table), field.type))


def ignored_of(metadata: Mapping[str, Any]) -> dict[str, int]:
    """Returns how many files beside the images there were, by ending; an older manifest has their number alone."""
    ignored = metadata["ignored"]
    return ({"other": ignored} if ignored else {}) if isinstance(ignored, int) else ignored


def _add_distance(table: pa.Table) -> pa.Table:
    """Returns a table of version 1 with the column `distance`, null where the sentence is not one that `Deduplicate` wrote."""
    field = COLUMNS["verdict"][-1].field
    details = table["detail"]
    copied = pc.and_(pc.is_valid(table["twin"]), pc.is_in(table["reason"], pa.array([EXACT_DUPLICATE, NEAR_DUPLICATE, LEAK])))
    near = pc.struct_field(pc.extract_regex(details, NEAR), "bits").cast(field.type)
    same = pc.if_else(pc.match_substring_regex(details, SAME), pa.scalar(0, field.type), near)
    distances = pc.if_else(copied, same, pa.scalar(None, field.type))
    return table.add_column(table.column_names.index("twin") + 1, field, distances)
