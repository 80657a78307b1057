"""The floors of the house and the nevers, as the contracts in pyproject.toml have them."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_floors_hold() -> None:
    """Imports go down, never in circles, and what must never know of each other does not."""
    # in a process of its own: it sets up logging for a program, after which no logger that there was says anything
    lint = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    done = subprocess.run([sys.executable, "-c", lint], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
