"""Processes that measure, where a machine has little: they work, or one sentence says what does."""

import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import textwrap
from functools import partial
from pathlib import Path

import pyarrow as pa
import pytest

from dataprep.engines import Local, process
from dataprep.errors import DataprepError

ROWS = 40


def echo(records: pa.RecordBatch, size: int = 0) -> pa.RecordBatch:
    """Adds a text of so many bytes to each row."""
    return pa.RecordBatch.from_pydict({"row": records["row"], "text": ["x" * size] * len(records)})


def raising(records: pa.RecordBatch, kind: str) -> pa.RecordBatch:
    """Raises an error of some kind at row 3, and says which."""
    if 3 in records["row"].to_pylist():
        raise {"memory": MemoryError, "own": DataprepError, "local": _local_error()}[kind](f"{kind} at row 3")
    return echo(records)


def _local_error() -> type[Exception]:
    class LocalError(Exception):
        def __init__(self, text: str) -> None:
            super().__init__(text, "more than it takes")

    return LocalError


def lost(records: pa.RecordBatch, error: str) -> pa.RecordBatch:
    """Says how the process died."""
    return pa.RecordBatch.from_pydict({"row": records["row"], "text": [error] * len(records)})


def texts(engine: Local, function, padding: int = 0) -> dict[int, str]:
    """The text of each row."""
    batches = (pa.RecordBatch.from_pydict({"row": [row], "padding": ["y" * padding]}) for row in range(ROWS))
    return {row["row"]: row["text"] for batch in engine.map(function, batches, lost) for row in batch.to_pylist()}


def in_a_daemon(folder: str) -> int:
    """Cleans a folder, in whatever process this is called."""
    import dataprep as dp

    return len(dp.clean(folder, engine=Local(2)))


@pytest.mark.parametrize("size", [0, 1 << 20])
def test_batches_and_results_of_any_size(size: int) -> None:
    """Neither end waits for the other one to listen, however much both have to say."""
    assert texts(Local(2), partial(echo, size=size), padding=size) == dict.fromkeys(range(ROWS), "x" * size)


def test_where_no_file_can_be_in_memory_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A system without files in memory, as macOS is, has the function in a temporary one, and no name of it is left."""
    monkeypatch.delattr(os, "memfd_create", raising=False)
    assert texts(Local(2), partial(echo, size=9)) == dict.fromkeys(range(ROWS), "x" * 9)


def test_out_of_memory_is_a_row() -> None:
    """A record for which there is no memory is lost, and nothing else is."""
    expected = dict.fromkeys(range(ROWS), "") | {3: "the process that decoded it died: out of memory"}
    assert texts(Local(2), partial(raising, kind="memory")) == expected


@pytest.mark.parametrize(("kind", "raised"), [("own", DataprepError), ("local", RuntimeError)])
def test_an_error_arrives_with_its_traceback(kind: str, raised: type[Exception]) -> None:
    """What a function raises is raised here, and shows the line that raised it; what cannot be sent is told."""
    with pytest.raises(raised, match=f"{kind} at row 3") as caught:
        texts(Local(2), partial(raising, kind=kind))
    told = f"{caught.value.__cause__} {caught.value}"
    assert "test_process.py" in told
    assert "in raising" in told


def test_a_script_without_a_guard(tmp_path: Path) -> None:
    """A script needs no `if __name__ == "__main__"`, and its own functions are found."""
    script = """
        import pyarrow as pa
        from dataprep.engines import Local

        def double(records):
            return pa.RecordBatch.from_pydict({"row": [2 * row for row in records["row"].to_pylist()]})

        batches = [pa.RecordBatch.from_pydict({"row": [row]}) for row in range(5)]
        print(sorted(batch["row"][0].as_py() for batch in Local(2).map(double, batches, None)))
    """
    (tmp_path / "script.py").write_text(textwrap.dedent(script))
    ended = subprocess.run([sys.executable, "script.py"], capture_output=True, text=True, check=True, timeout=300, cwd=tmp_path)
    assert ended.stdout == "[0, 2, 4, 6, 8]\n"
    assert ended.stderr == ""


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM])
def test_processes_end_with_their_parent(tmp_path: Path, sign: signal.Signals) -> None:
    """However the parent ends, its processes end, too, in the middle of their work."""
    os.mkfifo(tmp_path / "pipe")
    script = """
        import os, signal

        mine = os.open(PIPE, os.O_WRONLY)  # so that whoever reads it does not wait if this fails

        import pyarrow as pa
        from dataprep.engines import Local

        def hold(records):
            os.write(os.open(PIPE, os.O_WRONLY), b"x")
            signal.pause()

        for _ in Local(2).map(hold, [pa.RecordBatch.from_pydict({"row": [row]}) for row in range(4)], None):
            pass
    """
    script = textwrap.dedent(script).replace("PIPE", repr(str(tmp_path / "pipe")))
    with subprocess.Popen([sys.executable, "-c", script]) as parent, open(tmp_path / "pipe", "rb") as pipe:
        assert pipe.read(1) == b"x"
        parent.send_signal(sign)
        assert set(pipe.read()) <= set(b"x")  # up to the end, which comes when nobody holds the pipe
        assert parent.wait() == -sign


def test_in_a_daemonic_process(folder: Path) -> None:
    """A worker of a pool, which may have no children of multiprocessing's, cleans."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(in_a_daemon, (str(folder),)) == 12


@pytest.mark.parametrize("path", ["", "/nowhere"])
def test_without_other_programs(folder: Path, tmp_path: Path, path: str) -> None:
    """The command ends where no other program can be found, such as in a slim container."""
    command = [sys.executable, "-m", "dataprep", "clean", str(folder), "--out", str(tmp_path / "out"), "--quiet"]
    ended = subprocess.run(command, env=os.environ | {"PATH": path}, capture_output=True, text=True, check=True, timeout=300)
    assert ended.stderr == ""


@pytest.mark.parametrize("spare", [6, 9])
def test_few_open_files(spare: int) -> None:
    """Where few files may be open, fewer processes do all of the work."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = set(map(int, os.listdir("/proc/self/fd")))
    free = [number for number in range(len(taken) + spare) if number not in taken]
    resource.setrlimit(resource.RLIMIT_NOFILE, (free[spare - 1] + 1, limits[1]))
    try:
        found = texts(Local(30), echo)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert found == dict.fromkeys(range(ROWS), "")


def test_no_process_at_all(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no process can be started, one sentence says why and what does without."""
    monkeypatch.setattr(process, "get_executable", lambda: str(tmp_path / "python"))
    with pytest.raises(DataprepError, match=r"No such file.*`Local\(workers=0\)` \(`--workers 0`\) measures in this one"):
        texts(Local(2), echo)


@pytest.mark.parametrize("boot", ["import no_such_module", "raise SystemExit('no room')", "import os; os.kill(os.getpid(), 9)"])
def test_a_process_that_never_begins(monkeypatch: pytest.MonkeyPatch, boot: str) -> None:
    """Processes that end before they take work up end the run, with what they said, and no record is blamed."""
    monkeypatch.setattr(process, "BOOT", boot)
    said = {"import no": "No module named 'no_such_module'", "raise Sys": "no room", "import os": "SIGKILL"}[boot[:9]]
    with pytest.raises(DataprepError, match=f"no process can be started to measure in: .*{said}"):
        texts(Local(2), echo)
