"""Plain torch, Lightning and Accelerate go through fit, validation and a resume in mid-epoch with their default flags."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dataprep.backends.threads import Threads
from dataprep.cleaning.clean import clean
from dataprep.engines import Local
from dataprep.errors import LoaderError
from dataprep.loading.loader import Loader
from dataprep.loading.sampler import Sampler
from dataprep.manifest import Manifest
from dataprep.pipeline import Pipeline
from dataprep.stages import Normalize, RandomResizedCrop
from dataprep.testing import write_images

torch = pytest.importorskip("torch")

from dataprep.integrations.torch import ImageDataset, Transform  # noqa: E402

COUNT, BATCH, EPOCHS = 22, 4, 3
STEPS = COUNT // BATCH


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """22 images: five batches of four and a rest of two."""
    folder = tmp_path_factory.mktemp("photos")
    write_images(folder, COUNT, height=12, width=12)
    return clean(folder, Pipeline(RandomResizedCrop(8), Normalize.imagenet()), engine=Local(0))


def training(manifest: Manifest) -> Loader:
    """A loader for training."""
    return Loader(manifest, batch_size=BATCH, backend=Threads(1))


def validation(manifest: Manifest) -> Loader:
    """A loader for evaluation."""
    return Loader(manifest, batch_size=BATCH, train=False, backend=Threads(1))


def fingerprints(batch: Any) -> list[tuple[int, float]]:
    """Returns what tells the images of a batch from others and from themselves in other crops."""
    return [(int(id), float(image.sum())) for id, image in zip(batch.ids, batch.images, strict=True)]


@pytest.fixture(scope="module")
def epochs(manifest: Manifest) -> list[list[tuple[int, float]]]:
    """The images of each epoch, as they come to a loop that nothing disturbs."""
    loader = training(manifest)
    return [[one for batch in loader for one in fingerprints(batch)] for _ in range(EPOCHS)]


@pytest.mark.parametrize("stop", [1, 3, STEPS, STEPS + 2])
@pytest.mark.parametrize("names", [True, False])
def test_plain_torch(manifest: Manifest, epochs: list[Any], stop: int, names: bool) -> None:
    """A plain loop that validates after each epoch, stopped and resumed, `set_epoch` or not, has what an undisturbed one has."""

    def fit(loader: Loader, held_out: Loader) -> Iterator[Any]:
        for epoch in range(loader.epoch, EPOCHS):
            if names:
                loader.set_epoch(epoch)
            for batch in loader:
                yield fingerprints(batch)
            assert sum(len(batch.ids) for batch in held_out) == COUNT

    first, had = training(manifest), []
    running = fit(first, validation(manifest))
    for _ in range(stop):
        had += next(running)
    state = first.state_dict()
    second = training(manifest)
    second.load_state_dict(state)
    had += [one for some in fit(second, validation(manifest)) for one in some]
    assert had == [one for epoch in epochs for one in epoch]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_dataloader_of_your_own(manifest: Manifest, epochs: list[Any], workers: int) -> None:
    """Our sampler, data set and transform in torch's `DataLoader` give the images of a `Loader`, and resume in mid-epoch."""

    def made() -> tuple[Any, Any]:
        dataset = ImageDataset(manifest, Transform(manifest.pipeline))
        sampler = Sampler().over(len(dataset), BATCH)
        return sampler, torch.utils.data.DataLoader(dataset, batch_size=BATCH, sampler=sampler, num_workers=workers)

    def sums(images: Any) -> list[float]:
        return [float(image.sum()) for image in images]

    expected = [[total for _, total in epoch] for epoch in epochs]
    sampler, loader = made()
    assert [[total for images, _ in loader for total in sums(images)] for _ in range(EPOCHS)] == expected
    sampler, loader = made()
    for _ in loader:  # which has fetched ahead
        sampler.delivered(BATCH)
        break
    state = sampler.state_dict()
    sampler, loader = made()
    sampler.load_state_dict(state)
    rest = [total for images, _ in loader for total in sums(images)]
    assert rest == expected[0][BATCH:]
    assert [total for images, _ in loader for total in sums(images)] == expected[1]


