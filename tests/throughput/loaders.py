"""The same loading jobs by libraries that people use for speed: albumentations, torchvision v2, SPDL, LitData and FFCV.

Each makes whole batches of (64, 3, 224, 224) by two workers, and is written as its documentation writes it. A thing that is a
context is entered before the clock starts: there FFCV writes its own format, and what a library imports is imported.
"""

import math
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, redirect_stderr
from functools import partial
from importlib.util import find_spec
from io import BytesIO, StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import PIL.Image
import torch
from by_hand import SHORTER, SIDE, DaliPhotos, PlainPhotos
from torch.utils.data import DataLoader, Dataset
from vision import have_torchvision

from dataprep.stages.ops.values import IMAGENET_MEAN, IMAGENET_STD

MEAN, STD = (torch.tensor(numbers).reshape(3, 1, 1) for numbers in (IMAGENET_MEAN, IMAGENET_STD))


class Job(NamedTuple):
    """What is to be loaded, and into what.

    Attributes:
        folder: Photos in ten folders.
        training: Whether to crop at random and to flip, or to take the middle.
        normalised: Whether to give float32 by mean and std, or uint8.
        batch: Images in a batch; what does not fill one is left out.
        workers: Threads or processes.
    """

    folder: Path
    training: bool
    normalised: bool
    batch: int
    workers: int

    @property
    def paths(self) -> list[Path]:
        """The photos."""
        return sorted(self.folder.rglob("*.jpg"))


class Photos(Dataset[Any]):
    """Photos as a transform makes tensors of their bytes."""

    def __init__(self, paths: list[Path], transform: Callable[[bytes], Any]) -> None:
        self.paths, self.transform = paths, transform

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        return self.transform(self.paths[index].read_bytes()), int(self.paths[index].parent.name)


def go_through(batches: Any, job: Job) -> None:
    """Goes through an epoch as a training loop does."""
    count = 0
    for batch in batches:
        images = batch[0] if isinstance(batch, list | tuple) else batch
        assert images.shape == (job.batch, 3, SIDE, SIDE)
        assert images.dtype == (torch.float32 if job.normalised else torch.uint8)
        count += 1
    assert count == len(job.paths) // job.batch


def by_torch(dataset: Any, job: Job) -> Callable[[], object]:
    """Returns an epoch of a dataset through a `DataLoader`."""
    loader = DataLoader(dataset, job.batch, shuffle=job.training, num_workers=job.workers, drop_last=True)
    return partial(go_through, loader, job)


def pillow(job: Job) -> Callable[[], object]:
    """Pillow, by hand."""
    return by_torch(PlainPhotos(job.paths, training=job.training, normalised=job.normalised), job)


def dali(job: Job) -> Callable[[], object]:
    """DALI on the CPU, by hand."""
    return DaliPhotos(job.folder, training=job.training, normalised=job.normalised, batch=job.batch, threads=job.workers)


def albumentations(job: Job) -> Callable[[], object]:
    """albumentations, which reads by OpenCV."""
    return by_torch(Photos(job.paths, by_albumentations(job)), job)


def by_albumentations(job: Job) -> Callable[[bytes], Any]:
    """Returns a transform of OpenCV's images."""
    import albumentations
    import cv2
    from albumentations.pytorch import ToTensorV2

    opening = [albumentations.SmallestMaxSize(SHORTER), albumentations.CenterCrop(SIDE, SIDE)]
    if job.training:
        opening = [albumentations.RandomResizedCrop((SIDE, SIDE)), albumentations.HorizontalFlip()]
    last = [albumentations.Normalize(IMAGENET_MEAN, IMAGENET_STD)] if job.normalised else []
    composed = albumentations.Compose([*opening, *last, ToTensorV2()])

    def transform(data: bytes) -> Any:
        cv2.setNumThreads(0)  # as its documentation asks in a worker
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
        return composed(image=image)["image"]

    return transform


def torchvision(job: Job) -> Callable[[], object]:
    """Torchvision's transforms v2."""
    return by_torch(Photos(job.paths, by_torchvision(job)), job)


def by_torchvision(job: Job) -> Callable[[bytes], Any]:
    """Returns a transform of Pillow's images."""
    assert have_torchvision()
    from torchvision.transforms import v2

    opening = (
        [v2.RandomResizedCrop(SIDE), v2.RandomHorizontalFlip()] if job.training else [v2.Resize(SHORTER), v2.CenterCrop(SIDE)]
    )
    last = [v2.ToDtype(torch.float32, scale=True), v2.Normalize(IMAGENET_MEAN, IMAGENET_STD)] if job.normalised else []
    composed = v2.Compose([*opening, v2.PILToTensor(), *last])
    return lambda data: composed(PIL.Image.open(BytesIO(data)).convert("RGB"))


def litdata(job: Job) -> Callable[[], object]:
    """LitData over the files as they are, with the transforms that are fastest beside it."""
    from litdata import StreamingRawDataset

    transform = by_albumentations(job) if find_spec("albumentations") else by_torchvision(job)
    dataset = StreamingRawDataset(str(job.folder), transform=transform, recompute_index=True)
    return by_torch(dataset, job)


def spdl(job: Job) -> Callable[[], object]:
    """SPDL: FFmpeg's decoders and filters in threads, batches normalised as a whole."""
    return partial(_spdl, job)


