"""`--dry-run`: it says what the command then does, refuses what the command refuses, and leaves every file as it is."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dataprep.testing import encoded, photo, write_images

Command = Callable[..., Any]


@pytest.fixture
def cleaned(dataprep: Command, tmp_path: Path) -> Path:
    """A folder with what `clean` wrote of eight photos and two copies, and the photos beside it."""
    photos = tmp_path / "photos"
    write_images(photos, 8)
    for name in ("copy one.jpg", "copy.jpg"):
        (photos / "cat" / name).write_bytes((photos / "cat" / "0000.jpg").read_bytes())
    assert dataprep("clean", photos, "-o", tmp_path / "out", "--workers", "0", "-q", "--no-report").code == 0
    return tmp_path / "out"


def stamps(folder: Path) -> dict[str, tuple[int, int]]:
    """Returns what tells all files and folders from others."""
    return {str(path.relative_to(folder)): (path.stat().st_ino, path.stat().st_mtime_ns) for path in sorted(folder.rglob("*"))}


def arguments(command: str, out: Path) -> list[object]:
    """Returns a command line that changes files."""
    lines: dict[str, list[object]] = {
        "clean": [out.parent / "photos", "-o", out, "--workers", "0"],
        "materialize": [out, out.parent / "deep" / "tree"],
        "quarantine": [out, out.parent / "deep" / "rejects"],
        "undo": [out.parent / "held"],
        "export": [out, out.parent / "records.csv"],
        "pack": [out, "--into", out.parent / "deep" / "packed"],
        "split": [out, "--train", "0.5", "--test", "0.5"],
    }
    return [command, *lines[command]]


@pytest.mark.parametrize("command", ["clean", "materialize", "quarantine", "undo", "export", "pack", "split"])
def test_nothing_is_done(dataprep: Command, cleaned: Path, command: str) -> None:
    """It ends with 0 and says what the command is then seen to do, by number; until then no file or folder is another."""
    if command == "undo":
        assert dataprep("quarantine", cleaned, cleaned.parent / "held", "-q").code == 0
    before = stamps(cleaned.parent)
    ended = dataprep(*arguments(command, cleaned), "--dry-run")
    assert ended.code == 0, ended.error
    assert "(--dry-run)" in ended.out and "would " in ended.out
    assert stamps(cleaned.parent) == before
    done = dataprep(*arguments(command, cleaned))
    assert done.code == 0
    assert stamps(cleaned.parent) != before
    if command not in ("clean", "split"):
        numbers = [re.findall(r"[\d,]+(?= (?:images|files|records))", text)[0] for text in (ended.out, done.out)]
        assert numbers[0] == numbers[1]


def test_moves_are_listed(dataprep: Command, cleaned: Path) -> None:
    """What would be moved is listed with its reason, and what not and why; -v lists what is too much for a screen."""
    (cleaned.parent / "photos" / "cat" / "copy.jpg").write_bytes(b"another")
    said = dataprep("quarantine", cleaned, cleaned.parent / "rejects", "--dry-run").out
    assert re.search(r"would move 1 files.*\n  .*copy one.jpg -> .*rejects/cat/copy one.jpg: exact duplicate\n", said)
    assert "not moved: cat/copy.jpg: changed since the scan" in said
    photos = cleaned.parent / "photos"
    for number in range(15):
        (photos / f"more{number}.jpg").write_bytes(encoded(photo(1)))
    assert dataprep("clean", photos, "-o", cleaned, "--workers", "0", "-q", "--no-report").code == 0
    few, all_of_them = (
        dataprep("quarantine", cleaned, cleaned.parent / "rejects", "--dry-run", *flag).out for flag in ((), ("-v",))
    )
    assert few.count(" -> ") == 10 and "more; -v lists all" in few
    assert all_of_them.count(" -> ") > 15 and "more; -v" not in all_of_them


@pytest.mark.parametrize("command", ["materialize", "quarantine", "undo", "export"])
def test_what_is_refused(dataprep: Command, cleaned: Path, command: str) -> None:
    """What the command refuses, it refuses as well, with the same words and code."""
    line = [command, cleaned, cleaned.parent / "photos" / "within"] if command != "undo" else [command, cleaned]
    if command == "export":
        line[2] = cleaned.parent / "there.csv"
        line[2].write_text("mine")
    before = stamps(cleaned.parent)
    assert dataprep(*line, "--dry-run") == dataprep(*line)
    assert dataprep(*line).code == 1
    assert stamps(cleaned.parent) == before


def test_clean_says_how_it_understands(dataprep: Command, tmp_path: Path) -> None:
    """It counts the images and their labels, names what is left alone, and how many would be read, as then happens."""
    photos, out = tmp_path / "photos", tmp_path / "out"
    write_images(photos, 6)
    (photos / "notes.txt").write_text("no image")
    assert "6 images, of which 6 have to be read\nlabels: cat 3, dog 3\n" in dataprep("clean", photos, "-o", out, "--dry-run").out
    assert not out.exists()
    assert dataprep("clean", photos, "-o", out, "--workers", "0", "-q", "--no-report").code == 0
    (photos / "cat" / "new.jpg").write_bytes(encoded(photo(9)))
    said = json.loads(dataprep("clean", photos, "-o", out, "--dry-run", "--json").out)
    assert (said["images"], said["known"], said["labels"], said["ignored"]) == (7, 6, {"cat": 4, "dog": 3}, {".txt": 1})
    assert said["replaces"] == [str(out / "manifest.parquet"), str(out / "summary.json")]
    assert json.loads(dataprep("clean", photos, "-o", out, "--workers", "0", "--json", "--no-report").out)["measured"] == 1