def test_accelerate(manifest: Manifest, epochs: list[Any], tmp_path: Path) -> None:
    """Accelerate passes a loader through, saves and loads it as an object registered for checkpoints."""
    accelerate = pytest.importorskip("accelerate")

    def made() -> tuple[Any, Loader, Loader]:
        accelerator = accelerate.Accelerator(cpu=True)
        loader, held_out = accelerator.prepare(training(manifest), validation(manifest))
        accelerator.register_for_checkpointing(loader)
        return accelerator, loader, held_out

    accelerator, loader, held_out = made()
    had = []
    for batch in loader:
        had += fingerprints(batch)
        if len(had) == 2 * BATCH:
            accelerator.save_state(str(tmp_path / "state"))
            break
    accelerator, loader, held_out = made()
    accelerator.load_state(str(tmp_path / "state"))
    for epoch in range(loader.epoch, EPOCHS):
        loader.set_epoch(epoch)
        had += [one for batch in loader for one in fingerprints(batch)]
        assert sum(len(batch.ids) for batch in held_out) == COUNT
    assert had == [one for epoch in epochs for one in epoch]
    with pytest.raises(LoaderError, match="has no `dataset`; to go on within an epoch use its load_state_dict"):
        accelerate.skip_first_batches(loader, 2)


def test_accelerate_with_a_dataloader_of_your_own(manifest: Manifest, epochs: list[Any]) -> None:
    """A `DataLoader` with our sampler goes through `prepare`, `set_epoch` and `skip_first_batches` as one with torch's."""
    accelerate = pytest.importorskip("accelerate")
    dataset = ImageDataset(manifest, Transform(manifest.pipeline))
    sampler = Sampler(rank=0, world_size=1).over(len(dataset), BATCH)
    loader = accelerate.Accelerator(cpu=True).prepare(torch.utils.data.DataLoader(dataset, batch_size=BATCH, sampler=sampler))
    expected = [[total for _, total in epoch] for epoch in epochs]
    for epoch in range(EPOCHS):
        loader.set_epoch(epoch)
        assert [float(image.sum()) for images, _ in loader for image in images] == expected[epoch]
    loader.set_epoch(1)
    rest = [float(image.sum()) for images, _ in accelerate.skip_first_batches(loader, 2) for image in images]
    assert rest == expected[1][2 * BATCH :]


def net_of(manifest: Manifest) -> Any:
    """Returns a Lightning module that writes down what it had."""
    lightning = pytest.importorskip("lightning")

    class Net(lightning.LightningModule):  # type: ignore[misc, name-defined]  # imported only where it is
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(3 * 8 * 8, 1)
            self.had: dict[int, list[Any]] = {}
            self.validated: list[int] = []

        def training_step(self, batch: Any, number: int) -> Any:
            self.had.setdefault(self.current_epoch, []).extend(fingerprints(batch))
            return self.layer(batch.images.flatten(1)).mean()

        def on_validation_epoch_start(self) -> None:
            self.validated.append(0)

        def validation_step(self, batch: Any, number: int) -> None:
            assert batch.ids[0] == number * BATCH  # in order, from the first
            self.validated[-1] += len(batch.ids)

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), 0.01)

    return Net()


