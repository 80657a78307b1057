"""A quarantine or an undo that is killed before its k-th operation on the file system, for every k.

The test runs this file as a program: it forks a child for each k, which ends without any cleaning up, and looks at what is left.
"""

import builtins
import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import dataprep
from dataprep import DataprepError, Deduplicate, Folder, Manifest, Pipeline, clean, files
from dataprep.actions import materialize, quarantine, undo
from dataprep.testing import FakeEngine, encoded, photo

OPERATIONS = ("link", "rename", "replace", "unlink", "fsync", "mkdir", "rmdir", "symlink", "utime")
DISKS = ("same disk", "no hard links", "two disks")
KILLED = 9

TORN = os.fsdecode(b"cat/\xff.png")
CONTENTS = {f"{label}/{seed}.png": encoded(photo(seed, 24, 32), "PNG") for seed, label in enumerate(("cat", "dog"))}
CONTENTS[TORN] = b"no image"


def lay_out(root: Path) -> None:
    """Makes a source of two good photos, a file that is no image, and a link to be dropped, always with the same times."""
    for name, content in CONTENTS.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, ns=(10**18, 10**18))
    (root / "dog/link.png").symlink_to("../cat/0.png")


def judged(root: Path) -> Manifest:
    """Cleans a folder: what cannot be read and exact copies are dropped."""
    return clean(Folder(str(root)), Pipeline(Deduplicate(by=None)), engine=FakeEngine())


def tree(folder: Path) -> dict[str, bytes | str]:
    """What each name below a folder stands for: content, or where a link leads."""
    paths = [path for path in folder.rglob("*") if path.is_symlink() or path.is_file()]
    return {str(path.relative_to(folder)): os.readlink(path) if path.is_symlink() else path.read_bytes() for path in paths}


def put_on(disk: str) -> None:
    """Makes this process see a kind of disk, or two of them: one for the source, one for the rest."""

    def limited(function: Callable[..., Any], name: str) -> Callable[..., Any]:
        def call(old: str, new: str, **options: Any) -> Any:
            if name == "link" and disk == "no hard links":
                raise OSError(errno.EPERM, "no hard links")
            if disk == "two disks" and ("photos" in Path(old).parts) != ("photos" in Path(new).parts):
                raise OSError(errno.EXDEV, "another disk")
            return function(old, new, **options)

        return call

    for name in ("link", "rename", "replace"):
        setattr(os, name, limited(getattr(os, name), name))
    os.fsync = lambda descriptor: None  # counts, but takes no time: a kill is no power cut


def killed(action: Callable[[], object], at: int) -> bool:
    """Runs an action in a child that ends before its operation number `at`; returns whether it got there."""
    child = os.fork()
    if child == 0:
        count = 0

        def mortal(function: Callable[..., Any]) -> Callable[..., Any]:
            def call(*arguments: Any, **options: Any) -> Any:
                nonlocal count
                count += 1
                if count == at:
                    os._exit(KILLED)
                return function(*arguments, **options)

            return call

        for name in OPERATIONS:
            setattr(os, name, mortal(getattr(os, name)))
        files.open = mortal(builtins.open)  # type: ignore[attr-defined]  # opening is an operation, too
        try:
            action()
        except BaseException as error:
            os.write(2, f"operation {at}: {error!r}\n".encode())
            os._exit(1)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, KILLED), code
    return code == KILLED


class Scene:
    """A source, its manifest, and what is done to them."""

    def __init__(self, folder: Path) -> None:
        self.photos, self.rejects = folder / "photos", folder / "rejects"
        lay_out(self.photos)
        self.manifest = judged(self.photos)
        self.before = tree(self.photos)
        self.dropped = {TORN, "dog/link.png"}

    def start(self) -> None:
        """Puts everything back as it was at first."""
        shutil.rmtree(self.photos)
        shutil.rmtree(self.rejects, ignore_errors=True)
        lay_out(self.photos)

    def quarantine(self) -> None:
        quarantine(self.manifest, self.rejects)

    def clean_again(self) -> None:
        quarantine(judged(self.photos), self.rejects)

    def undo(self) -> None:
        try:
            undo(self.rejects / "undo.jsonl")
        except DataprepError:
            # the log is written before the first move and removed after the last
            assert not (self.rejects / "undo.jsonl").exists() and tree(self.photos) == self.before

    def check_nothing_lost(self) -> None:
        """Every file is whole under its name in the source or in quarantine."""
        photos, rejects = tree(self.photos), tree(self.rejects)
        for name, content in self.before.items():
            found = {side[name] for side in (photos, rejects) if name in side}
            assert found == {content}, (name, found)

    def check_quarantined(self) -> None:
        assert tree(self.photos) == {name: data for name, data in self.before.items() if name not in self.dropped}
        assert tree(self.rejects).keys() == self.dropped | {"undo.jsonl"}

    def check_undone(self) -> None:
        assert tree(self.photos) == self.before
        assert all(
            name.startswith(files.UNFINISHED) for name in tree(self.rejects)
        )  # a log of which half was written, before anything was moved

    def kills(self, killed_one: str, then: str) -> Iterator[int]:
        """Yields the number of each operation that one action was killed before, when all was well after another."""
        for at in range(1, 1000):
            self.start()
            if killed_one == "undo":
                self.quarantine()
            if not killed(getattr(self, killed_one), at):
                return
            self.check_nothing_lost()
            getattr(self, then)()
            self.check_undone() if then == "undo" else self.check_quarantined()
            self.undo()
            self.check_undone()
            yield at


def kill_materialize(folder: Path) -> Iterator[int]:
    """Yields the number of each operation that a copy was killed before, when it held whole files only and could go on."""
    lay_out(folder / "photos")
    manifest = judged(folder / "photos")
    kept = {name: content for name, content in CONTENTS.items() if name != TORN}
    for at in range(1, 1000):
        shutil.rmtree(folder / "tree", ignore_errors=True)
        if not killed(lambda: materialize(manifest, folder / "tree", "copy"), at):
            return
        left = {name: data for name, data in tree(folder / "tree").items() if files.UNFINISHED not in name}
        assert left.items() <= kept.items()
        materialize(manifest, folder / "tree", "copy")
        assert tree(folder / "tree") == kept
        yield at


def main(folder: str, disk: str) -> None:
    """Writes a line on how many kills each pair of actions got over."""
    put_on(disk)
    sys.stdout.write(f"materialize {len(list(kill_materialize(Path(folder, 'm'))))}\n")
    scene = Scene(Path(folder, "q"))
    for first, *others in (("quarantine", "quarantine", "clean_again", "undo"), ("undo", "quarantine", "undo")):
        for then in others:
            sys.stdout.write(f"{first} {then} {len(list(scene.kills(first, then)))}\n")


@pytest.mark.slow
@pytest.mark.parametrize("disk", DISKS)
def test_killed_anywhere(tmp_path: Path, disk: str) -> None:
    """Killed before any operation, no file is lost or torn, and the same call, as well as undo, comes to its end."""
    environment = {**os.environ, "PYTHONPATH": str(Path(dataprep.__file__).parents[1])}
    command = [sys.executable, __file__, str(tmp_path), disk]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    counts = [int(line.split()[-1]) for line in done.stdout.splitlines()]
    assert len(counts) == 6 and min(counts) > 10, done.stdout


if __name__ == "__main__":
    main(*sys.argv[1:])
