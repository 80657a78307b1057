"""How many cores there are to use, and the warning of the unrelated library that imports under the same name."""

import builtins
import io
import os
import re
import subprocess
import sys
import warnings
from pathlib import Path
from typing import IO, Any

import pytest

import dataprep
from dataprep.machine import cores, warn_of_namesake

SOURCES = Path(dataprep.__file__).parent


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
        UserWarning, match=r"`dataprep` 0\.4\.5 is installed.*pip uninstall -y dataprep && pip install --force-reinstall"
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
    ended = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    assert ended.stderr.count("the unrelated library `dataprep` 0.4.5 is installed") == int(installed)
    assert installed or ended.stderr == ""


def test_cores_are_counted_in_one_place() -> None:
    """Nothing but `cores` asks how many cores there are, so that nothing overlooks a quota."""
    counting = re.compile(r"cpu_count|sched_getaffinity|process_cpu_count|nproc")
    asking = {path.relative_to(SOURCES).as_posix() for path in SOURCES.rglob("*.py") if counting.search(path.read_text())}
    assert asking == {"machine.py"}


def fake_system(monkeypatch: pytest.MonkeyPatch, count: int, files: dict[str, str]) -> None:
    """Makes a machine of so many cores, whose kernel says of control groups what the files hold."""
    opened = builtins.open

    def read(path: Any, *arguments: Any, **options: Any) -> IO[Any]:
        if not str(path).startswith("/sys/fs/cgroup"):
            return opened(path, *arguments, **options)
        if path not in files:
            raise FileNotFoundError(path)
        return io.StringIO(files[path])

    monkeypatch.delenv("PYTHON_CPU_COUNT", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: count)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(count)), raising=False)
    monkeypatch.setattr(builtins, "open", read)


V1 = "/sys/fs/cgroup/cpu/cpu.cfs_{}_us"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, 64),
        ({"/sys/fs/cgroup/cpu.max": "max 100000\n"}, 64),
        ({"/sys/fs/cgroup/cpu.max": "400000 100000\n"}, 4),
        ({"/sys/fs/cgroup/cpu.max": "150000 100000\n"}, 2),
        ({"/sys/fs/cgroup/cpu.max": "1000 100000\n"}, 1),
        ({V1.format("quota"): "300000\n", V1.format("period"): "100000\n"}, 3),
        ({V1.format("quota"): "-1\n", V1.format("period"): "100000\n"}, 64),
    ],
)
def test_a_quota_counts(monkeypatch: pytest.MonkeyPatch, files: dict[str, str], expected: int) -> None:
    """Of 64 cores a container may use those that its quota pays for, in either version of control groups, at least one."""
    fake_system(monkeypatch, 64, files)
    assert cores() == expected


def test_affinity_and_environment_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cores that the process may not run on do not count, nor those beyond `PYTHON_CPU_COUNT`."""
    fake_system(monkeypatch, 64, {})
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {1, 5, 7}, raising=False)
    assert cores() == 3
    monkeypatch.setenv("PYTHON_CPU_COUNT", "2")
    assert cores() == 2
