"""A source in memory, and an engine and a backend without processes."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from dataprep.backends.cpu.render import render
from dataprep.columns import fields_of
from dataprep.errors import SourceError
from dataprep.protocols import Program, Source
from dataprep.types import Batch, Recipe, Rendered


@dataclass(frozen=True, init=False)
class FakeSource:
    """Image files in memory; the first part of a uri names the label.

    Example:
        >>> source = FakeSource({"cat/0.jpg": encoded(photo(0)), "dog/1.jpg": encoded(photo(1))})
        >>> source.records()["label"].to_pylist()
        ['cat', 'dog']

    Attributes:
        files: Each uri and the bytes of its file, sorted.
    """

    files: tuple[tuple[str, bytes], ...]

    def __init__(self, files: Mapping[str, bytes]) -> None:
        """Takes the bytes of each file by its uri."""
        object.__setattr__(self, "files", tuple(sorted(files.items())))

    def __repr__(self) -> str:
        """How many files it has."""
        return f"FakeSource({len(self.files)} files)"

    def records(self) -> pa.Table:
        """Lists every file, sorted by uri; none has a split, and all are of 1970."""
        rows = [
            {"uri": uri, "label": uri.split("/")[0] if "/" in uri else None, "bytes": len(data), "modified": 0}
            for uri, data in self.files
        ]
        return pa.Table.from_pylist(rows, pa.schema(fields_of("scan")))

    def read(self, uri: str, start: int = 0, stop: int | None = None) -> bytes:
        """Returns the bytes `start` to `stop` of a file.

        Raises:
            SourceError: There is none of this uri.
        """
        for known, data in self.files:
            if known == uri:
                return data[start:stop]
        raise SourceError(f"cannot be read: no file is called {uri!r}")


@dataclass
class FakeEngine:
    """Runs in this process, in an order of your choice, and remembers what it was asked for.

    Example:
        >>> engine = FakeEngine(shuffle=1)
        >>> manifest = dp.clean("photos", dp.Pipeline(), engine=engine)
        >>> len(manifest), len(engine.uris)
        (13, 13)

    Attributes:
        shuffle: The seed of the order of the results; None keeps that of the batches.
        before: Called with each batch before it is run, such as to make files vanish.
        uris: Every uri that was measured, in the order of asking.
    """

    shuffle: int | None = None
    before: Callable[[pa.RecordBatch], None] | None = None
    uris: list[str] = field(default_factory=list, repr=False)

    def map(
        self,
        function: Callable[[pa.RecordBatch], pa.RecordBatch],
        batches: Iterable[pa.RecordBatch],
        lost: Callable[[pa.RecordBatch, str], pa.RecordBatch],
    ) -> Iterator[pa.RecordBatch]:
        """Yields the result of every batch; no record is ever lost."""
        if self.shuffle is not None:
            given = list(batches)
            batches = [given[place] for place in np.random.default_rng(self.shuffle).permutation(len(given))]
        for batch in batches:
            self.uris += batch["uri"].to_pylist()
            if self.before is not None:
                self.before(batch)
            yield function(batch)


@dataclass
class FakeBackend:
    """Makes batches in this process, one after the other: the oracle of other backends; remembers what it was asked for.

    Example:
        >>> loader = dp.Loader(manifest, dp.Pipeline(dp.Resize((8, 9))), batch_size=6, backend=FakeBackend())
        >>> [batch.images.shape for batch in loader]
        [(6, 3, 8, 9), (6, 3, 8, 9)]

    Attributes:
        ahead: How many batches are made before the loop has had the first, as workers do.
        recipes: Every recipe that was taken, in order.
    """

    ahead: int = 0
    recipes: list[Recipe] = field(default_factory=list, repr=False)

    def run(self, source: Source, program: Program, recipes: Iterable[Recipe]) -> Iterator[Batch[Any] | Rendered]:
        """Yields the batch of each recipe as NumPy arrays."""
        made: deque[Batch[Any] | Rendered] = deque()
        for recipe in recipes:
            self.recipes.append(recipe)
            made.append(self.make(source, program, recipe))
            if len(made) > self.ahead:
                yield made.popleft()
        yield from made

    def make(self, source: Source, program: Program, recipe: Recipe) -> Batch[Any] | Rendered:
        """Returns one batch; what a test overrides to deliver something else."""
        return render(source, program, recipe)


class Undecoded(FakeBackend):
    """A backend that reads no file: what stands for an image are the numbers that were drawn for it.

    Example:
        >>> loader = dp.Loader(manifest, dp.Pipeline(dp.RandomResizedCrop(8)), batch_size=6, backend=Undecoded())
        >>> [batch.images.shape for batch in loader]  # a box for each image: top, left, height, width
        [(6, 4), (6, 4)]
    """

    def make(self, source: Source, program: Program, recipe: Recipe) -> Batch[Any]:
        """Returns (B, k) parameters of all ops, end to end, in place of images."""
        return Batch(np.concatenate(recipe.params, axis=1), recipe.labels, recipe.ids)
