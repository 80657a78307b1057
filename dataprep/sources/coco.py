"""COCO's annotations: one JSON file with images, categories and their boxes, key points, outlines and captions.

Boxes become absolute left, top, right, bottom; classes stand in the order of the categories' ids. Crowds have columns of their
own.
"""

import json
import os
from collections.abc import Sequence
from typing import Any, Final

import pyarrow as pa

from dataprep.errors import SourceError
from dataprep.sources.annotations import read_annotations
from dataprep.sources.files import Files, resolve
from dataprep.sources.listing import Scan, free_names, listed, quoted

KINDS: Final = ("instances", "person_keypoints", "captions")
"""What the names of COCO's own files begin with; those of one split are about the same images."""

OWN: Final = frozenset(["id", "file_name", "height", "width", "license", "coco_url", "flickr_url", "date_captured"])
"""What COCO says of an image itself, which is not carried along: it is in the file, or of COCO's own site."""


def is_coco(data: object) -> bool:
    """Returns whether the content of a JSON file is COCO's."""
    return isinstance(data, dict) and isinstance(data.get("images"), list) and isinstance(data.get("annotations"), list)


def open_coco(file: str, root: str | None = None, split: str | None = None, beside: Sequence[str] = ()) -> Files:
    """Returns the source of the images of a file of annotations.

    Args:
        file: The file.
        root: The folder that the names of images are relative to; None looks for it near the file.
        split: The split of all its images.
        beside: Further files about the same images.

    Raises:
        SourceError: The file is not COCO's, or its images are not there.
    """
    data, *others = [_read(name) for name in (file, *beside)]
    try:
        for other in others:
            _merge(data, other)
        names = [str(image["file_name"]) for image in data["images"]]
        named = resolve(names, root or _find_root(file, names))
        known = read_annotations(data)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, pa.ArrowException) as error:
        raise SourceError(f"{file} is not of COCO's form: {type(error).__name__} at {error}") from error
    own = [{name: value for name, value in image.items() if name not in OWN} for image in data["images"]]
    further = known.columns
    for name in dict.fromkeys(name for row in own for name in row):
        free = f"source_{name}" if name in further.column_names else name
        further = further.append_column(free, pa.array([row.get(name) for row in own]))
    rows = {uri: row for row, uri in reversed(list(enumerate(named.uris)))}  # the first of several of one name
    kept = sorted(rows.values())
    columns: dict[str, list[Any]] = {
        "uri": [named.uris[row] for row in kept],
        "error": [named.errors[row] for row in kept],
        "split": [split] * len(kept),
    }
    scan = Scan({}, known.remarks, known.classes or None)
    return Files(named.root, listing=listed(columns, free_names(further).take(kept), scan))


def open_coco_folder(root: str) -> dict[str, Files] | None:
    """Returns the sources of a folder of COCO, by split; None where it is none.

    It has files of instances, key points and captions in `annotations`, as COCO itself, of which those of a split are taken
    together, or `_annotations.coco.json` beside the images of each split.
    """
    own = os.path.join(root, "annotations")
    names = set(os.listdir(own)) if os.path.isdir(own) else set()
    splits = sorted(
        {name[len(kind) + 1 : -5] for name in names for kind in KINDS if name.startswith(f"{kind}_") and name.endswith(".json")}
    )
    if splits:
        files = {
            split: [os.path.join(own, name) for kind in KINDS if (name := f"{kind}_{split}.json") in names] for split in splits
        }
        return {split: open_coco(first, None, split.rstrip("0123456789"), beside) for split, (first, *beside) in files.items()}
    beside = {split: os.path.join(root, split, "_annotations.coco.json") for split in ["", *sorted(os.listdir(root))]}
    found = {split: file for split, file in beside.items() if os.path.isfile(file)}
    return {split or "images": open_coco(file, os.path.dirname(file), split or None) for split, file in found.items()} or None


def _read(file: str) -> Any:
    """Returns the content of a JSON file of COCO's.

    Raises:
        SourceError: It cannot be read, or is another.
    """
    try:
        with open(file, "rb") as opened:
            data = json.load(opened)
    except (OSError, ValueError, RecursionError) as error:
        raise SourceError(f"{file} cannot be read as JSON: {getattr(error, 'strerror', None) or error}") from error
    if not is_coco(data):
        raise SourceError(f"{file} is not of COCO's form: it has no lists of `images` and `annotations`")
    return data


def _find_root(file: str, names: Sequence[str]) -> str:
    """Returns the folder near a file of annotations that its images are in.

    Raises:
        SourceError: There is none.
    """
    beside = os.path.dirname(os.path.abspath(file))
    above, stem = os.path.dirname(beside), os.path.splitext(os.path.basename(file))[0]
    split = stem.rpartition("_")[2]
    steps = ("", "images", split, stem, f"images/{split}", "train", "val")
    tried = [os.path.join(folder, step) for folder in (beside, above) for step in steps]
    for root in tried:
        if any(os.path.isfile(os.path.join(root, name)) for name in names[:20]):
            return root
    raise SourceError(f"the images of {file}, such as {quoted(names[:1])}, are not near it; say where they are by --root")


def _merge(data: Any, other: Any) -> None:
    """Adds what another file says of the same images: key points to the objects of their ids, and what is not there yet."""
    known = {(one.get("id"), one["image_id"]): one for one in data["annotations"]}
    for one in other["annotations"]:
        same = known.get((one.get("id"), one["image_id"])) if "keypoints" in one else None
        if same is None:
            data["annotations"].append(one)
        else:
            same["keypoints"] = one["keypoints"]
    for name in ("images", "categories"):
        there = {one["id"] for one in data.get(name, ())}
        data[name] = [*data.get(name, ()), *(one for one in other.get(name, ()) if one["id"] not in there)]
