"""`dataprep pack`: shards from a manifest, what it says, and how it ends."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import dataprep as dp
from dataprep.testing import FakeEngine

Command = Callable[..., Any]


@pytest.fixture
def out(folder: Path, tmp_path: Path) -> Path:
    """The folder of a manifest of 12 photos, 6 for training."""
    made = dp.split(dp.clean(folder, dp.Pipeline(dp.ChannelSums()), engine=FakeEngine()), {"train": 0.5, "test": 0.5})
    (tmp_path / "out").mkdir()
    made.write(tmp_path / "out" / "manifest.parquet")
    return tmp_path / "out"


def test_what_it_writes(dataprep: Command, out: Path, tmp_path: Path) -> None:
    """It writes what `dp.pack` does, says how much that is, and again finds it there; other commands read it."""
    line = ("pack", out, "--into", tmp_path / "packed", "--side", "64", "--shard", "20kB", "--split", "train", "--workers", "0")
    ended = dataprep(*line)
    assert (ended.code, ended.error) == (0, "")
    assert ended.out.startswith("6 images in 2 shards in ") and "the files have" in ended.out
    again = json.loads(dataprep(*line, "--json").out)
    assert (again["images"], again["shards"], again["present"], again["failed"]) == (6, 2, 2, [])
    packed = dp.Manifest.read(tmp_path / "packed")
    assert {min(size) for size in zip(*packed.table.select(["height", "width"]).to_pydict().values(), strict=True)} == {64}
    assert again["bytes"] == sum(path.stat().st_size for path in (tmp_path / "packed").glob("*.tar"))
    assert again["before"] == sum(row["bytes"] for row in dp.Manifest.read(out).select("train").table.to_pylist())
    assert "6 images" in dataprep("info", tmp_path / "packed").out or dataprep("info", tmp_path / "packed").code == 0
    assert dataprep("clean", tmp_path / "packed", "-o", tmp_path / "again", "--workers", "0", "-q", "--no-report").code == 0
    assert len(dp.Manifest.read(tmp_path / "again")) == 6


def test_an_image_that_was_changed(dataprep: Command, out: Path, folder: Path, tmp_path: Path) -> None:
    """It ends the command with its name; left out, it is named, counted, and the exit code says so."""
    (folder / "cat" / "0000.jpg").write_bytes(b"another")
    line = ("pack", out, "--into", tmp_path / "packed", "--workers", "0")
    dataprep(*line).assert_refused(1, "cat/0000.jpg", "was changed since the scan")
    ended = dataprep(*line, "--on-error", "skip")
    assert ended.code == 3
    assert "11 images" in ended.out and "left out: cat/0000.jpg: was changed" in ended.out
    assert json.loads(dataprep(*line, "--on-error", "skip", "--json").out)["failed"][0][0] == "cat/0000.jpg"


@pytest.mark.parametrize(
    ("flags", "code", "said"),
    [
        (("--raw", "--quality", "90"), 1, "one of the two"),
        (("--shard", "many"), 1, "256MB"),
        (("--split", "valid"), 1, "no split 'valid'"),
        (("--side", "0"), 2, "--side"),
    ],
)
def test_what_is_refused(dataprep: Command, out: Path, tmp_path: Path, flags: tuple[str, ...], code: int, said: str) -> None:
    """What cannot be is refused in a sentence before anything is written."""
    dataprep("pack", out, "--into", tmp_path / "packed", *flags).assert_refused(code, said)
    assert not (tmp_path / "packed").exists()


def test_a_dry_run(dataprep: Command, out: Path, tmp_path: Path) -> None:
    """It says what would be written and writes nothing."""
    ended = dataprep("pack", out, "--into", tmp_path / "packed", "--dry-run", "--no-shuffle")
    assert ended.code == 0 and ended.out.startswith("would write 12 images in 2 shards to ") and "(--dry-run)" in ended.out
    assert not (tmp_path / "packed").exists()
    assert dataprep("pack", out, "--into", tmp_path / "packed", "--quiet", "--workers", "0") == (0, "", "")
