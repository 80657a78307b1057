"""The Ray engine on a real cluster: a head without cores, and nodes that come and go."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import chdir
from functools import partial
from pathlib import Path
from typing import Any

import cloudpickle
import pyarrow as pa
import pytest

import dataprep
from dataprep.cleaning.clean import clean
from dataprep.engines import Local
from dataprep.errors import DataprepError, SourceError
from dataprep.packing.pack import pack
from dataprep.sources import Bucket, Folder, Shards
from dataprep.testing import check_engine, write_images

ray = pytest.importorskip("ray")

from dataprep.engines import node  # noqa: E402  after what skips
from dataprep.engines import ray as engine  # noqa: E402  after what skips
from dataprep.engines.ray import Ray  # noqa: E402  after what skips

pytestmark = [
    pytest.mark.slow,  # a cluster takes ten seconds to start
    pytest.mark.filterwarnings("ignore"),  # Ray leaves sockets and files open
]

LEAST = 4  # images of a batch, so that there are many
LONG = 600.0  # seconds that a busy machine may take to start what Ray needs
STORE = 100 << 20  # bytes of shared memory of each node


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, store_for_children: None) -> Iterator[Any]:
    """A head without cores and two nodes of one core each."""
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 0, "include_dashboard": False, "object_store_memory": STORE}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("indexes")))  # of tars that nodes have gone through
        started = Cluster(initialize_head=True, head_node_args=head)
        for _ in range(2):
            started.add_node(num_cpus=1, object_store_memory=STORE)
        started.wait_for_nodes(timeout=LONG)
    for pickler in (cloudpickle, ray.cloudpickle):  # nodes cannot import the tests
        pickler.register_pickle_by_value(sys.modules[__name__])
    with chdir(tmp_path_factory.mktemp("driver")):  # Ray's workers look here first, where sources that are not built may lie
        Ray(started.address).cores()
    yield started
    for pickler in (cloudpickle, ray.cloudpickle):
        pickler.unregister_pickle_by_value(sys.modules[__name__])
    ray.shutdown()
    started.shutdown()


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A core that takes long to come, since its worker starts on a busy machine, is waited for."""
    monkeypatch.setattr(engine, "PATIENCE", LONG)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """60 photos, of which one is cut and one is none."""
    paths = write_images(tmp_path / "photos", 60, height=80, width=100)
    paths[7].write_bytes(paths[7].read_bytes()[:500])
    paths[8].write_bytes(b"no image")
    return tmp_path / "photos"


def test_keeps_the_contract(cluster: Any) -> None:
    """Every record has its result once, a deadly one that of `lost`, and nothing is left behind."""
    check_engine(Ray(cluster.address))


def test_the_manifest_is_that_of_one_machine(cluster: Any, photos: Path) -> None:
    """Measures, errors and verdicts are the same to the last bit."""
    theirs = clean(photos, engine=Ray(cluster.address, least=LEAST), progress=False)
    assert theirs.table.equals(clean(photos, engine=Local(1), progress=False).table)
    assert theirs.table["error"].null_count == 58


def _here(*arguments: object) -> None:
    raise AssertionError("it was listed here")


