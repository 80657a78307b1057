"""Cleaning by bare Python: the same manifest as by `measure_batch`, to the last bit, whatever the files are."""

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

import PIL.Image
import pyarrow as pa
import pytest
from PIL import ImageCms

import dataprep as dp
from dataprep.cleaning.bare import measure as bare
from dataprep.cleaning.lean import lean_measuring
from dataprep.images import native
from dataprep.sources.files import Files
from dataprep.testing import encoded, photo, write_images

Function = Callable[[pa.RecordBatch], pa.RecordBatch]
MEASURES = dp.Pipeline(*dp.standard_rules()).measures
LIMIT = 10_000_000

pytestmark = pytest.mark.skipif(native.module("measure") is None, reason="the measures are not compiled here")


class Whole:
    """An engine that hides the lean form of a function from the processes that run it."""

    def map(
        self, function: Function, batches: Iterable[pa.RecordBatch], lost: Callable[[pa.RecordBatch, str], pa.RecordBatch]
    ) -> Iterator[pa.RecordBatch]:
        yield from dp.Local(1).map(partial(call, function), batches, lost)


def call(function: Function, records: pa.RecordBatch) -> pa.RecordBatch:
    """Calls a function that says nothing of itself."""
    return function(records)


def assert_same(source: object, pipeline: dp.Pipeline | None = None) -> pa.Table:
    """Cleans in both ways, and returns the table that both make."""
    lean, whole = (dp.clean(source, pipeline, engine=engine, progress=False).table for engine in (dp.Local(1), Whole()))
    for name in whole.column_names:
        assert lean[name].equals(whole[name]), name
    assert lean.equals(whole)
    return lean


def left_of(source: dp.Source) -> set[str]:
    """The images of a source that bare Python leaves to the function."""
    lean = lean_measuring(source, MEASURES, LIMIT)
    assert lean is not None
    run = bare.prepare(*lean.arguments)
    records = source.records()
    question = records["uri"].to_pylist(), records["bytes"].to_pylist()
    run.expect(question)
    return {question[0][number] for number in run(question)[1]}


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """A folder of JPEG photos of many kinds, of other formats, of damage, and of what is no plain file."""
    folder = tmp_path / "odd"
    write_images(folder, 3)
    image = PIL.Image.fromarray(photo(5, 90, 140))
    exif = PIL.Image.Exif()
    for orientation in (1, 3, 6):
        exif[0x0112], exif[0x0132] = orientation, f"200{orientation}:02:03 04:05:06"
        image.save(folder / f"turned {orientation}.jpg", exif=exif)
    for subsampling in (0, 1, 2):
        image.save(folder / f"subsampling {subsampling}.JPG", subsampling=subsampling)
    image.save(folder / "progressive.jpg", progressive=True)
    image.convert("L").save(folder / "gray.jpeg")
    image.convert("CMYK").save(folder / "cmyk.jpg")
    image.save(folder / "picture.png")
    image.save(folder / "a png by content.jpg", "PNG")
    image.resize((4000, 3000)).save(folder / "too large.jpg", quality=1)
    image.resize((1, 1)).save(folder / "one pixel.jpg")
    data = encoded(photo(5, 90, 140), "JPEG")
    for name, content in {
        "cut.jpg": data[:-300],
        "no end.jpg": data[:-2],
        "stray.jpg": data[:-2] + b"stray" + data[-2:],
        "behind.jpg": data + b"behind the end",
        "empty.jpg": b"",
        "pointer.jpg": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
        "text.jpg": b"no image at all",
        "start.jpg": data[:3],
        "100%.jpg": data,
        "a..b.jpg": data,
        "ü 猫.jpg": data,
    }.items():
        (folder / name).write_bytes(content)
    with open(os.fsencode(folder) + b"/\xff\xfe.jpg", "wb") as file:
        file.write(data)
    (folder / "link.jpg").symlink_to("cut.jpg")
    (folder / "nowhere.jpg").symlink_to("nothing")
    os.mkfifo(folder / "pipe.jpg")
    with open(folder / "huge.jpg", "wb") as file:
        file.write(data)
        file.truncate(1 << 40)
    return folder


def test_odd_files(odd: Path) -> None:
    """Files of all kinds have the same rows, with the same errors and remarks, as a folder, a list and parts of several."""
    table = assert_same(odd)
    assert 9 <= table["error"].null_count < len(table)
    assert_same([str(path) for path in sorted(odd.rglob("*.jpg")) if path.is_file()])
    write_images(odd.parent / "more", 2)
    assert_same({"a": str(odd), "b": str(odd.parent / "more")})


