"""Images in many tars, read in any order: those that `pack` wrote, and any WebDataset.

A uri says where an image is, `shard-000012.tar#000001125376+28249`: the tar's name, the offset and the length of its bytes. So a
reader needs no index, and whoever has a manifest needs none either. Names in tars are text; they say labels and never paths.
"""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any, Final

import pyarrow as pa
from attrs import evolve, field, frozen

from dataprep.ahead import CONCURRENCY
from dataprep.columns import fields_of, names_of
from dataprep.describe import register
from dataprep.errors import DecodeError, SourceError
from dataprep.files import is_url, shown
from dataprep.images.formats import SEEN, format_of
from dataprep.sources import stores
from dataprep.sources.braces import chosen
from dataprep.sources.folder import endings
from dataprep.sources.levels import label_mode
from dataprep.sources.listing import TAKEN, Scan, joined, one_batch, quoted, scan_of, with_scan
from dataprep.sources.names import below
from dataprep.sources.stored import Listing, read_member, read_members, table_of
from dataprep.sources.streamed import StoredTar
from dataprep.sources.tars import Readable, folder_of_indexes, index_of, local_tar, opened, place_of, shard_name
from dataprep.sources.webdataset import list_tars

PACKED: Final = b"dataprep.shard"
"""The key in the metadata of the Parquet file beside a tar that `pack` wrote."""

OWN: Final = frozenset(["labels", "value", *names_of("targets")])
"""Columns of a packed shard that are the source's, beside those of a scan and those that no measure fills."""

VERSION: Final = fields_of("store")[0]

MANIFEST: Final = "manifest.parquet"
"""What the manifest beside packed tars is called."""


def _as_root(given: str | os.PathLike[str] | Iterable[str | os.PathLike[str]]) -> Any:
    """Returns a place, or the paths of several tars."""
    if not isinstance(given, str | os.PathLike):
        return tuple(_as_root(one) for one in given)
    root = os.fspath(given)
    return root.rstrip("/") if is_url(root) else os.path.abspath(root) if root else ""


def _as_names(given: str | Iterable[str]) -> str | tuple[str, ...]:
    return given if isinstance(given, str) else tuple(given)


