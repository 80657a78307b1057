"""The forms of data sets: archives, WebDataset, tables in folders, COCO, Pascal VOC, Hugging Face; each is built as it is met."""

import io
import json
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dataprep.cleaning.clean import clean
from dataprep.errors import SourceError
from dataprep.manifest import Manifest
from dataprep.pipeline import Pipeline
from dataprep.sources import Archive, Shards, open_source, scan_of
from dataprep.testing import FakeEngine, check_source, encoded, photo

DATA = [encoded(photo(number)) for number in range(4)]
TREE = {"cat/0.jpg": DATA[0], "dog/1.jpg": DATA[1], "cat/2.jpg": DATA[2], "dog/3.jpg": DATA[3]}


def put(root: Path, files: dict[str, bytes | str]) -> Path:
    """Writes files below a folder."""
    for path, data in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data.encode() if isinstance(data, str) else data)
    return root


def as_zip(path: Path, files: dict[str, bytes | str], kind: int = zipfile.ZIP_DEFLATED) -> Path:
    """Writes a zip."""
    with zipfile.ZipFile(path, "w", kind) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def as_tar(path: Path, files: dict[str, bytes | str], mode: str = "w") -> Path:
    """Writes a tar."""
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]  # the mode is any
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            content = data.encode() if isinstance(data, str) else data
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def rows(source: Any) -> dict[bytes, dict[str, Any]]:
    """What a source that keeps its contract says of each image."""
    check_source(source)
    return {source.read(row["uri"]): row for row in source.records().to_pylist()}


def labels(source: Any) -> list[str | None]:
    """The label of each of the four images."""
    found = rows(source)
    return [found[data]["label"] for data in DATA]


WRITERS: dict[str, Callable[[Path, dict[str, bytes | str]], Path]] = {
    "deflated.zip": as_zip,
    "stored.zip": lambda path, files: as_zip(path, files, zipfile.ZIP_STORED),
    "plain.tar": as_tar,
}


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("top", ["", "photos/", "./", "images/"])
def test_archives(tmp_path: Path, name: str, top: str) -> None:
    """Images in an archive are read in place, from any offset, with the labels of its folders; a folder around all names none."""
    others = {f"{top}notes.txt": "no image", f"{top}__MACOSX/cat/._0.jpg": b"x", f"{top}.hidden/9.jpg": DATA[0]}
    path = WRITERS[name](tmp_path / name, {**{top + uri: data for uri, data in TREE.items()}, **others})
    source = open_source(path)
    assert labels(source) == ["cat", "dog", "cat", "dog"]
    assert scan_of(source.records()).ignored == {".txt": 1}
    manifest = clean(path, Pipeline(), engine=FakeEngine())
    manifest.write(tmp_path / "manifest.parquet")
    assert Manifest.read(tmp_path / "manifest.parquet").source == source


def test_archives_by_globs(tmp_path: Path) -> None:
    """Globs mean members of an archive as they mean files, and so do labels and splits of folders."""
    path = as_zip(tmp_path / "a.zip", {**{f"train/{uri}": data for uri, data in TREE.items()}, "val/cat/x": DATA[0] + b" "})
    table = open_source(path, exclude="dog").records()
    assert table.select(["uri", "label", "split"]).to_pylist() == [
        {"uri": "train/cat/0.jpg", "label": "cat", "split": "train"},
        {"uri": "train/cat/2.jpg", "label": "cat", "split": "train"},
        {"uri": "val/cat/x", "label": "cat", "split": "val"},
    ]


