"""Where memory or disk runs out: an image costs itself, a file that cannot be written ends the run with one sentence."""

import resource
import subprocess
import sys
from functools import partial
from pathlib import Path

import PIL.Image
import pytest

from dataprep.manifest import Manifest


def limited(what: int, limit: int, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Runs the command under a limit of the system's."""
    command = [sys.executable, "-B", "-m", "dataprep", *map(str, arguments)]  # Python would cut its own files, and not notice
    lower = partial(resource.setrlimit, what, (limit, limit))
    return subprocess.run(command, capture_output=True, text=True, timeout=300, preexec_fn=lower, check=False)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 1])
def test_an_image_that_memory_does_not_hold(folder: Path, tmp_path: Path, workers: int) -> None:
    """Under a limit of memory, what needs more is a row that says so, and is tried again; all other images are measured."""
    PIL.Image.new("1", (12_000, 12_000)).save(folder / "cat" / "huge.png")
    out = tmp_path / "out"
    command = ("clean", folder, "--out", out, "--workers", workers, "--no-report", "--quiet", "--min-contrast", "off")
    ended = limited(resource.RLIMIT_AS, 1_000_000_000, *command)
    assert (ended.returncode, ended.stderr) == (0, "")
    errors = dict(zip(*(Manifest.read(out).table[name].to_pylist() for name in ("uri", "error")), strict=True))
    assert "memory" in errors.pop("cat/huge.png")
    assert set(errors.values()) == {None}
    ended = limited(resource.RLIMIT_AS, resource.RLIM_INFINITY, *command)
    assert set(Manifest.read(out).table["error"].to_pylist()) == {None}


@pytest.mark.parametrize("size", [0, 16_000])
def test_a_disk_that_is_full(folder: Path, tmp_path: Path, size: int) -> None:
    """Wherever writing ends, one sentence says of which file, and the same command goes on once there is room."""
    command = ("clean", folder, "--out", tmp_path / "out", "--workers", 0)
    ended = limited(resource.RLIMIT_FSIZE, size, *command)
    assert ended.returncode == 1, ended.stdout
    assert ended.stderr.startswith(f"Error: {tmp_path}/out")
    assert ended.stderr.count("\n") == 1
    assert "cannot be written: " in ended.stderr
    assert limited(resource.RLIMIT_FSIZE, resource.RLIM_INFINITY, *command).returncode == 0
