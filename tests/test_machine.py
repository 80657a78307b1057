"""The warning of the unrelated library that imports under the same name."""

import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from dataprep.machine import warn_of_namesake


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """A folder in which a distribution called `dataprep` is installed, without any module."""
    info = tmp_path / "dataprep-0.4.5.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: dataprep\nVersion: 0.4.5\n")
    return tmp_path


def test_the_other_library_is_named_with_the_way_out(other: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a distribution `dataprep` is installed, the warning names its version and the commands that put things right."""
    monkeypatch.syspath_prepend(str(other))
    with pytest.warns(
        UserWarning, match=r"`dataprep` 0\.4\.5 is installed.*pip uninstall dataprep && pip install --force-reinstall"
    ):
        warn_of_namesake()


@pytest.mark.parametrize("name", ["dataprep-images", "dataprep_extra", "prep"])
def test_other_distributions_are_left_in_peace(other: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A distribution of any other name, ours included, is no reason to warn."""
    info = other / "dataprep-0.4.5.dist-info"
    info.joinpath("METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.4.5\n")
    info.rename(other / f"{name.replace('-', '_')}-0.4.5.dist-info")
    monkeypatch.syspath_prepend(str(other))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_namesake()


@pytest.mark.parametrize("installed", [True, False])
def test_whoever_imports_dataprep_sees_the_warning(other: Path, installed: bool) -> None:
    """Under Python's own filters `import dataprep` shows the warning once where there is a namesake, and nothing where not."""
    script = f"import sys; sys.path.append({str(other)!r})\n" if installed else ""
    command = [sys.executable, "-c", f"{script}import dataprep, dataprep"]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert ended.stderr.count("the unrelated library `dataprep` 0.4.5 is installed") == int(installed)
    assert installed or ended.stderr == ""
