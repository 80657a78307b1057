"""The lean form of a function: bare Python does what it can, the function does the rest, and nobody sees the difference."""

import os
import signal
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from dataprep.engines import Local, process
from dataprep.engines.lean import Lean

ROWS = 60
PROGRAM = """
    import os, sys, time

    def prepare(left, deadly, how):
        def run(rows):
            if deadly in rows:
                {"kill": lambda: os.kill(os.getpid(), 9), "exit": lambda: os._exit(3), "hang": lambda: time.sleep(3600),
                 "raise": lambda: 1 // 0, "memory": lambda: bytearray(1 << 62)}[how]()
            done = [row for row in rows if row not in left]
            return (done, os.getpid(), sorted(sys.modules)), [at for at, row in enumerate(rows) if row in left]
        return run
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A package that is never run in a process, but for one module of it."""
    (tmp_path / "squares").mkdir()
    (tmp_path / "squares" / "__init__.py").write_text(f"import os\nassert os.getpid() == {os.getpid()}\n")
    (tmp_path / "squares" / "work.py").write_text(textwrap.dedent(PROGRAM))
    monkeypatch.syspath_prepend(str(tmp_path))
    __import__("squares")
    yield "squares.work"
    del sys.modules["squares"]


def here() -> None:
    """There is no lean form on another machine."""


class Squares:
    """Squares rows, and says in which process, and whether by itself."""

    def __init__(self, program: str, left=(), deadly: int = -1, how: str = "", whole_deadly: int = -1) -> None:
        self.whole_deadly = whole_deadly
        self.lean = Lean(program, (set(left), deadly, how), ask, answer, here)

    def __call__(self, records: pa.RecordBatch) -> pa.RecordBatch:
        rows = records["row"].to_pylist()
        if self.whole_deadly in rows:
            os.kill(os.getpid(), signal.SIGKILL)
        return result(rows, os.getpid(), sorted(sys.modules), "whole")


def ask(records: pa.RecordBatch) -> list[int]:
    """Asks for the squares of rows."""
    return records["row"].to_pylist()


def answer(records: pa.RecordBatch, reply: tuple[list[int], int, list[str]]) -> pa.RecordBatch:
    """Takes them."""
    rows, pid, modules = reply
    assert rows == records["row"].to_pylist()
    return result(rows, pid, modules, "lean")


def result(rows: list[int], pid: int, modules: list[str], how: str, error: str | None = None) -> pa.RecordBatch:
    """Says what came of rows, and how."""
    columns = {"row": rows, "square": [None if error else row**2 for row in rows], "pid": [pid] * len(rows)}
    texts = {"modules": [" ".join(modules)] * len(rows), "how": [how] * len(rows)}
    return pa.RecordBatch.from_pydict(columns | texts | {"error": pa.array([error] * len(rows), pa.string())})


def lost(records: pa.RecordBatch, error: str) -> pa.RecordBatch:
    """Says how the process died."""
    return result(records["row"].to_pylist(), 0, [], "lost", error)


def run(function: Squares, workers: int = 2, size: int = 7, timeout: float = 600) -> dict[int, dict[str, object]]:
    """What came of each row, each of which must come once."""
    rows = list(range(ROWS))
    batches = (pa.RecordBatch.from_pydict({"row": rows[start : start + size]}) for start in range(0, ROWS, size))
    found = [row for batch in Local(workers, timeout).map(function, batches, lost) for row in batch.to_pylist()]
    assert sorted(row["row"] for row in found) == rows
    assert all(row["error"] or row["square"] == row["row"] ** 2 for row in found)
    return {row["row"]: row for row in found}


@pytest.mark.parametrize("left", [(), range(0, ROWS, 3), range(ROWS)])
@pytest.mark.parametrize("workers", [0, 2])
def test_each_record_is_done_once(package: str, workers: int, left) -> None:
    """What bare Python leaves is done by the function, all else by bare Python, each record once."""
    found = run(Squares(package, left), workers)
    assert {row for row in found if found[row]["how"] == "whole"} == set(range(ROWS) if workers == 0 else left)


def test_bare_python_loads_nothing(package: str) -> None:
    """A process that leaves nothing has loaded no package, and few of Python's own modules."""
    (modules,) = {str(row["modules"]) for row in run(Squares(package), 1).values()}
    assert not {"site", "typing", "re", "pickle", "threading", "pyarrow", "numpy", "cloudpickle", "dataprep"} & set(
        modules.split()
    )


def test_few_records_are_left_to_one_process(package: str) -> None:
    """As long as few records are left, one process alone loads the function."""
    found = run(Squares(package, range(0, ROWS, 4)), 3)
    assert len({row["pid"] for row in found.values() if row["how"] == "whole"}) == 1


@pytest.mark.parametrize(("how", "size"), [("kill", 7), ("kill", ROWS), ("exit", 7), ("memory", 1)])
def test_a_record_that_kills_bare_python(package: str, how: str, size: int) -> None:
    """A record of which a process dies is lost and says how, whatever its batch is; all others have their results."""
    found = run(Squares(package, deadly=8, how=how), size=size)
    assert [row for row in found if found[row]["error"]] == [8]
    assert {"kill": "died: SIGKILL(-9)", "exit": "died: EXIT(3)", "memory": "died: out of memory"}[how] in str(found[8]["error"])


def test_a_record_that_hangs(package: str) -> None:
    """A record that bare Python never ends with is lost, and says so."""
    found = run(Squares(package, deadly=8, how="hang"), timeout=2)
    assert [row for row in found if found[row]["error"]] == [8]
    assert found[8]["error"] == "the process that decoded it died: no answer in 2 seconds"


def test_a_record_that_kills_what_it_is_left_to(package: str) -> None:
    """A record that bare Python leaves, and of which the process then dies, is lost, and nothing else is."""
    found = run(Squares(package, range(0, ROWS, 5), whole_deadly=10))
    assert [row for row in found if found[row]["error"]] == [10]


def test_bad_code_is_an_exception(package: str) -> None:
    """What the lean form raises is raised, with the line that raised it."""
    with pytest.raises(ZeroDivisionError) as caught:
        run(Squares(package, deadly=8, how="raise"))
    assert "work.py" in str(caught.value.__cause__)


class Greedy:
    """Takes a lot of memory, of which nothing is written to, at one row."""

    memory = 1 << 20

    def __call__(self, records: pa.RecordBatch) -> pa.RecordBatch:
        rows = records["row"].to_pylist()
        if 8 in rows:
            bytearray(1 << 32)
        return result(rows, 0, [], "whole")


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A record that takes more memory than is a process's share, and than it says it needs, is lost, and says so."""
    monkeypatch.setattr(process, "memory", lambda: 1 << 30)
    found = run(Greedy())  # type: ignore[arg-type]
    assert [row for row in found if found[row]["error"]] == [8]
    assert found[8]["error"] == "the process that decoded it died: out of memory"
