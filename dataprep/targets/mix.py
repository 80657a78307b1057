"""What mixes do to targets: each image's with those of the next one, as its pixels are.

| | where values are blended (`MixUp`) | where a box is pasted (`CutMix`) |
|---|---|---|
| boxes | of both images, each with the share of its image | its own where they are not hidden, the other's inside the box |
| points | of both images, each with the share of its image | its own outside of the box, the other's inside |
| outlines | of both images, each with the share of its image | refused: what is left of one may have holes |
| masks | refused: class numbers cannot be blended | as the pixels |
| numbers | blended as labels are | blended by area, as labels are |
| text, lists of numbers | refused | refused |

What a pasted box hides of a box counts against its `visible`: what is left is the smallest box around it.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataprep.errors import LoaderError
from dataprep.protocols import Mix
from dataprep.targets.kinds import Boxes, Mask, Points, Polygons, Target
from dataprep.targets.marks import ROUNDING, Marks
from dataprep.types import Params


def check_mix_of(mix: Mix, targets: Iterable[tuple[Target, Any]]) -> None:
    """Raises `LoaderError` for targets that a mix cannot mix; each with all that was read for it."""
    name = type(mix).__name__
    for target, read in targets:
        called = f"{type(target).__name__}({target.column!r})"
        if isinstance(target, Mask) and mix.blends:
            raise LoaderError(f"`{name}` blends pixels, and class numbers as of {called} cannot be blended; use `CutMix`")
        if isinstance(target, Polygons) and not mix.blends:
            raise LoaderError(
                f"`{name}` pastes boxes over {called}, which may leave holes in them; use boxes, a mask, or `MixUp`"
            )
        if isinstance(target, Points) and not mix.blends and target.unseen == "keep":
            raise LoaderError(f"`{name}` hides points; say what becomes of them, as in Points({target.column!r}, unseen='drop')")
        if not isinstance(target, Mask | Boxes | Points | Polygons) and not isinstance(read, np.ndarray):
            raise LoaderError(f"`{name}` mixes two images, and {called}, which is not a number, cannot be; leave it out")


def mix_targets(targets: Mapping[str, Any], params: Params, partners: NDArray[np.int64]) -> dict[str, Any]:
    """Returns the targets of a batch, each image's mixed with those of its partner.

    Args:
        targets: By name: marks, (B,) numbers or (B, H, W) masks.
        params: (B, 5) the share that an image keeps, and the box of its partner that is pasted: top, left, height, width.
        partners: (B,) which image each one is mixed with.
    """
    return {name: _mixed(values, params, partners) for name, values in targets.items()}


def _mixed(values: Any, params: Params, partners: NDArray[np.int64]) -> Any:
    if isinstance(values, Marks):
        return _marks(values, params, partners)
    if values.ndim == 1:
        shares = params[:, 0].astype(np.float32)
        return shares * values.astype(np.float32) + (1 - shares) * values[partners].astype(np.float32)
    mixed = values.copy()
    for index, (top, left, height, width) in enumerate(params[:, 1:].astype(int).tolist()):
        inside = slice(top, top + height), slice(left, left + width)
        mixed[(index, *inside)] = values[(int(partners[index]), *inside)]
    return mixed


def _marks(marks: Marks, params: Params, partners: NDArray[np.int64]) -> Marks:
    own, other = _shared(marks, params[:, 0]), _shared(marks.of(partners), 1 - params[:, 0])
    pasted = params[:, 3:].prod(axis=1) > 0
    if pasted.any():
        windows = np.concatenate([params[:, 2:0:-1], params[:, 2:0:-1] + params[:, :2:-1]], axis=1)
        own, other = _outside(own, windows, pasted), _inside(other, windows, pasted)
        labels = [{name: values for name, values in part.labels.items() if name != _share(part)} for part in (own, other)]
        own, other = own._replace(labels=labels[0]), other._replace(labels=labels[1])
    return _joined(own, other)


def _share(marks: Marks) -> str:
    """Returns the name under which the shares of blended images are delivered."""
    return f"{marks.target.column}_shares"


def _shared(marks: Marks, shares: Params) -> Marks:
    """Returns marks with the share of their image, without those of images that have none."""
    each = shares[marks.images].astype(np.float32)
    return marks._replace(labels={**marks.labels, _share(marks): each}).keep(each > 0)


def _joined(own: Marks, other: Marks) -> Marks:
    """Returns the marks of two batches, image by image."""
    order = np.argsort(np.concatenate([own.images, other.images]), kind="stable")
    labels = {name: np.concatenate([values, other.labels[name]]) for name, values in own.labels.items()}
    corners = None if own.corners is None or other.corners is None else np.concatenate([own.corners, other.corners])
    both = Marks(own.target, own.counts, np.concatenate([own.values, other.values]), labels, corners)
    return both.take(order, own.counts + other.counts)


def _outside(marks: Marks, windows: Params, pasted: NDArray[np.bool_]) -> Marks:
    """Returns what is to be seen beside (B, 4) windows of left, top, right, bottom, where one is pasted."""
    window, there = windows[marks.images], pasted[marks.images]
    if isinstance(marks.target, Points):
        return _unseen(marks, there & _within(marks.values, window))
    boxes = marks.values.astype(np.float64)
    hidden, area = _area(_overlap(boxes, window)) * there, _area(boxes)
    seen = np.stack([_rest(boxes, window, axis) for axis in (0, 1)])
    covers = [((window[:, at] <= boxes[:, at]) & (window[:, at + 2] >= boxes[:, at + 2]))[:, None] for at in (1, 0)]
    left = np.where(covers[0] & there[:, None], seen[0], np.where(covers[1] & there[:, None], seen[1], boxes))
    return _visible(marks._replace(values=left.astype(np.float32)), area - hidden, area)


def _rest(boxes: Params, windows: Params, axis: int) -> Params:
    """Returns what is left of boxes that windows cross from side to side, along x (0) or y (1); split ones stay whole."""
    rest = boxes.copy()
    low, high = windows[:, axis], windows[:, axis + 2]
    rest[:, axis] = np.where((low <= boxes[:, axis]) & (high > boxes[:, axis]), high, boxes[:, axis])
    rest[:, axis + 2] = np.where((high >= boxes[:, axis + 2]) & (low < boxes[:, axis + 2]), low, boxes[:, axis + 2])
    return rest


def _inside(marks: Marks, windows: Params, pasted: NDArray[np.bool_]) -> Marks:
    """Returns what is to be seen inside (B, 4) windows; nothing where none is pasted."""
    marks = marks.keep(pasted[marks.images])
    window = windows[marks.images]
    if isinstance(marks.target, Points):
        return _unseen(marks, ~_within(marks.values, window))
    boxes = marks.values.astype(np.float64)
    left = _overlap(boxes, window)
    return _visible(marks._replace(values=left.astype(np.float32)), _area(left), _area(boxes))


def _visible(marks: Marks, seen: Params, whole: Params) -> Marks:
    """Returns the boxes of whose area enough is to be seen."""
    assert isinstance(marks.target, Boxes)
    sides = marks.values[:, 2:] - marks.values[:, :2]
    enough = (seen >= (marks.target.visible - ROUNDING) * whole) & (seen > ROUNDING)
    return marks.keep(enough & (sides > 0).all(axis=1))


def _unseen(marks: Marks, hidden: NDArray[np.bool_]) -> Marks:
    """Returns points without those that are hidden, or with no number in their place."""
    assert isinstance(marks.target, Points)
    if marks.target.unseen == "drop":
        return marks.keep(~hidden)
    return marks._replace(values=np.where(hidden[:, None], np.float32(np.nan), marks.values))


def _within(points: Params, windows: Params) -> NDArray[np.bool_]:
    return np.asarray(((points >= windows[:, :2]) & (points < windows[:, 2:])).all(axis=1))


def _overlap(boxes: Params, windows: Params) -> Params:
    return np.concatenate([np.maximum(boxes[:, :2], windows[:, :2]), np.minimum(boxes[:, 2:], windows[:, 2:])], axis=1)


def _area(boxes: Params) -> Params:
    return np.asarray(np.maximum(boxes[:, 2:] - boxes[:, :2], 0).prod(axis=1))
