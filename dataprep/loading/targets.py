"""What a loader was asked for beside images and labels: checked and read once, and moved for each batch as its images are.

Nothing of it is random, so a batch has the same targets on every rank, under every backend and after every resume.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from attrs import evolve, frozen
from numpy.typing import NDArray

from dataprep.backends.cpu import kernels  # noqa: F401  registers at `geometry` what albumentations knows
from dataprep.errors import LoaderError, suggestion
from dataprep.manifest import Manifest
from dataprep.manifest.forms import light_of
from dataprep.pipeline import Pipeline
from dataprep.protocols import Op
from dataprep.targets.geometry import geometry
from dataprep.targets.kinds import CANONICAL, LABELS, Boxes, Column, Mask, Places, Polygons, Target
from dataprep.targets.marks import Begins, Marks, move
from dataprep.targets.masks import Masks
from dataprep.targets.mix import check_mix_of
from dataprep.targets.motion import Motion, follow
from dataprep.targets.read import Table, read_places, read_texts, read_values
from dataprep.targets.stored import orientations_of
from dataprep.types import Params, Sizes, Targets


@frozen
class Wanted:
    """The targets of all kept rows, as they are before any op.

    Attributes:
        read: What was read for each target: marks, an array, or text.
        begins: Where the marks of each row begin, by the name of the column.
        vocabularies: The classes of each column of labels that is text; their place is the class number.
        turns: (N,) EXIF orientations of the images, where a target is of the pixels as they are stored.
    """

    read: tuple[tuple[Target, Any], ...]
    begins: dict[str, Begins]
    vocabularies: dict[str, tuple[str, ...]]
    turns: NDArray[np.int64]

    def at(self, rows: NDArray[np.int64], ops: Sequence[Op], params: Sequence[Params], sizes: Sequence[Sizes]) -> Targets:
        """Returns the targets of a batch: moved, but for masks, which are rendered with the images.

        Args:
            rows: (B,) which kept rows.
            ops: The ops.
            params: What each of them drew.
            sizes: (B, 2) height and width before each op, and at last after the last one.
        """
        moves = any(not isinstance(target, Column) for target, _ in self.read)
        motion = follow(ops, params, sizes) if moves else None
        return {target.column: self._taken(target, read, rows, motion) for target, read in self.read}

    def _taken(self, target: Target, read: Any, rows: NDArray[np.int64], motion: Motion | None) -> Any:
        if isinstance(read, Marks):
            marks = read.of(rows, self.begins[target.column])
            return marks if motion is None else move(marks, motion)
        if isinstance(target, Mask):
            assert motion is not None
            turns = self.turns[rows] if target.stored else np.ones(len(rows), np.int64)
            return Masks(target, read.take(pa.array(rows)).to_pylist(), motion, turns)
        return read[rows] if isinstance(read, np.ndarray) else read.take(pa.array(rows)).to_pylist()


def want(targets: "Target | str | Iterable[Target | str]", manifest: Manifest, pipeline: Pipeline) -> Wanted:
    """Returns what was asked for, read and checked.

    Args:
        targets: What a loader was given.
        manifest: Its kept rows have the columns.
        pipeline: Its ops have to say where they move places.

    Raises:
        LoaderError: There is no such column, it does not hold what it should, or a stage cannot take targets along.
    """
    table = light_of(manifest)
    given = list(targets) if isinstance(targets, Iterable) and not isinstance(targets, str) else [targets]
    described = [_described(target, table) for target in given]
    _check_names(described)
    sizes = np.stack([table["height"].to_numpy(), table["width"].to_numpy()], axis=1).astype(np.int64)
    labels = [name for target in described if isinstance(target, Places) for name in target.labels]
    vocabularies = {name: words for name in labels if (words := manifest.vocabulary(name)) is not None}
    stored = any(getattr(target, "stored", False) for target in described)
    turns = orientations_of(manifest.source, table["uri"].to_pylist()) if stored else np.ones(len(table), np.int64)
    rows = Table(table, sizes, vocabularies, turns)
    if any(not isinstance(target, Column) for target in described):
        for op in pipeline.ops:
            _check_geometry(op)
    read = tuple((target, _read(target, rows)) for target in described)
    if pipeline.mix is not None:
        check_mix_of(pipeline.mix, read)
    begins = {target.column: marks.begins() for target, marks in read if isinstance(marks, Marks)}
    return Wanted(read, begins, vocabularies, turns)


def _read(target: Target, rows: Table) -> Any:
    if isinstance(target, Column):
        return read_values(target, rows)
    return read_texts(target, rows) if isinstance(target, Mask) else read_places(target, rows)


def _described(target: "Target | str", table: pa.Table) -> Target:
    """Returns what a target is, also where it is given by the name of its column."""
    if not isinstance(target, str):
        if not isinstance(target, Column | Mask | Places) or type(target) is Places:
            raise LoaderError(
                f"Loader(targets={target!r:.80}): give Boxes, Points, Polygons, Mask or Column, such as "
                f"`dp.Boxes('boxes', labels='box_labels')`, or the name of a column"
            )
        return target
    if target not in table.column_names:
        raise LoaderError(
            f"Loader(targets={target!r}): the manifest has no such column; {suggestion(target, table.column_names)}"
        )
    known = CANONICAL.get(target, Column(target))
    labels = LABELS.get(target, "")
    return evolve(known, labels=labels) if isinstance(known, Boxes | Polygons) and labels in table.column_names else known


def _check_names(targets: Sequence[Target]) -> None:
    """Raises `LoaderError` where two things would be delivered under one name."""
    names = [name for target in targets for name in (target.column, *getattr(target, "labels", ()))]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise LoaderError(
            f"Loader(targets=...): {twice[0]!r} is asked for twice; targets are delivered by the name of their column"
        )


def _check_geometry(op: Op) -> None:
    """Raises `LoaderError` for an op that does not say where it moves places, by asking it for one image."""
    sizes = np.array([[64, 64]])
    params, _ = op.draw(np.full((1, op.slots), 0.5), sizes)
    geometry(op, params, sizes)
