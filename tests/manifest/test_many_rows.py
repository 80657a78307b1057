"""A table whose uris or digests are more than 2 GiB of text: 33.5 million rows, made of one chunk that is repeated."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from dataprep.loading.recipes import rows_of
from dataprep.manifest import Manifest
from dataprep.manifest.verdicts import verdicts
from dataprep.pipeline import Pipeline
from dataprep.stages.rules.originals import preference
from dataprep.testing import FakeSource

CHUNK = 500_000
TIMES = 68  # 34 million rows: 2.2 GB of hex digits, and as much of uris

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def many() -> Manifest:
    """A manifest of so many rows, whose memory is that of one chunk but for the ids."""
    digests = np.random.default_rng(0).integers(0, 256, (CHUNK, 32), np.uint8)
    columns = {
        "uri": pa.array([f"{row:060d}.jpg" for row in range(CHUNK)], pa.large_string()),
        "label": pa.array(["cat"] * CHUNK),
        "split": pa.nulls(CHUNK, pa.string()),
        "bytes": pa.array(np.full(CHUNK, 9)),
        "modified": pa.array(np.full(CHUNK, 9)),
        "digest": pa.FixedSizeBinaryArray.from_buffers(pa.binary(32), CHUNK, [None, pa.py_buffer(digests)]),
        "height": pa.array(np.full(CHUNK, 8, np.int32)),
        "width": pa.array(np.full(CHUNK, 8, np.int32)),
        "error": pa.nulls(CHUNK, pa.string()),
    }
    table = pa.table({name: pa.chunked_array([column] * TIMES) for name, column in columns.items()})
    table = verdicts(table.add_column(0, "id", pa.array(np.arange(len(table)))), ())
    return Manifest(table, Pipeline(), FakeSource({}), (), ("cat",))


def test_rows_can_be_taken(many: Manifest) -> None:
    """Single rows come out of it, by take and for a loader's batches."""
    rows = pa.array([0, len(many) - 1])
    assert many.table.take(rows)["uri"].to_pylist() == [f"{0:060d}.jpg", f"{CHUNK - 1:060d}.jpg"]
    loaded = rows_of(many, many.kept("id", "uri", "label", "height", "width", "bytes", "modified", "digest"))
    assert loaded.uris.take(rows).to_pylist() == many.table["uri"].take(rows).to_pylist()
    stamps = loaded.take_stamps(np.array([len(many) - 1]))
    assert stamps is not None
    assert stamps[0].digest == many.table["digest"][CHUNK - 1].as_py().hex()


def test_rows_are_put_in_order(many: Manifest) -> None:
    """They are sorted by preference, which compares digests and uris at last."""
    some = replace(many, table=many.table.slice(len(many) - 1000))
    assert len(preference(some.table, np.zeros(1000, bool))) == 1000
    assert len(many.fingerprint) == 32
