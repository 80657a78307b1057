"""`include` and `exclude`: in whatever form images are given, the same globs mean the same ones, and what is left out is said."""

import json
import os
import zipfile
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataprep.cleaning.clean import clean
from dataprep.errors import SourceError
from dataprep.manifest import Manifest
from dataprep.sources import Folder, open_source, parts_of, scan_of
from dataprep.testing import FakeEngine, encoded, photo

NAMES = ("cat/1.png", "cat/2.jpg", "cat/deep/3.jpg", "dog/1.jpg", "dog/a b.jpg", "x.png")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of six images."""
    root = tmp_path_factory.mktemp("selected") / "tree"
    for number, name in enumerate(NAMES):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(encoded(photo(number, 40, 40), "PNG" if name.endswith("png") else "JPEG"))
    return root


def paths(tree: Path) -> list[str]:
    """The paths of the images."""
    return [str(tree / name) for name in NAMES]


def as_list_file(tree: Path) -> str:
    """A file with a path a line."""
    file = tree.parent / "list.txt"
    file.write_text("\n".join(paths(tree)))
    return str(file)


def as_csv(tree: Path) -> str:
    """A table of paths, beside the images."""
    file = tree / "table.csv"
    file.write_text("path,label\n" + "".join(f'"{path}",a\n' for path in NAMES))
    return str(file)


def as_bytes(tree: Path) -> str:
    """A table of the files themselves."""
    file = tree.parent / "bytes.parquet"
    pq.write_table(pa.table({"image": [(tree / name).read_bytes() for name in NAMES], "file_name": list(NAMES)}), file)
    return str(file)


def as_zip(tree: Path) -> str:
    """An archive."""
    file = tree.parent / "images.zip"
    with zipfile.ZipFile(file, "w") as archive:
        for name in NAMES:
            archive.write(tree / name, name)
    return str(file)


def as_coco(tree: Path) -> str:
    """Annotations, in which there is a box on every image."""
    file = tree / "_annotations.coco.json"
    images = [{"id": number, "file_name": name, "width": 40, "height": 40} for number, name in enumerate(NAMES)]
    boxes = [{"id": number, "image_id": number, "category_id": 1, "bbox": [1, 1, 9, 9]} for number in range(len(NAMES))]
    categories = [{"id": 1, "name": "thing"}]
    file.write_text(json.dumps({"images": images, "annotations": boxes, "categories": categories}))
    return str(file)


FORMS: dict[str, Callable[[Path], Any]] = {
    "folder": str,
    "list": paths,
    "glob": lambda tree: f"{tree}/**/*.[jp][pn]g",
    "file of a list": as_list_file,
    "table": as_csv,
    "paths in a frame": lambda tree: open_source(pa.table({"path": paths(tree)}), root=str(tree)),
    "archive": as_zip,
    "annotations": as_coco,
    "source": lambda tree: open_source(paths(tree)),
}


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.sampled_from(["*.jpg", "*.png", "cat", "dog/*", "cat/deep/", "1.*", "a b.jpg"]), max_size=2),
    st.lists(st.sampled_from(["*.png", "deep", "cat/*", "/dog", "1.*"]), max_size=2),
)
def test_every_form(tree: Path, form: str, include: list[str], exclude: list[str]) -> None:
    """Of every form those images are listed that a folder would list, and they can be read."""
    expected = meant(include, exclude)
    given = FORMS[form](tree)
    if not expected:
        with pytest.raises(SourceError, match="--include and --exclude leave out all"):
            open_source(given, include=include, exclude=exclude).records()
        return
    source = open_source(given, include=include, exclude=exclude)
    records = source.records()
    assert [uri.replace("%20", " ") for uri in records["uri"].to_pylist()] == expected
    uri = records["uri"][0].as_py()
    assert source.read(uri) == (tree / expected[0]).read_bytes()
    if len(expected) < len(NAMES):
        assert any("--include and --exclude left out" in remark for remark in scan_of(records).remarks)


def meant(include: list[str], exclude: list[str]) -> list[str]:
    """Returns the names that globs mean, by the rule written out: names on any level, paths from the root."""

    def is_one(name: str, globs: list[str]) -> bool:
        steps = name.split("/")
        above = ["/".join(steps[: end + 1]) for end in range(len(steps))]
        return any(fnmatchcase(part, glob.strip("/")) for glob in globs for part in (above if "/" in glob.rstrip("/") else steps))

    return [name for name in sorted(NAMES) if not is_one(name, exclude) and (not include or is_one(name, include))]


def test_bytes_of_a_table(tree: Path) -> None:
    """Images that a table holds as bytes are called by their rows, and what a glob leaves out of them is said."""
    records = open_source(as_bytes(tree), exclude="*.png").records()
    assert len(records) == len(NAMES)
    assert "--include and --exclude left out 0 images" in scan_of(records).remarks


def test_annotations_of_a_folder_stay(tree: Path) -> None:
    """A folder of annotations is one with globs, too: boxes are not lost for leaving images out."""
    file = as_coco(tree)
    with_globs, without = (open_source(tree, exclude=exclude).records() for exclude in ("*.png", ()))
    assert set(with_globs.column_names) == set(without.column_names) > {"boxes"}
    os.unlink(file)


def test_manifest(tree: Path, tmp_path: Path) -> None:
    """A manifest says what was left out, and reads its images again, whose files are those of the inner source."""
    source = open_source(paths(tree), exclude="dog")
    clean(source, engine=FakeEngine(), progress=False).write(tmp_path / "manifest.parquet")
    read = Manifest.read(tmp_path / "manifest.parquet")
    assert read.source.exclude == ("dog",)
    assert read.source.read("cat/1.png") == (tree / "cat" / "1.png").read_bytes()
    assert parts_of(read.source)[""].path("cat/1.png") == str(tree / "cat" / "1.png")
    assert isinstance(parts_of(open_source(tree, exclude="dog"))[""], Folder)
