"""A manifest as a data set of Hugging Face: the way back from what `clean` takes."""

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from dataprep.errors import DataprepError
from dataprep.manifest import Manifest, check_manifest
from dataprep.sources import parts_of
from dataprep.sources.ways import Paths

if TYPE_CHECKING:
    from collections.abc import Iterator

    from datasets import Dataset


def to_huggingface(manifest: Manifest, *columns: str) -> "Dataset":
    """Returns the kept images as a `Dataset`: image, label as a class number that has its name, id, uri and further columns.

    Images that are files stay where they are, and are decoded as they are asked for; the bytes of others are read now.

    Example:
        >>> dataset = dp.to_huggingface(manifest)
        >>> len(dataset), dataset.features["label"].names
        (12, ['cat', 'dog'])

    Args:
        manifest: Whose kept images.
        columns: Further columns, such as "split"; one that is called as an image or its label is refused.

    Raises:
        DataprepError: `datasets` is not installed, or there is no such column.
        SourceError: An image that is no file cannot be read.
    """
    check_manifest(manifest, "to_huggingface")
    try:
        from datasets import ClassLabel, Dataset, Features, Image, Value
    except ModuleNotFoundError as error:
        raise DataprepError("to_huggingface needs datasets: pip install datasets") from error
    taken = sorted({"image", "label", "value", "labels"}.intersection(columns))
    if taken:
        raise DataprepError(f"to_huggingface: {taken[0]!r} is there by itself; name further columns only")
    table, kinds = manifest.kept(*dict.fromkeys(("id", "uri", *columns))), ClassLabel(names=list(manifest.classes))
    features = {**Features.from_arrow_schema(table.schema), "image": Image()}
    table = table.append_column("image", pa.array(_images(manifest), Image().pa_type))
    labels = manifest.labels()
    if labels.ndim == 2:
        features["labels"] = [kinds]
        table = table.append_column("labels", pa.array([row.nonzero()[0] for row in labels], pa.list_(pa.int64())))
    else:
        name = "label" if manifest.classes else "value"
        features[name] = kinds if manifest.classes else Value(str(labels.dtype))
        table = table.append_column(name, pa.array(labels))
    return Dataset(table.cast(Features(features).arrow_schema))


def _images(manifest: Manifest) -> "Iterator[dict[str, Any]]":
    """Yields each kept image as `datasets` stores it: by its path, or with its bytes."""
    if all(isinstance(part, Paths) for part in parts_of(manifest.source).values()):
        yield from ({"bytes": None, "path": str(path)} for path in manifest.paths())
    else:
        for uri in manifest.kept("uri")["uri"].to_pylist():
            yield {"bytes": manifest.source.read(uri), "path": uri}
