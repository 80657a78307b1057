"""The torch backend: the same batches from any number of workers, nothing left behind, and the parts that stand alone."""

import multiprocessing
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from same import assert_same

from dataprep.backends.cpu.kernels import kernel
from dataprep.cleaning.clean import clean
from dataprep.engines import Local
from dataprep.errors import LoaderError, PipelineError
from dataprep.loading.loader import Loader
from dataprep.loading.sampler import Sampler
from dataprep.manifest import Manifest
from dataprep.pipeline import Pipeline
from dataprep.protocols import Op
from dataprep.stages import Brightness, HorizontalFlip, MixUp, Normalize, RandomResizedCrop, Require, Resize, Rotate
from dataprep.testing import FakeBackend, write_images
from dataprep.types import Batch, Image, Params, Sizes, Spec, Uniforms

torch = pytest.importorskip("torch")


from dataprep.backends import autotune  # noqa: E402
from dataprep.backends import torch as torch_backend  # noqa: E402  after what skips
from dataprep.backends.torch import Torch  # noqa: E402  after what skips

pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")  # two workers on a machine of one core

KEPT = 22
OPS = (RandomResizedCrop((8, 10)), HorizontalFlip(), Rotate(5), Brightness(), Normalize())
PIPELINE = Pipeline(Require("height", least=8), *OPS)


@dataclass(frozen=True)
class Invert:
    """An op of a user's own: a share of the images becomes its negative."""

    p: float = 0.5
    slots = 1

    def spec(self, spec: Spec) -> Spec:
        return spec

    def draw(self, u: Uniforms, sizes: Sizes) -> tuple[Params, Sizes]:
        return (u < self.p).astype(np.float64), sizes


@kernel.register
def _(op: Invert, image: Image, params: Params) -> Image:
    return 255 - image if params[0] else image


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the manifest."""
    folder = tmp_path_factory.mktemp("photos")
    write_images(folder, KEPT, height=24, width=32)
    return folder


@pytest.fixture(scope="module")
def manifest(folder: Path) -> Manifest:
    """22 kept photos of two classes."""
    return clean(folder, PIPELINE, engine=Local(0))


@pytest.mark.parametrize("prefetch", [1, 3])
@pytest.mark.parametrize("workers", [0, 1, 2])
def test_any_number_of_workers_gives_the_same_batches(manifest: Manifest, workers: int, prefetch: int) -> None:
    """Two epochs are the same to the last bit from 0, 1 and 2 workers, and the same as from a loop without torch."""
    loader = Loader(manifest, batch_size=4, backend=Torch(workers=workers, prefetch=prefetch))
    oracle = Loader(manifest, batch_size=4, backend=FakeBackend())
    for _ in range(2):
        assert_same(loader, oracle)
    assert loader.epoch == 2


REMAINDERS = "drop", "exact"


@pytest.fixture(scope="module")
def mixed_and_broken(tmp_path_factory: pytest.TempPathFactory) -> Mapping[tuple[bool, bool], Manifest]:
    """Manifests by whether images are mixed, and whether some were lost since."""
    folder = tmp_path_factory.mktemp("broken")
    made: dict[tuple[bool, bool], Manifest] = {}
    for broken in (False, True):
        paths = write_images(folder / str(broken), KEPT, height=24, width=32)
        for mixed in (False, True):
            made[mixed, broken] = clean(folder / str(broken), Pipeline(*OPS, *[MixUp()] * mixed), engine=Local(0))
        for path in paths[3:15:4] * broken:
            path.unlink()
    return made


@given(
    workers=st.integers(0, 3),
    prefetch=st.integers(1, 3),
    batch_size=st.integers(1, 11),
    share=st.integers(1, 4),
    keeps=st.integers(0, 9),
    leave_after=st.integers(0, 3),
    remainder=st.sampled_from(REMAINDERS),
    manner=st.tuples(st.booleans(), st.booleans()),
)
@example(workers=3, prefetch=1, batch_size=11, share=2, keeps=1, leave_after=1, remainder="exact", manner=(False, True))
@settings(max_examples=10, deadline=None)
def test_however_workers_share_a_batch_it_is_the_same(
    mixed_and_broken: Mapping[tuple[bool, bool], Manifest],
    workers: int,
    prefetch: int,
    batch_size: int,
    share: int,
    keeps: int,
    leave_after: int,
    remainder: Literal["drop", "exact"],
    manner: tuple[bool, bool],
) -> None:
    """Batches and failures are those of one process, into however many parts a batch falls, and however many the loop keeps.

    What it keeps stays as it was, also while the next loop fills what the one before has left.
    """
    manifest = mixed_and_broken[manner]
    kept = deque[tuple[Batch, Batch]](maxlen=keeps)  # whose memory is not free
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dataprep.backends.shares.SHARE", share)
        ours, theirs = (
            Loader(manifest, batch_size=batch_size, sampler=Sampler(remainder=remainder), on_error="skip", backend=backend)
            for backend in (Torch(workers, prefetch), FakeBackend())
        )
        for stop in (leave_after, None):
            for one, other in zip(islice(ours, stop), islice(theirs, stop), strict=True):
                kept.append((one, other))
                for pair in kept:
                    assert_same([pair[0]], [pair[1]])
    assert ours.stats().failures == theirs.stats().failures


def test_a_loop_has_the_memory_of_the_one_before(manifest: Manifest) -> None:
    """Loops take turns with few batches' memory, and two at once have memory of their own each."""
    loader = Loader(manifest, batch_size=4, backend=Torch(workers=1, prefetch=1))
    first, second = ({batch.images.data_ptr() for batch in loader} for _ in range(2))
    assert second <= first
    one, other = iter(loader), iter(Loader(manifest, batch_size=4, backend=loader.backend))
    assert {next(one).images.data_ptr() for _ in range(3)}.isdisjoint({next(other).images.data_ptr() for _ in range(3)})


