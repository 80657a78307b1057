"""What the CPU kernels do to pixels, against plain formulas and Pillow."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataprep.backends.cpu.kernels import kernel
from dataprep.backends.cpu.kernels.geometry import FILTERS
from dataprep.backends.cpu.render import apply, render
from dataprep.backends.program import compile_ops
from dataprep.cleaning.clean import clean
from dataprep.engines import Local
from dataprep.errors import PipelineError
from dataprep.loading.recipes import draw
from dataprep.manifest import Manifest
from dataprep.pipeline import Pipeline
from dataprep.protocols import Op
from dataprep.stages import Brightness, CenterCrop, HorizontalFlip, Normalize, RandomResizedCrop, Resize, Rotate
from dataprep.testing import encoded, photo, write_images
from dataprep.types import Image, Params, Recipe, Sizes, Spec, Uniforms

sides = st.integers(1, 90)
images = st.builds(photo, st.integers(0, 99), sides, sides)
LEVELS: Image = np.arange(256, dtype=np.uint8).repeat(3).reshape(16, 16, 3)


@dataclass(frozen=True)
class Unknown:
    """An op that nobody wrote a kernel for."""

    slots = 0

    def spec(self, spec: Spec) -> Spec:
        return spec

    def draw(self, u: Uniforms, sizes: Sizes) -> tuple[Params, Sizes]:
        return np.empty((len(sizes), 0)), sizes


def done(op: Op, image: Image, u: float = 0.5) -> np.ndarray[Any, Any]:
    """Returns (H, W, 3): an image after one op that was given the same uniform for everything."""
    params, _ = op.draw(np.full((1, op.slots), u), np.array([image.shape[:2]]))
    return kernel(op, image, params[0])


@pytest.mark.parametrize("interpolation", FILTERS)
@given(image=images, target=st.one_of(sides, st.tuples(sides, sides)))
def test_resizing_is_pillows(interpolation: Any, image: Image, target: int | tuple[int, int]) -> None:
    """`Resize` gives exactly what Pillow's resize gives, for every interpolation, size and shape."""
    op = Resize(target, interpolation)
    _, sizes = op.draw(np.empty((1, 0)), np.array([image.shape[:2]]))
    height, width = sizes[0].tolist()
    filter = getattr(PIL.Image.Resampling, interpolation.upper())
    assert np.array_equal(done(op, image), np.asarray(PIL.Image.fromarray(image).resize((width, height), filter)))


@given(images, st.tuples(sides, sides), st.integers(0, 99))
def test_a_random_crop_is_its_box_resized(image: Image, target: tuple[int, int], seed: int) -> None:
    """`RandomResizedCrop` gives exactly what Pillow gives for the box that was drawn: crop, then resize."""
    op = RandomResizedCrop(target)
    params, _ = op.draw(np.random.default_rng(seed).random((1, op.slots)), np.array([image.shape[:2]]))
    top, left, height, width = params[0].astype(int).tolist()
    crop = PIL.Image.fromarray(image).crop((left, top, left + width, top + height))
    expected = crop.resize((target[1], target[0]), PIL.Image.Resampling.BILINEAR)
    assert np.array_equal(kernel(op, image, params[0]), np.asarray(expected))


@given(images, st.tuples(sides, sides))
def test_a_center_crop_is_pillows_and_black_around(image: Image, target: tuple[int, int]) -> None:
    """`CenterCrop` cuts the middle out and lays black around what is too small, as Pillow does with a box that juts out."""
    (height, width), (rows, columns) = target, image.shape[:2]
    top, left = (rows - height) // 2, (columns - width) // 2
    expected = PIL.Image.fromarray(image).crop((left, top, left + width, top + height))
    assert np.array_equal(done(CenterCrop(target), image), np.asarray(expected))


@given(images)
def test_mirroring_is_all_or_nothing(image: Image) -> None:
    """`HorizontalFlip(1)` mirrors left and right, `HorizontalFlip(0)` does nothing, twice mirrored is nothing."""
    mirrored = done(HorizontalFlip(1), image)
    assert np.array_equal(mirrored, np.fliplr(image))
    assert np.array_equal(done(HorizontalFlip(0), image), image)
    assert np.array_equal(done(HorizontalFlip(1), mirrored), image)


