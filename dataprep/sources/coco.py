"""COCO's annotations: one JSON file with images, categories and their boxes, outlines and captions.

Boxes become absolute left, top, right, bottom; classes stand in the order of the categories' ids. Regions that stand for crowds,
run lengths and keypoints are left out, and counted.
"""

import json
import os
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import pyarrow as pa

from dataprep.columns import fields_of
from dataprep.errors import SourceError
from dataprep.sources.files import Files, resolve
from dataprep.sources.listing import Scan, counted, free_names, listed, quoted

FIELDS: Final = {field.name: field.type for field in fields_of("targets")}
OWN: Final = frozenset(["id", "file_name", "height", "width", "license", "coco_url", "flickr_url", "date_captured"])
"""What COCO says of an image itself, which is not carried along: it is in the file, or of COCO's own site."""


def is_coco(data: object) -> bool:
    """Returns whether the content of a JSON file is COCO's."""
    return isinstance(data, dict) and isinstance(data.get("images"), list) and isinstance(data.get("annotations"), list)


def open_coco(file: str, root: str | None = None, split: str | None = None, data: Any = None) -> Files:
    """Returns the source of the images of a file of annotations.

    Args:
        file: The file.
        root: The folder that the names of images are relative to; None looks for it near the file.
        split: The split of all its images.
        data: The content of the file, where it was read already.

    Raises:
        SourceError: The file is not COCO's, or its images are not there.
    """
    data = read_json(file) if data is None else data
    if not is_coco(data):
        raise SourceError(f"{file} is not of COCO's form: it has no lists of `images` and `annotations`")
    try:
        names = [str(image["file_name"]) for image in data["images"]]
        named = resolve(names, root or _find_root(file, names))
        columns, left_out = _annotations(data)
        classes = tuple(str(known["name"]) for known in sorted(data.get("categories", ()), key=lambda known: known["id"]))
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise SourceError(f"{file} is not of COCO's form: {type(error).__name__} at {error}") from error
    own = [{name: value for name, value in image.items() if name not in OWN} for image in data["images"]]
    further = pa.table({name: pa.array(values, FIELDS[name]) for name, values in columns.items()})
    for name in dict.fromkeys(name for row in own for name in row):
        further = further.append_column(name, pa.array([row.get(name) for row in own]))
    rows = {uri: row for row, uri in reversed(list(enumerate(named.uris)))}  # the first of several of one name
    kept = sorted(rows.values())
    known: dict[str, list[Any]] = {
        "uri": [named.uris[row] for row in kept],
        "error": [named.errors[row] for row in kept],
        "split": [split] * len(kept),
    }
    said = tuple(f"{counted(count, what)} left out" for what, count in sorted(left_out.items()))
    return Files(named.root, listing=listed(known, free_names(further).take(kept), Scan({}, said, classes or None)))


def open_coco_folder(root: str) -> dict[str, Files] | None:
    """Returns the sources of a folder of COCO, by split; None where it is none.

    It has files of instances in `annotations`, as COCO itself, or `_annotations.coco.json` beside the images of each split.
    """
    own = os.path.join(root, "annotations")
    names = sorted(os.listdir(own)) if os.path.isdir(own) else []
    files = {name[10:-5]: os.path.join(own, name) for name in names if name.startswith("instances_") and name.endswith(".json")}
    if files:
        return {split: open_coco(file, split=split.rstrip("0123456789")) for split, file in files.items()}
    beside = {split: os.path.join(root, split, "_annotations.coco.json") for split in ["", *sorted(os.listdir(root))]}
    found = {split: file for split, file in beside.items() if os.path.isfile(file)}
    return {split or "images": open_coco(file, os.path.dirname(file), split or None) for split, file in found.items()} or None


def read_json(file: str) -> Any:
    """Returns the content of a JSON file.

    Raises:
        SourceError: It cannot be read.
    """
    try:
        with open(file, "rb") as opened:
            return json.load(opened)
    except (OSError, ValueError, RecursionError) as error:
        raise SourceError(f"{file} cannot be read as JSON: {getattr(error, 'strerror', None) or error}") from error


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


def _annotations(data: Any) -> tuple[dict[str, list[Any]], Counter[str]]:
    """Returns the columns of targets, an item for each image, and how many annotations were left out, by what they are."""
    categories = {known["id"]: str(known["name"]) for known in data.get("categories", ())}
    places = {image["id"]: place for place, image in enumerate(data["images"])}
    kinds = {kind for known in data["annotations"] for kind in ("bbox", "segmentation", "caption") if kind in known}
    names = [
        *(("boxes", "box_labels") if "bbox" in kinds else ()),
        *(("polygons", "polygon_objects") if "segmentation" in kinds else ()),
        *(("caption",) if "caption" in kinds else ()),
    ]
    columns: dict[str, list[Any]] = {name: [None if name == "caption" else [] for _ in places] for name in names}
    left_out: Counter[str] = Counter()
    for known in data["annotations"]:
        if known["image_id"] not in places:
            left_out["annotation of an image that is not listed"] += 1
        elif known.get("iscrowd"):
            left_out["region that stands for a crowd"] += 1
        else:
            _add(known, places[known["image_id"]], columns, categories, left_out)
    return columns, left_out


def _add(known: Any, place: int, columns: dict[str, list[Any]], categories: dict[Any, str], left_out: Counter[str]) -> None:
    """Adds an annotation to the columns of its image."""
    if "caption" in known:
        left_out["further caption of an image"] += columns["caption"][place] is not None
        columns["caption"][place] = columns["caption"][place] or str(known["caption"])
    if "bbox" in known:
        left, top, width, height = known["bbox"]
        columns["boxes"][place].append([left, top, left + width, top + height])
        columns["box_labels"][place].append(categories.get(known.get("category_id")))
    if "keypoints" in known:
        left_out["set of keypoints"] += 1
    outlines = known.get("segmentation")
    if isinstance(outlines, dict):
        left_out["outline in run lengths"] += 1
    elif outlines and "bbox" in known:
        columns["polygons"][place] += [list(zip(flat[::2], flat[1::2], strict=True)) for flat in outlines]
        columns["polygon_objects"][place] += [len(columns["boxes"][place]) - 1] * len(outlines)
