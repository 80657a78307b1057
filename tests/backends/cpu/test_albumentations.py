"""`Albumentations`: distinct across workers, new in each epoch, the same after a resume; which it is not on its own."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dataprep as dp
from dataprep.errors import PipelineError
from dataprep.testing import encoded, photo

A = pytest.importorskip("albumentations")
torch = pytest.importorskip("torch")


@pytest.fixture
def manifest(tmp_path: Path) -> dp.Manifest:
    """A manifest of 16 copies of one picture, so that batches differ by their augmentation alone."""
    for number in range(16):
        (tmp_path / f"{number:02d}.png").write_bytes(encoded(photo(1, 24, 24), "PNG"))
    return dp.clean(str(tmp_path), dp.Pipeline(dp.Readable()))


def epoch(manifest: dp.Manifest, workers: int, number: int = 0, backend: dp.Backend | None = None) -> list[bytes]:
    """Returns the images of an epoch, by id, from workers or from another backend."""
    transform = A.Compose([A.RandomBrightnessContrast(p=1), A.Affine(rotate=(-90, 90), p=1)])
    pipeline = dp.Pipeline(dp.Albumentations(transform, 24))
    loader = dp.Loader(manifest, pipeline, batch_size=4, backend=backend or dp.Torch(workers=workers))
    loader.set_epoch(number)
    images = {int(id): image.numpy().tobytes() for batch in loader for image, id in zip(batch.images, batch.ids, strict=True)}
    return [images[id] for id in sorted(images)]


def test_every_image_has_its_own(manifest: dp.Manifest) -> None:
    """16 equal images become 16 different ones, other 16 in the next epoch, and the same for any number of workers."""
    first, second = epoch(manifest, 2), epoch(manifest, 2, 1)
    assert len(set(first) | set(second)) == 32
    assert epoch(manifest, 0) == first
    assert epoch(manifest, 0, 1) == second


def test_threads_do_not_share_a_transform(manifest: dp.Manifest) -> None:
    """In threads the images are those of one process, since each thread has a transform of its own."""
    for number in range(8):
        assert epoch(manifest, 0, number, dp.Threads(4)) == epoch(manifest, 0, number)


class Alone(torch.utils.data.Dataset[Any]):
    """Equal images through a transform of albumentations, as its users write it."""

    def __init__(self) -> None:
        self.transform = A.Compose([A.RandomBrightnessContrast(p=1), A.Affine(rotate=(-90, 90), p=1)], seed=0)

    def __len__(self) -> int:
        return 16

    def __getitem__(self, index: int) -> bytes:
        return self.transform(image=photo(1, 24, 24))["image"].tobytes()


def test_alone_it_repeats_itself() -> None:
    """What `Albumentations` is for: a seeded transform in a DataLoader of two workers gives the same in each epoch."""
    loader = torch.utils.data.DataLoader(Alone(), batch_size=None, num_workers=2, multiprocessing_context="fork")
    assert list(loader) == list(loader)


def test_it_is_written_to_files(manifest: dp.Manifest) -> None:
    """A transform goes to a pipeline file and comes back as an equal op."""
    pipeline = dp.Pipeline(dp.Albumentations(A.Compose([A.Blur(p=1)]), (8, 9)))
    assert dp.Pipeline.from_yaml(pipeline.to_yaml()) == pipeline
    assert pipeline.spec == dp.Spec(8, 9)


def test_targets_follow_where_nothing_moves() -> None:
    """Transforms of values leave places where they are, at any depth; one that moves pixels is named and refused."""
    one, sizes = np.zeros((1, 3)), np.array([[24, 24]])
    assert dp.geometry(dp.Albumentations(A.Compose([A.Blur(), A.OneOf([A.GaussNoise(), A.CLAHE()])])), one, sizes) is None
    for moving in (A.HorizontalFlip(), A.Compose([A.Blur(), A.OneOf([A.GridDistortion(), A.Blur()])])):
        with pytest.raises(
            dp.LoaderError, match=r"`Albumentations` runs (HorizontalFlip|GridDistortion), and only albumentations"
        ):
            dp.geometry(dp.Albumentations(moving), one, sizes)


def test_what_cannot_be_is_refused() -> None:
    """What is no transform is refused when the op is made."""
    with pytest.raises(PipelineError, match="give a transform of albumentations"):
        dp.Albumentations(np.flip)
