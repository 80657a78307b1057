"""Settings beside the command line: the environment and pyproject.toml, which wins, and what is refused."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dataprep.cli import SUBCOMMANDS, cli
from dataprep.cli.settings import flag_of
from dataprep.manifest import Manifest

Command = Callable[..., Any]


@pytest.fixture
def project(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with photos in it."""
    monkeypatch.chdir(folder.parent)
    return folder.parent


def write(project: Path, text: str, command: str = "clean") -> None:
    """Writes the settings of a command."""
    (project / "pyproject.toml").write_text(f"[tool.dataprep.{command}]\n{text}\n")


CLEAN = 'sources = "photos"\nout = "cleaned"\nworkers = 0\nno-report = true\nquiet = true'


def side(project: Path, out: str = "cleaned") -> float:
    """Returns the least side that the rules of a manifest ask for."""
    rules = Manifest.read(project / out).pipeline.rules
    return next(rule.least for rule in rules if getattr(rule, "column", "") == "height")


@pytest.mark.parametrize(
    ("file", "variable", "flag", "expected"),
    [("min-side = 3", None, None, 3), ("min_side = 3", "5", None, 5), ("min-side = 3", "5", "7", 7), ("", "5", "7", 7)],
)
def test_precedence(
    dataprep: Command,
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    file: str,
    variable: str | None,
    flag: str | None,
    expected: int,
) -> None:
    """A flag wins over a variable, and a variable over the file; what is required may come from the file."""
    write(project, f"{CLEAN}\n{file}")
    if variable is not None:
        monkeypatch.setenv("DATAPREP_CLEAN_MIN_SIDE", variable)
    assert dataprep("clean", *(() if flag is None else ("--min-side", flag))) == (0, "", "")
    assert side(project) == expected


def test_paths_are_below_the_file(dataprep: Command, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The nearest file upwards is read, and its paths are relative to its folder, wherever the command runs."""
    write(project, f"{CLEAN}\nexclude = ['cat/*', '*.gif']")
    (project / "deep" / "er").mkdir(parents=True)
    (project / "deep" / "pyproject.toml").write_text("[tool.other]\nkey = 1\n")
    monkeypatch.chdir(project / "deep" / "er")
    assert dataprep("clean") == (0, "", "")
    assert Manifest.read(project / "cleaned").classes == ("dog",)


def test_verbose_says_where_from(dataprep: Command, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With -v the command says which settings are not from the command line, and help what sets and what has set each flag."""
    write(project, f"{CLEAN}\nmin-side = 3")
    monkeypatch.setenv("DATAPREP_CLEAN_RADIUS", "off")
    said = dataprep("clean", "-v", "--min-contrast", "off").error
    assert "--min-side 3  (from [tool.dataprep.clean] of" in said
    assert "--radius off  (from DATAPREP_CLEAN_RADIUS)" in said
    assert "--min-contrast" not in said
    told = " ".join(dataprep("clean", "--help", "-v").out.split())
    assert "[DATAPREP_CLEAN_MIN_SIDE; now 3, from [tool.dataprep.clean] of" in told
    assert "[DATAPREP_CLEAN_RADIUS; now off]" in told
    assert "DATAPREP_CLEAN_VIEWS]" in told
    assert "DATAPREP" not in dataprep("clean", "--help").out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("min-sid = 3", ("min-sid = 3: no such flag", "did you mean 'min-side'")),
        ("min-side = 'x'", ("'x' is neither a number", "(from [tool.dataprep.clean] of")),
        ("min-side = true", ("give a value",)),
        ("views = 1", ("give true or false",)),
        ("out = ['a', 'b']", ("give one value",)),
        ("exclude = [['a']]", ("give a text, a number or a list",)),
        ("help = true", ("no such flag",)),
        ("= 3", ("cannot be read",)),
    ],
)
def test_what_is_refused(dataprep: Command, project: Path, text: str, said: tuple[str, ...]) -> None:
    """What a file has wrong is wrong usage, with the file and the setting named; help is there all the same."""
    write(project, text)
    dataprep("clean", "photos", "--out", "cleaned").assert_refused(2, *said)
    assert not (project / "cleaned").exists()
    assert dataprep("clean", "--help").code == 0


def test_misspelt_command(dataprep: Command, project: Path) -> None:
    """A table of a command that there is not is refused, with what was meant."""
    write(project, "min-side = 3", "claen")
    dataprep("clean", "photos", "--out", "cleaned").assert_refused(2, "no command is called 'claen'", "'clean'")


def test_misspelt_variable(dataprep: Command, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable of a flag that there is not is refused, with what was meant; a wrong value names its variable."""
    monkeypatch.setenv("DATAPREP_CLEAN_MIN_SIDES", "3")
    dataprep("clean", "photos", "--out", "cleaned").assert_refused(2, "DATAPREP_CLEAN_MIN_SIDES", "did you mean")
    monkeypatch.delenv("DATAPREP_CLEAN_MIN_SIDES")
    monkeypatch.setenv("DATAPREP_CLEAN_MIN_SIDE", "wide")
    dataprep("clean", "photos", "--out", "cleaned").assert_refused(2, "'wide'", "(from DATAPREP_CLEAN_MIN_SIDE)")


@pytest.mark.parametrize("name", SUBCOMMANDS)
def test_every_flag_has_a_variable(name: str) -> None:
    """Each flag and argument can be set by a variable of its name, no two by the same; help and verbose are of one call."""
    command = cli.get_command(None, name)
    found = {parameter.envvar for parameter in command.params if parameter.name != "verbose"}
    assert found == {
        f"DATAPREP_{name}_{flag_of(parameter).lstrip('-').replace('-', '_')}".upper()
        for parameter in command.params
        if parameter.name != "verbose"
    }
    assert len(found) == sum(parameter.name != "verbose" for parameter in command.params)


def test_the_page(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings and variables that the page on the command line shows are understood."""
    page = Path(__file__).parents[2] / "docs" / "command-line.md"
    if not page.exists():
        pytest.skip("the pages are not installed")
    text = page.read_text(encoding="utf-8")
    (settings,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    (project / "pyproject.toml").write_text(settings)
    for name, value in re.findall(r'^export (\w+)="?([^"\s#]*)', text, re.MULTILINE):
        monkeypatch.setenv(name, value)
    command = cli.get_command(None, "clean")
    context = command.make_context("clean", [])
    assert context.params["out"] == project / "cleaned"
    assert context.params["min_sharpness"] == 80
    assert context.params["exclude"] == ("*.gif",)


def test_a_threshold_beside_a_pipeline_file(dataprep: Command, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A threshold that a pipeline file would silence is refused, wherever it is set."""
    (project / "pipeline.yaml").write_text("version: 1\nstages: []\n")
    monkeypatch.setenv("DATAPREP_CLEAN_RADIUS", "8")
    line = ("clean", "photos", "--out", "cleaned", "--pipeline", "pipeline.yaml")
    dataprep(*line).assert_refused(2, "--radius, which is set beside the command line (see -v), and --pipeline exclude")
