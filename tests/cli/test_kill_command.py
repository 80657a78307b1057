"""`dataprep clean` killed at moments drawn from its whole run, and run again.

The kernel ends the process when a timer runs out: as with kill -9, nothing of the program runs then.
"""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from dataprep import Folder, Manifest, clean
from dataprep.cache import Cache
from dataprep.testing import FakeEngine, write_images

MOMENTS, IMAGES = 50, 300
TIMEOUT = 120  # seconds, for what should take one

pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no timers that end a process")


def run(folder: Path, out: Path, moment: float = 0) -> int:
    """Runs the command, which a timer ends after so many seconds, 0 for never; returns its exit code."""
    timed = f"import signal; signal.setitimer(signal.ITIMER_REAL, {moment}); from dataprep.cli import main; main()"
    command = [sys.executable, "-c", timed, "clean", str(folder), "--out", str(out), "--workers", "2"]
    # the pipes are closed when the last worker has ended, too
    return subprocess.run(command, capture_output=True, timeout=TIMEOUT, check=False).returncode


def saved(out: Path, folder: Path) -> int:
    """How many images a run measured and saved before its end."""
    if not (out / "cache").exists():
        return 0
    records = Folder(str(folder)).records()
    return len({row for found in Cache(out / "cache").find(records, ()) for row in found.rows.tolist()})


def test_killed_at_any_moment(tmp_path: Path) -> None:
    """After a kill at any moment, what was saved is not measured again, and the manifest is that of an undisturbed run."""
    folder = tmp_path / "photos"
    write_images(folder, IMAGES, height=150, width=200)
    (folder / "cat" / "torn.jpg").write_bytes((folder / "cat" / "0000.jpg").read_bytes()[:900])
    start = time.perf_counter()
    assert run(folder, tmp_path / "whole") == 0
    duration = time.perf_counter() - start
    whole = pq.read_table(tmp_path / "whole" / "manifest.parquet")
    moments = random.Random(0)
    counts = []
    for number in range(MOMENTS):
        out = tmp_path / f"{number}"
        code = run(folder, out, moments.uniform(0.3, 1) * duration)
        assert code in (0, -signal.SIGALRM)
        counts.append(saved(out, folder))
        if (out / "manifest.parquet").exists():  # it is there as a whole or not at all
            assert pq.read_table(out / "manifest.parquet").equals(whole)
        engine = FakeEngine()
        again = clean(folder, cache=out / "cache", engine=engine)
        assert len(engine.uris) == IMAGES + 1 - counts[-1]
        assert again.table.equals(Manifest.read(tmp_path / "whole" / "manifest.parquet").table)
    assert any(0 < count < IMAGES for count in counts), counts
