"""Columns of objects, as Hugging Face has them: for each image a list of structures, or a structure of lists, with boxes in them.

Its boxes are left, top, width, height in pixels, as its guides to detection say; classes are names, or numbers of names.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import pyarrow as pa

from dataprep.columns import fields_of
from dataprep.sources.listing import counted

BOX: Final = "bbox"
COLUMN: Final = "objects"
CLASSES: Final = ("category", "categories", "category_name", "label", "labels", "class", "classes", "name", "names")
"""What the classes of objects are called, the surest first; then the numbers of classes."""
NUMBERS: Final = ("category_id", "category_ids", "class_id", "class_ids", "label_id", "label_ids")


class Objects(NamedTuple):
    """Where a table has objects.

    Attributes:
        column: The column.
        classes: What their classes are called in it, or None.
    """

    column: str
    classes: str | None


def find_objects(schema: pa.Schema) -> Objects | None:
    """Returns where a table has objects with boxes; None where it has none, or has a column of boxes already."""
    found = {field.name: names for field in schema if BOX in (names := _names(field.type))}
    if not found or "boxes" in schema.names:
        return None
    column = COLUMN if COLUMN in found else next(iter(found))
    return Objects(column, next((name for name in (*CLASSES, *NUMBERS) if name in found[column]), None))


def with_boxes(table: pa.Table, names: Sequence[str] = ()) -> tuple[pa.Table, tuple[str, ...]]:
    """Returns a table with `boxes` and `box_labels` of its column of objects, which stays, and what is to be said of them.

    Args:
        table: The table; one without objects is returned as it is.
        names: The names of classes that are numbers.
    """
    objects = find_objects(table.schema)
    if objects is None:
        return table, ()
    values = table[objects.column].to_pylist()
    rows = [_read(value, objects.classes, names) for value in values]
    boxes, labels = fields_of("targets")[:2]
    table = table.append_column(boxes, pa.array([row and row[0] for row in rows], boxes.type))
    if objects.classes and labels.name not in table.column_names:
        table = table.append_column(labels, pa.array([row and row[1] for row in rows], labels.type))
    said = f"boxes are those of column {objects.column!r}, taken for left, top, width, height as Hugging Face has them"
    odd = sum(row is None and value is not None for row, value in zip(rows, values, strict=True))
    left = f"boxes of {counted(odd, 'row')} left out: column {objects.column!r} has no four numbers, or no class, for each there"
    return table, (said, left) if odd else (said,)


def _names(kind: pa.DataType) -> list[str]:
    """Returns what structures have, or structures in a list."""
    kind = kind.value_type if pa.types.is_list(kind) or pa.types.is_large_list(kind) else kind
    return [kind.field(place).name for place in range(kind.num_fields)] if pa.types.is_struct(kind) else []


def _read(value: Any, classes: str | None, names: Sequence[str]) -> tuple[list[list[float]], list[str | None]] | None:
    """Returns the boxes, left, top, right, bottom, and the classes of a row; None where it is not of the form."""
    given = _listed(value, BOX)
    labels = _listed(value, classes) if classes else [None] * len(given or ())
    if given is None or labels is None or len(labels) != len(given):
        return None
    if not all(box is not None and len(box) == 4 and None not in box for box in given):
        return None
    boxes = [[left, top, left + width, top + height] for left, top, width, height in given]
    return boxes, [_named(label, names) for label in labels]


def _listed(value: Any, name: str) -> list[Any] | None:
    """Returns an item for each object of a row."""
    if isinstance(value, Mapping):
        found: list[Any] | None = value[name]
        return found
    return None if value is None or None in value else [known[name] for known in value]


def _named(label: Any, names: Sequence[str]) -> str | None:
    """Returns the class of an object as text."""
    if names and isinstance(label, int):
        return names[label] if 0 <= label < len(names) else None
    return None if label is None else str(label)
