"""The cache: what was measured is found again, as long as neither the file nor the measure changed."""

import errno
import os
import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import accumulate, pairwise, permutations
from pathlib import Path
from threading import Barrier
from typing import ClassVar

import numpy as np
import PIL
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataprep.cleaning.cache import MARK, Cache, _block, _read, measure_key
from dataprep.cleaning.clean import clean
from dataprep.columns import hex_of
from dataprep.errors import DataprepError, DecodeError
from dataprep.manifest import Manifest
from dataprep.pipeline import Pipeline
from dataprep.protocols import Measure
from dataprep.sources import Folder, Several
from dataprep.stages import ChannelSums, Deduplicate, LaplacianVariance, Luminance, PHash, Require
from dataprep.stages.rules.standard import standard_rules
from dataprep.testing import FakeEngine, encoded, photo, write_images
from dataprep.types import Image

SOURCE = Folder("photos")
MEASURES: tuple[Measure, ...] = (PHash(), Luminance())
STANDARD = Pipeline(*standard_rules())


def measured_again(folder: Path, cache: Path, pipeline: Pipeline = STANDARD) -> list[str]:
    """The uris that another run measures, which must come out as without a cache."""
    engine = FakeEngine(shuffle=0)
    cached = clean(folder, pipeline, engine=engine, cache=cache)
    fresh = clean(folder, pipeline, engine=FakeEngine())
    assert cached.table.equals(fresh.table)
    assert cached == Manifest(cached.table, fresh.pipeline, fresh.source, fresh.measures, fresh.classes, fresh.ignored)
    return sorted(engine.uris)


def records_of(count: int) -> pa.Table:
    """A scan of files that are not there."""
    uris = [f"{row}.jpg" for row in range(count)]
    return pa.table({"uri": uris, "bytes": np.arange(count) + 100, "modified": np.arange(count) + 10**18})


def batch_of(records: pa.Table, start: int, stop: int) -> pa.RecordBatch:
    """What was measured of some records: their number, told in every column."""
    part = records.slice(start, stop - start)
    rows = range(start, stop)
    columns = {
        **{name: part[name].combine_chunks() for name in ("uri", "bytes", "modified")},
        "digest": pa.array([f"{row:064x}" for row in rows]),
        "error": pa.nulls(len(rows), pa.string()),
        "height": pa.nulls(len(rows), pa.int32()),
        "width": pa.nulls(len(rows), pa.int32()),
        "phash64": pa.array([row.to_bytes(8) for row in rows], pa.binary(8)),
        "brightness": pa.array([float(row) for row in rows], pa.float32()),
        "contrast": pa.array([float(row) for row in rows], pa.float32()),
    }
    return pa.RecordBatch.from_pydict(columns)


def found_in(folder: Path, records: pa.Table, measures: tuple[Measure, ...] = MEASURES) -> list[int]:
    """The rows that a cache knows, in order; what it says of each must be of that row."""
    rows = []
    with Cache(folder, SOURCE) as cache:
        for found in cache.find(records, measures):
            assert hex_of(found.table["digest"]) == [f"{row:064x}" for row in found.rows]
            for name in set(found.table.column_names) - {"digest", "error", "height", "width"}:
                values = found.table[name].to_pylist()
                assert [int.from_bytes(value) if name == "phash64" else int(value) for value in values] == found.rows.tolist()
            rows += found.rows.tolist()
    return sorted(rows)


def test_found_again(tmp_path: Path) -> None:
    """Every batch that was appended is found again, by the rows that its records have now, whatever their order."""
    records = records_of(50)
    with Cache(tmp_path, SOURCE) as cache:
        assert cache.find(records, MEASURES) == []
        for start in (20, 0, 30, 10):
            cache.append(batch_of(records, start, start + 10), MEASURES)
    assert found_in(tmp_path, records) == list(range(40))
    moved = records.take(pa.array([49, 3, 20, 1]))
    with Cache(tmp_path, SOURCE) as cache:
        (found,) = cache.find(moved, MEASURES)
    assert dict(zip(found.rows.tolist(), hex_of(found.table["digest"]), strict=True)) == {
        1: f"{3:064x}",
        2: f"{20:064x}",
        3: f"{1:064x}",
    }


def test_found_while_open(tmp_path: Path) -> None:
    """A batch is on disk once it was appended: it is found though the writer never closes, as when it is killed."""
    records = records_of(20)
    cache = Cache(tmp_path, SOURCE)
    for start in (0, 10):
        cache.append(batch_of(records, start, start + 10), MEASURES)
        assert found_in(tmp_path, records) == list(range(start + 10))
    cache.__exit__(None, None, None)


