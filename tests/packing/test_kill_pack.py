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
import time
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
KILLS = 50
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

    shard._Tar._write = counted(shard._Tar._write)  # type: ignore[method-assign]
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
        while (code := in_a_child(root / f"{count}", count)) != 0:
            assert code == KILLED, code
            left = tree(root / f"{count}") if (root / f"{count}").exists() else {}
            assert all(whole[name] == content for name, content in left.items() if name.endswith(".parquet")), count
            pack(root / f"{count}", dp.Local(0))
            assert tree(root / f"{count}") == whole, count
            count += step
        assert tree(root / f"{count}") == whole and count > 50 // step


def run_this(*arguments: object) -> None:
    """Runs this file as a program, which finds what lies beside it wherever Python looks by default."""
    command, environment = (
        [sys.executable, __file__, *map(str, arguments)],
        {**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
    )
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("step", [13, pytest.param(1, marks=pytest.mark.slow)])
def test_killed_before_any_operation(step: int) -> None:
    """Wherever a pack ends, what is finished is right, and the same call makes all files as if nothing had been."""
    run_this(step)


def fifty_times(root: Path) -> None:
    """Kills packs at moments drawn from their whole run, each by a timer of the kernel, and goes on until a folder is done."""
    known = dp.Manifest.read(root / "manifest.parquet")

    def packed(where: Path, engine: dp.Local) -> None:
        dp.pack(known, where, side=64, shard=24_000, engine=engine, progress=False)

    def ended(where: Path, engine: dp.Local, moment: float) -> int:
        child = os.fork()
        if child == 0:
            signal.setitimer(signal.ITIMER_REAL, moment)
            packed(where, engine)
            os._exit(0)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    start = time.perf_counter()
    packed(root / "whole", dp.Local(0))
    took, moments, kills, folder = time.perf_counter() - start, random.Random(0), 0, 0
    while kills < KILLS:
        folder += 1
        engine = dp.Local(2, timeout=None) if folder % 8 == 7 else dp.Local(0)
        while kills < KILLS and (code := ended(root / f"{folder}", engine, moments.uniform(0.001, 0.6 * took))) != 0:
            assert code == -signal.SIGALRM, code
            kills += 1
            if moments.random() < 0.3:
                packed(root / f"{folder}", engine)
        packed(root / f"{folder}", dp.Local(0))
        assert tree(root / f"{folder}") == tree(root / "whole"), folder


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no timers that end a process")
def test_killed_fifty_times(tmp_path: Path) -> None:
    """A pack that is killed again and again, whoever makes its shards, ends with the files of one that is not."""
    write_images(tmp_path / "photos", 24, height=120, width=160)
    dp.clean(tmp_path / "photos", dp.Pipeline(), engine=dp.Local(0), progress=False).write(tmp_path / "manifest.parquet")
    run_this("times", tmp_path)


if __name__ == "__main__":
    if sys.argv[1] == "times":
        fifty_times(Path(sys.argv[2]))
    else:
        every_moment(int(sys.argv[1]))
