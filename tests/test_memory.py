"""Memory over an epoch of a million rows: neither the program nor its workers grow with what they have delivered."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from multiprocessing import active_children
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from dataprep.cleaning.clean import clean
from dataprep.loading.loader import Loader
from dataprep.manifest import Manifest
from dataprep.pipeline import Pipeline
from dataprep.protocols import Program, Source
from dataprep.stages import HorizontalFlip, Resize
from dataprep.testing import FakeEngine, write_images
from dataprep.types import Batch, Recipe

ROWS, BATCH = 1_000_000, 256
GROWTH = 8  # MiB that an allocator may keep for itself; the table is 150, and its uris as strings would be 70

pytestmark = pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="Linux says how much memory is private")


class Nothing:
    """A backend that decodes nothing and remembers nothing."""

    def run(self, source: Source, program: Program, recipes: Iterable[Recipe]) -> Iterator[Batch]:
        for recipe in recipes:
            yield Batch(recipe.params, recipe.labels, recipe.ids)


@pytest.fixture(scope="module")
def million(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """A manifest of a million rows, of sixteen tiny images."""
    folder = tmp_path_factory.mktemp("sixteen")
    write_images(folder, 16, height=24, width=24)
    manifest = clean(folder, Pipeline(), engine=FakeEngine())
    table = manifest.table.take(pa.array(np.arange(ROWS) % 16))
    table = table.set_column(table.column_names.index("id"), "id", pa.array(np.arange(ROWS)))
    return replace(manifest, table=table.combine_chunks())


def private(process: int | str | None = "self") -> float:
    """MiB of a process that no other process shares."""
    lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()[1:]
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 1024


def loader(manifest: Manifest, backend: Any) -> Loader:
    """Whole epochs of small batches."""
    return Loader(manifest, Pipeline(Resize((16, 16)), HorizontalFlip()), batch_size=BATCH, backend=backend)


def test_the_program_does_not_grow(million: Manifest) -> None:
    """From the hundredth batch of an epoch to the last, the memory of the process stays."""
    batches = iter(loader(million, Nothing()))
    seen = sum(len(batch.ids) for batch in islice(batches, 100))
    before = private()
    seen += sum(len(batch.ids) for batch in islice(batches, ROWS // BATCH - 101))
    assert private() - before < GROWTH
    assert seen + sum(len(batch.ids) for batch in batches) == ROWS // BATCH * BATCH


@pytest.mark.slow
@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_workers_do_not_grow(million: Manifest, start: Any) -> None:
    """A worker's own memory is after 150 batches what it was after 30: nothing of the table is copied as it is read."""
    torch = pytest.importorskip("dataprep.backends.torch")
    known = set(active_children())
    batches = iter(loader(million, torch.Torch(2, start=start)))
    list(islice(batches, 30))
    workers = [child.pid for child in set(active_children()) - known]
    before = {worker: private(worker) for worker in workers}
    list(islice(batches, 120))
    growth = {worker: private(worker) - before[worker] for worker in workers}
    batches.close()
    assert len(growth) >= 2
    assert max(growth.values()) < GROWTH
