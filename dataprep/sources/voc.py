"""Pascal VOC's form: a folder with `JPEGImages`, an XML file for each image in `Annotations`, and lists of splits in `ImageSets`.

VOC counts pixels from 1 and names the last one inside; boxes become left, top, right, bottom of the area that they cover.
"""

import os
from collections.abc import Iterable
from typing import Any, Final

import pyarrow as pa

from dataprep.columns import fields_of
from dataprep.errors import SourceError
from dataprep.progress import as_found
from dataprep.sources.files import Files
from dataprep.sources.listing import Scan, counted, listed, quoted
from dataprep.sources.names import uri_of
from dataprep.sources.walk import Walk

IMAGES: Final = "JPEGImages"
ANNOTATIONS: Final = "Annotations"
SETS: Final = ("train", "val", "test")


def is_voc(root: str) -> bool:
    """Returns whether a folder is of VOC's form."""
    return all(os.path.isdir(os.path.join(root, name)) for name in (IMAGES, ANNOTATIONS))


def open_voc(root: str) -> Files:
    """Returns the source of a folder of VOC's form; an image without annotations has null in place of boxes.

    Raises:
        SourceError: There is no image in it.
    """
    folder = os.path.join(root, IMAGES)
    walk = Walk(folder)
    entries = list(as_found(walk))
    if not entries:
        raise SourceError(f"no images in {folder}")
    uris = [uri_of(f"{IMAGES}/{entry.path}") for entry in entries]
    stems = [os.path.splitext(entry.path)[0] for entry in entries]
    found = [_read(os.path.join(root, ANNOTATIONS, f"{stem}.xml")) for stem in stems]
    splits = _splits(root)
    columns: dict[str, list[Any]] = {
        "uri": uris,
        "error": [entry.error for entry in entries],
        "split": [splits.get(stem) for stem in stems],
    }
    boxes, labels = fields_of("targets")[:2]
    further = {
        boxes.name: pa.array([None if objects is None else [box for _, box, _ in objects] for objects in found], boxes.type),
        labels.name: pa.array([None if objects is None else [name for name, _, _ in objects] for objects in found], labels.type),
        "difficult": pa.array([None if objects is None else [hard for _, _, hard in objects] for objects in found]),
    }
    without = [uri for uri, objects in zip(uris, found, strict=True) if objects is None]
    said = (f"{counted(len(without), 'image')} without a file in {ANNOTATIONS} that can be read: {quoted(without)}",)
    return Files(root, listing=listed(columns, pa.table(further), Scan(dict(walk.ignored), said if without else ())))


def _read(file: str) -> list[tuple[str, list[float], bool]] | None:
    """Returns name, box and difficulty of each object in an image; None where the file is not there, or not understood."""
    from xml.etree import ElementTree as ET

    try:
        objects = ET.parse(file).getroot().findall("object")
        return [_object(known) for known in objects]
    except (OSError, ET.ParseError, ValueError, AttributeError):
        return None


def _object(known: Any) -> tuple[str, list[float], bool]:
    box = known.find("bndbox")
    left, top, right, bottom = (float(box.find(name).text) for name in ("xmin", "ymin", "xmax", "ymax"))
    return known.find("name").text.strip(), [left - 1, top - 1, right, bottom], known.findtext("difficult", "0").strip() == "1"


def _splits(root: str) -> dict[str, str]:
    """Returns the split of each image that a list in ImageSets names."""
    found: dict[str, str] = {}
    for split in SETS:
        for kind in ("Main", "Segmentation", "Layout"):
            found |= dict.fromkeys(_lines(os.path.join(root, "ImageSets", kind, f"{split}.txt")), split)
    return found


def _lines(file: str) -> Iterable[str]:
    """Returns the names in a list, none where it is not there."""
    try:
        with open(file, encoding="utf-8", errors="surrogateescape") as opened:
            return [line.split()[0] for line in opened if line.strip()]
    except OSError:
        return []
