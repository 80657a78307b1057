"""How fast the DALI backend is, against a DALI pipeline written by hand for the same job, on the CPU and on a GPU."""

from pathlib import Path
from typing import Literal

import pytest
from figures import Compare

from dataprep.cleaning.clean import clean
from dataprep.loading.loader import Loader
from dataprep.pipeline import Pipeline
from dataprep.stages import HorizontalFlip, Normalize, RandomResizedCrop
from dataprep.stages.ops.values import IMAGENET_MEAN, IMAGENET_STD

torch = pytest.importorskip("torch")
pytest.importorskip("nvidia.dali", reason="DALI is not installed")

from nvidia.dali import Pipeline as Graph  # noqa: E402  after what skips
from nvidia.dali import fn, types  # noqa: E402  after what skips
from torch.utils.dlpack import from_dlpack  # noqa: E402  after what skips

from dataprep.backends.dali.backend import Dali  # noqa: E402  after what skips

pytestmark = pytest.mark.throughput

SIDE, BATCH, THREADS = 224, 64, 2


def by_hand(paths: list[Path], device: str) -> Graph:
    """The training job as DALI's documentation writes it: random crop as it decodes, resize, mirror and normalise."""
    graph = Graph(BATCH, THREADS, None if device == "cpu" else 0, seed=1, prefetch_queue_depth=2)
    decoder = "cpu" if device == "cpu" else "mixed"
    mean, std = ([255 * value for value in values] for values in (IMAGENET_MEAN, IMAGENET_STD))
    with graph:
        files, labels = fn.readers.file(
            files=[str(path) for path in paths], labels=[0] * len(paths), random_shuffle=True, name="r"
        )
        images = fn.decoders.image_random_crop(
            files, device=decoder, output_type=types.DALIImageType.RGB, random_area=[0.08, 1.0]
        )
        images = fn.resize(images, size=[SIDE, SIDE], antialias=True)
        images = fn.crop_mirror_normalize(images, mirror=fn.random.coin_flip(), mean=mean, std=std, output_layout="CHW")
        graph.set_outputs(images, labels)
    graph.build()
    return graph


def race(thousand_photos: Path, compare: Compare, device: Literal["cpu", "gpu"]) -> None:
    """Epochs of the backend and of a graph by hand."""
    ops = (RandomResizedCrop(SIDE), HorizontalFlip(), Normalize.imagenet())
    manifest = clean(thousand_photos, Pipeline(*ops))
    loader = Loader(manifest, batch_size=BATCH, backend=Dali(device, threads=THREADS))
    paths = sorted(thousand_photos.rglob("*.jpg"))

    def ours() -> None:
        assert all(batch.images.shape == (BATCH, 3, SIDE, SIDE) for batch in loader)

    def theirs() -> None:
        graph = by_hand(paths, device)
        for _ in range(len(loader)):
            images, _ = graph.run()
            assert from_dlpack(images.as_tensor()).shape == (BATCH, 3, SIDE, SIDE)

    things = {"Dali": ours, "DALI by hand": theirs}
    compare(f"DALI on the {device}", things, len(loader) * BATCH, {("Dali", "DALI by hand"): 0.75})


def test_recipes_cost_nothing(thousand_photos: Path, compare: Compare) -> None:
    """An epoch takes the backend about as long as a graph by hand, which resumes nowhere and shares nothing out."""
    race(thousand_photos, compare, "cpu")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no NVIDIA GPU")
def test_recipes_cost_nothing_on_a_gpu(thousand_photos: Path, compare: Compare) -> None:
    """Nor do they on a GPU, with two threads to read for it."""
    race(thousand_photos, compare, "gpu")
