"""The kept images as a tree of class folders."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pytest

from dataprep import DataprepError, Deduplicate, Folder, Manifest, Pipeline, SourceError, clean
from dataprep.actions import materialize, overlap
from dataprep.files import UNFINISHED, claimed
from dataprep.sources import Several
from dataprep.testing import FakeEngine, encoded, photo

Judged = Callable[..., Manifest]
MODES = ("copy", "hardlink", "symlink")
KEPT = {"cat/1.png", "cat/2.png", "dog/1.png", "dog/2.png"}


def files_in(folder: Path | str) -> set[str]:
    """The paths of all files below a folder."""
    return {os.path.relpath(os.path.join(parent, name), folder) for parent, _, names in os.walk(folder) for name in names}


def fingerprint(path: Path) -> tuple[int, ...]:
    """What changes when a file, folder or link is replaced or written to."""
    status = path.lstat()
    return status.st_ino, status.st_mode, status.st_size, status.st_mtime_ns


def write_photo(path: bytes | str | Path, seed: int) -> None:
    """Writes a small photo, and the folders on the way."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(encoded(photo(seed, 24, 32), "PNG"))


@dataclass(frozen=True)
class Archive:
    """A source whose images are no files."""

    images: Folder

    def records(self) -> pa.Table:
        return self.images.records()

    def read(self, uri: str, start: int = 0, stop: int | None = None) -> bytes:
        return self.images.read(uri.removeprefix("1.tar/"), start, stop)


@pytest.mark.parametrize("mode", MODES)
def test_tree(photos: Path, judged: Judged, tmp_path: Path, mode: str) -> None:
    """The tree holds the kept images and nothing else, each at its own path and with its own content."""
    done = materialize(judged(photos), tmp_path / "tree", mode)
    assert done == (tmp_path / "tree", 4, 0)
    assert files_in(tmp_path / "tree") == KEPT
    for name in KEPT:
        assert (tmp_path / "tree" / name).read_bytes() == (photos / name).read_bytes()


def test_what_each_mode_makes(photos: Path, judged: Judged, tmp_path: Path) -> None:
    """A copy is a file of its own with the same time, a hard link the same file, a symbolic link an absolute one."""
    manifest, original = judged(photos), photos / "cat/1.png"
    copy, hard, symbolic = (materialize(manifest, tmp_path / mode, mode).folder / "cat/1.png" for mode in MODES)
    assert not copy.samefile(original) and copy.stat().st_mtime_ns == original.stat().st_mtime_ns
    assert hard.samefile(original) and not hard.is_symlink()
    assert os.readlink(symbolic) == str(original)


def test_splits(photos: Path, judged: Judged, tmp_path: Path) -> None:
    """Splits stay the first folders."""
    (tmp_path / "all").mkdir()
    photos.rename(tmp_path / "all/train")
    materialize(judged(tmp_path / "all", splits=True), tmp_path / "tree", "copy")
    assert files_in(tmp_path / "tree") == {f"train/{name}" for name in KEPT}


@pytest.mark.parametrize("mode", MODES)
def test_parts(photos: Path, tmp_path: Path, mode: str) -> None:
    """The parts of a source become the first folders, by copy and by links."""
    source = Several({"train": Folder(str(photos / "cat")), "test": Folder(str(photos / "dog"))})
    materialize(clean(source, Pipeline(Deduplicate(by=None)), engine=FakeEngine()), tmp_path / "tree", mode)
    assert files_in(tmp_path / "tree") == {"train/1.png", "train/2.png", "test/1.png", "test/2.png"}
    assert (tmp_path / "tree/train/2.png").read_bytes() == (photos / "cat/2.png").read_bytes()


@pytest.mark.parametrize("mode", MODES)
def test_awkward_names(judged: Judged, tmp_path: Path, mode: str) -> None:
    """Every name that a file system allows comes out as it went in, byte for byte."""
    names = [b"caf\xe9/\xff.png", b"100%/%41.png", b"a b/'\"\n.png", b"x/" + b"y" * 251 + b".png", b"x/\xc3\xa9.png", b"flat.png"]
    for seed, name in enumerate(names):
        write_photo(os.path.join(os.fsencode(tmp_path), b"photos", name), seed)
    materialize(judged(tmp_path / "photos"), tmp_path / "tree", mode)
    assert {os.fsencode(name) for name in files_in(tmp_path / "tree")} == set(names)


@pytest.mark.parametrize("mode", MODES)
def test_again(photos: Path, judged: Judged, tmp_path: Path, mode: str) -> None:
    """What is there already is left alone, and only what is missing is written."""
    manifest = judged(photos)
    materialize(manifest, tmp_path / "tree", mode)
    (tmp_path / "tree/dog/1.png").unlink()
    before = fingerprint(tmp_path / "tree/dog/2.png")
    assert materialize(manifest, tmp_path / "tree", mode)[1:] == (1, 3)
    assert fingerprint(tmp_path / "tree/dog/2.png") == before


