"""Our loader in a process that has loaded no peer: what it costs to fork a process grows with what that process has.

As a program it goes through an epoch for each line that it gets, and answers with a line.
"""

import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from by_hand import SHORTER, SIDE

import dataprep as dp

BATCH, WORKERS = 64, 2
TRAINING: tuple[dp.Op, ...] = (dp.RandomResizedCrop(SIDE), dp.HorizontalFlip())
EVALUATION: tuple[dp.Op, ...] = (dp.Resize(SHORTER), dp.CenterCrop(SIDE))


def pipeline_of(job: str) -> dp.Pipeline:
    """Returns what a job does to images, such as "training, float32"."""
    ops = TRAINING if job.startswith("training") else EVALUATION
    return dp.Pipeline(*ops, *[dp.Normalize.imagenet()] * job.endswith("float32"))


def epoch(batches: Iterable[Any]) -> None:
    """Goes through an epoch as a training loop does."""
    for batch in batches:
        assert batch.images.shape == (BATCH, 3, SIDE, SIDE)


class Apart:
    """A process that goes through an epoch with `Torch` whenever it is called."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def __call__(self) -> None:
        """Waits for an epoch to pass."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline() == "done\n"


@contextmanager
def apart(manifest: Path, job: str) -> Iterator[Apart]:
    """Gives such a process for a manifest's file and a job."""
    command = [sys.executable, __file__, manifest, job]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stdout.readline() == "ready\n"
        yield Apart(process)


def main(manifest: str, job: str) -> None:
    """Answers until there are no more lines."""
    loader = dp.Loader(dp.Manifest.read(manifest), pipeline_of(job), batch_size=BATCH, backend=dp.Torch(WORKERS))
    print("ready", flush=True)
    for _ in sys.stdin:
        epoch(loader)
        print("done", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
