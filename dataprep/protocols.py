"""The seams of the house: what a stage, a source, an engine and a backend have to be.

A stage is a frozen class that describes; functions on higher floors do the work. That is why these protocols hold fields and
pure methods only, and why printing, comparing, saving and sending a stage to a worker need no code of its own.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, TypeAlias, runtime_checkable

import pyarrow as pa

from dataprep.errors import SourceError
from dataprep.types import Batch, Drops, Image, Params, Recipe, Rendered, Sizes, Spec, Uniforms

Progress: TypeAlias = Callable[[str, int, int], None]
"""Called with what is done to the images, such as "measuring", the number of images done and the number there are.

While a source is listed, which is "scanning", both are how many were found so far."""


@dataclass(frozen=True, eq=False)  # of two loaders, two
class Program:
    """The ops of a pipeline, compiled once for all images: which of them are done together, and what an image is in between.

        ops[:opening]                 one resize of a region: all that is read of a file is what it needs
        ops[opening:mirror]           one kernel after the other
        ops[mirror]                   a flip that is done as the values are written, or nothing
        ops[ending:]                  each value becomes another by itself, so a table of 256 does them all

    Example:
        >>> loader = dp.Loader(manifest, dp.Pipeline(dp.RandomResizedCrop(64), dp.Normalize()), batch_size=4)
        >>> [type(op).__name__ for op in loader.program.ops], loader.program.cuts
        (['RandomResizedCrop', 'Normalize'], True)

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

    One that drops copies for the images it keeps says so by a true `finds_copies`, and judges after the rules that do not: what
    another rule would drop stands for no copy.

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
    And a method `tell(params)`, which says what was drawn for one image in a word or two, such as "12.3°": pictures show it.

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

    It may have a `concurrency`, a whole number from 1, 32 where it has none: how many reads at once help where readers wait. And
    `forks`, which is False where a process cannot read that was forked from one that has read.

    Example:
        >>> source = FakeSource({"cat/0.jpg": encoded(photo(0)), "dog/1.jpg": encoded(photo(1))})
        >>> source.records()["uri"].to_pylist()
        ['cat/0.jpg', 'dog/1.jpg']
    """

    def records(self) -> pa.Table:
        """Lists every image: uri, label, split, bytes, modified (ns), error, sorted by uri."""

    def read(self, uri: str, start: int = 0, stop: int | None = None) -> bytes:
        """Returns the bytes `start` to `stop` of one image; raises `SourceError`."""


@runtime_checkable
class BulkSource(Source, Protocol):
    """A source that has several images sooner than one after the other, such as those that lie beside each other.

    Of a source without `reads`, threads `read` what is expected, where readers would wait for it.

    Example:
        >>> class InMemory(FakeSource):
        ...     def reads(self, uris):
        ...         return [self.read(uri) for uri in uris]  # such as by one request
        >>> isinstance(InMemory({"0.jpg": encoded(photo(0))}), dp.BulkSource)
        True
    """

    def reads(self, uris: Sequence[str]) -> Iterator[bytes | SourceError]:
        """Yields for each image, in order, its bytes or the `SourceError` that `read` would raise; from any thread."""


@runtime_checkable
class Parts(Source, Protocol):
    """A source that is listed part by part, so that an engine of many machines can list its parts side by side.

    What `records` returns is what `records_of` makes of all parts, whoever has listed them.

    Example:
        >>> class Drawers(FakeSource):
        ...     def part_names(self):
        ...         return ["cat", "dog"]
        ...     def list_part(self, part):
        ...         return pa.RecordBatch.from_pylist([{"uri": uri} for uri in self.files if uri.startswith(part)])
        ...     def records_of(self, lists):
        ...         return self.records()  # of what was listed
        >>> isinstance(Drawers({"cat/0.jpg": b"", "dog/1.jpg": b""}), dp.Parts)
        True
    """

    def part_names(self) -> Sequence[str]:
        """Returns what its parts are called, each once; none where it has to be listed in one."""

    def list_part(self, part: str) -> pa.RecordBatch:
        """Returns what is in a part, in columns of the source's own; from any process, also of another machine."""

    def records_of(self, lists: Mapping[str, pa.RecordBatch]) -> pa.Table:
        """Returns what `records` does, of what is in each part."""


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
        """Yields the results in any order; `lost` gives the result of a record whose process died, and why.

        The function may have an `expect`, to be called with batches that it will be run on, where it will be and in that order,
        so that it can read one while it measures another; nothing else changes. It may also have a `lean` and a `memory`, for
        engines that start processes of this machine: see `dataprep.engines.lean`; and a `readable`, to be asked where
        it runs on another machine whether one of some records can be read there. An engine of more or fewer cores than this
        machine has says by a method `cores()` how many, so that batches are shared out well, and one for which a batch costs
        much by an attribute `least` how many records it has at least. One of many machines has a true attribute `lists` where it
        shall list the parts of a source, see `Parts`; the records that it maps are their names then.
        """


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

    def run(self, source: Source, program: Program, recipes: Iterable[Recipe]) -> Iterator[Batch[Any] | Rendered]:
        """Yields one batch for each recipe.

        Args:
            source: Reads the recipes' uris.
            program: The ops that the recipes' parameters were drawn for.
            recipes: What to make; as many are taken ahead as the backend has under way.

        Returns:
            An iterator of `Rendered`, or of `Batch` from a backend that itself raises an error at a file that cannot be read. It
            may be closed early, and then leaves no process, thread or file.
        """
