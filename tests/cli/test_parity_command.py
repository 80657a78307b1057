"""`dataprep parity`: what it prints, and how it refuses."""

import json
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from dataprep.cleaning.clean import clean
from dataprep.pipeline import Pipeline
from dataprep.stages import HorizontalFlip, RandomResizedCrop
from dataprep.testing import FakeEngine, write_images

Command = Callable[..., Any]
command = import_module("dataprep.cli.likeness")


@pytest.fixture
def cleaned(tmp_path: Path) -> Path:
    """A folder with the manifest of 6 photos and ops."""
    write_images(tmp_path / "photos", 6, height=300, width=400)
    manifest = clean(tmp_path / "photos", Pipeline(RandomResizedCrop(224), HorizontalFlip()), engine=FakeEngine())
    manifest.write(tmp_path / "manifest.parquet")
    return tmp_path


@pytest.fixture
def both() -> None:
    """Skips where a backend is not installed."""
    pytest.importorskip("torch")
    pytest.importorskip("nvidia.dali", reason="DALI is not installed")


@pytest.mark.usefixtures("both")
def test_a_line_for_each_step(cleaned: Path, dataprep: Command) -> None:
    """The table has a line for decoding, each op and the whole; the folder stands for the manifest in it."""
    code, out, _ = dataprep("parity", cleaned, "--samples", 4)
    assert code == 0
    assert [line.split("  ")[0].strip() for line in out.splitlines()[1:-2]] == [
        "decode", "RandomResizedCrop*", "HorizontalFlip", "end to end"
    ]  # fmt: skip
    assert out.splitlines()[-2].startswith("* RandomResizedCrop runs on the CPU before the graph: ")
    assert out.splitlines()[-1].startswith("4 images")


@pytest.mark.usefixtures("both")
def test_without_ops_the_usual_training_is_compared(tmp_path: Path, dataprep: Command) -> None:
    """A manifest of cleaning alone is compared over a random crop, a flip, colours and normalising."""
    write_images(tmp_path / "photos", 4, height=300, width=400)
    clean(tmp_path / "photos", Pipeline(), engine=FakeEngine()).write(tmp_path / "manifest.parquet")
    code, out, _ = dataprep("parity", tmp_path, "--json")
    steps = [step["step"] for step in json.loads(out)["steps"]]
    assert steps == ["decode", "RandomResizedCrop", "HorizontalFlip", "ColorJitter", "Normalize", "end to end"]
    assert code == 0


@pytest.mark.usefixtures("both")
def test_json(cleaned: Path, dataprep: Command) -> None:
    """With --json the same comes as data, with a version; a pipeline file's ops take the place of the manifest's."""
    (cleaned / "ops.yaml").write_text("version: 1\nstages:\n  - CenterCrop: {size: 32}\n")
    code, out, _ = dataprep("parity", cleaned / "manifest.parquet", "--pipeline", cleaned / "ops.yaml", "--json")
    data = json.loads(out)
    assert (code, data["version"], data["images"], data["agree"]) == (0, 1, 6, True)
    assert [step["step"] for step in data["steps"]] == ["decode", "CenterCrop", "end to end"]
    assert {step["equal"] for step in data["steps"]} == {1.0}


def test_without_dali(cleaned: Path, dataprep: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where DALI is not installed, one sentence says what to install."""

    def missing(name: str) -> None:
        raise ModuleNotFoundError(f"No module named 'nvidia', wanted by {name}", name="nvidia")

    monkeypatch.setattr(command, "import_module", missing)
    code, _, error = dataprep("parity", cleaned)
    assert code == 1
    assert "pip install 'dataprep-images[dali,torch]'" in error
    assert len(error.splitlines()) == 1
