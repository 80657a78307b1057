"""The README tells the truth: its code runs, its pipeline file loads, its flags and defaults are those of the command."""

import re
import shlex
from pathlib import Path

import click
import pytest

from dataprep.cli import cli
from dataprep.pipeline import Pipeline
from dataprep.testing import write_images

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """Returns the fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    """Returns the lines of shell blocks that call the installed command."""
    return [line for block in blocks("bash") for line in block.splitlines() if line.startswith("dataprep ")]


def test_python_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Python blocks run, one after the other, over a folder called photos."""
    pytest.importorskip("torch")
    pytest.importorskip("nvidia.dali", reason="DALI is not installed")
    write_images(tmp_path / "photos", 96)
    monkeypatch.chdir(tmp_path)
    shapes: set[tuple[int, ...]] = set()
    evaluated: list[int] = []
    names: dict[str, object] = {
        "train": lambda images, labels: shapes.add((*images.shape, *labels.shape)),
        "evaluate": lambda images, labels: evaluated.append(len(labels)),
    }
    for number, block in enumerate(blocks("python"), start=1):
        exec(compile(block, f"README.md, Python block {number}", "exec"), names)
    assert shapes == {(64, 3, 224, 224, 64)}
    assert sum(evaluated) == 2 * round(96 * 0.2)  # both epochs, whole


def test_yaml_block() -> None:
    """The pipeline file loads, and is the same after it was written and read again."""
    (text,) = blocks("yaml")
    pipeline = Pipeline.from_yaml(text)
    assert Pipeline.from_yaml(pipeline.to_yaml()) == pipeline


def subcommand(name: str) -> click.Command:
    """A subcommand of `dataprep`."""
    return cli.get_command(click.Context(cli), name)


@pytest.mark.parametrize("line", commands())
def test_command_lines(line: str) -> None:
    """Every command line uses a command that exists and flags that it has."""
    name, *arguments = shlex.split(line, comments=True)[1:]
    command = subcommand(name)
    command.make_parser(click.Context(command)).parse_args(arguments)


def test_thresholds() -> None:
    """The table of thresholds has every threshold of `dataprep clean` with its default."""
    table = dict(re.findall(r"^\| `(--[a-z-]+)` \| (auto|[\d.]+) \|", README, re.MULTILINE))
    options = {option.opts[0]: option.default for option in subcommand("clean").params if str(option.metavar).endswith("|off")}
    assert table == options


@pytest.mark.parametrize("name", ["demo", "tests", "long"])
def test_marked_commands(name: str) -> None:
    """The commands that .ci/run takes from here are there, in one block each."""
    assert len(re.findall(rf"^<!-- ci: {name} -->\n```bash\n[^`]+\n```$", README, re.MULTILINE)) == 1
