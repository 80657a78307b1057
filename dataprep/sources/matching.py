"""Which row of a table means which image, where the table names images by part of their path, or by an id.

A name may be the whole path, the file's name, each without its ending, or a number that the name is with zeros before it. The
form that finds the most rows is the one.
"""

import os
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from dataprep.images.formats import is_image
from dataprep.sources.names import path_of

Form = Callable[[str], Hashable]


class Match(NamedTuple):
    """Which image each row means.

    Attributes:
        images: The index of each row's image, -1 where it means none, or cannot be told apart.
        found: How many rows mean one.
        ambiguous: How many rows could mean several.
    """

    images: list[int]
    found: int
    ambiguous: int


def match(names: Sequence[object], uris: Sequence[str], hint: str = "") -> Match:
    """Returns which image each row means.

    Args:
        names: What the rows call their images; texts, whole numbers or None.
        uris: The images.
        hint: The name of the table's file: of several images those are meant that lie in a folder of which it is the name, as
            train.csv means train/1.jpg and not test/1.jpg.
    """
    texts = [None if name is None else _tidy(str(name)) for name in names]
    paths = [path_of(uri) for uri in uris]
    tried = (_match(texts, paths, form, hint) for form in FORMS)
    return max(tried, key=lambda found: found.found)


def _match(names: Sequence[str | None], paths: Sequence[str], form: Form, hint: str) -> Match:
    """Returns which image each row means by one form of names."""
    index = _index(paths, form)
    images, ambiguous = [], 0
    for name in names:
        found = [] if name is None else index.get(form(name), [])
        if len(found) > 1:
            found = _nearest(found, paths, hint)
            ambiguous += len(found) > 1
        images.append(found[0] if len(found) == 1 else -1)
    return Match(images, sum(image >= 0 for image in images), ambiguous)


def _index(paths: Sequence[str], form: Form) -> Mapping[Hashable, list[int]]:
    """Returns the images that have each name."""
    index: dict[Hashable, list[int]] = {}
    for place, path in enumerate(paths):
        index.setdefault(form(path), []).append(place)
    return index


def _nearest(found: Iterable[int], paths: Sequence[str], hint: str) -> list[int]:
    """Returns those images that lie in a folder that a table's name is about, or all."""
    found = list(found)
    near = [place for place in found if any(step and step.lower() in hint.lower() for step in paths[place].split("/")[:-1])]
    return near or found


def _tidy(name: str) -> str:
    return os.path.normpath(name.replace("\\", "/")) if name else name


def _path_without_ending(path: str) -> str:
    return os.path.splitext(path)[0] if is_image(path) else path


def _name(path: str) -> str:
    return os.path.basename(path)


def _stem(path: str) -> str:
    return _path_without_ending(_name(path))


def _number(path: str) -> Hashable:
    """Returns the number that a name is, or the name itself where it is none, apart from all numbers."""
    stem = _stem(path)
    return int(stem) if stem.isascii() and stem.isdigit() else (stem,)


FORMS: Final[tuple[Form, ...]] = (str, _path_without_ending, _name, _stem, _number)
"""What of a path a name may be, the most exact first."""
