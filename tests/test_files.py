"""Files come under their names as wholes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dataprep.files import replacing


def test_a_file_is_replaced_at_the_end(tmp_path: Path) -> None:
    """Until all is written the former file stands, and then nothing is left beside the new one."""
    path = tmp_path / "manifest.parquet"
    path.write_text("before")
    with replacing(path) as temporary:
        temporary.write_text("after")
        assert path.read_text() == "before"
    assert path.read_text() == "after"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_leaves_all_as_it_was(tmp_path: Path) -> None:
    """What goes wrong while writing goes on to the caller, and leaves the former file alone."""
    path = tmp_path / "manifest.parquet"
    path.write_text("before")
    with pytest.raises(ValueError, match="half"), replacing(path) as temporary:
        temporary.write_text("af")
        raise ValueError("half")
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_run_left_is_removed(tmp_path: Path) -> None:
    """Temporary files of processes that ended go with the next write; those of processes at work, and other files, stay."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    left = tmp_path / f"m.parquet.{ended.pid}.tmp"
    others = [
        tmp_path / name for name in (f"m.parquet.{os.getppid()}.tmp", f"n.parquet.{ended.pid}.tmp", "m.parquet.tmp", "a.tmp")
    ]
    for path in (left, *others):
        path.write_text("half")
    with replacing(tmp_path / "m.parquet") as temporary:
        temporary.write_text("whole")
    assert sorted(tmp_path.iterdir()) == sorted([tmp_path / "m.parquet", *others])
