"""The workers of the torch backend: how long they stay, and that nothing of them is left, however a loop or a program ends."""

import gc
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from itertools import islice
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Literal

import pytest
from same import assert_same

import dataprep
from dataprep.backends.cpu.kernels import kernel
from dataprep.cleaning.clean import clean
from dataprep.engines import Local
from dataprep.loading.loader import Loader
from dataprep.loading.sampler import Sampler
from dataprep.manifest import Manifest
from dataprep.pipeline import Pipeline
from dataprep.stages import HorizontalFlip, Normalize, RandomResizedCrop, Resize
from dataprep.testing import FakeBackend, write_images
from dataprep.types import Image, Params

pytest.importorskip("torch")

from dataprep.backends.torch import Torch

pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")  # two workers on a machine of one core

PIPELINE = Pipeline(RandomResizedCrop((8, 10)), HorizontalFlip(), Normalize())


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """22 photos of two classes."""
    folder = tmp_path_factory.mktemp("photos")
    write_images(folder, 22, height=24, width=32)
    return clean(folder, PIPELINE, engine=Local(0))


def run(program: str, folder: Path, *arguments: object, shell: str = "") -> subprocess.CompletedProcess[str]:
    """Runs a program that is given a manifest, as a process that leads a group of its own."""
    (folder / "loop.py").write_text(program)
    environment = {**os.environ, "PYTHONPATH": str(Path(dataprep.__file__).parents[1])}
    command = [sys.executable, folder / "loop.py", folder / "manifest.parquet", *arguments]
    if shell:
        command = ["unshare", "--mount", "sh", "-c", shell + " ".join(map(str, command))]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=300, check=False, start_new_session=True
    )


def team() -> set[int | None]:
    """The processes that this one has."""
    return {worker.pid for worker in multiprocessing.active_children()}


@pytest.mark.parametrize("leave_after", [1, 3])
@pytest.mark.parametrize("start", ["fork", None])
def test_a_loop_that_is_left_early_leaves_no_process(manifest: Manifest, start: Literal["fork"] | None, leave_after: int) -> None:
    """After a loop that was left early no worker is left; the next one starts and ends its own."""
    loader = Loader(manifest, batch_size=4, backend=Torch(workers=2, start=start))
    for _ in range(2):
        for _batch in islice(loader, leave_after):
            assert len(team()) == 2
        gc.collect()
        assert team() == set()


@pytest.mark.parametrize("stays", [True, False])
def test_workers_stay_for_the_next_loop_and_go_with_their_loader(manifest: Manifest, stays: bool) -> None:
    """Loaders that take turns on one backend have workers of their own each, loop after loop, unless these are not to stay."""
    backend = Torch(workers=2, persistent_workers=stays)
    ours, theirs = ([Loader(manifest, batch_size=size, backend=one) for size in (4, 3)] for one in (backend, FakeBackend()))
    left = []
    for turn in range(4):
        assert_same(ours[turn % 2], theirs[turn % 2])
        left.append(team())
    assert [len(pids) for pids in left] == ([2, 4, 4, 4] if stays else [0, 0, 0, 0])
    assert left[1] == left[2] == left[3]
    del ours
    gc.collect()
    assert team() == set()


def test_a_worker_that_dies_between_loops_costs_no_batch(manifest: Manifest) -> None:
    """The next loop has others in its place."""
    ours, theirs = (Loader(manifest, batch_size=4, backend=backend) for backend in (Torch(workers=2), FakeBackend()))
    assert_same(ours, theirs)
    victim = multiprocessing.active_children()[0]
    with suppress(RuntimeError):  # by which torch tells the main thread, wherever it is
        victim.kill()
        victim.join()
    assert_same(ours, theirs)


def test_a_loop_beside_another_of_its_loader_has_workers_of_its_own(manifest: Manifest) -> None:
    """Both have all their batches, and one team is left."""
    loader = Loader(manifest, batch_size=4, sampler=Sampler(shuffle=False), pipeline=Pipeline(Resize((8, 8))), backend=Torch(2))
    for one, other in zip(loader, loader, strict=True):
        assert_same([one], [other])
    assert len(team()) == 2


TRAINING_LOOP = """
import os, signal, sys
from dataprep import Loader, Manifest, Torch
if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell takes from what it runs in the background
    loader = Loader(Manifest.read(sys.argv[1]), batch_size=4, backend=Torch(workers=2, start=sys.argv[2]))
    for batch in loader:
        print("had a batch", flush=True)
        if sys.argv[3] == "ctrl-c":
            os.kill(os.getpid(), signal.SIGINT)
        raise ValueError("in the loop")
"""


UNGUARDED = """
import sys
from dataprep import Loader, Manifest, Torch
for batch in Loader(Manifest.read(sys.argv[1]), batch_size=4, backend=Torch(workers=1, start="spawn")):
    print("had a batch")
"""


def test_spawning_from_an_unguarded_program_says_what_to_write(manifest: Manifest, tmp_path: Path) -> None:
    """Where workers are spawned from a program without a main part, the error says which line is missing."""
    manifest.write(tmp_path / "manifest.parquet")
    done = run(UNGUARDED, tmp_path)
    assert done.stdout == ""
    assert done.stderr.count("LoaderError") >= 2  # of the worker, then of the program itself
    assert 'put what is to run once under `if __name__ == "__main__":`' in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("end", ["ctrl-c", "exception"])
