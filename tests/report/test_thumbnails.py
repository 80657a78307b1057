"""Thumbnails: one for each image or the reason why not, made where a decoder that crashes costs one of them."""

import hashlib
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dataprep as dp
from dataprep.engines import Local
from dataprep.report.thumbnails import BATCH, Thumbnail, thumbnails
from dataprep.testing import FakeEngine, FakeSource, encoded, photo, write_images

SMALL = [encoded(photo(row, 24, 24)) for row in range(9)]
DIGESTS = [hashlib.sha256(data).hexdigest() for data in SMALL]
URIS = [f"{row}.jpg" for row in range(2 * BATCH + 3)]


@dataclass(frozen=True)
class Deadly:
    """A folder of which one file kills whoever reads it, once it is told to by a mark."""

    root: str
    home: int
    mark: str

    def records(self) -> pa.Table:
        return dp.Folder(self.root).records()

    def read(self, uri: str, start: int = 0, stop: int | None = None) -> bytes:
        if uri.endswith("0003.jpg") and os.path.exists(self.mark) and os.getpid() != self.home:
            os.kill(os.getpid(), signal.SIGSEGV)
        return dp.Folder(self.root).read(uri, start, stop)


@pytest.mark.parametrize("engine", [None, FakeEngine(shuffle=1), Local(0)])
@pytest.mark.parametrize("count", [0, 1, BATCH, len(URIS)])
def test_in_order(engine: dp.Engine | None, count: int) -> None:
    """Each image has its own thumbnail whoever makes them, in whatever order, and progress is told up to the last."""
    source = FakeSource({uri: encoded(photo(row % 5, 24, 24)) for row, uri in enumerate(URIS[:-1])})
    calls: list[tuple[str, int, int]] = []
    found = thumbnails(source, URIS[-count:] if count else [], lambda *call: calls.append(call), engine=engine)
    assert [thumbnail.url is None for thumbnail in found] == [False] * (count - 1) + [True] * (count > 0)
    assert all(found[row].url == found[row + 5].url for row in range(max(count - 6, 0)))
    assert len({thumbnail.url for thumbnail in found}) == min(count, 6)
    assert calls == [("thumbnails", done, count) for done in range(1, count + 1)]


def test_a_decoder_that_crashes(tmp_path: Path) -> None:
    """A file that kills its decoder when the report is made costs its thumbnail, and neither the report nor another one."""
    write_images(tmp_path / "photos", 6)
    (tmp_path / "mark").touch()
    source = Deadly(str(tmp_path / "photos"), os.getpid(), str(tmp_path / "mark"))
    uris = source.records()["uri"].to_pylist()
    found = dict(zip(uris, thumbnails(source, uris, engine=Local(1)), strict=True))
    assert found.pop("dog/0003.jpg") == Thumbnail(None, "the process that decoded it died: SIGSEGV(-11)")
    assert all(thumbnail.url for thumbnail in found.values())


@dataclass(frozen=True)
class Counting:
    """An engine that runs in this process, and remembers which images it was given."""

    given: list[str]

    def map(self, function: Any, batches: Any, lost: Any) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            self.given.extend(batch["uri"].to_pylist())
            yield function(batch)


@given(st.lists(st.sampled_from(["same", "changed", "unknown", "gone"]), max_size=9))
def test_who_makes_them(fates: list[str]) -> None:
    """What is still as it was measured is decoded in this process; what has changed, is gone or not known goes to the engine."""
    files = {f"{row}.jpg": SMALL[row] for row, fate in enumerate(fates) if fate != "gone"}
    digests = [{"unknown": None, "changed": "0" * 64}.get(fate, DIGESTS[row]) for row, fate in enumerate(fates)]
    engine = Counting([])
    uris = [f"{row}.jpg" for row in range(len(fates))]
    found = thumbnails(FakeSource(files), uris, engine=engine, digests=digests)
    assert engine.given == [uri for uri, fate in zip(uris, fates, strict=True) if fate != "same"]
    assert found == thumbnails(FakeSource(files), uris)
    assert [thumbnail.url is None for thumbnail in found] == [fate == "gone" for fate in fates]
