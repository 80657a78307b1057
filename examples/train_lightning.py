"""Trains the small CNN of train_torch.py with Lightning, and resumes it in mid-epoch.

    python examples/train_lightning.py --out OUT --max-steps 30        # is interrupted in the second epoch
    python examples/train_lightning.py --out OUT                       # goes on from the checkpoint

It needs `pip install lightning`. A `Loader` is given to Lightning as it is: Lightning finds its `state_dict` and saves it with
every checkpoint, and shares nothing out itself, since the sampler has done so. The folder OUT holds a checkpoint, written every
ten steps, and seen.txt, the ids of the images of each step.
"""

import argparse
from pathlib import Path

import lightning
import torch
from digits import write_digits
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import nn
from train_torch import EVALUATION, TRAINING, network

import dataprep as dp


class Digits(lightning.LightningDataModule):
    """scikit-learn's digits: cleaned once, then loaded."""

    def __init__(self, out: Path) -> None:
        super().__init__()
        self.out = out
        self.path = out / "manifest.parquet"

    def prepare_data(self) -> None:
        """Makes the manifest, on one process."""
        if not self.path.exists():
            dp.clean(dp.Folder(str(write_digits(self.out / "digits")), splits=True), TRAINING).write(self.path)

    def setup(self, stage: str) -> None:
        """Makes the loaders, on every process: the sampler finds its rank in the environment."""
        manifest = dp.Manifest.read(self.path)
        train, test = manifest.select("train"), manifest.select("test")
        self.training = dp.Loader(train, TRAINING, batch_size=64, sampler=dp.Sampler(seed=0), backend=dp.Threads(2))
        pipeline = EVALUATION.fill(train.statistics)
        self.evaluation = dp.Loader(test, pipeline, batch_size=256, train=False, backend=dp.Threads(2))

    def train_dataloader(self) -> dp.Loader:
        """Lightning saves and restores its state with the checkpoint."""
        return self.training

    def val_dataloader(self) -> dp.Loader:
        """Every held-out image once."""
        return self.evaluation


class Classifier(lightning.LightningModule):
    """The network, its loss and its accuracy."""

    def __init__(self, out: Path, classes: int) -> None:
        super().__init__()
        self.out, self.network = out, network(classes)

    def training_step(self, batch: dp.Batch, number: int) -> torch.Tensor:
        """Returns the loss of a batch, and writes down which images it had."""
        with (self.out / "seen.txt").open("a") as file:
            file.write(f"{self.global_step} {self.current_epoch} {' '.join(map(str, batch.ids.tolist()))}\n")
        return nn.functional.cross_entropy(self.network(batch.images), batch.labels)

    def validation_step(self, batch: dp.Batch, number: int) -> None:
        """Counts what is right."""
        right = (self.network(batch.images).argmax(dim=1) == batch.labels).float().mean()
        self.log("accuracy", right, batch_size=len(batch.labels))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Returns Adam."""
        return torch.optim.Adam(self.parameters(), lr=2e-3)


def main() -> None:
    """Trains, from the checkpoint if there is one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--max-steps", type=int, default=-1)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    lightning.seed_everything(0)
    checkpoint = arguments.out / "checkpoint.ckpt"
    trainer = lightning.Trainer(
        max_epochs=arguments.epochs,
        max_steps=arguments.max_steps,
        accelerator="auto",
        logger=False,
        callbacks=[ModelCheckpoint(arguments.out, "checkpoint", every_n_train_steps=10, enable_version_counter=False)],
        enable_progress_bar=False,
        default_root_dir=arguments.out,
    )
    data = Digits(arguments.out)
    trainer.fit(Classifier(arguments.out, 10), data, ckpt_path=checkpoint if checkpoint.exists() else None)
    print(f"step {trainer.global_step}, held-out accuracy: {float(trainer.callback_metrics.get('accuracy', 0)):.4f}")


if __name__ == "__main__":
    main()
