"""All that is random about a batch: recipes, drawn in the main process, after which nothing is left to chance.

What an image gets depends on (seed, epoch, id, turn): not on its batch, its rank or the worker that makes it. A row that comes
several times in an epoch is augmented and mixed anew at each turn.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dataprep.columns import hex_of
from dataprep.draws import again, draw_ops, uniforms
from dataprep.loading.targets import Wanted
from dataprep.manifest import Manifest
from dataprep.protocols import Mix, Op
from dataprep.types import Mixture, Params, Recipe, Sizes, Stamp


class Rows(NamedTuple):
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
    labels: NDArray[np.int64] | NDArray[np.float32]
    sizes: Sizes
    targets: Wanted | None = None
    stamps: pa.Table | None = None

    def take_stamps(self, at: NDArray[np.int64]) -> list[Stamp] | None:
        """Returns what some files were when they were measured."""
        if self.stamps is None:
            return None
        taken = self.stamps.take(pa.array(at))
        columns = (hex_of(taken[name]) if name == "digest" else taken[name].to_pylist() for name in taken.column_names)
        return list(map(Stamp, *columns))


def rows_of(manifest: Manifest, kept: pa.Table, targets: Wanted | None = None) -> Rows:
    """Returns the columns of a manifest's kept rows that recipes are made of."""
    sizes: Sizes = np.stack([kept["height"].to_numpy(), kept["width"].to_numpy()], axis=1).astype(np.int64)
    known = [name for name in Stamp._fields if name in kept.column_names]
    stamps = kept.select(known).combine_chunks() if {*known, "version"} == {*Stamp._fields} else None
    return Rows(kept["id"].to_numpy(), kept["uri"].combine_chunks(), manifest.labels(), sizes, targets, stamps)


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

    def recipes(self, rows: Rows, taken: Iterable[NDArray[np.int64]], epoch: int) -> Iterator[Recipe]:
        """Yields the recipe of each batch.

        Args:
            rows: The rows that there are.
            taken: For each batch (B, 2): which rows, and how often each came before in this epoch.
            epoch: The epoch.
        """
        for batch in taken:
            at, turns = batch.T
            keys = again(rows.ids[at], turns)
            params, sizes, mixture = self._draw(rows.sizes[at], keys, epoch)
            targets = None if rows.targets is None else rows.targets.at(at, self.ops, params, sizes)
            uris, stamps = rows.uris.take(pa.array(at)).to_pylist(), rows.take_stamps(at)
            yield Recipe(rows.ids[at], uris, rows.labels[at], sizes[0], params, mixture, targets, stamps)

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
