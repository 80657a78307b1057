"""Exit codes where a part was done: 4, with what was done and what was not; 1 only where nothing was."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dataprep.manifest import Manifest
from dataprep.testing import write_images

Command = Callable[..., Any]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Six photos and two copies."""
    folder = tmp_path / "photos"
    write_images(folder, 6)
    for name in ("copy1.jpg", "copy2.jpg"):
        (folder / "cat" / name).write_bytes((folder / "cat" / "0000.jpg").read_bytes())
    return folder


@pytest.fixture
def clean(dataprep: Command, photos: Path, tmp_path: Path) -> Command:
    """Cleans them, with some flags more."""
    return lambda *flags: dataprep("clean", photos, "-o", tmp_path / "out", "--workers", "0", "-q", *flags)


def test_the_report_cannot_be_written(clean: Command, tmp_path: Path) -> None:
    """A manifest that is there without what follows it is a part; the error says so, and why."""
    assert clean("--no-report").code == 0
    (tmp_path / "out" / "report.html").mkdir()
    ended = clean("--min-side", "3")
    assert ended.code == 4
    assert f"{tmp_path / 'out' / 'manifest.parquet'} is written, but" in ended.error
    assert "report.html" in ended.error
    assert any(getattr(rule, "least", None) == 3 for rule in Manifest.read(tmp_path / "out").pipeline.rules)


def test_nothing_is_written(clean: Command, tmp_path: Path, photos: Path) -> None:
    """A run that fails before its manifest has done nothing, even if one of an earlier run is there."""
    assert clean().code == 0
    shutil.rmtree(photos)
    ended = clean()
    assert ended.code == 1
    assert "is written" not in ended.error


def test_the_tree_is_in_the_way(clean: Command, tmp_path: Path) -> None:
    """A tree that cannot be made after the manifest is a part."""
    (tmp_path / "out" / "images").mkdir(parents=True)
    (tmp_path / "out" / "images" / "other.jpg").write_bytes(b"mine")
    ended = clean("--materialize", "copy")
    assert ended.code == 4
    assert "is written, but" in ended.error and "other.jpg" in ended.error
    assert (tmp_path / "out" / "manifest.parquet").is_file()


@pytest.mark.parametrize("command", ["quarantine", "clean"])
def test_files_that_stay(dataprep: Command, clean: Command, photos: Path, tmp_path: Path, command: str) -> None:
    """Where some of the dropped images cannot be moved, the others are, and it is said which stay."""
    os.link(photos / "cat" / "0000.jpg", photos / "cat" / "0000-linked.jpg")
    assert clean("--no-report").code == 0
    rejects = tmp_path / "rejects"
    if command == "quarantine":
        (photos / "cat" / "copy1.jpg").write_bytes(b"other")
        ended = dataprep("quarantine", tmp_path / "out", rejects)
        assert "not moved: cat/copy1.jpg: changed since the scan" in ended.out
        assert (rejects / "cat" / "copy2.jpg").is_file()
        assert ended.code == 4
    else:
        assert clean("--no-report", "--quarantine", rejects).code == 0
        assert (rejects / "cat" / "copy1.jpg").is_file()


@pytest.mark.parametrize("blocked", ["one", "all"])
def test_undo(dataprep: Command, clean: Command, photos: Path, tmp_path: Path, blocked: str) -> None:
    """An undo that moves some files back is a part; one that moves none has done nothing."""
    assert clean("--no-report", "--quarantine", tmp_path / "rejects").code == 0
    for name in ("copy1.jpg", "copy2.jpg")[: 1 if blocked == "one" else 2]:
        (photos / "cat" / name).write_bytes(b"another")
    ended = dataprep("undo", tmp_path / "rejects")
    assert ended.code == (4 if blocked == "one" else 1)
    assert "not back" in ended.error


def test_materialize_stops_within(dataprep: Command, clean: Command, photos: Path, tmp_path: Path) -> None:
    """A tree that cannot be finished says how many images are in it."""
    assert clean("--no-report").code == 0
    tree = tmp_path / "tree"
    (tree / "dog").mkdir(parents=True)
    (tree / "dog" / "0001.jpg").write_bytes(b"not the image")
    ended = dataprep("materialize", tmp_path / "out", tree)
    assert ended.code == 4
    assert f"of the images in {tree} are done, and" in ended.error
    assert sum(path.is_file() for path in (tree / "cat").iterdir()) == int(ended.error.split()[1])
