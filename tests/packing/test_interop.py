"""Shards as other tools read them: the same images, and what is known of each."""

import hashlib
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import dataprep as dp
from dataprep.testing import write_images

PACKED = 30_000  # bytes of a shard
PATH = os.environ["PATH"]


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> dp.Manifest:
    """Photos of two labels and two splits, packed as they are into several shards."""
    folder = tmp_path_factory.mktemp("interop")
    write_images(folder / "photos", 24)
    manifest = dp.split(
        dp.clean(folder / "photos", dp.Pipeline(), engine=dp.Local(0), progress=False), {"train": 0.75, "test": 0.25}
    )
    return dp.pack(manifest, folder / "packed", shard=PACKED, engine=dp.Local(0), progress=False)


def root(packed: dp.Manifest) -> Path:
    """The folder of the shards."""
    assert isinstance(packed.source, dp.Shards)
    return Path(packed.source.root)


def tars(packed: dp.Manifest, split: str = "") -> list[str]:
    """The paths of the shards."""
    return [str(path) for path in sorted(root(packed).glob(f"{split}*.tar"))]


def elsewhere(program: str, *arguments: object) -> Any:
    """Returns what a program prints as JSON, in a process of its own: readers leave files open."""
    command = [sys.executable, "-W", "ignore", "-c", program, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def expected(packed: dp.Manifest, split: str | None = None) -> list[list[str]]:
    """The digest and the label of each image, in the order of the tars' names."""
    rows = sorted(packed.table.to_pylist(), key=lambda row: row["uri"])
    return [[digest(packed.source.read(row["uri"])), row["label"]] for row in rows if split in (None, row["split"])]


def digest(data: bytes) -> str:
    """What bytes are compared by."""
    return hashlib.sha256(data).hexdigest()


def test_webdataset(packed: dp.Manifest, tmp_path: Path) -> None:
    """Webdataset gives every image with its JSON, in the order of the tars, and decodes them, raw pixels too."""
    pytest.importorskip("webdataset")
    raw = dp.pack(packed, tmp_path / "raw", side=40, raw=True, engine=dp.Local(0), progress=False)
    program = """
import hashlib, json, sys, webdataset
def read(ending, *tars):
    found = [[hashlib.sha256(one[ending]).hexdigest(), json.loads(one["json"])["label"]] for one in webdataset.WebDataset(tars)]
    return [found, [one[0].shape for one in webdataset.WebDataset(tars).decode("rgb8").to_tuple(ending)]]

print(json.dumps([read(*one) for one in json.loads(sys.argv[1])]))
"""
    as_they_are, pixels = elsewhere(program, json.dumps([["jpg", *tars(packed)], ["ppm", *tars(raw)]]))
    assert as_they_are == [expected(packed), [[96, 128, 3]] * 24]
    assert pixels == [expected(raw), [[40, 53, 3]] * 24]
    assert len(tars(packed)) > 3


@pytest.mark.slow
def test_dali(packed: dp.Manifest) -> None:
    """DALI's reader of WebDataset gives the same bytes and JSON, without an index of its own."""
    pytest.importorskip("nvidia.dali")
    program = """
import hashlib, json, sys
import numpy as np
from nvidia import dali
pipeline = dali.Pipeline(batch_size=24, num_threads=1, device_id=None)
with pipeline:
    pipeline.set_outputs(*dali.fn.readers.webdataset(paths=sys.argv[1:], ext=["jpg", "json"], missing_component_behavior="error"))
pipeline.build()
images, said = pipeline.run()
of = lambda column, at: np.asarray(column[at]).tobytes()
print(json.dumps([[hashlib.sha256(of(images, at)).hexdigest(), json.loads(of(said, at))["label"]] for at in range(24)]))
"""
    assert elsewhere(program, *tars(packed)) == expected(packed)


@pytest.mark.slow
def test_huggingface(packed: dp.Manifest, tmp_path: Path) -> None:
    """Hugging Face's datasets takes the names of tars for splits, and has the images and what is known of them."""
    pytest.importorskip("datasets")
    program = """
import datasets, hashlib, json, sys
folder, cache = sys.argv[1:]
found = {}
for split in ("train", "test"):
    rows = datasets.load_dataset("webdataset", data_files={split: f"{folder}/{split}-*.tar"}, cache_dir=cache, split=split)
    found[split] = [[row["jpg"].size, row["json"]["label"]] for row in rows]
print(json.dumps(found))
"""
    found = elsewhere(program, root(packed), tmp_path)
    assert found == {split: [[[128, 96], label] for _, label in expected(packed, split)] for split in ("train", "test")}


def test_tar(packed: dp.Manifest) -> None:
    """The command `tar` lists and unpacks them, with names in order, times of 1970 and no owner."""
    for path in tars(packed):
        told = subprocess.run(["tar", "tvf", path], capture_output=True, text=True, check=True, env={"TZ": "UTC", "PATH": PATH})
        lines = told.stdout.splitlines()
        names = [line.split()[-1] for line in lines]
        assert names == sorted(names)
        assert all("0/0" in line and "1970-01-01 00:00" in line for line in lines)
        data = subprocess.run(["tar", "xOf", path, names[0]], capture_output=True, check=True).stdout
        with tarfile.open(path) as opened:
            assert data == opened.extractfile(names[0]).read()


def test_duckdb(packed: dp.Manifest) -> None:
    """DuckDB asks the Parquet files, each and all together, and finds images at the places that they say."""
    pytest.importorskip("duckdb")
    program = """
import duckdb, json, sys
folder = sys.argv[1]
ask = lambda text: duckdb.connect().execute(text).fetchall()
counts = ask(f"select split, count(*) from '{folder}/manifest.parquet' group by split order by split")
many = ask(f"select count(*) from '{folder}/t*-*.parquet'")
row = ask(f'select uri, "offset", length, lower(hex(digest)) from \\'{folder}/manifest.parquet\\' where id = 5')
print(json.dumps([counts, many, row[0]]))
"""
    counts, many, (uri, offset, length, told) = elsewhere(program, root(packed))
    assert (counts, many) == ([["test", 6], ["train", 18]], [[24]])
    with open(root(packed) / uri.partition("#")[0], "rb") as file:
        file.seek(offset)
        data = file.read(length)
    assert data == packed.source.read(uri)
    assert digest(data) == told


def test_pyarrow(packed: dp.Manifest) -> None:
    """The Parquet file beside each tar, as pyarrow reads it, has the range of bytes of every image there, and its digest."""
    found = 0
    for path in tars(packed):
        rows = pq.read_table(path.replace(".tar", ".parquet"), columns=["offset", "length", "digest", "label"]).to_pylist()
        with open(path, "rb") as file:
            for row in reversed(rows):  # in any order: nothing before an image has to be read
                file.seek(row["offset"])
                assert hashlib.sha256(file.read(row["length"])).digest() == row["digest"]
        found += len(rows)
    assert found == len(packed)
