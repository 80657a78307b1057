"""The parts of the torch backend that stand alone, in a DataLoader of one's own: a transform, a dataset, and a sampler."""

import pickle
from collections.abc import Callable, Iterable
from copy import copy, deepcopy
from itertools import islice
from typing import Any

import numpy as np
import PIL.Image
import pytest

from dataprep.cleaning.clean import clean
from dataprep.engines import Local
from dataprep.errors import LoaderError
from dataprep.loading.loader import Loader
from dataprep.loading.sampler import Sampler
from dataprep.manifest import Manifest
from dataprep.pipeline import Pipeline
from dataprep.stages import Brightness, HorizontalFlip, Normalize, RandomResizedCrop, Require, Resize, Rotate
from dataprep.testing import photo, write_images
from dataprep.types import Batch

torch = pytest.importorskip("torch")

from torch.utils.data import DataLoader, Dataset  # noqa: E402  after what skips

from dataprep.backends.torch import Torch  # noqa: E402  after what skips
from dataprep.integrations.torch import ImageDataset, Transform  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")  # two workers on a machine of one core

KEPT = 22
OPS = (RandomResizedCrop((8, 10)), HorizontalFlip(), Rotate(5), Brightness(), Normalize())
PIPELINE = Pipeline(Require("height", least=8), *OPS)


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """22 kept photos of two classes."""
    folder = tmp_path_factory.mktemp("photos")
    write_images(folder, KEPT, height=24, width=32)
    return clean(folder, PIPELINE, engine=Local(0))


def assert_same(ours: Iterable[Batch], theirs: Iterable[Batch]) -> None:
    """Checks that two runs gave the same batches to the last bit."""
    for one, other in zip(ours, theirs, strict=True):
        for mine, yours in zip(one, other, strict=True):
            assert np.array_equal(np.asarray(mine), np.asarray(yours))


class Rows(Dataset[tuple[Any, int]]):
    """A dataset of a user's own: one picture under many row numbers, so that what differs is the augmentation alone."""

    def __init__(self, transform: Transform, size: int = 32) -> None:
        self.transform, self.size, self.image = transform, size, photo(1, 40, 48)

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> tuple[Any, int]:
        return self.transform(self.image, row=index), index


AUGMENTATIONS = Pipeline(*OPS[:-1], Normalize.imagenet())


def augmented(loader: "DataLoader[Any]") -> dict[int, bytes]:
    """Returns the pixels of each row in one pass."""
    return {int(row): image.numpy().tobytes() for images, rows in loader for image, row in zip(images, rows, strict=True)}


@pytest.mark.parametrize("workers", [0, 2])
def test_every_row_has_an_augmentation_of_its_own(workers: int) -> None:
    """One picture under 32 rows comes out in 32 ways, also where two workers share the rows."""
    loader = DataLoader(Rows(Transform(AUGMENTATIONS)), batch_size=4, num_workers=workers)
    assert len(set(augmented(loader).values())) == 32


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"num_workers": 2},
        {"num_workers": 2, "persistent_workers": True},
        {"num_workers": 1, "persistent_workers": True, "multiprocessing_context": "spawn"},
    ],
    ids=["no workers", "workers", "persistent workers", "spawned workers"],
)
@pytest.mark.parametrize("copied", [None, deepcopy], ids=["itself", "a copy"])
def test_augmentations_change_with_the_epoch_only(options: dict[str, Any], copied: Callable[[Any], Any] | None) -> None:
    """A row's augmentation repeats in a second pass of the epoch and is another after `set_epoch`, also in workers kept alive."""
    transform = Transform(AUGMENTATIONS, seed=4)
    transform = copied(transform) if copied else transform
    loader = DataLoader(Rows(transform), batch_size=4, shuffle=True, **options)
    first, again = augmented(loader), augmented(loader)
    transform.set_epoch(1)
    second = augmented(loader)
    transform.set_epoch(0)
    back = augmented(loader)
    assert first == again == back
    assert all(first[row] != second[row] for row in range(32))


@pytest.mark.parametrize("copied", [deepcopy, copy, lambda transform: pickle.loads(pickle.dumps(transform))])
def test_a_copy_has_an_epoch_of_its_own(copied: Callable[[Any], Any]) -> None:
    """A copied or pickled transform does what the original did, and goes to another epoch alone."""
    first, image = Transform(AUGMENTATIONS, seed=4), photo(0, 40, 40)
    first.set_epoch(3)
    second = copied(first)
    before = first(image, row=1)
    assert torch.equal(second(image, row=1), before)
    second.set_epoch(4)
    assert torch.equal(first(image, row=1), before)
    assert not torch.equal(second(image, row=1), before)


def test_augmentations_change_with_the_seed() -> None:
    """Two seeds give every row two augmentations."""
    first, second = (augmented(DataLoader(Rows(Transform(AUGMENTATIONS, seed=seed)))) for seed in (0, 1))
    assert all(first[row] != second[row] for row in range(32))


@pytest.mark.parametrize("epoch", [0, 3])
@pytest.mark.parametrize("seed", [0, 5])
def test_a_transform_gives_what_the_loader_gives(manifest: Manifest, seed: int, epoch: int) -> None:
    """`Transform` with the id as row gives the pixels that the loader has for that id, seed and epoch."""
    loader = Loader(manifest, batch_size=11, sampler=Sampler(seed=seed), backend=Torch())
    loader.set_epoch(epoch)
    transform = Transform(loader.pipeline, seed=seed)
    transform.set_epoch(epoch)
    paths = {row["id"]: manifest.source.path(row["uri"]) for row in manifest.table.to_pylist()}
    for batch in loader:
        for image, id in zip(batch.images, batch.ids.tolist(), strict=True):
            with PIL.Image.open(paths[id]) as opened:
                assert torch.equal(transform(opened, row=id), image)
                assert torch.equal(transform(np.asarray(opened.convert("RGB")), row=id), image)


