"""Toy images, an engine and a backend without processes: for dataprep's tests and for those of your own parts.

Every picture follows from a number, so that tests need no files of their own and fail the same way everywhere.
"""

import io
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import pyarrow as pa

from dataprep.backends.cpu.render import render
from dataprep.types import Batch, Image, Program, Recipe, Rendered, Source

OCTAVES = (3, 6, 12, 24, 48, 96)  # cells on the shorter side: from the broad shapes of a photo to its texture


def photo(seed: int, height: int = 96, width: int = 128) -> Image:
    """Draws a picture that passes for a photo: broad shapes, texture, full contrast; two seeds are never near duplicates.

    Args:
        seed: Which picture.
        height: Pixels.
        width: Pixels.

    Returns:
        (height, width, 3) RGB.
    """
    generator = np.random.default_rng(seed)
    canvas = np.zeros((height, width, 3), np.float32)
    for cells in OCTAVES:
        aspect = (cells, max(1, round(cells * width / height)))
        noise = generator.normal(size=(*aspect, 3)) + generator.normal(size=(*aspect, 1))  # colours of a photo go together
        canvas += cv2.resize(noise.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC) / cells**0.2
    low, high = canvas.min(), canvas.max()
    return np.asarray((canvas - low) / (high - low) * 255, np.uint8)


def encoded(image: Image, format: str = "JPEG", **options: object) -> bytes:
    """Returns the bytes of an image file.

    Args:
        image: (H, W, 3) RGB or (H, W) luminance.
        format: Pillow's name of the format.
        **options: What Pillow's `save` takes, such as `quality`.
    """
    buffer = io.BytesIO()
    PIL.Image.fromarray(image).save(buffer, format, **options)
    return buffer.getvalue()


def write_images(
    folder: str | Path, count: int, *, seed: int = 0, height: int = 96, width: int = 128, labels: tuple[str, ...] = ("cat", "dog")
) -> list[Path]:
    """Writes different photos as `label/0000.jpg`, the labels taking turns.

    Args:
        folder: Where; it is made if needed.
        count: How many.
        seed: The first picture's seed; the others follow.
        height: Pixels.
        width: Pixels.
        labels: The folders below; none puts the files into the folder itself.

    Returns:
        The paths, in the order of the seeds.
    """
    paths = []
    for number in range(count):
        below = Path(folder, labels[number % len(labels)]) if labels else Path(folder)
        below.mkdir(parents=True, exist_ok=True)
        paths.append(below / f"{number:04d}.jpg")
        paths[-1].write_bytes(encoded(photo(seed + number, height, width), quality=90))
    return paths


@dataclass
class FakeEngine:
    """Runs in this process, in an order of your choice, and remembers what it was asked for.

    Attributes:
        shuffle: The seed of the order of the results; None keeps that of the batches.
        before: Called with each batch before it is run, such as to make files vanish.
        uris: Every uri that was measured, in the order of asking.
    """

    shuffle: int | None = None
    before: Callable[[pa.RecordBatch], None] | None = None
    uris: list[str] = field(default_factory=list)

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

    Attributes:
        ahead: How many batches are made before the loop has had the first, as workers do.
        recipes: Every recipe that was taken, in order.
    """

    ahead: int = 0
    recipes: list[Recipe] = field(default_factory=list)

    def run(self, source: Source, program: Program, recipes: Iterable[Recipe]) -> Iterator[Batch | Rendered]:
        """Yields the batch of each recipe as NumPy arrays."""
        made: deque[Batch | Rendered] = deque()
        for recipe in recipes:
            self.recipes.append(recipe)
            made.append(self.make(source, program, recipe))
            if len(made) > self.ahead:
                yield made.popleft()
        yield from made

    def make(self, source: Source, program: Program, recipe: Recipe) -> Batch | Rendered:
        """Returns one batch; what a test overrides to deliver something else."""
        return render(source, program, recipe)


class Undecoded(FakeBackend):
    """A backend that reads no file: what stands for an image are the numbers that were drawn for it."""

    def make(self, source: Source, program: Program, recipe: Recipe) -> Batch:
        """Returns (B, k) parameters of all ops, end to end, in place of images."""
        return Batch(np.concatenate(recipe.params, axis=1), recipe.labels, recipe.ids)