@pytest.mark.parametrize("remainder", REMAINDERS)
def test_batches_that_are_kept_stay_as_they_are(manifest: Manifest, remainder: Literal["drop", "exact"]) -> None:
    """Workers write into memory that the loop has let go of, and never into a batch that it has kept, be it beyond the end."""
    sampler = Sampler(seed=0, remainder=remainder)
    loader = Loader(manifest, batch_size=3, sampler=sampler, backend=Torch(workers=2, prefetch=1))
    kept = list(loader)
    loader.set_epoch(0)
    places = [batch.images.data_ptr() for batch in loader]
    assert len(set(places)) < len(places)
    assert_same(kept, Loader(manifest, batch_size=3, sampler=sampler, backend=FakeBackend()))


def test_spawned_workers_give_the_same_batches(manifest: Manifest) -> None:
    """Workers that start from nothing give the same batches as forked ones."""
    loader = Loader(manifest, batch_size=4, backend=Torch(workers=1, start="spawn"))
    assert_same(loader, Loader(manifest, batch_size=4, backend=FakeBackend()))


@pytest.mark.parametrize("workers", [0, 1])
def test_page_locked_memory_changes_no_batch(manifest: Manifest, workers: int) -> None:
    """`pin_memory` gives the same batches, page-locked where there is a GPU, and without a word where there is none."""
    pinned, plain = (list(Loader(manifest, batch_size=4, backend=Torch(workers, pin_memory=pin))) for pin in (True, False))
    assert_same(pinned, plain)
    assert all(batch.images.is_pinned() == torch.cuda.is_available() for batch in pinned)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("ops", [(Resize((8, 9)),), (Resize((8, 9)), Normalize())])
def test_batches_are_tensors(manifest: Manifest, workers: int, ops: tuple[Op, ...]) -> None:
    """A batch is contiguous (B, 3, H, W) float32 after `Normalize`, else 8-bit, with int64 labels and ids."""
    for batch in Loader(manifest, Pipeline(*ops), batch_size=5, backend=Torch(workers=workers)):
        assert isinstance(batch, Batch)
        assert batch.images.shape == (5, 3, 8, 9)
        assert batch.images.dtype == (torch.float32 if len(ops) == 2 else torch.uint8)
        assert batch.images.is_contiguous()
        for numbers in (batch.labels, batch.ids):
            assert (numbers.shape, numbers.dtype) == ((5,), torch.int64)