@pytest.mark.parametrize("turns", [-4, -3, -2, -1, 0, 1, 2, 3, 4])
@pytest.mark.parametrize("side", [1, 2, 3, 8, 31, 64, 101])
def test_a_quarter_turn_moves_whole_pixels(side: int, turns: int) -> None:
    """A square turned by 90 degrees counter-clockwise, any number of times, is `np.rot90` of it, no pixel lost or blended."""
    image = photo(3, side, side) if side > 1 else photo(3, 2, 2)[:1, :1]
    assert np.array_equal(done(Rotate((90 * turns, 90 * turns), (9, 9, 9)), image), np.rot90(image, turns))


@given(images)
def test_no_turn_is_the_identity(image: Image) -> None:
    """`Rotate(0)` changes nothing, whatever the shape."""
    assert np.array_equal(done(Rotate(0), image), image)


@pytest.mark.parametrize("degrees", [10, 30, 45])
def test_positive_angles_turn_counter_clockwise(degrees: float) -> None:
    """A mark right of the centre moves up for positive angles and down for negative ones, by the sine of the angle."""
    image = np.zeros((101, 101, 3), np.uint8)
    image[48:53, 88:93] = 255  # 40 pixels right of the centre
    for sign in (1, -1):
        rows, columns = np.nonzero(done(Rotate((sign * degrees, sign * degrees)), image)[..., 0] > 127)
        assert 50 - rows.mean() == pytest.approx(sign * 40 * np.sin(np.radians(degrees)), abs=0.5)
        assert columns.mean() - 50 == pytest.approx(40 * np.cos(np.radians(degrees)), abs=0.5)


def test_corners_are_filled() -> None:
    """What comes in at the corners of a turned image has the colour that was asked for, in RGB order."""
    turned = done(Rotate((45, 45), fill=(10, 20, 30)), np.full((41, 41, 3), 200, np.uint8))
    assert {tuple(turned[row, column].tolist()) for row in (0, -1) for column in (0, -1)} == {(10, 20, 30)}
    assert tuple(turned[20, 20].tolist()) == (200, 200, 200)


@given(st.floats(0, 4))
def test_brightness_rounds_half_up(factor: float) -> None:
    """Each of the 256 levels becomes floor(level * factor + 0.5), cut off at 255."""
    expected = [min(255, int(np.floor(level * factor + 0.5))) for level in range(256)]
    assert done(Brightness((factor, factor)), LEVELS).reshape(-1, 3)[:, 1].tolist() == expected


shares = st.tuples(*[st.floats(0, 1)] * 3)
deviations = st.tuples(*[st.floats(0.01, 0.5)] * 3)


@given(shares, deviations)
def test_normalize_is_the_correctly_rounded_formula(mean: tuple[float, ...], std: tuple[float, ...]) -> None:
    """Each level of each channel becomes (level / 255 - mean) / std in float64, then rounded to float32 once."""
    op = Normalize(mean, std)  # type: ignore[arg-type]  # three numbers each
    result = done(op, LEVELS)
    expected = ((LEVELS / 255.0 - np.array(mean)) / np.array(std)).astype(np.float32).transpose(2, 0, 1)
    assert result.dtype == np.float32
    assert np.array_equal(result, expected)


@given(images, st.floats(0, 1, exclude_max=True))
def test_no_op_changes_the_image_that_it_is_given(image: Image, u: float) -> None:
    """Ops leave their input as it was and take images of any memory layout."""
    before = image.copy()
    image.setflags(write=False)
    for op in (Resize(7), CenterCrop(9), RandomResizedCrop(8), HorizontalFlip(1), Rotate(30), Brightness(), Normalize.imagenet()):
        whole, mirrored = done(op, image, u), done(op, np.ascontiguousarray(image[:, ::-1])[:, ::-1], u)
        assert np.array_equal(whole, mirrored)
    assert np.array_equal(image, before)


def test_ops_are_applied_in_order_to_channels_first() -> None:
    """`apply` does one op after another and ends with channels first: float32 after `Normalize`, else 8-bit."""
    image = photo(1, 30, 40)
    ops = (Resize((3, 5)), HorizontalFlip(1), Normalize.imagenet())
    params = [drawn[0] for drawn in draw(ops, np.array([[30, 40]]), np.array([0]), 0, 0)]
    small = np.asarray(PIL.Image.fromarray(image).resize((5, 3), PIL.Image.Resampling.BILINEAR))[:, ::-1]
    assert np.array_equal(apply(compile_ops(ops[:2]), image, params[:2]), small.transpose(2, 0, 1))
    assert np.array_equal(apply(compile_ops(ops), image, params), done(Normalize.imagenet(), small))


def test_an_op_without_kernel_says_how_to_register_one() -> None:
    """An op that this backend does not know is named, with the decorator that makes it known."""
    with pytest.raises(
        PipelineError, match=r"`Unknown` has no CPU kernel; register one: `@kernel\.register`.*\(op: Unknown, image"
    ):
        kernel(Unknown(), LEVELS, np.empty(0))


