"""The shapes that cross the house: images, specs, recipes, batches, and the protocols of the three stage roles.

A stage is a frozen dataclass that describes; functions on higher floors do the work. That is why these protocols hold
fields and pure methods only, and why printing, comparing, saving and sending a stage to a worker need no code of its own.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, NamedTuple, Protocol, TypeAlias, runtime_checkable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dataprep.errors import PipelineError

Image: TypeAlias = NDArray[np.uint8]
"""(H, W, 3) RGB or (H, W) luminance, 0..255, C-contiguous, EXIF-upright."""

Sizes: TypeAlias = NDArray[np.int64]
"""(B, 2) height and width of each image, in pixels."""

Params: TypeAlias = NDArray[np.float64]
"""(B, k) what one op drew for each image of a batch; integers are held exactly."""

Uniforms: TypeAlias = NDArray[np.float64]
"""(B, slots) independent numbers in [0, 1)."""


Progress: TypeAlias = Callable[[str, int, int], None]
"""Called with what is done to the images, such as "measuring", the number of images done and the number there are."""


class Box(NamedTuple):
    """A rectangle of an image, in pixels.

    Example: `Box(top=2, left=0, height=3, width=8)`.
    """

    top: int
    left: int
    height: int
    width: int

    @property
    def rows(self) -> slice:
        """The rows of the image."""
        return slice(self.top, self.top + self.height)

    @property
    def columns(self) -> slice:
        """The columns of the image."""
        return slice(self.left, self.left + self.width)

    def lies_in(self, other: "Box") -> bool:
        """Whether no pixel of it is outside of another box."""
        inside = other.top <= self.top and other.left <= self.left
        return inside and self.rows.stop <= other.rows.stop and self.columns.stop <= other.columns.stop


@dataclass(frozen=True)
class Spec:
    """What an image is between two ops; `None` means that it varies from sample to sample.

    Example:
        >>> dp.Resize((8, 9)).spec(Spec(100, None))
        Spec(height=8, width=9, dtype='uint8', layout='HWC', memory='contiguous', delivered=False)

    Attributes:
        height: Pixels, or None.
        width: Pixels, or None.
        dtype: "uint8" (0..255), "float32" (after `Normalize`), or what `Output` says.
        layout: "HWC" or "CHW".
        memory: How the (B, 3, H, W) of a batch lie in memory.
        delivered: Whether `Output` was the last op.
    """

    height: int | None = None
    width: int | None = None
    dtype: Literal["uint8", "float16", "bfloat16", "float32"] = "uint8"
    layout: Literal["HWC", "CHW"] = "HWC"
    memory: Literal["contiguous", "channels_last"] = "contiguous"
    delivered: bool = False


class Recipe(NamedTuple):
    """One batch, fully determined: nothing random happens after this point.

    Example: `next(loader.recipes())`.

    Attributes:
        ids: (B,) the records' ids.
        uris: B strings that the source reads.
        labels: (B,) class numbers, -1 where a record has no label.
        sizes: (B, 2) height and width that each image had when it was measured.
        params: One (B, k) array for each op of the pipeline.
        mixture: What the images are mixed by at last, or None.
    """

    ids: NDArray[np.int64]
    uris: list[str]
    labels: NDArray[np.int64]
    sizes: Sizes
    params: tuple[Params, ...]
    mixture: "Mixture | None" = None


class Mixture(NamedTuple):
    """What the images of a batch are mixed by, each with the next one that could be read.

    Example: `Mixture(np.array([[0.7, 0, 0, 0, 0]]), classes=3)` keeps 0.7 of the one image.

    Attributes:
        params: (B, 5) the share that an image keeps, 0 to 1, and the box of the next one that is pasted into it: top, left,
            height, width in pixels, of no size where the images are blended instead.
        classes: How many classes there are; labels become (B, classes) shares.
    """

    params: Params
    classes: int


@dataclass(frozen=True)
class Program:
    """The ops of a pipeline, compiled once for all images: which of them are done together, and what an image is in between.

        ops[:opening]                 one resize of a region: all that is read of a file is what it needs
        ops[opening:mirror]           one kernel after the other
        ops[mirror]                   a flip that is done as the values are written, or nothing
        ops[ending:]                  each value becomes another by itself, so a table of 256 does them all

    Example: `loader.program`.

    Attributes:
        ops: The ops, in order.
        specs: What an image is before each op, and at last what is delivered.
        cuts: Whether the first op cuts out a box, the first four of its parameters, and resizes it.
        opening: How many of the first ops are one antialiased resize: 0, 1, or 2 with a central crop of the result.
        mirror: The index of the flip before the ending; where there is none, that of the ending.
        ending: The index of the first op of the ending; all ops where there is none.
    """

    ops: tuple["Op", ...]
    specs: tuple[Spec, ...]
    cuts: bool
    opening: int
    mirror: int
    ending: int

    @property
    def spec(self) -> Spec:
        """What is delivered."""
        return self.specs[-1]


class Batch(NamedTuple):
    """What training sees; the arrays are the backend's own (torch tensors from `Torch`, `Dali` and `Threads`).

    Example:
        >>> Batch(np.zeros((4, 3, 8, 8), np.float32), np.zeros(4, np.int64), np.arange(4)).images.shape
        (4, 3, 8, 8)

    Attributes:
        images: (B, 3, H, W) float32 after `Normalize`, else uint8, unless `Output` says otherwise.
        labels: (B,) int64 class numbers, -1 where a record has no label; after a mix (B, classes) float32 shares that add up to
            1, all 0 where no label is known.
        ids: (B,) int64, the manifest's ids.
    """

    images: Any
    labels: Any
    ids: Any


@dataclass(frozen=True)
class Failure:
    """A file that could not be made part of its batch.

    Example: `Failure(2, "cat/7.jpg", "cat/7.jpg: the file is empty; run clean again to drop it")`.

    Attributes:
        index: Which image of the batch, from 0.
        uri: The file.
        why: The sentence that names it and says what to do.
    """

    index: int
    uri: str
    why: str


class Slow(NamedTuple):
    """How long a file took to read, decode and transform.

    Example: `Slow(0.2, "dog/8.jpg")`.

    Attributes:
        seconds: Of the worker that did it.
        uri: The file.
    """

    seconds: float
    uri: str


class Rendered(NamedTuple):
    """A batch as a backend makes it, and what the loader has to know of it.

    Example: `Rendered(batch, failures)`.

    Attributes:
        batch: The batch, zeros where a file failed; a mix takes these for nobody's partner.
        failures: The files that failed, by index.
        slowest: The file that took longest.
    """

    batch: Batch
    failures: tuple[Failure, ...] = ()
    slowest: Slow = Slow(0.0, "")


class Statistics(NamedTuple):
    """RGB mean and standard deviation over all pixels of the kept images, as shares of 255.

    Attributes:
        mean: Red, green, blue, 0..1.
        std: Red, green, blue, 0..0.5.
        images: How many images.
        pixels: How many pixels.
    """

    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    images: int
    pixels: int


@dataclass(frozen=True)
class Drops:
    """What a rule decided against: five columns of equal length; the last two may be left out.

    Example:
        >>> drops = Drops([3, 8], ["too dark"] * 2, ["brightness 9 < 15", "brightness 4 < 15"])
        >>> drops.add(9, "near duplicate", "distance 2", twin=1, distance=2)

    Attributes:
        ids: (D,) the records to drop.
        reasons: The rule in two words, such as "near duplicate"; what summaries count.
        details: The sentence with the numbers, such as "distance 2".
        twins: The record that each one is a duplicate of, or None.
        distances: How far each one is from its twin, in bits of the first hash; None without a twin, or where it is not known.
    """

    ids: list[int] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    details: list[str] = field(default_factory=list)
    twins: list[int | None] = field(default_factory=list)
    distances: list[int | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Fills the columns that were left out with None, and checks that all are of equal length."""
        for column in (self.twins, self.distances):
            column.extend([None] * (0 if len(column) else len(self.ids)))
        lengths = {name: len(column) for name, column in vars(self).items()}
        if len(set(lengths.values())) > 1:
            raise PipelineError(f"Drops are columns of equal length, not {lengths}; `Drops().add(...)` appends to all of them")

    def add(self, id: int, reason: str, detail: str, twin: int | None = None, distance: int | None = None) -> None:
        """Appends one drop."""
        self.ids.append(id)
        self.reasons.append(reason)
        self.details.append(detail)
        self.twins.append(twin)
        self.distances.append(distance)