def test_damaged_archives(tmp_path: Path) -> None:
    """An archive that is none is refused; one that is cut off lists what is there, and a member that is broken says so."""
    (tmp_path / "no.zip").write_bytes(b"nothing")
    (tmp_path / "no.tar").write_bytes(b"nothing" * 200)
    for name in ("no.zip", "no.tar"):
        with pytest.raises(SourceError, match=r"cannot be read as a (zip|tar) archive"):
            open_source(tmp_path / name).records()
    tar = as_tar(tmp_path / "cut.tar", dict(TREE))
    tar.write_bytes(tar.read_bytes()[: 512 * 3 + len(DATA[0])])
    source = Archive(tar)
    assert source.read("cat/0.jpg") == DATA[0]
    with pytest.raises(SourceError, match=r"cannot be read: the archive ends in the middle of 'dog/1.jpg'"):
        source.read("dog/1.jpg")
    packed = as_zip(tmp_path / "broken.zip", dict(TREE), zipfile.ZIP_STORED)
    packed.write_bytes(packed.read_bytes().replace(DATA[0], bytes(len(DATA[0]))))
    with pytest.raises(SourceError, match=r"cannot be read: Bad CRC"):
        Archive(packed).read("cat/0.jpg")
    with pytest.raises(SourceError, match=r"cannot be read: .*broken.zip has no member 'cat/9.jpg'"):
        Archive(packed).read("cat/9.jpg")


@pytest.mark.parametrize(
    ("name", "mode"), [("a.tar.gz", "w:gz"), ("a.tgz", "w:gz"), ("a.tar.xz", "w:xz"), ("a.tar.bz2", "w:bz2")]
)
def test_compressed_tars(tmp_path: Path, name: str, mode: str) -> None:
    """A tar that is compressed as a whole is refused with the command that unpacks it."""
    path = as_tar(tmp_path / name, dict(TREE), mode)
    with pytest.raises(SourceError, match=r"is compressed as a whole.*unpack it once, by `\w+ -k .*`, and give the .tar"):
        open_source(path)


def test_webdataset(tmp_path: Path) -> None:
    """Shards as the webdataset library writes them have the classes, captions and facts that lie beside each image."""
    webdataset = pytest.importorskip("webdataset")
    for shard in range(2):
        with webdataset.TarWriter(str(tmp_path / f"shard-{shard}.tar")) as writer:
            for place in range(2):
                number = 2 * shard + place
                facts = {"camera": f"c{number}"}
                sample = {
                    "__key__": f"{number:04d}",
                    "jpg": DATA[number],
                    "cls": 10 - number,
                    "json": facts,
                    "txt": f"photo {number}",
                }
                writer.write(sample)
    tars = [tmp_path / f"shard-{shard}.tar" for shard in range(2)]
    one = Shards(tmp_path).records()
    for given in (f"{tmp_path}/shard-*.tar", f"{tmp_path}/shard-{{0..1}}.tar", tars, [*tars, tars[0]], tmp_path, Shards(tars)):
        source = open_source(given)
        assert isinstance(source, Shards) and source.records().equals(one)
    found = rows(source)
    assert [found[data]["label"] for data in DATA] == ["10", "9", "8", "7"]
    assert [found[data]["caption"] for data in DATA] == [f"photo {number}" for number in range(4)]
    assert [found[data]["camera"] for data in DATA] == ["c0", "c1", "c2", "c3"]
    assert source.records()["split"].null_count == 4
    manifest = clean(source, Pipeline(), engine=FakeEngine())
    assert manifest.classes == ("7", "8", "9", "10")
    assert any("taken as WebDataset, 2 tars" in remark for remark in manifest.remarks)
    assert len(Shards(tars[1:]).records()) == 2