@register
@frozen
class Shards:
    """The images in the tars of a folder, by `dp.pack` or as WebDataset has them.

    Tars of `pack` are listed from the Parquet files beside them. Other ones are gone through once, those in a store by reading
    all of each; what was found is kept on this machine, in `$XDG_CACHE_HOME/dataprep/shards`, until a tar is changed. Labels are
    those of `.json`, `.cls` and `.txt` beside each image, else those of the folders inside.

    Example:
        >>> source = dp.pack(manifest, "shards").source
        >>> source.records()["uri"][0].as_py().partition("+")[0]
        'shard-000000.tar#000000000512'

    Attributes:
        root: The folder, or its URL in a store; "" in a manifest stands for the folder that the manifest is in. It may end with
            what names the tars, as in "s3://bucket/train-{000..122}.tar", or be a list of tars of one folder.
        include: Which tars, as a glob, or with a range or choices in braces; or the names of all.
        label: What names the label where nothing lies beside the images, as of `Folder`.
    """

    root: str = field(default="", converter=_as_root)
    include: str | tuple[str, ...] = field(default="*.tar", converter=_as_names)
    label: str | None = label_mode()

    def __attrs_post_init__(self) -> None:
        """Takes what names tars apart from the place that they are in.

        Raises:
            SourceError: Tars of a list are not of one folder, or are none.
        """
        given: Any = self.root
        tars = [given] if isinstance(given, str) else list(dict.fromkeys(given))
        places = {tar.rpartition("/")[0] for tar in tars}
        names = tuple(tar.rpartition("/")[2] for tar in tars)
        if not isinstance(given, str) and (len(places) != 1 or not all(name.endswith(".tar") for name in names)):
            what = f"{quoted(tars)} are not" if tars else "an empty list is not"
            raise SourceError(f"{what} tars of one folder, as Shards takes them; dp.open_source takes several folders")
        if not isinstance(given, str) or (names[0].endswith(".tar") and self.include == "*.tar" and not os.path.isdir(given)):
            object.__setattr__(self, "root", places.pop())
            object.__setattr__(self, "include", names[0] if isinstance(given, str) else names)

    def records(self) -> pa.Table:
        """Lists the images, sorted by uri.

        Raises:
            SourceError: The folder cannot be read, or holds no tar, or there is no image in any.
        """
        return self._records({})

    def part_names(self) -> list[str]:
        """Returns the names of the tars.

        Raises:
            SourceError: As `records`.
        """
        return chosen(Listing(self.root).files if is_url(self.root) else self._names(), self.include, self.root)

    def list_part(self, part: str) -> pa.RecordBatch:
        """Returns what is in a tar: the Parquet file beside it where `pack` wrote it, else its index.

        Raises:
            SourceError: It cannot be read.
        """
        url = is_url(self.root)
        known = table_of(self.root, _beside(part)) if url else _packed(os.path.join(self.root, part))
        if known is not None and _is_packed(known):
            return one_batch(known)
        tar: Readable = StoredTar(self.root, stores.look(self.root, part)) if url else local_tar(self.root, part)
        return one_batch(index_of(tar, folder_of_indexes()))

    def records_of(self, lists: Mapping[str, pa.RecordBatch]) -> pa.Table:
        """Returns what `records` does, of what is in each tar.

        Raises:
            SourceError: As `records`.
        """
        return self._records({name: pa.Table.from_batches([listed]) for name, listed in lists.items()})

    def _records(self, known: Mapping[str, pa.Table]) -> pa.Table:
        """Lists the images, of what is known of tars and what is not."""
        if is_url(self.root):
            return self._records_of_store(known)
        names = list(known) or chosen(self._names(), self.include, self.root)
        tables = {name: known[name] if known else _packed(os.path.join(self.root, name)) for name in names}
        packed = {name: table for name, table in tables.items() if table is not None and _is_packed(table)}
        listed = [self._of_packed(table, os.stat(os.path.join(self.root, name)).st_mtime_ns) for name, table in packed.items()]
        if others := [name for name in names if name not in packed]:
            listed.append(list_tars(self.root, [local_tar(self.root, name) for name in others], self.label, known))
        return self._joined(listed, self._classes() if packed else None)

    def read(self, uri: str, start: int = 0, stop: int | None = None) -> bytes:
        """Returns the bytes `start` to `stop` of an image.

        Raises:
            SourceError: There is no such tar, or the image is not there in it.
        """
        if is_url(self.root):
            return read_member(self.root, uri, start, stop)
        place = place_of(uri)
        try:
            return opened(_path(self.root, place.shard)).read(place.offset, place.length, start, stop)
        except SourceError:
            raise
        except (OSError, ValueError) as error:
            raise SourceError(f"cannot be read: {getattr(error, 'strerror', None) or error}") from error

    @property
    def forks(self) -> bool:
        """Whether a process can read that was forked from one that has: not from a store."""
        return not is_url(self.root)

    @property
    def concurrency(self) -> int:
        """How many reads at once help."""
        return stores.at_once() if is_url(self.root) else CONCURRENCY

    def __getattr__(self, name: str) -> Any:
        """Returns `reads`, of a store alone: several images by their neighbourhood."""
        if name == "reads" and is_url(self.root):
            return partial(read_members, self.root)
        raise AttributeError(f"{type(self).__name__} has no {name!r}")

    def modified(self, uri: str) -> int | None:
        """Returns when the tar of an image was changed last, in nanoseconds since 1970, None where it cannot be looked at."""
        if is_url(self.root):
            return None  # asking takes as long as reading
        try:
            return os.stat(_path(self.root, place_of(uri).shard)).st_mtime_ns
        except (OSError, ValueError):
            return None

    def file_name(self, uri: str) -> str:
        """Returns what an image would be called as a file: its tar, its place there, and what its format's files end in.

        Raises:
            SourceError: It cannot be read.
        """
        place = place_of(uri)
        try:
            ending = format_of(self.read(uri, 0, SEEN)).endings[0]
        except DecodeError:
            ending = ""
        return f"{os.path.splitext(place.shard)[0]}/{place.offset:012d}{ending}"

    def beside(self, folder: str) -> "Shards":
        """Returns this source where its manifest is in a folder: there, if that is how it is described."""
        return self if self.root else evolve(self, root=folder)

    def _names(self) -> list[str]:
        """Returns the names of what is in the folder."""
        try:
            return os.listdir(self.root)
        except OSError as error:
            raise SourceError(f"{shown(self.root)} cannot be listed: {error.strerror}") from error

    def _records_of_store(self, known: Mapping[str, pa.Table]) -> pa.Table:
        """Lists the images of tars in a store, with the ETag of its tar as the version of each."""
        listing = Listing(self.root)
        names = list(known) or chosen(listing.files, self.include, self.root)
        tables = {name: known[name] if known else listing.table(_beside(name)) for name in names}
        packed = {name: table for name, table in tables.items() if table is not None and _is_packed(table)}
        listed = [self._of_packed(table, listing.files[name].modified) for name, table in packed.items()]
        if others := [StoredTar(self.root, listing.files[name]) for name in names if name not in packed]:
            listed.append(list_tars(self.root, others, self.label, known))
        manifest = listing.table(MANIFEST) if packed else None
        table = self._joined(listed, None if manifest is None else _classes_of(manifest.schema))
        versions = {shard_name(name): listing.files[name].version for name in names}
        each = [versions[uri.partition("#")[0]] for uri in table["uri"].to_pylist()]
        return table.append_column(VERSION, pa.array(each, VERSION.type))

    def _joined(self, tables: Sequence[pa.Table], classes: tuple[str, ...] | None) -> pa.Table:
        """Returns all listings as one."""
        table = pa.concat_tables([table.replace_schema_metadata(None) for table in tables], promote_options="default")
        scan = joined([*map(scan_of, tables), Scan(classes=classes)])
        if not len(table):
            raise SourceError(f"no images in the tars of {self.root}: they hold {endings(scan.ignored) or 'nothing'}")
        return with_scan(table.sort_by("uri").combine_chunks(), scan)

    def _of_packed(self, known: pa.Table, modified: int) -> pa.Table:
        """Lists the images of a tar of `pack` that was changed at a time."""
        own = [column for column in known.column_names if column in OWN or column not in TAKEN]
        table = pa.table([_column(known, one, modified) for one in fields_of("scan")], schema=pa.schema(fields_of("scan")))
        for column in own:
            table = table.append_column(known.schema.field(column), known[column])
        return table

    def _classes(self) -> tuple[str, ...] | None:
        """Returns the classes in the order of their numbers, as the manifest beside the tars has them."""
        import pyarrow.parquet as pq  # which takes time to load, and a reader does without

        try:
            return _classes_of(pq.read_schema(os.path.join(self.root, MANIFEST)))
        except (OSError, pa.ArrowException):
            return None


