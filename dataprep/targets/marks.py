"""Boxes, points and outlines of the images of a batch, end to end: how they travel, and how they move.

Arrays of all images together are few and large, whatever the images hold, so that moving them takes as many steps as there are
ops and a worker process sends as many arrays as there are columns. They are split by image where the loop gets them.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dataprep.targets.kinds import Boxes, Points, Polygons, Target
from dataprep.targets.motion import Motion, frame
from dataprep.targets.outlines import Outlines, cut, rectangles
from dataprep.types import Targets

ROUNDING: Final = 1e-6  # of an area: what rounding may take of a share


class Marks(NamedTuple):
    """What the images of a batch have several of each.

    Attributes:
        target: What was asked for.
        counts: (B,) how many each image has.
        values: (N, 4) boxes, (N, 2) points, (C, 2) the corners of all outlines, or (N,) numbers of a plain column; end to end.
        labels: (N,) values of each further column, by its name.
        corners: (N,) how many corners each outline has; None for what is no outline.
    """

    target: Target
    counts: NDArray[np.int64]
    values: Any
    labels: Mapping[str, Any]
    corners: NDArray[np.int64] | None = None

    @property
    def images(self) -> NDArray[np.int64]:
        """(N,) which image each one is of."""
        return np.repeat(np.arange(len(self.counts)), self.counts)

    def begins(self) -> "Begins":
        """Returns where the marks of each image begin, and the corners of each outline: `of` may be given it to save work."""
        return Begins(starts(self.counts), None if self.corners is None else starts(self.corners))

    def of(self, images: NDArray[np.int64], begins: "Begins | None" = None) -> "Marks":
        """Returns the marks of some images, in the order given; one may come several times."""
        begins, counts = begins or self.begins(), self.counts[images]
        return self.take(spans(begins.marks[images], counts), counts, begins)

    def take(self, which: NDArray[np.int64], counts: NDArray[np.int64], begins: "Begins | None" = None) -> "Marks":
        """Returns some of the marks, of which each image has as many as `counts` says."""
        labels = {name: values[which] for name, values in self.labels.items()}
        if self.corners is None:
            return Marks(self.target, counts, self.values[which], labels)
        corners, begin = self.corners[which], (begins or self.begins()).corners
        assert begin is not None
        return Marks(self.target, counts, self.values[spans(begin[which], corners)], labels, corners)

    def keep(self, kept: NDArray[np.bool_]) -> "Marks":
        """Returns those that are kept, each with its labels."""
        counts = np.bincount(self.images[kept], minlength=len(self.counts))
        return self.take(np.flatnonzero(kept), counts)

    def convert(self, function: Callable[[NDArray[Any]], Any]) -> "Marks":
        """Returns them with what is delivered as arrays of another library."""
        labels = {name: function(values) for name, values in self.labels.items()}
        return self._replace(values=function(self.values), labels=labels)

    def outlines(self) -> Outlines:
        """Returns the N outlines, padded."""
        assert self.corners is not None
        places = np.minimum(np.arange(max(int(self.corners.max(initial=1)), 1)), np.maximum(self.corners - 1, 0)[:, None])
        start = np.minimum(starts(self.corners), len(self.values))
        padded = np.concatenate([self.values, np.zeros((1, 2), self.values.dtype)])
        return Outlines(padded[start[:, None] + places].astype(np.float64), self.corners)


class Begins(NamedTuple):
    """Where runs begin that lie end to end.

    Attributes:
        marks: (B,) the first mark of each image.
        corners: (N,) the first corner of each outline, None for what is no outline.
    """

    marks: NDArray[np.int64]
    corners: NDArray[np.int64] | None


def starts(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Returns where each of some runs begins that lie end to end."""
    return np.asarray(np.cumsum(counts) - counts)