def test_same_content(photos: Path, judged: Judged, tmp_path: Path) -> None:
    """A copy that lost its modified time, as on other file systems, is known by its content."""
    manifest = judged(photos)
    materialize(manifest, tmp_path / "tree", "copy")
    os.utime(tmp_path / "tree/cat/1.png", ns=(1, 1))
    assert materialize(manifest, tmp_path / "tree", "copy").present == 4


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("other", ["longer", "as long", "folder", "dangling", "mode"])
def test_never_over_another(photos: Path, judged: Judged, tmp_path: Path, mode: str, other: str) -> None:
    """Another file, folder or kind of link of the same name is left as it is, and the error names it."""
    path = tmp_path / "tree/cat/2.png"
    path.parent.mkdir(parents=True)
    size = (photos / "cat/2.png").stat().st_size
    if other == "folder":
        path.mkdir()
    elif other == "dangling":
        path.symlink_to("nowhere")
    elif other == "mode":
        path.symlink_to(photos / "cat/2.png") if mode != "symlink" else path.hardlink_to(photos / "cat/2.png")
    else:
        path.write_bytes(bytes(size + (other == "longer")))
    before = fingerprint(path)
    with pytest.raises(DataprepError, match=r"tree/cat/2.png exists and is not"):
        materialize(judged(photos), tmp_path / "tree", mode)
    assert fingerprint(path) == before


def test_copies_are_no_links(photos: Path, judged: Judged, tmp_path: Path) -> None:
    """A hard link passes for no copy: who changes one changes the other."""
    materialize(judged(photos), tmp_path / "tree", "hardlink")
    with pytest.raises(DataprepError, match="is not the copy"):
        materialize(judged(photos), tmp_path / "tree", "copy")


def test_images_that_are_not_kept(photos: Path, judged: Judged, tmp_path: Path) -> None:
    """A tree that holds a dropped image is refused before anything is written; files that are no images may be there."""
    (tmp_path / "tree/cat").mkdir(parents=True)
    (tmp_path / "tree/README").write_text("mine")
    materialize(judged(photos), tmp_path / "tree", "copy")
    (tmp_path / "tree/cat/1.png").unlink()
    (tmp_path / "tree/cat/copy of 1.png").write_bytes(b"")
    with pytest.raises(DataprepError, match=r"not kept in this manifest: cat/copy of 1\.png; remove the folder"):
        materialize(judged(photos), tmp_path / "tree", "copy")
    assert not (tmp_path / "tree/cat/1.png").exists()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("change", ["gone", "longer", "touched", "folder"])
def test_changed_source(photos: Path, judged: Judged, tmp_path: Path, mode: str, change: str) -> None:
    """An image that is not what was scanned is an error that names it, before anything is written."""
    manifest, path = judged(photos), photos / "dog/2.png"
    content = path.read_bytes()
    path.unlink()
    if change == "folder":
        path.mkdir()
    elif change != "gone":
        path.write_bytes(content + b"." if change == "longer" else bytes(len(content)))
        os.utime(path, ns=(1, 1))
    with pytest.raises(SourceError, match=r"photos/dog/2.png was .*; clean again"):
        materialize(manifest, tmp_path / "tree", mode)
    assert not (tmp_path / "tree").exists()


def test_touched_source(photos: Path, judged: Judged, tmp_path: Path) -> None:
    """An image that got another modified time but has its content is the one that was scanned."""
    manifest = judged(photos)
    os.utime(photos / "dog/2.png", ns=(1, 1))
    assert materialize(manifest, tmp_path / "tree", "symlink").written == 4


def test_changed_in_secret(photos: Path, judged: Judged, tmp_path: Path) -> None:
    """Another content of the same size and time is not copied."""
    manifest, path = judged(photos), photos / "dog/2.png"
    status = path.stat()
    path.write_bytes(bytes(status.st_size))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    with pytest.raises(SourceError, match=r"photos/dog/2.png was changed since the scan"):
        materialize(manifest, tmp_path / "tree", "copy")
    assert files_in(tmp_path / "tree") == KEPT - {"dog/2.png"}


