"""A source whose labels come from elsewhere: from a table beside the images, or in an order that is given.

Reading is the inner source's. What matches no image, and which images have no row, is counted and named in a remark.
"""

import os
from collections.abc import Mapping
from typing import Any, Final

import pyarrow as pa
from attrs import evolve, field, frozen

from dataprep.describe import register
from dataprep.errors import SourceError
from dataprep.protocols import Source
from dataprep.sources.guess import image_column
from dataprep.sources.listing import Scan, counted, held, in_memory, joined, quoted, reader, scan_of, with_scan
from dataprep.sources.matching import Match, match
from dataprep.sources.names import matches, path_of
from dataprep.sources.options import Options
from dataprep.sources.several import Several
from dataprep.sources.table import describe_rows
from dataprep.sources.values import check_classes
from dataprep.sources.walk import as_globs

PASSED_ON: Final = ("concurrency", "forks", "modified", "reads")
"""What a source may tell beside its records, and one around it tells as well."""


class Around:
    """A source around another one, which reads, and tells whatever it tells of reading."""

    __slots__ = ()
    source: Source

    def read(self, uri: str, start: int = 0, stop: int | None = None) -> bytes:
        """Returns the bytes `start` to `stop` of an image, as the inner source reads it."""
        return self.source.read(uri, start, stop)

    def __getattr__(self, name: str) -> Any:
        """Returns what the inner source tells."""
        if name in PASSED_ON:
            return getattr(self.source, name)
        raise AttributeError(f"{type(self).__name__} has no {name!r}")


@register
@frozen
class Labelled(Around):
    """A source with the labels, the splits and the further columns of a table.

    Example:
        >>> import pandas as pd
        >>> labels = pd.DataFrame({"file": ["0000.jpg", "0001.jpg"], "species": ["lynx", "wolf"]})
        >>> source = dp.open_source("photos", labels=labels)
        >>> isinstance(source, dp.Labelled), source.records()["label"].drop_null().to_pylist()
        (True, ['lynx', 'wolf'])

    Attributes:
        source: Where the images are.
        labels: What the table is called: its file.
        table: The table.
        options: Which columns are images and labels, and what labels are.
    """

    source: Source
    labels: str = field(default="a table in memory")
    table: pa.Table | None = in_memory()
    options: Options = in_memory(Options())

    def records(self) -> pa.Table:
        """Lists the inner source's images; one that no row is about has no label.

        Raises:
            SourceError: The inner source cannot be listed, or no row is about an image of it.
        """
        table = held(self.table, self)
        inner = self.source.records()
        uris = inner["uri"].to_pylist()
        name = os.path.basename(self.labels)
        root = getattr(self.source, "root", os.curdir)
        column = image_column(table, root, self.options.image_column, lambda values: match(values, uris, name).found)
        names = table[column].to_pylist()
        found = match(names, uris, name)
        if not found.found:
            raise SourceError(
                f"no row of {name} is about an image: column {column!r} names {quoted(map(str, names[:1]))}, and the images are "
                f"{quoted(uris[:1])} and the like; name another --image-column"
            )
        groups: list[list[int]] = [[] for _ in uris]
        for row, image in enumerate(found.images):
            if image >= 0:
                groups[image].append(row)
        columns = {key: inner[key].to_pylist() for key in ("uri", "bytes", "modified", "error")}
        options = evolve(self.options, label="none", splits=False)  # what folders name is in what the inner source lists
        listing = _keep_of(inner, describe_rows(columns, groups, table, column, options))
        met = _without(scan_of(inner), self.labels, root)
        scan = joined([met, scan_of(listing), Scan(remarks=tuple(_unmatched(names, found, groups, uris, name)))])
        return with_scan(listing, scan)

    __reduce__ = reader


