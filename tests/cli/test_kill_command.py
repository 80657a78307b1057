"""`dataprep clean` killed at moments drawn from its whole run, and run again.

The kernel ends the process when a timer runs out: as with kill -9, nothing of the program runs then.
"""

import random
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from dataprep import Folder, Manifest, Pipeline, clean, standard_rules
from dataprep.cleaning.cache import Cache
from dataprep.testing import FakeEngine, write_images

IMAGES = 300
TIMEOUT = 120  # seconds, for what should take one

pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no timers that end a process")


PROGRAM = """
import signal, sys, time
from dataprep.cleaning.cache import Cache
from dataprep.cli import main

moment = float(sys.argv.pop())

def enter(cache, begin=Cache.__enter__):
    global start
    start = time.perf_counter()
    signal.setitimer(signal.ITIMER_REAL, moment)
    return begin(cache)

Cache.__enter__ = enter
try:
    main()
finally:
    print(time.perf_counter() - start, file=sys.stderr)
"""
"""The command, which a timer ends so many seconds after the scan, 0 for never; it says how long it took from there."""


def run(folder: Path, out: Path, moment: float = 0) -> tuple[int, str]:
    """Runs the command and returns its exit code and what it said last."""
    command = [sys.executable, "-c", PROGRAM, "clean", str(folder), "--out", str(out), "--workers", "2", str(moment)]
    # the pipes are closed when the last worker has ended, too
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    return done.returncode, done.stderr


def saved(out: Path, folder: Path) -> int:
    """How many images a run measured and saved before its end."""
    if not (out / "cache").exists():
        return 0
    known = Cache(out / "cache", Folder(str(folder))).find(Folder(str(folder)).records(), Pipeline(*standard_rules()).measures)
    return len({row for found in known for row in found.rows.tolist()})


@pytest.mark.parametrize("kills", [8, pytest.param(50, marks=pytest.mark.slow)])
def test_killed_at_any_moment(tmp_path: Path, kills: int) -> None:
    """After a kill at any moment, what was saved is not measured again, and the manifest is that of an undisturbed run."""
    folder = tmp_path / "photos"
    write_images(folder, IMAGES, height=150, width=200)
    (folder / "cat" / "torn.jpg").write_bytes((folder / "cat" / "0000.jpg").read_bytes()[:900])
    code, said = run(folder, tmp_path / "whole")
    assert code == 0, said
    duration = float(said.split()[-1])
    whole = pq.read_table(tmp_path / "whole" / "manifest.parquet")
    moments = random.Random(0)
    killed = tried = 0
    while killed < kills:
        tried += 1
        out = tmp_path / f"{tried}"
        code, said = run(folder, out, moments.uniform(0.1, 1) * duration)
        assert code in (0, -signal.SIGALRM), said
        killed += code != 0
        duration *= 0.9 if code == 0 else 1  # this machine is faster now
        count = saved(out, folder)
        if (out / "manifest.parquet").exists():  # it is there as a whole or not at all
            assert pq.read_table(out / "manifest.parquet").equals(whole)
        engine = FakeEngine()
        again = clean(folder, cache=out / "cache", engine=engine)
        assert len(engine.uris) == IMAGES + 1 - count
        assert again.table.equals(Manifest.read(tmp_path / "whole" / "manifest.parquet").table)
