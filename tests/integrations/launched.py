"""What the tests start under each launcher: a loader made before the process group, then a loop, whose ids are written down.

python launched.py MANIFEST OUT WAY [argument of the launcher]
"""

import os
import sys
from pathlib import Path
from typing import Any

import dataprep as dp

MANIFEST, OUT, WAY = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
BATCH = 3


def loader() -> dp.Loader:
    """Returns a loader of all images, each once over all ranks."""
    sampler = dp.Sampler(seed=5, remainder="exact")
    return dp.Loader(dp.Manifest.read(MANIFEST), batch_size=BATCH, sampler=sampler, backend=dp.Threads(1))


def write_down(ids: list[int]) -> None:
    """Writes what this process had."""
    (OUT / f"{os.getpid()}.txt").write_text(" ".join(map(str, ids)))


def had(made: dp.Loader) -> list[int]:
    """Returns the ids of an epoch."""
    return [id for batch in made for id in batch.ids.tolist()]


def alone() -> None:
    """A process of a launcher whose variables are enough."""
    write_down(had(loader()))


def grouped() -> None:
    """A process that starts its group after its loader is made."""
    import torch.distributed as dist

    made = loader()
    dist.init_process_group("gloo")
    write_down(had(made))
    dist.destroy_process_group()


def spawned(rank: int, world_size: int, made: dp.Loader) -> None:
    """A process of `mp.spawn`, which has no variables, with a loader that its parent made."""
    import torch.distributed as dist

    dist.init_process_group("gloo", rank=rank, world_size=world_size, init_method=f"file://{OUT}/rendezvous")
    write_down(had(made))
    dist.destroy_process_group()


def accelerated() -> None:
    """A process of Accelerate's launchers; `prepare` gives a loader back as it is."""
    import accelerate

    made = loader()
    prepared = accelerate.Accelerator(cpu=True).prepare(made)
    assert prepared is made
    write_down(had(prepared))


def fit(strategy: str) -> None:
    """Lightning's own launcher, the loader made beside the Trainer."""
    import lightning
    import torch

    class Net(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.ids = torch.nn.Linear(3 * 8 * 8, 1), []

        def training_step(self, batch: Any, number: int) -> torch.Tensor:
            self.ids += batch.ids.tolist()
            return self.layer(batch.images.flatten(1)).mean()

        def on_train_end(self) -> None:
            write_down(self.ids)

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), 0.01)

    silent = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}
    trainer = lightning.Trainer(accelerator="cpu", devices=2, strategy=strategy, max_epochs=1, **silent)
    trainer.fit(Net(), loader())


def main() -> None:
    """Goes the way that was asked for."""
    if WAY == "spawn":
        import torch.multiprocessing as mp

        mp.spawn(spawned, args=(2, loader()), nprocs=2)
    elif WAY == "notebook":
        import accelerate

        accelerate.debug_launcher(accelerated, num_processes=2)
    elif WAY.startswith("ddp"):
        fit(WAY)
    else:
        {"alone": alone, "group": grouped, "accelerate": accelerated}[WAY]()


if __name__ == "__main__":
    main()
