"""Torch's view of single parts: the ops as a transform, the kept images as a data set."""

from multiprocessing import Value
from multiprocessing.context import get_spawning_popen
from typing import Any

import numpy as np
import PIL.Image
import torch
from torch.utils.data import Dataset

from dataprep.backends.cpu.render import canvas, paint, pixel_limit, read
from dataprep.backends.program import compile_ops
from dataprep.backends.tensors import as_dtype
from dataprep.draws import again, key
from dataprep.errors import PipelineError
from dataprep.images.limits import quiet_decoders
from dataprep.loading.arguments import check_manifest, check_pipeline, with_cache
from dataprep.loading.epochs import Row
from dataprep.loading.recipes import draw, rows_of
from dataprep.loading.sampler import Sampler
from dataprep.manifest import Manifest
from dataprep.pipeline import Pipeline
from dataprep.sources import NodeCache
from dataprep.stages import Normalize
from dataprep.types import Image


class Transform:
    """The ops of a pipeline as a callable, for a `Dataset` of your own.

    What an image gets depends on the seed, the epoch and its row, not on the worker that does it. Rows that come from an
    `EpochSampler` bring their epoch; for others, `set_epoch` says it.

    Example:
        >>> transform = dp.Transform(manifest.pipeline.fill(manifest.statistics), seed=0)
        >>> transform(photo(7)).shape
        torch.Size([3, 64, 64])
    """

    def __init__(self, pipeline: Pipeline, seed: int = 0) -> None:
        """Takes the ops of a pipeline whose `Normalize` has its numbers (see `Pipeline.fill`).

        Raises:
            LoaderError: It is not a pipeline, or the seed no whole number.
            PipelineError: Its `Normalize` has no numbers.
        """
        ops = check_pipeline(pipeline, "Transform").ops
        if any(isinstance(op, Normalize) and op.mean is None for op in ops):
            raise PipelineError("Transform: its `Normalize()` has no numbers; give `pipeline.fill(manifest.statistics)`")
        self.program = compile_ops(ops)
        self.seed = Sampler(seed).seed
        self._epoch = Value("q", 0, lock=False)  # shared, so that workers that are kept alive see a new epoch

    def __getstate__(self) -> dict[str, Any]:
        """Returns what a copy is made of; only a worker that is being started shares the epoch."""
        return self.__dict__ if get_spawning_popen() else self.__dict__ | {"_epoch": self._epoch.value}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Becomes a copy, with an epoch of its own, or in a worker the same."""
        epoch = state["_epoch"]
        self.__dict__.update(state, _epoch=Value("q", epoch, lock=False) if isinstance(epoch, int) else epoch)

    def set_epoch(self, epoch: int) -> None:
        """Gives every image other augmentations than in another epoch; rows of an `EpochSampler` know theirs by themselves.

        Example:
            >>> transform = dp.Transform(dp.Pipeline(dp.RandomResizedCrop(64)))
            >>> first = transform(photo(7), row=0)
            >>> transform.set_epoch(1)
            >>> bool((transform(photo(7), row=0) == first).all())
            False
        """
        self._epoch.value = epoch

    def __call__(self, image: "Image | PIL.Image.Image", row: int | None = None) -> torch.Tensor:
        """Transforms one image.

        Args:
            image: (H, W, 3) RGB, 0..255, or a Pillow image.
            row: What identifies the image, such as its index as the sampler gave it; None derives a number from its pixels.

        Returns:
            (3, H, W) float32 after `Normalize`, else uint8, unless `Output` says otherwise.
        """
        pixels = np.array(image.convert("RGB")) if isinstance(image, PIL.Image.Image) else image
        if row is None:
            row = _number_of(pixels)
        epoch, turn = (row.epoch, row.turn) if isinstance(row, Row) else (self._epoch.value, 0)
        drawn = draw(self.program.ops, np.array([pixels.shape[:2]]), again(np.array([row]), np.array([turn])), self.seed, epoch)
        out = canvas(self.program, 1)
        paint(self.program, pixels, [params[0] for params in drawn], out[0])
        return as_dtype(torch.from_numpy(out), self.program.spec)[0]


def _number_of(pixels: Image) -> int:
    """Returns a number that follows from 64 pixels, spread over the image."""
    rows, columns = (np.linspace(0, length - 1, 8).astype(np.intp) for length in pixels.shape[:2])
    return int(key(*np.frombuffer(pixels[rows[:, None], columns].tobytes(), np.int64).tolist()) >> np.uint64(1))


class ImageDataset(Dataset[tuple[Any, Any]]):
    """The kept images of a manifest as a plain map-style dataset of (image, label), as torchvision's ImageFolder gives.

    Example:
        >>> from torch.utils.data import DataLoader
        >>> dataset = dp.ImageDataset(manifest, dp.Transform(manifest.pipeline.fill(manifest.statistics)))
        >>> sampler = dp.Sampler(seed=0).over(len(dataset), batch_size=4)
        >>> images, labels = next(iter(DataLoader(dataset, batch_size=4, sampler=sampler)))
        >>> images.shape, labels
        (torch.Size([4, 3, 64, 64]), tensor([0, 0, 1, 0]))

    Attributes:
        classes: The label of each class number.
    """

    def __init__(self, manifest: Manifest, transform: Any = None, *, cache: NodeCache | None = None) -> None:
        """Takes a manifest, what to do to each image, and what keeps the files of a slow source.

        Args:
            manifest: The records; those kept are loaded.
            transform: What is done to each Pillow image: a `Transform`, torchvision's, any callable, or None.
            cache: As of `Loader`.
        """
        check_manifest(manifest, "ImageDataset")
        self.classes = manifest.classes
        self.transform = transform
        self._source = with_cache(manifest.source, cache, "ImageDataset")
        self._rows = rows_of(manifest)
        sizes = manifest.kept("height", "width")
        self._limit = pixel_limit(np.stack([side.to_numpy().astype(np.int64) for side in sizes.columns], axis=1))

    def __len__(self) -> int:
        """The number of kept images."""
        return len(self._rows)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        """Returns an image, transformed, and its class number, -1 without a label; or what `Manifest.labels` has in its place.

        Raises:
            LoaderError: The file cannot be read or decoded, or is another one now; the message names it.
        """
        row = self._rows.at(np.array([range(len(self))[index]]))
        uri, id, (height, width), stamps = row.uris[0].as_py(), int(row.ids[0]), row.sizes[0].tolist(), row.stamped()
        with quiet_decoders(self._limit):
            stamp = None if stamps is None else stamps[0]
            image = PIL.Image.fromarray(read(self._source, uri, (height, width), None, stamp).image)
        label = row.labels[0] if row.labels.ndim == 2 else row.labels[0].item()
        if isinstance(self.transform, Transform):
            return self.transform(image, row=Row(id, index.epoch, index.turn) if isinstance(index, Row) else id), label
        return image if self.transform is None else self.transform(image), label
