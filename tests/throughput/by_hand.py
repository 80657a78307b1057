"""The same loading jobs written by hand with what people use today: Pillow in a torch DataLoader, and DALI on the CPU."""

import math
import random
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import torch
from torch.utils.data import Dataset
from torch.utils.dlpack import from_dlpack

from dataprep.stages.ops.values import IMAGENET_MEAN, IMAGENET_STD

SIDE, SHORTER = 224, 256


class PlainPhotos(Dataset[tuple[Any, int]]):
    """Training or evaluation written with Pillow and torch, step by step as torchvision does it."""

    def __init__(self, paths: list[Path], *, training: bool, normalised: bool) -> None:
        self.paths, self.training, self.normalised = paths, training, normalised
        self.mean, self.std = (torch.tensor(numbers).reshape(3, 1, 1) for numbers in (IMAGENET_MEAN, IMAGENET_STD))

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        with PIL.Image.open(self.paths[index]) as opened:
            image = opened.convert("RGB")
        image = self.trained(image) if self.training else self.evaluated(image)
        tensor = torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous()
        if self.normalised:
            tensor = tensor.float().div(255).sub_(self.mean).div_(self.std)
        return tensor, int(self.paths[index].parent.name)

    def trained(self, image: PIL.Image.Image) -> PIL.Image.Image:
        """The image after a random resized crop and a flip."""
        image = image.crop(self.box(*image.size)).resize((SIDE, SIDE), PIL.Image.Resampling.BILINEAR)
        return image.transpose(PIL.Image.Transpose.FLIP_LEFT_RIGHT) if random.random() < 0.5 else image

    @staticmethod
    def evaluated(image: PIL.Image.Image) -> PIL.Image.Image:
        """The middle of the image, its shorter side resized before."""
        factor = SHORTER / min(image.size)
        image = image.resize((round(image.width * factor), round(image.height * factor)), PIL.Image.Resampling.BILINEAR)
        left, top = (image.width - SIDE) // 2, (image.height - SIDE) // 2
        return image.crop((left, top, left + SIDE, top + SIDE))

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


class DaliPhotos(AbstractContextManager["DaliPhotos"]):
    """The same jobs as a DALI pipeline: entered, it is built; called, it goes through an epoch of whole batches."""

    def __init__(self, folder: Path, *, training: bool, normalised: bool, batch: int, threads: int, device: str = "cpu") -> None:
        from nvidia.dali import pipeline_def

        @pipeline_def(batch_size=batch, num_threads=threads, device_id=None if device == "cpu" else 0)
        def graph() -> Any:
            return _graph(folder, training, normalised, device)

        self.graph, self.batch, self.pipe = graph, batch, None

    def __enter__(self) -> "DaliPhotos":
        self.pipe = self.graph()
        self.pipe.build()
        return self

    def __exit__(self, *exception: object) -> None:
        self.pipe = None

    def __call__(self) -> None:
        for images, _ in self:
            assert images.shape == (self.batch, 3, SIDE, SIDE)

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        """Yields the images and labels of an epoch; they last until the next batch."""
        for _ in range(self.pipe.epoch_size("files") // self.batch):
            images, labels = self.pipe.run()
            yield from_dlpack(images.as_tensor()), from_dlpack(labels.as_tensor())


def _graph(folder: Path, training: bool, normalised: bool, device: str) -> Any:
    """Returns the outputs of a job, in the words of DALI."""
    from nvidia.dali import fn, types

    decoder = "cpu" if device == "cpu" else "mixed"
    files, labels = fn.readers.file(file_root=str(folder), random_shuffle=training, name="files")
    if training:
        images = fn.decoders.image_random_crop(files, device=decoder, random_aspect_ratio=(3 / 4, 4 / 3), random_area=(0.08, 1.0))
        images = fn.resize(images, size=(SIDE, SIDE), interp_type=types.INTERP_LINEAR, antialias=True)
        mirror = fn.random.coin_flip()
    else:
        images = fn.decoders.image(files, device=decoder)
        images = fn.resize(images, resize_shorter=SHORTER, interp_type=types.INTERP_LINEAR, antialias=True)
        mirror = 0
    numbers: dict[str, Any] = {"dtype": types.UINT8}
    if normalised:
        numbers = {"dtype": types.FLOAT}
        numbers |= {"mean": [255 * value for value in IMAGENET_MEAN], "std": [255 * value for value in IMAGENET_STD]}
    return fn.crop_mirror_normalize(images, crop=(SIDE, SIDE), mirror=mirror, output_layout="CHW", **numbers), labels