def test_tars_that_are_no_webdataset(tmp_path: Path) -> None:
    """Tars of folders stay archives when several are given, and tars of several folders stay apart."""
    plain = [as_tar(tmp_path / f"{name}.tar", dict(TREE)) for name in ("train", "test")]
    assert {uri.split("/")[0] for uri in open_source(plain).records()["uri"].to_pylist()} == {"train.tar", "test.tar"}
    shards = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        shards.append(as_tar(tmp_path / name / "a.tar", {"1.jpg": DATA[0], "1.cls": "3"}))
    places = [f"{name}/a.tar#000000000512+{len(DATA[0])}" for name in ("one", "two")]
    assert open_source(shards).records()["uri"].to_pylist() == places
    for wrong, words in ((shards, "are not tars of one folder"), ([], "an empty list is not tars"), ([tmp_path], "are not tars")):
        with pytest.raises(SourceError, match=words):
            Shards(wrong)
    with pytest.raises(SourceError, match=r"1 of the tars of .* are not in .*, such as 'b.tar'"):
        Shards([shards[0], tmp_path / "one" / "b.tar"]).records()


@pytest.mark.parametrize("name", ["metadata.csv", "metadata.jsonl"])
def test_imagefolder(tmp_path: Path, name: str) -> None:
    """Metadata in a folder, or in that of each split, is about the images beside it, and all its columns are carried along."""
    for split, numbers in (("train", (0, 1, 2)), ("test", (3,))):
        table = [{"file_name": f"{number}.jpg", "label": f"l{number % 2}", "age": number} for number in numbers]
        lines = [json.dumps(row) for row in table] if name.endswith("jsonl") else ["file_name,label,age"]
        lines += [] if name.endswith("jsonl") else [",".join(map(str, row.values())) for row in table]
        put(tmp_path / "a" / split, {f"{number}.jpg": DATA[number] for number in numbers} | {name: "\n".join(lines) + "\n"})
    found = rows(open_source(tmp_path / "a"))
    assert [(found[data]["label"], found[data]["split"], found[data]["age"]) for data in DATA] == [
        ("l0", "train", 0),
        ("l1", "train", 1),
        ("l0", "train", 2),
        ("l1", "test", 3),
    ]
    put(tmp_path / "b", {"0.jpg": DATA[0], "sub/1.jpg": DATA[1], "metadata.csv": "file_name,text\n0.jpg,a\nsub/1.jpg,b\n"})
    assert open_source(tmp_path / "b").records()["text"].to_pylist() == ["a", "b"]


@pytest.mark.parametrize("where", ["", "train/", "train_images/", "images/"])
@pytest.mark.parametrize("ids", ["{}.jpg", "{}"])
def test_a_table_in_a_folder(tmp_path: Path, where: str, ids: str) -> None:
    """The one table that is about the images of a folder names their labels, as of a competition, and that is said."""
    put(tmp_path, {f"{where}{number}.jpg": data for number, data in enumerate(DATA)})
    lines = [f"{ids.format(number)},{'cat' if number % 2 else 'dog'}" for number in range(4)]
    put(tmp_path, {"train.csv": "id,breed\n" + "\n".join(lines), "sample_submission.csv": "id,breed\n0,x\n1,x\n2,x\n3,x\n"})
    source = open_source(tmp_path)
    assert labels(source) == ["dog", "cat", "dog", "cat"]
    assert scan_of(source.records()).ignored == {".csv": 1}  # the sample
    assert any(
        "labels are those of train.csv, which lies in the folder" in remark for remark in scan_of(source.records()).remarks
    )


def test_a_table_that_is_not_certain(tmp_path: Path) -> None:
    """Where folders name labels, or tables compete, none is taken, and that is said with the flag that takes it."""
    put(tmp_path, {**TREE, "train.csv": "id,breed\n0,a\n1,b\n2,a\n3,b\n"})
    source = open_source(tmp_path)
    assert labels(source) == ["cat", "dog", "cat", "dog"]
    assert "train.csv in the folder not used; --labels FILE takes labels from it" in scan_of(source.records()).remarks
    assert labels(open_source(tmp_path, labels=tmp_path / "train.csv")) == ["a", "b", "a", "b"]
    put(tmp_path / "flat", {f"{number}.jpg": data for number, data in enumerate(DATA)})
    put(tmp_path / "flat", dict.fromkeys(("a.csv", "b.csv"), "id,breed\n0,a\n1,b\n2,a\n3,b\n"))
    source = open_source(tmp_path / "flat")
    assert labels(source) == [None] * 4
    assert any("a.csv, b.csv in the folder not used" in remark for remark in scan_of(source.records()).remarks)


