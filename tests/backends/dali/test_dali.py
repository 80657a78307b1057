"""The DALI backend: the batches of the CPU kernels, whatever the files are, and the same order, state and errors."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np
import PIL.Image
import pytest

import dataprep
from dataprep.ahead import Ahead
from dataprep.backends.cpu.kernels import kernel
from dataprep.backends.threads import Threads
from dataprep.cleaning.clean import clean
from dataprep.engines import Local
from dataprep.errors import DecodeError, LoaderError
from dataprep.images.decode import decode
from dataprep.loading.loader import Loader
from dataprep.loading.sampler import Sampler
from dataprep.manifest import Manifest
from dataprep.pipeline import Pipeline
from dataprep.protocols import Op
from dataprep.stages import (
    Affine,
    Brightness,
    CenterCrop,
    ColorJitter,
    Contrast,
    GaussianBlur,
    Grayscale,
    HorizontalFlip,
    Hue,
    Normalize,
    Pad,
    RandomCrop,
    RandomErasing,
    RandomResizedCrop,
    Require,
    Resize,
    Rotate,
    Saturation,
    VerticalFlip,
)
from dataprep.stages.ops.arguments import INTERPOLATIONS, Interpolation
from dataprep.testing import FakeBackend, encoded, photo, write_images
from dataprep.types import Batch, Image, Params, Rendered, Sizes, Spec, Uniforms

torch = pytest.importorskip("torch")
pytest.importorskip("nvidia.dali", reason="DALI is not installed")

from nvidia.dali import Pipeline as Graph  # noqa: E402  after what skips

from dataprep.backends.dali.backend import Dali  # noqa: E402  after what skips
from dataprep.backends.dali.graph import Feed, deliver, run_graph  # noqa: E402  after what skips
from dataprep.backends.dali.parity import parity  # noqa: E402  after what skips
from dataprep.backends.torch import Torch  # noqa: E402  after what skips

KEPT = 22
OPS = (RandomResizedCrop((24, 30)), HorizontalFlip(), Rotate(5), Brightness(), Normalize())
ON_CPU = Dali(device="cpu")

ROUNDED = (
    ColorJitter(0.4, 0.4, 0.4, 36),
    Saturation(1.0),
    Hue(90),
    Grayscale(0.5),
    GaussianBlur((0.1, 3), p=0.7),
    Affine(20, (0.1, 0.2), (0.7, 1.4), (-10, 10, -20, 20)),
)
"""Ops whose values differ by 1 here and there."""

EXACT = [
    (CenterCrop((20, 30)),),
    (CenterCrop((50, 90)),),  # more than there is: black around it
    (CenterCrop(24), HorizontalFlip()),
    (CenterCrop(24), Brightness((0.3, 1.8))),
    (CenterCrop(24), VerticalFlip()),
    (CenterCrop(24), Contrast(0.9)),
    (RandomCrop((30, 60), padding=8, fill=(250, 9, 80)),),
    (CenterCrop(24), Pad((1, 2, 3, 4), fill=(250, 9, 80))),
    (CenterCrop(24), RandomErasing(fill=(250, 9, 80))),
]
"""Ops that are the same to the bit."""

CLOSE = [
    *((Resize(28, interpolation), CenterCrop(24)) for interpolation in ("bilinear", "bicubic", "lanczos")),
    *((RandomResizedCrop((24, 30), interpolation=interpolation),) for interpolation in INTERPOLATIONS),
    (Resize((30, 20)),),
    (Resize((30, 20)), Rotate(180)),
    (Resize((30, 20)), Rotate(20, fill=(9, 9, 9))),
    (CenterCrop(24), Normalize()),
    (CenterCrop(24), HorizontalFlip(), Normalize()),
    OPS,
]
"""Ops that round another way."""


@dataclass(frozen=True)
class Negative:
    """An op of a user's own, with a CPU kernel and no DALI operator."""

    slots = 0

    def spec(self, spec: Spec) -> Spec:
        return spec

    def draw(self, u: Uniforms, sizes: Sizes) -> tuple[Params, Sizes]:
        return np.empty((len(sizes), 0)), sizes


@kernel.register
def _(op: Negative, image: Image, params: Params) -> Image:
    return 255 - image


class Lowered(HorizontalFlip):
    """An op of a user's own that inverts, with a CPU kernel and a DALI operator."""


@kernel.register
def _(op: Lowered, image: Image, params: Params) -> Image:
    return 255 - image if params[0] else image


