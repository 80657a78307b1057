"""What may be said about a source beside where it is; each form of it takes some of this and refuses the rest by name."""

import os
from collections.abc import Iterable, Sequence
from typing import Any

from attrs import Attribute, define, field, fields

from dataprep.errors import SourceError
from dataprep.files import is_url
from dataprep.sources.levels import label_mode
from dataprep.sources.listing import quoted
from dataprep.sources.values import KINDS, Kind
from dataprep.sources.walk import as_globs


def _as_names(given: str | Sequence[str] | None) -> tuple[str, ...]:
    """Returns names of columns, also those with commas between them."""
    names = given.split(",") if isinstance(given, str) else given or ()
    return tuple(name.strip() for name in names)


def _as_root(given: str | os.PathLike[str] | None) -> str | None:
    """Returns a folder by its path from the root of the file system; a place in a store as it is."""
    return None if given is None else os.fspath(given) if is_url(given) else os.path.abspath(os.fspath(given))


def _as_classes(given: Iterable[str] | None) -> tuple[str, ...] | None:
    """Returns labels as a tuple."""
    if isinstance(given, str):
        raise SourceError(f"classes={given!r}: give a list of labels, in the order of their numbers")
    return None if given is None else tuple(map(str, given))


def _check_kind(options: object, argument: "Attribute[str | None]", value: object) -> None:
    if value is not None and value not in KINDS:
        raise SourceError(f"label_as={value!r}: one of {', '.join(map(repr, KINDS))}")


def _check_classes(options: object, argument: "Attribute[Any]", value: tuple[str, ...] | None) -> None:
    twice = sorted({label for label in value or () if (value or ()).count(label) > 1})
    if value is not None and (twice or not value):
        raise SourceError(f"classes={value!r}: {f'{quoted(twice)} is there twice' if twice else 'there is none'}")


@define(kw_only=True)
class Options:
    """What `open_source` is told beside the source; its docstring says what each means."""

    root: str | None = field(default=None, converter=_as_root)
    image_column: str | None = None
    label_column: tuple[str, ...] = field(default=(), converter=_as_names)
    label_as: Kind | None = field(default=None, validator=_check_kind)
    separator: str | None = None
    labels: Any = None
    label: str | None = label_mode()
    splits: bool | None = None
    classes: tuple[str, ...] | None = field(default=None, converter=_as_classes, validator=_check_classes)
    include: tuple[str, ...] = field(default=(), converter=as_globs)
    exclude: tuple[str, ...] = field(default=(), converter=as_globs)

    def check(self, form: str, *taken: str) -> None:
        """Refuses what does not apply.

        Args:
            form: What the source is, such as "a table".
            *taken: What applies to it, beside `classes`, which always does.

        Raises:
            SourceError: Something else is given.
        """
        given = [known.name for known in fields(Options) if getattr(self, known.name) != known.default]
        strange = [name for name in given if name not in (*taken, "classes") and getattr(self, name) != ()]
        if strange:
            applies = ", ".join((*taken, "classes"))
            raise SourceError(f"{quoted(strange)} does not apply to {form}; what applies is {applies}")
