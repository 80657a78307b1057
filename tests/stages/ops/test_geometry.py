"""What the geometric ops are and draw; what they do to pixels is in tests/backends."""

import math
from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataprep.draws import uniforms
from dataprep.errors import PipelineError
from dataprep.protocols import Op
from dataprep.stages import CenterCrop, HorizontalFlip, Normalize, RandomResizedCrop, Resize, Rotate
from dataprep.types import Sizes, Spec, Uniforms

LARGEST = 1 - 2.0**-53  # the largest uniform there is

sides = st.one_of(st.integers(1, 4), st.integers(1, 6000), st.sampled_from([1, 2, 65_500]))
sizes = st.lists(st.tuples(sides, sides), min_size=1, max_size=8).map(lambda pairs: np.array(pairs, np.int64))
lengths = st.integers(1, 512)
targets = st.one_of(lengths, st.tuples(lengths, lengths))
scales = st.tuples(st.floats(0.01, 1), st.floats(0.01, 1)).map(lambda pair: (min(pair), max(pair)))
ratios = st.tuples(st.floats(0.2, 5), st.floats(0.2, 5)).map(lambda pair: (min(pair), max(pair)))
seeds = st.integers(0, 10_000)


def drawn(op: Op, sizes: Sizes, seed: int) -> tuple[Uniforms, Sizes]:
    """Returns the parameters and the sizes after an op, the first row's uniforms all 0 and the last one's as large as can be."""
    u = uniforms(seed, 0, np.arange(len(sizes)), op.slots)
    u[:1], u[1:][-1:] = 0, LARGEST
    return op.draw(u, sizes)


def height_width(target: int | tuple[int, int]) -> tuple[int, int]:
    """Returns a size as two numbers."""
    return (target, target) if isinstance(target, int) else target


@pytest.mark.parametrize(
    "op", [CenterCrop(7), CenterCrop((3, 5)), RandomResizedCrop(7), RandomResizedCrop((3, 5)), Resize((3, 5))]
)
@pytest.mark.parametrize("before", [Spec(), Spec(9, 4), Spec(1, 1)])
def test_a_given_size_fixes_the_spec(op: Any, before: Spec) -> None:
    """After an op with a height and a width every image has these, whatever it was before."""
    assert op.spec(before) == Spec(*height_width(op.size))


@pytest.mark.parametrize("op", [HorizontalFlip(), Rotate(10)])
@pytest.mark.parametrize("before", [Spec(), Spec(9, 4)])
def test_turning_and_mirroring_keep_the_spec(op: Op, before: Spec) -> None:
    """Ops that keep the size pass the spec on unchanged, free or fixed."""
    assert op.spec(before) == before


@given(st.tuples(sides, sides), lengths)
def test_the_spec_of_a_shorter_side_is_what_is_drawn(size: tuple[int, int], length: int) -> None:
    """`Resize(n)` after a fixed size has the very size that it will draw; after a free one it stays free."""
    _, after = drawn(Resize(length), np.array([size]), 0)
    assert Resize(length).spec(Spec(*size)) == Spec(*after[0].tolist())
    assert Resize(length).spec(Spec()) == Spec()


@pytest.mark.parametrize("op", [Resize(8), Resize((8, 8)), CenterCrop(8), RandomResizedCrop(8), HorizontalFlip(), Rotate(10)])
def test_geometry_comes_before_normalize(op: Op) -> None:
    """An op on 8-bit pixels refuses what `Normalize` gives, and says where it belongs."""
    with pytest.raises(PipelineError, match=rf"`{type(op).__name__}` works on 8-bit pixels; put it before `Normalize`"):
        op.spec(Normalize.imagenet().spec(Spec(8, 8)))


@given(sizes, lengths)
def test_the_shorter_side_is_exact_and_the_ratio_kept(sizes: Sizes, length: int) -> None:
    """`Resize(n)` gives a shorter side of exactly n and the longer one that keeps the ratio to half a pixel."""
    params, after = drawn(Resize(length), sizes, 0)
    assert (after.min(axis=1) == length).all()
    longer = sizes.max(axis=1) * length / sizes.min(axis=1)
    assert (np.abs(after.max(axis=1) - longer) <= 0.5).all()
    taller, still = sizes[:, 0] > sizes[:, 1], after[:, 0] >= after[:, 1]
    assert (still | ~taller).all()
    assert (params == after).all()


@given(sizes, targets, seeds)
def test_every_op_says_what_size_it_leaves(sizes: Sizes, target: int | tuple[int, int], seed: int) -> None:
    """The sizes that ops with a height and a width return are these, for every image."""
    for op in (Resize(height_width(target)), CenterCrop(target), RandomResizedCrop(target)):
        _, after = drawn(op, sizes, seed)
        assert after.shape == sizes.shape
        assert (after == height_width(target)).all()


@given(sizes, targets)
def test_a_center_crop_is_in_the_middle(sizes: Sizes, target: int | tuple[int, int]) -> None:
    """What is left off, or laid around, differs by at most a pixel between two opposite sides."""
    params, _ = drawn(CenterCrop(target), sizes, 0)
    before, box = params[:, :2], params[:, 2:]
    assert (box == height_width(target)).all()
    behind = sizes - box - before
    assert (np.abs(before - behind) <= 1).all()


