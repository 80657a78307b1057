"""Results of a run in a store: they are written on this machine, and put there in the end, the manifest last.

The cache stays here, in a folder that belongs to the place in the store, so that the next run into the same place goes on from
it.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import Final

from dataprep.errors import DataprepError, SourceError
from dataprep.files import UNFINISHED, claimed, naming, user_cache
from dataprep.manifest import NAME
from dataprep.protocols import Source
from dataprep.sources import parts_of, stores
from dataprep.sources.bucket import Bucket, as_url

WRITTEN: Final = ("summary.json", "report.html")


def folder_for(url: str) -> Path:
    """Returns the folder of this machine that belongs to a place in a store."""
    return Path(user_cache("results"), hashlib.sha256(as_url(url).encode()).hexdigest()[:16])


@contextmanager
def in_store(url: str, source: Source, names: Sequence[str] = ()) -> Iterator[Path]:
    """Gives a folder to write results to, which then are put into a store.

    Args:
        url: The place.
        source: What is cleaned.
        names: What is written besides the manifest, the summary and the report.

    Raises:
        DataprepError: The place is the source, holds files of others under these names, or cannot be written. What was written
            stays in the folder, and the message says where that is.
    """
    if url.startswith(("http://", "https://")):
        raise DataprepError(f"{url} is on a web server, which takes no results; give a place in a bucket or a folder")
    if any(part.url == as_url(url) for part in parts_of(source).values() if isinstance(part, Bucket)):
        raise DataprepError(f"{url} is the source, which is never changed; choose another place for the results")
    url, folder = as_url(url), folder_for(url)
    check_writable(url, (*WRITTEN, *names))
    with naming(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
    with claimed(folder):
        _fetch_manifest(url, folder)
        yield folder
        for name in (*names, *WRITTEN, NAME):
            if (folder / name).exists():
                _put(url, folder, name)


def check_writable(url: str, names: Sequence[str]) -> None:
    """Checks before any work that results can be put into a place, over no files of others.

    Raises:
        DataprepError: They cannot.
    """
    if not _is_there(url, NAME) and (others := [name for name in names if _is_there(url, name)]):
        raise DataprepError(f"{url}/{others[0]} is not of dataprep, and would be written over; choose another place")
    probe = f"{UNFINISHED}{token_hex(8)}"
    try:
        stores.put(url, probe, b"")
        stores.remove(url, probe)
    except SourceError as error:
        raise DataprepError(str(error).replace(f"{url}/{probe}", url)) from error


def _is_there(url: str, name: str) -> bool:
    try:
        stores.look(url, name)
    except stores.AbsentError:
        return False
    except SourceError as error:
        raise DataprepError(f"{url}/{name} {error}") from error
    return True


def _fetch_manifest(url: str, folder: Path) -> None:
    """Takes over the manifest that is there, whatever machine made it: its splits are kept."""
    try:
        data = stores.fetch(url, NAME)
    except stores.AbsentError:
        (folder / NAME).unlink(missing_ok=True)
        return
    with naming(folder / NAME):
        (folder / NAME).write_bytes(data)


def _put(url: str, folder: Path, name: str) -> None:
    try:
        stores.put(url, name, folder / name)
    except SourceError as error:
        raise DataprepError(f"{error}; all results are in {os.fspath(folder)}; the same command tries again") from error