def _spdl(job: Job) -> None:
    from spdl.pipeline import PipelineBuilder

    paths = job.paths
    if job.training:
        random.shuffle(paths)
    builder = PipelineBuilder().add_source(paths).pipe(partial(_spdl_image, job), concurrency=job.workers)
    builder = builder.aggregate(job.batch, drop_last=True).pipe(partial(_spdl_batch, job)).add_sink(3)
    with (pipeline := builder.build(num_threads=job.workers)).auto_stop():
        go_through(pipeline, job)


def _spdl_image(job: Job, path: Path) -> Any:
    from spdl import io

    shorter = f"scale='if(lt(iw,ih),{SHORTER},-1)':'if(lt(iw,ih),-1,{SHORTER})':flags=bilinear,crop={SIDE}:{SIDE}"
    crop = _random_crop() if job.training else shorter
    packets = io.demux_image(str(path))
    return io.decode_packets(packets, filter_desc=f"{crop},format=pix_fmts=rgb24")


def _random_crop() -> str:
    """Returns the filters of a random crop that is resized, and perhaps flipped."""
    area, across, down = random.uniform(0.08, 1), random.random(), random.random()
    ratio = math.exp(random.uniform(math.log(3 / 4), math.log(4 / 3)))
    size = f"w='min(iw,sqrt(iw*ih*{area * ratio}))':h='min(ih,sqrt(iw*ih*{area / ratio}))'"
    flip = ",hflip" if random.random() < 0.5 else ""
    return f"crop={size}:x='(iw-ow)*{across}':y='(ih-oh)*{down}':exact=1,scale={SIDE}:{SIDE}:flags=bilinear{flip}"


def _spdl_batch(job: Job, frames: list[Any]) -> Any:
    from spdl import io

    images = io.to_torch(io.convert_frames(frames)).permute(0, 3, 1, 2)
    return images.float().div_(255).sub_(MEAN).div_(STD).contiguous() if job.normalised else images.contiguous()


class Ffcv(AbstractContextManager["Ffcv"]):
    """FFCV: photos rewritten into its format, as JPEG, its own decoders and compiled transforms.

    Entered for the first time, it writes the format and goes through an epoch, in which it compiles.
    """

    def __init__(self, job: Job) -> None:
        self.job, self.work, self.loader = job, TemporaryDirectory(), None

    def __enter__(self) -> "Ffcv":
        from ffcv.fields import IntField, RGBImageField
        from ffcv.writer import DatasetWriter

        if self.loader is None:
            file = f"{self.work.name}/photos.beton"
            fields = {"image": RGBImageField(write_mode="jpg"), "label": IntField()}
            with redirect_stderr(StringIO()):  # its progress
                DatasetWriter(file, fields, num_workers=1).from_indexed_dataset(Photos(self.job.paths, _whole))
            self.loader = self._loader(file)
            self()
        return self

    def __exit__(self, *exception: object) -> None:
        """Keeps what was made for the next turn."""

    def __call__(self) -> None:
        go_through(self.loader, self.job)

    def _loader(self, file: str) -> Any:
        from ffcv.fields.decoders import CenterCropRGBImageDecoder, RandomResizedCropRGBImageDecoder
        from ffcv.loader import Loader, OrderOption
        from ffcv.transforms import NormalizeImage, RandomHorizontalFlip, ToTensor, ToTorchImage

        job = self.job
        opening = [CenterCropRGBImageDecoder((SIDE, SIDE), SIDE / SHORTER)]
        if job.training:
            opening = [RandomResizedCropRGBImageDecoder((SIDE, SIDE)), RandomHorizontalFlip()]
        mean, std = (255 * np.array(numbers) for numbers in (IMAGENET_MEAN, IMAGENET_STD))
        last = [NormalizeImage(mean, std, np.float32)] if job.normalised else []
        return Loader(
            file,
            batch_size=job.batch,
            num_workers=job.workers,
            order=OrderOption.RANDOM if job.training else OrderOption.SEQUENTIAL,
            drop_last=True,
            pipelines={"image": [*opening, *last, ToTensor(), ToTorchImage(channels_last=False)], "label": None},
        )


def _whole(data: bytes) -> PIL.Image.Image:
    return PIL.Image.open(BytesIO(data)).convert("RGB")


LOADERS: Mapping[str, tuple[Callable[[Job], Callable[[], object]], tuple[str, ...]]] = {
    "Pillow": (pillow, ("PIL",)),
    "DALI": (dali, ("nvidia", "nvidia.dali")),
    "albumentations": (albumentations, ("albumentations",)),
    "torchvision v2": (torchvision, ("torchvision",)),
    "SPDL": (spdl, ("spdl", "spdl.io", "spdl.pipeline")),
    "LitData": (litdata, ("litdata", "torchvision")),
    "FFCV": (Ffcv, ("ffcv",)),
}
"""What makes a thing that goes through an epoch, and the modules that it needs, packages before what is in them."""


def loaders(job: Job) -> Iterator[tuple[str, Callable[[], object]]]:
    """Yields the peers that are installed, by name."""
    for name, (make, needs) in LOADERS.items():
        if all(find_spec(module) for module in needs) and ("torchvision" not in needs or have_torchvision()):
            yield name, make(job)