@runtime_checkable
class Measure(Protocol):
    """Pixels to columns: a frozen class of attrs or dataclass that says which image it wants and what it finds there.

    Example:
        @dataclass(frozen=True)
        class Redness:
            version, side, channels = 1, 64, 3
            fields = (pa.field("redness", pa.float32()),)

            def measure(self, image: dp.Image) -> Mapping[str, object]:
                return {"redness": float(image[..., 0].mean())}
    """

    version: ClassVar[int]
    """Goes up when the same image would give other values, so that cached ones are measured again."""

    @property
    def fields(self) -> tuple[pa.Field, ...]:
        """The columns it fills."""

    @property
    def side(self) -> int | None:
        """The shorter side, in pixels, that larger images are reduced to before it sees them; None for full pixels."""

    @property
    def channels(self) -> int:
        """1 to see (H, W) luminance, 3 to see (H, W, 3) RGB."""

    def measure(self, image: Image) -> Mapping[str, object]:
        """Returns the value of each column for one image."""


@runtime_checkable
class Rule(Protocol):
    """The table of the rows that survived so far to drops; reads no pixels.

    Example:
        @dataclass(frozen=True)
        class Unlabelled:
            needs = ()

            def judge(self, table: pa.Table) -> dp.Drops:
                ids = table.filter(pc.is_null(table["label"]))["id"].to_pylist()
                return dp.Drops(ids, ["no label"] * len(ids), ["it lies in no folder"] * len(ids))
    """

    @property
    def needs(self) -> tuple[Measure, ...]:
        """The measures whose columns it reads."""

    def judge(self, table: pa.Table) -> Drops:
        """Returns the rows of `table` to drop, each with its reason."""


