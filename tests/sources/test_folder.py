"""Folders: every image file is a row, whatever its name and whatever is wrong with it."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataprep.errors import SourceError
from dataprep.images.formats import ENDINGS
from dataprep.sources import Folder, Scan, scan_of
from dataprep.sources.listing import SCHEMA
from dataprep.sources.names import is_image_data
from dataprep.testing import write_images

NAMES = st.binary(min_size=1, max_size=40).filter(lambda name: b"/" not in name and b"\0" not in name)


def touch(root: Path, *paths: str | bytes) -> None:
    """Makes files of 3 bytes below a folder."""
    for path in paths:
        whole = os.path.join(os.fsencode(root), os.fsencode(path))
        os.makedirs(os.path.dirname(whole), exist_ok=True)
        with open(whole, "wb") as file:
            file.write(b"abc")


def uris(root: Path, **options: bool) -> list[str]:
    """What a scan lists."""
    found: list[str] = Folder(str(root), **options).records()["uri"].to_pylist()
    return found


def test_sorted(tmp_path: Path) -> None:
    """Records are sorted by uri, across folders, so that a scan does not depend on the file system."""
    generator = np.random.default_rng(0)
    paths = [f"{'/'.join(generator.choice(['a', 'B', 'é', 'a b', '0'], 1 + place % 3))}/{place}.png" for place in range(60)]
    touch(tmp_path, *paths)
    assert uris(tmp_path) == sorted(paths)


def test_as_image_folder(tmp_path: Path) -> None:
    """Labels and their numbers are those of torchvision's ImageFolder: the first folder, however deep the file."""
    touch(tmp_path, "dog/1.jpg", "cat/2.jpg", "cat/deep/er/3.jpg", "train/4.jpg", "loose.jpg")
    table = Folder(str(tmp_path)).records()
    assert table["label"].to_pylist() == ["cat", "cat", "dog", None, "train"]
    assert table["split"].null_count == 5


def test_splits(tmp_path: Path) -> None:
    """With splits the first folder is the split and the second the label; without, a class may be called train."""
    touch(tmp_path, "train/cat/1.jpg", "train/2.jpg", "test/cat/deep/3.jpg", "4.jpg")
    table = Folder(str(tmp_path), splits=True).records()
    assert dict(
        zip(table["uri"].to_pylist(), zip(table["split"].to_pylist(), table["label"].to_pylist(), strict=True), strict=True)
    ) == {
        "4.jpg": (None, None),
        "test/cat/deep/3.jpg": ("test", "cat"),
        "train/2.jpg": ("train", None),
        "train/cat/1.jpg": ("train", "cat"),
    }
    assert set(Folder(str(tmp_path), splits=False).records()["label"].to_pylist()) == {"train", "test", None}


def test_table(folder: Path) -> None:
    """The table is of the stated schema, with the size and time of each file as the file system has them."""
    table = Folder(str(folder)).records()
    assert table.schema.equals(SCHEMA)
    for row in table.to_pylist():
        status = (folder / row["uri"]).stat()
        assert (row["bytes"], row["modified"], row["error"]) == (status.st_size, status.st_mtime_ns, None)


@pytest.mark.parametrize("extension", sorted(ENDINGS))
def test_extensions(tmp_path: Path, extension: str) -> None:
    """A file counts as an image by its extension, in any case; the others are counted."""
    touch(tmp_path, f"a{extension}", f"b{extension.upper()}", f"c{extension}.txt", f"d{extension[1:]}", "Makefile")
    table = Folder(str(tmp_path)).records()
    assert table["uri"].to_pylist() == [f"a{extension}", f"b{extension.upper()}"]
    assert scan_of(table) == Scan({"": 2, ".txt": 1})


LEFTOVERS = (
    ".hidden.jpg",
    ".cache/1.png",
    ".git/2.png",
    ".jpg",
    "__MACOSX/a/._1.jpg",
    "a/._1.jpg",
    "a/@eaDir/1.jpg",
    "Thumbs.db",
)


