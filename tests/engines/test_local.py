"""Local processes: every record has a result, whatever becomes of the process that it was in."""

import os
import re
import signal
import threading
from contextlib import suppress
from functools import partial
from pathlib import Path

import pyarrow as pa
import pytest

from dataprep.engines import Local
from dataprep.errors import DataprepError

SIZES = (5, 1, 7, 3, 4, 2, 6)  # records of each batch


def batches() -> list[pa.RecordBatch]:
    """28 records in batches of different sizes."""
    rows = iter(range(sum(SIZES)))
    return [pa.RecordBatch.from_pydict({"row": [next(rows) for _ in range(size)]}) for size in SIZES]


def square(records: pa.RecordBatch) -> pa.RecordBatch:
    """Adds what the engine should find: the square of each row, and no error."""
    rows = records["row"].to_pylist()
    errors = pa.array([None] * len(rows), pa.string())
    return pa.RecordBatch.from_arrays(
        [records["row"], pa.array([row**2 for row in rows]), errors], names=["row", "square", "error"]
    )


def lost(records: pa.RecordBatch, error: str) -> pa.RecordBatch:
    """Adds the error instead."""
    count = records.num_rows
    return pa.RecordBatch.from_arrays(
        [records["row"], pa.array([None] * count, pa.int64()), pa.array([error] * count)], names=["row", "square", "error"]
    )


def deadly(records: pa.RecordBatch, rows: frozenset[int], sign: int) -> pa.RecordBatch:
    """Kills its process at certain rows."""
    if rows & set(records["row"].to_pylist()):
        os.kill(os.getpid(), sign)
    return square(records)


def deadly_once(records: pa.RecordBatch, row: int, mark: str) -> pa.RecordBatch:
    """Kills its process at one row the first time."""
    if row in records["row"].to_pylist() and not os.path.exists(mark):
        Path(mark).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return square(records)


def endless(records: pa.RecordBatch, rows: frozenset[int]) -> pa.RecordBatch:
    """Never comes to an end at certain rows."""
    while rows & set(records["row"].to_pylist()):
        signal.pause()
    return square(records)


def leaving(records: pa.RecordBatch, row: int) -> pa.RecordBatch:
    """Ends its process at one row without a signal, as a library that calls exit does."""
    if row in records["row"].to_pylist():
        os._exit(3)
    return square(records)


def chattering(records: pa.RecordBatch) -> pa.RecordBatch:
    """Writes to standard error past Python, as decoders do."""
    os.write(2, b"libtiff: bad strip")
    return square(records)


def failing(records: pa.RecordBatch, row: int) -> pa.RecordBatch:
    """Raises at one row."""
    if row in records["row"].to_pylist():
        raise ZeroDivisionError(f"row {row}")
    return square(records)


def results_of(engine: Local, function, given: list[pa.RecordBatch]) -> dict[int, tuple[int | None, str | None]]:
    """Square and error of every row, each of which must come once."""
    rows = pa.Table.from_batches(engine.map(function, iter(given), lost), square(given[0]).schema).to_pylist() if given else []
    assert len({row["row"] for row in rows}) == len(rows)
    return {row["row"]: (row["square"], row["error"]) for row in rows}


def children() -> set[int]:
    """The processes whose parent is this one."""
    found = set()
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                if int((folder / "stat").read_text().rpartition(")")[2].split()[1]) == os.getpid():
                    found.add(int(folder.name))
            except OSError:  # it ended meanwhile
                continue
    return found


EXPECTED = {row: (row**2, None) for row in range(sum(SIZES))}


@pytest.mark.parametrize("workers", [0, 1, 2, 3])
def test_complete(workers: int) -> None:
    """Any number of workers gives the result of every record, once."""
    assert results_of(Local(workers), square, batches()) == EXPECTED


@pytest.mark.parametrize("workers", [0, 2])
def test_nothing_to_do(workers: int) -> None:
    """No batches, no results."""
    assert list(Local(workers).map(square, iter(()), lost)) == []


@pytest.mark.parametrize(("rows", "sign"), [({0}, signal.SIGSEGV), ({3, 4}, signal.SIGKILL), ({8, 20}, signal.SIGKILL)])
def test_process_that_dies(rows: set[int], sign: signal.Signals) -> None:
    """A record whose process dies is lost and says how it died; every other record has its result."""
    results = results_of(Local(2), partial(deadly, rows=frozenset(rows), sign=sign), batches())
    assert {row: result for row, result in results.items() if row not in rows} == {
        row: result for row, result in EXPECTED.items() if row not in rows
    }
    for row in rows:
        square, error = results[row]
        assert square is None
        assert error is not None
        assert "died" in error and sign.name in error


