"""What lies beside an image in a tar under its name, as WebDataset has it: `0001.jpg`, `0001.cls`, `0001.txt`, `0001.json`."""

import json
import posixpath
from collections.abc import Sequence
from typing import Any, Final

import pyarrow as pa

from dataprep.errors import SourceError
from dataprep.sources.table import tidy

BESIDE: Final = (".cls", ".txt", ".json")
"""Endings of what is read, what a later one says before what an earlier one does."""


def key_of(name: str) -> str:
    """Returns what the members of one sample share: the name up to the first dot behind its folders."""
    folder, _, last = name.rpartition("/")
    return posixpath.join(folder, last.partition(".")[0])


def parse(kind: str, data: bytes) -> dict[str, Any]:
    """Returns what a file beside an image says: a class, a caption, or whatever JSON has; nothing where it is not understood."""
    try:
        text = data.decode()
        if kind == ".json":
            known = json.loads(text)
            return known if isinstance(known, dict) else {}
    except (ValueError, RecursionError):
        return {}
    if kind == ".txt":
        return {"caption": text}
    whole = text.strip()
    return {"label": int(whole) if whole.isascii() and whole.isdigit() else whole}


def table_of(rows: Sequence[dict[str, Any]], images: Sequence[str], where: str) -> pa.Table | None:
    """Returns what lies beside images as a table with a column `image`; None where nothing does.

    Args:
        rows: What lies beside each.
        images: The name of each.
        where: What an error calls the archive.

    Raises:
        SourceError: Under one name there are values of several types.
    """
    names = list(dict.fromkeys(name for row in rows for name in row))
    if not names:
        return None
    try:
        known = {name: pa.array([row.get(name) for row in rows]) for name in names}
    except (pa.ArrowException, TypeError, OverflowError, UnicodeError) as error:
        raise SourceError(f"{where}: what lies beside the images is not of one type: {error}") from error
    return tidy(pa.table({**known, "image": pa.array(list(images))}))
