"""A pack that is killed at any moment and run again: the same files as without, and nothing beside.

The test runs this file as a program. It forks a child for each k, which ends before its k-th operation on the file system without
any cleaning up; or lets a timer of the kernel end a pack by processes, as kill -9 does.
"""

import builtins
import os
import random
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from made import manifest_of, tree

import dataprep as dp
from dataprep.testing import write_images

OPERATIONS = ("replace", "fsync", "unlink", "mkdir", "link")
IMAGES = 9
KILLED = 9
TIMEOUT = 300  # seconds, for what should take a few


def pack(where: Path, engine: dp.Local) -> None:
    """Packs some files into a few shards."""
    files = {f"{number}.jpg": random.Random(number).randbytes(3_000) for number in range(IMAGES)}
    dp.pack(manifest_of(files), where, shard=18_000, engine=engine, progress=False)


def kill_at(count: int) -> None:
    """Lets this process end before so many operations on the file system from now are done; writes to tars are such, too."""
    left = [count]

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            left[0] -= 1
            if left[0] < 0:
                os._exit(KILLED)
            return function(*arguments, **options)

        return call

    for name in OPERATIONS:
        setattr(os, name, counted(getattr(os, name)))
    from dataprep.packing import shard

    shard._Digesting.write = counted(shard._Digesting.write)  # type: ignore[method-assign]
    builtins.open = counted(builtins.open)


def in_a_child(where: Path, count: int) -> int:
    """Packs in a child that is killed, and returns how it ended."""
    child = os.fork()
    if child == 0:
        kill_at(count)
        pack(where, dp.Local(0))
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def every_moment(step: int) -> None:
    """Kills packs some operations later each time, until one lives; what runs after each has to give the same files."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        pack(root / "whole", dp.Local(0))
        whole = tree(root / "whole")
        count = 0
        while in_a_child(root / f"{count}", count):
            left = tree(root / f"{count}") if (root / f"{count}").exists() else {}
            assert all(whole[name] == content for name, content in left.items() if name.endswith(".parquet")), count
            pack(root / f"{count}", dp.Local(0))
            assert tree(root / f"{count}") == whole, count
            count += step
        assert tree(root / f"{count}") == whole and count > 50 // step


@pytest.mark.parametrize("step", [13, pytest.param(1, marks=pytest.mark.slow)])
def test_killed_before_any_operation(step: int) -> None:
    """Wherever a pack ends, what is finished is right, and the same call makes all files as if nothing had been."""
    done = subprocess.run([sys.executable, __file__, str(step)], capture_output=True, text=True, timeout=TIMEOUT, check=False)
    assert done.returncode == 0, done.stderr


PROGRAM = """
import signal, sys
import dataprep as dp

folder, where, moment = sys.argv[1:]
manifest = dp.Manifest.read(folder)
signal.setitimer(signal.ITIMER_REAL, float(moment))
dp.pack(manifest, where, side=64, shard=60_000, engine=dp.Local(2, timeout=None), progress=False)
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no timers that end a process")
def test_killed_fifty_times(tmp_path: Path) -> None:
    """A pack by processes that is killed fifty times, also again in the same folder, ends with the files of one that is not."""
    write_images(tmp_path / "photos", 60, height=160, width=200)
    known = dp.clean(tmp_path / "photos", dp.Pipeline(), engine=dp.Local(0), progress=False)
    known.write(tmp_path / "manifest.parquet")
    dp.pack(known, tmp_path / "whole", side=64, shard=60_000, engine=dp.Local(0), progress=False)
    moments, kills, folder = random.Random(0), 0, 0
    while kills < 50:
        folder += 1
        while not (tmp_path / f"{folder}" / "manifest.parquet").exists() and kills < 50:
            command = [sys.executable, "-c", PROGRAM, tmp_path / "manifest.parquet", tmp_path / f"{folder}"]
            ended = subprocess.run(
                [*command, str(moments.uniform(0.001, 0.5))], capture_output=True, timeout=TIMEOUT, check=False
            )
            kills += ended.returncode == -signal.SIGALRM
            assert ended.returncode in (0, -signal.SIGALRM), ended.stderr.decode()
        if kills < 50:
            assert tree(tmp_path / f"{folder}") == tree(tmp_path / "whole")
    dp.pack(known, tmp_path / f"{folder}", side=64, shard=60_000, engine=dp.Local(2, timeout=None), progress=False)
    assert tree(tmp_path / f"{folder}") == tree(tmp_path / "whole")


if __name__ == "__main__":
    every_moment(int(sys.argv[1]))
