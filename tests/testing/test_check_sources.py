"""The checks of sources and engines: all of the house pass, and what breaks one rule is told which."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import dataprep as dp
from dataprep.testing import (
    FakeEngine,
    FakeSource,
    check_engine,
    check_source,
    encoded,
    photo,
    write_images,
)

FILES = {"cat/0.jpg": encoded(photo(0)), "dog/1.jpg": encoded(photo(1))}
TURNS: list[int] = []


class Unequal(FakeSource):
    def __eq__(self, other: object) -> bool:
        return self is other

    __hash__ = None  # type: ignore[assignment]


class Listed(FakeSource):
    def records(self):
        return super().records().to_pylist()


class Splitless(FakeSource):
    def records(self):
        return super().records().drop_columns(["split"])


class Coded(FakeSource):
    def records(self):
        return super().records().set_column(1, "label", pa.array([0, 1]))


class Miscounted(FakeSource):
    def records(self):
        return super().records().replace_schema_metadata({"ignored": "some"})


class Empty(FakeSource):
    def records(self):
        return super().records().slice(0, 0)


class Doubled(FakeSource):
    def records(self):
        return super().records().take([0, 0])


class Unsorted(FakeSource):
    def records(self):
        return super().records().take([1, 0])


class Nameless(FakeSource):
    def records(self):
        return super().records().set_column(0, "uri", pa.array(["", "dog/1.jpg"]))


class Negative(FakeSource):
    def records(self):
        return super().records().set_column(3, "bytes", pa.array([-1, -1]))


class Shuffled(FakeSource):
    def records(self):
        TURNS.append(0)
        return super().records().set_column(4, "modified", pa.array([len(TURNS)] * 2))


class Views(FakeSource):
    def read(self, uri, start=0, stop=None):
        return memoryview(super().read(uri, start, stop))


class Cut(FakeSource):
    def read(self, uri, start=0, stop=None):
        return super().read(uri, start, stop)[:100]


class Wholly(FakeSource):
    def read(self, uri, start=0, stop=None):
        return super().read(uri)


class Keyed(FakeSource):
    def read(self, uri, start=0, stop=None):
        return dict(self.files)[uri][start:stop]


class Generous(FakeSource):
    def read(self, uri, start=0, stop=None):
        return dict(self.files).get(uri, b"")[start:stop]


class Serial(FakeSource):
    concurrency = 0


class Lacking(FakeSource):
    def reads(self, uris):
        yield from (self.read(uri) for uri in uris if "no/such" not in uri)


class Raising(FakeSource):
    def reads(self, uris):
        yield from map(self.read, uris)


class Sorting(FakeSource):
    def reads(self, uris):
        for uri in sorted(uris):
            try:
                yield self.read(uri)
            except dp.SourceError as error:
                yield error


class Bulk(FakeSource):
    def reads(self, uris):
        for uri in uris:
            try:
                yield self.read(uri)
            except dp.SourceError as error:
                yield error


@pytest.mark.parametrize(
    ("source", "rule"),
    [
        (object(), r"is no source: it has no \['records', 'read'\]"),
        (Unequal(FILES), "is another one after pickling"),
        (Listed(FILES), "lists list; `records` returns a `pyarrow.Table`"),
        (Splitless(FILES), "lists no column 'split'; it is large_string"),
        (Coded(FILES), "lists 'label' as int64; let it be large_string"),
        (Miscounted(FILES), "says of its listing what nobody understands"),
        (Empty(FILES), "lists no image"),
        (Doubled(FILES), "lists a uri twice"),
        (Unsorted(FILES), "lists images out of order; sort them by uri"),
        (Nameless(FILES), "lists an image without a uri"),
        (Negative(FILES), "lists an image of -1 bytes"),
        (Shuffled(FILES), "lists other records the second time"),
        (Views(FILES), "reads memoryview of 'cat/0.jpg'"),
        (Cut(FILES), r"reads 100 bytes of 'cat/0.jpg', and lists \d+"),
        (Wholly(FILES), r"reads other bytes by read\('cat/0.jpg', 0, \d+\)"),
        (Keyed(FILES), "raises KeyError where there is no such image; raise `dataprep.SourceError`"),
        (Generous(FILES), "reads 0 bytes where there is no such image"),
        (Serial(FILES), "concurrency is 0; give how many reads at once help"),
        (Lacking(FILES), "gives 3 answers by `reads` of 4 images"),
        (Raising(FILES), "raises SourceError in `reads` where one of the images is not there"),
        (Sorting(FILES), "gives for 'dog/1.jpg' by `reads` something else than by `read`"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else "",
)
def test_a_source_that_breaks_a_rule_is_told_which(source: Any, rule: str) -> None:
    """Each source breaks one rule of the contract, and the error says which and what to do."""
    with pytest.raises(AssertionError, match=rule):
        check_source(source)


def test_sources_keep_the_contract(tmp_path: Path) -> None:
    """Every source of the house passes."""
    write_images(tmp_path, 5)
    (tmp_path / "ö%.png").write_bytes(encoded(photo(1), "PNG"))
    folder = dp.Folder(str(tmp_path))
    for source in (folder, dp.Folder(str(tmp_path), splits=True), dp.Several({"a": folder, "b": FakeSource(FILES)})):
        check_source(source)
    check_source(FakeSource(FILES))
    check_source(Bulk(FILES))


class Twofold(FakeEngine):
    def map(self, function, batches, lost):
        for batch in batches:
            yield function(batch)
            yield function(batch)


class Dropping(FakeEngine):
    def map(self, function, batches, lost):
        for number, batch in enumerate(batches):
            if number:
                yield function(batch)


class Talking(FakeEngine):
    def map(self, function, batches, lost):
        yield pa.RecordBatch.from_pydict({"row": [0]})
        yield from map(function, batches)


class Swallowing(FakeEngine):
    def map(self, function, batches, lost):
        for batch in batches:
            try:
                yield function(batch)
            except ArithmeticError as error:
                yield lost(batch, str(error))


class Renaming(FakeEngine):
    def map(self, function, batches, lost):
        try:
            yield from map(function, batches)
        except ArithmeticError as error:
            raise RuntimeError("a worker failed") from error


class Rewording(FakeEngine):
    def map(self, function, batches, lost):
        try:
            yield from map(function, batches)
        except ArithmeticError as error:
            raise ArithmeticError("a worker failed") from error


class Hoarding(FakeEngine):
    def map(self, function, batches, lost):
        yield from map(function, list(batches))


class Unclosed(FakeEngine):
    def map(self, function, batches, lost):
        return map(function, batches)


class Forking(FakeEngine):
    """An engine that runs each record in a child of this process, and does something with those that die."""

    def map(self, function, batches, lost):
        for batch in batches:
            for row in range(len(batch)):
                record = batch.slice(row, 1)
                if self.dies(function, record):
                    yield from self.bury(record, batch, lost)
                else:
                    yield function(record)

    def dies(self, function, record):
        return record["row"].to_pylist() == [11] and function.keywords.get("deadly") == 11

    def bury(self, record, batch, lost):
        yield lost(record, "killed")


class Wordless(Forking):
    def bury(self, record, batch, lost):
        yield lost(record, "")


class Careless(Forking):
    def bury(self, record, batch, lost):
        return iter(())


class Sweeping(Forking):
    """Loses the record after the one that died, too."""

    def dies(self, function, record):
        return record["row"].to_pylist() in ([11], [12]) and function.keywords.get("deadly") == 11


class Leaving(FakeEngine):
    def map(self, function, batches, lost):
        CHILDREN.append(subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE))
        yield from map(function, batches)


CHILDREN: list[subprocess.Popen[bytes]] = []


@pytest.mark.parametrize(
    ("engine", "rule"),
    [
        (Twofold(), "gives a record's result twice; yield each once"),
        (Dropping(), "gives no result for some records; yield one"),
        (Talking(), "gives a record's result twice"),
        (Swallowing(), "raises nothing where the function raises an ArithmeticError"),
        (Renaming(), "raises RuntimeError where the function raises an ArithmeticError"),
        (Rewording(), "changes the message to 'a worker failed' where the function raises"),
        (Hoarding(), "takes all batches before it gives a result"),
        (Unclosed(), "returns what cannot be closed early; let `map` be a generator"),
        (Wordless(), "gives `lost` no reason"),
        (Careless(), "gives no result for some records where a process dies"),
        (Sweeping(), "gives the record 12 another result than its own where a process dies"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else "",
)
def test_an_engine_that_breaks_a_rule_is_told_which(engine: Any, rule: str) -> None:
    """Each engine breaks one rule of the contract, and the error says which and what to do."""
    with pytest.raises(AssertionError, match=rule):
        check_engine(engine)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds processes by /proc")
def test_an_engine_that_leaves_processes_is_told() -> None:
    """Processes that outlive their engine are found."""
    try:
        with pytest.raises(AssertionError, match="leaves processes behind"):
            check_engine(Leaving())
    finally:
        while CHILDREN:
            CHILDREN.pop().communicate()


@pytest.mark.parametrize("engine", [FakeEngine(), Forking(), dp.Local(0), dp.Local(2)], ids=repr)
def test_engines_keep_the_contract(engine: Any) -> None:
    """Every engine of the house passes."""
    check_engine(engine)
