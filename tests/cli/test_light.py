"""What a command loads: no more than it needs, so that it answers at once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import dataprep
from dataprep.testing import write_images

RUN = """
import sys
from dataprep.cli import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
print("loaded:", *sys.modules)
"""

HEAVY = ("torch", "nvidia", "numba", "scipy", "albumentations", "skimage", "sklearn", "pandas", "yaml", "cv2")
"""What no run of `clean` over a folder of JPEGs needs, whatever else is installed."""

UNUSED = (
    *("dataprep.stages.catalogue", "dataprep.stages.ops", "dataprep.stages.mixes", "dataprep.stages.rules.crops"),
    *("dataprep.sources.catalogue", "dataprep.sources.archives", "dataprep.sources.memory", "dataprep.sources.huggingface"),
    *("dataprep.backends", "dataprep.loading", "dataprep.demo", "pyarrow.csv", "pyarrow.json"),
)
"""Our own parts that it does not use, and those of Arrow."""


def loaded(*arguments: object) -> set[str]:
    """Returns the modules that a command has loaded when it ends."""
    environment = {**os.environ, "PYTHONPATH": str(Path(dataprep.__file__).parents[1])}
    command = [sys.executable, "-P", "-W", "error", "-c", RUN, *map(str, arguments)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split()[1:])


def reached(modules: set[str], unwanted: tuple[str, ...]) -> set[str]:
    """Returns which modules, or parts of packages, are among some that are not wanted."""
    return {name for name in modules if any(name == one or name.startswith(f"{one}.") for one in unwanted)}


@pytest.mark.parametrize("flags", [("--no-report", "--json"), ()], ids=["numbers", "report"])
def test_clean(tmp_path: Path, flags: tuple[str, ...]) -> None:
    """A run over a folder of JPEGs loads no framework, no pandas, and none of our own parts that only others use."""
    write_images(tmp_path / "photos", 6)
    modules = loaded("clean", tmp_path / "photos", "--out", tmp_path / "out", *flags)
    assert reached(modules, (*HEAVY, *UNUSED)) == set()
    assert not [name for name in modules if name.endswith("ImagePlugin")]  # Pillow's formats: JPEG is read without
