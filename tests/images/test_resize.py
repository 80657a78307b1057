"""Resizing, compiled and by Pillow: the same pixels to the last bit, whatever part of them is wanted."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import PIL.Image
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataprep.images import native, resize
from dataprep.images.resize import FILTERS, Window
from dataprep.testing import photo
from dataprep.types import Box, Image

sides = st.integers(1, 150)
images = st.builds(photo, st.integers(0, 99), sides, sides)
gray = images.map(lambda image: np.ascontiguousarray(image[..., 1]))
filters = st.sampled_from(list(FILTERS))


@pytest.fixture(scope="module", params=["compiled", "by Pillow"], autouse=True)
def way(request: pytest.FixtureRequest) -> Iterator[str]:
    """Both ways to resize: the compiled one, if this machine has it, and the other."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "by Pillow":
            patch.setattr(native, "module", lambda name: None)
            patch.setattr(resize, "order_of_passes", lambda: None)
        elif not resize.is_compiled():
            pytest.skip("nothing was compiled on this machine")
        yield request.param


def pillow(image: Image, target: tuple[int, int], filter: str) -> Image:
    """What Pillow gives."""
    return np.asarray(PIL.Image.fromarray(image).resize(target[::-1], FILTERS[filter][0]))


@given(images | gray, st.tuples(sides, sides), filters)
def test_resizing_is_pillows(image: Image, target: tuple[int, int], filter: Any) -> None:
    """Every size resized to every other, in colour and gray and by every filter, is what Pillow gives."""
    assert np.array_equal(resize.resize(image, target, filter), pillow(image, target, filter))


@pytest.mark.parametrize("target", [(5, 40), (40, 5), (3, 3)])
@pytest.mark.parametrize("size", [(3000, 40), (40, 3000), (2100, 2050)])
def test_large_reductions_are_pillows(size: tuple[int, int], target: tuple[int, int]) -> None:
    """Also where each pixel is made of hundreds, resizing gives what Pillow does."""
    image = photo(3, *size)
    for view in (image, image[..., 1].copy()):
        for filter in FILTERS:
            assert np.array_equal(resize.resize(view, target, filter), pillow(view, target, filter))


@pytest.mark.parametrize("target", [8, 9, 17, 32, 64])
def test_weights_of_lanczos(way: str, target: int) -> None:
    """The weights of Lanczos, which come from a series, are those of sines, rounded to the same whole numbers."""
    if way == "by Pillow":
        pytest.skip("only the compiled code has weights of its own")
    compiled: Any = native.module("resample")
    for source in range(1, 400, 3):
        taps = np.frombuffer(compiled.taps(source, target, 0, target, 2), np.int32)
        first, weights = taps[4 : 4 + target], taps[4 + target :].reshape(target, taps[1])
        wider = max(source / target, 1.0)
        x = (first[:, None] + np.arange(taps[1]) - (np.arange(target)[:, None] + 0.5) * source / target + 0.5) / wider
        exact = np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0.0)
        expected = exact / exact.sum(axis=1, keepdims=True) * 2**22
        assert np.abs(weights - expected).max() < 0.5 + 1e-6


@given(images | gray, st.tuples(sides, sides), filters, st.data())
def test_a_part_is_a_part_of_the_whole(image: Image, target: tuple[int, int], filter: Any, data: st.DataObject) -> None:
    """A part of a resized box is cut out of the whole of it, and of the image only what the window sees need be there."""
    boxes = [sorted(data.draw(st.tuples(st.integers(0, n), st.integers(0, n)))) for n in (*image.shape[:2], *target)]
    (top, bottom), (left, right), (row, below), (column, beside) = ((low, high) if high > low else (0, 1) for low, high in boxes)
    part = Box(row, column, below - row, beside - column)
    window = Window(Box(top, left, bottom - top, right - left), target, part, filter)
    needed = window.needed
    expected = pillow(image[top:bottom, left:right], target, filter)[row:below, column:beside]
    assert np.array_equal(
        resize.resize_window(image[needed.rows, needed.columns], window.moved(needed.top, needed.left)), expected
    )


@given(images | gray, st.data())
def test_averages_are_exact(image: Image, data: st.DataObject) -> None:
    """Averages of areas are within one weight's rounding of those by exact fractions, flat images stay, and so does the mean."""
    target = tuple(data.draw(st.integers(1, length)) for length in image.shape[:2])
    made = resize.average(image, target)
    down, across = (fractions(source, wanted) for source, wanted in zip(image.shape[:2], target, strict=True))
    exact = np.einsum("ys,st...,xt->yx...", down, image.astype(np.float64), across, optimize=True)
    assert np.abs(made - exact).max() <= 0.5 + 255 * 3 / 4096
    assert np.array_equal(resize.average(np.full_like(image, 77), target), np.full_like(made, 77))


def fractions(source: int, target: int) -> np.ndarray:
    """Returns (target, source) the share that each pixel has in each average."""
    edges = np.arange(target + 1) * source / target
    pixels = np.arange(source)
    covered = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    return covered.clip(0) * target / source


@given(images | gray, st.data())
def test_averages_are_the_same_compiled_or_not(image: Image, data: st.DataObject) -> None:
    """Both ways give the same values to the last bit."""
    target = tuple(data.draw(st.integers(1, length)) for length in image.shape[:2])
    made = resize.average(image, target)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(native, "module", lambda name: None)
        assert np.array_equal(made, resize.average(image, target))


