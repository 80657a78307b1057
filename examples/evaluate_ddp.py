"""Evaluates on several processes: each held-out image once, whatever the number of ranks, and the very metric of one process.

    python examples/evaluate_ddp.py --out OUT
    torchrun --nproc-per-node 3 examples/evaluate_ddp.py --out OUT

`Loader(..., train=False)` neither drops nor repeats an image, so a rank may have a batch fewer than another. The loop
therefore talks to no other rank; counts are summed once, at the end. They are integers, whose sum does not depend on the order.
A network wrapped in DistributedDataParallel would talk in each forward pass: evaluate the one within, `model.module`.
"""

import argparse
import json
import os
from pathlib import Path

import torch
import torch.distributed as dist
from digits import write_digits
from torch import nn
from train_torch import EVALUATION, TRAINING, network

import dataprep as dp


def prepared(out: Path, rank: int) -> dp.Manifest:
    """Returns the manifest; the first rank makes it, the others wait."""
    path = out / "manifest.parquet"
    if rank == 0 and not path.exists():
        dp.clean(dp.Folder(str(write_digits(out / "digits")), splits=True), TRAINING).write(path)
    if dist.is_initialized():
        dist.barrier()
    return dp.Manifest.read(path)


def confusion(model: nn.Module, loader: dp.Loader, classes: int) -> torch.Tensor:
    """Returns (classes, classes) how often this rank saw each class and predicted each."""
    counts = torch.zeros(classes * classes, dtype=torch.int64)
    model.eval()
    with torch.no_grad():
        for batch in loader:
            # In a batch of another size the last bits of an output differ; what is predicted is decided well above them.
            predicted = model(batch.images).argmax(dim=1)
            counts += torch.bincount(batch.labels * classes + predicted, minlength=classes * classes)
    return counts.reshape(classes, classes)


def main() -> None:
    """Evaluates this rank's share, sums up, and prints the metrics on the first rank."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder of the manifest")
    parser.add_argument("--batch-size", type=int, default=50)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    rank = int(os.environ.get("RANK", "0"))
    torch.set_num_threads(1)
    if "WORLD_SIZE" in os.environ:
        dist.init_process_group("gloo")
    try:
        manifest = prepared(arguments.out, rank)
        train, test = manifest.select("train"), manifest.select("test")
        pipeline = EVALUATION.fill(train.statistics)
        loader = dp.Loader(test, pipeline, batch_size=arguments.batch_size, train=False, backend=dp.Torch())
        torch.manual_seed(0)  # an untrained network, the same on every rank: what counts here is the counting
        counts = confusion(network(len(manifest.classes)), loader, len(manifest.classes))
        if dist.is_initialized():
            dist.all_reduce(counts)
        if rank == 0:
            accuracy = (counts.diag().sum() / counts.sum()).item()
            print(json.dumps({"images": int(counts.sum()), "accuracy": accuracy, "confusion": counts.tolist()}))
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()


if __name__ == "__main__":
    main()
