"""The file of a manifest: as it was written, or refused; damage is never read, and never ends the process."""

import random
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataprep.errors import ManifestError
from dataprep.manifest.parquet import CHUNK, KEY, read_table, write_table

TABLE = pa.table({"id": range(500), "uri": [f"cat/{row:04}.jpg" for row in range(500)]})


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that is whole."""
    path = tmp_path_factory.mktemp("whole") / "table.parquet"
    write_table(TABLE, path)
    return path


@given(
    kind=st.sampled_from(["flip", "zero", "cut", "insert", "swap"]),
    at=st.floats(0, 1, exclude_max=True),
    length=st.sampled_from([1, 2, 64, 700]),
    seed=st.integers(0, 99),
)
def test_damage_is_refused(written: Path, kind: str, at: float, length: int, seed: int) -> None:
    """Whatever happens to some bytes of a file, wherever they are, it is as it was or an error of our own."""
    data, draw = written.read_bytes(), random.Random(seed)
    start = int(at * len(data))
    old = data[start : start + length]
    new = {
        "flip": bytes(value ^ (1 << draw.randrange(8)) for value in old),
        "zero": bytes(len(old)),
        "cut": b"",
        "insert": old + draw.randbytes(length),
        "swap": old[::-1],
    }[kind]
    other = written.with_name("damaged.parquet")
    other.write_bytes(data[:start] + new + data[start + length :])
    try:
        assert read_table(other).equals(TABLE)  # also where only the name of the digest was hit
    except ManifestError:
        assert new != old


@pytest.mark.parametrize("rows", [0, 1, 300_000])
def test_there_and_back(tmp_path: Path, rows: int) -> None:
    """A table of any size comes back, and any other reader finds it there."""
    draw = random.Random(0)
    table = pa.table({"id": range(rows), "noise": [draw.randbytes(30) for _ in range(rows)]})
    path = tmp_path / "table.parquet"
    write_table(table, path)
    assert rows < 300_000 or path.stat().st_size > 2 * CHUNK
    assert read_table(path).equals(table)
    assert read_table(path, ["id"]).equals(table.select(["id"]))
    assert pq.read_table(path).equals(table)


def test_a_file_of_another_program(tmp_path: Path) -> None:
    """A file that nothing vouches for is read where it is a whole Parquet file, and refused where its reader fails."""
    path = tmp_path / "table.parquet"
    pq.write_table(TABLE, path)
    assert read_table(path).equals(TABLE)
    assert KEY.encode() not in path.read_bytes()
    data = path.read_bytes()
    path.write_bytes(data[:-60] + bytes(20) + data[-40:])
    with pytest.raises(ManifestError, match="is not a manifest, or is damaged: "):
        read_table(path)


def test_a_column_that_is_not_there(written: Path) -> None:
    """A column that is asked for in vain is named."""
    with pytest.raises(ManifestError, match="it has no column 'keep'"):
        read_table(written, ["id", "keep"])


@pytest.mark.slow
def test_programs_end_well(written: Path) -> None:
    """A program that ends right after it has read a file ends well, each time."""
    program = f"from dataprep.manifest.parquet import read_table; read_table({str(written)!r})"
    assert {subprocess.run([sys.executable, "-c", program], check=False).returncode for _ in range(100)} == {0}