def coco(numbers: tuple[int, ...]) -> dict[str, Any]:
    """Annotations of some images: one box each, the second with an outline as well, and a crowd, which is no object."""
    images = [{"id": 10 + number, "file_name": f"{number}.jpg", "height": 96, "width": 128} for number in numbers]
    known: list[dict[str, Any]] = [
        {"id": number, "image_id": 10 + number, "category_id": 7 - number % 2, "bbox": [number, 2, 10, 20], "iscrowd": 0}
        for number in numbers
    ]
    known[1]["segmentation"] = [[1, 2, 3, 2, 3, 4]]
    crowd = {"id": 99, "image_id": 10 + numbers[0], "category_id": 7, "bbox": [0, 0, 1, 1], "iscrowd": 1}
    categories = [{"id": 7, "name": "apple"}, {"id": 6, "name": "zebra"}, {"id": 9, "name": "never"}]
    return {"images": images, "annotations": [*known, crowd], "categories": categories}


def check_coco(source: Any, numbers: tuple[int, ...]) -> None:
    """Checks that the boxes of COCO are there, absolute and by name, classes in the order of their ids."""
    found = rows(source)
    for number in numbers:
        row = found[DATA[number]]
        assert row["boxes"] == [[number, 2, number + 10, 22]]
        assert row["box_labels"] == ["zebra" if number % 2 else "apple"]
    assert found[DATA[numbers[1]]]["polygons"] == [[[1, 2], [3, 2], [3, 4]]]
    assert found[DATA[numbers[1]]]["polygon_objects"] == [0]
    scan = scan_of(source.records())
    assert scan.classes == ("zebra", "apple", "never")
    assert "1 region of crowds left out of boxes; columns crowd_boxes and crowd_mask have them" in scan.remarks


def test_coco(tmp_path: Path) -> None:
    """A file of COCO's annotations is a source, with its images beside it, where COCO has them, or below a root."""
    pictures = {f"{number}.jpg": data for number, data in enumerate(DATA)}
    put(tmp_path / "beside", {**pictures, "all.json": json.dumps(coco((0, 1, 2, 3)))})
    check_coco(open_source(tmp_path / "beside" / "all.json"), (0, 1, 2, 3))
    put(tmp_path / "elsewhere", {"all.json": json.dumps(coco((0, 1, 2, 3)))})
    check_coco(open_source(tmp_path / "elsewhere" / "all.json", root=tmp_path / "beside"), (0, 1, 2, 3))
    with pytest.raises(
        SourceError, match=r"the images of .*all.json, such as '0.jpg', are not near it; say where they are by --root"
    ):
        open_source(tmp_path / "elsewhere" / "all.json")
    (tmp_path / "beside" / "x.json").write_text('{"images": 3}')
    with pytest.raises(SourceError, match=r"x.json is not of COCO's form: it has no lists of `images` and `annotations`"):
        open_source(tmp_path / "beside" / "x.json")


@pytest.mark.parametrize("form", ["COCO", "per split"])
def test_coco_folders(tmp_path: Path, form: str) -> None:
    """A folder of COCO's own form, or with annotations in the folder of each split, is read by split."""
    for split, numbers in (("train", (0, 1)), ("val", (2, 3))):
        annotations = f"annotations/instances_{split}2017.json" if form == "COCO" else f"{split}/_annotations.coco.json"
        folder = f"{split}2017" if form == "COCO" else split
        pictures = {f"{folder}/{number}.jpg": DATA[number] for number in numbers}
        put(tmp_path, {**pictures, annotations: json.dumps(coco(numbers))})
    source = open_source(tmp_path)
    found = rows(source)
    assert [found[data]["split"] for data in DATA] == ["train", "train", "val", "val"]
    assert [found[data]["box_labels"] for data in DATA] == [["apple"], ["zebra"], ["apple"], ["zebra"]]
    manifest = clean(source, Pipeline(), engine=FakeEngine())
    assert manifest.vocabulary("box_labels") == manifest.classes == ("zebra", "apple", "never")


