"""Trains a small CNN from a folder of image files: clean, load, train, evaluate.

    python examples/train_torch.py                      # scikit-learn's digits, written as files; about half a minute
    python examples/train_torch.py --accumulate 2       # gradients of two batches for each step
    python examples/train_torch.py --parallel dp        # DataParallel, where there are several GPUs

`DataParallel` copies the model to every GPU at every step and gathers all outputs on the first, in one Python process;
`DistributedDataParallel` keeps one process for each GPU and only averages gradients, while the backward pass still runs. That is
why DDP is faster and scales beyond one machine: see train_ddp.py.
"""

import argparse
import tempfile
from pathlib import Path

import torch
from digits import write_digits
from torch import nn

import dataprep as dp

CLEANING = (dp.Require("contrast", least=5, reason="nearly uniform"), dp.Deduplicate(by=None))
TRAINING = dp.Pipeline(*CLEANING, dp.Resize((32, 32)), dp.Rotate(10), dp.Brightness(0.2), dp.Normalize())
EVALUATION = dp.Pipeline(dp.Resize((32, 32)), dp.Normalize())


def network(classes: int) -> nn.Module:
    """Returns a small CNN for 32×32 RGB images."""
    return nn.Sequential(
        *(nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Dropout(0.25), nn.Linear(32 * 8 * 8, classes)),
    )


def train_epoch(model: nn.Module, loader: dp.Loader, optimizer: torch.optim.Optimizer, accumulate: int, device: str) -> float:
    """Goes through one epoch and returns the mean loss; the optimizer steps once for `accumulate` batches."""
    model.train()
    total, batches = 0.0, len(loader)
    optimizer.zero_grad()
    for number, batch in enumerate(loader, start=1):
        outputs = model(batch.images.to(device, non_blocking=True))
        loss = nn.functional.cross_entropy(outputs, batch.labels.to(device, non_blocking=True))
        (loss / accumulate).backward()
        if number % accumulate == 0 or number == batches:
            optimizer.step()
            optimizer.zero_grad()
        total += loss.item()
    return total / batches


def accuracy(model: nn.Module, loader: dp.Loader, device: str) -> float:
    """Returns the share of images whose class is predicted."""
    model.eval()
    right = seen = 0
    with torch.no_grad():
        for batch in loader:
            predicted = model(batch.images.to(device)).argmax(dim=1).cpu()
            right += int((predicted == batch.labels).sum())
            seen += len(batch.labels)
    return right / seen


def main(backend: dp.Backend | None = None) -> None:
    """Cleans, trains and prints the held-out accuracy."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of train/<label> and test/<label>; the digits if not given")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--accumulate", type=int, default=1, help="batches for each step of the optimizer")
    parser.add_argument("--workers", type=int, default=2, help="processes that decode")
    parser.add_argument("--parallel", choices=["none", "dp"], default="none", help="dp: DataParallel over the GPUs there are")
    arguments = parser.parse_args()
    torch.manual_seed(0)

    with tempfile.TemporaryDirectory() as scratch:
        data = arguments.data or write_digits(Path(scratch))
        manifest = dp.clean(dp.Folder(str(data), splits=True), TRAINING)
        print(f"{len(manifest)} scanned, {manifest.kept().num_rows} kept; dropped: {manifest.reasons() or 'none'}")

        train, test = manifest.select("train"), manifest.select("test")
        backend = backend or dp.Torch(workers=arguments.workers)
        training = dp.Loader(train, TRAINING, batch_size=arguments.batch_size, sampler=dp.Sampler(seed=0), backend=backend)
        # The held-out images are normalised with the numbers of the training split.
        evaluation = dp.Loader(test, EVALUATION.fill(train.statistics), batch_size=256, train=False, backend=backend)

        device = "cuda" if torch.cuda.is_available() else "cpu"
        model = network(len(manifest.classes)).to(device)
        if arguments.parallel == "dp" and torch.cuda.device_count() > 1:
            model = nn.DataParallel(model)
        optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
        for epoch in range(arguments.epochs):
            training.set_epoch(epoch)
            loss = train_epoch(model, training, optimizer, arguments.accumulate, device)
            print(f"epoch {epoch}: loss {loss:.4f}")
        print(f"held-out accuracy: {accuracy(model, evaluation, device):.4f}")


if __name__ == "__main__":
    main()
