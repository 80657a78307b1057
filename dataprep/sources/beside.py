"""A folder of images with a table in it: Hugging Face's `metadata.csv`, per split or for all, or a competition's `train.csv`.

Metadata is taken as it is: that is its form. Another table is taken only where there is no doubt: it is the only one whose rows
are nearly all about an image, a column can be the label, and folders name no labels. What is not taken is named in a remark.
"""

import os
from collections.abc import Iterator, Sequence
from typing import Final

import pyarrow as pa

from dataprep.errors import SourceError
from dataprep.protocols import Source
from dataprep.sources.folder import Folder
from dataprep.sources.guess import image_column, label_columns
from dataprep.sources.labelled import Labelled, Noted
from dataprep.sources.levels import CONTAINERS, SPLITS
from dataprep.sources.matching import match
from dataprep.sources.options import Options
from dataprep.sources.table import TABLES, read_table

METADATA: Final = ("metadata.csv", "metadata.jsonl", "metadata.parquet")
NAMES: Final = ("file_name", "image", "image_file_name")
"""Columns of metadata that name the image, the surest first."""

LARGEST: Final = 1 << 28
"""Bytes of a table above which it is not looked into unasked."""

NEARLY: Final = 0.9
"""Share of a table's rows that have to be about an image."""


def with_metadata(folder: Folder) -> Source | None:
    """Returns a folder with its metadata; None where it has none."""
    tables = []
    for step in ("", *sorted(os.listdir(folder.root))):
        for name in METADATA:
            file = os.path.join(folder.root, step, name)
            if os.path.isfile(file):
                tables.append(_below(read_table(file), step, file))
    if not tables:
        return None
    table = pa.concat_tables(tables, promote_options="permissive")
    return Labelled(folder, f"{METADATA[0]} and the like", table=table, options=Options(image_column=NAMES[0]))


def _below(table: pa.Table, step: str, file: str) -> pa.Table:
    """Returns metadata whose images are named below the root, in the column of the one name."""
    name = next((name for name in NAMES if name in table.column_names), None)
    if name is None:
        raise SourceError(
            f"{file} has no column file_name, which names the images of a folder's metadata; it has {table.column_names}"
        )
    paths = [None if path is None else os.path.join(step, str(path)) for path in table[name].to_pylist()]
    return table.drop_columns([name]).add_column(0, NAMES[0], pa.array(paths, pa.string()))


def with_table(folder: Folder) -> Source:
    """Returns a folder with the labels of the one table in it that is about its images, or as it is."""
    tables = list(_tables(folder.root))
    if not tables or (folder.label, folder.splits) != (None, None):
        return folder
    uris = folder.records()["uri"].to_pylist()
    fitting = [(name, table, column) for name, table in tables if (column := _fits(table, uris, name, folder.root))]
    if len(fitting) == 1 and not _has_labels(uris):
        name, table, column = fitting[0]
        said = f"labels are those of {name}, which lies in the folder; --label first takes folders instead"
        source = Labelled(folder, os.path.join(folder.root, name), table=table, options=Options(image_column=column))
        return Noted(source, remarks=(said,))
    names = ", ".join(name for name, _, _ in fitting)
    return Noted(folder, remarks=(f"{names} in the folder not used; --labels FILE takes labels from it",)) if fitting else folder


def _tables(root: str) -> Iterator[tuple[str, pa.Table]]:
    """Yields the tables in a folder, but for samples of what is to be handed in."""
    for name in sorted(os.listdir(root)):
        file = os.path.join(root, name)
        ending = os.path.splitext(name)[1].lower()
        if ending in TABLES and "submission" not in name.lower() and os.path.isfile(file) and os.path.getsize(file) <= LARGEST:
            try:
                yield name, read_table(file)
            except SourceError:
                continue


def _fits(table: pa.Table, uris: Sequence[str], name: str, root: str) -> str | None:
    """Returns the column of a table that names images, where nearly all rows do and another one can be the label."""
    try:
        column = image_column(table, root, None, lambda values: match(values, uris, name).found)
    except SourceError:
        return None
    names, _ = label_columns(table, column)
    found = match(table[column].to_pylist(), uris, name).found
    return column if names and found >= NEARLY * len(table) else None


def _has_labels(uris: Sequence[str]) -> bool:
    """Returns whether folders could be labels: there are some, other than those of splits and of all images."""
    steps = {step.lower() for uri in uris for step in uri.split("/")[:-1]}
    return bool({step for step in steps if step not in SPLITS and step not in CONTAINERS and not _is_split_of_images(step)})


def _is_split_of_images(step: str) -> bool:
    """Returns whether a folder is called as a split of a competition, such as train_images or test-data."""
    words = step.replace("-", "_").replace(" ", "_").split("_")
    return len(words) > 1 and all(word in SPLITS or word in CONTAINERS for word in words)