VOC = """<annotation><object><name>{name}</name><difficult>1</difficult>
<bndbox><xmin>1</xmin><ymin>11</ymin><xmax>{x}</xmax><ymax>20</ymax></bndbox></object></annotation>"""


def test_voc(tmp_path: Path) -> None:
    """A folder of VOC's form has its boxes, from 0 and up to the far edge, its splits, and null where nobody annotated."""
    put(tmp_path, {f"JPEGImages/{number}.jpg": data for number, data in enumerate(DATA)})
    put(tmp_path, {f"Annotations/{number}.xml": VOC.format(name=f"n{number}", x=30 + number) for number in range(3)})
    put(
        tmp_path,
        {"ImageSets/Main/train.txt": "0\n1\n", "ImageSets/Main/val.txt": "2\n", "ImageSets/Main/trainval.txt": "0\n1\n2\n"},
    )
    source = open_source(tmp_path)
    found = rows(source)
    assert [found[data]["boxes"] for data in DATA] == [*([[0, 10, 30 + number, 20]] for number in range(3)), None]
    assert [found[data]["box_labels"] for data in DATA] == [["n0"], ["n1"], ["n2"], None]
    assert [found[data]["split"] for data in DATA] == ["train", "train", "val", None]
    assert [found[data]["label"] for data in DATA] == [None] * 4
    assert any("1 image without a file in Annotations that can be read" in remark for remark in scan_of(source.records()).remarks)


@pytest.mark.parametrize("form", ["in memory", "on the disk", "of a folder"])
@pytest.mark.filterwarnings("ignore")  # of the library
def test_hugging_face(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    """A data set of Hugging Face's has the names of its classes in its order, its columns, and a split for each part."""
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    names = datasets.ClassLabel(names=["zebra", "apple"])
    if form == "of a folder":
        put(tmp_path / "folder", {f"{'cat' if number % 2 else 'dog'}/{number}.jpg": data for number, data in enumerate(DATA)})
        given = datasets.load_dataset("imagefolder", data_dir=str(tmp_path / "folder"), cache_dir=str(tmp_path / "cache"))
        found = rows(open_source(given))
        assert [found[data]["label"] for data in DATA] == ["dog", "cat", "dog", "cat"]
        assert {row["split"] for row in found.values()} == {"train"}
        return
    features = datasets.Features({"picture": datasets.Image(), "label": names, "age": datasets.Value("int64")})
    columns = {"picture": [{"bytes": data, "path": None} for data in DATA], "label": [0, 1, 0, 1], "age": [1, 2, 3, 4]}
    given = datasets.Dataset.from_dict(columns, features=features)
    if form == "on the disk":
        given.save_to_disk(tmp_path / "saved")
        given = datasets.load_from_disk(tmp_path / "saved")
    source = open_source(given.select([3, 2, 1, 0]))
    assert labels(source) == ["zebra", "apple", "zebra", "apple"]
    assert source.records()["age"].to_pylist() == [4, 3, 2, 1]
    manifest = clean(source, Pipeline(), engine=FakeEngine())
    assert manifest.classes == ("zebra", "apple")
    manifest.write(tmp_path / "manifest.parquet")
    with pytest.raises(SourceError, match=r"give (it|them)"):
        Manifest.read(tmp_path / "manifest.parquet").source.read(manifest.table["uri"][0].as_py())
    again = Manifest.read(tmp_path / "manifest.parquet", given.select([3, 2, 1, 0]))
    assert again.source.read(manifest.table["uri"][0].as_py()) == DATA[3]
