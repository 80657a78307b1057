"""From columns of a table to arrays: places in continuous pixels of the upright image, their labels as numbers, plain values.

All is checked here, once, so that a wrong format of boxes is an error when a loader is made and not a model that learns nothing.
"""

import json
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from attrs import frozen
from numpy.typing import NDArray

from dataprep.errors import LoaderError, suggestion
from dataprep.targets.kinds import Boxes, Column, Mask, Places, Points, Polygons
from dataprep.targets.marks import Marks
from dataprep.targets.stored import make_upright, turned
from dataprep.types import Sizes

BEYOND: Final = 0.1  # of a side: places that are farther outside of the picture are hardly meant
MOST: Final = 0.5  # the share of places that may be


@frozen
class Table:
    """The kept rows that targets are read from.

    Attributes:
        rows: The table.
        sizes: (N, 2) height and width of the upright images.
        vocabularies: The classes of each column of labels.
        orientations: (N,) how EXIF says that each image is to be turned, where a target is of what is stored.
    """

    rows: pa.Table
    sizes: Sizes
    vocabularies: dict[str, tuple[str, ...]]
    orientations: NDArray[np.int64]

    def sides(self, target: Any, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Returns (M, 2) width and height of the images of some rows, as they were when a target was marked."""
        sizes = self.sizes[rows]
        return (turned(sizes, self.orientations[rows]) if target.stored else sizes)[:, ::-1].astype(np.float64)

    def column(self, target: object, name: str) -> pa.Array:
        """Returns a column, lists also where they are written as JSON; raises `LoaderError` where there is none."""
        if name not in self.rows.column_names:
            raise LoaderError(f"{target}: the manifest has no column {name!r}; {suggestion(name, self.rows.column_names)}")
        column = self.rows[name].combine_chunks()
        return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column

    def named(self, row: int) -> str:
        """Returns the name of an image in an error."""
        return repr(self.rows["uri"][int(row)].as_py())


def read_places(target: Places, table: Table) -> Marks:
    """Returns the boxes, points or outlines of all rows, and their labels, in pixels of the images.

    Raises:
        LoaderError: The columns are not what the target says, or their numbers cannot be meant; the message names a row.
    """
    where: Any = target
    column = _lists(where, where.column, table)
    _refuse_nulls(where, column, table)
    counts, items = _lengths(column), column.flatten()
    rows = np.repeat(np.arange(len(counts)), counts)
    corners = None
    if isinstance(where, Polygons):
        corners, items = _lengths(_listed(where, items, rows, table)), items.flatten()
        rows = np.repeat(rows, corners)
    values = _numbers(where, items, 4 if isinstance(where, Boxes) else 2, rows, table)
    values = _pixels(where, values, rows, table)
    labels = {name: _labels(where, name, counts, table) for name in target.labels}
    if isinstance(where, Points) and where.mirrored and (counts % len(where.mirrored)).any():
        odd = int(np.flatnonzero(counts % len(where.mirrored))[0])
        raise LoaderError(f"{_call(where)}: {table.named(odd)} has {counts[odd]} points, not a multiple of {len(where.mirrored)}")
    return Marks(where, counts, values.astype(np.float32), labels, corners)


def read_texts(target: Mask, table: Table) -> pa.Array:
    """Returns the uris or run lengths of the masks of all rows, null where there is nothing on them.

    Raises:
        LoaderError: The column does not hold text, or has nulls that are not taken for empty.
    """
    column = table.column(_call(target), target.column)
    column = column.cast(pa.string()) if pa.types.is_null(column.type) else column
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        raise LoaderError(f"{_call(target)}: it is of {column.type}; give a column of uris, or of run lengths as JSON")
    _refuse_nulls(target, column, table)
    return column


def _refuse_nulls(target: Any, column: pa.Array, table: Table) -> None:
    if column.null_count and target.missing == "refuse":
        raise LoaderError(
            f"{_call(target)}: {column.null_count:,} kept images have nothing in the column {target.column!r}, such as "
            f'{table.named(_first(pc.is_null(column)))}, so nobody looked at them; drop them, or give missing="empty" if there '
            "is nothing on them"
        )


def _first(where: pa.Array) -> int:
    """Returns the first row at which something holds."""
    return int(pc.index(where, True).as_py())


def read_values(target: Column, table: Table) -> Any:
    """Returns a column for all rows: an array of numbers, marks of lists of numbers, or an Arrow array of text.

    Raises:
        LoaderError: It is of another kind, or has nulls that nothing stands for.
    """
    column, kind = table.column(_call(target), target.column), pa.types
    listed = kind.is_list(column.type) or kind.is_large_list(column.type) or kind.is_fixed_size_list(column.type)
    floating = kind.is_floating(column.type.value_type if listed else column.type)
    if target.missing is not None and not listed:
        column = pc.fill_null(column, pa.scalar(target.missing, column.type))
    if column.null_count and (listed or not floating):
        raise LoaderError(
            f"{_call(target)}: it is null for {column.null_count:,} kept images, such as "
            f"{table.named(_first(pc.is_null(column)))}; say what stands there, as in "
            f"Column({target.column!r}, missing=...), or drop these"
        )
    if listed and (kind.is_integer(column.type.value_type) or floating or kind.is_boolean(column.type.value_type)):
        return Marks(target, _lengths(column), _array(_call(target), column.flatten()), {})
    if kind.is_string(column.type) or kind.is_large_string(column.type):
        return column
    if kind.is_integer(column.type) or floating or kind.is_boolean(column.type):
        return _array(_call(target), column)
    raise LoaderError(f"{_call(target)}: it is of {column.type}; numbers, text and lists of numbers can be in a batch")


def _call(target: Any) -> str:
    """Returns what an error calls a target."""
    return f"{type(target).__name__}({target.column!r})"


def _lists(target: Any, name: str, table: Table) -> pa.Array:
    """Returns a column of lists."""
    column, kind = table.column(_call(target), name), pa.types
    if kind.is_string(column.type) or kind.is_large_string(column.type):
        try:
            column = pa.array([None if text is None else json.loads(text) for text in column.to_pylist()])
        except (ValueError, pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise LoaderError(f"{_call(target)}: the column {name!r} is text that is no JSON of lists ({error})") from error
    if kind.is_null(column.type):
        return column.cast(pa.list_(pa.list_(pa.float32())))
    if not (kind.is_list(column.type) or kind.is_large_list(column.type) or kind.is_fixed_size_list(column.type)):
        raise LoaderError(f"{_call(target)}: the column {name!r} is of {column.type}, not a list for each image")
    return column


def _listed(target: Any, items: pa.Array, rows: NDArray[np.int64], table: Table) -> pa.Array:
    """Returns the items of a list, each of which has to be a list."""
    if items.null_count:
        row = rows[_first(pc.is_null(items))]
        raise LoaderError(f"{_call(target)}: {table.named(row)} has a null among its {target.column!r}; leave it out")
    if len(items) and not hasattr(items, "flatten"):
        raise LoaderError(f"{_call(target)}: the column {target.column!r} has numbers where a list of places is wanted")
    return items if hasattr(items, "flatten") else pa.array([], pa.list_(pa.float64()))


def _lengths(column: pa.Array) -> NDArray[np.int64]:
    return np.asarray(pc.fill_null(pc.list_value_length(column), 0), np.int64)


def _numbers(target: Any, items: pa.Array, width: int, rows: NDArray[np.int64], table: Table) -> NDArray[np.float64]:
    """Returns (M, width) numbers of lists of so many."""
    items = _listed(target, items, rows, table)
    odd = np.flatnonzero(_lengths(items) != width)
    if len(odd):
        raise LoaderError(
            f"{_call(target)}: {table.named(rows[odd[0]])} has {items[int(odd[0])].as_py()}, where {width} numbers are wanted"
        )
    try:
        numbers = np.asarray(pc.fill_null(items.flatten().cast(pa.float64()), np.nan)).reshape(-1, width)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise LoaderError(f"{_call(target)}: the column {target.column!r} does not hold numbers ({error})") from error
    strange = np.isinf(numbers) if isinstance(target, Points) else ~np.isfinite(numbers)
    if strange.any():
        at = int(np.flatnonzero(strange.any(axis=1))[0])
        raise LoaderError(f"{_call(target)}: {table.named(rows[at])} has {numbers[at].tolist()}, which is no place")
    return numbers


def _pixels(target: Any, given: NDArray[np.float64], rows: NDArray[np.int64], table: Table) -> NDArray[np.float64]:
    """Returns places in pixels, boxes as left, top, right, bottom."""
    _check_unit(target, given, rows, table)
    values, sides = given.copy(), table.sides(target, rows)
    form = target.format if isinstance(target, Boxes) else "xyxy"
    if form == "cxcywh":
        values[:, :2] -= values[:, 2:] / 2
    if form != "xyxy":
        values[:, 2:] += values[:, :2]
    if target.relative:
        values *= np.tile(sides, (1, values.shape[1] // 2))
    if isinstance(target, Boxes):
        turned = np.flatnonzero((values[:, 2:] < values[:, :2]).any(axis=1))
        if len(turned):
            raise LoaderError(
                f"{_call(target)}: {table.named(rows[turned[0]])} has the box {given[turned[0]].tolist()}, whose right or bottom "
                f"comes before its left or top as format={form!r}; it may be another of 'xyxy', 'xywh' and 'cxcywh'"
            )
    _check_inside(target, given, values, rows, table)
    return _upright(values, rows, table) if target.stored else values


def _upright(values: NDArray[np.float64], rows: NDArray[np.int64], table: Table) -> NDArray[np.float64]:
    """Returns places of images as they are stored as places of upright ones."""
    each = values.shape[1] // 2
    places = values.reshape(-1, 2)
    where = np.repeat(rows, each)
    moved = make_upright(places, table.orientations[where], table.sizes[where])
    if each == 1:
        return moved
    corners = moved.reshape(-1, 2, 2)  # (M, 2, 2): two opposite corners of each box, whichever these are now
    return np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)


def _check_unit(target: Any, given: NDArray[np.float64], rows: NDArray[np.int64], table: Table) -> None:
    """Raises `LoaderError` where shares are taken for pixels, or the other way round."""
    known = given[np.isfinite(given).all(axis=1)]
    large = np.flatnonzero((np.abs(given) > 2).any(axis=1))
    if target.relative and len(large):
        raise LoaderError(
            f"{_call(target)}: {table.named(rows[large[0]])} has {given[large[0]].tolist()}, which are no shares of its sides; "
            "leave relative=True out if these are pixels"
        )
    small = known.size and known.max() <= 1 and known.min() >= 0 and known.max() > 0
    if not target.relative and small and (known != np.rint(known)).any():
        raise LoaderError(f"{_call(target)}: all numbers are from 0 to 1; give relative=True if these are shares of the sides")


def _check_inside(
    target: Any, given: NDArray[np.float64], values: NDArray[np.float64], rows: NDArray[np.int64], table: Table
) -> None:
    """Raises `LoaderError` where most places are far outside of their pictures."""
    sides = np.tile(table.sides(target, rows), (1, values.shape[1] // 2))
    far = np.asarray((values < -BEYOND * sides) | (values > (1 + BEYOND) * sides)).any(axis=1)
    if far.sum() > MOST * len(values):
        at = int(np.flatnonzero(far)[0])
        width, height = table.sides(target, rows[at : at + 1])[0].astype(int).tolist()
        hint = "; is the format another, or relative?" if isinstance(target, Boxes) else ""
        raise LoaderError(
            f"{_call(target)}: {far.sum():,} of {len(values):,} places lie far outside of their pictures, such as "
            f"{given[at].tolist()} in {table.named(rows[at])} of {width}×{height} pixels{hint}"
        )


def _labels(target: Any, name: str, counts: NDArray[np.int64], table: Table) -> NDArray[Any]:
    """Returns a value for each place: class numbers of text, and numbers as they are."""
    column = _lists(target, name, table)
    odd = np.flatnonzero(_lengths(column) != counts)
    if len(odd):
        row = int(odd[0])
        raise LoaderError(
            f"{_call(target)}: {table.named(row)} has {counts[row]} of {target.column!r} and "
            f"{_lengths(column)[row]} of {name!r}; labels are one for each"
        )
    values = column.flatten()
    if name in table.vocabularies:
        classes = pa.array(table.vocabularies[name], values.type)
        return np.asarray(pc.fill_null(pc.index_in(values, value_set=classes), -1), np.int64)
    return _array(f"{_call(target)}: labels={name!r}", values)


def _array(named: str, values: pa.Array) -> NDArray[Any]:
    """Returns numbers as int64, float32 or bool."""
    if pa.types.is_floating(values.type) or pa.types.is_null(values.type):
        return np.asarray(pc.fill_null(values.cast(pa.float64()), np.nan), np.float32)
    if values.null_count:
        raise LoaderError(f"{named}: {values.null_count:,} whole numbers are missing; fill them, or leave the column out")
    if pa.types.is_integer(values.type) or pa.types.is_boolean(values.type):
        return np.asarray(values.to_numpy(zero_copy_only=False), bool if pa.types.is_boolean(values.type) else np.int64)
    raise LoaderError(f"{named}: it holds {values.type}, not numbers or text")
