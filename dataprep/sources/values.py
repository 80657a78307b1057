"""Labels as tables have them: a class, several classes, or a number; and the columns of a manifest that hold them.

A class is text in `label`. Several are a list in `labels`, and `label` has them as one text, "cat|dog", so that what counts or
compares labels sees sets. A number to learn is in `value`, and `label` is null.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Final, Literal, NamedTuple, TypeAlias

import pyarrow as pa

from dataprep.columns import TEXT, fields_of
from dataprep.errors import SourceError, suggestion
from dataprep.sources.listing import counted, quoted

Kind: TypeAlias = Literal["class", "classes", "number"]

KINDS: Final = ("class", "classes", "number")
SEPARATORS: Final = ("|", ";")
"""What parts several labels in one text without a doubt."""
UNSURE: Final = (",", " ")
"""What parts them where it is said that there are several."""


class Labels(NamedTuple):
    """The labels of some rows.

    Attributes:
        kind: What they are.
        values: A text or None, a list of texts, or a number or None, for each row.
        classes: The classes in the order of their numbers, where the table has one; None where that is theirs, sorted.
        remarks: What was decided, a sentence each.
    """

    kind: Kind
    values: list[str | None] | list[list[str]] | list[float | None]
    classes: tuple[str, ...] | None = None
    remarks: tuple[str, ...] = ()

    def columns(self) -> dict[str, pa.Array]:
        """Returns the columns of a manifest that hold them."""
        several, value = fields_of("labels")
        if self.kind == "number":
            return {"label": pa.nulls(len(self.values), TEXT), "value": pa.array(self.values, value.type)}
        if self.kind == "classes":
            sets = [sorted(set(labels)) for labels in self.values]  # type: ignore[arg-type]  # lists, of this kind
            texts = ["|".join(labels) or None for labels in sets]
            return {"label": pa.array(texts, TEXT), "labels": pa.array(sets, several.type)}
        return {"label": pa.array(self.values, TEXT)}

    def take(self, groups: Sequence[Sequence[int]]) -> "Labels":
        """Returns the labels of images of which each has some rows; different labels of one image are several labels."""
        if self.kind == "class":
            sets = [list(dict.fromkeys(self.values[row] for row in rows if self.values[row] is not None)) for rows in groups]
            if all(len(labels) <= 1 for labels in sets):
                return self._replace(values=[labels[0] if labels else None for labels in sets])  # type: ignore[arg-type]
            many = sum(len(labels) > 1 for labels in sets)
            remark = f"{counted(many, 'image')} in several rows with different labels, which are taken for several labels"
            return self._replace(kind="classes", values=sets, remarks=(*self.remarks, remark))  # type: ignore[arg-type]
        if self.kind == "classes":
            return self._replace(values=[[label for row in rows for label in self.values[row] or ()] for rows in groups])  # type: ignore[union-attr]
        return self._replace(values=[self.values[rows[0]] if rows else None for rows in groups])  # type: ignore[arg-type]


def labels_of(table: pa.Table, names: Sequence[str], kind: Kind | None = None, separator: str | None = None) -> Labels:
    """Returns the labels that columns of a table hold.

    Args:
        table: The table.
        names: One column, or several that are 1 where the label of their name applies.
        kind: What the labels are; None decides: texts, whole numbers and truth values are classes, lists are several, and
            fractions are numbers.
        separator: What parts several labels in one text.

    Raises:
        SourceError: A column is not there, or holds something else.
    """
    for name in names:
        if name not in table.column_names:
            raise SourceError(f"no column is called {name!r}; {suggestion(name, table.column_names)}")
    if len(names) > 1:
        return _one_hot(table, names, kind)
    column = table[names[0]].combine_chunks()
    classes = None
    if pa.types.is_dictionary(column.type):
        ordered = column.dictionary.to_pylist() if isinstance(column, pa.DictionaryArray) else []
        classes = tuple(map(_text, ordered)) if ordered else None
        column = column.cast(column.type.value_type)
    found = _labels(column.to_pylist(), column.type, names[0], kind, separator)
    return found if classes is None or found.kind == "number" else found._replace(classes=classes)


def _labels(values: list[object], kept: pa.DataType, name: str, kind: Kind | None, separator: str | None) -> Labels:
    """Returns the labels of one column by its type."""
    if pa.types.is_list(kept) or pa.types.is_large_list(kept) or pa.types.is_fixed_size_list(kept):
        return _several([[_text(item) for item in items or () if item is not None] for items in values])  # type: ignore[attr-defined]
    if pa.types.is_floating(kept) or pa.types.is_integer(kept) or pa.types.is_decimal(kept):
        return _numbers([None if _is_missing(value) else float(value) + 0.0 for value in values], name, kind)  # type: ignore[arg-type]
    if not (pa.types.is_string(kept) or pa.types.is_large_string(kept) or pa.types.is_boolean(kept) or pa.types.is_null(kept)):
        raise SourceError(f"column {name!r} holds {kept}, which is no label; name another one as label column (--label-column)")
    texts = [None if value is None else _text(value) or None for value in values]
    if kind == "number":
        raise SourceError(f"column {name!r} holds texts, such as {next(filter(None, texts), None)!r}, and not numbers to learn")
    return _texts(texts, name, kind, separator)


def _texts(texts: list[str | None], name: str, kind: Kind | None, separator: str | None) -> Labels:
    """Returns labels of texts, each one label or several with something between them."""
    candidates = SEPARATORS if kind is None else (*SEPARATORS, *UNSURE)
    known = separator or next((mark for mark in candidates if any(text and mark in text for text in texts)), None)
    if kind == "class" or known is None:
        return _several([[text] if text else [] for text in texts]) if kind == "classes" else Labels("class", texts)
    sets = [[part.strip() for part in (text or "").split(known) if part.strip()] for text in texts]
    said = f"labels of column {name!r} are taken for several where {known!r} is between them; label_as='class' takes them whole"
    return _several(sets)._replace(remarks=() if separator or kind else (said,))


def _numbers(values: list[float | None], name: str, kind: Kind | None) -> Labels:
    """Returns labels of numbers: classes where they are whole, unless numbers are asked for."""
    whole = all(value is None or value.is_integer() for value in values)
    if kind == "number" or (kind is None and not whole):
        said = f"column {name!r} holds fractions, so they are taken for numbers to learn; label_as='class' takes them for classes"
        return Labels("number", values, remarks=() if kind else (said,))
    texts = [None if value is None else f"{value:.0f}" if whole else f"{value!r}" for value in values]
    classes = tuple(sorted({text for text in texts if text}, key=float))
    found = Labels("class", texts, classes)
    return found if kind != "classes" else found._replace(kind="classes", values=[[text] if text else [] for text in texts])


def _several(sets: list[list[str]]) -> Labels:
    """Returns labels of which an image has several; whole numbers are ordered as such."""
    known = {label for labels in sets for label in labels}
    whole = known and all(label.isascii() and label.isdigit() for label in known)
    return Labels("classes", sets, tuple(sorted(known, key=int)) if whole else None)


def _one_hot(table: pa.Table, names: Sequence[str], kind: Kind | None) -> Labels:
    """Returns labels of columns that are 1 where the label of their name applies."""
    flags = [[_flag(value, name) for value in table[name].to_pylist()] for name in names]
    sets = [[name for name, flag in zip(names, row, strict=True) if flag] for row in zip(*flags, strict=True)]
    if kind != "classes" and all(len(labels) <= 1 for labels in sets):
        return Labels("class", [labels[0] if labels else None for labels in sets], tuple(names))
    return Labels("classes", sets, tuple(names))


def _flag(value: object, name: str) -> bool:
    if value is None or value in (0, 1, False, True, "0", "1"):
        return value in (1, True, "1")
    raise SourceError(f"column {name!r} holds {value!r}; where several columns are the labels, each is 0 or 1 for its own")


def _is_missing(value: object) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _text(value: object) -> str:
    """Returns a label as text: whole numbers without a point."""
    if isinstance(value, float) and value.is_integer():
        return f"{value:.0f}"
    return str(value).strip()


def check_classes(labels: Iterable[str], classes: Sequence[str]) -> None:
    """Raises `SourceError` unless every label is one of the classes that are given."""
    strange = sorted(set(labels) - set(classes))
    if strange:
        raise SourceError(
            f"{counted(len(strange), 'label')} of the images {'is' if len(strange) == 1 else 'are'} not in the list of classes: "
            f"{quoted(strange)}; add what is missing to it, or leave the images out"
        )
