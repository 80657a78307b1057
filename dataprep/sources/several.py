"""Several sources in one run, each under a name: what finds an image of the training set again in the test set.

A uri is `<name>/<uri of its source>`, so two parts may hold files of the same name. Where a source names no split, the part's
name is the split. A file that several parts list is one image to `clean`: see `dataprep.sources.ways`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa
from attrs import Attribute, field, frozen

from dataprep.ahead import concurrency_of
from dataprep.columns import TYPES, in_types
from dataprep.describe import register
from dataprep.errors import PipelineError, SourceError, suggestion
from dataprep.protocols import Source
from dataprep.sources.listing import SCHEMA, Scan, joined, quoted, scan_of, with_scan


@register
@frozen
class Part:
    """A source and what it is called among others.

    Example:
        >>> both = dp.Several([dp.Part("train", dp.Folder("photos/cat")), dp.Part("test", dp.Folder("photos/dog"))])
        >>> dp.clean(both).table["split"].unique().to_pylist()
        ['test', 'train']

    Attributes:
        name: What the uris of its images start with, and their split where the source gives none.
        source: Where its images are.
    """

    name: str = field()
    source: Source = field()

    @name.validator
    def _check_name(self, argument: "Attribute[str]", name: object) -> None:
        if not _is_name(name):
            raise PipelineError(f"no part can be called {name!r}; give it a short name without a slash, such as 'train'")

    @source.validator
    def _check_source(self, argument: "Attribute[Source]", source: object) -> None:
        if isinstance(source, type) or not (hasattr(source, "records") and hasattr(source, "read")):
            raise PipelineError(f"part {self.name!r}: {source!r} is not a source; give one, such as Folder('photos')")


def _parts(given: Mapping[str, Source] | Iterable[Part]) -> tuple[Part, ...]:
    """Returns the parts, also of sources by name."""
    return tuple(Part(*item) for item in given.items()) if isinstance(given, Mapping) else tuple(given)


@register
@frozen
class Several:
    """The images of several sources: `Several({"train": Folder("train"), "test": Folder("test")})`.

    Example:
        >>> both = dp.Several({"cats": dp.Folder("photos/cat"), "dogs": dp.Folder("photos/dog")}, splits=False)
        >>> both.records()["uri"][0].as_py()
        'cats/0000.jpg'

    Attributes:
        parts: The sources by name, or as parts, in the order given.
        splits: Whether a part's name is the split where its source names none.

    Raises:
        PipelineError: There are none, a name is invalid or given twice, or one is not a source.
    """

    parts: tuple[Part, ...] = field(converter=_parts)
    splits: bool = True

    @parts.validator
    def _check_parts(self, argument: "Attribute[tuple[Part, ...]]", parts: tuple[Any, ...]) -> None:
        strange = [part for part in parts if not isinstance(part, Part)]
        if strange or not parts:
            what = repr(strange[0]) if strange else "no part at all"
            raise PipelineError(f'Several takes sources by name, such as {{"train": Folder("train")}}, not {what}')
        names = [part.name for part in parts]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise PipelineError(f"two parts are called {twice[0]!r}; their uris would be the same, so give one another name")

    @property
    def concurrency(self) -> int:
        """How many reads at once help: the least that a part says."""
        return min(concurrency_of(part.source) for part in self.parts)

    @property
    def forks(self) -> bool:
        """Whether all parts can be read after a fork."""
        return all(getattr(part.source, "forks", True) for part in self.parts)

    def records(self) -> pa.Table:
        """Lists the images of all parts, sorted by uri, with what each says of its listing.

        Raises:
            SourceError: A part cannot be listed or holds no image; the message names it.
        """
        tables = [_records(part, self.splits) for part in self.parts]
        scan = joined([*map(scan_of, tables), Scan(remarks=self._unlabelled(tables))])
        # a source may list columns that another one does not; they are null there
        table = pa.concat_tables([table.replace_schema_metadata(None) for table in tables], promote_options="default")
        # parts in order would not do: "a" comes before "a-b", but "a-b/1.jpg" before "a/1.jpg"
        return with_scan(table.sort_by("uri").combine_chunks(), scan)

    def _unlabelled(self, tables: Sequence[pa.Table]) -> tuple[str, ...]:
        """Returns what is to be said where no part has labels, and their names may be meant for such."""
        if self.splits or len(tables) < 2 or any(table["label"].null_count < len(table) for table in tables):
            return ()
        names = quoted(part.name for part in self.parts)
        return (f"no image has a label; if {names} are labels, give the folder around them",)

    def read(self, uri: str, start: int = 0, stop: int | None = None) -> bytes:
        """Returns the bytes `start` to `stop` of one image.

        Raises:
            SourceError: There is no such part, or its source cannot read the image.
        """
        source, rest = self._find(uri)
        return source.read(rest, start, stop)

    def modified(self, uri: str) -> int | None:
        """Returns when an image was changed last, in nanoseconds since 1970, None where its source does not tell."""
        source, rest = self._find(uri)
        tell: Callable[[str], int | None] | None = getattr(source, "modified", None)
        return None if tell is None else tell(rest)

    def _find(self, uri: str) -> tuple[Source, str]:
        """Returns the source of an image, and its uri there."""
        name, _, rest = uri.partition("/")
        sources = {part.name: part.source for part in self.parts}
        if name not in sources:
            raise SourceError(f"cannot be read: no part is called {name!r}; {suggestion(name, sources)}")
        return sources[name], rest


def _is_name(name: object) -> bool:
    """Returns whether a name is one step of a path and can be a string in a table."""
    if not isinstance(name, str) or name in ("", ".", "..") or "/" in name:
        return False
    return not any("\ud800" <= letter <= "\udfff" for letter in name)  # what stands for bytes that are not UTF-8


def _records(part: Part, splits: bool) -> pa.Table:
    """Returns the records of one part under its name."""
    try:
        table = in_types(part.source.records())
    except SourceError as error:
        raise SourceError(f"part {part.name!r}: {error}") from error
    if table.num_rows == 0:
        raise SourceError(f"part {part.name!r}: {part.source!r} lists no images")
    import pyarrow.compute as pc  # a tenth of the start of a process that measures, and it lists nothing

    uris = below(part.name, table["uri"])
    named = table["split"].cast(TYPES["split"])
    for name, column in (("uri", uris), ("split", pc.fill_null(named, part.name) if splits else named)):
        table = table.set_column(table.column_names.index(name), SCHEMA.field(name), column)
    if "mask" in table.column_names:
        table = table.set_column(table.column_names.index("mask"), "mask", within(part.name, table["mask"]))
    return table


def below(name: str, uris: pa.ChunkedArray) -> pa.ChunkedArray:
    """Returns the uris of one part as those of all parts."""
    import pyarrow.compute as pc  # as above

    return pc.binary_join_element_wise(pa.scalar(name, uris.type), uris, pa.scalar("/", uris.type))


def within(name: str, masks: pa.ChunkedArray) -> pa.ChunkedArray:
    """Returns the uris of masks of one part as those of all parts; run lengths are no uris and stay."""
    import pyarrow.compute as pc  # as above

    masks = masks.cast(TYPES["mask"])
    uris = below(name, masks)
    return pc.if_else(pc.match_substring_regex(masks, r"^\s*[{\[]"), masks, uris)
