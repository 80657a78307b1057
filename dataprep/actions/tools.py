"""Records in the forms of other tools: FiftyOne's labels of images, and the table of issues that cleanvision makes.

Both name images by their paths. FiftyOne reads the file as `FiftyOneImageClassificationDataset` by its `labels_path`, where an
image may be named by an absolute path. cleanvision's table has a column for each kind of issue, `is_dark_issue` and the like.
"""

import json
from typing import IO, Final

import pyarrow as pa
import pyarrow.compute as pc

from dataprep.actions.places import Files
from dataprep.manifest import Manifest

ISSUES: Final = {
    "odd_size": ("too small", "unusual size"),
    "dark": ("too dark",),
    "light": ("too bright",),
    "low_information": ("nearly uniform",),
    "blurry": ("blurred",),
    "exact_duplicates": ("exact duplicate",),
    "near_duplicates": ("near duplicate",),
}
"""What cleanvision calls an issue, and the reasons that are one."""


def write_fiftyone(manifest: Manifest, files: Files, file: IO[bytes]) -> None:
    """Writes the kept images with their class numbers, null without a label; a list where an image may have several."""
    uris, numbers = manifest.kept("uri")["uri"].to_pylist(), manifest.labels()
    if numbers.ndim == 2:
        targets = [row.nonzero()[0].tolist() for row in numbers]
    else:
        targets = [None if not manifest.classes or number < 0 else int(number) for number in numbers.tolist()]
    labels = {files.path(uri): target for uri, target in zip(uris, targets, strict=True)}
    file.write(json.dumps({"classes": manifest.classes, "labels": labels}, ensure_ascii=False, indent=1).encode() + b"\n")


def write_cleanvision(manifest: Manifest, files: Files, file: IO[bytes]) -> None:
    """Writes a row for each image, its path without a name above it, whether it has each issue, and our reason at last."""
    from pyarrow.csv import write_csv

    table = manifest.table
    columns = {"": pa.array([files.path(uri) for uri in table["uri"].to_pylist()], pa.string())}
    for issue, reasons in ISSUES.items():
        columns[f"is_{issue}_issue"] = pc.is_in(table["reason"], value_set=pa.array(reasons))
    write_csv(pa.table(columns | {"reason": table["reason"]}), file)
