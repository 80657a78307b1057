"""Trains on several processes with DistributedDataParallel, and resumes in mid-epoch to the same loss curve.

    torchrun --nproc-per-node 2 examples/train_ddp.py --out OUT
    torchrun --nproc-per-node 2 examples/train_ddp.py --out OUT --stop-after 20    # is interrupted after 20 steps
    torchrun --nproc-per-node 2 examples/train_ddp.py --out OUT                    # goes on from the checkpoint

With --max-restarts torchrun itself starts the ranks again, from the checkpoint, when one dies. For that, set
TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1: else the new ranks read from torchrun's store where the dead ones listened.

Uses nccl where there are GPUs, gloo on the CPU. The folder OUT holds the manifest, a checkpoint that is written every few steps,
and losses.jsonl: one line for each step.
"""

import argparse
import json
import os
from pathlib import Path

import torch
import torch.distributed as dist
from digits import write_digits
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from train_torch import TRAINING, network

import dataprep as dp


def prepared(out: Path) -> dp.Manifest:
    """Returns the manifest of the training split; the first rank makes it, the others wait."""
    path = out / "manifest.parquet"
    if dist.get_rank() == 0 and not path.exists():
        data = write_digits(out / "digits")
        dp.clean(dp.Folder(str(data), splits=True), TRAINING).write(path)
    dist.barrier()
    return dp.Manifest.read(path).select("train")


def save(path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, loader: dp.Loader, step: int) -> None:
    """Writes a checkpoint under a temporary name first; the loader's state is a few numbers, the same on every rank."""
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "loader": loader.state_dict(), "step": step}
    if dist.get_rank() == 0:
        torch.save(state, path.with_suffix(".tmp"))
        path.with_suffix(".tmp").replace(path)


def log(out: Path, step: int, epoch: int, loss: torch.Tensor) -> None:
    """Appends the loss averaged over the ranks to losses.jsonl."""
    average = loss.detach().clone()
    dist.all_reduce(average)
    if dist.get_rank() == 0:
        with (out / "losses.jsonl").open("a") as file:
            file.write(json.dumps({"step": step, "epoch": epoch, "loss": average.item() / dist.get_world_size()}) + "\n")


def train(arguments: argparse.Namespace, device: torch.device) -> None:
    """Trains from the checkpoint, if there is one, to the last epoch or to `--stop-after`."""
    manifest = prepared(arguments.out)
    loader = dp.Loader(manifest, TRAINING, batch_size=32, sampler=dp.Sampler(seed=0), backend=dp.Torch(workers=1))
    torch.manual_seed(0)
    model = network(len(manifest.classes)).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    step, checkpoint = 0, arguments.out / "checkpoint.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint, map_location=device, weights_only=True)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        loader.load_state_dict(state["loader"])
        step = state["step"]
    parallel = DistributedDataParallel(model, device_ids=[device.index] if device.type == "cuda" else None)
    for epoch in range(loader.epoch, arguments.epochs):
        loader.set_epoch(epoch)  # after a restore this is the same epoch, and keeps the position
        for batch in loader:
            torch.manual_seed(step)  # dropout, too, is a function of the step
            loss = nn.functional.cross_entropy(parallel(batch.images.to(device)), batch.labels.to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            step += 1
            log(arguments.out, step, epoch, loss)
            if step % arguments.every == 0 or step == arguments.stop_after:
                save(checkpoint, model, optimizer, loader, step)
            if step == arguments.stop_after:
                return


def main() -> None:
    """Sets the processes up, trains, takes them down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder of the manifest, the checkpoint and the losses")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--every", type=int, default=10, help="steps between checkpoints")
    parser.add_argument("--stop-after", type=int, help="stop after this step, as an interruption would")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    gpu = torch.cuda.is_available()
    dist.init_process_group("nccl" if gpu else "gloo")
    device = torch.device("cuda", int(os.environ["LOCAL_RANK"])) if gpu else torch.device("cpu")
    torch.set_num_threads(1)  # the ranks share the cores, and sums keep one order
    try:
        train(arguments, device)
    finally:
        dist.destroy_process_group()


if __name__ == "__main__":
    main()