def test_a_record_that_takes_for_ever() -> None:
    """A record that never ends is lost and says so; every other record has its result, also of its batch."""
    results = results_of(Local(2, timeout=2), partial(endless, rows=frozenset({8, 9})), batches())
    for row in (8, 9):
        assert results.pop(row) == (None, "the process that decoded it died: no answer in 2 seconds")
    assert results == {row: result for row, result in EXPECTED.items() if row not in (8, 9)}


@pytest.mark.parametrize("timeout", [0, -1, "2", True, float("nan")])
def test_a_time_that_is_none(timeout: object) -> None:
    """A timeout that is not above 0 is refused where it is given."""
    with pytest.raises(DataprepError, match=re.escape(f"`Local(timeout={timeout!r})`: timeout is a number of seconds above 0")):
        Local(timeout=timeout)  # type: ignore[arg-type]


def test_everything_dies() -> None:
    """Where every record kills its process, every record is lost and the engine comes to an end."""
    results = results_of(Local(2), partial(deadly, rows=frozenset(range(28)), sign=signal.SIGKILL), batches()[5:6])
    assert len(results) == 2
    assert all(square is None and error is not None for square, error in results.values())


def test_chatter(capfd: pytest.CaptureFixture[str]) -> None:
    """What a library writes to the standard error of a process stays there."""
    assert sum(batch.num_rows for batch in Local(1).map(chattering, batches(), lost)) == 28
    assert capfd.readouterr().err == ""


def test_exit() -> None:
    """A record whose process exits is lost as well."""
    results = results_of(Local(2), partial(leaving, row=6), batches())
    assert "died" in str(results.pop(6)[1])
    assert results == {row: result for row, result in EXPECTED.items() if row != 6}


def test_a_second_chance(tmp_path: Path) -> None:
    """A record whose process died once, which another may have brought about, is run again alone."""
    assert results_of(Local(2), partial(deadly_once, row=9, mark=str(tmp_path / "mark")), batches()) == EXPECTED


@pytest.mark.parametrize("workers", [0, 2])
def test_bad_code_is_an_exception(workers: int) -> None:
    """What the function raises is raised: only bad data is a row."""
    with pytest.raises(ZeroDivisionError, match="row 11"):
        results_of(Local(workers), partial(failing, row=11), batches())


@pytest.mark.parametrize("function", [square, partial(deadly, rows=frozenset({6}), sign=signal.SIGKILL), partial(failing, row=6)])
def test_no_process_is_left(function) -> None:
    """When the engine is done, has failed or is left in the middle, its processes are gone."""
    before = children()
    with suppress(ZeroDivisionError):
        results_of(Local(2), function, batches())
    assert children() <= before
    results = Local(2).map(square, iter(batches()), lost)
    next(results)
    results.close()
    assert children() <= before


def test_batches_are_taken_as_needed() -> None:
    """Batches are taken from their iterator a few at a time, so a list of millions is never in memory."""
    taken = []

    def counted():
        for batch in batches() * 4:
            taken.append(batch)
            yield batch

    results = Local(2).map(square, counted(), lost)
    next(results)
    assert len(taken) <= 6
    results.close()


@pytest.mark.parametrize("workers", [-1, "2", 2.0, True])
def test_a_number_of_workers_that_is_none(workers: object) -> None:
    """What is no number of processes is refused at once, and the value is quoted."""
    with pytest.raises(DataprepError, match=re.escape(f"`Local(workers={workers!r})`: workers is a number of processes")):
        Local(workers)


def test_every_core(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a number there are as many processes as cores that this one may use, where there is work for so many."""
    monkeypatch.setattr("dataprep.engines.local.cores", lambda: 3)
    before = children()
    results = Local().map(square, iter(batches()), lost)
    next(results)
    assert len(children() - before) == 3
    results.close()


class Telling:
    """Squares a batch when it was told of it, and of the one after it unless there is none."""

    def __init__(self, last: int) -> None:
        self.last, self.told, self.changed = last, list[int](), threading.Condition()

    def __reduce__(self) -> tuple[type["Telling"], tuple[int]]:
        return Telling, (self.last,)

    def expect(self, records: pa.RecordBatch) -> None:
        with self.changed:
            self.told += records["row"].to_pylist()
            self.changed.notify_all()

    def __call__(self, records: pa.RecordBatch) -> pa.RecordBatch:
        rows = records["row"].to_pylist()
        with self.changed:
            assert set(rows) <= set(self.told)
            assert rows[-1] == self.last or self.changed.wait_for(lambda: rows[-1] < self.told[-1], 60)
        return square(records)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_function_is_told_what_comes(workers: int) -> None:
    """A function that wants to know is told of each batch, where it is run, before it is run on the one before."""
    assert results_of(Local(workers), Telling(sum(SIZES) - 1), batches()) == EXPECTED
