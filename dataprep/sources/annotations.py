"""From annotations in COCO's form to the columns of targets: for each image what is on it, in pixels as the file has them.

A row is built for each image, of lists by name; only the columns of what a file has at all are made of them.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

import pyarrow as pa

from dataprep.columns import fields_of
from dataprep.sources.listing import counted

Row: TypeAlias = defaultdict[str, list[Any]]
Corners: TypeAlias = list[tuple[float, float]]

FIELDS: Final = {field.name: field.type for field in fields_of("targets")}
LISTS: Final = {
    "boxes": ("boxes", "box_labels"),
    "points": ("points", "point_visibility", "point_objects"),
    "polygons": ("polygons", "polygon_objects"),
}
"""Columns of lists, by what annotations have."""


class Annotated(NamedTuple):
    """What annotations say.

    Attributes:
        columns: A row for each image, in the order of the images.
        classes: The names of the categories, in the order of their ids.
        remarks: What is left out and where else it is, a sentence each.
    """

    columns: pa.Table
    classes: tuple[str, ...]
    remarks: tuple[str, ...]


def read_annotations(data: Mapping[str, Any]) -> Annotated:
    """Returns the columns of what a file of COCO's has: boxes, key points, outlines, run lengths, crowds and captions.

    Key points keep their number and their order: one that is not labelled (visibility 0) is NaN. Objects in run lengths are parts
    of the image's mask, whose value is the place of their class and 1 more, since 0 is none of them.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: It is not of the form.
    """
    listed = sorted(data.get("categories", ()), key=lambda known: known["id"])
    names = {known["id"]: str(known["name"]) for known in listed}
    classes = tuple(dict.fromkeys(names.values()))
    values = {name: place for place, name in enumerate(classes, 1)}
    rows: dict[Any, Row] = {image["id"]: defaultdict(list) for image in data["images"]}
    counts: Counter[str] = Counter()
    for known in data["annotations"]:
        if known["image_id"] not in rows:
            counts["unlisted"] += 1
            continue
        name, row = names.get(known.get("category_id")), rows[known["image_id"]]
        if known.get("iscrowd"):
            _add_crowd(known, row)
        else:
            _add(known, row, name, values.get(name or "", len(values) + 1))
        counts.update(_kinds(known))
    images = [(image, rows[image["id"]]) for image in data["images"]]
    counts["further captions"] = sum(max(len(row["captions"]) - 1, 0) for row in rows.values())
    return Annotated(_table(images, counts), classes, tuple(_remarks(counts)))


def _kinds(known: Mapping[str, Any]) -> list[str]:
    """Returns what an annotation has, which says what columns there are."""
    if known.get("iscrowd"):
        return ["crowds"]
    outline = known.get("segmentation")
    has = {
        "boxes": known.get("bbox") is not None or isinstance(outline, list),
        "points": "keypoints" in known,
        "polygons": outline is not None,
        "runs": isinstance(outline, dict),
        "captions": "caption" in known,
    }
    return [kind for kind, is_there in has.items() if is_there]


def _add(known: Mapping[str, Any], row: Row, name: str | None, value: int) -> None:
    """Adds an object, or a caption, to the row of its image."""
    corners, runs = _outlines(known, value)
    box, place = _box(known.get("bbox"), corners), len(row["boxes"])
    if box:
        row["boxes"].append(box)
        row["box_labels"].append(name)
    row["polygons"] += corners
    row["polygon_objects"] += [place] * len(corners)
    row["runs"] += runs
    row["captions"] += [str(known["caption"])] if "caption" in known else []
    _add_points(known.get("keypoints") or [], row, place if box else -1)


def _add_points(flat: Sequence[float], row: Row, place: int) -> None:
    """Adds the key points of an object: x, y and visibility of each, end to end."""
    for x, y, visibility in zip(flat[::3], flat[1::3], flat[2::3], strict=True):
        row["points"].append([x, y] if visibility else [float("nan")] * 2)
        row["point_visibility"].append(int(visibility))
        row["point_objects"].append(place)


def _add_crowd(known: Mapping[str, Any], row: Row) -> None:
    """Adds a region that stands for a crowd to the row of its image."""
    corners, runs = _outlines(known, 1)
    box = _box(known.get("bbox"), corners)
    row["crowd_boxes"] += [box] if box else []
    row["crowd_runs"] += runs


def _outlines(known: Mapping[str, Any], value: int) -> tuple[list[Corners], list[dict[str, Any]]]:
    """Returns the outlines of a region as corners, and as a part of a mask, of which it has one kind."""
    outline = known.get("segmentation") or []
    if isinstance(outline, dict):
        return [], [{"size": outline["size"], "counts": outline["counts"], "value": value}]
    return [list(zip(flat[::2], flat[1::2], strict=True)) for flat in outline if flat], []


def _box(bbox: Sequence[float] | None, corners: Sequence[Corners]) -> list[float] | None:
    """Returns left, top, right, bottom of a box, or of the outlines where there is none."""
    if bbox:
        left, top, width, height = bbox
        return [left, top, left + width, top + height]
    xs, ys = ([corner[axis] for outline in corners for corner in outline] for axis in (0, 1))
    return [min(xs), min(ys), max(xs), max(ys)] if xs else None


def _table(images: Sequence[tuple[Mapping[str, Any], Row]], counts: Counter[str]) -> pa.Table:
    """Returns the columns of what was counted."""
    rows = [row for _, row in images]
    kinds = [kind for kind in LISTS if counts[kind]]
    columns = {name: pa.array([row[name] for row in rows], FIELDS[name]) for kind in kinds for name in LISTS[kind]}
    if counts["runs"]:
        masks = [_mask(row["runs"], image, is_empty=not (row["boxes"] or row["polygons"])) for image, row in images]
        columns["mask"] = pa.array(masks, FIELDS["mask"])
    if counts["crowds"]:
        masks = [_mask(row["crowd_runs"], image, is_empty=not row["crowd_boxes"]) for image, row in images]
        columns["crowd_boxes"] = pa.array([row["crowd_boxes"] for row in rows], FIELDS["boxes"])
        columns["crowd_mask"] = pa.array(masks, FIELDS["mask"])
    if counts["captions"]:
        columns["caption"] = pa.array([next(iter(row["captions"]), None) for row in rows], FIELDS["caption"])
    if counts["further captions"]:
        columns["captions"] = pa.array([row["captions"] for row in rows], pa.list_(pa.string()))
    return pa.table(columns) if columns else pa.table({"none": pa.nulls(len(rows))}).select([])


def _mask(runs: list[Any], image: Mapping[str, Any], *, is_empty: bool) -> str | None:
    """Returns a mask as JSON; null where what is there has no run lengths, which is not nothing."""
    if not runs and is_empty and image.get("height") and image.get("width"):
        runs = [{"size": [image["height"], image["width"]], "counts": [image["height"] * image["width"]]}]
    return json.dumps(runs) if runs else None


def _remarks(counts: Counter[str]) -> Iterator[str]:
    """Yields what is to be said of annotations that are not where all others are."""
    if counts["unlisted"]:
        yield f"{counted(counts['unlisted'], 'annotation')} left out, of images that are not listed"
    if counts["crowds"]:
        yield f"{counted(counts['crowds'], 'region')} of crowds left out of boxes; columns crowd_boxes and crowd_mask have them"
    if counts["runs"]:
        said = f"{counted(counts['runs'], 'outline')} in run lengths"
        yield f"{said} left out of polygons; column mask has the number of the class there, from 1, and 0 elsewhere"
    if counts["further captions"]:
        yield f"{counted(counts['further captions'], 'further caption')} of images in the column captions; caption has the first"
