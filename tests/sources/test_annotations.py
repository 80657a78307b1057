"""What COCO's annotations and columns of objects hold arrives in a batch, or is counted; each data set is built as it is met."""

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import dataprep as dp
from dataprep.cleaning.clean import clean
from dataprep.manifest import Manifest
from dataprep.pipeline import Pipeline
from dataprep.sources import open_source, scan_of
from dataprep.testing import FakeBackend, FakeEngine, encoded, photo

SIDE = (96, 128)
DATA = [encoded(photo(number)) for number in range(3)]
CATEGORIES = [{"id": 9, "name": "apple"}, {"id": 4, "name": "zebra"}]
IMAGES = [{"id": 10 + number, "file_name": f"{number}.png", "height": 96, "width": 128} for number in range(3)]


def block(left: int, top: int, right: int, bottom: int) -> Any:
    """A mask that is 1 in a box."""
    mask = np.zeros(SIDE, np.uint8)
    mask[top:bottom, left:right] = 1
    return mask


def runs(mask: Any, form: str) -> dict[str, Any]:
    """Run lengths of a mask: as the oracle packs them into text, or as plain numbers."""
    if form == "packed":
        coco = pytest.importorskip("pycocotools.mask")
        packed = coco.encode(np.asfortranarray(mask))
        return {"size": list(SIDE), "counts": packed["counts"].decode()}
    flat = mask.T.ravel()
    groups = [(value, len(list(group))) for value, group in itertools.groupby(flat.tolist())]
    return {"size": list(SIDE), "counts": [0] * (groups[0][0] == 1) + [length for _, length in groups]}


def cleaned(root: Path, annotations: list[dict[str, Any]], name: str = "all.json") -> Manifest:
    """The manifest of three images with annotations."""
    for number, data in enumerate(DATA):
        (root / f"{number}.png").write_bytes(data)
    content = {"images": IMAGES, "annotations": annotations, "categories": CATEGORIES}
    (root / name).write_text(json.dumps(content))
    return clean(root / name, Pipeline(), engine=FakeEngine())


def batch(manifest: Manifest, *targets: Any) -> dict[str, Any]:
    """The targets of all images, as a loader delivers them."""
    pipeline = Pipeline(dp.Resize(SIDE))
    loader = dp.Loader(manifest, pipeline, backend=FakeBackend(), batch_size=3, train=False, targets=targets)
    return dict(next(iter(loader)).targets)


def thing(image: int = 10, category: int = 9, **further: Any) -> dict[str, Any]:
    """An annotation of an object."""
    return {"id": 1, "image_id": image, "category_id": category, "bbox": [8, 16, 20, 30], **further}


@pytest.mark.parametrize("form", ["packed", "plain"])
@pytest.mark.parametrize("crowded", [False, True])
def test_run_lengths(tmp_path: Path, form: str, crowded: bool) -> None:
    """Outlines in run lengths are the image's mask, of class numbers from 1; crowds have a mask of their own and are no boxes."""
    first, second = block(8, 16, 28, 46), block(100, 0, 128, 96)
    known = [thing(segmentation=runs(first, form)), thing(category=4, segmentation=runs(second, form))]
    crowd = thing(iscrowd=1, segmentation=runs(block(0, 0, 128, 5), form))
    manifest = cleaned(tmp_path, [*known, *([crowd] if crowded else [])])
    found = batch(manifest, "boxes", "mask", *([dp.Mask("crowd_mask"), dp.Boxes("crowd_boxes")] if crowded else []))
    assert [len(boxes) for boxes in found["boxes"]] == [2, 0, 0]
    assert found["box_labels"][0].tolist() == [1, 0]
    assert (np.asarray(found["mask"][0]) == first * 2 + second).all()  # 1 more than the number of the class
    assert not found["mask"][1:].any()
    assert ("crowd_mask" in manifest.table.column_names) == crowded
    if crowded:
        assert (np.asarray(found["crowd_mask"][0]) == block(0, 0, 128, 5)).all()
        assert [len(boxes) for boxes in found["crowd_boxes"]] == [1, 0, 0]


@pytest.mark.parametrize("crowded", [False, True])
def test_what_is_elsewhere_is_said(tmp_path: Path, crowded: bool) -> None:
    """Crowds, run lengths and further captions are counted, and the column that has them is named; plain ones are not."""
    plain = [thing(segmentation=[[8, 16, 28, 16, 28, 46]])]
    more = [thing(segmentation=runs(block(0, 0, 9, 9), "plain"), iscrowd=crowd) for crowd in (0, 1)]
    texts = [{"id": 5 + number, "image_id": 10, "caption": f"text {number}"} for number in range(3)]
    source = cleaned(tmp_path, [*plain, *((*more, *texts, thing(image=99)) if crowded else ())]).source
    said = [remark.split(";")[0] for remark in scan_of(source.records()).remarks]
    expected = [
        "1 annotation left out, of images that are not listed",
        "1 region of crowds left out of boxes",
        "1 outline in run lengths left out of polygons",
        "2 further captions of images in the column captions",
    ]
    assert said == (expected if crowded else [])


