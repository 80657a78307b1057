"""The compiled resize: Pillow's pixels to the last bit."""

import numpy as np
import PIL.Image
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataprep.backends import kernels, render, resample
from dataprep.backends.resample import Window
from dataprep.loader import draw
from dataprep.stages import CenterCrop, HorizontalFlip, Normalize, RandomResizedCrop, Resize, Rotate
from dataprep.testing import photo
from dataprep.types import Image, Op

pytest.importorskip("numba", reason="numba, which compiles the resize, is not installed")

sides = st.integers(1, 150)
images = st.builds(photo, st.integers(0, 99), sides, sides)

JOBS: list[tuple[Op, ...]] = [
    (RandomResizedCrop((12, 9)), HorizontalFlip(), Normalize.imagenet()),
    (RandomResizedCrop(31), Normalize.imagenet()),
    (RandomResizedCrop(31, interpolation="bicubic"), Normalize.imagenet()),
    (Resize(20), CenterCrop((17, 20)), HorizontalFlip()),
    (Resize(20), CenterCrop(33), HorizontalFlip(1), Normalize.imagenet()),
    (Resize((9, 40)), Rotate(20), HorizontalFlip(), Normalize.imagenet()),
    (HorizontalFlip(), CenterCrop(30)),
]


def test_it_is_used() -> None:
    """With numba and this Pillow the compiled resize is available."""
    assert resample.available()


@given(images, st.tuples(sides, sides), st.booleans())
def test_resizing_is_pillows(image: Image, target: tuple[int, int], mirror: bool) -> None:
    """Every size resized to every other, and mirrored, is what Pillow gives."""
    expected = np.asarray(PIL.Image.fromarray(image).resize(target[::-1], PIL.Image.Resampling.BILINEAR))
    out = np.empty((3, *target), np.uint8)
    resample.resample(image, Window((0, 0, *image.shape[:2]), target, (0, 0, *target)), mirror, out)
    assert np.array_equal(out.transpose(1, 2, 0), expected[:, ::-1] if mirror else expected)


@given(images, st.tuples(sides, sides), st.data())
def test_a_part_is_a_part_of_the_whole(image: Image, target: tuple[int, int], data: st.DataObject) -> None:
    """A part of a resized box is cut out of the whole of it, though only its pixels are made."""
    boxes = [sorted(data.draw(st.tuples(st.integers(0, n), st.integers(0, n)))) for n in (*image.shape[:2], *target)]
    (top, bottom), (left, right), (row, below), (column, beside) = ((low, high) if high > low else (0, 1) for low, high in boxes)
    box, part = (top, left, bottom - top, right - left), (row, column, below - row, beside - column)
    crop = PIL.Image.fromarray(image).crop((left, top, right, bottom))
    expected = np.asarray(crop.resize(target[::-1], PIL.Image.Resampling.BILINEAR))[row:below, column:beside]
    assert np.array_equal(resample.resized(image, Window(box, target, part)), expected)


@pytest.mark.parametrize("ops", JOBS)
@given(images, st.integers(0, 99))
def test_painting_is_what_the_kernels_do(ops: tuple[Op, ...], image: Image, seed: int) -> None:
    """An image painted into a batch is, to the last bit, what the kernels make of it one after the other."""
    params = [drawn[0] for drawn in draw(ops, np.array([image.shape[:2]]), np.array([seed]), 0, 0)]
    shape, dtype = render.shape_of(ops)
    out = np.empty(shape, dtype)
    render.paint(ops, image, params, out)
    assert np.array_equal(out, kernels.apply(ops, image, params))


@pytest.mark.parametrize("op", [RandomResizedCrop(9), Resize(20), Resize(20, "bicubic"), HorizontalFlip(1), Normalize.imagenet()])
@given(image=images)
def test_one_step_is_what_its_kernel_does(op: Op, image: Image) -> None:
    """An op alone is what its kernel gives."""
    (params,) = draw((op,), np.array([image.shape[:2]]), np.array([0]), 0, 0)
    assert np.array_equal(render.step(op, image, params[0]), kernels.kernel(op, image, params[0]))
