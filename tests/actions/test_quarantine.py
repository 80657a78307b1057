"""The dropped images out of the source, and back."""

import errno
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from dataprep import DataprepError, Deduplicate, Folder, Manifest, Pipeline, SourceError, clean, concatenate
from dataprep.actions import quarantine, undo
from dataprep.files import claimed
from dataprep.sources import Several
from dataprep.testing import FakeEngine, encoded, photo

Judged = Callable[..., Manifest]
KEPT = {"cat/1.png", "cat/2.png", "dog/1.png", "dog/2.png"}
DROPPED = {"cat/copy of 1.png", "dog/copy of 2.png", "dog/torn.png"}


def tree(folder: Path) -> dict[bytes, bytes | tuple[str, int]]:
    """What is in a folder: the content of each file, the target of each link."""
    found: dict[bytes, bytes | tuple[str, int]] = {}
    for path in folder.rglob("*"):
        if path.is_symlink():
            found[os.fsencode(path.relative_to(folder))] = (os.readlink(path), 0)
        elif path.is_file():
            found[os.fsencode(path.relative_to(folder))] = path.read_bytes()
    return found


def names(folder: Path) -> set[str]:
    """The paths of all files below a folder, but for the log."""
    return {os.fsdecode(name) for name in tree(folder)} - {"undo.jsonl"}


@pytest.fixture(params=["", "no_links", "other_disk"])
def any_disk(request: pytest.FixtureRequest) -> None:
    """A quarantine on the same disk, on one without hard links, or on another disk."""
    if request.param:
        request.getfixturevalue(request.param)


@pytest.mark.usefixtures("any_disk")
def test_there_and_back(photos: Path, judged: Judged, tmp_path: Path) -> None:
    """The dropped files go to their own paths below the quarantine, and undo restores the source and leaves nothing behind."""
    before = tree(photos)
    times = {path: path.stat().st_mtime_ns for path in photos.rglob("*.png")}
    done = quarantine(judged(photos), tmp_path / "rejects")
    assert done == (tmp_path / "rejects/undo.jsonl", 3, {})
    assert names(photos) == KEPT and names(tmp_path / "rejects") == DROPPED
    assert undo(done.log) == ((str(photos),), 3, 0, (), ())
    assert tree(photos) == before and not (tmp_path / "rejects").exists()
    assert times == {path: path.stat().st_mtime_ns for path in photos.rglob("*.png")}


@pytest.mark.usefixtures("any_disk")
def test_awkward_names(judged: Judged, tmp_path: Path) -> None:
    """Names that are not UTF-8, percent signs, line breaks and names of 255 bytes go there and back, byte for byte."""
    root = os.path.join(os.fsencode(tmp_path), b"photos \xff")
    for name in (b"caf\xe9/\xff.png", b"100%/%41.png", b"a b/'\"\n.png", b"x/" + b"y" * 251 + b".png", b"flat.png"):
        os.makedirs(os.path.dirname(os.path.join(root, name)), exist_ok=True)
        with open(os.path.join(root, name), "wb") as file:
            file.write(b"no image: " + name)
    source = Path(os.fsdecode(root))
    before = tree(source)
    done = quarantine(judged(source), tmp_path / "rejects")
    assert done.moved == 5 and not tree(source)
    assert {name: data for name, data in tree(tmp_path / "rejects").items() if name != b"undo.jsonl"} == before
    assert undo(done.log).moved == 5
    assert tree(source) == before


@pytest.mark.usefixtures("any_disk")
def test_links(photos: Path, judged: Judged, tmp_path: Path) -> None:
    """A dropped link is moved as a link; what it leads to stays."""
    (tmp_path / "store.png").write_bytes((photos / "cat/1.png").read_bytes())
    (photos / "cat/link.png").symlink_to("../../store.png")
    done = quarantine(judged(photos), tmp_path / "rejects")
    assert os.readlink(tmp_path / "rejects/cat/link.png") == "../../store.png" and (tmp_path / "store.png").exists()
    undo(done.log)
    assert os.readlink(photos / "cat/link.png") == "../../store.png"


