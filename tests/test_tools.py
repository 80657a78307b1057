"""What judges the code is the same wherever it is run."""

import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]


def test_pre_commit_runs_the_pinned_linter() -> None:
    """Before a commit runs the ruff that pyproject.toml pins."""
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    pins = dict(pin.split("==") for pin in groups["lint"])
    repos = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    revisions = {repo["repo"].rpartition("/")[2]: repo.get("rev") for repo in repos}
    assert revisions["ruff-pre-commit"] == f"v{pins['ruff']}"


def test_the_page_draws_the_floors_as_they_are() -> None:
    """docs/architecture.md has the floors of the contract, from the roof down."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    floors = [set(re.findall(r"\w+", floor)) for floor in contracts[0]["layers"]]
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    drawn = page.partition("```text\n")[2].partition("```")[0].splitlines()
    assert [set(re.split(r"\s+", line)[: len(floor)]) for line, floor in zip(drawn, floors, strict=True)] == floors
