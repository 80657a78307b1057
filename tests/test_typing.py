"""What type checkers make of dataprep: mypy and pyright see tensors, accept what users write and find their mistakes."""

import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

import dataprep

TYPED = Path(__file__).parent / "typed"
ROOT = Path(dataprep.__file__).parents[1]


def mypy(cache: Path) -> dict[str, set[int]]:
    """Returns the lines that mypy finds something in, by file, as strict as it can be."""
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", "", "--cache-dir", cache, "--output", "json", "."]
    done = subprocess.run(command, cwd=TYPED, env=environment(), capture_output=True, text=True, timeout=600, check=False)
    assert done.stderr == "", done.stderr
    found = defaultdict(set)
    for one in map(json.loads, done.stdout.splitlines()):
        if one["severity"] == "error":
            found[Path(one["file"]).name].add(one["line"])
    return found


def pyright(cache: Path) -> dict[str, set[int]]:
    """Returns the lines that pyright finds something in, by file, as it is by default; basedpyright brings its own node."""
    (cache / "pyrightconfig.json").write_text(json.dumps({"typeCheckingMode": "standard", "include": [str(TYPED)]}))
    command = [sys.executable, "-m", "basedpyright", "--project", cache, "--pythonpath", sys.executable, "--outputjson"]
    done = subprocess.run(command, cwd=TYPED, env=environment(), capture_output=True, text=True, timeout=600, check=False)
    report = json.loads(done.stdout)
    assert report["summary"]["filesAnalyzed"] == 2, report
    found = defaultdict(set)
    for one in report["generalDiagnostics"]:
        if one["severity"] == "error":
            found[Path(one["file"]).name].add(one["range"]["start"]["line"] + 1)
    return found


def environment() -> dict[str, str]:
    """Returns variables that let a checker see the dataprep that the tests see."""
    return {**os.environ, "MYPYPATH": str(ROOT) if "site-packages" not in str(ROOT) else "", "PYTHONPATH": str(ROOT)}


@pytest.mark.slow
@pytest.mark.parametrize("checker", [mypy, pyright], ids=["mypy", "pyright"])
def test_checkers_see_what_users_write(checker: Callable[[Path], dict[str, set[int]]], tmp_path: Path) -> None:
    """A file of what users write has no error: batches hold tensors, lists of ops are pipelines; each marked mistake has one."""
    pytest.importorskip("torch")
    if not find_spec("mypy" if checker is mypy else "basedpyright"):
        pytest.skip("the checker is not installed")
    marked = {number for number, line in enumerate((TYPED / "wrong.py").read_text().splitlines(), 1) if line.endswith("# wrong")}
    assert checker(tmp_path) == {"wrong.py": marked}