def test_without_a_row_the_pixels_stand_for_it() -> None:
    """Without a row number a picture has one augmentation in an epoch, and different pictures different ones."""
    transform = Transform(Pipeline(Brightness(0.5), Resize((8, 8))))
    ratios = set()
    for seed in range(20):
        image = photo(seed, 40, 48)
        outputs = [transform(image), transform(PIL.Image.fromarray(image))]
        assert torch.equal(*outputs)
        ratios.add(round(float(outputs[0].double().mean()) / image.mean(), 2))
    assert len(ratios) > 10


def test_a_transform_takes_pillow_images_of_any_mode() -> None:
    """Gray, palette and transparent pictures become RGB, as ImageFolder's do."""
    transform = Transform(Pipeline(Resize((8, 8)), Normalize.imagenet()))
    for mode in ("L", "P", "RGBA", "CMYK", "1"):
        image = PIL.Image.fromarray(photo(2, 40, 48)).convert(mode)
        assert torch.equal(transform(image, row=0), transform(image.convert("RGB"), row=0))


def test_a_dataset_holds_the_kept_images(manifest: Manifest) -> None:
    """`ImageDataset` has a length, classes, and (Pillow image, class number) of each kept image in the manifest's order."""
    dataset = ImageDataset(manifest)
    kept = manifest.kept().to_pylist()
    assert len(dataset) == len(kept) == KEPT
    assert dataset.classes == ("cat", "dog")
    for index, row in enumerate(kept):
        image, label = dataset[index]
        assert isinstance(image, PIL.Image.Image)
        assert (image.height, image.width, image.mode) == (row["height"], row["width"], "RGB")
        assert dataset.classes[label] == row["label"]
        with PIL.Image.open(manifest.source.path(row["uri"])) as opened:  # type: ignore[attr-defined]  # a Folder
            assert np.array_equal(np.asarray(image), np.asarray(opened.convert("RGB")))


def test_a_dataset_leaves_out_what_was_dropped(manifest: Manifest) -> None:
    """Indices count kept images only, without holes."""
    sizes = sorted(manifest.table["bytes"].to_pylist())
    part = manifest.judge(Pipeline(Require("bytes", least=sizes[7])))
    dataset = ImageDataset(part, transform=lambda image: image.size)
    assert len(dataset) == part.kept().num_rows == KEPT - 7
    assert [dataset[index] for index in range(len(dataset))] == [((32, 24), int(label)) for label in part.labels()]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_dataset_in_a_dataloader_gives_what_the_loader_gives(manifest: Manifest, workers: int) -> None:
    """`ImageDataset` with a `Transform` under torch's own DataLoader has the images and labels of the loader's epoch."""
    loader = Loader(manifest, batch_size=KEPT, sampler=Sampler(shuffle=False), backend=Torch())
    dataset = ImageDataset(manifest, Transform(loader.pipeline))
    (expected,) = loader
    images, labels = zip(*DataLoader(dataset, batch_size=6, num_workers=workers), strict=True)
    assert torch.equal(torch.cat(images), expected.images)
    assert torch.equal(torch.cat(labels), expected.labels)


@pytest.mark.parametrize("world_size", range(1, 6))
@pytest.mark.parametrize("workers", [0, 2])
def test_ranks_visit_every_row_once_through_a_dataloader(world_size: int, workers: int) -> None:
    """`Sampler.over` in plain DataLoaders of several ranks gives every row of any dataset once, in another order each epoch."""
    rows = torch.arange(37)
    orders = []
    for epoch in range(2):
        seen = []
        for rank in range(world_size):
            sampler = Sampler(seed=3, remainder="exact", rank=rank, world_size=world_size).over(len(rows), batch_size=5)
            sampler.set_epoch(epoch)
            loader = DataLoader(rows, batch_size=5, sampler=sampler, num_workers=workers)  # type: ignore[arg-type]  # a tensor
            seen.append([row for batch in loader for row in batch.tolist()])
            assert len(sampler) == len(seen[-1])
        assert sorted(row for rank_rows in seen for row in rank_rows) == rows.tolist()
        orders.append(seen)
    assert orders[0] != orders[1]


def test_a_sampler_in_a_dataloader_resumes_where_the_loop_was() -> None:
    """Told what was delivered, an `EpochSampler` goes on there although the DataLoader had fetched ahead."""
    rows = torch.arange(40)

    def run(state: dict[str, Any] | None, count: int | None) -> tuple[list[int], dict[str, Any]]:
        sampler = Sampler(seed=3).over(len(rows), batch_size=4)
        if state is not None:
            sampler.load_state_dict(state)
        had = []
        loader = DataLoader(rows, batch_size=4, sampler=sampler, num_workers=2)  # type: ignore[arg-type]  # a tensor
        for batch in islice(loader, count):
            had += batch.tolist()
            sampler.delivered(len(batch))
        return had, sampler.state_dict()

    whole, _ = run(None, None)
    for stop in (1, 4):
        before, state = run(None, stop)
        after, _ = run(state, None)
        assert before + after == whole


@pytest.mark.parametrize("argument", ["sampler", "batch_sampler"])
def test_a_description_in_the_place_of_a_sampler_says_what_to_give(argument: str) -> None:
    """A `Sampler` given to torch's DataLoader as it is is an error that says how to make one of it."""
    with pytest.raises(LoaderError, match=r"sampler=sampler\.over\(len\(dataset\)"):
        next(iter(DataLoader(range(10), **{argument: Sampler()})))
