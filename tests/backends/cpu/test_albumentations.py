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


def compose(*steps: Any, size: tuple[int, int] = (20, 24), **normalize: Any) -> Any:
    """Returns what users of albumentations have: a crop, some steps, `Normalize` and `ToTensorV2`."""
    to_tensor = pytest.importorskip("albumentations.pytorch").ToTensorV2()
    return A.Compose([A.RandomResizedCrop(size), *steps, A.Normalize(**normalize), to_tensor])


GRAY = {"mean": (0.5, 0.4, 0.3), "std": (0.2, 0.3, 0.4)}


@pytest.mark.parametrize("normalize", [{}, GRAY, GRAY | {"max_pixel_value": 128.0}, {"mean": 0.5, "std": 0.5}], ids=str)
def test_a_compose_as_it_is(manifest: dp.Manifest, normalize: dict[str, Any]) -> None:
    """Its size is found out, and what `Normalize` and `ToTensorV2` at its end do comes out as from albumentations."""
    transform = compose(A.HorizontalFlip(p=0.5), **normalize)
    pipeline = dp.Pipeline(dp.Albumentations(transform))
    assert pipeline.spec == dp.Spec(20, 24, "float32", "CHW")
    assert dp.Pipeline.from_yaml(pipeline.to_yaml()) == pipeline
    batch = next(iter(dp.Loader(manifest, pipeline, batch_size=4, backend=dp.Threads(1))))
    for image, (seed, *_) in zip(batch.images, batch.origin.recipe.params[0], strict=True):
        transform.set_random_seed(int(seed))
        assert torch.allclose(image, transform(image=photo(1, 24, 24))["image"], atol=1e-5)


def test_a_compose_within_a_compose(manifest: dp.Manifest) -> None:
    """The end of a `Compose` at the end of another is an end, too; what is made is the same."""
    inner, outer = compose(), A.Compose([A.Blur(p=0), compose()])
    assert dp.Pipeline(dp.Albumentations(inner)).ops[1:] == dp.Pipeline(dp.Albumentations(outer)).ops[1:]
    assert dp.Pipeline(dp.Albumentations(outer)).spec == dp.Pipeline(dp.Albumentations(inner)).spec


@pytest.mark.parametrize(
    ("transform", "size"),
    [
        (A.Blur(), None),
        (A.Compose([A.HorizontalFlip(), A.GaussNoise()]), None),
        (A.Resize(30, 40), (30, 40)),
        (A.Compose([A.SmallestMaxSize(64), A.CenterCrop(48, 40)]), (48, 40)),
        (A.Compose([A.RandomCrop(224, 200)]), (224, 200)),
    ],
    ids=str,
)
def test_the_size_is_found_out(transform: Any, size: tuple[int, int] | None) -> None:
    """What a transform gives whatever it gets is the size after it; the transform of the user has drawn nothing."""
    before = (
        transform.to_dict(),
        str(getattr(transform, "random_generator", None) and transform.random_generator.bit_generator.state),
    )
    assert dp.Albumentations(transform).size == size
    after = (
        transform.to_dict(),
        str(getattr(transform, "random_generator", None) and transform.random_generator.bit_generator.state),
    )
    assert after == before


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: dp.Albumentations(A.SmallestMaxSize(64)), "size after the transform varies.*end it with a resize or a crop"),
        (lambda: dp.Albumentations(A.Compose([A.Normalize(normalization="image")])), "only a standard `Normalize` with p=1"),
        (lambda: dp.Albumentations(A.Compose([A.Normalize(p=0.5)])), "only a standard `Normalize` with p=1"),
        (lambda: dp.Pipeline(A.Compose([A.Blur()])), r"transforms of albumentations are ops by `Albumentations\(transform\)`"),
        (lambda: dp.Pipeline(dp.Albumentations(compose()), dp.Normalize()), "`Normalize` comes once"),
    ],
)
def test_what_does_not_fit_is_refused(make: Any, words: str) -> None:
    """What has no one size, normalises otherwise or twice, or is no op yet is refused when it is made, with what to do."""
    with pytest.raises(PipelineError, match=words):
        make()


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