def test_a_mask_of_some_objects_is_told_from_none(tmp_path: Path) -> None:
    """Where an image has objects without run lengths only, its mask is null; where it has no objects, it is 0 all over."""
    manifest = cleaned(tmp_path, [thing(segmentation=runs(block(0, 0, 9, 9), "plain")), thing(image=11)])
    masks = manifest.table["mask"].to_pylist()
    assert masks[1] is None
    assert json.loads(masks[2]) == [{"size": [96, 128], "counts": [96 * 128]}]


@pytest.mark.parametrize("visible", list(itertools.product((0, 1, 2), repeat=3)))
def test_key_points(tmp_path: Path, visible: tuple[int, ...]) -> None:
    """Key points keep number and order, those that are not labelled are NaN, and each says its visibility and its box."""
    flat = [number for place, seen in enumerate(visible) for number in ((10 + place, 20 + place, seen) if seen else (0, 0, 0))]
    manifest = cleaned(tmp_path, [thing(), thing(keypoints=flat), thing(image=12, keypoints=[1, 2, 2] * 3)])
    found = batch(manifest, "boxes", dp.Points("points", labels=("point_visibility", "point_objects")))
    expected = [[10 + place, 20 + place] if seen else [np.nan] * 2 for place, seen in enumerate(visible)]
    np.testing.assert_array_equal(np.asarray(found["points"][0]), np.array(expected, np.float32))
    assert found["point_visibility"][0].tolist() == list(visible)
    assert found["point_objects"][0].tolist() == [1] * 3
    assert [len(points) for points in found["points"]] == [3, 0, 3]


@pytest.mark.parametrize("boxed", [False, True])
def test_outlines(tmp_path: Path, boxed: bool) -> None:
    """An object of several outlines has one box, which is the one around them where the file says none."""
    outlines = [[8, 16, 28, 16, 28, 30], [10, 30, 20, 30, 20, 46]]
    known = thing(segmentation=outlines)
    manifest = cleaned(tmp_path, [thing(), known if boxed else {name: known[name] for name in known if name != "bbox"}])
    found = batch(manifest, "boxes", "polygons")
    assert found["boxes"][0].tolist() == [[8, 16, 28, 46]] * 2
    assert [corners.flatten().tolist() for corners in found["polygons"][0]] == outlines
    assert found["polygon_objects"][0].tolist() == [1, 1]


@pytest.mark.parametrize("kinds", [("captions",), ("person_keypoints",), ("instances", "captions", "person_keypoints")])
def test_files_of_one_split(tmp_path: Path, kinds: tuple[str, ...]) -> None:
    """The files of instances, key points and captions of a split are taken together, objects by their ids."""
    point = thing(keypoints=[5, 6, 2])
    texts = [{"id": 1, "image_id": image, "caption": f"text {image}"} for image in (10, 11, 12)]
    content = {"instances": [thing()], "captions": texts, "person_keypoints": [point]}
    for folder in ("annotations", "val2017"):
        (tmp_path / folder).mkdir()
    for number, data in enumerate(DATA):
        (tmp_path / "val2017" / f"{number}.png").write_bytes(data)
    for kind in kinds:
        known = {"images": IMAGES, "annotations": content[kind]} | ({} if kind == "captions" else {"categories": CATEGORIES})
        (tmp_path / "annotations" / f"{kind}_val2017.json").write_text(json.dumps(known))
    manifest = clean(tmp_path, Pipeline(), engine=FakeEngine())
    assert manifest.table["split"].to_pylist() == ["val"] * 3
    if "captions" in kinds:
        assert batch(manifest, "caption")["caption"] == ["text 10", "text 11", "text 12"]
    if "person_keypoints" in kinds:
        found = batch(manifest, "boxes", "points")
        assert found["boxes"][0].tolist() == [[8, 16, 28, 46]]
        assert found["points"][0].tolist() == [[5, 6]]


OUTLINES = [{"bbox": [1, 2]}, {"segmentation": [[1, 2, 3]]}, {"segmentation": {"size": [1, 1]}}, {"bbox": 3}]
WRONG = [{**wrong, "iscrowd": crowd} for wrong in OUTLINES for crowd in (0, 1)]


@pytest.mark.parametrize("wrong", [*WRONG, {"keypoints": [1, 2]}, {"keypoints": 3}, {"bbox": ["a", 1, 2, 3]}])
def test_another_form_is_refused(tmp_path: Path, wrong: dict[str, Any]) -> None:
    """Annotations that are not of COCO's form are refused with the name of the file."""
    with pytest.raises(dp.SourceError, match=r"all.json is not of COCO's form"):
        cleaned(tmp_path, [{**thing(), **wrong}])


def test_no_annotations(tmp_path: Path) -> None:
    """A file that lists images only is a source of them, without targets."""
    table = cleaned(tmp_path, []).table
    assert len(table) == 3 and not {"boxes", "mask", "points"} & set(table.column_names)


