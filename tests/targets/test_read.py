"""Columns become places in pixels of the upright image, in whatever form they are; what cannot be meant is refused."""

import io
import json
from typing import Any

import numpy as np
import PIL.Image
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from painting import disc, loaded, manifest_of

from dataprep.errors import LoaderError
from dataprep.images.views import upright
from dataprep.manifest import Manifest
from dataprep.stages import CenterCrop, HorizontalFlip, Resize
from dataprep.targets.kinds import Boxes, Column, Mask, Points, Polygons
from dataprep.testing import FakeBackend, FakeSource, encoded, photo

HEIGHT, WIDTH = 30, 40
PLAIN = [CenterCrop((HEIGHT, WIDTH))]


def delivered(target: Any, column: Any, ops: Any = None) -> Any:
    """Returns what a batch has of a column over as many images as it has rows."""
    rows = len(column)
    manifest = manifest_of([photo(0, HEIGHT, WIDTH)] * rows, **{target.column: column})
    return loaded(manifest, ops or PLAIN, target, FakeBackend()).targets[target.column]


box = st.tuples(st.integers(0, 20), st.integers(0, 15), st.integers(3, 15), st.integers(3, 12))  # larger than what shares reach


def asked(box: tuple[int, ...], form: str) -> list[float]:
    """Returns a box of left, top, width and height in another form."""
    left, top, width, height = box
    return {
        "xyxy": [left, top, left + width, top + height],
        "xywh": [left, top, width, height],
        "cxcywh": [left + width / 2, top + height / 2, width, height],
    }[form]


@given(st.lists(st.lists(box, max_size=3), min_size=1, max_size=3), st.sampled_from(["xyxy", "xywh", "cxcywh"]), st.booleans())
def test_boxes_of_every_form_are_the_same(images: list[list[tuple[int, ...]]], form: Any, relative: bool) -> None:
    """Corners, sides or middles, in pixels or shares, as lists or as JSON: the same boxes come of them."""
    sides = np.array([WIDTH, HEIGHT] * 2) if relative else 1.0
    column = [[(np.array(asked(one, form)) / sides).tolist() for one in image] for image in images]
    target = Boxes("bbox", format=form, relative=relative, visible=0.0)
    lists = delivered(target, pa.array(column, pa.list_(pa.list_(pa.float64()))))
    text = delivered(target, pa.array([json.dumps(image) for image in column]))
    for image, found, same in zip(images, lists, text, strict=True):
        np.testing.assert_allclose(found, np.reshape([asked(one, "xyxy") for one in image], (-1, 4)), atol=1e-4)
        assert np.array_equal(found, same)


@pytest.mark.parametrize(
    ("target", "column", "said"),
    [
        (Boxes("b"), [[[20, 10, 15, 12]]], "comes before its left or top as format='xyxy'"),
        (Boxes("b", format="xywh"), [[[30, 20, 35, 25]]], "1 of 1 places lie far outside .* is the format another"),
        (Boxes("b"), [[[0.1, 0.2, 0.5, 0.6]]], "all numbers are from 0 to 1; give relative=True"),
        (Boxes("b", relative=True), [[[1, 2, 30, 20]]], "no shares of its sides; leave relative=True out"),
        (Boxes("b"), [[[1, 2, 3]]], r"has \[1, 2, 3\], where 4 numbers are wanted"),
        (Boxes("b"), [[[1, 2, 3, None]]], "which is no place"),
        (Boxes("b"), [[[1, 2, 3, float("inf")]]], "which is no place"),
        (Boxes("b"), [[[1, 2, 3, 4]], None], r"1 kept images have nothing in the column 'b', such as '001.png'"),
        (Points("p"), [[[500, 2]], [[900, 3]]], "2 of 2 places lie far outside"),
        (Points("p"), [[["a", "b"]]], "does not hold numbers"),
        (Polygons("p"), [[[[1, 2], [3, 4], None]]], "has a null among its 'p'"),
        (Column("c"), [1, None], r"it is null for 1 kept images, such as '001.png'; say what stands there"),
        (Column("c"), [b"bytes"], "numbers, text and lists of numbers can be in a batch"),
        (Mask("m"), [None], "nobody looked at them"),
    ],
)
def test_what_cannot_be_meant_is_refused(target: Any, column: list[Any], said: str) -> None:
    """A wrong format, unit or number of numbers, and what is missing, are refused with the target and an image that shows it."""
    with pytest.raises(LoaderError, match=said) as caught:
        delivered(target, column)
    assert str(caught.value).startswith(f"{type(target).__name__}({target.column!r})")


def test_plain_columns_come_as_they_are() -> None:
    """Whole numbers, floats with what is missing, booleans, text and lists of numbers, each in its own form."""
    assert delivered(Column("c"), [3, 4]).tolist() == [3, 4]
    assert np.isnan(delivered(Column("c"), [0.5, None])).tolist() == [False, True]
    assert delivered(Column("c", missing=7), pa.array([3, None])).tolist() == [3, 7]
    assert delivered(Column("c"), [True, False]).dtype == bool
    assert delivered(Column("c"), pa.array(["a", "b"]).dictionary_encode()) == ["a", "b"]
    assert [numbers.tolist() for numbers in delivered(Column("c"), [[1, 2], []])] == [[1, 2], []]


