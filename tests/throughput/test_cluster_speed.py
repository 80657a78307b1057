"""How fast a Ray cluster cleans that has been at it before: against `Local` on the same cores, in the same turns.

The cluster is a head without cores and two nodes of one core each, all on this machine; what its own processes take counts
against it. Both start the processes that measure anew in each run.
"""

import os
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path

import pytest
from figures import Compare

from dataprep.cleaning.clean import clean
from dataprep.engines import Local
from dataprep.engines.ray import Ray
from dataprep.machine import cores

ray = pytest.importorskip("ray", reason="ray, the cluster, is not installed")

pytestmark = [
    pytest.mark.throughput,
    pytest.mark.filterwarnings("ignore"),  # Ray leaves sockets and files open
    pytest.mark.skipif(cores() < 2, reason="there is one core"),
]

NODES = 2  # of one core
TIMES = 8  # that the thousand photos are cleaned in one run: some 6 s, of which starting is a small part
OF_LOCAL = 0.9  # the least ratio
STORE = 100 << 20  # bytes of shared memory of each node


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A cluster whose workers are no nicer than what they are compared with."""
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch, chdir(tmp_path_factory.mktemp("driver")):
        patch.setenv("RAY_worker_niceness", "0")
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        node = {"include_dashboard": False, "object_store_memory": STORE}
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **node})
        for _ in range(NODES):
            cluster.add_node(num_cpus=1, object_store_memory=STORE)
        cluster.wait_for_nodes(timeout=600)
        yield cluster.address
        ray.shutdown()
        cluster.shutdown()


@pytest.fixture(scope="module")
def photos(thousand_photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the photos several times, each file with a content of its own."""
    folder = tmp_path_factory.mktemp("photos")
    for number in range(TIMES):
        for path in sorted(thousand_photos.rglob("*.jpg")):
            copy = folder / path.parent.name / f"{number}-{path.name}"
            copy.parent.mkdir(exist_ok=True)
            copy.write_bytes(path.read_bytes() + b"\0" * 1000 * number)
    return folder


def test_a_warm_cluster_keeps_up(photos: Path, address: str, compare: Compare) -> None:
    """A cluster measures at nine tenths of the speed of processes of this machine, or more."""
    engines = {"Ray": Ray(address), "Local": Local(NODES)}
    things = {name: lambda engine=engine: clean(photos, engine=engine, progress=False) for name, engine in engines.items()}
    tables = [thing().table for thing in things.values()]  # what is imported and started once is had now
    assert tables[0].equals(tables[1])
    images = sum(len(files) for _, _, files in os.walk(photos))
    compare("cleaning on a cluster", things, images, {("Ray", "Local"): OF_LOCAL})