@pytest.mark.parametrize("stop", [1, 4, 5])
@pytest.mark.parametrize(("workers", "workers_after"), [(2, 0), (0, 2), (2, 1)])
def test_a_run_resumes_under_other_workers(manifest: Manifest, stop: int, workers: int, workers_after: int) -> None:
    """Stopped after a batch and gone on with another number of workers, a run is the undisturbed one to the last bit."""
    first = Loader(manifest, batch_size=4, backend=Torch(workers=workers))
    before = list(islice(first, stop))
    assert first.state_dict()["position"] == 4 * stop
    second = Loader(manifest, batch_size=4, backend=Torch(workers=workers_after))
    second.load_state_dict(first.state_dict())
    assert_same(before + list(second), Loader(manifest, batch_size=4, backend=FakeBackend()))


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("fault", ["gone", "another size", "broken"])
def test_a_file_that_is_not_what_was_measured_is_named(tmp_path: Path, workers: int, fault: str) -> None:
    """A file that vanished or changed since `clean` ends the loop and its workers with an error that names it."""
    paths = write_images(tmp_path, 8, height=24, width=32)
    manifest = clean(tmp_path, PIPELINE, engine=Local(0))
    if fault == "gone":
        paths[5].unlink()
    else:
        write_images(tmp_path / "new", 1, height=32 if fault == "another size" else 24, width=32)[0].replace(paths[5])
    if fault == "broken":
        paths[5].write_bytes(paths[5].read_bytes()[:-100])
    with pytest.raises(LoaderError) as caught:
        list(Loader(manifest, batch_size=2, backend=Torch(workers=workers)))
    assert f"{paths[5].parent.name}/{paths[5].name}" in str(caught.value)
    assert "run `clean` again" in str(caught.value)
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize("workers", [0, 2])
def test_an_op_of_ones_own_works_as_ours_do(manifest: Manifest, workers: int) -> None:
    """A frozen dataclass with a registered kernel is drawn for and applied like any op, in workers too."""
    ops = (Resize((8, 8)), Invert(0.5))
    plain = Loader(manifest, Pipeline(*ops[:1]), batch_size=11, backend=Torch())
    loader = Loader(manifest, Pipeline(*ops), batch_size=11, backend=Torch(workers=workers))
    inverted = []
    for batch, before in zip(loader, plain, strict=True):
        for image, original in zip(batch.images, before.images, strict=True):
            inverted.append(not torch.equal(image, original))
            assert torch.equal(image, 255 - original if inverted[-1] else original)
    assert {True, False} == set(inverted)


@pytest.mark.parametrize("workers", [0, 1])
def test_an_op_without_kernel_says_how_to_register_one(manifest: Manifest, workers: int) -> None:
    """An op that the backend does not know ends the loop with its name and the decorator, in workers too."""

    @dataclass(frozen=True)
    class Alien:
        slots = 0

        def spec(self, spec: Spec) -> Spec:
            return spec

        def draw(self, u: Uniforms, sizes: Sizes) -> tuple[Params, Sizes]:
            return np.empty((len(sizes), 0)), sizes

    loader = Loader(manifest, Pipeline(Resize((8, 8)), Alien()), batch_size=4, backend=Torch(workers=workers))
    with pytest.raises(PipelineError, match=r"`Alien` has no CPU kernel; register one: `@kernel\.register`"):
        next(iter(loader))


@pytest.mark.parametrize(
    ("argument", "value"),
    [*(("workers", value) for value in (-1, 1.5, "2", None, True)), ("prefetch", 0), ("prefetch", "2"), ("start", "thread")],
)
def test_arguments_that_cannot_be_are_quoted(argument: str, value: Any) -> None:
    """A number of workers, of batches ahead, or a way to start that makes no sense is an error that quotes it."""
    with pytest.raises(LoaderError, match=rf"Torch\({argument}={value!r}\)"):
        Torch(**{argument: value})


def test_automatic_workers_give_the_same_batches(
    manifest: Manifest, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """`workers="auto"` measures once, says what it took and why, and gives the batches that any number gives."""
    monkeypatch.setattr(autotune, "SPELL", 0.01)
    monkeypatch.setattr(torch_backend, "TUNED", {})
    caplog.set_level("INFO", "dataprep")
    loader = Loader(manifest, batch_size=4, backend=Torch(workers="auto"))
    oracle = Loader(manifest, batch_size=4, backend=FakeBackend())
    for _ in range(2):
        assert_same(loader, oracle)
    (said,) = caplog.messages
    assert "takes" in said and "images/s by number of workers: 0: " in said
    assert [len(multiprocessing.active_children())] == list(torch_backend.TUNED.values())


@pytest.mark.parametrize(
    ("rates", "wanted"),
    [({0: 90, 1: 80, 2: 100}, 0), ({0: 50, 1: 55, 2: 100, 4: 109}, 2), ({0: 1}, 0), ({0: 50, 4: 99, 8: 120}, 8)],
)
def test_the_fewest_workers_that_are_fast_are_taken(rates: dict[int, float], wanted: int) -> None:
    """Of the numbers within a tenth of the fastest the least is taken."""
    assert autotune.fewest(rates) == wanted
