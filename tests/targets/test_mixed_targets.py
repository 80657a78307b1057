"""Mixes: what is bright in a mixed image lies in its boxes and its mask, and nothing else does."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from painting import RADIUS, disc, loaded, manifest_of

from dataprep.manifest import Manifest
from dataprep.protocols import Mix
from dataprep.stages import CenterCrop, CutMix, HorizontalFlip, MixUp, Normalize
from dataprep.targets.kinds import Boxes, Column, Mask, Points, Polygons
from dataprep.targets.marks import Marks
from dataprep.targets.mix import mix_targets
from dataprep.testing import FakeBackend

COUNT = 32
PLAIN = Normalize((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


@pytest.fixture(scope="module")
def painted() -> Manifest:
    """Images of one size with a white disc each, with its box, its middle, its outline, its mask and a number."""
    generator = np.random.default_rng(1)
    middles = generator.uniform(RADIUS + 1, 63 - RADIUS, (COUNT, 2))
    images = [disc(64, 64, x, y) for x, y in middles]
    boxes = [[[x - RADIUS - 0.5, y - RADIUS - 0.5, x + RADIUS + 0.5, y + RADIUS + 0.5]] for x, y in middles]
    masks = [(image[..., 0] > 127).astype(np.uint8) for image in images]
    corners = [[[[box[0], box[1]], [box[2], box[1]], [box[2], box[3]], [box[0], box[3]]] for box in own] for own in boxes]
    numbers = {"age": [float(number) for number in range(COUNT)], "box_labels": [[f"{number:02d}"] for number in range(COUNT)]}
    return manifest_of(images, masks, boxes=boxes, points=[[place] for place in middles.tolist()], polygons=corners, **numbers)


def covered(boxes: NDArray[Any], margin: float) -> NDArray[np.bool_]:
    """Returns which of 64 × 64 pixels lie in one of the boxes, each larger by a margin."""
    down, right = np.mgrid[:64, :64] + 0.5
    inside = [
        (right > left - margin) & (right < stop + margin) & (down > top - margin) & (down < bottom + margin)
        for left, top, stop, bottom in boxes.tolist()
    ]
    return np.any(inside, axis=0) if inside else np.zeros((64, 64), bool)


@pytest.mark.parametrize("mix", [MixUp(1.0, 0.8), CutMix(1.0, 0.9)], ids=repr)
def test_boxes_are_around_what_is_bright(mix: Mix, painted: Manifest) -> None:
    """Every bright pixel lies in a box, every box is around some, at least as bright as its image's share."""
    batch = loaded(
        painted, (HorizontalFlip(), CenterCrop(64), PLAIN, mix), Boxes(labels="box_labels", visible=0.0), FakeBackend()
    )
    for place, boxes in enumerate(batch.targets["boxes"]):
        bright = batch.images[place, 0] > 1e-3
        assert not (bright & ~covered(boxes, 0.5)).any()
        assert len(boxes) == len(batch.targets["box_labels"][place]) <= 2
        for box, share in zip(boxes, batch.targets["boxes_shares"][place], strict=True) if mix.blends else ():
            if (box[2:] - box[:2]).min() > 4:  # where the other image's disc lies, too, both add up
                assert batch.images[place, 0][covered(box[None], -2)].max() >= share - 0.01


def test_a_pasted_mask_covers_what_is_painted(painted: Manifest) -> None:
    """After `CutMix` the class of each pixel is still that of what is to be seen there."""
    batch = loaded(painted, (HorizontalFlip(), CenterCrop(64), CutMix()), [Mask(), Points(unseen="drop")], FakeBackend())
    assert np.array_equal(batch.targets["mask"], batch.images[:, 0] > 127)
    for mask, points in zip(batch.targets["mask"], batch.targets["points"], strict=True):
        assert all(mask[int(y), int(x)] for x, y in points.tolist())


def test_numbers_are_blended_as_labels_are(painted: Manifest) -> None:
    """A number becomes that of the image and of the next one, each by its share; outlines of both are delivered."""
    targets = [Column("age"), Polygons(), Points()]
    batch = loaded(painted, (CenterCrop(64), PLAIN, MixUp(1.0)), targets, FakeBackend())
    for place, age in enumerate(batch.targets["age"].tolist()):
        shares = batch.targets["polygons_shares"][place].tolist()
        assert np.isclose(sum(shares), 1) and len(batch.targets["points"][place]) == len(batch.targets["polygons"][place]) == len(
            shares
        )
        if len(shares) == 2:
            assert np.isclose(age, shares[0] * place + shares[1] * ((place + 1) % COUNT), atol=1e-4)


boxes = st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(1, 9), st.integers(1, 9))


@given(boxes, boxes, boxes, st.floats(0, 1))
def test_a_pasted_box_leaves_what_it_does_not_hide(
    one: tuple[int, ...], other: tuple[int, ...], window: tuple[int, ...], visible: float
) -> None:
    """Each box is the smallest one around its pixels that are left, if these are enough of it."""
    size = 18

    def pixels(box: tuple[int, ...]) -> NDArray[np.bool_]:
        shown = np.zeros((size, size), bool)
        shown[box[1] : box[1] + box[3], box[0] : box[0] + box[2]] = True
        return shown

    corners = np.array([[left, top, left + width, top + height] for left, top, width, height in (one, other)], np.float32)
    marks = Marks(Boxes(visible=visible), np.array([1, 1]), corners, {"number": np.array([7, 8])})
    left, top, width, height = window
    params = np.array([[1 - width * height / size**2, top, left, height, width], [1, 0, 0, 0, 0]], np.float64)
    mixed = mix_targets({"boxes": marks}, params, np.array([1, 0]))["boxes"]
    expected = []
    for number, box, shown in ((7, one, pixels(one) & ~pixels(window)), (8, other, pixels(other) & pixels(window))):
        if shown.sum() >= (visible - 1e-9) * pixels(box).sum() and shown.any():
            down, right = np.nonzero(shown)
            expected.append((number, [right.min(), down.min(), right.max() + 1, down.max() + 1]))
    found = list(zip(mixed.labels["number"][: mixed.counts[0]].tolist(), mixed.values[: mixed.counts[0]].tolist(), strict=True))
    assert found == expected
    assert mixed.counts[1] == 1 and mixed.labels["number"][-1] == 8  # no box is pasted into the other image
    assert list(mixed.labels) == ["number"]