@runtime_checkable
class Op(Protocol):
    """Image to image at load time, as a description: the work is one kernel per backend.

    It may have a `version`, a whole number, 1 where it has none: it goes up when the same numbers would draw other parameters.

    Example:
        @dataclass(frozen=True)
        class Invert:
            p: float = 0.5
            slots = 1

            def spec(self, spec: dp.Spec) -> dp.Spec:
                if spec.dtype != "uint8" or spec.delivered:
                    raise dp.PipelineError("`Invert` works on 8-bit pixels; put it before `Normalize`")
                return spec

            def draw(self, u: dp.Uniforms, sizes: dp.Sizes) -> tuple[dp.Params, dp.Sizes]:
                return (u < self.p).astype(np.float64), sizes

        @dp.kernel.register
        def _(op: Invert, image: dp.Image, params: dp.Params) -> dp.Image:
            return 255 - image if params[0] else image
    """

    @property
    def slots(self) -> int:
        """How many uniforms it takes for an image."""

    def spec(self, spec: Spec) -> Spec:
        """Returns what an image is after it; raises `PipelineError` where it cannot follow `spec`."""

    def draw(self, u: Uniforms, sizes: Sizes) -> tuple[Params, Sizes]:
        """Returns the parameters (B, k) for images of `sizes` and the sizes after it."""


@runtime_checkable
class Mix(Protocol):
    """Batch to batch at load time, after the ops: each image with the next one of its batch.

    It may have a `version`, as an `Op` may.

    Example:
        @dataclass(frozen=True)
        class Blend:
            slots, blends = 1, True

            def draw_mix(self, u: dp.Uniforms, size: tuple[int, int]) -> dp.Params:
                return np.concatenate([u, np.zeros((len(u), 4))], axis=1)
    """

    blends: bool
    """Whether values are blended, which takes floats."""

    @property
    def slots(self) -> int:
        """How many uniforms it takes for an image."""

    def draw_mix(self, u: Uniforms, size: tuple[int, int]) -> Params:
        """Returns (B, 5): the share that an image keeps, and the box of the next one that is pasted: top, left, height, width."""


class Source(Protocol):
    """Where images come from; only a source understands its uris.

    Example:
        >>> source = FakeSource({"cat/0.jpg": encoded(photo(0)), "dog/1.jpg": encoded(photo(1))})
        >>> source.records()["uri"].to_pylist()
        ['cat/0.jpg', 'dog/1.jpg']
    """

    def records(self) -> pa.Table:
        """Lists every image: uri, label, split, bytes, modified (ns), error, sorted by uri."""

    def read(self, uri: str, start: int = 0, stop: int | None = None) -> bytes:
        """Returns the bytes `start` to `stop` of one image; raises `SourceError`."""


class Engine(Protocol):
    """Runs a pure, picklable function over many batches of records.

    Example:
        class Here:
            def map(self, function, batches, lost):
                yield from (function(batch) for batch in batches)
    """

    def map(
        self,
        function: Callable[[pa.RecordBatch], pa.RecordBatch],
        batches: Iterable[pa.RecordBatch],
        lost: Callable[[pa.RecordBatch, str], pa.RecordBatch],
    ) -> Iterator[pa.RecordBatch]:
        """Yields the results in any order; `lost` gives the result of a record whose process died, and why."""


class Backend(Protocol):
    """Turns recipes into batches, in order; mixing is its last step.

    Example:
        @dataclass(frozen=True)
        class Counted:
            inner: dp.Backend

            def run(self, source, program, recipes):
                for number, made in enumerate(self.inner.run(source, program, recipes)):
                    logging.getLogger("batches").debug("batch %d", number)
                    yield made
    """

    def run(self, source: Source, program: Program, recipes: Iterable[Recipe]) -> Iterator[Batch | Rendered]:
        """Yields one batch for each recipe.

        Args:
            source: Reads the recipes' uris.
            program: The ops that the recipes' parameters were drawn for.
            recipes: What to make; as many are taken ahead as the backend has under way.

        Returns:
            An iterator of `Rendered`, or of `Batch` from a backend that itself raises an error at a file that cannot be read. It
            may be closed early, and then leaves no process, thread or file.
        """