def _classes_of(schema: pa.Schema) -> tuple[str, ...] | None:
    """Returns the classes that a manifest says, None where it says none."""
    try:
        return tuple(json.loads((schema.metadata or {})[b"dataprep"])["classes"]) or None
    except (KeyError, ValueError, TypeError):
        return None


def _beside(tar: str) -> str:
    """Returns the name of the Parquet file beside a tar."""
    return f"{os.path.splitext(tar)[0]}.parquet"


def _is_packed(known: pa.Table) -> bool:
    return PACKED in (known.schema.metadata or {})


@lru_cache(maxsize=4096)
def _path(root: str, shard: str) -> str:
    """Returns the path of a tar, by its name in uris."""
    return below(root, shard)


def _packed(path: str) -> pa.Table | None:
    """Returns the index that `pack` has put beside a tar, None where there is none."""
    import pyarrow.parquet as pq  # as above

    file = _beside(path)
    if not os.path.isfile(file):
        return None
    try:
        known = pq.read_table(pa.OSFile(os.fsencode(file)))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise SourceError(f"{shown(file)} cannot be read: {error}; remove it, and the tar is gone through instead") from error
    return known if _is_packed(known) else None


def _column(known: pa.Table, wanted: pa.Field, modified: int) -> pa.ChunkedArray:
    """Returns a column of a scan."""
    if wanted.name == "modified":  # of the tar, which a copy elsewhere has another of
        return pa.chunked_array([pa.array([modified] * len(known), wanted.type)])
    if wanted.name not in known.column_names:
        return pa.chunked_array([pa.nulls(len(known), wanted.type)])
    return known[wanted.name].cast(wanted.type)