def stream_of(folder: Path, records: pa.Table, sizes: Sequence[int]) -> Path:
    """The stream of a cache that batches of some sizes were appended to, of the first records."""
    starts = [0, *accumulate(sizes)]
    with Cache(folder, SOURCE) as cache:
        for start, stop in pairwise(starts):
            cache.append(batch_of(records, start, stop), MEASURES)
    (path,) = folder.glob("*.arrows")
    return path


def test_torn_stream(tmp_path: Path) -> None:
    """A stream that was cut at any byte gives the batches that were written whole, in their order, and nothing else."""
    records = records_of(20)
    path = stream_of(tmp_path, records, [4] * 5)
    data = path.read_bytes()
    counts = []
    for at in range(0, len(data), 13):
        path.write_bytes(data[:at])
        rows = found_in(tmp_path, records)
        assert rows == list(range(len(rows)))
        counts.append(len(rows))
    path.write_bytes(data)
    assert counts == sorted(counts)
    assert set(counts) == {0, 4, 8, 12, 16}
    assert found_in(tmp_path, records) == list(range(20))


@given(damages=st.lists(st.tuples(st.integers(0, 2**32), st.sampled_from([1, 7, 500, 4096]), st.integers(0, 255)), max_size=3))
def test_damaged_stream(tmp_path_factory: pytest.TempPathFactory, damages: list[tuple[int, int, int]]) -> None:
    """Bytes that another value overwrote anywhere cost the batches that they are in, and no other; none comes out wrong."""
    folder, records = tmp_path_factory.mktemp("cache"), records_of(20)
    path = stream_of(folder, records, [4] * 5)
    data = bytearray(path.read_bytes())
    starts, whole = [found.start() for found in re.finditer(re.escape(MARK), data)], set(range(5))
    for at, length, value in damages:
        start = at % len(data)
        stop = min(start + length, len(data))
        if data[start:stop] != bytes([value]) * (stop - start):
            whole -= set(range(bisect_right(starts, start) - 1, bisect_right(starts, stop - 1)))
            data[start:stop] = bytes([value]) * (stop - start)
    path.write_bytes(data)
    found = found_in(folder, records)
    assert set(found) >= {row for block in whole for row in range(4 * block, 4 * block + 4)}
    assert len(found) == len(set(found))


def test_stream_of_something_else(tmp_path: Path) -> None:
    """A stream of another version, of another program, or no stream at all is left alone."""
    records = records_of(8)
    path = stream_of(tmp_path, records, [4])
    (tmp_path / "000002.arrows").write_bytes(path.read_bytes().replace(MARK, MARK.replace(b"3", b"9")))
    (tmp_path / "000003.arrows").write_bytes(b"no stream")
    (tmp_path / "000004.arrows").touch()
    (tmp_path / "000006.arrows").mkdir()
    (tmp_path / "notes.txt").write_text("mine")
    with pa.OSFile(str(tmp_path / "000005.arrows"), "wb") as file, pa.ipc.new_stream(file, records.schema) as stream:
        stream.write_table(records)
    assert found_in(tmp_path, records) == list(range(4))


def test_few_blocks_in_the_end(tmp_path: Path) -> None:
    """A run that saved many times leaves one block for what has the same columns, and all of it is found."""
    records = records_of(60)
    with Cache(tmp_path, SOURCE) as cache:
        for start in range(0, 60, 2):
            cache.append(batch_of(records, start, start + 2), MEASURES)
        assert len(list(_read(tmp_path / "000001.arrows"))) == 30
        assert found_in(tmp_path, records) == list(range(60))
    assert [path.name for path in tmp_path.iterdir()] == ["000001.arrows"]
    assert [batch.num_rows for batch in _read(tmp_path / "000001.arrows")] == [60]
    assert found_in(tmp_path, records) == list(range(60))


def test_version_2(tmp_path: Path) -> None:
    """What version 2 wrote, digests as hex digits and short texts, is found as what this one writes."""
    records = records_of(8)
    path = stream_of(tmp_path, records, [4, 4])
    blocks = []
    for batch in _read(path):
        table = pa.Table.from_batches([batch])
        digests = pa.array(hex_of(table["digest"]), pa.string())
        table = table.set_column(table.column_names.index("digest"), "digest", digests)
        table = table.set_column(table.column_names.index("name"), "name", table["name"].cast(pa.string()))
        blocks.append(_block(table).replace(MARK, MARK.replace(b"3", b"2"), 1))
    path.write_bytes(b"".join(blocks))
    assert found_in(tmp_path, records) == list(range(8))


