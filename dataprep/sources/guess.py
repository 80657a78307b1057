"""Which columns of a table are the image, the label and the split, going by what they hold and then by their names.

What is guessed is said in a remark with the flag that says otherwise; where nothing is certain, nothing is taken.
"""

import os
from collections.abc import Callable, Sequence
from typing import Any, Final

import pyarrow as pa

from dataprep.columns import names_of
from dataprep.errors import SourceError, suggestion
from dataprep.images.formats import is_image
from dataprep.sources.levels import SPLITS
from dataprep.sources.listing import TAKEN, quoted

IMAGES: Final = (
    *("file_name", "filename", "image", "image_path", "path", "filepath", "file_path", "img", "img_path", "file", "image_name"),
    *("image_file", "image_id", "img_id", "imageid", "uri", "id", "name"),
)
"""What columns of images are called, the surest first."""

LABELS: Final = (
    *(
        "label",
        "labels",
        "class",
        "classes",
        "class_name",
        "classname",
        "label_name",
        "category",
        "categories",
        "target",
        "targets",
    ),
    *("species", "breed", "diagnosis", "tag", "tags", "attribute_ids", "y", "class_id", "category_id", "label_id", "level"),
)
"""What columns of labels are called, the surest first."""

NO_LABELS: Final = frozenset(
    "caption captions text description title url license author width height size bytes md5 sha256 hash index fold".split()
)
"""What columns are called that are never guessed to be the label."""

DIVISIONS: Final = ("split", "subset", "partition", "set", "usage", "dataset_split")
"""What columns of splits are called."""

MEANT: Final = (TAKEN | set(names_of("targets"))) - {"label", "labels", "value"}
"""Columns that mean something else in a manifest."""

SAMPLE: Final = 100
"""Rows that are looked at to see what a column holds."""


def is_bytes(kind: pa.DataType) -> bool:
    """Returns whether a column holds image files: bytes, or pairs of bytes and a path, as Hugging Face has them."""
    if pa.types.is_struct(kind):
        return any(kind.field(place).name == "bytes" for place in range(kind.num_fields))
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def bytes_column(schema: pa.Schema, given: str | None = None) -> str | None:
    """Returns the column that holds the bytes of images, the one that is named or called most like it; None if there is none."""
    names = [field.name for field in schema if is_bytes(field.type) and given in (None, field.name)]
    return min(names, key=lambda name: (_rank(name, IMAGES), name), default=None)


def image_column(
    table: pa.Table, root: str, given: str | None = None, matching: Callable[[Sequence[Any]], int] | None = None
) -> str:
    """Returns the column that says which image a row is about.

    Args:
        table: The table; its first rows are looked at.
        root: What paths are relative to.
        given: The name that the user says.
        matching: Returns how many of some values are ids of images that are there; None where there is nothing to compare with.

    Raises:
        SourceError: There is no such column, or none that could be it.
    """
    names = table.column_names
    if given is not None:
        if given not in names:
            raise SourceError(f"no column is called {given!r} (--image-column); {suggestion(given, names)}")
        return given
    scores = {name: _score(table[name].slice(0, SAMPLE), root, matching) for name in names}
    best = max(scores.values(), default=0)
    if best < 0.5:
        raise SourceError(
            f"none of the columns {quoted(names)} names images: their values are no bytes, nor paths below {root}, nor names or "
            "ids of images there; name the column by --image-column, and what its paths are relative to by --root"
        )
    likely = [name for name in names if scores[name] == best]
    return str(min(likely, key=lambda name: (_rank(name, IMAGES), names.index(name))))


def _score(column: pa.ChunkedArray, root: str, matching: Callable[[Sequence[Any]], int] | None) -> float:
    """Returns how sure it is that a column names images: 2 or less by what it holds, 0 where it cannot be."""
    kind = column.type
    if is_bytes(kind):
        return 2.0
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    is_text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    values = [value for value in column.to_pylist() if value is not None]
    if not values or not (is_text or pa.types.is_integer(kind)):
        return 0.0
    named = sum(is_image(str(value)) for value in values) / len(values) if is_text else 0.0
    there = sum(os.path.isfile(os.path.join(root, str(value))) for value in values) / len(values) if is_text else 0.0
    if max(named, there) >= 0.5 or matching is None:
        return max(named, there)
    return matching(values) / len(values) * len(set(values)) / len(values)


def label_columns(table: pa.Table, image: str, given: Sequence[str] = ()) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Returns the columns that are the labels, none where nothing is certain, and a remark on how they were found.

    Args:
        table: The table.
        image: The column of its images.
        given: The names that the user says.
    """
    if given:
        return tuple(given), ()
    others = [name for name in table.column_names if name != image and _may_be_label(table, name)]
    by_name = sorted((name for name in others if name.lower() in LABELS), key=lambda name: _rank(name, LABELS))
    if by_name:
        return (by_name[0],), (f"labels are those of column {by_name[0]!r}; --label-column names another one",)
    if len(others) > 1 and all(_is_flag(table[name]) for name in others):
        return tuple(others), (f"labels are the columns {quoted(others)}, where they are 1; --label-column names another one",)
    few = [name for name in others if _repeats(table[name])]
    if len(few) == 1:
        return (few[0],), (f"labels are those of column {few[0]!r}, which has few values; --label-column names another one",)
    if not others:
        return (), ()
    return (), (f"no label is taken from columns {quoted(others)}, since it is not certain which; --label-column names one",)


def split_column(table: pa.Table, taken: Sequence[str]) -> str | None:
    """Returns the column that is the split, or None."""
    free = [name for name in table.column_names if name not in taken and pa.types.is_string(table[name].type)]
    likely = [name for name in free if name.lower() in DIVISIONS]
    sure = [name for name in likely if {str(value).lower() for value in table[name].drop_null().unique().to_pylist()} <= SPLITS]
    named = [name for name in likely if name.lower() == "split"]
    return next(iter(named or sure), None)


def _may_be_label(table: pa.Table, name: str) -> bool:
    """Returns whether a column could be the label at all."""
    kind = table[name].type
    if name.lower() in NO_LABELS or name.lower() in DIVISIONS or name in MEANT:
        return False
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return name.lower() in LABELS
    return not (pa.types.is_nested(kind) or is_bytes(kind) or pa.types.is_temporal(kind))


def _is_flag(column: pa.ChunkedArray) -> bool:
    return pa.types.is_boolean(column.type) or set(column.unique().to_pylist()) <= {0, 1, None, "0", "1"}


def _repeats(column: pa.ChunkedArray) -> bool:
    """Returns whether a column has at least two values, each twice on average."""
    known = len(column.drop_null().unique())
    return 2 <= known <= len(column) // 2


def _rank(name: str, names: Sequence[str]) -> int:
    return names.index(name.lower()) if name.lower() in names else len(names)
