"""A data set of Hugging Face's `datasets` as a source: its columns are read, its images by row, its class names kept in order.

One that lies in files is read there, by workers as well; one in memory is held as bytes, as a data frame is.
"""

import os
from collections.abc import Mapping
from functools import partial
from typing import Any

import pyarrow as pa
from attrs import evolve, field, frozen

from dataprep.describe import UNDESCRIBED, register
from dataprep.errors import SourceError
from dataprep.protocols import Source
from dataprep.sources.labelled import Noted
from dataprep.sources.listing import held, in_memory, quoted, scan_of
from dataprep.sources.memory import hold, list_rows, row_of
from dataprep.sources.names import read_file
from dataprep.sources.objects import find_objects, with_boxes
from dataprep.sources.options import Options
from dataprep.sources.several import Several
from dataprep.sources.table import tidy


@register
@frozen
class HuggingFace:
    """The images of a `datasets.Dataset` that lies in files.

    Attributes:
        column: Which column has the images.
        dataset: The data set, whose images are not decoded; none in a source that a manifest opens, which cannot read.
        listing: The records.
    """

    column: str
    dataset: Any = field(default=None, eq=False, repr=False, metadata={UNDESCRIBED: True})
    listing: pa.Table | None = in_memory()

    def records(self) -> pa.Table:
        """Lists the images, in the order of the rows; sizes are not known before one is read."""
        return held(self.listing, self)

    def read(self, uri: str, start: int = 0, stop: int | None = None) -> bytes:
        """Returns the bytes `start` to `stop` of an image.

        Raises:
            SourceError: There is no such row, or nothing in it, or the data set was that of another process.
        """
        if self.dataset is None:
            raise SourceError(
                "cannot be read: the data set was loaded by the process that made the manifest; load it again and give it, as in "
                "`Manifest.read(path, dataset)`"
            )
        known = self.dataset[row_of(uri, len(self.dataset))][self.column]
        if known is None or (known["bytes"] is None and known["path"] is None):
            raise SourceError("cannot be read: there is nothing in its row")
        return read_file(known["path"], start, stop) if known["bytes"] is None else known["bytes"][start:stop]

    def __reduce__(self) -> tuple[Any, tuple[()]]:
        """Leaves the listing out of a pickled copy, which reads."""
        return partial(HuggingFace, self.column, self.dataset), ()


def is_dataset(given: object) -> bool:
    """Returns whether something is of the library `datasets`."""
    return type(given).__module__.partition(".")[0] == "datasets"


def open_dataset(given: Any, options: Options) -> Source:
    """Returns the source of a data set, or of one for each split.

    Raises:
        SourceError: It is streamed, or has no images.
    """
    if isinstance(given, Mapping):
        return Several({str(name): open_dataset(part, options) for name, part in given.items()})
    if not hasattr(given, "cast_column") or not hasattr(given, "__len__"):
        raise SourceError(f"{type(given).__name__} has no rows to read in any order; load it without streaming=True")
    import datasets  # it is loaded: the user has one of its objects

    images = [name for name, kind in given.features.items() if isinstance(kind, datasets.Image)]
    column = options.image_column or next(iter(images), None)
    if column not in images:
        raise SourceError(
            f"the data set has no column of images{f' called {column!r}' if column else ''}; it has {quoted(given.features)}"
        )
    plain = given.with_format(None).cast_column(column, datasets.Image(decode=False))
    options = evolve(options, label_column=options.label_column or _label(given.features, datasets.ClassLabel))
    table = _named(plain.remove_columns([column]), given.features, datasets.ClassLabel)
    pairs = plain.select_columns([column]).with_format("arrow")[:][column] if len(plain) else pa.chunked_array([])
    classes = _object_classes(table, given.features)
    table, said = with_boxes(tidy(table.append_column(column, pairs)), classes)
    if not given.cache_files and not _has_paths(pairs):
        source: Source = hold(table, str(column), options)
    else:
        source = HuggingFace(str(column), plain, listing=list_rows(table, str(column), options, {}))
    is_free = scan_of(records := source.records()).classes is None and records["label"].null_count == len(records)
    return Noted(source, classes if is_free and classes else None, remarks=said) if said else source


def _label(features: Mapping[str, Any], kind: type) -> tuple[str, ...]:
    """Returns the one column of classes, if there is just one."""
    names = tuple(name for name, feature in features.items() if isinstance(feature, kind))
    return names if len(names) == 1 else tuple(name for name in names if name in ("label", "labels"))[:1]


def _named(dataset: Any, features: Mapping[str, Any], kind: type) -> pa.Table:
    """Returns the columns of a data set, class numbers by their names, whose order is kept."""
    table = dataset.with_format("arrow")[:]
    for name, feature in features.items():
        if isinstance(feature, kind):
            numbers = [None if value is None or value < 0 else value for value in table[name].to_pylist()]
            names = pa.DictionaryArray.from_arrays(pa.array(numbers, pa.int32()), pa.array(feature.names))  # type: ignore[attr-defined]  # not in its types
            table = table.set_column(table.column_names.index(name), name, names)
    return table


def _object_classes(table: pa.Table, features: Mapping[str, Any]) -> tuple[str, ...]:
    """Returns the names of the classes of objects, in their order; none where a data set does not say."""
    objects = find_objects(table.schema)
    if objects is None or objects.classes is None:
        return ()
    kinds = _inner(features[objects.column])  # of structures in a list, or of lists in a structure
    return tuple(getattr(_inner(kinds[objects.classes]), "names", None) or ())


def _inner(feature: Any) -> Any:
    """Returns what a feature is a list of, or itself where it is none."""
    return feature[0] if isinstance(feature, list) else getattr(feature, "feature", feature)


def _has_paths(pairs: pa.ChunkedArray) -> bool:
    """Returns whether images are files that are named, instead of bytes."""
    first = next((pair for pair in pairs[:1].to_pylist() if pair), None)
    return first is not None and first["bytes"] is None and os.path.isabs(first["path"] or "")