def test_leftovers(tmp_path: Path) -> None:
    """Hidden files and folders, and what systems and editors leave behind, are passed over on every level, and named."""
    touch(tmp_path, "a/1.jpg", *LEFTOVERS, *(f"b/c/{path}" for path in LEFTOVERS))
    table = Folder(str(tmp_path)).records()
    assert table["uri"].to_pylist() == ["a/1.jpg"]
    (remark,) = scan_of(table).remarks
    assert remark == "passed over as hidden, or as the system's: '._*', '.cache', '.git' and 5 more"
    assert scan_of(table).ignored == {}


def test_a_hidden_root(tmp_path: Path) -> None:
    """The folder that is given may be hidden itself."""
    touch(tmp_path, ".photos/1.jpg")
    assert uris(tmp_path / ".photos") == ["1.jpg"]


def test_own_output(tmp_path: Path) -> None:
    """What `clean` wrote below the source is passed over, and named; a folder that holds part of it by chance is not."""
    touch(tmp_path, "1.jpg", "cleaned/manifest.parquet", "cleaned/cache/000001.arrows", "cleaned/images/1.jpg", "a/cache/2.jpg")
    table = Folder(str(tmp_path)).records()
    assert table["uri"].to_pylist() == ["1.jpg", "a/cache/2.jpg"]
    assert scan_of(table).remarks == ("passed over as written by `dataprep clean`: 'cleaned'",)
    assert uris(tmp_path / "cleaned") == ["images/1.jpg"]


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"exclude": "*.gif"}, ["a/1.jpg", "a/b/2.png", "b/4.jpg"]),
        ({"exclude": ("b",)}, ["a/1.jpg", "a/3.gif"]),
        ({"exclude": "/b"}, ["a/1.jpg", "a/3.gif", "a/b/2.png"]),
        ({"exclude": "a/b/"}, ["a/1.jpg", "a/3.gif", "b/4.jpg"]),
        ({"include": ["*.jpg", "*.png"]}, ["a/1.jpg", "a/b/2.png", "b/4.jpg"]),
        ({"include": "a/*"}, ["a/1.jpg", "a/3.gif", "a/b/2.png"]),
        ({"include": "a", "exclude": "b"}, ["a/1.jpg", "a/3.gif"]),
        ({"include": "?.[jp][pn]g", "exclude": "[!2]*"}, []),
    ],
)
def test_globs(tmp_path: Path, options: dict[str, Any], found: list[str]) -> None:
    """Globs without a slash mean names on any level, those with one mean paths; how many were left out is said."""
    touch(tmp_path, "a/1.jpg", "a/b/2.png", "a/3.gif", "b/4.jpg")
    source = Folder(str(tmp_path), **options)
    if not found:
        with pytest.raises(SourceError, match="--include and --exclude leave out all but nothing"):
            source.records()
        return
    table = source.records()
    assert table["uri"].to_pylist() == found
    assert [remark for remark in scan_of(table).remarks if "left out" in remark]


@pytest.mark.parametrize("name", ["no_ending", "b.jpg_large", "c.HEIC", "d.jpg.1", "e.bak"])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP"])
def test_images_by_content(tmp_path: Path, name: str, kind: str) -> None:
    """A file whose name says nothing is an image if its first bytes are those of one."""
    PIL.Image.new("RGB", (8, 8)).save(tmp_path / name, kind)
    assert uris(tmp_path) == [name]


@given(st.binary(max_size=64).filter(lambda data: not is_image_data(data)), st.sampled_from([".data", "", ".xyz"]))
def test_no_images_by_content(data: bytes, ending: str) -> None:
    """What starts otherwise is counted by its ending, and so is a text that starts as an image by chance."""
    with tempfile.TemporaryDirectory() as root:
        touch(Path(root), "1.jpg")
        Path(root, f"a{ending}").write_bytes(data)
        Path(root, "b.txt").write_bytes(b"GIF89a is a format")
        assert scan_of(Folder(root).records()).ignored == dict(sorted({ending: 1, ".txt": 1}.items()))