def test_nodes_list_what_has_parts(cluster: Any, photos: Path, s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bucket and tars of anybody are listed by the nodes, and the manifest is that of one machine to the last bit."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "indexes"))
    kept = clean(photos, engine=Local(1), progress=False)
    pack(kept, tmp_path / "shards", shard="40KB", progress=False)
    for path in (tmp_path / "shards").glob("*.parquet"):
        path.unlink()
    for source in (Bucket(s3.upload(photos, "photos")), Shards(str(tmp_path / "shards"))):
        assert len(source.part_names()) > 1
        ours = clean(source, engine=Local(1), progress=False).table
        with monkeypatch.context() as patch:
            patch.setattr("dataprep.sources.stores.list_objects", _here)
            patch.setattr("dataprep.sources.webdataset.index_of", _here)
            theirs = clean(source, engine=Ray(cluster.address, least=LEAST), progress=False).table
        assert theirs.equals(ours)


@pytest.mark.skipif("DATAPREP_HOSTILE" not in os.environ, reason="DATAPREP_HOSTILE names no folder of malformed files")
def test_malformed_files_are_what_they_are_on_one_machine(cluster: Any) -> None:
    """What is wrong with each of many malformed files is said in the same words."""
    folder = os.environ["DATAPREP_HOSTILE"]
    theirs, ours = (clean(folder, engine=engine, progress=False).table for engine in (Ray(cluster.address, least=LEAST), Local()))
    assert dict(zip(theirs["uri"].to_pylist(), theirs["error"].to_pylist(), strict=True)) == dict(
        zip(ours["uri"].to_pylist(), ours["error"].to_pylist(), strict=True)
    )
    assert theirs.equals(ours)


def test_a_node_that_dies_costs_nothing(cluster: Any, photos: Path) -> None:
    """Where a node is killed in the middle, what it had is done by those that are left, and by one that comes."""
    killed: list[Any] = []

    def kill(stage: str, done: int, count: int) -> None:
        if done and not killed:
            killed.append(min(cluster.worker_nodes, key=lambda node: node.node_id))
            cluster.remove_node(killed[0], allow_graceful=False)
            cluster.add_node(num_cpus=1, object_store_memory=STORE)

    theirs = clean(photos, engine=Ray(cluster.address, least=LEAST), progress=kill)
    assert killed
    assert theirs.table.equals(clean(photos, engine=Local(1), progress=False).table)


def _square(records: pa.RecordBatch, deadly: int | None = None, hungry: int | None = None) -> pa.RecordBatch:
    """Squares rows; at one of them kills Ray's own worker, which is the parent of this process, or takes much memory."""
    rows = records["row"].to_pylist()
    if deadly in rows:
        os.kill(os.getppid(), signal.SIGKILL)
        signal.pause()
    if hungry in rows:
        bytearray(1 << 45)
    return pa.RecordBatch.from_pydict({"row": rows, "square": [row**2 for row in rows], "error": [""] * len(rows)})


def _lost(records: pa.RecordBatch, error: str) -> pa.RecordBatch:
    count = records.num_rows
    return pa.RecordBatch.from_pydict({"row": records["row"], "square": [-1] * count, "error": [error] * count})


def _results(address: str, function: Any) -> dict[int, tuple[int, str]]:
    batches = [pa.RecordBatch.from_pydict({"row": list(range(start, start + 4))}) for start in range(0, 20, 4)]
    rows = [row for batch in Ray(address).map(function, iter(batches), _lost) for row in batch.to_pylist()]
    assert len(rows) == 20
    return {row["row"]: (row["square"], row["error"]) for row in rows}


@pytest.mark.parametrize(("how", "why"), [("deadly", "WorkerCrashedError of Ray"), ("hungry", "out of memory")])
def test_a_record_that_takes_a_worker_down_is_named(cluster: Any, how: str, why: str) -> None:
    """A record alone is lost that kills Ray's worker, or wants more memory than there is; all others have their own results."""
    found = _results(cluster.address, partial(_square, **{how: 9}))
    square, error = found.pop(9)
    assert square == -1
    assert why in error
    assert found == {row: (row**2, "") for row in range(20) if row != 9}


RUN = """
import os, signal, sys
import dataprep as dp
from dataprep.cleaning import clean
from dataprep.engines import ray

clean.PAUSE = 0  # what is told is saved
ray.PATIENCE = 600  # a worker may take long to start

def stop(stage, done, count):
    if done >= int(sys.argv[4]):
        os.kill(os.getpid(), signal.SIGKILL)

manifest = dp.clean(sys.argv[1], engine=dp.Ray(sys.argv[2], least=4), cache=sys.argv[3], progress=stop)
print(manifest.run.known, len(manifest))
"""


def test_a_program_that_dies_goes_on_where_it_was(cluster: Any, photos: Path, tmp_path: Path) -> None:
    """After the program itself was killed, the same command measures what is not in the cache, and no more."""
    command = [sys.executable, "-c", RUN, photos, cluster.address, tmp_path / "cache"]
    environment = os.environ | {"PYTHONPATH": os.path.dirname(os.path.dirname(str(dataprep.__file__)))}
    killed = subprocess.run([*command, "1"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    done = subprocess.run([*command, "1000"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    known, count = map(int, done.stdout.split())
    assert 0 < known < 60
    assert count == 60


def _hold(sign: Path) -> None:
    """Has a core for as long as it is let, and says so by a file."""
    sign.touch()
    signal.pause()


class _Elsewhere(Folder):
    """A folder that only the machine of the program has."""

    def read(self, uri: str, start: int = 0, stop: int | None = None) -> bytes:
        if not os.environ.get("DATAPREP_TEST_HERE"):
            raise SourceError("no such folder")
        return super().read(uri, start, stop)


def test_a_source_that_nodes_do_not_see_is_said(cluster: Any, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that only the program's machine has is an error that names a node, and not 60 files that cannot be read."""
    monkeypatch.setenv("DATAPREP_TEST_HERE", "1")
    with pytest.raises(DataprepError, match=r"the node \S+ \(\w+\) reads none of \d+ images that this machine can read"):
        clean(_Elsewhere(str(photos)), engine=Ray(cluster.address, least=LEAST), progress=False)


def test_files_that_are_gone_everywhere_are_rows(cluster: Any, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that this machine cannot read either are rows with an error, as ever."""
    monkeypatch.delenv("DATAPREP_TEST_HERE", raising=False)
    table = clean(_Elsewhere(str(photos)), engine=Ray(cluster.address, least=LEAST), progress=False).table
    assert set(table["error"].to_pylist()) == {"no such folder"}


def test_a_node_with_other_versions_is_refused(cluster: Any, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that would measure otherwise is named, with what it has and what this machine has."""
    monkeypatch.setattr(node, "decoders", lambda: "Pillow 0.1")
    with pytest.raises(DataprepError, match=r"the node \S+ \(\w+\) would measure otherwise: .* this machine has .*Pillow 0\.1"):
        clean(photos, engine=Ray(cluster.address, least=LEAST), progress=False)


def test_a_cluster_without_a_free_core_is_an_error(
    cluster: Any, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where others have every core, the program ends and says so, and waits for no longer than it says."""
    monkeypatch.setattr(engine, "PATIENCE", 0.5)
    Ray(cluster.address).cores()
    signs = [tmp_path / str(number) for number in range(6)]
    others = [ray.remote(num_cpus=1, max_retries=0)(_hold).remote(sign) for sign in signs]
    while sum(sign.exists() for sign in signs) < 2:  # until they have both cores: what Ray counts as free lags behind
        done = ray.wait(others, timeout=0.2)[0]
        assert not done, ray.get(done[0])
    try:
        with pytest.raises(DataprepError, match=re.escape("has had no free core for 0.5 s; see `ray status`")):
            clean(photos, engine=Ray(cluster.address, least=LEAST), progress=False)
    finally:
        for other in others:
            ray.cancel(other, force=True)