def test_one_cache_for_many_sources(tmp_path: Path) -> None:
    """Folders whose files have the same names, sizes and times share a cache, and each gets its own rows; so do their parts."""
    folders = [tmp_path / name for name in ("one", "two")]
    for seed, folder in enumerate(folders):
        for row in range(4):
            path = folder / "cat" / f"{row}.bmp"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encoded(photo(10 * seed + row), "BMP"))
            os.utime(path, ns=(10**18, 10**18))
    for folder in folders:
        assert len(measured_again(folder, tmp_path / "cache")) == 4
    for folder in folders:
        assert measured_again(folder, tmp_path / "cache") == []
    both, engine = Several({"b": Folder(str(folders[0])), "a": Folder(str(folders[1]), splits=True)}), FakeEngine()
    cached = clean(both, STANDARD, engine=engine, cache=tmp_path / "cache")
    assert engine.uris == []
    assert cached.table.equals(clean(both, STANDARD, engine=FakeEngine()).table)


@pytest.mark.parametrize("name", ["bytes", "modified"])
def test_changed_file(tmp_path: Path, name: str) -> None:
    """A file of another size or time is not found."""
    records = records_of(10)
    with Cache(tmp_path, SOURCE) as cache:
        cache.append(batch_of(records, 0, 10), MEASURES)
    values = records[name].to_numpy().copy()
    values[[2, 5]] += 1
    changed = records.set_column(records.column_names.index(name), name, pa.array(values))
    assert found_in(tmp_path, changed) == [0, 1, 3, 4, 6, 7, 8, 9]


@pytest.mark.parametrize("other", [PHash(side=64), PHash(256)])
def test_changed_measure(tmp_path: Path, other: PHash) -> None:
    """A column is found under the same parameters and version of its measure only; the others beside it stay."""
    records = records_of(6)
    with Cache(tmp_path, SOURCE) as cache:
        cache.append(batch_of(records, 0, 6), MEASURES)
        (found,) = cache.find(records, (other, Luminance()))
    assert "phash64" not in found.table.column_names
    assert {"digest", "brightness", "contrast"} <= set(found.table.column_names)
    assert measure_key(other) != measure_key(PHash())