@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_a_loop_that_ends_badly_leaves_nothing(manifest: Manifest, tmp_path: Path, start: str, end: str) -> None:
    """After Ctrl-C and after an exception in the loop there is no process and no shared memory of the program left."""
    manifest.write(tmp_path / "manifest.parquet")
    before = set(os.listdir("/dev/shm")) if os.path.isdir("/dev/shm") else set()
    done = run(TRAINING_LOOP, tmp_path, start, end)  # its pipes are closed only when every process that inherited them has ended
    assert done.stdout == "had a batch\n"
    assert ("KeyboardInterrupt" if end == "ctrl-c" else "in the loop") in done.stderr
    assert "leaked" not in done.stderr
    after = set(os.listdir("/dev/shm")) if os.path.isdir("/dev/shm") else set()
    assert {name for name in after - before if name.startswith("torch_")} == set()


WHOLE_LOOP = """
import sys
from dataprep import Loader, Manifest, Torch
if __name__ == "__main__":
    loader = Loader(Manifest.read(sys.argv[1]), batch_size=4, backend=Torch(workers=2, start=sys.argv[2]))
    print(sum(len(batch.ids) for epoch in range(2) for batch in loader))
"""


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_a_program_ends_with_its_workers(manifest: Manifest, tmp_path: Path, start: str) -> None:
    """A program whose loader is there to its end ends at once, without a word, and leaves nothing."""
    manifest.write(tmp_path / "manifest.parquet")
    done = run(WHOLE_LOOP, tmp_path, start)  # as above
    assert (done.stdout, done.stderr, done.returncode) == ("40\n", "", 0)


SLIM = "mount -t tmpfs -o size=1m slim /dev/shm && exec "
"""How a shell gets a program what it has in a container: hardly any shared memory."""


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_batches_need_no_folder_of_shared_memory(manifest: Manifest, tmp_path: Path, start: str) -> None:
    """Where /dev/shm is smaller than a batch, as in a slim container, workers give the same batches."""
    unshared = ["unshare", "--mount", "sh", "-c"]
    if shutil.which("unshare") is None or subprocess.run([*unshared, SLIM + "true"], check=False).returncode:
        pytest.skip("this user may not mount")
    manifest.write(tmp_path / "manifest.parquet")
    done = run(SLIM_LOOP, tmp_path, start, shell=SLIM)
    assert (done.stdout, done.stderr) == ("the same\n", "")


SLIM_LOOP = """
import sys
import dataprep as dp

def main():
    manifest = dp.Manifest.read(sys.argv[1])
    ops = dp.Pipeline(dp.RandomResizedCrop(256), dp.Normalize())  # 1.5 MB a batch
    backends = dp.Torch(2, start=sys.argv[2]), dp.Threads(2)
    ours, theirs = ([batch.images.clone() for batch in dp.Loader(manifest, ops, batch_size=2, backend=one)] for one in backends)
    assert len(ours) == 11 and all(map(lambda mine, yours: mine.equal(yours), ours, theirs))
    print("the same")

if __name__ == "__main__":
    main()
"""


class Doomed(HorizontalFlip):
    """An op whose worker is killed when it is asked to end."""


@kernel.register
def _(op: Doomed, image: Image, params: Params) -> Image:
    if multiprocessing.parent_process() is not None:
        Finalize(None, os.kill, (os.getpid(), signal.SIGKILL), exitpriority=1)
    return image


@pytest.mark.parametrize("leave_after", [1, None])
def test_a_worker_that_dies_at_its_end_is_no_fault_of_the_loop(manifest: Manifest, leave_after: int | None) -> None:
    """A worker that crashes after it was asked to end has delivered what was wanted: the loop ends as any other."""
    loader = Loader(manifest, Pipeline(Resize((8, 8)), Doomed()), batch_size=4, backend=Torch(workers=2, start="fork"))
    batches = iter(loader)
    assert list(islice(batches, leave_after))
    batches.close()
    del loader
    gc.collect()
    assert team() == set()


SAYS_GOODBYE = """
import atexit, os, sys
from dataprep import Loader, Manifest, Torch
atexit.register(print, "the end of", os.getpid())
if __name__ == "__main__":
    print(os.getpid())
    for batch in Loader(Manifest.read(sys.argv[1]), batch_size=4, backend=Torch(workers=2, start=sys.argv[2])):
        pass
"""


@pytest.mark.parametrize("start", ["fork", "spawn", "forkserver"])
def test_workers_end_at_once_however_they_were_started(manifest: Manifest, tmp_path: Path, start: str) -> None:
    """Only the program itself goes through the end of Python, where a worker's threads could abort it."""
    manifest.write(tmp_path / "manifest.parquet")
    done = run(SAYS_GOODBYE, tmp_path, start)
    assert done.returncode == 0, done.stderr
    program, *ends = done.stdout.splitlines()
    assert ends == [f"the end of {program}"]
