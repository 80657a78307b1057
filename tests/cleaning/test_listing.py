"""Listing by an engine: the records of parts, whoever has listed them, and what is said where one cannot be."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pytest

import dataprep as dp
from dataprep.cleaning.listing import records_of
from dataprep.errors import SourceError
from dataprep.testing import FakeSource, check_source, encoded, photo, write_images


@dataclass
class Backwards:
    """An engine that lists, and gives the last result first."""

    lists: bool = True
    mapped: list[pa.RecordBatch] = field(default_factory=list)

    def map(self, function: Callable, batches: Iterable[pa.RecordBatch], lost: Callable) -> Iterator[pa.RecordBatch]:
        self.mapped += batches
        yield from map(function, self.mapped[::-1])


class Loses(Backwards):
    """An engine whose process dies at the first record."""

    def map(self, function: Callable, batches: Iterable[pa.RecordBatch], lost: Callable) -> Iterator[pa.RecordBatch]:
        first, *rest = batches
        yield lost(first, "killed")
        yield from map(function, rest)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Indexes of tars are kept in a folder of the test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "indexes"))


@pytest.fixture(params=["packed", "of others"])
def shards(request: pytest.FixtureRequest, tmp_path: Path) -> dp.Shards:
    """Some tars, with what `pack` writes beside them and without."""
    write_images(tmp_path / "photos", 12, height=40, width=60)
    dp.pack(dp.clean(tmp_path / "photos", dp.Pipeline(), progress=False), tmp_path / "shards", shard="12KB", progress=False)
    if request.param == "of others":
        for path in (tmp_path / "shards").glob("*.parquet"):
            path.unlink()
    return dp.Shards(str(tmp_path / "shards"))


def test_an_engine_lists_what_the_source_does(shards: dp.Shards) -> None:
    """Records and what is said beside them are the same to the last bit, in whatever order parts come back."""
    engine = Backwards()
    assert records_of(shards, engine).equals(shards.records(), check_metadata=True)
    assert [batch["part"].to_pylist() for batch in engine.mapped] == [[part] for part in shards.part_names()]
    assert len(engine.mapped) > 2
    check_source(shards)


def test_what_has_no_parts_is_listed_here(shards: dp.Shards) -> None:
    """A source without parts lists itself, and so does one with parts where the engine does not list."""
    for source, engine in ((FakeSource({"0.jpg": encoded(photo(0))}), Backwards()), (shards, Backwards(lists=False))):
        assert records_of(source, engine).equals(source.records(), check_metadata=True)
        assert not engine.mapped


def test_a_lost_part_is_an_error(shards: dp.Shards) -> None:
    """Where the process that lists a part dies, the error names the part: no image is left out in silence."""
    with pytest.raises(SourceError, match=r"cannot be listed: part 'shard-000000\.tar': killed"):
        records_of(shards, Loses())


def test_a_part_that_cannot_be_listed_is_an_error(shards: dp.Shards) -> None:
    """What a source says of a part that it cannot list is what the run says."""
    parts = shards.part_names()
    Path(shards.root, parts[1]).unlink()
    with pytest.raises(SourceError, match=parts[1]):
        records_of(Still(shards, parts), Backwards())


@dataclass
class Still:
    """Shards that have the tars that they had."""

    source: dp.Shards
    names: list[str]

    def records(self) -> pa.Table:
        return self.source.records()

    def read(self, uri: str, start: int = 0, stop: int | None = None) -> bytes:
        return self.source.read(uri, start, stop)

    def part_names(self) -> list[str]:
        return self.names

    def list_part(self, part: str) -> pa.RecordBatch:
        path = Path(self.source.root, part).with_suffix(".parquet")
        path.unlink(missing_ok=True)
        return self.source.list_part(part)

    def records_of(self, lists: dict[str, pa.RecordBatch]) -> pa.Table:
        return self.source.records_of(lists)