@given(images, st.booleans(), st.sampled_from([np.uint8, np.uint16, np.float16, np.float32]), st.booleans())
def test_placing_looks_every_level_up(image: Image, mirror: bool, dtype: Any, last: bool) -> None:
    """An image is placed as (3, H, W) in any type, channels first or last in memory, mirrored if asked."""
    levels = np.random.default_rng(0).integers(0, 256, (3, 256)).astype(dtype)
    height, width, _ = image.shape
    out = np.zeros((height, width, 3), dtype).transpose(2, 0, 1) if last else np.zeros((3, height, width), dtype)
    resize.place(image, mirror, out, levels)
    expected = np.stack([levels[channel][image[..., channel]] for channel in range(3)])
    assert np.array_equal(out, expected[..., ::-1] if mirror else expected)


def somewhere(shape: tuple[int, ...], dtype: Any, start: int) -> np.ndarray:
    """Zeros that begin so many values behind the beginning of a line of a cache."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    memory = np.zeros(size + 128, np.uint8)
    first = -memory.ctypes.data % 64 + start * np.dtype(dtype).itemsize
    return memory[first : first + size].view(dtype).reshape(shape)


def scattered(height: int, width: int) -> Image:
    """An image that has all levels, soon made."""
    return np.resize((np.arange(3 * 256) * 2654435761 >> 7).astype(np.uint8), (height, width, 3))


@given(st.booleans(), st.sampled_from([(1, 16), (3, 40), (2, 48), (230, 240), (5, 2500)]), st.sampled_from([0, 1, 8, 16]))
def test_bytes_lie_as_they_are(mirror: bool, size: tuple[int, int], start: int) -> None:
    """Pixels of which nothing becomes lie in the canvas as they do in the image, wherever it is in memory."""
    image, out = scattered(*size), somewhere((3, *size), np.uint8, start)
    resize.place(image, mirror, out)
    assert np.array_equal(out.transpose(1, 2, 0), image[:, ::-1] if mirror else image)


shares = st.floats(-2, 2, allow_subnormal=False) | st.floats(0, 1, allow_subnormal=False)
spreads = st.floats(1e-3, 2) | st.just(1 / 255)


@given(st.lists(shares, min_size=3, max_size=3), st.lists(spreads, min_size=3, max_size=3), st.data())
def test_a_line_gives_what_the_table_has(means: list[float], spreads: list[float], data: st.DataObject) -> None:
    """Whatever line is said to go through the levels, at whatever place in memory, the values are the table's to the bit."""
    levels = ((np.arange(256) / 255 - np.array(means)[:, None]) / np.array(spreads)[:, None]).astype(np.float32)
    line = np.stack([1 / (255 * np.array(spreads)), -np.array(means) / np.array(spreads)], axis=1)
    if data.draw(st.booleans()):
        line[data.draw(st.integers(0, 2)), data.draw(st.integers(0, 1))] = data.draw(st.floats())
    height, width = data.draw(st.sampled_from([(1, 1), (2, 7), (3, 40), (70, 160), (5, 2500)]))
    image = scattered(height, width)
    mirror, out = data.draw(st.booleans()), somewhere((3, height, width), np.float32, data.draw(st.integers(0, 8)))
    resize.place(image, mirror, out, levels, line)
    expected = np.stack([levels[channel][image[..., channel]] for channel in range(3)])
    assert np.array_equal(out.view(np.uint32), (expected[..., ::-1] if mirror else expected).view(np.uint32))


def test_a_view_needs_no_copy(way: str) -> None:
    """A view of an image, cut out or upside down, is resized as its copy is."""
    image = photo(1, 60, 80)
    for view in (image[5:41, 7:60], image[::-1], image[::2]):
        assert np.array_equal(resize.resize(view, (20, 30)), resize.resize(view.copy(), (20, 30)))


def test_the_compiled_code_stays_in_its_memory(way: str) -> None:
    """What does not lie in the image, or does not fit together, is refused."""
    if way == "by Pillow":
        pytest.skip("only the compiled code could leave its memory")
    compiled: Any = native.module("resample")
    image, out, memory = np.zeros((9, 9, 3), np.uint8), np.zeros((4, 4, 3), np.uint8), np.zeros(999, np.uint8)
    taps = compiled.taps(9, 4, 0, 4, 0)
    compiled.resize(image, out, 0, 0, taps, taps, False, memory)
    for wrong in ((9, 4, 1, 4, 0), (9, 4, -1, 4, 0), (0, 4, 0, 4, 0), (9, 4, 0, 0, 0), (9, 4, 0, 4, 3)):
        with pytest.raises(ValueError, match="does not lie in what there is"):
            compiled.taps(*wrong)
    for top, left in ((1, 0), (0, -1)):
        with pytest.raises(ValueError, match="does not lie in what there is"):
            compiled.resize(image, out, top, left, taps, taps, False, memory)
    for rows in (compiled.taps(9, 4, 0, 3, 0), taps[:-1], b""):
        with pytest.raises(ValueError, match="do not fit each other"):
            compiled.resize(image, out, 0, 0, rows, taps, False, memory)
    with pytest.raises(ValueError, match="too little memory"):
        compiled.resize(image, out, 0, 0, taps, taps, False, memory[:99])
    with pytest.raises(ValueError, match="side by side"):
        compiled.resize(image[:, ::-1], out, 0, 0, taps, taps, False, memory)
    with pytest.raises(ValueError, match="do not fit each other"):
        compiled.place(image, False, np.zeros((3, 256), np.uint8), np.zeros((3, 9, 8), np.uint8))
    with pytest.raises(ValueError, match=r"is \(3, 2\) doubles"):
        compiled.place(image, False, np.zeros((3, 256), np.float32), np.zeros((3, 9, 9), np.float32), np.zeros((3, 1)))