def trainer_of(folder: Path, **options: Any) -> Any:
    """Returns a trainer that is silent, and otherwise as it comes."""
    lightning = pytest.importorskip("lightning")
    silent = {"accelerator": "cpu", "logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    return lightning.Trainer(default_root_dir=folder, **silent, **options)


FLAGS: dict[str, dict[str, Any]] = {
    "default": {},
    "limit_train_batches": {"limit_train_batches": 3},
    "val_check_interval": {"val_check_interval": 2},
    "limit_val_batches": {"limit_val_batches": 3},
}


QUICK = [("default", 3), ("limit_train_batches", 3), ("val_check_interval", 7)]
CASES = [
    pytest.param(flags, stop, marks=() if (flags, stop) in QUICK else pytest.mark.slow)
    for flags in FLAGS
    for stop in (2, 3, 5, 7)
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("flags", "stop"), CASES)
def test_lightning(manifest: Manifest, epochs: list[Any], tmp_path: Path, flags: str, stop: int) -> None:
    """Stopped after some steps and resumed from the checkpoint, each epoch has its images once; each validation all of them."""
    options = FLAGS[flags]
    callbacks = pytest.importorskip("lightning.pytorch.callbacks")
    first, second = net_of(manifest), net_of(manifest)
    saving = callbacks.ModelCheckpoint(tmp_path, "state", every_n_train_steps=1, enable_version_counter=False)
    trainer_of(tmp_path, max_epochs=EPOCHS, max_steps=stop, callbacks=[saving], **options).fit(
        first, training(manifest), validation(manifest)
    )
    trainer_of(tmp_path, max_epochs=EPOCHS, enable_checkpointing=False, **options).fit(
        second, training(manifest), validation(manifest), ckpt_path=tmp_path / "state.ckpt", weights_only=False
    )
    kept = options.get("limit_train_batches", STEPS) * BATCH
    for epoch in range(EPOCHS):
        assert first.had.get(epoch, []) + second.had.get(epoch, []) == epochs[epoch][:kept]
    limit = min(COUNT, options.get("limit_val_batches", COUNT) * BATCH)
    assert set(first.validated[1:] + second.validated[1:]) == {limit}
    assert first.validated[0] == 2 * BATCH  # the sanity check


@pytest.mark.filterwarnings("ignore")
def test_lightning_may_look_first(manifest: Manifest, epochs: list[Any], tmp_path: Path) -> None:
    """An optimizer that asks how many steps there will be, for which Lightning sets the loader up, costs no image."""
    net = net_of(manifest)
    asked = []

    def configure_optimizers() -> Any:
        asked.append(net.trainer.estimated_stepping_batches)
        return torch.optim.SGD(net.parameters(), 0.01)

    net.configure_optimizers = configure_optimizers
    trainer_of(tmp_path, max_epochs=2, enable_checkpointing=False).fit(net, training(manifest), validation(manifest))
    assert asked == [2 * STEPS]
    assert [net.had[epoch] for epoch in range(2)] == [images[: STEPS * BATCH] for images in epochs[:2]]
    assert net.validated == [2 * BATCH, COUNT, COUNT]


@pytest.mark.filterwarnings("ignore")
def test_a_lightning_datamodule(manifest: Manifest, epochs: list[Any], tmp_path: Path) -> None:
    """A `DataModule` whose loaders are ours, made by its hooks, gives each epoch its images; its states go on in mid-epoch."""
    lightning = pytest.importorskip("lightning")
    callbacks = pytest.importorskip("lightning.pytorch.callbacks")

    class Photos(lightning.LightningDataModule):  # type: ignore[misc, name-defined]  # imported only where it is
        def setup(self, stage: str) -> None:
            self.manifest = manifest

        def train_dataloader(self) -> Loader:
            return training(self.manifest)

        def val_dataloader(self) -> Loader:
            return validation(self.manifest)

    first, second = net_of(manifest), net_of(manifest)
    saving = callbacks.ModelCheckpoint(tmp_path, "state", every_n_train_steps=1, enable_version_counter=False)
    trainer_of(tmp_path, max_epochs=EPOCHS, max_steps=STEPS + 2, callbacks=[saving]).fit(first, datamodule=Photos())
    trainer_of(tmp_path, max_epochs=EPOCHS, enable_checkpointing=False).fit(
        second, datamodule=Photos(), ckpt_path=tmp_path / "state.ckpt", weights_only=False
    )
    for epoch in range(EPOCHS):
        assert first.had.get(epoch, []) + second.had.get(epoch, []) == epochs[epoch][: STEPS * BATCH]
    assert second.validated[-1] == COUNT