CORNERS = [[5.0, 10.0], [25.0, 12.0], [20.0, 25.0]]


@pytest.mark.parametrize(
    ("unseen", "expected"),
    [
        ("keep", [[-5.0, 5.0], [15.0, 7.0], [10.0, 20.0]]),
        ("nan", [None, [15.0, 7.0], [10.0, 20.0]]),
        ("drop", [[15.0, 7.0], [10.0, 20.0]]),
    ],
)
def test_points_that_are_not_seen(unseen: Any, expected: list[Any]) -> None:
    """A point outside of the picture is kept where it is, no number, or gone, as asked for; its number among labels, too."""
    manifest = manifest_of([photo(0, HEIGHT, WIDTH)], points=[CORNERS], number=[[0, 1, 2]])
    targets = loaded(manifest, [CenterCrop((20, 20))], Points(unseen=unseen, labels="number"), FakeBackend()).targets
    found = [None if np.isnan(place).any() else place.tolist() for place in targets["points"][0]]
    assert found == expected
    assert targets["number"][0].tolist() == ([1, 2] if unseen == "drop" else [0, 1, 2])


def test_points_of_a_mirrored_image_change_sides() -> None:
    """In a mirrored image the left eye is where the right one was asked for, of each face; in another they stay."""
    faces = [[20.0, 5.0], [10.0, 3.0], [30.0, 3.0], [22.0, 25.0], [12.0, 23.0], [32.0, 23.0]]
    column, target = [faces, faces], Points("points", mirrored=(0, 2, 1))
    for p in (0.0, 1.0):
        for found in delivered(target, column, [HorizontalFlip(p), *PLAIN]):
            order = [0, 2, 1, 3, 5, 4] if p else range(6)
            assert found.tolist() == [[WIDTH - faces[at][0] if p else faces[at][0], faces[at][1]] for at in order]


@given(st.tuples(st.floats(0, 30), st.floats(0, 20), st.floats(4, 30), st.floats(4, 25)), st.floats(0, 1), st.integers(6, 40))
def test_boxes_are_kept_by_what_is_to_be_seen(box: tuple[float, ...], visible: float, side: int) -> None:
    """A box is cut at the picture, and kept if so much of what lay in the image is left; overhang counts for nothing."""
    left, top, right, bottom = box[0], box[1], box[0] + box[2], box[1] + box[3]
    given = np.array([left, top, right, bottom], np.float32).astype(np.float64)
    column = [[given.tolist(), [0.0, 0.0, 40.0, 30.0]]]
    found = delivered(Boxes("bbox", visible=visible), column, [CenterCrop(side), Resize((side, side))])[0]
    x, y = np.floor((WIDTH - side) / 2), np.floor((HEIGHT - side) / 2)
    inside = np.minimum(given, [WIDTH, HEIGHT] * 2)
    cut = np.clip(inside - [x, y, x, y], 0, side)
    share = (cut[2:] - cut[:2]).prod() / (inside[2:] - inside[:2]).prod()
    if abs(share - visible) < 1e-5:
        return
    kept = share > 0 and share >= visible and (cut[2:] - cut[:2] > 1e-4).all()
    rows = [row for row in found if np.allclose(row, cut, atol=1e-3)]
    assert bool(rows) == kept or (not kept and np.allclose(rows[0], np.clip([0 - x, 0 - y, 40 - x, 30 - y], 0, side), atol=1e-3))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_marks_of_the_stored_image_are_turned_with_it(orientation: int) -> None:
    """Of an image that EXIF turns, what was drawn on its pixels as they are stored lies where these are shown."""
    stored, exif = disc(50, 70, 22, 17), PIL.Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    PIL.Image.fromarray(stored).save(file, "PNG", exif=exif)
    shown = upright(stored, orientation)
    mask = (stored[..., 0] > 127).astype(np.uint8)
    columns = {"boxes": [[[15, 10, 29, 24]]], "points": [[[22 / 70, 17 / 50]]], "polygons": [[[[15, 10], [29, 10], [22, 24]]]]}
    whole = manifest_of([shown], [mask], **columns)
    files = FakeSource({"000.png": file.getvalue(), "mask-000.png": encoded(mask, "PNG")})
    manifest = Manifest(whole.table, whole.pipeline, files, (), whole.classes)
    targets = [Boxes(stored=True), Points(stored=True, relative=True), Polygons(stored=True), Mask(stored=True)]
    batch = loaded(manifest, [CenterCrop(shown.shape[:2])], targets, FakeBackend())
    bright = batch.images[0, 0] > 127
    down, right = np.nonzero(bright)
    assert np.array_equal(batch.targets["boxes"][0], [[right.min(), down.min(), right.max() + 1, down.max() + 1]])
    np.testing.assert_allclose(batch.targets["points"][0], [[right.mean() + 0.5, down.mean() + 0.5]], atol=1e-3)
    (outline,) = batch.targets["polygons"][0]
    assert np.array_equal([*outline.min(axis=0), *outline.max(axis=0)], batch.targets["boxes"][0][0])
    assert np.array_equal(batch.targets["mask"][0], bright)