@dataprep.lowering.arguments.register
def _(op: Lowered, params: Params) -> dataprep.lowering.Arguments:
    return ((255 * params[:, 0]).astype(np.uint8),)


@dataprep.lowering.node.register
def _(op: Lowered, images: dataprep.lowering.Node, arguments: tuple[dataprep.lowering.Node, ...]) -> dataprep.lowering.Node:
    return images ^ arguments[0]


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """22 kept photos of two classes, in two sizes."""
    folder = tmp_path_factory.mktemp("photos")
    write_images(folder, KEPT // 2, height=48, width=64)
    write_images(folder / "cat", KEPT // 2, seed=100, height=60, width=40, labels=("more",))
    return clean(folder, Pipeline(Require("height", least=8), *OPS), engine=Local(0))


def images_of(manifest: Manifest, ops: tuple[Op, ...], backend: object, **options: object) -> list[Batch]:
    """An epoch in batches of 5, as NumPy arrays."""
    loader = Loader(manifest, Pipeline(*ops), batch_size=5, backend=backend, **options)
    return [Batch(*map(np.asarray, batch)) for batch in loader]


def differences(manifest: Manifest, ops: tuple[Op, ...], dali: Dali = ON_CPU) -> np.ndarray:
    """By how much DALI's values differ from the oracle's, of 255; ids, labels, shapes and types must not."""
    found = []
    for mine, theirs in zip(images_of(manifest, ops, dali), images_of(manifest, ops, FakeBackend()), strict=True):
        np.testing.assert_array_equal(mine.ids, theirs.ids)
        np.testing.assert_array_equal(mine.labels, theirs.labels)
        assert (mine.images.shape, mine.images.dtype) == (theirs.images.shape, theirs.images.dtype)
        assert mine.images.flags["C_CONTIGUOUS"]
        scale = 60 if mine.images.dtype == np.float32 else 1  # about 255 × std
        found.append(scale * np.abs(mine.images.astype(np.float64) - theirs.images).ravel())
    return np.concatenate(found)


@pytest.mark.parametrize("ops", EXACT, ids=str)
def test_exact_ops(manifest: Manifest, ops: tuple[Op, ...]) -> None:
    """Decoding, cutting, mirroring and brightness are the same to the bit."""
    assert differences(manifest, ops).max() == 0


def test_an_op_of_a_user_runs_in_the_graph(manifest: Manifest) -> None:
    """An op that registers its lowering is run by DALI, and not before the graph."""
    ops = (CenterCrop(24), Lowered())
    assert ON_CPU.on_host(ops) == ()
    assert differences(manifest, ops).max() == 0


@pytest.mark.parametrize("op", ROUNDED, ids=str)
def test_rounded_ops(manifest: Manifest, op: Op) -> None:
    """Colours, blurring and turning differ by 1 of 255 at most, or by 3 for one value in a hundred."""
    off = differences(manifest, (CenterCrop((40, 36)), op))
    assert (off <= 1).mean() >= 0.99
    assert off.max() <= 3


@pytest.mark.parametrize("ops", CLOSE, ids=str)
def test_close_ops(manifest: Manifest, ops: tuple[Op, ...]) -> None:
    """What interpolates or normalises differs by rounding: 95 of 100 values by 2 of 255 at most, the mean by less than 1."""
    off = differences(manifest, ops)
    assert (off <= 2.01).mean() >= 0.95
    assert off.mean() < 1


@pytest.mark.slow
def test_real_photos(real_photos: list[Path], tmp_path: Path) -> None:
    """On real photos 99.9 % of all values are within 2 of 255 after crop, colour, flip and normalisation."""
    for path in real_photos[:: -(-len(real_photos) // 64)]:
        shutil.copy(path, tmp_path)
    ops = (RandomResizedCrop(224), Brightness(0.4), HorizontalFlip(), Normalize.imagenet())
    manifest = clean(tmp_path, Pipeline(*ops), engine=Local(0))
    loader = Loader(manifest, batch_size=len(manifest), backend=ON_CPU)
    *steps, whole = parity(loader.source, loader.pipeline.ops, next(loader.recipes()), ON_CPU)
    assert whole.close >= 0.999
    assert all(step.equal == 1 for step in steps if step.step in ("decode", "HorizontalFlip", "Brightness", "Normalize"))


def test_every_kind_of_file(tmp_path: Path) -> None:
    """Files of every format, colour and orientation are decoded to the pixels that the CPU backends decode them to."""
    picture = PIL.Image.fromarray(photo(1, 40, 60))
    kinds = {
        "gray.jpg": picture.convert("L"),
        "cmyk.jpg": picture.convert("CMYK"),
        "palette.png": picture.convert("P"),
        "palette.gif": picture.convert("P"),
        "16.png": PIL.Image.fromarray(np.asarray(picture.convert("L"), np.uint16) * 257),
        "alpha.png": PIL.Image.merge("RGBA", (*picture.split(), picture.convert("L"))),
        **{f"picture.{ending}": picture for ending in ("png", "bmp", "webp", "tif", "ppm", "jp2")},
    }
    for name, image in kinds.items():
        image.save(tmp_path / name)
    for orientation in range(1, 9):
        exif = PIL.Image.Exif()
        exif[0x0112] = orientation
        picture.save(tmp_path / f"turned{orientation}.jpg", exif=exif)
    (tmp_path / "padded.jpg").write_bytes(encoded(np.asarray(picture)) + b"\0" * 20)
    (tmp_path / "tagged.jpg").write_bytes(encoded(np.asarray(picture)) + b"tag" * 50)
    manifest = clean(tmp_path, Pipeline(CenterCrop(32)), engine=Local(0))
    assert manifest.kept().num_rows == len(kinds) + 10
    assert differences(manifest, (CenterCrop(32),)).max() == 0
    assert differences(manifest, (RandomResizedCrop(24),)).mean() < 1  # of another region it would be 40


@pytest.mark.parametrize("after", [(), (HorizontalFlip(), Normalize())])
@pytest.mark.parametrize("before", [(), (HorizontalFlip(),)])
def test_an_op_without_operator_runs_on_the_cpu(manifest: Manifest, before: tuple[Op, ...], after: tuple[Op, ...]) -> None:
    """An op that DALI cannot run, and those before it, run by their CPU kernels; the rest runs in the graph."""
    ops = (CenterCrop(24), *before, Negative(), *after)
    assert differences(manifest, ops).max() < 0.001
    host = ON_CPU.on_host(ops)
    assert [op for op, _ in host] == list(ops[: ops.index(Negative()) + 1])
    assert host[-1][1] == "DALI has no operator for it"


def test_a_coloured_corner_runs_on_the_cpu(manifest: Manifest) -> None:
    """DALI fills with one level for all channels, so a coloured fill is left to the CPU instead of being another colour."""
    ops = (CenterCrop(24), Rotate(45, fill=(250, 0, 0)))
    assert len(ON_CPU.on_host(ops)) == 2
    assert differences(manifest, ops).max() == 0
    assert ON_CPU.on_host((CenterCrop(24), Rotate(45, fill=(9, 9, 9)))) == ()


@pytest.mark.parametrize("remainder", ["drop", "pad", "exact"])
@pytest.mark.parametrize("world_size", [1, 2, 3])
def test_ranks_and_remainders(manifest: Manifest, world_size: int, remainder: str) -> None:
    """Every rank has the ids, the labels and the sizes of batches that it has under another backend."""
    for rank in range(world_size):
        sampler = Sampler(seed=3, rank=rank, world_size=world_size, remainder=remainder)
        ours, theirs = (images_of(manifest, OPS, backend, sampler=sampler) for backend in (ON_CPU, FakeBackend()))
        assert [batch.ids.tolist() for batch in ours] == [batch.ids.tolist() for batch in theirs]
        assert [batch.labels.tolist() for batch in ours] == [batch.labels.tolist() for batch in theirs]
        assert [batch.images.shape for batch in ours] == [batch.images.shape for batch in theirs]


@pytest.mark.parametrize("prefetch", [1, 3])
@pytest.mark.parametrize("stop", [1, 3, 5])
@pytest.mark.parametrize("turn", [(ON_CPU, FakeBackend()), (FakeBackend(), ON_CPU)], ids=["from DALI", "to DALI"])
def test_a_run_resumes_under_the_other_backend(manifest: Manifest, turn: tuple[object, object], stop: int, prefetch: int) -> None:
    """Saved under one backend and gone on under the other, every image comes once, with what was drawn for it."""
    before, after = (Dali("cpu", prefetch=prefetch) if isinstance(backend, Dali) else backend for backend in turn)
    first = Loader(manifest, Pipeline(*OPS), batch_size=4, backend=before)
    taken = list(islice(first, stop))
    second = Loader(manifest, Pipeline(*OPS), batch_size=4, backend=after)
    second.load_state_dict(first.state_dict())
    whole = list(Loader(manifest, Pipeline(*OPS), batch_size=4, backend=FakeBackend()))
    for mine, theirs in zip([*taken, *second], whole, strict=True):
        np.testing.assert_array_equal(mine.ids, theirs.ids)
        assert np.abs(np.asarray(mine.images) - theirs.images).mean() * 60 < 1  # with other draws it would be 40


def test_an_epoch_is_the_same_again(manifest: Manifest) -> None:
    """Two runs give the same values to the bit, whatever the threads and the batches ahead."""
    runs = [images_of(manifest, OPS, Dali("cpu", threads=threads, prefetch=ahead)) for threads, ahead in ((1, 1), (2, 2), (3, 4))]
    for batches in zip(*runs, strict=True):
        for batch in batches[1:]:
            np.testing.assert_array_equal(batch.images, batches[0].images)


def test_batches_stay_what_they_are(manifest: Manifest) -> None:
    """A batch that is kept does not change when DALI goes on: no memory of it is used again."""
    loader = Loader(manifest, Pipeline(*OPS), batch_size=2, backend=ON_CPU)
    kept = [(batch.images, batch.images.clone()) for epoch in range(2) for batch in loader]
    assert len(kept) == 22
    assert all(torch.equal(images, copy) for images, copy in kept)


@pytest.mark.parametrize("fault", ["gone", "another size", "broken"])
def test_a_file_that_is_not_what_was_measured_is_named(tmp_path: Path, fault: str) -> None:
    """The batches before a file that changed since `clean` are delivered, then the error names it."""
    paths = write_images(tmp_path, 8, height=24, width=32)
    manifest = clean(tmp_path, Pipeline(*OPS), engine=Local(0))
    if fault == "gone":
        paths[6].unlink()
    elif fault == "another size":
        paths[6].write_bytes(encoded(photo(1, 32, 32)))
    else:
        paths[6].write_bytes(paths[6].read_bytes()[:-100])
    loader = Loader(manifest, batch_size=1, sampler=Sampler(shuffle=False), backend=ON_CPU)
    uris = manifest.kept()["uri"].to_pylist()
    bad = f"{paths[6].parent.name}/{paths[6].name}"
    had = []
    with pytest.raises(LoaderError) as caught:
        had.extend(batch.ids.item() for batch in loader)
    assert had == list(range(uris.index(bad)))
    assert bad in str(caught.value)
    assert "run `clean` again" in str(caught.value)


@pytest.mark.parametrize("host", [False, True])
@pytest.mark.parametrize("policy", ["skip", "replace"])
def test_a_file_that_fails_follows_the_policy(tmp_path: Path, policy: Literal["skip", "replace"], host: bool) -> None:
    """A file that vanished is left out of its batch or replaced by the next of it, and counted; all others are as ever."""
    paths = write_images(tmp_path, 8, height=24, width=32)
    ops = (CenterCrop(24), *((Negative(),) if host else ()), Normalize.imagenet())
    manifest = clean(tmp_path, Pipeline(*ops), engine=Local(0))
    whole = next(iter(Loader(manifest, batch_size=8, backend=ON_CPU)))
    paths[3].unlink()
    loader = Loader(manifest, batch_size=8, backend=ON_CPU, on_error=policy)
    (batch,) = list(loader)
    gone = manifest.kept()["uri"].to_pylist().index(f"{paths[3].parent.name}/{paths[3].name}")
    place = whole.ids.tolist().index(gone)
    expected = [row for row in range(8) if row != place]
    if policy == "replace":
        expected.insert(place, (place + 1) % 8)
    assert batch.ids.tolist() == whole.ids[expected].tolist()
    assert torch.equal(batch.images, whole.images[expected])
    stats = loader.stats()
    assert (stats.failed, stats.images, stats.batches) == (1, len(expected), 1)
    assert stats.failures[0].uri.endswith(paths[3].name)


DAMAGE = {
    "cut": lambda data, at, rng: data[:at],
    "noise": lambda data, at, rng: data[:at] + rng.bytes(200) + data[at + 200 :],
    "zeros": lambda data, at, rng: data[:at] + bytes(200) + data[at + 200 :],
    "ones": lambda data, at, rng: data[:at] + b"\xff" * 200 + data[at + 200 :],
    "lost": lambda data, at, rng: data[:at] + data[at + 200 :],
    "empty": lambda data, at, rng: b"",
}


@pytest.fixture(scope="module")
def spoilt(tmp_path_factory: pytest.TempPathFactory) -> tuple[Manifest, set[str]]:
    """Images that were damaged after `clean` in every way, half of them JPEG, beside whole ones; and which cannot be decoded."""
    folder, rng = tmp_path_factory.mktemp("spoilt"), np.random.default_rng(0)
    for number in range(48):
        name, options = ("jpg", {"quality": 95, "progressive": number % 4 == 0}) if number % 2 else ("png", {})
        (folder / f"{number:02d}.{name}").write_bytes(
            encoded(photo(number, 60, 80), {"jpg": "JPEG", "png": "PNG"}[name], **options)
        )
    manifest = clean(folder, Pipeline(CenterCrop(24)), engine=Local(0))
    gone = set()
    for number, path in enumerate(sorted(folder.iterdir())):
        if number % 3:
            data = path.read_bytes()
            path.write_bytes(list(DAMAGE.values())[number % len(DAMAGE)](data, int(rng.integers(100, len(data) - 250)), rng))
        try:
            decode(path.read_bytes())
        except DecodeError:
            gone.add(path.name)
    return manifest, gone


@pytest.mark.parametrize(
    "ops", [(CenterCrop(24),), (RandomResizedCrop(24), HorizontalFlip(), Normalize.imagenet()), (Resize((20, 30)),)], ids=str
)
def test_damage_is_seen_by_every_backend(spoilt: tuple[Manifest, set[str]], ops: tuple[Op, ...]) -> None:
    """Of images that were damaged after `clean`, every backend leaves out the same ones by name, and trains on the same rest."""
    manifest, gone = spoilt
    had = {}
    for backend in (Threads(2), Torch(0), ON_CPU):
        loader = Loader(manifest, Pipeline(*ops), batch_size=6, backend=backend, on_error="skip")
        ids = [batch.ids.tolist() for batch in loader]
        failed = {failure.uri for failure in loader.stats().failures}
        had[type(backend)] = ids, failed, loader.stats().failed
    assert had[Threads] == had[Torch] == had[Dali]
    _, failed, count = had[Dali]
    assert failed <= gone
    if isinstance(ops[0], RandomResizedCrop):  # which need not see the damage
        assert 10 < count <= len(gone)
    else:
        assert count == len(gone)


def made_by_dali(manifest: Manifest, ops: tuple[Op, ...]) -> list[Rendered]:
    """The batches of an epoch of images that DALI itself decodes, as on a GPU, and by its CPU decoder."""
    loader = Loader(manifest, Pipeline(*ops), batch_size=6, backend=ON_CPU)
    with ThreadPoolExecutor(2) as pool, Ahead(loader.source) as ahead:
        feed = Feed(ahead, loader.program, 0, loader.recipes(), pool, encoded=True)
        return [deliver(images, loader.program.spec, made) for images, made in run_graph(feed, lambda: Graph(6, 2, None))]


@pytest.mark.parametrize("ops", [(CenterCrop(24),), (RandomResizedCrop(24), HorizontalFlip(), Normalize.imagenet())], ids=str)
def test_damage_is_seen_where_dali_decodes(spoilt: tuple[Manifest, set[str]], ops: tuple[Op, ...]) -> None:
    """Where DALI decodes, which fills with gray what is damaged, every image that cannot be decoded is named and black."""
    manifest, gone = spoilt
    failed = set()
    for rendered in made_by_dali(manifest, ops):
        failed |= {failure.uri for failure in rendered.failures}
        assert all(failure.uri in failure.why for failure in rendered.failures)
        assert not rendered.batch.images[[failure.index for failure in rendered.failures]].any()
    assert failed == gone


def test_what_dali_cannot_decode_is_decoded_here(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A file that only DALI cannot decode ends nothing: it and those behind it come from the CPU's decoder, and a log says so."""
    paths = write_images(tmp_path, 20, height=48, width=64)
    data = paths[7].read_bytes()
    paths[7].write_bytes(data[:2] + b"\xff\x01" + data[2:])  # a marker that means nothing
    manifest = clean(tmp_path, Pipeline(CenterCrop(24)), engine=Local(0))
    made = made_by_dali(manifest, (CenterCrop(24),))
    assert "DALI cannot decode" in caplog.text
    oracle = Loader(manifest, Pipeline(CenterCrop(24)), batch_size=6, backend=FakeBackend())
    for mine, theirs in zip(made, oracle, strict=True):
        assert mine.failures == ()
        np.testing.assert_array_equal(mine.batch.ids, theirs.ids)
        np.testing.assert_array_equal(mine.batch.images, theirs.images)


@pytest.mark.parametrize("target", [(16, 16), (64, 48), (130, 90)])
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic", "lanczos"])
def test_the_edge_is_as_the_inside(manifest: Manifest, interpolation: Interpolation, target: tuple[int, int]) -> None:
    """In the graph a resized image is as near to Pillow's in its outermost ring as inside, at any size and by every filter."""
    loader = Loader(manifest, Pipeline(Resize(target, interpolation)), batch_size=KEPT, backend=ON_CPU)
    recipe, op = next(loader.recipes()), loader.pipeline.ops[0]
    images = [decode(loader.source.read(uri)).image for uri in recipe.uris]
    ours = np.stack([kernel(op, image, drawn) for image, drawn in zip(images, recipe.params[0], strict=True)])
    theirs = np.stack(ON_CPU.trace(loader.source, (op,), recipe, 0)).transpose(0, 2, 3, 1)
    off = np.abs(ours.astype(int) - theirs)
    inside = np.zeros(target, bool)
    inside[1:-1, 1:-1] = True
    assert (off[:, ~inside] > 2).mean() <= (off[:, inside] > 2).mean() + 0.002
    assert (off > 2).mean() < (0.0001 if interpolation == "bilinear" else 0.01)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_no_gpu(manifest: Manifest) -> None:
    """Without a GPU the error says what to use instead."""
    with pytest.raises(LoaderError, match=r"finds no GPU.*use Dali\(device='cpu'\)"):
        next(iter(Loader(manifest, batch_size=2, backend=Dali())))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no NVIDIA GPU")
@pytest.mark.parametrize("ops", [*EXACT, *CLOSE], ids=str)
def test_on_a_gpu(manifest: Manifest, ops: tuple[Op, ...]) -> None:
    """On a GPU the batches are there, and nvJPEG's values are close to those of libjpeg-turbo."""
    loader = Loader(manifest, Pipeline(*ops), batch_size=5, backend=Dali())
    for mine, theirs in zip(loader, images_of(manifest, ops, FakeBackend()), strict=True):
        assert mine.images.is_cuda
        assert mine.labels.is_cuda
        scale = 60 if mine.images.dtype == torch.float32 else 1
        assert scale * np.abs(mine.images.cpu().numpy().astype(np.float64) - theirs.images).mean() < 2


@pytest.mark.parametrize(
    ("options", "said"),
    [({"device": "tpu"}, "device='tpu'"), ({"threads": 0}, "threads=0"), ({"prefetch": 0}, "prefetch=0")],
)
def test_bad_arguments_are_quoted(options: dict[str, object], said: str) -> None:
    """A device or a number that makes no sense is an error that quotes it."""
    with pytest.raises(LoaderError, match=said):
        Dali(**options)


def test_parity_says_what_is_alike(manifest: Manifest) -> None:
    """There is a line for decoding, for each op and for the whole; decoding and mirroring agree to the bit."""
    ops = (Negative(), RandomResizedCrop((24, 30)), HorizontalFlip(), Normalize())
    loader = Loader(manifest, Pipeline(*ops), batch_size=KEPT, backend=ON_CPU)
    rows = list(parity(loader.source, loader.pipeline.ops, next(loader.recipes()), ON_CPU))
    names = ["decode", "Negative", "RandomResizedCrop", "HorizontalFlip", "Normalize", "end to end"]
    assert [row.step for row in rows] == names
    assert [bool(row.on_host) for row in rows] == [name == "Negative" for name in names]
    for row in rows:
        assert 0 <= row.equal <= row.close <= 1
        assert row.mean <= row.most
        assert row.p99 <= row.most
    assert rows[0].equal == rows[3].equal == 1
    assert rows[2].equal < 1
    assert rows[-1].close > 0.99


def test_slow_files_are_named(manifest: Manifest) -> None:
    """The files that took longest to read are in the statistics, as with every backend."""
    loader = Loader(manifest, Pipeline(*OPS), batch_size=4, backend=ON_CPU)
    batches = len(list(loader))
    slowest = loader.stats().slowest
    assert len(slowest) == batches
    assert {slow.uri for slow in slowest} <= set(manifest.table["uri"].to_pylist())
    assert all(slow.seconds > 0 for slow in slowest)