@given(sizes, targets, scales, ratios, seeds)
def test_boxes_lie_within_the_image(
    sizes: Sizes, target: int | tuple[int, int], scale: tuple[float, float], ratio: tuple[float, float], seed: int
) -> None:
    """Every box of `RandomResizedCrop` is whole pixels, at least one and none outside, however small or long the image."""
    boxes, _ = drawn(RandomResizedCrop(target, scale, ratio), sizes, seed)
    assert (boxes == boxes.astype(np.int64)).all()
    assert (boxes[:, :2] >= 0).all()
    assert (boxes[:, 2:] >= 1).all()
    assert (boxes[:, :2] + boxes[:, 2:] <= sizes).all()


@given(sizes, ratios, seeds)
def test_boxes_keep_to_the_ratios(sizes: Sizes, ratio: tuple[float, float], seed: int) -> None:
    """Width : height of a box is within the limits, but for the rounding of each side to whole pixels, at least one."""
    boxes, _ = drawn(RandomResizedCrop(8, ratio=ratio), sizes, seed)
    height, width = boxes[:, 2], boxes[:, 3]
    assert (((width - 0.5) / (height + 0.5) <= ratio[1] * 1.000001) | (width == 1)).all()
    assert (((width + 0.5) / (height - 0.5) >= ratio[0] * 0.999999) | (height == 1)).all()


@given(
    st.lists(st.tuples(st.integers(75, 1000), st.floats(0.75, 1.33)), min_size=1, max_size=8),
    st.tuples(st.floats(0.05, 0.5), st.floats(0.05, 0.5)).map(lambda pair: (min(pair), max(pair))),
    seeds,
)
def test_areas_keep_to_the_scale_where_a_try_fits(shapes: list[tuple[int, float]], scale: tuple[float, float], seed: int) -> None:
    """A box of up to half the area always fits into a nearly square image; its area is within the scale but for the rounding."""
    sizes = np.array([(height, max(75, round(height * aspect))) for height, aspect in shapes], np.int64)
    boxes, _ = drawn(RandomResizedCrop(8, scale), sizes, seed)
    whole = sizes.prod(axis=1)
    least, most = (boxes[:, 2:] + 0.5).prod(axis=1), (boxes[:, 2:] - 0.5).prod(axis=1)
    assert (least >= scale[0] * whole * 0.999999).all()
    assert (most <= scale[1] * whole * 1.000001).all()