def test_parts(photos: Path, tmp_path: Path) -> None:
    """Files of a source with parts go below the names of the parts, and back each to its own folder."""
    (tmp_path / "photos 2").mkdir()
    (photos / "dog").rename(tmp_path / "photos 2/dog")
    (tmp_path / "photos 2/cat.png").write_bytes((photos / "cat/1.png").read_bytes())
    before = tree(tmp_path)
    source = Several({"train": Folder(str(photos)), "test": Folder(str(tmp_path / "photos 2"))})
    manifest = clean(source, Pipeline(Deduplicate(by=None)), engine=FakeEngine())
    done = quarantine(manifest, tmp_path / "rejects")
    assert names(done.log.parent) == {"test/dog/copy of 2.png", "test/dog/torn.png", "test/cat.png", "train/cat/copy of 1.png"}
    assert undo(done.log) == ((str(photos), str(tmp_path / "photos 2")), 4, 0, (), ())
    assert tree(tmp_path) == before


def test_parts_that_are_one(photos: Path, judged: Judged, tmp_path: Path) -> None:
    """A file that two parts of a source share is moved once, and not at all where one of them keeps it."""
    manifest = concatenate({"one": judged(photos), "two": judged(photos)})
    done = quarantine(manifest.judge(Pipeline(Deduplicate(by=None))), tmp_path / "rejects")
    assert done.skipped.pop("two/dog/torn.png") == "the same file as one/dog/torn.png"
    assert set(done.skipped) >= {f"two/{name}" for name in KEPT}
    assert names(photos) >= KEPT and names(done.log.parent) == {f"one/{name}" for name in DROPPED}


def test_log(photos: Path, judged: Judged, tmp_path: Path) -> None:
    """The log is JSON, one object a line: the source, the folders made, each file with its reason."""
    done = quarantine(judged(photos), tmp_path / "rejects")
    header, *lines = [json.loads(line) for line in done.log.read_text().splitlines()]
    assert header == {"dataprep": "undo log", "version": 1, "sources": {"": str(photos)}}
    assert [line["folder"] for line in lines if "folder" in line] == ["", "cat", "dog"]
    assert {line["file"]: line["reason"] for line in lines if "file" in line} == {
        "cat/copy of 1.png": "exact duplicate",
        "dog/copy of 2.png": "exact duplicate",
        "dog/torn.png": "unreadable",
    }


