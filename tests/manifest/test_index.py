"""The index of a manifest's rows: loaders by it and without it give the same, and it never outlives what it is of."""

import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dataprep as dp
from dataprep.columns import TYPES
from dataprep.manifest import index
from dataprep.manifest.stored import Stored
from dataprep.manifest.verdicts import verdicts
from dataprep.testing import FakeSource

OPS = dp.Pipeline(dp.RandomResizedCrop(8), dp.HorizontalFlip())
WORDS = ("cat", "dog", "hedgehog with a long name")
RULES = dp.Pipeline(dp.Require("height", least=100))


class Anything(FakeSource):
    """A source that has whatever it is asked for."""

    def read(self, uri: str, start: int = 0, stop: int | None = None) -> bytes:
        """Returns a byte."""
        return b"x"


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Every manifest has an index, and folders for temporary files are of this test."""
    monkeypatch.setattr(index, "ROWS", 1)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("dataprep.files.gettempdir", lambda: str(tmp_path / "temporary"))


def manifest_of(rows: list[Any], seed: int = 0, **more: list[Any]) -> dp.Manifest:
    """Returns a manifest of (label, split, kept) of each row."""
    draw = np.random.default_rng(seed)
    size = len(rows)
    columns = {
        "id": pa.array(2 * np.arange(size) + 70_000),
        "uri": pa.array([f"{row:03d}.jpg" for row in range(size)], pa.large_string()),
        "label": pa.array([row[0] for row in rows], pa.string()),
        "split": pa.array([row[1] for row in rows], pa.string()),
        "bytes": pa.array(draw.integers(0, 2**40, size)),
        "modified": pa.array(draw.integers(-(2**60), 2**60, size)),
        "digest": pa.array([draw.bytes(32) for _ in rows], pa.binary(32)),
        "height": pa.array([200 if row[2] else 20 for row in rows], pa.int32()),
        "width": pa.array(draw.integers(1, 70_000, size).astype(np.int32)),
        "error": pa.nulls(size, pa.string()),
    }
    columns |= {name: pa.array(values, TYPES[name]) for name, values in more.items()}
    classes = () if "value" in more else tuple(sorted({word for row in rows for word in [row[0]] if word is not None}))
    return dp.Manifest(verdicts(pa.table(columns), RULES.rules), RULES, dp.Folder("photos"), (), classes)


def both(manifest: dp.Manifest, path: str | Path, monkeypatch: pytest.MonkeyPatch) -> tuple[dp.Manifest, dp.Manifest]:
    """Returns a manifest as it is read by its index, and as it is read without."""
    manifest.write(path)
    mapped = dp.Manifest.read(path, Anything({}))
    with monkeypatch.context() as patched:
        patched.setattr(index, "ROWS", 10**9)
        plain = dp.Manifest.read(path, mapped.source)
    assert isinstance(mapped.rows, Stored) and isinstance(plain.rows, pa.Table)
    return mapped, plain


def told(loader: dp.Loader) -> list[Any]:
    """Returns all that a loader would make batches from, of a whole epoch."""
    parts = []
    for recipe in loader.recipes():
        stamps = [stamp._replace(digest=stamp.digest and stamp.digest[: index.DIGITS]) for stamp in recipe.stamps or ()]
        arrays = (recipe.ids, recipe.labels, recipe.sizes, *(param for of_op in recipe.params for param in of_op.T))
        parts.append((recipe.uris, stamps, [(array.dtype, array.tobytes()) for array in arrays]))
    return parts


SPLITS = st.sampled_from(["train", "val", "fold-0", "fold-1", None])
ROW = st.tuples(st.sampled_from([*WORDS, None]), SPLITS, st.booleans())
MORE = st.sampled_from(["nothing", "version", "labels", "value"])


@settings(max_examples=25)
@given(st.lists(ROW, min_size=1, max_size=90), MORE, st.integers(0, 5))
def test_loaders_are_the_same(tmp_path_factory: pytest.TempPathFactory, rows: list[Any], kind: str, seed: int) -> None:
    """A manifest that is mapped has the same rows, fingerprint, batches and state as one in memory; so has each part of it."""
    more: dict[str, list[Any]] = {
        "nothing": {},
        "version": {"version": [f"tag{row}" if row % 3 else None for row in range(len(rows))]},
        "labels": {"labels": [[row[0], "bird"] if row[0] else None for row in rows]},
        "value": {"value": [row / 3 if row % 4 else None for row in range(len(rows))]},
    }[kind]
    path = tmp_path_factory.mktemp("mapped") / "manifest.parquet"
    with pytest.MonkeyPatch.context() as patched:
        mapped, plain = both(manifest_of(rows, seed, **more), path, patched)
    pairs = [(mapped, plain)]
    splits = {row[1] for row in rows} - {None}
    pairs += [(mapped.select(split), plain.select(split)) for split in splits]
    if {"fold-0", "fold-1"} <= splits:
        pairs += list(zip(mapped.fold(1), plain.fold(1), strict=True))
    for one, other in pairs:
        assert (len(one), one.fingerprint, repr(one)) == (len(other), other.fingerprint, repr(other))
        names = [name for name in plain.table.column_names if name != "detail"]
        assert one.kept(*names).equals(other.kept(*names))
        assert np.array_equal(one.labels(), other.labels(), equal_nan=one.labels().dtype == np.float32)
        if not len(other.kept("id")):
            continue
        for sampler in (dp.Sampler(seed=seed, remainder="pad"), dp.Sampler(weights="width", remainder="exact")):
            loaders = [dp.Loader(given, OPS, batch_size=4, sampler=sampler, backend=dp.Threads(1)) for given in (one, other)]
            assert told(loaders[0]) == told(loaders[1])
            assert loaders[0].state_dict() == loaders[1].state_dict()
    assert mapped == plain
    assert "table" in vars(mapped.rows)  # which nothing before has looked at as a whole


SOME = [("cat", "train", True), ("dog", "val", True), ("dog", "train", False)] * 20


def test_files_that_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An index is written anew when the manifest is another one; one that is damaged is an error, whatever is read."""
    path = tmp_path / "manifest.parquet"
    first, _ = both(manifest_of(SOME), path, monkeypatch)
    second, plain = both(manifest_of(SOME[:30], seed=1), path, monkeypatch)
    assert second.fingerprint == plain.fingerprint != first.fingerprint
    assert len(second) == 30
    with pytest.raises(dp.ManifestError, match="another file now than when it was read; read it again"):
        first.kept("label")
    known = os.stat(path)
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)
    with pytest.raises(dp.ManifestError, match="damaged: it is not as it was written"):
        dp.Manifest.read(path)
    os.utime(path, ns=(known.st_atime_ns, known.st_mtime_ns))  # then what was mapped is right, and nothing else is read
    unnoticed = dp.Manifest.read(path)
    assert unnoticed.fingerprint == second.fingerprint
    with pytest.raises(dp.ManifestError, match="damaged: it is not as it was written"):
        unnoticed.kept("label")


