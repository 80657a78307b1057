"""Targets over the images of a batch: each drawn where it is, and told in words below."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dataprep as dp
from dataprep.looking.drawing import marked, told_targets
from dataprep.looking.pictures import SIDE
from dataprep.testing import FakeBackend, write_images

GRAY = np.full((48, 64, 3), 90, np.uint8)


def places(*numbers: float) -> dict[str, Any]:
    """Targets of a batch of two images, of which the second has boxes."""
    return {"boxes": [np.zeros((0, 4), np.float32), np.array([numbers], np.float32)]}


@given(
    st.tuples(st.integers(0, 60), st.integers(0, 44)),
    st.tuples(st.integers(4, 64), st.integers(4, 48)),
    st.sampled_from([48, 64, 65, 128, 500]),
)
def test_a_box_is_drawn_along_its_edge(corner: tuple[int, int], size: tuple[int, int], least: int) -> None:
    """The frame of a box is as wide and as high as the box, in pixels of the magnified picture; the rest is untouched."""
    (left, top), right, bottom = corner, min(corner[0] + size[0], 64), min(corner[1] + size[1], 48)
    drawn = marked(GRAY, places(left, top, right, bottom), 1, least)
    scale = drawn.shape[0] // 48
    assert drawn.shape == (48 * scale, 64 * scale, 3) and max(drawn.shape) >= min(least, 64)
    rows, columns = np.nonzero((drawn != 90).any(axis=2))
    for found, low, high in ((columns, left, right), (rows, top, bottom)):
        assert abs(found.min() - low * scale) <= 1 and abs(found.max() - high * scale) <= 1
    inside = drawn[top * scale + 3 : bottom * scale - 3, left * scale + 3 : right * scale - 3]
    assert (inside == 90).all()
    assert np.array_equal(marked(GRAY, places(left, top, right, bottom), 0, 1), GRAY)  # the other image has none


@pytest.mark.parametrize("number", [0, 1, 7, 255])
def test_a_mask_is_laid_over(number: int) -> None:
    """Each number of a mask but 0 has a colour of its own, half of which is seen; where it is 0 the image is as it was."""
    mask = np.zeros((1, 48, 64), np.uint8)
    mask[0, 10:20, 30:40] = number
    drawn = marked(GRAY, {"mask": mask}, 0, 1)
    changed = (drawn != 90).any(axis=2)
    assert np.array_equal(changed, mask[0] != 0)
    assert len(np.unique(drawn[changed], axis=0)) == (number != 0)


def test_a_point_and_an_outline() -> None:
    """A point is a disc around its place, one that is nowhere is left out, and an outline runs through its corners."""
    points = {"points": [np.array([[20, 30], [np.nan, np.nan]], np.float32)]}
    rows, columns = np.nonzero((marked(GRAY, points, 0, 1) != 90).any(axis=2))
    assert abs(rows.mean() - 29.5) < 0.6 and abs(columns.mean() - 19.5) < 0.6
    outline = {"polygons": [[np.array([[10, 10], [50, 10], [50, 40]], np.float32)]]}
    drawn = (marked(GRAY, outline, 0, 1) != 90).any(axis=2)
    assert drawn[9:12, 30].any() and drawn[25, 48:51].any() and drawn[24:27, 30].any()
    assert not drawn[:, :8].any() and not drawn[35, 12]


def test_objects_of_a_class_have_one_colour() -> None:
    """Where a batch knows the classes of its boxes, those of one class look alike, and those of two do not."""
    boxes = np.array([[2, 2, 12, 12], [22, 2, 32, 12], [42, 2, 52, 12]], np.float32)
    drawn = marked(GRAY, {"boxes": [boxes], "box_labels": [np.array([1, 0, 1])]}, 0, 1)
    first, second, third = (tuple(drawn[6, left]) for left in (2, 22, 42))
    assert first == third != second


def test_what_is_told() -> None:
    """Below a picture stand how many places there are, the names of their classes, the numbers of a mask, texts and values."""
    targets = {
        "boxes": [np.zeros((2, 4))],
        "box_labels": [np.array([1, -1])],
        "crowd": [np.array([0.5, 0.5])],
        "polygons": [[np.zeros((3, 2))]],
        "mask": np.array([[[0, 2], [2, 255]]]),
        "caption": ["<b>two</b>"],
        "value": np.array([0.25]),
    }
    told = told_targets(targets, 0, {"box_labels": ("cat", "dog")})
    assert told == (
        "boxes: 2", "box_labels: dog, none", "polygons: 1", "mask: 0, 2, 255", "caption: <b>two</b>", "value: 0.25",
    )  # fmt: skip
    assert told_targets({"box_labels": [np.array([], np.int64)]}, 0, {"box_labels": ("cat",)}) == ("box_labels: none",)


def test_a_batch_with_targets_is_shown_with_them(tmp_path: Any) -> None:
    """`show` draws the boxes of a loader's batch where the ops have moved them, and names their classes."""
    write_images(tmp_path, 4)
    table = dp.clean(tmp_path, dp.Pipeline(dp.PHash()), engine=dp.Local(0)).table
    rows = {
        "image": [str(tmp_path / uri) for uri in table["uri"].to_pylist()],
        "boxes": [[[10.0, 20.0, 60.0, 70.0]]] * 4,
        "box_labels": [["owl"]] * 4,
    }
    manifest = dp.clean(pa.table(rows), dp.Pipeline(dp.PHash()), engine=dp.Local(0))
    ops = dp.Pipeline(dp.RandomResizedCrop((48, 64), scale=(0.9, 1)), dp.HorizontalFlip())
    boxes = dp.Boxes("boxes", labels="box_labels")
    batch = next(iter(dp.Loader(manifest, ops, batch_size=4, backend=FakeBackend(), targets=boxes)))
    plain = next(iter(dp.Loader(manifest, ops, batch_size=4, backend=FakeBackend())))
    for index, (picture, bare) in enumerate(zip(dp.show(batch).pictures, dp.show(plain).pictures, strict=True)):
        assert picture.lines == (*bare.lines, "boxes: 1", "box_labels: owl")
        assert np.array_equal(picture.image, marked(bare.image, batch.targets, index, SIDE))
        assert not np.array_equal(picture.image, marked(bare.image, {}, index, SIDE))