def spans(begins: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Returns the indices of runs, one run after the other."""
    return np.repeat(begins - starts(counts), counts) + np.arange(int(counts.sum()))


def move(marks: Marks, motion: Motion) -> Marks:
    """Returns marks as the ops leave them: moved, cut at what is to be seen, and left out with their labels where too little is.

    Args:
        marks: In continuous pixels of the upright images.
        motion: Where the places of each image go.
    """
    target = marks.target
    if isinstance(target, Boxes):
        return _boxes(marks, target.visible, motion.of(marks.images))
    if isinstance(target, Points):
        return _points(marks, target, motion.of(marks.images))
    if isinstance(target, Polygons):
        return _polygons(marks, target.visible, motion.of(marks.images))
    return marks


def _boxes(marks: Marks, visible: float, motion: Motion) -> Marks:
    boxes = marks.values.astype(np.float64)
    there = rectangles(np.concatenate([np.maximum(boxes[:, :2], 0), np.minimum(boxes[:, 2:], motion.before[:, ::-1])], axis=1))
    empty = (there.corners[:, 2] <= there.corners[:, 0]).any(axis=1)
    left = cut(there._replace(corners=motion.move(there.corners)), motion.lines)
    bounds = left.bounds().astype(np.float32)
    seen = left.areas() >= (visible - ROUNDING) * there.areas() * np.abs(motion.scales())
    whole = (bounds[:, 2:] > bounds[:, :2]).all(axis=1) & (left.counts > 2)
    return marks._replace(values=bounds).keep(seen & whole & ~empty)


def _points(marks: Marks, target: Points, motion: Motion) -> Marks:
    moved = motion.move(marks.values[:, None].astype(np.float64))
    seen = motion.shows(moved)[:, 0] | np.isnan(moved[:, 0]).any(axis=1)
    values = moved[:, 0].astype(np.float32)
    if target.unseen == "nan":
        values[~seen] = np.nan
    marks = marks._replace(values=values)
    if target.mirrored:
        place = np.arange(len(values))
        within = place - np.repeat(starts(marks.counts), marks.counts)
        order, size = np.array(target.mirrored), len(target.mirrored)
        place = np.where(motion.scales() < 0, place - within % size + order[within % size], place)
        marks, seen = marks.take(place, marks.counts), seen[place]
    return marks.keep(seen) if target.unseen == "drop" else marks


def _polygons(marks: Marks, visible: float, motion: Motion) -> Marks:
    given = marks.outlines()
    there = cut(given, frame(motion.before))
    left = cut(there._replace(corners=motion.move(there.corners)), motion.lines)
    areas = left.areas() * (left.counts > 2)
    kept = (areas >= (visible - ROUNDING) * there.areas() * np.abs(motion.scales())) & (areas > ROUNDING)
    counts = left.counts * kept
    inside = np.arange(left.corners.shape[1]) < left.counts[:, None]
    values = left.corners[inside & kept[:, None]].astype(np.float32)
    images = np.bincount(marks.images[kept], minlength=len(marks.counts))
    labels = {name: values[kept] for name, values in marks.labels.items()}
    return Marks(marks.target, images, values, labels, counts[kept])


def chosen(targets: Targets, images: NDArray[np.int64]) -> dict[str, Any]:
    """Returns the targets of some images of a batch, in the order given; one may come several times."""
    found: dict[str, Any] = {}
    for name, values in targets.items():
        if isinstance(values, Marks):
            found[name] = values.of(images)
        else:
            found[name] = [values[image] for image in images] if isinstance(values, list) else values[images]
    return found


def split(targets: Targets) -> dict[str, Any]:
    """Returns targets as a loop has them: what an image has several of as a list with one array for each image."""
    found: dict[str, Any] = {}
    for name, values in targets.items():
        if not isinstance(values, Marks):
            found[name] = values
            continue
        parts = _parts(values.values, values.counts if values.corners is None else values.corners)
        found[name] = parts if values.corners is None else _parts(parts, values.counts)
        found |= {label: _parts(numbers, values.counts) for label, numbers in values.labels.items()}
    return found


def _parts(values: Any, counts: NDArray[np.int64]) -> list[Any]:
    """Returns the runs of a list or an array that lie end to end."""
    stops = np.cumsum(counts).tolist()
    return [values[start:stop] for start, stop in zip([0, *stops], stops, strict=False)]