@pytest.mark.parametrize("damage", [b"", b"ARROW1", b"no index at all"])
def test_an_index_that_cannot_be_read(tmp_path: Path, damage: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """An index that was cut off or is none is written anew."""
    path = tmp_path / "manifest.parquet"
    mapped, plain = both(manifest_of(SOME), path, monkeypatch)
    assert isinstance(mapped.rows, Stored)
    file = mapped.rows.index.file
    whole = file.read_bytes()
    for content in (damage, whole[:-1], whole[: len(whole) // 2], whole[9:]):
        file.unlink()
        file.write_bytes(content)
        assert dp.Manifest.read(path, plain.source) == plain
        assert file.read_bytes() == whole


def test_where_it_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Where the folder is not to be written to, the index is in a temporary one; where that is not ours, in memory."""
    path = tmp_path / "manifest.parquet"
    (tmp_path / ".manifest.parquet.rows" / "taken").mkdir(parents=True)
    mapped, plain = both(manifest_of(SOME), path, monkeypatch)
    assert isinstance(mapped.rows, Stored)
    own = mapped.rows.index.file.parent
    assert own.parent == tmp_path / "temporary"
    assert own.stat().st_mode & 0o077 == 0
    own.chmod(0o777)  # others could have put anything there
    again = dp.Manifest.read(path, plain.source)
    assert isinstance(again.rows, pa.Table)
    assert again == plain
    assert "no index of its rows can be written" in caplog.text


def test_processes_at_once(tmp_path: Path) -> None:
    """Processes that begin together write one index, and all map it."""
    path = tmp_path / "manifest.parquet"
    manifest_of(SOME).write(path)
    program = (
        "import os, sys; import dataprep as dp; from dataprep.manifest import index; index.ROWS = 1;"
        "print(end='ready', flush=True); sys.stdin.read(1);"
        "rows = dp.Manifest.read(sys.argv[1]).rows; print(os.stat(rows.index.file).st_ino)"
    )
    ready = [
        subprocess.Popen([sys.executable, "-c", program, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    for process in ready:
        assert process.stdout is not None and process.stdout.read(5) == "ready"
    ends = [process.communicate("x")[0] for process in ready]
    assert len(set(ends)) == 1
    assert sorted(file.name for file in tmp_path.iterdir() if file.is_file()) == [".manifest.parquet.rows", "manifest.parquet"]


def test_copies_of_a_manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is sent to another process is where the rows are, not the rows."""
    mapped, plain = both(manifest_of(SOME * 50), tmp_path / "manifest.parquet", monkeypatch)
    sent = pickle.dumps(mapped.select("train"))
    assert len(sent) < 5_000
    assert pickle.loads(sent).table.equals(plain.select("train").table)


def test_rules_by_hand_and_by_pipeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mapped manifest is judged, written and divided as one in memory."""
    mapped, plain = both(manifest_of(SOME), tmp_path / "manifest.parquet", monkeypatch)
    everything = dp.Pipeline(dp.Require("height", least=1))
    assert mapped.judge(everything) == plain.judge(everything)
    shares = {"train": 0.5, "val": 0.5}
    assert dp.split(mapped, shares, replace=True) == dp.split(plain, shares, replace=True)


def test_manifests_in_a_store(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a manifest in a store the rows are mapped from this machine, and had again only when it is another one."""
    from dataprep.sources import stores

    mapped, plain = both(manifest_of(SOME), f"{s3.url}/out/manifest.parquet", monkeypatch)
    assert mapped.fingerprint == plain.fingerprint
    with monkeypatch.context() as patched:
        patched.setattr(stores, "fetch", None)
        assert dp.Manifest.read(f"{s3.url}/out/manifest.parquet", plain.source).fingerprint == plain.fingerprint
    assert mapped == plain
    other, _ = both(manifest_of(SOME, seed=1), f"{s3.url}/out/manifest.parquet", monkeypatch)
    assert other.fingerprint != mapped.fingerprint
