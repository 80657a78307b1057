"""Folders of photos with rejects between them, judged."""

import errno
import os
from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path

import pytest

from dataprep import Deduplicate, Folder, Manifest, Pipeline, clean
from dataprep.testing import FakeEngine, encoded, photo


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Four different photos, of which two have a copy, and a file that is no image."""
    root = tmp_path / "photos"
    for number, place in enumerate(("cat/1.png", "cat/2.png", "dog/1.png", "dog/2.png")):
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        (root / place).write_bytes(encoded(photo(number, 24, 32), "PNG"))
    (root / "cat/copy of 1.png").write_bytes((root / "cat/1.png").read_bytes())
    (root / "dog/copy of 2.png").write_bytes((root / "dog/2.png").read_bytes())
    (root / "dog/torn.png").write_bytes(b"no image")
    return root


@pytest.fixture
def judged() -> Callable[..., Manifest]:
    """A function that cleans a folder: what cannot be read and exact copies are dropped."""

    def judge(root: Path, splits: bool = False) -> Manifest:
        return clean(Folder(str(root), splits), Pipeline(Deduplicate(by=None)), engine=FakeEngine())

    return judge


@pytest.fixture
def no_links(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system without hard links, such as FAT."""

    def link(old: str, new: str, **options: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", link)


@pytest.fixture
def other_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything below the folder `photos` lies on a disk of its own."""

    def guarded(function: Callable[..., None]) -> Callable[..., None]:
        def call(old: str, new: str, **options: object) -> None:
            if ("photos" in Path(old).parts) != ("photos" in Path(new).parts):
                raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
            function(old, new, **options)

        return call

    for name in ("link", "rename", "replace"):
        monkeypatch.setattr(os, name, guarded(getattr(os, name)))


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that takes 100 bytes of each new file."""

    class File:
        def __init__(self, path: str, mode: str) -> None:
            self._file, self._left = open(path, mode), 100  # noqa: SIM115  closed by __exit__

        def __enter__(self) -> "File":
            return self

        def __exit__(self, *error: object) -> None:
            self._file.close()

        def __getattr__(self, name: str) -> object:
            return getattr(self._file, name)

        def write(self, data: bytes) -> int:
            self._file.write(bytes(data)[: self._left])
            self._left -= len(data)
            if self._left < 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return len(data)

        def writelines(self, lines: Iterable[bytes]) -> None:
            for line in lines:
                self.write(line)

    for module in ("files", "actions.export"):
        monkeypatch.setattr(import_module(f"dataprep.{module}"), "open", File, raising=False)