@pytest.mark.parametrize(
    ("folder", "where"),
    [("photos", "is"), ("photos/tree", "is in"), ("link/cat", "is in"), ("link", "is"), (".", "is around"), ("up", "is around")],
)
def test_apart(photos: Path, judged: Judged, tmp_path: Path, folder: str, where: str) -> None:
    """The tree is neither the source nor in it nor around it, whatever links call it."""
    (tmp_path / "link").symlink_to(photos)
    (tmp_path / "up").symlink_to(tmp_path)
    before = files_in(tmp_path)
    with pytest.raises(DataprepError, match=f"{where} the source .*photos; choose a folder apart"):
        materialize(judged(photos), tmp_path / folder, "copy")
    assert files_in(tmp_path) == before


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("a", "a", True),
        ("a", "a/b", True),
        ("a/../b", "b/c", True),
        ("a", "ab", False),
        ("link/x", "real", True),
        ("x", "y", False),
    ],
)
def test_overlap(tmp_path: Path, first: str, second: str, expected: bool) -> None:
    """Two folders overlap when one is the other or lies in it, whether they exist or not."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    for pair in ((first, second), (second, first)):
        assert overlap(*(tmp_path / name for name in pair)) is expected


@pytest.mark.usefixtures("other_disk")
def test_hard_links_across_disks(photos: Path, judged: Judged, tmp_path: Path) -> None:
    """Hard links to another disk are an error that says what works."""
    with pytest.raises(DataprepError, match=r"photos/cat/1.png and .*tree/cat/1.png are on different disks.*by copy"):
        materialize(judged(photos), tmp_path / "tree", "hardlink")


@pytest.mark.usefixtures("no_links")
def test_without_hard_links(photos: Path, judged: Judged, tmp_path: Path) -> None:
    """Where a file system has no hard links, copies come about all the same, and hard links are an error."""
    materialize(judged(photos), tmp_path / "tree", "copy")
    assert files_in(tmp_path / "tree") == KEPT
    with pytest.raises(DataprepError, match="cannot be linked there: Operation not permitted; materialize by copy"):
        materialize(judged(photos), tmp_path / "other", "hardlink")


def test_hard_link_of_a_link(photos: Path, judged: Judged, tmp_path: Path) -> None:
    """Where the source has a link to an image, the hard link is one of the image."""
    write_photo(tmp_path / "store/9.png", 9)
    (photos / "cat/9.png").symlink_to("../../store/9.png")
    materialize(judged(photos), tmp_path / "tree", "hardlink")
    assert os.path.samestat((tmp_path / "tree/cat/9.png").lstat(), (tmp_path / "store/9.png").lstat())


def test_source_without_files(photos: Path, judged: Judged, tmp_path: Path) -> None:
    """Images that are no files can be copied, to the folders of their labels, but not linked."""
    manifest = judged(photos)
    table = manifest.table.set_column(1, "uri", pa.array([f"1.tar/{uri}" for uri in manifest.table["uri"].to_pylist()]))
    for name in ("bytes", "modified"):  # which an archive may not know
        table = table.set_column(table.schema.get_field_index(name), name, pa.nulls(len(table), pa.int64()))
    manifest = replace(manifest, table=table, source=Archive(Folder(str(photos))))
    materialize(manifest, tmp_path / "tree", "copy")
    assert files_in(tmp_path / "tree") == {f"{name[:3]}/1.tar/{name}" for name in KEPT}
    assert (tmp_path / "tree/cat/1.tar/cat/1.png").read_bytes() == (photos / "cat/1.png").read_bytes()
    assert materialize(manifest, tmp_path / "tree", "copy").present == 4
    for mode in ("hardlink", "symlink"):
        with pytest.raises(DataprepError, match="links need a folder of files, and Archive is not one; materialize by copy"):
            materialize(manifest, tmp_path / "tree", mode)


@pytest.mark.parametrize("uri", ["../../out.png", "/etc/out.png", "cat/%2e%2e/%2e%2e/%2e%2e/out.png", "cat/%00.png"])
@pytest.mark.parametrize("files", [True, False])
def test_nothing_leads_out(photos: Path, judged: Judged, tmp_path: Path, uri: str, files: bool) -> None:
    """A manifest from elsewhere cannot have anything written outside of the tree."""
    manifest = judged(photos)
    uris = pa.array([uri, *manifest.table["uri"].to_pylist()[1:]])
    source = manifest.source if files else Archive(Folder(str(photos)))
    manifest = replace(manifest, table=manifest.table.set_column(1, "uri", uris), source=source)
    labels = manifest.table.schema.get_field_index("label")
    flat = replace(manifest, table=manifest.table.set_column(labels, "label", pa.nulls(len(uris), pa.string())))
    with pytest.raises(DataprepError, match=r"is not a path below a folder|leads out of"):
        materialize(flat, tmp_path / "tree", "copy")
    assert not (tmp_path / "tree").exists()


def test_unknown_part(photos: Path, judged: Judged, tmp_path: Path) -> None:
    """An image of a part that the source does not have is an error that names it."""
    manifest = replace(judged(photos), source=Several({"cats": Folder(str(photos / "cat"))}))
    with pytest.raises(DataprepError, match=r"'cat/1.png' is in no part of the source; did you mean 'cats'"):
        materialize(manifest, tmp_path / "tree", "symlink")


@pytest.mark.usefixtures("full_disk")
def test_full_disk(photos: Path, judged: Judged, tmp_path: Path) -> None:
    """A full disk is an error that names the file, and no part of it remains."""
    with pytest.raises(DataprepError, match=r"tree/cat/1.png cannot be written: No space left on device"):
        materialize(judged(photos), tmp_path / "tree", "copy")
    assert files_in(tmp_path / "tree") == set()


def test_no_place(photos: Path, judged: Judged, tmp_path: Path) -> None:
    """A folder that cannot be made is an error that names it."""
    (tmp_path / "file").touch()
    for folder in ("file", "file/tree"):
        with pytest.raises(DataprepError, match=f"{folder} cannot be used: "):
            materialize(judged(photos), tmp_path / folder, "copy")


def test_read_only(photos: Path, judged: Judged, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A read-only target is an error that names the folder."""

    def makedirs(path: str, exist_ok: bool) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, "makedirs", makedirs)
    with pytest.raises(DataprepError, match="tree cannot be used: Read-only file system"):
        materialize(judged(photos), tmp_path / "tree", "copy")


