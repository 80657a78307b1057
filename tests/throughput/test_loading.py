"""How fast batches come, against a plain Pillow dataset in a torch DataLoader that does the same training job."""

import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from dataprep.clean import clean
from dataprep.loader import Loader
from dataprep.pipeline import Pipeline
from dataprep.stages import HorizontalFlip, Normalize, RandomResizedCrop
from dataprep.stages.color import IMAGENET_MEAN, IMAGENET_STD

torch = pytest.importorskip("torch")

from torch.utils.data import DataLoader, Dataset  # noqa: E402

from dataprep.backends.torch import Torch  # noqa: E402

pytestmark = pytest.mark.throughput

SIDE, BATCH, WORKERS = 224, 64, 2


class PlainPhotos(Dataset[tuple[Any, int]]):
    """The training crop, flip and normalisation written by hand with Pillow and torch, step by step as torchvision does it."""

    def __init__(self, paths: list[Path]) -> None:
        self.paths = paths
        self.mean, self.std = (torch.tensor(numbers).reshape(3, 1, 1) for numbers in (IMAGENET_MEAN, IMAGENET_STD))

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        with PIL.Image.open(self.paths[index]) as opened:
            image = opened.convert("RGB")
        image = image.crop(self.box(*image.size)).resize((SIDE, SIDE), PIL.Image.Resampling.BILINEAR)
        if random.random() < 0.5:
            image = image.transpose(PIL.Image.Transpose.FLIP_LEFT_RIGHT)
        tensor = torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous().float().div(255)
        return tensor.sub_(self.mean).div_(self.std), int(self.paths[index].parent.name)

    @staticmethod
    def box(width: int, height: int) -> tuple[int, int, int, int]:
        """Returns a random box: left, top, right, bottom."""
        for _ in range(10):
            area = width * height * random.uniform(0.08, 1)
            ratio = math.exp(random.uniform(math.log(3 / 4), math.log(4 / 3)))
            across, down = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
            if 0 < across <= width and 0 < down <= height:
                left, top = random.randint(0, width - across), random.randint(0, height - down)
                return left, top, left + across, top + down
        return 0, 0, width, height


@pytest.mark.filterwarnings("ignore:This DataLoader will create")
def test_loading_keeps_up(thousand_photos: Path, compare: Callable[..., dict[str, float]]) -> None:
    """An epoch of training batches takes a loader about as long as the plain dataset, or less, with as many workers."""
    ops = (RandomResizedCrop(SIDE), HorizontalFlip(), Normalize.imagenet())
    manifest = clean(thousand_photos, Pipeline(*ops))
    loader = Loader(manifest, batch_size=BATCH, backend=Torch(workers=WORKERS))
    plain = DataLoader(
        PlainPhotos(sorted(thousand_photos.rglob("*.jpg"))), BATCH, shuffle=True, num_workers=WORKERS, drop_last=True
    )

    def ours() -> None:
        assert all(batch.images.shape == (BATCH, 3, SIDE, SIDE) for batch in loader)

    def theirs() -> None:
        assert all(images.shape == (BATCH, 3, SIDE, SIDE) for images, _ in plain)

    things = {f"Loader, Torch(workers={WORKERS})": ours, f"Pillow and DataLoader(num_workers={WORKERS})": theirs}
    (of_peer,) = compare("loading", things, len(loader) * BATCH).values()
    assert of_peer > 0.8
