"""Which folder of a path names the split and which the label.

What is given is obeyed. What is not is decided where there is no doubt: folders that are all called train, val and the like
name splits, and a folder that holds everything and is called "images" or the like names nothing. What was decided is a remark.
"""

import re
from collections.abc import Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from attrs import Attribute, field

from dataprep.errors import SourceError
from dataprep.sources.listing import counted, quoted
from dataprep.sources.names import name_of

Folders: TypeAlias = Sequence[str]
"""The folders on the way to an image, the outermost first."""

CONTAINERS: Final = frozenset("images image imgs img data dataset photos pictures pics jpegimages jpegs jpg png files".split())
"""What a folder is called that holds a whole set and says nothing about it, in any case."""

SPLITS: Final = frozenset("train training val valid validation test testing".split())
"""What splits are called, in any case."""

MODES: Final = ("first", "parent", "none")


class Levels(NamedTuple):
    """What paths say about images.

    Attributes:
        labels: The label of each.
        splits: The split of each.
        remarks: What was decided, a sentence each.
    """

    labels: list[str | None]
    splits: list[str | None]
    remarks: tuple[str, ...] = ()


def read_levels(
    uris: Sequence[str], label: str | None = None, splits: bool | None = None, container: str | None = None
) -> Levels:
    """Returns the labels and splits that paths name.

    Args:
        uris: The paths below the root.
        label: "first": the first folder, or that below the split; "parent": the folder that the image is in; "none"; or a regular
            expression to search for in the path, whose group `label`, or first group, or whole match is the label, and whose
            group `split` is the split. None stands for "first", below a folder that holds everything and says nothing.
        splits: Whether the first folder names the split; None decides by its name.
        container: For an archive, its name: a folder of this name, or one that holds all other folders, says nothing.
    """
    if label not in (None, *MODES):
        return _search(uris, re.compile(label or ""))
    folders = [uri.split("/")[:-1] for uri in uris]
    remarks: list[str] = []
    at = 0
    if label is None and splits is None:
        at = _skip(folders, at, container, remarks)
    if splits is None and _are_splits(folders, at):
        splits = True
        names = sorted({steps[at] for steps in folders})
        taken = f"folders {quoted(names)} are taken for splits" if len(names) > 1 else f"folder {names[0]!r} is taken for a split"
        remarks.append(f"the {taken}; --no-splits takes {'them for labels' if len(names) > 1 else 'it for a label'}")
    found = [name_of(steps[at]) if splits and len(steps) > at else None for steps in folders]
    at += bool(splits)
    if label is None and splits:
        at = _skip(folders, at, container, remarks)
    return Levels([_label(steps, at, label) for steps in folders], found, tuple(remarks))


def _label(folders: Folders, at: int, mode: str | None) -> str | None:
    if mode == "none" or len(folders) <= at:
        return None
    return name_of(folders[-1] if mode == "parent" else folders[at])


def _skip(folders: Sequence[Folders], at: int, container: str | None, remarks: list[str]) -> int:
    """Returns the first level from `at` on that is not one and the same folder without a meaning, and says what is skipped."""
    while True:
        names = {steps[at] if len(steps) > at else "" for steps in folders}
        name = names.pop() if len(names) == 1 else ""
        around = container is not None and (name == container or all(len(steps) > at + 1 for steps in folders))
        if not name or name.lower() in SPLITS or (name.lower() not in CONTAINERS and not around):
            return at
        remarks.append(f"all images lie in {name!r}, which is taken for no label; --label first takes it for one")
        at += 1


def _are_splits(folders: Sequence[Folders], at: int) -> bool:
    """Returns whether every image lies in a folder that is called as splits are."""
    return bool(folders) and all(len(steps) > at and steps[at].lower() in SPLITS for steps in folders)


def _search(uris: Sequence[str], pattern: re.Pattern[str]) -> Levels:
    """Returns what a regular expression finds in paths."""
    found = [pattern.search(name_of(uri)) for uri in uris]
    without = [uri for uri, match in zip(uris, found, strict=True) if match is None]
    remark = f"{counted(len(without), 'path')} {'does' if len(without) == 1 else 'do'} not match --label {pattern.pattern}"
    split = "split" in pattern.groupindex
    return Levels(
        [None if match is None else _group(match, "label") for match in found],
        [None if match is None or not split else match["split"] for match in found],
        (f"{remark}: {quoted(without)}",) if without else (),
    )


def _group(match: re.Match[str], name: str) -> str | None:
    """Returns what the group of a name matched, else the first group, else all."""
    if name in match.re.groupindex:
        return match[name]
    return match[1] if match.re.groups else match[0]


def label_mode() -> Any:
    """Returns the field of a source that says which part of a path is the label."""
    return field(default=None, validator=_check_mode)


def _check_mode(source: object, argument: "Attribute[str | None]", value: object) -> None:
    """Raises `SourceError` unless a label mode is one, or a regular expression."""
    try:
        known = value is None or (isinstance(value, str) and value and re.compile(value) is not None)
        if not known:
            raise SourceError(f"label={value!r}: give 'first', 'parent', 'none', or a regular expression, as text")
    except re.error as error:
        raise SourceError(
            f"label={value!r} is neither 'first', 'parent' nor 'none', nor a regular expression: {error}; "
            r"such as '^(\w+)_\d+' for the word before the number"
        ) from error
