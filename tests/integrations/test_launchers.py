"""Under the real launchers, ranks share an epoch out: each image once, no rank with those of another."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dataprep.cleaning.clean import clean
from dataprep.engines import Local
from dataprep.manifest import Manifest
from dataprep.pipeline import Pipeline
from dataprep.stages import Normalize, Resize
from dataprep.testing import write_images

pytest.importorskip("torch")

COUNT = 12
PROGRAM = Path(__file__).parent / "launched.py"
VARIABLES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "NODE_RANK", "MASTER_ADDR", "MASTER_PORT")


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """Twelve images."""
    folder = tmp_path_factory.mktemp("photos")
    write_images(folder, COUNT, height=12, width=12)
    return clean(folder, Pipeline(Resize((8, 8)), Normalize.imagenet()), engine=Local(0))


def launch(manifest: Manifest, out: Path, way: str, *launcher: str) -> list[list[int]]:
    """Runs the program under a launcher, and returns the ids that each of its processes had."""
    manifest.write(out / "manifest.parquet")
    environment = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    environment |= {"PYTHONPATH": os.pathsep.join(sys.path), "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    environment |= {"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true"}
    command = [*(launcher or (sys.executable,)), str(PROGRAM), str(out / "manifest.parquet"), str(out), way]
    done = subprocess.run(command, env=environment, cwd=out, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return [[int(id) for id in path.read_text().split()] for path in out.glob("*.txt")]


def check(shares: list[list[int]]) -> None:
    """Checks that two ranks had each image once between them."""
    assert [len(ids) for ids in shares] == [COUNT // 2] * 2
    assert sorted(shares[0] + shares[1]) == list(range(COUNT))


@pytest.mark.slow
@pytest.mark.parametrize("way", ["alone", "group"])
def test_torchrun(manifest: Manifest, tmp_path: Path, way: str) -> None:
    """Torchrun's variables are enough, with a process group that starts later and without one."""
    check(launch(manifest, tmp_path, way, sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"))


@pytest.mark.slow
def test_spawned_by_torch(manifest: Manifest, tmp_path: Path) -> None:
    """Processes of `mp.spawn` have no variables: a loader made in their parent asks the group at its first batch."""
    check(launch(manifest, tmp_path, "spawn"))


@pytest.mark.slow
def test_lightning(manifest: Manifest, tmp_path: Path) -> None:
    """Lightning starts its ranks itself, with a loader made beside the Trainer."""
    pytest.importorskip("lightning")
    check(launch(manifest, tmp_path, "ddp"))


@pytest.mark.slow
@pytest.mark.parametrize("way", ["accelerate", "notebook"])
def test_accelerate(manifest: Manifest, tmp_path: Path, way: str) -> None:
    """The loader that Accelerate's `prepare` returns shares out, under torchrun and under the launcher for notebooks."""
    pytest.importorskip("accelerate")
    torchrun = (sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2")
    check(launch(manifest, tmp_path, way, *(torchrun if way == "accelerate" else ())))


@pytest.mark.slow
def test_mpirun(manifest: Manifest, tmp_path: Path) -> None:
    """Mpirun's variables are enough."""
    if shutil.which("mpirun") is None:
        pytest.skip("there is no mpirun")
    check(launch(manifest, tmp_path, "alone", "mpirun", "-np", "2", "--oversubscribe", sys.executable))