@given(st.lists(NAMES, min_size=1, max_size=5, unique=True))
def test_any_name(names: list[bytes]) -> None:
    """Any name that a file system allows, UTF-8 or not, is a uri of valid Unicode that leads back to the file and is its own."""
    with tempfile.TemporaryDirectory() as root:
        for place, name in enumerate(names):
            below = os.path.join(os.fsencode(root), str(place).encode(), b"x" + name[:200])
            os.makedirs(below)
            with open(os.path.join(below, b"y" + name + b".jpg"), "wb") as file:
                file.write(name)
        source = Folder(root)
        table = source.records()
        assert len(set(table["uri"].to_pylist())) == len(names)
        for uri in table["uri"].to_pylist():
            assert uri.encode("utf-8")
            name = names[int(uri.split("/")[0])]
            assert source.read(uri) == name
            assert os.fsencode(source.path(uri)).endswith(b"x" + name + b"/y" + name + b".jpg")


@pytest.mark.parametrize(
    ("name", "uri"),
    [
        (b"plain.jpg", "plain.jpg"),
        ("caf\u00e9 \u732b.jpg".encode(), "caf\u00e9 \u732b.jpg"),
        (b"100%.jpg", "100%25.jpg"),
        (b"%41.jpg", "%2541.jpg"),
        (b"\xff\xfe.jpg", "%FF%FE.jpg"),
        (b"two\nlines.jpg", "two\nlines.jpg"),
        (b"a#b?c.jpg", "a#b?c.jpg"),
    ],
)
def test_names(tmp_path: Path, name: bytes, uri: str) -> None:
    """Only the percent sign and bytes that are not UTF-8 are escaped, so uris stay readable."""
    touch(tmp_path, name)
    assert uris(tmp_path) == [uri]


def test_symbolic_links(tmp_path: Path) -> None:
    """Links to files and folders are followed, a folder that is reached twice counts once, and loops end."""
    root, outside = tmp_path / "root", tmp_path / "outside"
    touch(root, "a/1.jpg")
    touch(outside, "2.jpg", "deep/3.jpg")
    (root / "a" / "loop").symlink_to(root)
    (root / "again").symlink_to(root / "a")
    (root / "linked").symlink_to(outside)
    (root / "file.jpg").symlink_to(outside / "2.jpg")
    assert uris(root) == ["a/1.jpg", "file.jpg", "linked/2.jpg", "linked/deep/3.jpg"]


def test_root_that_is_a_link(tmp_path: Path) -> None:
    """The root may be a link itself."""
    touch(tmp_path / "real", "1.jpg")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert uris(tmp_path / "link") == ["1.jpg"]


def test_odd_entries(tmp_path: Path) -> None:
    """A broken link, a pipe or a socket that is called .jpg is a row with an error, and is never opened."""
    touch(tmp_path, "good.jpg")
    (tmp_path / "broken.jpg").symlink_to(tmp_path / "nowhere")
    (tmp_path / "self.jpg").symlink_to("self.jpg")
    (tmp_path / "broken.txt").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe.jpg")  # opening it would wait for ever
    os.mkfifo(tmp_path / "pipe.txt")
    (tmp_path / "folder.jpg").mkdir()
    table = Folder(str(tmp_path)).records()
    assert dict(zip(table["uri"].to_pylist(), table["error"].to_pylist(), strict=True)) == {
        "broken.jpg": "cannot be read: No such file or directory",
        "good.jpg": None,
        "pipe.jpg": "not a regular file",
        "self.jpg": "cannot be read: Too many levels of symbolic links",
    }


SCAN_AS_NOBODY = """
import os, sys
from dataprep.errors import SourceError
from dataprep.sources import Folder, Scan, scan_of
if os.getuid() == 0:
    os.seteuid(65534)
source = Folder(sys.argv[1])
try:
    table = source.records()
    print(list(zip(table["uri"].to_pylist(), table["error"].to_pylist())))
    source.read(table["uri"][-1].as_py())
except SourceError as error:
    print("SourceError:", error)
"""


