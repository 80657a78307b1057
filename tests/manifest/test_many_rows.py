"""A table whose uris are more than 2 GiB of text, which offsets of 32 bits cannot hold, made of one chunk that is repeated."""

import numpy as np
import pyarrow as pa
import pytest

from dataprep.loading.recipes import rows_of
from dataprep.manifest import Manifest
from dataprep.manifest.verdicts import verdicts
from dataprep.pipeline import Pipeline
from dataprep.stages import Deduplicate
from dataprep.testing import FakeSource

CHUNK, TIMES = 50_000, 70
LENGTH = 640  # bytes of a uri: 2.24 GB in all

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def many() -> Manifest:
    """A manifest of 3.5 million rows, whose memory is that of one chunk but for ids and digests."""
    size = CHUNK * TIMES
    same = {
        "uri": pa.array([f"{row:0{LENGTH - 4}d}.jpg" for row in range(CHUNK)], pa.large_string()),
        "label": pa.array(["cat"] * CHUNK),
        "split": pa.nulls(CHUNK, pa.string()),
        "bytes": pa.array(np.full(CHUNK, 9)),
        "modified": pa.array(np.full(CHUNK, 9)),
        "height": pa.array(np.arange(CHUNK, dtype=np.int32) + 1),
        "width": pa.array(np.full(CHUNK, 8, np.int32)),
        "error": pa.nulls(CHUNK, pa.string()),
    }
    digests = np.zeros((size, 4), np.int64)
    digests[:, 0] = np.arange(size)
    table = pa.table({name: pa.chunked_array([column] * TIMES) for name, column in same.items()})
    table = table.append_column(
        "digest", pa.FixedSizeBinaryArray.from_buffers(pa.binary(32), size, [None, pa.py_buffer(digests)])
    )
    table = table.add_column(0, "id", pa.array(np.arange(size)))
    return Manifest(verdicts(table, ()), Pipeline(), FakeSource({}), (), ("cat",))


def test_rows_are_taken(many: Manifest) -> None:
    """Single rows come out of it, by take and for a loader's batches."""
    last = len(many) - 1
    assert many.table.take(pa.array([0, last]))["uri"].to_pylist() == [many.table["uri"][at].as_py() for at in (0, last)]
    loaded = rows_of(many).at(np.array([last]))
    assert loaded.uris.to_pylist() == [many.table["uri"][CHUNK - 1].as_py()]
    stamps = loaded.stamped()
    assert stamps is not None
    assert stamps[0].digest == last.to_bytes(8, "little").hex() + "00" * 24


def test_rows_are_judged(many: Manifest) -> None:
    """They are put in order of preference, in which uris play a part, and none is taken for the copy of another."""
    assert not many.judge(Pipeline(Deduplicate(by=None))).reasons()
    assert len(many.fingerprint) == 32
