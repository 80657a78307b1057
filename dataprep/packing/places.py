"""Where shards are put: a folder, or whatever else takes whole files under names."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Any, Protocol

from attrs import field, frozen

from dataprep.errors import DataprepError, SourceError
from dataprep.files import UNFINISHED, claimed, is_url, naming, remove, shown, sweep, sync_folder
from dataprep.protocols import Source
from dataprep.sources import stores
from dataprep.sources.bucket import as_url
from dataprep.sources.folder import absolute


class Place(Protocol):
    """Where shards are put, from any process: a frozen class that can be pickled.

    A file that is put is whole under its name at once, over its former self, or it is not there.
    """

    @property
    def scratch(self) -> str:
        """A folder for what is being written."""

    @property
    def source(self) -> Source:
        """Reads what was put."""

    def names(self) -> Mapping[str, int]:
        """Returns the names of the files that are there, with their bytes."""

    def versions(self) -> Mapping[str, str | None]:
        """Returns which of its contents each file is, by its name; nothing where that is not told."""

    def put(self, name: str, path: str) -> None:
        """Gives a finished file in `scratch` its name, or takes it where that is, and removes it."""

    def get(self, name: str) -> str:
        """Returns the path of a file on this machine with what is under a name."""

    def at_work(self) -> Any:
        """Returns a context manager within which no other run is at work there."""


@frozen
class Here:
    """A folder of this machine.

    Attributes:
        folder: The folder.
    """

    folder: str = field(converter=absolute)

    @property
    def scratch(self) -> str:
        """The folder itself: so what was written has only to be renamed."""
        return self.folder

    @property
    def source(self) -> Source:
        """The shards in it."""
        from dataprep.sources import Shards

        return Shards(self.folder)

    def names(self) -> dict[str, int]:
        """Returns the files, with their bytes."""
        with naming(self.folder, "listed"), os.scandir(self.folder) as found:
            return {
                entry.name: entry.stat().st_size for entry in found if entry.is_file() and not entry.name.startswith(UNFINISHED)
            }

    def versions(self) -> dict[str, str | None]:
        """Returns nothing: a file has a time, which a copy has not."""
        return {}

    def put(self, name: str, path: str) -> None:
        """Gives a file its name."""
        with naming(os.path.join(self.folder, name)):
            os.replace(path, os.path.join(self.folder, name))
            sync_folder(self.folder)

    def get(self, name: str) -> str:
        """Returns the path of a file."""
        return os.path.join(self.folder, name)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Keeps other runs out, and sweeps what killed ones left unfinished."""
        with claimed(self.folder):
            sweep([self.folder])
            yield


@frozen
class There:
    """A place in a store, to which files of a folder of this machine are put.

    Attributes:
        url: The place.
    """

    url: str = field(converter=as_url)

    @property
    def scratch(self) -> str:
        """A folder of this machine for what is being written, one for each place, so that two runs here keep apart."""
        return os.path.join(tempfile.gettempdir(), f"dataprep-pack-{blake2b(self.url.encode(), digest_size=8).hexdigest()}")

    @property
    def source(self) -> Source:
        """The shards there."""
        from dataprep.sources import Shards

        return Shards(self.url)

    def names(self) -> dict[str, int]:
        """Returns the objects, with their bytes."""
        return {one.path: one.bytes for one in self._objects()}

    def versions(self) -> dict[str, str | None]:
        """Returns the ETags of the objects."""
        return {one.path: one.version for one in self._objects()}

    def _objects(self) -> Iterator[stores.Object]:
        return (one for one in stores.list_objects(self.url) if "/" not in one.path)

    def put(self, name: str, path: str) -> None:
        """Puts a file under a name, and removes it here."""
        stores.put(self.url, name, Path(path))
        remove(path)

    def get(self, name: str) -> str:
        """Returns the path of a copy."""
        os.makedirs(self.scratch, exist_ok=True)
        with naming(self.scratch), open(path := os.path.join(self.scratch, name), "wb") as file:
            file.write(stores.fetch(self.url, name))
        return path

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Keeps other runs of this machine out, and removes the folder in the end."""
        with claimed(self.scratch):
            sweep([self.scratch])
            yield
            shutil.rmtree(self.scratch, ignore_errors=True)


def place_of(where: object) -> Place:
    """Returns where shards are put.

    Raises:
        DataprepError: It is no folder, nor can it be one, nor a place in a store.
    """
    if not isinstance(where, str | os.PathLike) or not os.fspath(where):
        raise DataprepError(f"pack: {where!r:.100} is no folder to put shards into; give a path, such as 'packed'")
    text = os.fsdecode(where)
    if is_url(text):
        return There(text)
    if os.path.lexists(text) and not os.path.isdir(text):
        raise DataprepError(f"pack: {shown(text)} is a file; give a folder to put shards into")
    return Here(text)


def check_apart(place: Place, roots: Mapping[str, str]) -> None:
    """Checks that a folder is not one of the folders of the source, nor in one.

    Raises:
        DataprepError: It is.
        SourceError: A folder of the source is gone.
    """
    inner = os.path.realpath(place.scratch)
    for root in roots.values():
        if not os.path.isdir(root):
            raise SourceError(f"no such folder: {shown(root)}")
        if os.path.commonpath([inner, os.path.realpath(root)]) == os.path.realpath(root):
            raise DataprepError(f"pack: {shown(place.scratch)} is in the source {shown(root)}; choose a folder apart from it")