def test_normalize_without_numbers_says_where_they_come_from() -> None:
    """`Normalize()` that was not filled is an error that names the way to fill it."""
    with pytest.raises(PipelineError, match=r"`Normalize\(\)` has no numbers yet; `pipeline\.fill\(manifest\.statistics\)`"):
        kernel(Normalize(), LEVELS, np.empty(0))


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    """Six photos of two labels, with a batch's worth of ops."""
    write_images(tmp_path / "photos", 6, height=40, width=50)
    return clean(tmp_path / "photos", Pipeline(), engine=Local(0))


def recipe_of(manifest: Manifest, ops: tuple[Op, ...]) -> Recipe:
    """Returns the recipe of one batch of all kept images, in order."""
    kept = manifest.kept()
    sizes = np.stack([kept["height"].to_numpy(), kept["width"].to_numpy()], axis=1).astype(np.int64)
    ids = kept["id"].to_numpy()
    return Recipe(ids, kept["uri"].to_pylist(), manifest.labels(), sizes, draw(ops, sizes, ids, 0, 0))


@pytest.mark.parametrize(
    ("ops", "shape", "dtype"),
    [
        ((Resize((8, 9)),), (6, 3, 8, 9), np.uint8),
        ((Resize((3, 3)),), (6, 3, 3, 3), np.uint8),
        ((RandomResizedCrop((8, 9)), HorizontalFlip()), (6, 3, 8, 9), np.uint8),
        ((Resize(9), CenterCrop(8), Rotate(10), Brightness(), Normalize.imagenet()), (6, 3, 8, 8), np.float32),
        ((CenterCrop(3), Normalize.imagenet()), (6, 3, 3, 3), np.float32),
    ],
)
def test_a_rendered_batch_is_its_images_one_by_one(
    manifest: Manifest, ops: tuple[Op, ...], shape: tuple[int, ...], dtype: Any
) -> None:
    """`render` stacks what `apply` gives for each image that Pillow decodes, and passes labels and ids on."""
    recipe = recipe_of(manifest, ops)
    batch = render(manifest.source, compile_ops(ops), recipe).batch
    assert (batch.images.shape, batch.images.dtype) == (shape, dtype)
    assert batch.labels.tolist() == recipe.labels.tolist()
    assert batch.ids.tolist() == recipe.ids.tolist()
    for index, uri in enumerate(recipe.uris):
        image = np.asarray(PIL.Image.open(manifest.source.path(uri)).convert("RGB"))  # type: ignore[attr-defined]  # a Folder
        assert np.array_equal(batch.images[index], apply(compile_ops(ops), image, [params[index] for params in recipe.params]))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (None, "cannot be read: No such file or directory; run `clean` again"),
        (b"", "the file is empty; run `clean` again"),
        (encoded(photo(1, 50, 40)), "is 40×50 now but was 50×40 when it was measured; run `clean` again"),
        (encoded(photo(1, 400, 500))[:600], "; run `clean` again"),
    ],
)
def test_a_file_that_is_not_what_was_measured_is_named(manifest: Manifest, data: bytes | None, said: str) -> None:
    """A file that is gone, broken or of another size since `clean` is a failure that names it and what to do."""
    ops = (Resize((8, 8)),)
    recipe = recipe_of(manifest, ops)
    path = Path(manifest.source.path(recipe.uris[4]))  # type: ignore[attr-defined]  # a Folder
    if data is None:
        path.unlink()
    else:
        path.write_bytes(data)
    (failure,) = render(manifest.source, compile_ops(ops), recipe).failures
    assert (failure.index, failure.uri) == (4, recipe.uris[4])
    assert failure.why.startswith(recipe.uris[4])
    assert said in failure.why


@pytest.mark.parametrize("side", [12, 40])
def test_what_clean_let_pass_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, side: int) -> None:
    """An image as large as `clean` was told to allow is loaded without a warning, also where the default limits are lower."""
    (tmp_path / "large.png").write_bytes(encoded(photo(0, side, side), "PNG"))
    manifest = clean(tmp_path, Pipeline(), engine=Local(0), max_pixels=2000)
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", 50)  # Pillow warns of more, and refuses twice as many
    monkeypatch.setattr("dataprep.backends.cpu.render.MAX_PIXELS", 100)
    ops = (Resize((8, 8)),)
    assert render(manifest.source, compile_ops(ops), recipe_of(manifest, ops)).batch.images.shape == (1, 3, 8, 8)
