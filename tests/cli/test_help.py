"""What every `--help` holds, how the short flags are called, and how shells complete."""

import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from dataprep.cli import EXAMPLES, GROUPS, SUBCOMMANDS, cli
from dataprep.cli.command import Command
from dataprep.cli.options import KINDS
from dataprep.images.limits import MAX_PIXELS
from dataprep.sources import values

Run = Callable[..., Any]

SHORT = {"out": "-o", "quiet": "-q", "verbose": "-v", "help": "-h", "version": "-V"}
"""Flags with one letter, the same in every command."""


def command_of(name: str) -> Command:
    """Returns a command."""
    found = cli.get_command(None, name)
    assert isinstance(found, Command)
    return found


@pytest.mark.parametrize("name", SUBCOMMANDS)
def test_help(name: str) -> None:
    """Help has an example that is understood, every flag once under a heading, and the exit codes; none of it is loaded for."""
    command = command_of(name)
    said = CliRunner().invoke(cli, [name, "--help"]).output
    assert "Example" in said and "Exit codes: 0 " in said
    for example in command.examples:
        assert example in said
        line = example.partition("    #")[0].rpartition("| ")[2].strip()
        if line.startswith("eval"):
            line = line.partition("$(")[2].partition(")")[0]
        words = shlex.split(line.partition(" > ")[0])
        assert words[:2] == ["dataprep", name]
        command.make_context(name, words[2:])
    options = [
        one
        for one in command.get_params(click.Context(command, help_option_names=["-h", "--help"]))
        if isinstance(one, click.Option)
    ]
    for option in options:
        assert said.count(f"{max(option.opts, key=len)}") >= 1
        assert option.help, option.opts
        letters = [flag for flag in option.opts if not flag.startswith("--")]
        expected = SHORT.get(max(option.opts, key=len).lstrip("-"))
        assert letters == ([expected] if expected else []), option.opts


def test_every_command_is_in_a_group() -> None:
    """The list of commands has each of them once, under a heading, with examples that are understood."""
    assert sorted(name for names in GROUPS.values() for name in names) == sorted(SUBCOMMANDS)
    said = CliRunner().invoke(cli, ["--help"]).output
    assert all(f"{heading}:" in said for heading in GROUPS)
    for example in EXAMPLES:
        assert example in said
        _, name, *words = shlex.split(example.partition("    #")[0])
        command_of(name).make_context(name, words)


def test_help_is_at_once() -> None:
    """No help, nor what a shell completes, loads what cleaning needs."""
    code = (
        "import sys; from click.testing import CliRunner; from dataprep.cli import cli, SUBCOMMANDS\n"
        "for name in SUBCOMMANDS: assert CliRunner().invoke(cli, [name, '--help']).exit_code == 0, name\n"
        "print(*{'numpy', 'pyarrow', 'PIL', 'cv2', 'rich', 'yaml', 'attrs'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split()) == (0, []), done.stderr


def test_what_help_says_is_so() -> None:
    """Numbers and choices that help writes out are those of the library."""
    said = " ".join(CliRunner().invoke(cli, ["clean", "--help"]).output.split())
    assert f"[default: {MAX_PIXELS}, as Pillow]" in said
    assert KINDS == values.KINDS


@pytest.mark.parametrize("flag", ["-V", "--version"])
def test_version(dataprep: Run, flag: str) -> None:
    """The version is printed by either flag."""
    assert dataprep(flag).out.startswith("dataprep, version ")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("claen",), "did you mean 'clean'?"),
        (("materialise", "a", "b"), "did you mean 'materialize'?"),
        (("clean", "photos", "--min-sharpnes", "3"), "--min-sharpness"),
        (("materialize", "a", "b", "--mod", "copy"), "--mode"),
        (("split", "a", "--trian", "0.8"), "--train"),
        (("info", "a", "--jsn"), "--json"),
    ],
)
def test_typing_mistakes(dataprep: Run, arguments: tuple[str, ...], said: str) -> None:
    """A command or a flag that is misspelt is wrong usage, with what was meant."""
    dataprep(*arguments).assert_refused(2, said)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(dataprep: Run, shell: str) -> None:
    """A shell's script asks the command itself, by the variable that the command answers to."""
    ended = dataprep("completion", shell)
    assert ended.code == 0
    assert f"_DATAPREP_COMPLETE={shell}_complete" in ended.out


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("dataprep cl", {"clean"}),
        ("dataprep clean --min-s", {"--min-side", "--min-sharpness"}),
        ("dataprep materialize a b --mode ", {"copy", "hardlink", "symlink"}),
        ("dataprep clean photos --min-side ", {"auto", "off"}),
        ("dataprep clean photos --fail-on leaks,s", {"leaks,suspicious"}),
    ],
)
def test_what_is_completed(line: str, expected: set[str]) -> None:
    """Commands, flags, choices, the words of thresholds and the last of several names are completed."""
    code = "from dataprep.cli import main; import sys; sys.argv[0] = 'dataprep'; main()"
    words = line.split(" ")
    asked = {"_DATAPREP_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, **asked}, capture_output=True, text=True, check=False)
    assert {found.partition(",")[2] for found in done.stdout.split()} == expected, done.stderr


def test_report(dataprep: Run, folder: Path, tmp_path: Path) -> None:
    """`report` writes the page of a manifest where it was, or elsewhere, and prints its address last."""
    assert dataprep("clean", folder, "-o", tmp_path / "out", "--workers", "0", "--no-report", "-q").code == 0
    page = tmp_path / "out" / "report.html"
    assert dataprep("report", tmp_path / "out") == (0, f"report: {page.as_uri()}\n", "")
    assert "<html" in page.read_text()
    assert dataprep("report", tmp_path / "out", "-o", tmp_path / "page.html", "-q") == (0, "", "")
    assert (tmp_path / "page.html").is_file()


@pytest.mark.parametrize("command", ["clean", "report"])
def test_open(dataprep: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    """`--open` starts the browser of the system at the report; where there is none, its address is told and the code is 4."""
    out, opened = tmp_path / "out", tmp_path / "opened"
    dataprep("clean", folder, "-o", out, "--workers", "0", "-q")
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}\n')
    browser.chmod(0o755)
    arguments = ("clean", folder, "-o", out, "--workers", "0", "-q") if command == "clean" else ("report", out, "-q")
    code = "import webbrowser; webbrowser.register_standard_browsers(); from dataprep.cli import main; main()"
    environment = {**os.environ, "BROWSER": f"{browser} %s"}
    done = subprocess.run([sys.executable, "-c", code, *arguments, "--open"], env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert opened.read_text().strip() == (out / "report.html").as_uri()
    monkeypatch.setenv("BROWSER", str(tmp_path / "none"))
    monkeypatch.setenv("PATH", str(tmp_path))
    done = subprocess.run([sys.executable, "-c", code, *arguments, "--open"], capture_output=True, text=True, check=False)
    assert done.returncode == 4
    assert (out / "report.html").as_uri() in done.stderr
