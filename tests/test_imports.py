"""What importing dataprep costs: nothing that cleaning does not need is loaded before it is asked for."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import dataprep

HEAVY = (
    "torch",
    "nvidia.dali",
    "ray",
    "albumentations",
    "imagehash",
    "sklearn",
    "skimage",
    "scipy",
    "pandas",
    "numba",
    "datasets",
    "torchvision",
    "timm",
    "IPython",
    "rich",
)

IMPORT = "import dataprep"
HELP = """
import sys
from dataprep.cli import main
sys.argv = ["dataprep", "--help"]
try:
    main()
except SystemExit as end:
    assert end.code == 0, end.code
"""


def python(code: str) -> subprocess.CompletedProcess[str]:
    """Runs code in a fresh interpreter, with warnings as errors, that sees the dataprep that this one sees."""
    environment = {**os.environ, "PYTHONPATH": str(Path(dataprep.__file__).parents[1])}
    command = [sys.executable, "-P", "-W", "error", "-c", code]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)


CLEAN = """
import tempfile
from pathlib import Path
import numpy as np
import PIL.Image
import dataprep
with tempfile.TemporaryDirectory() as folder:
    for label in "ab":
        Path(folder, label).mkdir()
        image = PIL.Image.fromarray(np.random.default_rng(ord(label)).integers(0, 256, (50, 60, 3), np.uint8))
        image.save(Path(folder, label, "one.jpg"))
    dataprep.clean(folder)
"""


@pytest.mark.parametrize(
    ("code", "heavy"),
    [(IMPORT, HEAVY), (CLEAN, ("cv2", "torch", "numba")), (HELP, (*HEAVY, "numpy", "pyarrow", "PIL", "cv2", "rich"))],
    ids=["import dataprep", "clean", "dataprep --help"],
)
def test_light(code: str, heavy: tuple[str, ...]) -> None:
    """What is asked for loads nothing that it does not need: frameworks, libraries of the tests, OpenCV where it is compiled."""
    done = python(f"{code}\nimport sys\nprint('loaded:', *(set({heavy!r}) & sys.modules.keys()))")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "loaded:"


@pytest.mark.parametrize(
    ("name", "module", "extra"),
    [
        *((name, "torch", "torch") for name in ("Torch", "Transform", "ImageDataset")),
        ("Dali", "nvidia", "dali"),
        ("lowering", "nvidia", "dali"),
    ],
)
def test_missing_extra(name: str, module: str, extra: str) -> None:
    """A name that needs a library that is not installed says which extra brings it."""
    if extra == "dali":
        pytest.importorskip("torch")
    done = python(f"import sys\nsys.modules[{module!r}] = None\nimport dataprep\ndataprep.{name}")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == f"ImportError: dataprep.{name} needs {extra}: pip install 'dataprep-images[{extra}]'"