@pytest.mark.parametrize("size", [(10, 1000), (1000, 10), (1, 500), (500, 1), (1, 1)])
def test_where_no_try_fits_the_box_is_the_largest_in_the_middle(size: tuple[int, int]) -> None:
    """An image too long for any box of the whole area gives the largest box within the ratios, central, as in torchvision."""
    op = RandomResizedCrop(8, scale=(1, 1))
    boxes, _ = drawn(op, np.array([size] * 50), 3)
    height, width = size
    if width > height:
        expected = (height, min(width, max(1, math.floor(height * 4 / 3 + 0.5))))
    else:
        expected = (min(height, max(1, math.floor(width / (3 / 4) + 0.5))), width)
    assert (boxes[:, 2:] == expected).all()
    assert (boxes[:, :2] == (np.array(size) - expected) // 2).all()


def test_boxes_reach_every_place_alike() -> None:
    """Over many draws a box of half the width starts at each of its places, all equally often."""
    op = RandomResizedCrop(8, scale=(0.25, 0.25), ratio=(1, 1))
    boxes, _ = op.draw(uniforms(0, 0, np.arange(20_000), op.slots), np.full((20_000, 2), 20))
    assert (boxes[:, 2:] == 10).all()
    for axis in (0, 1):
        counts = np.bincount(boxes[:, axis].astype(int), minlength=11)
        chi_squared = ((counts - 20_000 / 11) ** 2 / (20_000 / 11)).sum()
        assert len(counts) == 11
        assert chi_squared < 29.6  # the 0.1 % point of 10 degrees of freedom
    assert abs(np.corrcoef(boxes[:, 0], boxes[:, 1])[0, 1]) < 0.03


def test_areas_and_ratios_are_spread_over_their_ranges() -> None:
    """In a large square image areas are uniform over the scale and the logarithm of the ratio is uniform, as published."""
    op = RandomResizedCrop(8, scale=(0.1, 0.5))
    boxes, _ = op.draw(uniforms(1, 0, np.arange(20_000), op.slots), np.full((20_000, 2), 4000))
    area = boxes[:, 2:].prod(axis=1) / 4000**2
    ratio = np.log(boxes[:, 3] / boxes[:, 2])
    for values, low, high in ((area, 0.1, 0.5), (ratio, math.log(3 / 4), math.log(4 / 3))):
        counts, _ = np.histogram(values, bins=10, range=(low - 1e-3, high + 1e-3))
        assert counts.sum() == 20_000
        assert np.abs(counts - 2000).max() < 200


@pytest.mark.parametrize(("p", "share"), [(0, 0.0), (1, 1.0), (0.25, 0.25), (0.5, 0.5)])
def test_the_share_of_mirrored_images_is_p(p: float, share: float) -> None:
    """Of many images p are mirrored: none at 0, all at 1."""
    op = HorizontalFlip(p)
    u = uniforms(0, 0, np.arange(10_000), op.slots)
    u[0], u[1] = 0, LARGEST
    params, _ = op.draw(u, np.ones((10_000, 2), np.int64))
    assert set(np.unique(params)) <= {0, 1}
    assert params.mean() == pytest.approx(share, abs=0.02 if 0 < p < 1 else 0)


@given(st.tuples(st.floats(-360, 360), st.floats(-360, 360)).map(lambda pair: (min(pair), max(pair))), seeds)
def test_angles_lie_within_the_degrees(degrees: tuple[float, float], seed: int) -> None:
    """Every angle that `Rotate` draws is within its limits."""
    params, after = drawn(Rotate(degrees), np.ones((20, 2), np.int64), seed)
    assert params.shape == (20, 3)
    assert (params[:, 0] >= degrees[0]).all()
    assert (params[:, 0] <= degrees[1]).all()
    assert (params[:, 1:] == after).all()
    assert (after == 1).all()


@pytest.mark.parametrize("degrees", [0, 7, 30.5, -30.5])
def test_one_angle_stands_for_both_directions(degrees: float) -> None:
    """`Rotate(d)` is `Rotate((-d, d))`."""
    assert Rotate(degrees) == Rotate((-abs(degrees), abs(degrees)))


@pytest.mark.parametrize(
    ("op", "arguments", "quoted"),
    [
        *((op, {"size": 0}, "size=0") for op in (Resize, CenterCrop, RandomResizedCrop)),
        *((op, {"size": -4}, "size=-4") for op in (Resize, CenterCrop, RandomResizedCrop)),
        *((op, {"size": (8, 0)}, "size=(8, 0)") for op in (Resize, CenterCrop, RandomResizedCrop)),
        *((op, {"size": (8, 8, 3)}, "size=(8, 8, 3)") for op in (Resize, CenterCrop, RandomResizedCrop)),
        *((op, {"size": 8.5}, "size=8.5") for op in (Resize, CenterCrop, RandomResizedCrop)),
        *((op, {"size": True}, "size=True") for op in (Resize, CenterCrop, RandomResizedCrop)),
        *((op, {"size": "8"}, "size='8'") for op in (Resize, CenterCrop, RandomResizedCrop)),
        (Resize, {"size": 8, "interpolation": "linear"}, "interpolation='linear'"),
        (RandomResizedCrop, {"size": 8, "interpolation": "area"}, "interpolation='area'"),
        (RandomResizedCrop, {"size": 8, "scale": (0.5, 0.1)}, "scale=(0.5, 0.1)"),
        (RandomResizedCrop, {"size": 8, "scale": (0.5, 1.1)}, "scale=(0.5, 1.1)"),
        (RandomResizedCrop, {"size": 8, "scale": 0.5}, "scale=0.5"),
        (RandomResizedCrop, {"size": 8, "scale": (math.nan, 1)}, "scale=(nan, 1)"),
        (RandomResizedCrop, {"size": 8, "ratio": (2, 1)}, "ratio=(2, 1)"),
        (RandomResizedCrop, {"size": 8, "ratio": (0, 1)}, "ratio=(0, 1)"),
        (RandomResizedCrop, {"size": 8, "ratio": (1, math.inf)}, "ratio=(1, inf)"),
        (HorizontalFlip, {"p": 1.5}, "p=1.5"),
        (HorizontalFlip, {"p": -0.1}, "p=-0.1"),
        (HorizontalFlip, {"p": math.nan}, "p=nan"),
        (Rotate, {"degrees": (10, -10)}, "degrees=(10, -10)"),
        (Rotate, {"degrees": 400}, "degrees=(-400, 400)"),
        (Rotate, {"degrees": 10, "fill": (0, 0, 256)}, "fill=(0, 0, 256)"),
        (Rotate, {"degrees": 10, "fill": (0, 0)}, "fill=(0, 0)"),
    ],
)
def test_a_value_that_cannot_be_is_quoted(op: Any, arguments: dict[str, Any], quoted: str) -> None:
    """An op that cannot be made says so when it is made, with its name, the field and the value."""
    with pytest.raises(PipelineError) as caught:
        op(**arguments)
    assert str(caught.value).startswith(op.__name__)
    assert quoted in str(caught.value)


@pytest.mark.parametrize("op", [Resize((8, 6)), CenterCrop((8, 6)), RandomResizedCrop((8, 6)), Rotate((-3, 3), (1, 2, 3))])
def test_lists_from_files_make_the_same_op(op: Any) -> None:
    """An op given lists, as YAML has them, equals the one given tuples and can be hashed."""
    fields = {name: list(value) if isinstance(value, tuple) else value for name, value in attrs.asdict(op).items()}
    assert type(op)(**fields) == op
    assert hash(type(op)(**fields)) == hash(op)