def scan_as_nobody(root: str) -> str:
    """What a scan and reading its last file print, for a user with no special rights."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", SCAN_AS_NOBODY, root]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


def test_forbidden() -> None:
    """A folder that may not be listed is a row with an error, a file that may not be opened says so when it is read."""
    with tempfile.TemporaryDirectory() as root:
        os.chmod(root, 0o755)
        touch(Path(root), "closed/1.jpg", "open/2.jpg")
        os.chmod(os.path.join(root, "closed"), 0)
        os.chmod(os.path.join(root, "open", "2.jpg"), 0)
        try:
            out = scan_as_nobody(root)
        finally:
            os.chmod(os.path.join(root, "closed"), 0o755)
        assert out.splitlines() == [
            "[('closed/', 'folder cannot be listed: Permission denied'), ('open/2.jpg', None)]",
            "SourceError: cannot be read: Permission denied",
        ]


def test_forbidden_root() -> None:
    """A root that may not be listed is refused by name."""
    with tempfile.TemporaryDirectory() as root:
        os.chmod(root, 0)
        try:
            out = scan_as_nobody(root)
        finally:
            os.chmod(root, 0o755)
        assert out == f"SourceError: {root} cannot be listed: Permission denied\n"


@pytest.mark.parametrize(
    ("files", "root", "message"),
    [
        ([], "missing", "no such folder"),
        (["file.jpg"], "file.jpg", "is a file; give the folder"),
        ([], "", "no images in .*: it holds nothing"),
        (
            ["a.txt", "b/c.csv"],
            "",
            r"no images in .*: it holds 2 other files \(1 .csv, 1 .txt\); give what holds the images: '.*\*.csv'",
        ),
        (["a.txt"], "", r"no images in .*: it holds 1 other file \(1 .txt\);"),
    ],
)
def test_nothing_to_scan(tmp_path: Path, files: list[str], root: str, message: str) -> None:
    """Where there is nothing to scan, the error says what is there instead."""
    touch(tmp_path, *files)
    with pytest.raises(SourceError, match=message):
        Folder(str(tmp_path / root)).records()


@given(st.integers(0, 12), st.one_of(st.none(), st.integers(0, 12)))
def test_ranges(start: int, stop: int | None) -> None:
    """Reading a range gives the bytes that a slice would."""
    with tempfile.TemporaryDirectory() as root:
        Path(root, "a.jpg").write_bytes(b"0123456789")
        assert Folder(root).read("a.jpg", start, stop) == b"0123456789"[start:stop]


def test_read_what_is_gone(folder: Path) -> None:
    """A file that vanished since the scan is a `SourceError` that says so, without its path, which is in the row."""
    with pytest.raises(SourceError, match=r"^cannot be read: No such file or directory$"):
        Folder(str(folder)).read("cat/9999.jpg")


def test_relative_root(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative root is the same source from anywhere."""
    monkeypatch.chdir(folder.parent)
    source = Folder("photos")
    monkeypatch.chdir("/")
    assert source == Folder(str(folder))
    assert source.records().num_rows == 12


def test_scanning_twice(folder: Path) -> None:
    """Scanning reads no file and changes none, so a second scan is equal."""
    first = Folder(str(folder)).records()
    assert first.equals(Folder(str(folder)).records())
    write_images(folder, 1, seed=99, labels=("ant",))
    assert Folder(str(folder)).records()["uri"][0].as_py() == "ant/0000.jpg"


def test_percent_in_a_label(tmp_path: Path) -> None:
    """A folder's name is the label as it was written, though the uri escapes the percent sign."""
    write_images(tmp_path, 1, labels=("100 % cotton",))
    assert Folder(str(tmp_path)).records()["label"].to_pylist() == ["100 % cotton"]
