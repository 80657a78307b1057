"""`TorchVision`: transforms of torchvision and timm as they are, the same for an image whatever makes it; neither is so alone."""

import random
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

import dataprep as dp
from dataprep.testing import FakeBackend, encoded, photo, write_images

torch = pytest.importorskip("torch")


def seed_all(seed: int) -> None:
    """Seeds the generators of this process."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    torch.manual_seed(seed)


def drawn(image: PIL.Image.Image) -> PIL.Image.Image:
    """Draws from each of the three generators of a process."""
    factor, shift = random.random(), np.random.rand() + float(torch.rand(1))  # noqa: NPY002
    return image.resize((8, 6)).point(lambda level: int(level / 2 * factor + 60 * shift))


def tensor_of(image: PIL.Image.Image) -> Any:
    """Gives a tensor of floats, as most do at their end."""
    return torch.from_numpy(np.asarray(drawn(image)) / np.float32(255)).permute(2, 0, 1)


def twice_as_large(image: PIL.Image.Image) -> PIL.Image.Image:
    """Gives another size for another image."""
    return image.resize((image.width * 2, image.height))


def gray(image: PIL.Image.Image) -> Any:
    """Gives one channel."""
    return torch.from_numpy(np.array(image.convert("L")))[None]


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> dp.Manifest:
    """Sixteen copies of one picture, so that batches differ by what is drawn alone."""
    folder = tmp_path_factory.mktemp("photos")
    for number in range(16):
        (folder / f"{number:02d}.png").write_bytes(encoded(photo(1, 30, 40), "PNG"))
    return dp.clean(folder, dp.Pipeline(dp.Readable()), engine=dp.Local(0))


def epoch(manifest: dp.Manifest, transform: Any, workers: int | None, number: int = 0) -> dict[int, bytes]:
    """Returns the images of an epoch by id, from workers of torch, or from the backend that a loader takes by default."""
    backend = None if workers is None else dp.Torch(workers=workers)
    loader = dp.Loader(manifest, dp.Pipeline(dp.TorchVision(transform)), batch_size=4, backend=backend)
    loader.set_epoch(number)
    return {int(id): image.numpy().tobytes() for batch in loader for image, id in zip(batch.images, batch.ids, strict=True)}


@pytest.mark.parametrize("transform", [drawn, tensor_of])
def test_any_transform_is_seeded_by_image(manifest: dp.Manifest, transform: Any) -> None:
    """Equal images become different ones, others in the next epoch, the same for any number of workers and after all of them."""
    first, second = epoch(manifest, transform, 0), epoch(manifest, transform, 0, 1)
    assert len({*first.values(), *second.values()}) > 24
    assert epoch(manifest, transform, 2) == first
    assert epoch(manifest, transform, None) == first
    assert epoch(manifest, transform, 2, 1) == second


def test_the_generators_of_the_program_are_left_alone(manifest: dp.Manifest) -> None:
    """Neither making the op nor a loop in this process moves the generators that the program draws from."""

    def draw() -> tuple[float, float, float]:
        return random.random(), float(np.random.rand()), float(torch.rand(1))  # noqa: NPY002

    seed_all(5)
    expected = draw()
    seed_all(5)
    for _ in dp.Loader(manifest, dp.Pipeline(dp.TorchVision(drawn)), batch_size=4, backend=FakeBackend()):
        pass
    assert draw() == expected


def test_what_it_gives_is_found_out() -> None:
    """The size and the type after it are those that the transform gives; one that keeps the size keeps it."""
    assert dp.Pipeline(dp.TorchVision(drawn)).spec == dp.Spec(6, 8, "uint8")
    assert dp.Pipeline(dp.TorchVision(tensor_of)).spec == dp.Spec(6, 8, "float32")
    assert dp.TorchVision(lambda image: image.rotate(5)).size is None


def test_other_ops_go_along(manifest: dp.Manifest) -> None:
    """Ops of ours come before it and, of bytes, after it; `Output` and `MixUp` take its floats."""
    first = dp.Pipeline(dp.Resize((20, 20)), dp.TorchVision(drawn), dp.HorizontalFlip(), dp.Normalize.imagenet())
    second = dp.Pipeline(dp.Resize((20, 20)), dp.TorchVision(tensor_of), dp.Output("float16", "channels_last"))
    for pipeline, kind in ((first, torch.float32), (second, torch.float16)):
        batch = next(iter(dp.Loader(manifest, pipeline, batch_size=4, backend=dp.Torch(workers=0))))
        assert batch.images.shape == (4, 3, 6, 8)
        assert batch.images.dtype == kind
    with pytest.raises(dp.PipelineError, match="`Normalize` comes once"):
        dp.Pipeline(dp.TorchVision(tensor_of), dp.Normalize())


def test_a_file_has_its_text(manifest: dp.Manifest, tmp_path: Path) -> None:
    """A pipeline with it is written and read, and says what to do where it is to run without the program."""
    pipeline = dp.Pipeline(dp.TorchVision(drawn))
    assert dp.Pipeline.from_yaml(pipeline.to_yaml()) == pipeline
    manifest.judge(dp.Pipeline(dp.Readable(), *pipeline.ops)).write(tmp_path / "manifest.parquet")
    loader = dp.Loader(dp.Manifest.read(tmp_path), batch_size=4, backend=FakeBackend())
    with pytest.raises(dp.PipelineError, match="make the pipeline anew and give it to the loader"):
        next(iter(loader))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda manifest: dp.TorchVision(3), r"TorchVision\(3\): give a transform"),
        (lambda manifest: dp.TorchVision(twice_as_large), "the size after the transform varies"),
        (lambda manifest: dp.TorchVision(gray), "not an image of three channels"),
        (
            lambda manifest: dp.Loader(manifest, dp.Pipeline(dp.TorchVision(drawn)), backend=dp.Threads(2)),
            "threads share; give backend=dp.Torch",
        ),
        (lambda manifest: dp.geometry(dp.TorchVision(drawn), np.zeros((1, 3)), np.array([[8, 8]])), "no targets can follow it"),
    ],
)
def test_what_cannot_be_is_refused(manifest: dp.Manifest, make: Any, words: str) -> None:
    """What is no transform of images, has no one size or would run in threads is refused when it is made, and says what to do."""
    with pytest.raises(dp.DataprepError, match=words):
        make(manifest)


@pytest.fixture(scope="module")
def vision() -> Any:
    """The libraries. A torchvision that was built for another torch lacks what it compiled, which no transform uses."""
    if not find_spec("torchvision"):
        pytest.skip("torchvision is not installed")
    try:
        import torchvision  # noqa: F401
    except RuntimeError:
        missing = torch.library.Library("torchvision", "FRAGMENT")
        for name in ("nms", "qnms"):
            missing.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    v2 = pytest.importorskip("torchvision.transforms.v2")
    return v2, pytest.importorskip("timm.data")


def transforms_of(vision: Any) -> dict[str, Any]:
    """Returns transforms as people have them."""
    v2, timm = vision
    floats = [v2.ToDtype(torch.float32, scale=True), v2.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))]
    steps = [v2.ToImage(), v2.RandomResizedCrop(24), v2.RandomHorizontalFlip(), v2.ColorJitter(0.4, 0.4, 0.4, 0.1)]
    return {
        "v2": v2.Compose([*steps, v2.TrivialAugmentWide(), *floats]),
        "v2, bytes": v2.Compose([*steps, v2.RandAugment(), v2.RandomErasing(0.5)]),
        "timm": timm.create_transform(24, is_training=True, auto_augment="rand-m9-mstd0.5-inc1", re_prob=0.25),
        "timm, evaluation": timm.create_transform(24, is_training=False),
    }


@pytest.mark.parametrize("name", ["v2", "v2, bytes", "timm", "timm, evaluation"])
@pytest.mark.filterwarnings("ignore:.*:DeprecationWarning", "ignore:.*:UserWarning")
def test_transforms_as_they_are(vision: Any, manifest: dp.Manifest, name: str) -> None:
    """What torchvision and timm give for a seed is what a batch has, in a process of its own as in this one."""
    transform = transforms_of(vision)[name]
    pipeline = dp.Pipeline(dp.TorchVision(transform))
    loader = dp.Loader(manifest, pipeline, batch_size=4, backend=dp.Torch(workers=0))
    batch = next(iter(loader))
    for image, params in zip(batch.images, batch.origin.recipe.params[0], strict=True):
        seed_all(int(params[0]))
        expected = transform(PIL.Image.fromarray(photo(1, 30, 40)))
        assert torch.equal(image, torch.as_tensor(expected).as_subclass(torch.Tensor))
    assert epoch(manifest, transform, 2) == epoch(manifest, transform, 0)
    if "bytes" not in name:
        assert 0 < dp.show(batch).pictures[0].image.mean() < 255
        assert "Nothing" not in dp.show(batch).note


def test_image_folder(vision: Any, tmp_path: Path) -> None:
    """Of the tree that `materialize` writes, `ImageFolder` reads the classes, numbers and images of the manifest."""
    datasets = pytest.importorskip("torchvision.datasets")
    write_images(tmp_path / "photos", 6)
    manifest = dp.clean(tmp_path / "photos", dp.Pipeline(dp.Readable()), engine=dp.Local(0))
    dp.materialize(manifest, tmp_path / "tree", "copy")
    read = datasets.ImageFolder(tmp_path / "tree")
    assert tuple(read.classes) == manifest.classes
    assert read.targets == manifest.labels().tolist()
    assert [Path(path).read_bytes() for path, _ in read.samples] == [path.read_bytes() for path in manifest.paths()]
