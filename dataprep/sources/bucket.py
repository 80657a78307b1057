"""The objects of a store as images: those below a prefix, named and labelled as files in a folder are.

Listing takes a request for each thousand objects, and one for each object whose name does not say what it is. Of a web server,
which lists nothing, the images are those of a list, each of which is asked for its size.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar, Final

import pyarrow as pa
from attrs import field, frozen

from dataprep.columns import fields_of
from dataprep.describe import register
from dataprep.errors import SourceError
from dataprep.fetched import Fetched
from dataprep.images.formats import SEEN, is_image
from dataprep.progress import as_found
from dataprep.sources import stores
from dataprep.sources.folder import list_entries, what_is_there
from dataprep.sources.levels import label_mode
from dataprep.sources.listing import in_memory, reader
from dataprep.sources.names import below, is_image_data, may_be_image, uri_of
from dataprep.sources.stores import DeniedError, Object
from dataprep.sources.walk import OWN, Entry, Passed, as_globs

VERSION: Final = fields_of("store")[0]
WHOLE, FLAT = "**", "*"  # how a part ends: with all that is below its folder, or what lies directly in it
ENOUGH: Final = 64  # parts, from which on nobody looks deeper
DEPTH: Final = 3  # levels that are looked into for parts
OBJECTS: Final = pa.schema(
    [
        pa.field("path", pa.string()),
        pa.field("bytes", pa.int64()),
        pa.field("modified", pa.int64()),
        pa.field("version", pa.string()),
    ]
)
"""What is listed of a part: each field of an `Object`."""


def as_url(given: str) -> str:
    """Returns the URL of a place in its usual form.

    Raises:
        SourceError: It is none.
    """
    place = stores.place_of(given)
    return f"{place.root}/{place.prefix}" if place.prefix and not place.root.startswith("http") else given.rstrip("/")


@register
@frozen
class Bucket:
    """Images in a bucket of S3, Google Cloud Storage or Azure, or on a web server, below a prefix.

    What is listed, passed over and taken for labels and splits is what it would be in a folder of the same names. Credentials
    come from the environment and from roles, and are never part of it.

    Example:
        >>> bucket = dp.Bucket("s3://bucket/photos", exclude="drafts")
        >>> dp.open_source("s3://bucket/photos", exclude="drafts") == bucket  # nothing is read before `clean` lists it
        True

    Attributes:
        url: Where, such as "s3://bucket/photos"; also gs:// and az://, and of a web server https:// and http://.
        splits: Whether the first folder names the split, as of `Folder`.
        label: What names the label, as of `Folder`.
        include: Globs; where there are any, only objects that one of them means are listed.
        exclude: Globs of objects and folders that are left out.
        names: The paths of the images below the URL, where they are not to be listed but known; a copy that reads has none.
    """

    forks: ClassVar[bool] = False

    url: str = field(converter=as_url)
    splits: bool | None = None
    label: str | None = label_mode()
    include: tuple[str, ...] = field(default=(), converter=as_globs)
    exclude: tuple[str, ...] = field(default=(), converter=as_globs)
    names: Sequence[str] | None = in_memory()

    @property
    def place(self) -> str:
        """Where the images are, whatever is made of their names."""
        return self.url

    @property
    def concurrency(self) -> int:
        """How many reads at once help."""
        return stores.at_once()

    def records(self) -> pa.Table:
        """Lists every image, sorted by uri, with its ETag as `version`; the schema's metadata says what was passed over.

        Raises:
            SourceError: The store cannot be listed or read, or there is no image; the message says what to set.
        """
        return self._records(stores.list_objects(self.url) if self.names is None else self._look(self.names))

    def part_names(self) -> list[str]:
        """Returns folders that keys name, enough of them to list side by side: "cat/**" whole, "cat/*" without what is deeper.

        Raises:
            SourceError: The store cannot be listed.
        """
        parts: list[str] = []
        level = [""] if self.names is None and not self.url.startswith("http") else []
        for _ in range(DEPTH):
            deeper = []
            for folder, (folders, objects) in zip(level, _at_once(self._level, level), strict=True):
                deeper += [f"{folder}{name}/" for name in folders]
                parts += [f"{folder}{FLAT if folders else WHOLE}"] if objects or not folders else []
            level = deeper
            if len(parts) + len(level) >= ENOUGH:
                break
        return sorted([*parts, *(f"{folder}{WHOLE}" for folder in level)])

    def list_part(self, part: str) -> pa.RecordBatch:
        """Returns the objects of a part.

        Raises:
            SourceError: They cannot be listed.
        """
        folder = part.removesuffix(WHOLE).removesuffix(FLAT)
        found = stores.list_objects(self._at(folder)) if part.endswith(WHOLE) else self._level(folder)[1]
        return pa.RecordBatch.from_pylist([{**one._asdict(), "path": (folder + one.path).rstrip("/")} for one in found], OBJECTS)

    def records_of(self, lists: Mapping[str, pa.RecordBatch]) -> pa.Table:
        """Returns what `records` does, of the objects of all parts.

        Raises:
            SourceError: As `records`.
        """
        rows = (row for listed in lists.values() for row in listed.to_pylist())
        return self._records(sorted(Object(**row) for row in rows))

    def _at(self, folder: str) -> str:
        return f"{self.url}/{folder}".rstrip("/")

    def _level(self, folder: str) -> tuple[list[str], list[Object]]:
        return stores.list_level(self._at(folder))

    def _records(self, objects: Iterable[Object | Entry]) -> pa.Table:
        """Returns what is to be listed of some objects."""
        passed = Passed(self.url, self.include, self.exclude)
        found = list(as_found(_sift(objects, passed, self._is_image_inside)))
        if not found:
            raise SourceError(f"no images in {self.url}: {what_is_there(passed)}")
        self._check_readable([entry.path for entry, _ in found if entry.bytes])
        versions = pa.array([version for _, version in found], VERSION.type)
        entries = [entry for entry, _ in found]
        return list_entries(entries, passed, self.label, self.splits, pa.table({VERSION.name: versions}))

    def read(self, uri: str, start: int = 0, stop: int | None = None) -> Fetched:
        """Returns the bytes `start` to `stop` of an object, with its version and how often it had to be asked for again.

        Raises:
            SourceError: It cannot be read.
        """
        return stores.fetch(self.url, below("", uri), start, stop)

    __reduce__ = reader

    def _is_image_inside(self, paths: Sequence[str]) -> list[bool]:
        """Returns which objects start as an image does."""

        def starts(path: str) -> bool:
            try:
                return is_image_data(stores.fetch(self.url, path, 0, SEEN))
            except DeniedError:
                raise
            except SourceError:
                return False

        return list(_at_once(starts, paths))

    def _look(self, names: Sequence[str]) -> Iterator[Object | Entry]:
        """Yields what the store says of some objects, or why it does not."""

        def look(name: str) -> Object | Entry:
            try:
                return stores.look(self.url, below("", uri_of(name)))
            except DeniedError:
                raise
            except SourceError as error:
                return Entry(name, None, None, str(error))

        return iter(_at_once(look, list(dict.fromkeys(names))))

    def _check_readable(self, paths: Sequence[str]) -> None:
        """Raises a `SourceError` where a store can be listed and not read, so that no image is blamed for it."""
        try:
            for path in paths[:1]:
                stores.fetch(self.url, path, 0, 1)
        except DeniedError:
            raise
        except SourceError:
            return  # the fault of that image


def _at_once(function: Callable[[str], Any], paths: Sequence[str]) -> Iterable[Any]:
    """Returns what a function gives for each of some paths, in order, many at once."""
    if not paths:
        return []
    with ThreadPoolExecutor(min(stores.at_once(), len(paths)), "dataprep-store") as pool:
        return list(pool.map(function, paths))


def _sift(
    objects: Iterable[Object | Entry], passed: Passed, are_images: Callable[[Sequence[str]], list[bool]]
) -> Iterator[tuple[Entry, str | None]]:
    """Yields images with their versions, as a walk through a folder of the same names would meet them; the rest is counted."""
    there = {one.path: one for one in objects}
    folders = _Folders(there, passed)
    unknown: list[str] = []
    for path, one in there.items():
        folder, _, name = path.rpartition("/")
        if folders.is_left_out(folder) or path in folders.known or not path or passed.is_left_out(path, name):
            continue  # a folder may have an object of its own, without content
        if is_image(name):
            if passed.is_meant(path):
                yield _entry(one)
        elif one.bytes and may_be_image(path):
            unknown.append(path)
        elif one.bytes or "." in name:
            passed.ignore(path)
    for path, is_one in zip(unknown, are_images(unknown), strict=True):
        if not is_one:
            passed.ignore(path)
        elif passed.is_meant(path):
            yield _entry(there[path])


def _entry(one: Object | Entry) -> tuple[Entry, str | None]:
    if isinstance(one, Entry):
        return one, None
    return Entry(one.path, one.bytes, one.modified, None), one.version


class _Folders:
    """The folders that keys name, and which of them are passed over."""

    def __init__(self, paths: Iterable[str], passed: Passed) -> None:
        self.known: dict[str, bool | None] = {"": False}  # whether it is left out, where that was asked
        self._passed = passed
        for path in paths:
            folder = path.rpartition("/")[0]
            while folder not in self.known:
                self.known[folder] = None
                folder = folder.rpartition("/")[0]
        manifest, cache = OWN
        written = {path.rpartition("/")[0] for path in paths if path.endswith(f"/{manifest}")}
        self._own = {folder for folder in written if f"{folder}/{cache}" in self.known}

    def is_left_out(self, folder: str) -> bool:
        """Returns whether a folder, or one that it is in, is passed over, each of which is counted once."""
        known = self.known[folder]
        if known is None:
            above, _, name = folder.rpartition("/")
            known = self.is_left_out(above) or self._passed.is_left_out(folder, name)
            if not known and folder in self._own:
                self._passed.own.append(folder)
                known = True
            self.known[folder] = known
        return known
