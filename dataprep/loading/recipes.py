"""All that is random about a batch: recipes, drawn in the main process, after which nothing is left to chance.

What an image gets depends on (seed, epoch, id, turn): not on its batch, its rank or the worker that makes it. A row that comes
several times in an epoch is augmented and mixed anew at each turn.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dataprep.columns import hex_of
from dataprep.draws import again, draw_ops, uniforms
from dataprep.loading.targets import Wanted
from dataprep.manifest import Manifest
from dataprep.manifest.index import numbered
from dataprep.manifest.labels import Numbers
from dataprep.manifest.stored import Stored
from dataprep.protocols import Mix, Op
from dataprep.types import Mixture, Params, Recipe, Sizes, Stamp

NEEDED: Final = ("id", "uri", "height", "width")
"""The columns that recipes are made of, beside those of a `Stamp`."""


@dataclass(frozen=True)
class Rows:
    """The kept rows of a manifest, as columns.

    Attributes:
        ids: (N,) the records' ids.
        uris: N strings.
        labels: (N,) class numbers, -1 without a label, or numbers; (N, classes) of zeros and ones where images may have several.
        sizes: (N, 2) height and width in pixels.
        targets: What was asked for beside labels, or None.
        stamps: Length, time of the last change and digest of each file, None where they are not known.
    """

    ids: NDArray[np.int64]
    uris: pa.StringArray
    labels: Numbers
    sizes: Sizes
    targets: Wanted | None = None
    stamps: pa.Table | None = None

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self.ids)

    def at(self, places: NDArray[np.int64]) -> "Rows":
        """Returns some of them."""
        stamps = None if self.stamps is None else self.stamps.take(pa.array(places))
        return Rows(self.ids[places], self.uris.take(pa.array(places)), self.labels[places], self.sizes[places], stamps=stamps)

    def stamped(self) -> list[Stamp] | None:
        """Returns what the files were when they were measured."""
        if self.stamps is None:
            return None
        names = self.stamps.column_names
        columns = (hex_of(self.stamps[name]) if name == "digest" else self.stamps[name].to_pylist() for name in names)
        return list(map(Stamp, *columns))


@dataclass(frozen=True)
class MappedRows:
    """The kept rows of a manifest that a file has: each is looked up when its batch comes, so that nothing is held of the others.

    Attributes:
        rows: The rows.
        classes: The labels in the order of their numbers.
        targets: What was asked for beside labels, or None.
    """

    rows: Stored
    classes: tuple[str, ...]
    targets: Wanted | None = None

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self.rows.kept)

    def at(self, places: NDArray[np.int64]) -> Rows:
        """Returns some of them."""
        taken = self.rows.take(places)
        return _rows_of(taken, numbered(taken, self.classes))


def rows_of(manifest: Manifest) -> Rows | MappedRows:
    """Returns the kept rows of a manifest, of which recipes are made."""
    if isinstance(manifest.rows, Stored):
        return MappedRows(manifest.rows, manifest.classes)
    known = [name for name in (*NEEDED, *Stamp._fields) if name in manifest.rows.schema.names]
    return _rows_of(manifest.kept(*known), manifest.labels())


def _rows_of(kept: pa.Table, labels: Numbers) -> Rows:
    sizes: Sizes = np.stack([kept["height"].to_numpy(), kept["width"].to_numpy()], axis=1).astype(np.int64)
    known = [name for name in Stamp._fields if name in kept.column_names]
    stamps = kept.select(known).combine_chunks() if {*known, "version"} == {*Stamp._fields} else None
    return Rows(kept["id"].to_numpy().astype(np.int64, copy=False), kept["uri"].combine_chunks(), labels, sizes, stamps=stamps)


@dataclass(frozen=True)
class Draws:
    """What is drawn for images: by which ops, by which mix at last, from which seed.

    Attributes:
        ops: The ops, in order.
        seed: The run's seed.
        mix: The mix of the batches, or None.
        size: (height, width) of the images at the end, which a mix needs to know.
        classes: How many classes a mix has shares of.
    """

    ops: tuple[Op, ...]
    seed: int = 0
    mix: Mix | None = None
    size: tuple[int, int] = (0, 0)
    classes: int = 0

    @property
    def versions(self) -> dict[str, int]:
        """The version of each op, and of the mix, by name: another one draws otherwise from the same numbers."""
        drawing = self.ops if self.mix is None else (*self.ops, self.mix)
        return {type(stage).__name__: getattr(stage, "version", 1) for stage in drawing}

    def recipes(self, rows: Rows | MappedRows, taken: Iterable[NDArray[np.int64]], epoch: int) -> Iterator[Recipe]:
        """Yields the recipe of each batch.

        Args:
            rows: The rows that there are.
            taken: For each batch (B, 2): which rows, and how often each came before in this epoch.
            epoch: The epoch.
        """
        for batch in taken:
            at, turns = batch.T
            found = rows.at(at)
            params, sizes, mixture = self._draw(found.sizes, again(found.ids, turns), epoch)
            targets = None if rows.targets is None else rows.targets.at(at, self.ops, params, sizes)
            uris, stamps = found.uris.to_pylist(), found.stamped()
            yield Recipe(found.ids, uris, found.labels, sizes[0], params, mixture, targets, stamps)

    def draw(self, sizes: Sizes, keys: NDArray[np.int64], epoch: int) -> tuple[tuple[Params, ...], Mixture | None]:
        """Returns the parameters of each op, and what the batch is mixed by.

        Args:
            sizes: (B, 2) height and width of each image.
            keys: (B,) what each image's draws depend on: its id, or what `again` makes of it at a later turn.
            epoch: The epoch.
        """
        params, _, mixture = self._draw(sizes, keys, epoch)
        return params, mixture

    def _draw(self, sizes: Sizes, keys: NDArray[np.int64], epoch: int) -> tuple[tuple[Params, ...], list[Sizes], Mixture | None]:
        """Returns what `draw` does, and the sizes before each op and at last after all of them."""
        slots, mixing = sum(op.slots for op in self.ops), 0 if self.mix is None else self.mix.slots
        u = uniforms(self.seed, epoch, keys, slots + mixing)
        params, passed = draw_ops(self.ops, u, sizes)
        mixture = None if self.mix is None else Mixture(self.mix.draw_mix(u[:, slots:], self.size), self.classes)
        return params, passed, mixture


def draw(ops: tuple[Op, ...], sizes: Sizes, keys: NDArray[np.int64], seed: int, epoch: int) -> tuple[Params, ...]:
    """Returns the parameters of each op for some images.

    Args:
        ops: The ops, in order.
        sizes: (B, 2) height and width of each image.
        keys: (B,) what each image's draws depend on.
        seed: The run's seed.
        epoch: The epoch.
    """
    return Draws(ops, seed).draw(sizes, keys, epoch)[0]