def test_what_changes_after_the_scan(odd: Path) -> None:
    """A file that is gone, another one, a pipe or a folder when it is read has the same row, with the same error."""

    class Changing(Whole):
        def __init__(self, inner: dp.Engine) -> None:
            self.inner = inner

        def map(self, function, batches, lost):
            (folder / "gone.jpg").unlink()
            (folder / "grown.jpg").write_bytes((folder / "kept.jpg").read_bytes() + b"more")
            (folder / "folder.jpg").unlink()
            (folder / "folder.jpg").mkdir()
            yield from self.inner.map(function, batches, lost)

    tables = []
    for engine in (dp.Local(1), Whole()):
        folder = odd.parent / "changing"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for number, name in enumerate(("gone.jpg", "grown.jpg", "folder.jpg", "kept.jpg")):
            (folder / name).write_bytes(encoded(photo(number), "JPEG"))
            os.utime(folder / name, (1, 1))
        tables.append(dp.clean(folder, engine=Changing(engine), progress=False).table)
    assert tables[0].equals(tables[1])
    assert tables[0]["error"].null_count == 2


def test_unreadable(odd: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be read says why, in the same words."""
    monkeypatch.setattr(Files, "records", lambda source: listing)
    uris = ["../odd/gray.jpeg", "missing.jpg", "gray.jpeg"]
    columns = {"uri": uris, "label": [None] * 3, "split": [None] * 3, "bytes": [1] * 3, "modified": [1] * 3, "error": [None] * 3}
    listing = pa.table(columns, dp.Folder(str(odd)).records().schema.remove_metadata())
    errors = assert_same(Files(str(odd)))["error"].to_pylist()
    assert [error and error.partition(":")[0] for error in errors] == ["cannot be read", "cannot be read", None]


def profiles() -> dict[str, bytes]:
    """Colour profiles: sRGB, another one, one that says gray, one that says CMYK, and none that makes sense."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    at = srgb.index(b"rXYZ") + 4
    place = int.from_bytes(srgb[at : at + 4], "big") + 8
    wide = srgb[:place] + (38000).to_bytes(4, "big") + srgb[place + 4 :]
    others = {name: srgb.replace(b"RGB ", mark, 1) for name, mark in (("gray", b"GRAY"), ("cmyk", b"CMYK"))}
    return {"srgb": srgb, "wide": wide, "x": b"x" * 200, **others}


@pytest.mark.parametrize("pipeline", [None, dp.Pipeline(dp.ChannelSums(), dp.LaplacianVariance())])
def test_colour_profiles(tmp_path: Path, pipeline: dp.Pipeline | None) -> None:
    """Whatever profile a photo has, its pixels are converted, or not, and its remark says so, in the same way."""
    for name, profile in profiles().items():
        for mode in ("RGB", "L"):
            image = PIL.Image.fromarray(photo(len(name), 300, 280)).convert(mode)
            image.save(tmp_path / f"{name} {mode}.jpg", icc_profile=profile)
    table = assert_same(tmp_path, pipeline)
    remarks = dict(zip(table["uri"].to_pylist(), table["remark"].to_pylist(), strict=True))
    assert remarks["srgb RGB.jpg"] is None
    assert "converted to sRGB" in str(remarks["wide RGB.jpg"])
    assert "makes no sense" in str(remarks["x RGB.jpg"])


def test_what_bare_python_does(tmp_path: Path) -> None:
    """Common photos are left to nobody, also those with a colour profile."""
    write_images(tmp_path, 3)
    for name in ("srgb", "wide"):
        PIL.Image.fromarray(photo(1, 200, 300)).save(tmp_path / f"{name}.jpg", icc_profile=profiles()[name])
    PIL.Image.fromarray(photo(2)).save(tmp_path / "other.png")
    assert left_of(dp.Folder(str(tmp_path))) == {"other.png"}


def test_photos_and_hostile_files(real_photos: list[Path], hostile_files: list[Path]) -> None:
    """Real photos have the same rows, and hardly any is left; so have malformed files."""
    assert_same([str(path) for path in real_photos[::9]], dp.Pipeline(*dp.standard_rules(), dp.ChannelSums()))
    root = Path(os.path.commonpath(real_photos))
    assert len(left_of(dp.Folder(str(root)))) <= len(real_photos) // 20
    assert_same([str(path) for path in hostile_files[::9] if path.suffix.lower() in (".jpg", ".jpeg")])