def test_log_comes_first(photos: Path, judged: Judged, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the first file is moved, the log of all of them is on the disk."""

    def link(old: str, new: str, **options: object) -> None:
        raise OSError(errno.EIO, "the disk has gone up in smoke")

    monkeypatch.setattr(os, "link", link)
    with pytest.raises(DataprepError, match=r"copy of 1.png cannot be moved to .*rejects/cat/copy of 1.png: the disk has"):
        quarantine(judged(photos), tmp_path / "rejects")
    assert (tmp_path / "rejects/undo.jsonl").read_text().count('"file"') == 3
    assert names(photos) == KEPT | DROPPED


def test_again(photos: Path, judged: Judged, tmp_path: Path) -> None:
    """A second run moves what is new, forgets nothing in its log, and undo restores both."""
    before, first = tree(photos), judged(photos)
    quarantine(first, tmp_path / "rejects")
    assert quarantine(first, tmp_path / "rejects").moved == 0
    (photos / "new.png").write_bytes(b"no image either")
    done = quarantine(judged(photos), tmp_path / "rejects")
    assert done.moved == 1
    assert undo(done.log).moved == 4
    assert tree(photos) == before | {b"new.png": b"no image either"} and not (tmp_path / "rejects").exists()


def test_nothing_dropped(photos: Path, judged: Judged, tmp_path: Path) -> None:
    """Where nothing is dropped there is a log of nothing, and undo removes it."""
    for name in DROPPED:
        (photos / name).unlink()
    done = quarantine(judged(photos), tmp_path / "rejects")
    assert undo(done.log).complete and not (tmp_path / "rejects").exists()


def test_left_alone(photos: Path, judged: Judged, tmp_path: Path) -> None:
    """What has no file, is none, was changed since, lies outside, or is needed by a kept link stays, each with the reason."""
    (photos / "cat/dangling.png").symlink_to("nowhere")
    os.mkfifo(photos / "cat/pipe.png")
    (photos / "cat/late.png").write_bytes(b"no image yet")
    (photos / "cat/early.png").write_bytes(b"no image any more")
    (tmp_path / "store").mkdir()
    (tmp_path / "store/bad.png").write_bytes(b"no image, and somebody else's")
    (photos / "linked").symlink_to(tmp_path / "store")
    (photos / "cat/0.png").symlink_to("step.png")  # sorts first, so it is kept for its copies
    (photos / "cat/step.png").symlink_to("../zoo/real.png")
    (photos / "zoo").mkdir()
    (photos / "zoo/real.png").write_bytes(encoded(photo(77, 24, 32), "PNG"))
    manifest = judged(photos)
    (photos / "cat/late.png").write_bytes(encoded(photo(99, 24, 32), "PNG"))
    (photos / "cat/early.png").unlink()
    done = quarantine(manifest, tmp_path / "rejects")
    assert done.skipped == {
        "cat/dangling.png": "cannot be read: No such file or directory",
        "cat/pipe.png": "not a regular file",
        "cat/late.png": "changed since the scan",
        "cat/early.png": "cannot be read: No such file or directory",
        "linked/bad.png": "behind a link that leads out of the source",
        "cat/step.png": "what cat/0.png is a link to",
        "zoo/real.png": "what cat/0.png is a link to",
    }
    assert names(tmp_path / "rejects") == DROPPED


def test_unlisted_folder(photos: Path, judged: Judged, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that the scan could not list is left where it is."""
    (photos / "locked").mkdir()
    scandir = os.scandir

    def listing(path: str) -> object:
        if str(path).endswith("locked"):
            raise PermissionError(errno.EACCES, "Permission denied")
        return scandir(path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", listing)
        manifest = judged(photos)
    assert quarantine(manifest, tmp_path / "rejects").skipped == {"locked/": "a folder"}


@pytest.mark.parametrize("content", [b"another", None], ids=["another", "same"])
def test_never_over_another(photos: Path, judged: Judged, tmp_path: Path, content: bytes | None) -> None:
    """A file in the quarantine that was not put there by it stops it before anything is moved, even one of the same content."""
    (tmp_path / "rejects/dog").mkdir(parents=True)
    (tmp_path / "rejects/dog/torn.png").write_bytes(content or (photos / "dog/torn.png").read_bytes())
    with pytest.raises(DataprepError, match=r"photos/dog/torn.png would be moved over .*rejects/dog/torn.png; choose another"):
        quarantine(judged(photos), tmp_path / "rejects")
    assert names(photos) == KEPT | DROPPED and names(tmp_path / "rejects") == {"dog/torn.png"}


def test_came_back(photos: Path, judged: Judged, tmp_path: Path) -> None:
    """A file that is in quarantine is not replaced by a later one of its name, and undo replaces the later one neither."""
    done = quarantine(judged(photos), tmp_path / "rejects")
    (photos / "dog/torn.png").write_bytes(b"no image, and another one")
    with pytest.raises(DataprepError, match="would be moved over"):
        quarantine(judged(photos), tmp_path / "rejects")
    (tmp_path / "rejects/cat/copy of 1.png").unlink()
    restored = undo(done.log)
    assert restored == ((str(photos),), 1, 0, ("dog/torn.png",), ("cat/copy of 1.png",)) and not restored.complete
    assert (photos / "dog/torn.png").read_bytes() == b"no image, and another one"
    assert (tmp_path / "rejects/dog/torn.png").read_bytes() == b"no image"
    (photos / "dog/torn.png").unlink()
    assert undo(done.log) == ((str(photos),), 1, 1, (), ("cat/copy of 1.png",))
    assert done.log.exists()


@pytest.mark.usefixtures("any_disk")
def test_race(photos: Path, judged: Judged, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that takes the new name while the others are moved is not replaced."""

    def intrude(what: str, done: int, total: int) -> None:
        (tmp_path / "rejects/dog").mkdir(exist_ok=True)
        (tmp_path / "rejects/dog/torn.png").write_bytes(b"intruder")

    with pytest.raises(DataprepError, match=r"torn.png cannot be moved .*: another file has this name"):
        quarantine(judged(photos), tmp_path / "rejects", intrude)
    assert (tmp_path / "rejects/dog/torn.png").read_bytes() == b"intruder"
    assert (photos / "dog/torn.png").read_bytes() == b"no image"


def test_read_only(photos: Path, judged: Judged, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A read-only source is an error that says so, before anything is made or moved."""
    monkeypatch.setattr(os, "access", lambda path, mode: not (str(path).endswith("dog") and mode == os.W_OK))
    with pytest.raises(DataprepError, match=r"photos/dog is read-only, so nothing can be moved out of it"):
        quarantine(judged(photos), tmp_path / "rejects")
    assert names(photos) == KEPT | DROPPED and not (tmp_path / "rejects").exists()


def test_folders_of_others(photos: Path, judged: Judged, tmp_path: Path) -> None:
    """Undo removes the empty folders that quarantine made, and no others."""
    (tmp_path / "rejects/cat").mkdir(parents=True)
    done = quarantine(judged(photos), tmp_path / "rejects")
    undo(done.log)
    assert [path.name for path in (tmp_path / "rejects").rglob("*")] == ["cat"]


def test_source_folder_gone(photos: Path, judged: Judged, tmp_path: Path) -> None:
    """Undo makes a class folder that was removed since, but not the source itself, which may only be unmounted."""
    (photos / "owl").mkdir()
    (photos / "owl/torn.png").write_bytes(b"no owl")
    done = quarantine(judged(photos), tmp_path / "rejects")
    (photos / "owl").rmdir()
    photos.rename(tmp_path / "unmounted")
    with pytest.raises(DataprepError, match="photos that files were moved from is not there; mount or make it first"):
        undo(done.log)
    (tmp_path / "unmounted").rename(photos)
    undo(done.log)
    assert (photos / "owl/torn.png").read_bytes() == b"no owl"


def test_quarantine_moved(photos: Path, judged: Judged, tmp_path: Path) -> None:
    """The quarantine may be moved, and undo takes its folder for the log."""
    quarantine(judged(photos), tmp_path / "rejects")
    (tmp_path / "rejects").rename(tmp_path / "attic")
    assert undo(tmp_path / "attic").moved == 3
    with pytest.raises(DataprepError, match=r"no undo log .*attic; it is removed once all files are back"):
        undo(tmp_path / "attic")


@pytest.mark.parametrize("folder", ["photos", "photos/rejects", ".", "link/cat"])
def test_apart(photos: Path, judged: Judged, tmp_path: Path, folder: str) -> None:
    """The quarantine is neither the source nor in it nor around it."""
    (tmp_path / "link").symlink_to(photos)
    with pytest.raises(DataprepError, match=r"the source .*photos; choose a folder apart from it"):
        quarantine(judged(photos), tmp_path / folder)
    assert names(photos) == KEPT | DROPPED


def test_other_source(photos: Path, judged: Judged, tmp_path: Path) -> None:
    """A quarantine belongs to one source."""
    quarantine(judged(photos), tmp_path / "rejects")
    photos.rename(tmp_path / "elsewhere")
    with pytest.raises(DataprepError, match=r"is the quarantine of .*photos; choose another folder for .*elsewhere"):
        quarantine(judged(tmp_path / "elsewhere"), tmp_path / "rejects")


def test_source_gone(photos: Path, judged: Judged, tmp_path: Path) -> None:
    """A source that is gone is an error, not a folder full of missing files."""
    manifest = judged(photos)
    photos.rename(tmp_path / "elsewhere")
    with pytest.raises(SourceError, match=r"no such folder: .*photos"):
        quarantine(manifest, tmp_path / "rejects")


def test_source_without_files(photos: Path, judged: Judged, tmp_path: Path) -> None:
    """Images that are no files cannot be moved."""

    class Archive:
        pass

    with pytest.raises(DataprepError, match="quarantine moves files, and Archive is not a folder of files; use materialize"):
        quarantine(replace(judged(photos), source=Archive()), tmp_path / "rejects")


HEADER = '{"dataprep": "undo log", "version": 1, "sources": {"": "/photos"}}\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not an undo log"),
        ("uri,label\n", "is not an undo log"),
        ("[]\n", "is not an undo log"),
        ('{"version": 1}\n', "is not an undo log"),
        (HEADER + "7\n", "is not an undo log"),
        (HEADER + '{"file": 7}\n', "is not an undo log"),
        (HEADER.replace("1", "2"), "of version 2; this dataprep reads version 1"),
        (HEADER + '{"file": "../../etc/passwd"}\n', "is not a path below a folder"),
        (HEADER + '{"file": "/etc/passwd"}\n', "is not a path below a folder"),
        (HEADER + '{"folder": ".."}\n', "is not a path below a folder"),
        (HEADER.replace('""', '"train"') + '{"file": "test/1.png"}\n', "is not an undo log"),
        (HEADER.replace('""', '"train"') + '{"file": "train"}\n', "is not an undo log"),
    ],
)
def test_no_log(tmp_path: Path, text: str, message: str) -> None:
    """A file that is not an undo log, or leads out of its folders, is an error before anything is moved."""
    (tmp_path / "undo.jsonl").write_text(text)
    with pytest.raises(DataprepError, match=message):
        undo(tmp_path / "undo.jsonl")


def test_one_at_a_time(photos: Path, judged: Judged, tmp_path: Path) -> None:
    """Neither a second quarantine nor an undo comes into the way of a run."""
    manifest = judged(photos)
    log = quarantine(manifest, tmp_path / "rejects").log
    with claimed(tmp_path / "rejects"):
        for action in (lambda: quarantine(manifest, tmp_path / "rejects"), lambda: undo(log)):
            with pytest.raises(DataprepError, match="another dataprep is at work"):
                action()


@pytest.mark.usefixtures("other_disk", "full_disk")
def test_full_disk(photos: Path, judged: Judged, tmp_path: Path) -> None:
    """On a full disk, even the log, nothing is moved and nothing remains."""
    with pytest.raises(DataprepError, match=r"rejects/undo.jsonl cannot be written: No space left on device"):
        quarantine(judged(photos), tmp_path / "rejects")
    assert names(photos) == KEPT | DROPPED and not (tmp_path / "rejects").exists()


@pytest.mark.usefixtures("other_disk")
def test_full_disk_in_between(photos: Path, judged: Judged, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """A disk that fills up while files are moved is an error that names the file; it stays in the source, whole."""
    manifest = judged(photos)
    with pytest.raises(DataprepError, match=r"copy of 2.png cannot be moved to .*: No space left on device"):
        quarantine(manifest, tmp_path / "rejects", lambda *call: request.getfixturevalue("full_disk"))
    assert names(photos) == KEPT | DROPPED - {"cat/copy of 1.png"} and names(tmp_path / "rejects") == {"cat/copy of 1.png"}


def test_one_link_under_two_names(photos: Path, judged: Judged, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where two names are one link, as when a folder is mounted twice, neither is removed for the other's sake."""
    done = quarantine(judged(photos), tmp_path / "rejects")
    for name in DROPPED:
        (photos / name).hardlink_to(tmp_path / "rejects" / name)
    lstat = os.lstat

    def single(path: str) -> os.stat_result:
        status = lstat(path)
        return os.stat_result([*status[:3], 1, *status[4:]])

    monkeypatch.setattr(os, "lstat", single)
    assert set(undo(done.log).blocked) == DROPPED


def test_progress(photos: Path, judged: Judged, tmp_path: Path) -> None:
    """Progress counts each move, there and back."""
    calls: list[tuple[str, int, int]] = []
    done = quarantine(judged(photos), tmp_path / "rejects", lambda *call: calls.append(call))
    undo(done.log, lambda *call: calls.append(call))
    assert calls == [(what, number, 3) for what in ("moving", "moving back") for number in (1, 2, 3)]
