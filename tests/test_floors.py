"""The floors of the house and the nevers, as the contracts in pyproject.toml have them."""

from pathlib import Path

import pytest
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

CONTRACTS = Path(__file__).parents[1] / "pyproject.toml"


def test_the_floors_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    """Imports go down, never in circles, and what must never know of each other does not."""
    monkeypatch.chdir(CONTRACTS.parent)
    assert lint_imports(config_filename=str(CONTRACTS), cache_dir=None) == EXIT_STATUS_SUCCESS
