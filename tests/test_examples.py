"""The examples run as they are described, each in processes of its own."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dataprep.manifest import Manifest
from dataprep.testing import encoded, photo, write_images

EXAMPLES = Path(__file__).parents[1] / "examples"
TIMEOUT = 300  # seconds until a program that ought to end is given up: a limit for broken code, not a measurement


@pytest.fixture(autouse=True)
def beside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets examples find what lies beside them, as they do by default."""
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)


def run(*arguments: object) -> str:
    """Runs Python with some arguments and returns what it printed."""
    command = [sys.executable, *map(str, arguments)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=TIMEOUT)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_a_folder_is_cleaned_and_judged_anew(tmp_path: Path) -> None:
    """clean_folder.py prints how many are kept, each reason with its count and twin, and writes a manifest that says the same."""
    paths = write_images(tmp_path / "photos", 6)
    (tmp_path / "photos" / "copy.jpg").write_bytes(paths[0].read_bytes())
    (tmp_path / "photos" / "dark.png").write_bytes(encoded(photo(50) // 20, "PNG"))
    (tmp_path / "photos" / "broken.jpg").write_bytes(paths[1].read_bytes()[:1000])
    printed = run(EXAMPLES / "clean_folder.py", tmp_path / "photos", "--out", tmp_path / "out").splitlines()
    assert printed[0] == "9 scanned, 6 kept"
    for reason in ("exact duplicate", "too dark", "unreadable"):
        assert f"  {reason}: 1" in printed
    assert any(re.match(r"  c\w+(/0000)?\.jpg: exact duplicate of c\w+(/0000)?\.jpg \(same content\)", line) for line in printed)
    assert any(re.match(r"with stricter rules, \d would be kept", line) for line in printed)
    manifest = Manifest.read(tmp_path / "out" / "manifest.parquet")
    assert (len(manifest), manifest.kept().num_rows) == (9, 6)


@pytest.mark.slow
def test_training_from_a_store_goes_on_after_a_kill(s3: Any, tmp_path: Path) -> None:
    """object_store.py, killed in its epoch and run again, gives every image once, from shards that are not packed again."""
    write_images(tmp_path / "photos", 24)
    photos = s3.upload(tmp_path / "photos", "photos")
    command = [sys.executable, EXAMPLES / "object_store.py", photos, f"{s3.url}/train", "--state", tmp_path / "state.json"]
    killed = subprocess.run([*map(str, command), "--stop", "2"], capture_output=True, text=True, check=False, timeout=TIMEOUT)
    assert killed.returncode == 9, killed.stderr
    objects = s3.client.list_objects_v2(Bucket=s3.bucket, Prefix="train/")["Contents"]
    printed = killed.stdout + run(*command[1:])
    ids = [int(word) for line in printed.splitlines() if line.startswith("batch") for word in line.split()[1:]]
    assert sorted(ids) == list(range(24))
    assert "an epoch of 24 images is done" in printed
    again = s3.client.list_objects_v2(Bucket=s3.bucket, Prefix="train/")["Contents"]
    assert [(one["Key"], one["ETag"]) for one in again] == [(one["Key"], one["ETag"]) for one in objects]


def held_out_accuracy(printed: str) -> float:
    """Returns the number that train_torch.py prints last."""
    found = re.search(r"held-out accuracy: ([0-9.]+)$", printed.strip())
    assert found is not None, printed
    return float(found[1])


@pytest.fixture(scope="module")
def training() -> None:
    """Skips where the training examples lack something."""
    pytest.importorskip("torch")
    pytest.importorskip("sklearn")


@pytest.mark.slow
@pytest.mark.usefixtures("training")
def test_training_from_dali_reaches_the_same_accuracy() -> None:
    """train_dali.py learns the digits as train_torch.py does."""
    pytest.importorskip("nvidia.dali")
    assert held_out_accuracy(run(EXAMPLES / "train_dali.py", "--epochs", 4)) >= 0.9


@pytest.mark.slow
@pytest.mark.usefixtures("training")
def test_training_reaches_its_accuracy() -> None:
    """train_torch.py as it is called without arguments learns the digits: 95 of 100 held-out images at least."""
    printed = run(EXAMPLES / "train_torch.py")
    assert "1797 scanned" in printed
    assert held_out_accuracy(printed) >= 0.95


@pytest.mark.slow
@pytest.mark.usefixtures("training")
def test_training_accumulates_and_takes_data_parallel() -> None:
    """With two batches for a step and `--parallel dp`, wherever it runs, train_torch.py learns, too."""
    printed = run(EXAMPLES / "train_torch.py", "--accumulate", 2, "--parallel", "dp", "--epochs", 3, "--workers", 0)
    losses = [float(loss) for loss in re.findall(r"epoch \d: loss ([0-9.]+)", printed)]
    assert len(losses) == 3
    assert losses[2] < losses[0]
    assert held_out_accuracy(printed) > 0.5


@pytest.mark.slow
@pytest.mark.usefixtures("training")
def test_a_distributed_run_resumes_to_the_same_losses(tmp_path: Path) -> None:
    """train_ddp.py stopped in mid-epoch and started again writes the very losses of a run that was left alone."""
    torchrun = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", 2, EXAMPLES / "train_ddp.py")
    run(*torchrun, "--out", tmp_path / "whole")
    run(*torchrun, "--out", tmp_path / "parts", "--stop-after", 27)
    losses = [tmp_path / name / "losses.jsonl" for name in ("whole", "parts")]
    assert len(losses[1].read_text().splitlines()) == 27
    run(*torchrun, "--out", tmp_path / "parts")
    steps = [json.loads(line) for line in losses[0].read_text().splitlines()]
    assert [step["step"] for step in steps] == list(range(1, len(steps) + 1))
    assert steps[26]["epoch"] == steps[27]["epoch"]
    assert losses[1].read_bytes() == losses[0].read_bytes()


@pytest.mark.slow
@pytest.mark.usefixtures("training")
def test_a_detector_learns_and_resumes_to_the_same_losses(tmp_path: Path) -> None:
    """train_detector.py finds most shapes with the right box, and stopped in mid-epoch goes on to the same losses and score."""
    torchrun = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", 2, EXAMPLES / "train_detector.py")
    whole = run(*torchrun, "--out", tmp_path / "whole")
    run(*torchrun, "--out", tmp_path / "parts", "--stop-after", 40)
    assert run(*torchrun, "--out", tmp_path / "parts") == whole
    losses = [(tmp_path / name / "losses.jsonl").read_bytes() for name in ("whole", "parts")]
    assert losses[0] == losses[1]
    found = re.search(r"held-out F1: ([0-9.]+)$", whole.strip())
    assert found is not None and float(found[1]) >= 0.8


def children(parent: int) -> list[int]:
    """The processes that the main thread of one has started."""
    return [int(child) for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


@pytest.mark.slow
@pytest.mark.usefixtures("training")
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds the ranks by /proc")
def test_a_rank_that_is_killed_costs_nothing(tmp_path: Path) -> None:
    """Where kill -9 takes a rank, torchrun starts all again, and from the checkpoint on every loss is that of a quiet run."""
    torchrun = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "--max-restarts", "1")
    own_store = os.environ | {"TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"}
    program = (str(EXAMPLES / "train_ddp.py"), "--epochs", "1", "--every", "5", "--out")
    run(*torchrun, *program, tmp_path / "whole")
    losses = [tmp_path / name / "losses.jsonl" for name in ("whole", "killed")]
    with (tmp_path / "said").open("w") as said:
        command = [sys.executable, *torchrun, *program, str(tmp_path / "killed")]
        killed = subprocess.Popen(command, stdout=said, stderr=said, env=own_store)
        try:
            while killed.poll() is None and not (losses[1].exists() and losses[1].read_bytes().count(b"\n") >= 12):
                os.sched_yield()
            os.kill(children(killed.pid)[-1], signal.SIGKILL)
            assert killed.wait(TIMEOUT) == 0, (tmp_path / "said").read_text()
        finally:
            killed.terminate()  # torchrun takes its ranks along
            killed.wait()
    whole, again = ([json.loads(line) for line in path.read_text().splitlines()] for path in losses)
    assert len(again) > len(whole)  # the steps since the checkpoint were made twice
    assert {step["step"]: step for step in again} == {step["step"]: step for step in whole}


@pytest.mark.slow
@pytest.mark.usefixtures("training")
def test_a_distributed_evaluation_counts_every_image_once(tmp_path: Path) -> None:
    """evaluate_ddp.py prints the same metrics to the last digit on one, two and three ranks, and ends on all of them."""
    program = (EXAMPLES / "evaluate_ddp.py", "--out", tmp_path)
    alone = json.loads(run(*program))
    assert alone["images"] == 360 == sum(map(sum, alone["confusion"]))
    for ranks, batch_size in ((2, 50), (3, 50), (3, 7)):
        torchrun = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", ranks)
        assert json.loads(run(*torchrun, *program, "--batch-size", batch_size)) == alone


@pytest.mark.slow
@pytest.mark.usefixtures("training")
def test_lightning_resumes_with_the_same_images(tmp_path: Path) -> None:
    """train_lightning.py stopped in mid-epoch and started again has the images of a run that was left alone, step by step."""
    pytest.importorskip("lightning")
    program = (EXAMPLES / "train_lightning.py", "--epochs", 3, "--out")
    assert held_out_accuracy(run(*program, tmp_path / "whole")) >= 0.9
    run(*program, tmp_path / "parts", "--max-steps", 30)
    run(*program, tmp_path / "parts")
    whole, parts = ((tmp_path / name / "seen.txt").read_text() for name in ("whole", "parts"))
    assert len(whole.splitlines()) == 66
    assert parts == whole


def test_an_op_of_your_own_takes_part() -> None:
    """own_op.py checks its op, writes it to a pipeline file and inverts about half of the images."""
    printed = run(EXAMPLES / "own_op.py")
    assert "- Invert: {}" in printed
    found = re.search(r"inverted: (\d+) of 400$", printed.strip())
    assert found is not None, printed
    assert 160 < int(found[1]) < 240


def test_a_measure_of_your_own_is_judged() -> None:
    """own_measure.py checks its measure and its rule, and drops the image without colour."""
    assert run(EXAMPLES / "own_measure.py").splitlines()[-1] == "{'no colour': 1}"


def test_a_source_of_your_own_is_read() -> None:
    """own_source.py checks its source, cleans an archive and loads from it."""
    assert run(EXAMPLES / "own_source.py").splitlines()[-1] == "(4, 3, 32, 32) (4, 3, 32, 32)"