BOXES = [[[1, 2, 30, 40], [5, 6, 7.5, 8]], [], [[0, 0, 128, 96]]]
KINDS = [[1, 0], [], [0]]
PLACES = [[[left, top, left + width, top + height] for left, top, width, height in boxes] for boxes in BOXES]


def objects(form: str, name: str, kinds: list[list[Any]]) -> list[Any]:
    """A column of objects: a list of structures, or a structure of lists, for each image."""
    if form == "lists":
        return [{"id": list(range(len(k))), "bbox": boxes, name: k} for boxes, k in zip(BOXES, kinds, strict=True)]
    return [
        [{"id": place, "bbox": box, name: kind} for place, (box, kind) in enumerate(zip(boxes, k, strict=True))]
        for boxes, k in zip(BOXES, kinds, strict=True)
    ]


def check_objects(source: Any, classes: tuple[str, ...], kinds: list[list[int]]) -> Manifest:
    """Checks that boxes and their classes arrive in a batch, and that the column they come from is in the manifest."""
    manifest = clean(source, Pipeline(), engine=FakeEngine())
    found = batch(manifest, "boxes")
    assert [boxes.tolist() for boxes in found["boxes"]] == PLACES
    assert manifest.vocabulary("box_labels") == classes
    assert [labels.tolist() for labels in found["box_labels"]] == kinds
    assert "objects" in manifest.table.column_names
    return manifest


@pytest.mark.parametrize("form", ["lists", "structures"])
@pytest.mark.parametrize("name", ["category", "categories", "label", "category_id"])
@pytest.mark.parametrize("words", [False, True])
def test_objects_in_metadata(tmp_path: Path, form: str, name: str, words: bool) -> None:
    """Objects in a folder's metadata are boxes, of left, top, width, height, with their classes; that is said."""
    column = objects(form, name, [[("pear", "fig")[kind] for kind in row] for row in KINDS] if words else KINDS)
    lines = [json.dumps({"file_name": f"{number}.png", "objects": row}) for number, row in enumerate(column)]
    for number, data in enumerate(DATA):
        (tmp_path / f"{number}.png").write_bytes(data)
    (tmp_path / "metadata.jsonl").write_text("\n".join(lines))
    expected = [[0, 1], [], [1]] if words else KINDS
    manifest = check_objects(tmp_path, ("fig", "pear") if words else ("0", "1"), expected)
    remarks = scan_of(manifest.source.records()).remarks if manifest.source else ()
    assert any("boxes are those of column 'objects', taken for left, top, width, height" in remark for remark in remarks)


@pytest.mark.parametrize("form", ["lists", "structures"])
@pytest.mark.parametrize("saved", [False, True])
@pytest.mark.filterwarnings("ignore")  # of the library
def test_objects_in_a_data_set(tmp_path: Path, form: str, saved: bool) -> None:
    """Objects in a data set have the names of their classes, in its order."""
    datasets = pytest.importorskip("datasets")
    inner = {"id": datasets.Value("int64"), "bbox": datasets.Sequence(datasets.Value("float32"), length=4)}
    inner["category"] = datasets.ClassLabel(names=["pear", "fig", "never"])
    kind = [inner] if form == "structures" else {key: datasets.Sequence(value) for key, value in inner.items()}
    features = datasets.Features({"image": datasets.Image(), "objects": kind})
    columns = {"image": [{"bytes": data, "path": None} for data in DATA], "objects": objects(form, "category", KINDS)}
    given = datasets.Dataset.from_dict(columns, features=features)
    if saved:
        given.save_to_disk(tmp_path / "saved")
        given = datasets.load_from_disk(tmp_path / "saved")
    manifest = check_objects(given, ("pear", "fig", "never"), KINDS)
    manifest.write(tmp_path / "manifest.parquet")
    again = Manifest.read(tmp_path / "manifest.parquet", given)
    assert again.source.read(manifest.table["uri"][0].as_py()) == DATA[0]


@pytest.mark.parametrize("odd", [{"bbox": [1, 2, 3], "category": 1}, {"bbox": None, "category": 1}, None])
def test_odd_objects(odd: Any) -> None:
    """A row whose objects are not of the form has no boxes, which is counted; one without objects was not looked at."""
    rows = [[{"bbox": [1, 2, 3, 4], "category": 1}], [odd], None]
    source = open_source(pa.table({"image": DATA, "objects": rows}))
    assert source.records()["boxes"].to_pylist() == [[[1, 2, 4, 6]], None, None]
    assert any("boxes of 1 row left out" in remark for remark in scan_of(source.records()).remarks)


def test_boxes_that_are_there_stay() -> None:
    """A table with a column of boxes keeps them, whatever its objects say."""
    table = pa.table({"image": DATA[:1], "boxes": [[[1, 2, 3, 4]]], "objects": [[{"bbox": [5, 5, 5, 5]}]]})
    assert open_source(table).records()["boxes"].to_pylist() == [[[1, 2, 3, 4]]]
