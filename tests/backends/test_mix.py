"""MixUp and CutMix: what they draw, what they make of images and labels, on NumPy arrays and on torch tensors."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataprep.backends.cpu.render import render
from dataprep.backends.mix import mix_batch
from dataprep.cleaning.clean import clean
from dataprep.draws import uniforms
from dataprep.errors import LoaderError, PipelineError
from dataprep.loading.loader import Loader
from dataprep.loading.sampler import Sampler
from dataprep.pipeline import Pipeline
from dataprep.protocols import Program, Source
from dataprep.stages import CenterCrop, CutMix, MixUp, Normalize, Resize
from dataprep.stages.mixes import beta
from dataprep.testing import FakeBackend, FakeEngine, write_images
from dataprep.types import Batch, Failure, Mixture, Recipe, Rendered

MIXES: list[Any] = [MixUp(), MixUp(1.0, 0.5), CutMix(), CutMix(0.3, 0.5)]
seeds = st.integers(0, 1000)
counts = st.integers(1, 6)
SIZE = (8, 12)


def batch_of(count: int, seed: int) -> Batch:
    """Returns a batch of float images with labels 0 to 2."""
    random = np.random.default_rng(seed)
    images = random.normal(size=(count, 3, *SIZE)).astype(np.float32)
    return Batch(images, random.integers(0, 3, count), np.arange(count))


@pytest.mark.parametrize("mix", MIXES, ids=repr)
@given(seed=seeds, count=counts)
def test_labels_are_shares_of_two(mix: Any, seed: int, count: int) -> None:
    """The shares of each label add up to one; they are the image's own and its partner's, the next one of the batch."""
    batch = batch_of(count, seed)
    params = mix.draw_mix(uniforms(seed, 0, batch.ids, mix.slots), SIZE)
    labels = mix_batch(batch, Mixture(params, 3)).labels
    assert labels.shape == (count, 3)
    assert labels.dtype == np.float32
    assert np.allclose(labels.sum(axis=1), 1)
    for place in range(count):
        expected = np.zeros(3)
        expected[batch.labels[place]] += params[place, 0]
        expected[batch.labels[(place + 1) % count]] += 1 - params[place, 0]
        assert np.allclose(labels[place], expected, atol=1e-6)


@given(seed=seeds, count=counts)
def test_mixup_blends_with_the_next(seed: int, count: int) -> None:
    """Each image becomes share * itself + (1 - share) * the next one."""
    batch = batch_of(count, seed)
    params = MixUp(1.0).draw_mix(uniforms(seed, 0, batch.ids, 2), SIZE)
    share = params[:, 0].reshape(-1, 1, 1, 1)
    expected = share * batch.images + (1 - share) * np.roll(batch.images, -1, axis=0)
    assert np.allclose(mix_batch(batch, Mixture(params, 3)).images, expected, atol=1e-5)


@given(seed=seeds, count=counts)
def test_cutmix_pastes_a_box_of_the_next(seed: int, count: int) -> None:
    """Within its box an image is the next one, elsewhere itself; its share is the area that it keeps."""
    batch = batch_of(count, seed)
    params = CutMix().draw_mix(uniforms(seed, 0, batch.ids, 4), SIZE)
    images = mix_batch(batch, Mixture(params, 3)).images
    for place, (share, *box) in enumerate(params.tolist()):
        top, left, height, width = map(int, box)
        expected = batch.images[place].copy()
        inside = (slice(None), slice(top, top + height), slice(left, left + width))
        expected[inside] = batch.images[(place + 1) % count][inside]
        assert np.array_equal(images[place], expected)
        assert share == pytest.approx(1 - height * width / (SIZE[0] * SIZE[1]))


@pytest.mark.parametrize("mix", MIXES, ids=repr)
@given(seed=seeds)
def test_a_batch_is_left_as_it_was(mix: Any, seed: int) -> None:
    """Mixing makes new arrays, and draws for an image do not depend on the others."""
    batch = batch_of(4, seed)
    before = batch.images.copy()
    u = uniforms(seed, 0, batch.ids, mix.slots)
    params = mix.draw_mix(u, SIZE)
    mix_batch(batch, Mixture(params, 3))
    assert np.array_equal(batch.images, before)
    assert np.array_equal(mix.draw_mix(u[2:3], SIZE)[0], params[2])


@pytest.mark.parametrize("mix", MIXES, ids=repr)
def test_torch_and_numpy_agree(mix: Any) -> None:
    """Tensors become tensors with the values that arrays become."""
    torch = pytest.importorskip("torch")
    batch = batch_of(5, 1)
    params = mix.draw_mix(uniforms(3, 0, batch.ids, mix.slots), SIZE)
    arrays = mix_batch(batch, Mixture(params, 3))
    tensors = mix_batch(Batch(*map(torch.from_numpy, batch)), Mixture(params, 3))
    assert tensors.labels.dtype == tensors.images.dtype == torch.float32
    assert np.allclose(tensors.images.numpy(), arrays.images, atol=1e-6)
    assert np.array_equal(tensors.labels.numpy(), arrays.labels)


@pytest.mark.parametrize("alpha", [0.1, 0.2, 0.5, 1.0, 2.0, 8.0])
def test_shares_have_the_moments_of_beta(alpha: float) -> None:
    """Numbers from evenly spaced uniforms have mean 1/2, the variance 1 / (4 (2 alpha + 1)), and rise with them."""
    numbers = beta((np.arange(20_000) + 0.5) / 20_000, alpha)
    assert numbers.mean() == pytest.approx(0.5)
    assert numbers.var() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.01)
    assert (np.diff(numbers) >= 0).all()
    assert ((numbers >= 0) & (numbers <= 1)).all()


@pytest.mark.parametrize("mix", [MixUp(p=0), CutMix(p=0)], ids=repr)
def test_no_share_mixed_is_no_change(mix: Any) -> None:
    """With p=0 images stay and labels are whole."""
    batch = batch_of(4, 2)
    result = mix_batch(batch, Mixture(mix.draw_mix(uniforms(0, 0, batch.ids, mix.slots), SIZE), 3))
    assert np.array_equal(result.images, batch.images)
    assert set(np.unique(result.labels)) == {0, 1}


@pytest.mark.parametrize("mix", MIXES, ids=repr)
def test_there_and_back(mix: Any) -> None:
    """A mix is written to a pipeline file and read again."""
    pipeline = Pipeline(CenterCrop(8), Normalize.imagenet(), mix)
    assert Pipeline.from_yaml(pipeline.to_yaml()) == pipeline
    assert pipeline.mix == mix


@pytest.mark.parametrize("arguments", [{"alpha": 0}, {"alpha": -1}, {"alpha": float("nan")}, {"p": 2}])
@pytest.mark.parametrize("mix", [MixUp, CutMix])
def test_a_value_that_cannot_be_is_refused(mix: Any, arguments: dict[str, float]) -> None:
    """A mix that cannot be says so when it is made."""
    with pytest.raises(PipelineError, match=mix.__name__):
        mix(**arguments)


@pytest.mark.parametrize("mix", [MixUp(), CutMix()], ids=repr)
def test_a_stopped_run_goes_on_with_the_same_mixes(mix: Any, folder: Path) -> None:
    """After a resume the rest of the epoch has the images and the shares that it would have had."""
    pytest.importorskip("torch")
    import dataprep as dp

    pipeline = dp.Pipeline(dp.RandomResizedCrop(16), dp.Normalize.imagenet(), mix)
    manifest = dp.clean(str(folder))
    whole = list(dp.Loader(manifest, pipeline, batch_size=3, backend=dp.Torch()))
    first = dp.Loader(manifest, pipeline, batch_size=3, backend=dp.Torch())
    next(iter(first))
    second = dp.Loader(manifest, pipeline, batch_size=3, backend=dp.Torch())
    second.load_state_dict(first.state_dict())
    rest = list(second)
    assert len(rest) == len(whole) - 1
    for expected, got in zip(whole[1:], rest, strict=True):
        assert (expected.images == got.images).all()
        assert (expected.labels == got.labels).all()


@pytest.mark.parametrize("policy", ["skip", "replace"])
@pytest.mark.parametrize("mix", [MixUp(), CutMix()], ids=repr)
def test_what_failed_is_mixed_into_nothing(mix: Any, policy: Any, tmp_path: Path) -> None:
    """An image whose partner cannot be read is mixed with the next that can, and has the share that it would have had."""
    paths = write_images(tmp_path, 6, height=24, width=32)
    manifest = clean(tmp_path, Pipeline(), engine=FakeEngine())
    pipeline = Pipeline(Resize((8, 8)), Normalize.imagenet(), mix)
    order = Sampler(shuffle=False)
    whole = Loader(manifest, Pipeline(*pipeline.ops), batch_size=6, sampler=order, backend=FakeBackend())
    plain = next(iter(whole))
    paths[2].unlink()
    loader = Loader(manifest, pipeline, batch_size=6, sampler=order, backend=FakeBackend(), on_error=policy)
    (failed,) = (index for index, uri in enumerate(next(loader.recipes()).uris) if uri.endswith(paths[2].name))
    mixture = next(loader.recipes()).mixture
    expected = mix_batch(plain, mixture, [Failure(failed, "", "")])
    (batch,) = loader
    for image, label, id in zip(*batch, strict=True):
        (row,) = np.flatnonzero(plain.ids == id)
        assert row != failed
        assert np.array_equal(image, expected.images[row])
        assert np.array_equal(label, expected.labels[row])


class Forgetful(FakeBackend):
    """A backend that does not mix."""

    def make(self, source: Source, program: Program, recipe: Recipe) -> Rendered:
        return render(source, program, recipe._replace(mixture=None))


def test_a_backend_that_does_not_mix_is_named(folder: Path) -> None:
    """Batches that come without their mix are an error that names the backend and what it has to call."""
    manifest = clean(folder, Pipeline(), engine=FakeEngine())
    pipeline = Pipeline(Resize((8, 8)), Normalize.imagenet(), MixUp())
    with pytest.raises(LoaderError, match="Forgetful did not mix its batches by `MixUp`; call `mix_batch`"):
        next(iter(Loader(manifest, pipeline, batch_size=4, backend=Forgetful())))
