"""The versions of a manifest's file: which are read, and how an older one is brought up to date.

Version 1 has no column `distance`; a sentence for people says it. Version 2 has it. Version 3 has the column `captured`, says
whether its statistics are frozen, which those of an older one are not, and has the words of lists of labels. Version 4 counts the
files beside the images by their ending, and has remarks.
"""

from collections.abc import Mapping
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from dataprep.columns import COLUMNS, EXACT_DUPLICATE, LEAK, NEAR_DUPLICATE
from dataprep.errors import ManifestError

VERSION: Final = 4

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
    if version == 1:
        return _add_captured(_add_distance(table))
    if version == 2:
        return _add_captured(table)
    if version not in (3, VERSION):
        raise ManifestError(
            f"{path} is a manifest of version {version!r}; this dataprep reads versions 1 to {VERSION}: "
            "run `dataprep clean` again, or use the dataprep that wrote it"
        )
    return table


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
