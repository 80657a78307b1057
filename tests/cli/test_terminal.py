"""The terminal: whatever files, labels and reasons are called, what is printed has no escape sequence in it."""

import io
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table

import dataprep.cli
from dataprep.cli.console import Terminal
from dataprep.cli.terminal import plain
from dataprep.testing import encoded, photo, write_images

EVIL = "\x1b]0;title\x07\x1b[2J\x9b31mred\u202egpj\r\n\x7f"
SPELT = r"\x1b]0;title\x07\x1b[2J\x9b31mred\u202egpj\r\n\x7f"
SEEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]")
"""What no line may hold; a line may end."""


def test_spelt_out() -> None:
    """Control characters and turns of direction are spelt out; all else is as it was."""
    assert plain(EVIL) == SPELT
    assert plain("größe 漢字 😀 [bold]\\") == "größe 漢字 😀 [bold]\\"


@given(st.text())
def test_no_text_is_dangerous(text: str) -> None:
    """No text has anything left in it that steers a terminal, and it is one line, also in a table."""
    assert not SEEN.search(plain(text))
    assert "\n" not in plain(text)
    terminal = Terminal()
    terminal.file = io.StringIO()
    table = Table()
    table.add_row(text.replace("[", ""))
    terminal.print(table)
    assert not SEEN.search(terminal.file.getvalue())


def test_nothing_is_printed_elsewhere() -> None:
    """No command prints but by the functions that spell things out."""
    printing = re.compile(r"click\.(echo|secho)|\bprint\(|\bConsole\(")
    for path in Path(dataprep.cli.__file__).parent.glob("*.py"):
        found = [line for line in path.read_text().splitlines() if printing.search(line) and ".print(" not in line]
        assert not found or path.name == "terminal.py", (path.name, found)


@pytest.fixture
def evil(tmp_path: Path) -> Path:
    """A folder whose labels, and the names in it, are escape sequences: copies, a leak and a file that is no image."""
    root = tmp_path / f"photos {EVIL}"
    write_images(root, 4, labels=(EVIL, "cat"))
    copy = encoded(photo(50))
    for label in (EVIL, "cat"):
        (root / label / f"copy {EVIL}.jpg").write_bytes(copy)
    (root / "cat" / f"torn {EVIL}.jpg").write_bytes(b"no image")
    return root


@pytest.mark.parametrize(
    "flags", [(), ("--json",), ("--materialize", "copy", "--export", "csv"), ("--fail-on", "conflicts,suspicious"), ("--splits",)]
)
def test_every_path(evil: Path, tmp_path: Path, dataprep: Callable[..., object], flags: tuple[str, ...]) -> None:
    """Whatever a command says of such a folder, and of its mistakes, is plain."""
    out = tmp_path / f"out {EVIL}"
    clean = ("clean", evil, "--out", out, "--workers", "0", "--no-report")
    ended = dataprep(*clean, *flags)
    for arguments in (
        ("split", out, "--train", "0.5", "--test", "0.5", "--out", out / f"{EVIL}.parquet"),
        ("info", out),
        ("quarantine", out, tmp_path / f"away {EVIL}"),
        ("quarantine", out, tmp_path / f"away {EVIL}"),
        ("undo", tmp_path / f"away {EVIL}"),
        ("undo", tmp_path / f"away {EVIL}"),
        ("clean", tmp_path / EVIL, "--out", out),
        ("clean", evil, EVIL, "--out", out),
        (EVIL,),
        ("clean", evil, f"--{EVIL}"),
        ("clean", evil, "--out", out, "--min-side", EVIL),
        ("clean", evil, "--out", out, "--overrides", tmp_path / EVIL),
    ):
        assert not SEEN.search(ended.out + ended.error), (arguments, ended)
        ended = dataprep(*arguments)
    assert not SEEN.search(ended.out + ended.error)


@pytest.mark.parametrize("arguments", [("clean", "photos", "--out", "out", "--json"), ("--help",)])
def test_nowhere_to_print(folder: Path, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """Where standard output is full, the command fails with one sentence."""
    command = [sys.executable, "-m", "dataprep", *arguments]
    with open("/dev/full", "w") as full:
        ended = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=300, cwd=tmp_path, check=False)
    assert ended.returncode == 1
    assert ended.stderr == "Error: [Errno 28] No space left on device\n"