@pytest.mark.parametrize(("one", "two"), [("cat/a.png", "cat/A.PNG"), ("cat/a.png", "Cat/b.png"), ("é/1.png", "e\u0301/2.png")])
def test_names_that_fall_together(judged: Judged, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one: str, two: str) -> None:
    """Two images or classes that differ only in case are an error where the file system ignores case, and fine elsewhere."""
    for seed, name in enumerate((one, two)):
        write_photo(tmp_path / "photos" / name, seed)
    manifest = judged(tmp_path / "photos")
    materialize(manifest, tmp_path / "tree", "copy")
    assert files_in(tmp_path / "tree") == {one, two}
    monkeypatch.setattr("dataprep.actions.places._ignores_case", lambda folder: True)
    with pytest.raises(DataprepError, match=r"are one name on the file system of .*; choose a folder on another one"):
        materialize(manifest, tmp_path / "other", "copy")
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("mode", MODES)
def test_stopped(photos: Path, judged: Judged, tmp_path: Path, mode: str) -> None:
    """A run that is stopped leaves whole files only, and the same call goes on."""

    def stop(what: str, done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    manifest = judged(photos)
    with pytest.raises(KeyboardInterrupt):
        materialize(manifest, tmp_path / "tree", mode, stop)
    assert files_in(tmp_path / "tree") == {"cat/1.png", "cat/2.png"}
    assert materialize(manifest, tmp_path / "tree", mode)[1:] == (2, 2)


def test_killed(photos: Path, judged: Judged, tmp_path: Path) -> None:
    """What a killed run left unfinished is no second name of an image afterwards, and is gone."""
    manifest = judged(photos)
    materialize(manifest, tmp_path / "tree", "copy")
    (tmp_path / "tree/dog" / UNFINISHED).hardlink_to(tmp_path / "tree/dog/1.png")
    (tmp_path / "tree/cat" / UNFINISHED).write_bytes(b"half")
    (tmp_path / "tree/dog/2.png").unlink()
    assert materialize(manifest, tmp_path / "tree", "copy").written == 1
    assert files_in(tmp_path / "tree") == KEPT
    assert (tmp_path / "tree/dog/1.png").read_bytes() == (photos / "dog/1.png").read_bytes()


def test_one_at_a_time(photos: Path, judged: Judged, tmp_path: Path) -> None:
    """Two runs never write the same tree at the same time."""
    with claimed(tmp_path / "tree"), pytest.raises(DataprepError, match=r"another dataprep is at work in .*tree; wait"):
        materialize(judged(photos), tmp_path / "tree", "copy")


def test_unknown_mode(photos: Path, judged: Judged, tmp_path: Path) -> None:
    """A misspelt mode is an error that says what was meant."""
    with pytest.raises(DataprepError, match="by 'hardlinks'; did you mean 'hardlink'"):
        materialize(judged(photos), tmp_path / "tree", "hardlinks")


def test_progress(photos: Path, judged: Judged, tmp_path: Path) -> None:
    """Progress counts every kept image once, written or present."""
    calls: list[tuple[str, int, int]] = []
    for _ in range(2):
        materialize(judged(photos), tmp_path / "tree", "copy", lambda *call: calls.append(call))
    assert calls == [("writing", number, 4) for number in (1, 2, 3, 4)] * 2