def test_later_version_of_a_measure(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A measure whose version went up, since it gives other values now, is measured again."""
    measured_again(folder, tmp_path / "cache")
    monkeypatch.setattr(PHash, "version", PHash.version + 1)
    assert len(measured_again(folder, tmp_path / "cache")) == 12
    assert measured_again(folder, tmp_path / "cache") == []


def test_second_run_measures_nothing(folder: Path, tmp_path: Path) -> None:
    """A second run over the same folder measures nothing and gives the same manifest."""
    everything = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*.jpg"))]
    assert measured_again(folder, tmp_path / "cache") == everything
    assert measured_again(folder, tmp_path / "cache") == []


def test_grown_folder(folder: Path, tmp_path: Path) -> None:
    """A run over a folder that has grown measures what is new."""
    measured_again(folder, tmp_path / "cache")
    write_images(folder, 3, seed=70, labels=("ant",))
    assert measured_again(folder, tmp_path / "cache") == ["ant/0000.jpg", "ant/0001.jpg", "ant/0002.jpg"]
    for path in (folder / "cat").glob("*.jpg"):
        path.unlink()
    assert measured_again(folder, tmp_path / "cache") == []


def test_changed_folder(folder: Path, tmp_path: Path) -> None:
    """A file that was written again is measured again, also where its size or its time stayed as they were."""
    measured_again(folder, tmp_path / "cache")
    sized, timed, moved = (folder / "cat" / name for name in ("0000.jpg", "0002.jpg", "0004.jpg"))
    sized.write_bytes(encoded(photo(80), quality=70))
    status = timed.stat()
    timed.write_bytes(encoded(photo(81), quality=60))
    os.utime(timed, ns=(status.st_atime_ns, status.st_mtime_ns))
    moved.rename(folder / "cat" / "moved.jpg")
    assert measured_again(folder, tmp_path / "cache") == ["cat/0000.jpg", "cat/0002.jpg", "cat/moved.jpg"]
    assert measured_again(folder, tmp_path / "cache") == []


def test_another_measure(folder: Path, tmp_path: Path) -> None:
    """A measure that is new is measured for every image, and nothing is when it is asked for again or left out."""
    first = Pipeline(Deduplicate())
    second = Pipeline(Deduplicate(), Require("sharpness", least=10))
    assert len(measured_again(folder, tmp_path / "cache", first)) == 12
    assert len(measured_again(folder, tmp_path / "cache", second)) == 12
    assert measured_again(folder, tmp_path / "cache", second) == []
    assert measured_again(folder, tmp_path / "cache", first) == []
    assert measured_again(folder, tmp_path / "cache", Pipeline()) == []
    other = Pipeline(Require("sharpness", least=10, measure=LaplacianVariance(side=64)))
    assert len(measured_again(folder, tmp_path / "cache", other)) == 12


@dataclass(frozen=True)
class Counted:
    """A measure that a test can make fail."""

    side: ClassVar[int] = 64
    channels: ClassVar[int] = 1
    version: ClassVar[int] = 1
    fields: ClassVar[tuple[pa.Field, ...]] = (pa.field("pixels", pa.int64()),)

    def measure(self, image: Image) -> Mapping[str, object]:
        return {"pixels": image.size}


def test_only_what_is_missing(folder: Path, tmp_path: Path) -> None:
    """Where only some rows lack a measure, only those are measured."""
    measured_again(folder, tmp_path / "cache", Pipeline(Luminance()))
    write_images(folder, 2, seed=90, labels=("ant",))
    measured_again(folder, tmp_path / "cache", Pipeline(Counted(), Luminance()))
    write_images(folder, 2, seed=95, labels=("bee",))
    assert measured_again(folder, tmp_path / "cache", Pipeline(Counted())) == ["bee/0000.jpg", "bee/0001.jpg"]
    assert measured_again(folder, tmp_path / "cache", Pipeline(Luminance(), ChannelSums(), Counted()))[:4] == [
        "ant/0000.jpg",
        "ant/0001.jpg",
        "bee/0000.jpg",
        "bee/0001.jpg",
    ]


def test_facts_alone(folder: Path, tmp_path: Path) -> None:
    """Rows of which only the facts are known are measured together with those of which nothing is."""
    assert len(measured_again(folder, tmp_path / "cache", Pipeline())) == 12
    write_images(folder, 2, seed=90, labels=("ant", "eel"))
    assert len(measured_again(folder, tmp_path / "cache", Pipeline(Luminance()))) == 14
    assert measured_again(folder, tmp_path / "cache", Pipeline(Luminance())) == []


def test_broken_images_are_remembered(folder: Path, tmp_path: Path) -> None:
    """An image that does not decode is not decoded again, until it is mended."""
    broken = folder / "cat" / "0000.jpg"
    data = broken.read_bytes()
    broken.write_bytes(data[:-700])
    measured_again(folder, tmp_path / "cache")
    assert measured_again(folder, tmp_path / "cache") == []
    broken.write_bytes(data)
    assert measured_again(folder, tmp_path / "cache") == ["cat/0000.jpg"]


@dataclass(frozen=True)
class Picky:
    """A measure that finds images with bright corners broken, as a decoder does that sees more of a file than another."""

    side: ClassVar[int | None] = None
    channels: ClassVar[int] = 3
    version: ClassVar[int] = 1
    fields: ClassVar[tuple[pa.Field, ...]] = (pa.field("corner", pa.int64()),)

    def measure(self, image: Image) -> Mapping[str, object]:
        if image[0, 0, 0] > 120:
            raise DecodeError("too bright a corner")
        return {"corner": int(image[0, 0, 0])}


@pytest.mark.parametrize(
    "order", list(permutations([(Luminance(),), (Luminance(), Picky()), (Picky(),), (PHash(), Luminance())]))
)
def test_broken_for_one_measure(folder: Path, tmp_path: Path, order: tuple[tuple[Measure, ...], ...]) -> None:
    """An image that only one measure finds broken is broken while that is asked for, whatever was measured of it before."""
    broken = set()
    for measures in order:
        measured_again(folder, tmp_path / "cache", Pipeline(*measures))
        assert measured_again(folder, tmp_path / "cache", Pipeline(*measures)) == []
        broken.add(clean(folder, Pipeline(*measures), engine=FakeEngine()).reasons().get("unreadable", 0))
    assert len(broken) == 2 and 0 in broken


@pytest.mark.parametrize("order", list(permutations([400, 6_400, 12_287, 12_288])))
def test_another_limit_of_pixels(folder: Path, tmp_path: Path, order: tuple[int, ...]) -> None:
    """What is too large under one limit is measured under the next, and the other way round, whatever the order of limits."""
    write_images(folder, 2, seed=70, height=80, width=80, labels=("ant",))
    for limit in order:
        cached = clean(folder, STANDARD, engine=FakeEngine(), cache=tmp_path / "cache", max_pixels=limit)
        assert cached.table.equals(clean(folder, STANDARD, engine=FakeEngine(), max_pixels=limit).table)
        assert cached.reasons().get("unreadable", 0) == {400: 14, 6_400: 12, 12_287: 12, 12_288: 0}[limit]


def test_other_decoders(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What could not be decoded, and no more, is tried again by another version of the decoders."""
    (folder / "cat" / "broken.jpg").write_bytes(b"no image")
    assert len(measured_again(folder, tmp_path / "cache")) == 13
    assert measured_again(folder, tmp_path / "cache") == []
    monkeypatch.setattr(PIL, "__version__", "99.0")
    assert measured_again(folder, tmp_path / "cache") == ["cat/broken.jpg"]
    assert measured_again(folder, tmp_path / "cache") == []


def test_unreadable_files_are_tried_again(folder: Path, tmp_path: Path) -> None:
    """A file that could not even be read, which may be the fault of the network, is tried again by the next run."""
    path = folder / "cat" / "0000.jpg"
    data, status = path.read_bytes(), path.stat()
    engine = FakeEngine(before=lambda batch: path.unlink(missing_ok=True))
    manifest = clean(folder, STANDARD, engine=engine, cache=tmp_path / "cache")
    assert manifest.reasons() == {"unreadable": 1}
    path.write_bytes(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert measured_again(folder, tmp_path / "cache") == ["cat/0000.jpg"]


def test_many_runs_at_once(tmp_path: Path) -> None:
    """Runs that start a stream in one cache at the same moment write one each, and all are found."""
    records, barrier = records_of(40), Barrier(8)

    def run(number: int) -> None:
        with Cache(tmp_path / "cache", SOURCE) as cache:
            barrier.wait()
            cache.append(batch_of(records, 5 * number, 5 * number + 5), MEASURES)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(run, range(8)))
    assert found_in(tmp_path / "cache", records) == list(range(40))


def test_cache_that_cannot_be(tmp_path: Path) -> None:
    """A cache that cannot be made, or is gone, is an error that says where."""
    (tmp_path / "file").touch()
    with pytest.raises(DataprepError, match="file"):
        Cache(tmp_path / "file", SOURCE)
    cache = Cache(tmp_path / "cache", SOURCE)
    cache.folder.rmdir()
    cache.folder.touch()
    with pytest.raises(DataprepError, match="cannot be written"):
        cache.append(batch_of(records_of(2), 0, 2), MEASURES)


def test_nothing_to_remember(tmp_path: Path) -> None:
    """A cache that nothing came into leaves no folder, and one that was there stays."""
    with Cache(tmp_path / "new", SOURCE):
        pass
    (tmp_path / "old").mkdir()
    with Cache(tmp_path / "old", SOURCE):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["old"]


@pytest.mark.parametrize(
    "fault",
    [MemoryError(), OSError(errno.EMFILE, "Too many open files"), OSError(errno.EIO, "I/O error"), ImportError("no room")],
)
def test_passing_faults_are_not_remembered(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    """An image that could not be decoded for want of memory or files is tried again by the next run."""

    def fail(*arguments: object, **options: object) -> None:
        raise DecodeError("this once") from fault

    with monkeypatch.context() as patched:
        patched.setattr("dataprep.cleaning.measure.decode", fail)
        assert clean(folder, STANDARD, engine=FakeEngine(), cache=tmp_path / "cache").reasons() == {"unreadable": 12}
    assert len(measured_again(folder, tmp_path / "cache")) == 12


def test_no_memory_to_read(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file for which there is no memory is a row, and is tried again by the next run."""
    read = Folder.read

    def fail(self: Folder, uri: str, *part: int) -> bytes:
        if uri.endswith("0003.jpg"):
            raise MemoryError
        return read(self, uri, *part)

    with monkeypatch.context() as patched:
        patched.setattr(Folder, "read", fail)
        manifest = clean(folder, STANDARD, engine=FakeEngine(), cache=tmp_path / "cache")
    assert manifest.table["error"].drop_null().to_pylist() == ["cannot be read: out of memory"]
    assert measured_again(folder, tmp_path / "cache") == ["dog/0003.jpg"]


def test_another_policy(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was measured under another policy of decoding is measured anew, as any of its pixels may be others now."""
    assert len(measured_again(folder, tmp_path)) == 12
    assert measured_again(folder, tmp_path) == []
    monkeypatch.setattr("dataprep.cleaning.cache.POLICY", -1)
    assert len(measured_again(folder, tmp_path)) == 12
