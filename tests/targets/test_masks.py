"""Masks: read as they are stored, put by the nearest pixel, and refused where class numbers would not be what was drawn."""

import io
from typing import Any

import numpy as np
import PIL.Image
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from painting import loaded, manifest_of

from dataprep.errors import LoaderError
from dataprep.manifest import Manifest
from dataprep.stages import CenterCrop, HorizontalFlip, Pad, RandomCrop, Resize, VerticalFlip
from dataprep.targets.kinds import Mask
from dataprep.testing import FakeBackend, FakeSource, encoded, photo

HEIGHT, WIDTH = 20, 30
NUMBERS = np.random.default_rng(0).integers(0, 4, (HEIGHT, WIDTH)).astype(np.uint8)


def saved(image: PIL.Image.Image, form: str, **more: Any) -> bytes:
    """Returns the bytes of a file."""
    file = io.BytesIO()
    image.save(file, form, **more)
    return file.getvalue()


def palette(colours: int = 4) -> PIL.Image.Image:
    """Returns the class numbers as indices of a palette of bright colours."""
    image = PIL.Image.fromarray(NUMBERS)
    image.putpalette([200, 10, 90, 0, 255, 3, 40, 50, 60, 255, 255, 255][: 3 * colours])
    return image


def manifest(mask: bytes) -> Manifest:
    """Returns a manifest of one image with a mask."""
    whole = manifest_of([photo(0, HEIGHT, WIDTH)], [NUMBERS])
    files = {"000.png": encoded(photo(0, HEIGHT, WIDTH), "PNG"), "mask-000.png": mask}
    return Manifest(whole.table, whole.pipeline, FakeSource(files), (), whole.classes)


def rendered(mask: bytes, target: Mask) -> NDArray[Any]:
    """Returns the mask of the image as it is."""
    return np.asarray(loaded(manifest(mask), [CenterCrop((HEIGHT, WIDTH))], target, FakeBackend()).targets["mask"][0])


EXIF = PIL.Image.Exif()
EXIF[0x0112] = 8  # to be turned by a quarter


@pytest.mark.parametrize(
    "data",
    [
        *(saved(PIL.Image.fromarray(NUMBERS), form) for form in ("PNG", "TIFF", "BMP", "GIF")),
        *(saved(palette(), form) for form in ("PNG", "TIFF", "BMP", "GIF")),
        saved(palette(), "PNG", bits=2),
        saved(PIL.Image.fromarray(NUMBERS.astype(np.uint16)), "PNG"),
        saved(PIL.Image.fromarray(np.repeat(NUMBERS[..., None], 3, axis=2)), "PNG"),
        saved(PIL.Image.fromarray(NUMBERS).convert("LA"), "PNG"),
        saved(PIL.Image.fromarray(np.ascontiguousarray(np.rot90(NUMBERS, -1))), "PNG", exif=EXIF),
    ],
    ids=lambda data: f"{len(data)} bytes",
)
@pytest.mark.parametrize("dtype", ["uint8", "int64"])
def test_class_numbers_are_those_of_the_file(data: bytes, dtype: Any) -> None:
    """Gray levels, indices of a palette, 2 or 16 bits, gray as colours, or turned by EXIF: what was drawn comes out."""
    found = rendered(data, Mask(dtype=dtype))
    assert found.dtype == dtype and np.array_equal(found, NUMBERS)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "BMP"])
def test_a_threshold_makes_two_classes(form: str) -> None:
    """Of black and white, also of what a JPEG leaves of it, a threshold makes 0 and 1."""
    halves = np.where(np.arange(WIDTH) < WIDTH // 2, 0, 255).astype(np.uint8) + np.zeros((HEIGHT, 1), np.uint8)
    found = rendered(saved(PIL.Image.fromarray(halves), form), Mask(threshold=128))
    assert np.array_equal(found, halves // 255)


@pytest.mark.parametrize(
    ("data", "target", "said"),
    [
        (saved(PIL.Image.fromarray(NUMBERS), "JPEG"), Mask(), "is a JPEG, which keeps no class numbers; store it as PNG"),
        (saved(PIL.Image.fromarray(photo(0, HEIGHT, WIDTH)), "PNG"), Mask(), "holds colours, not class numbers"),
        (saved(PIL.Image.fromarray(NUMBERS.T.copy()), "PNG"), Mask(), "is 20×30 and its image 30×20"),
        (saved(PIL.Image.fromarray(NUMBERS[:5]), "PNG"), Mask(), "is 30×5, and its image has 600 pixels"),
        (
            saved(PIL.Image.fromarray(NUMBERS.astype(np.uint16) * 300), "PNG"),
            Mask(),
            'has values from 0 to 900, and "uint8" holds',
        ),
        (saved(PIL.Image.fromarray(NUMBERS.astype(np.float32)), "TIFF"), Mask(), "pixels of the kind 'F', not class numbers"),
        (saved(PIL.Image.fromarray(NUMBERS), "PNG")[:-30], Mask(), "the mask 'mask-000.png'"),
        (b"no image", Mask(), "the mask 'mask-000.png' cannot be decoded"),
    ],
    ids=["jpeg", "colours", "turned", "size", "range", "floats", "cut off", "none"],
)
def test_what_is_no_mask_fails_with_its_reason(data: bytes, target: Mask, said: str) -> None:
    """A mask that cannot be what was drawn fails as a broken image does: the image, the mask and the reason are named."""
    with pytest.raises(LoaderError, match=r"000\.png: the mask") as caught:
        rendered(data, target)
    assert said in str(caught.value)


exact = st.lists(
    st.one_of(
        st.just(HorizontalFlip()),
        st.just(VerticalFlip()),
        st.builds(RandomCrop, st.integers(5, 25), padding=st.integers(0, 6)),
        st.builds(Pad, st.integers(0, 5)),
        st.builds(CenterCrop, st.integers(5, 25)),
    ),
    max_size=4,
)


@given(exact)
def test_a_mask_is_where_its_image_is_to_the_pixel(ops: list[Any]) -> None:
    """Through flips, crops and borders in any order, each pixel has the class that its colour has; what came in has the fill."""
    image = np.repeat(60 * (NUMBERS[..., None] + 1), 3, axis=2).astype(np.uint8)
    whole = manifest_of([image], [NUMBERS])
    batch = loaded(whole, [*ops, CenterCrop((18, 23))], Mask(fill=7), FakeBackend())
    colours = batch.images[0, 0].astype(int)
    assert np.array_equal(batch.targets["mask"][0], np.where(colours == 0, 7, colours // 60 - 1))


@pytest.mark.parametrize("size", [(40, 60), (10, 15), (60, 30), (8, 12), (20, 30)])
def test_a_resized_mask_is_that_of_the_nearest_pixels(size: tuple[int, int]) -> None:
    """A resized mask has the very pixels that Pillow takes for the nearest, where one is nearer than all others."""
    batch = loaded(manifest_of([photo(0, HEIGHT, WIDTH)], [NUMBERS]), [Resize(size)], Mask(), FakeBackend())
    nearest = PIL.Image.fromarray(NUMBERS).resize(size[::-1], PIL.Image.Resampling.NEAREST)
    assert np.array_equal(batch.targets["mask"][0], np.asarray(nearest))