@register
@frozen
class Noted(Around):
    """A source about which more is known: the order of its classes, and what was decided when it was opened.

    Attributes:
        source: Where the images are.
        classes: The labels in the order of their numbers, even those without an image; None leaves that to the source.
        remarks: What was decided, a sentence each.
    """

    source: Source
    classes: tuple[str, ...] | None = None
    remarks: tuple[str, ...] = in_memory(())

    def records(self) -> pa.Table:
        """Lists the inner source's images.

        Raises:
            SourceError: A label is not one of the classes.
        """
        inner = self.source.records()
        scan = joined([Scan(remarks=self.remarks), scan_of(inner)])
        if self.classes is not None:
            labels = inner["labels"].combine_chunks().flatten() if "labels" in inner.column_names else inner["label"]
            check_classes(labels.drop_null().unique().to_pylist(), self.classes)
            scan = scan._replace(classes=self.classes)
        return with_scan(inner, scan)

    __reduce__ = reader


@register
@frozen
class Selected(Around):
    """Some images of a source that, other than a folder, does not choose itself which it lists.

    Attributes:
        source: Where the images are.
        include: Globs; where there are any, only images that one of them means are listed.
        exclude: Globs of images, and of the folders that are in their names, that are left out.
    """

    source: Source
    include: tuple[str, ...] = field(default=(), converter=as_globs)
    exclude: tuple[str, ...] = field(default=(), converter=as_globs)

    def records(self) -> pa.Table:
        """Lists the images that are meant.

        Raises:
            SourceError: The inner source cannot be listed, or none of its images is meant.
        """
        inner = self.source.records()
        meant = [self._means(uri) for uri in inner["uri"].to_pylist()]
        left = counted(len(meant) - sum(meant), "image")
        if meant and not any(meant):
            raise SourceError(f"--include and --exclude leave out all of {left}, such as {quoted(inner['uri'].to_pylist()[:1])}")
        said = Scan(remarks=(f"--include and --exclude left out {left}",))
        return with_scan(inner.filter(pa.array(meant, pa.bool_())), joined([scan_of(inner), said]))

    def _means(self, uri: str) -> bool:
        path = path_of(uri)
        return not matches(path, self.exclude) and (not self.include or matches(path, self.include))

    __reduce__ = reader


def parts_of(source: Source) -> Mapping[str, Source]:
    """Returns the sources that images are read from: the parts of several by their names, or the one under ""."""
    while isinstance(source, Labelled | Noted | Selected):
        source = source.source
    if not isinstance(source, Several):
        return {"": source}
    return {part.name: parts_of(part.source).get("", part.source) for part in source.parts}


def _keep_of(inner: pa.Table, listing: pa.Table) -> pa.Table:
    """Returns a listing with what the inner source says, where the table says nothing: splits, and further columns."""
    scan = scan_of(listing)
    if listing["split"].null_count == len(listing):
        listing = listing.set_column(listing.column_names.index("split"), inner.schema.field("split"), inner["split"])
    if listing["label"].null_count == len(listing) and "value" not in listing.column_names:
        listing = listing.set_column(listing.column_names.index("label"), inner.schema.field("label"), inner["label"])
    for name in inner.column_names:
        if name not in listing.column_names:
            listing = listing.append_column(inner.schema.field(name), inner[name])
    return with_scan(listing, scan)


def _without(met: Scan, labels: str, root: str) -> Scan:
    """Returns what is said of a listing, in which the file of the labels is not one that was left alone."""
    ending = os.path.splitext(labels)[1].lower()
    if not labels.startswith(os.path.join(root, "")) or not met.ignored.get(ending):
        return met
    left = {**met.ignored, ending: met.ignored[ending] - 1}
    return met._replace(ignored={kind: count for kind, count in left.items() if count})


def _unmatched(names: list[Any], found: Match, groups: list[list[int]], uris: list[str], table: str) -> list[str]:
    """Returns sentences about rows that are about no image, and images that no row is about."""
    remarks = []
    rows = [str(name) for name, image in zip(names, found.images, strict=True) if image < 0]
    if rows:
        several = f" ({found.ambiguous:,} could mean several)" if found.ambiguous else ""
        remarks.append(f"{counted(len(rows), 'row')} of {table} without an image{several}: {quoted(rows)}")
    images = [uri for uri, about in zip(uris, groups, strict=True) if not about]
    if images:
        remarks.append(f"{counted(len(images), 'image')} without a row in {table}, and so without a label: {quoted(images)}")
    return remarks
