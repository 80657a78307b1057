"""`dataprep undo`: what it prints, and its exit codes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

from dataprep import Manifest
from dataprep.actions import quarantine
from dataprep.cli.undo import undo

Command = Callable[..., Any]


@pytest.fixture
def log(photos: Path, judged: Callable[..., Manifest], tmp_path: Path) -> Path:
    """The log of a quarantine of three files."""
    return quarantine(judged(photos), tmp_path / "rejects").log


def test_restored(dataprep: Command, log: Path, photos: Path) -> None:
    """It says how many files are back, and where, and ends with 0."""
    assert dataprep("undo", log) == (0, f"3 files moved back to {photos}\n", "")
    assert (photos / "dog/torn.png").exists() and not log.parent.exists()


def test_folder(dataprep: Command, log: Path) -> None:
    """The folder of the log will do."""
    assert dataprep("undo", log.parent, "--quiet") == (0, "", "")


def test_json(dataprep: Command, log: Path, photos: Path) -> None:
    """With --json the result is an object."""
    assert json.loads(dataprep("undo", log, "--json").out) == {
        "roots": [str(photos)],
        "moved": 3,
        "present": 0,
        "blocked": [],
        "missing": [],
        "complete": True,
    }


def test_incomplete(dataprep: Command, log: Path, photos: Path) -> None:
    """It names each file that is not back and why, and ends with 4."""
    (photos / "dog/torn.png").write_bytes(b"another")
    (log.parent / "cat/copy of 1.png").unlink()
    code, out, error = dataprep("undo", log)
    assert (code, error) == (4, "Error: 2 of 3 files are not back; the log is kept\n")
    assert out.splitlines() == [
        f"1 file moved back to {photos}",
        "  still in quarantine, since another file has its name: dog/torn.png",
        "  neither in quarantine nor in the source: cat/copy of 1.png",
    ]
    (photos / "dog/torn.png").unlink()
    assert dataprep("undo", log).out.startswith(f"1 file moved back to {photos}, 1 was there already\n")


def test_no_log(dataprep: Command, tmp_path: Path) -> None:
    """Without a log it ends with 1 and one sentence."""
    code, out, error = dataprep("undo", tmp_path / "undo.jsonl")
    assert (code, out) == (1, "")
    assert error.startswith(f"Error: there is no undo log {tmp_path}/undo.jsonl") and error.count("\n") == 1


def test_usage(dataprep: Command) -> None:
    """Without an argument it ends with 2."""
    assert dataprep("undo").code == 2


def test_help() -> None:
    """Its help says what LOG is and which exit codes there are."""
    text = undo.get_help(click.Context(undo, info_name="undo"))
    assert "LOG is the file undo.jsonl" in text and "Exit codes" in text
