"""Which tars are meant: by a glob, or by a range in braces, as WebDataset names them: `train-{000000..000122}.tar`."""

import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from glob import has_magic
from typing import Final

from dataprep.errors import SourceError
from dataprep.files import shown

BRACES: Final = re.compile(r"\{([^{}]*)\}")
RANGE: Final = re.compile(r"(\d+)\.\.(\d+)")


def expand(text: str) -> Iterator[str]:
    """Yields what a text with braces stands for: `{08..10}` for 08, 09, 10, and `{a,b}` for a and b."""
    found = BRACES.search(text)
    if found is None:
        yield text
        return
    for choice in _choices(found[1]):
        for rest in expand(text[found.end() :]):
            yield f"{text[: found.start()]}{choice}{rest}"


def _choices(text: str) -> Iterable[str]:
    """Returns what stands between braces."""
    between = RANGE.fullmatch(text)
    if between is None:
        return text.split(",") if "," in text else ["{" + text + "}"]
    first, last = int(between[1]), int(between[2])
    step = 1 if first <= last else -1
    width = max(map(len, between.groups())) if any(len(end) > 1 and end[0] == "0" for end in between.groups()) else 0
    return [str(number).zfill(width) for number in range(first, last + step, step)]


def chosen(names: Iterable[str], include: str | tuple[str, ...], where: str) -> list[str]:
    """Returns the tars among some names that are meant, sorted: by a glob, by braces, or by their very names.

    Raises:
        SourceError: There is none, or one that is meant by its name is not there.
    """
    tars = {name for name in names if name.endswith(".tar")}
    patterns = list(expand(include)) if isinstance(include, str) else []
    plain = set(include) if not isinstance(include, str) else {pattern for pattern in patterns if not has_magic(pattern)}
    globs = [pattern for pattern in patterns if has_magic(pattern)]
    found = sorted(name for name in tars if name in plain or any(fnmatch(name, glob) for glob in globs))
    if not found:
        raise SourceError(f"no tar in {shown(where)} is called {include!r}")
    if missing := sorted(plain - tars):
        raise SourceError(f"{len(missing):,} of the tars of {include!r} are not in {shown(where)}, such as {missing[0]!r}")
    return found
