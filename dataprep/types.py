"""The shapes that cross the house: images, specs, recipes, batches, and what is said of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dataprep.errors import PipelineError
from dataprep.fetched import NO_READS, Reads
from dataprep.html import card

if TYPE_CHECKING:
    from torch import Tensor
    from typing_extensions import TypeVar

    Array = TypeVar("Array", default=Tensor)
else:
    from typing import TypeVar

    Array = TypeVar("Array")

Image: TypeAlias = NDArray[np.uint8]
"""(H, W, 3) RGB or (H, W) luminance, 0..255, C-contiguous, EXIF-upright.

Example:
    >>> dp.decode(manifest.paths()[0].read_bytes()).image.shape
    (96, 128, 3)
"""


Sizes: TypeAlias = NDArray[np.int64]
"""(B, 2) height and width of each image, in pixels.

Example:
    >>> sizes = np.array([[96, 128], [480, 640]])
    >>> dp.Resize(48).draw(np.empty((2, 0)), sizes)[1]  # what they are after the op
    array([[48, 64],
           [48, 64]])
"""


Params: TypeAlias = NDArray[np.float64]
"""(B, k) what one op drew for each image of a batch; integers are held exactly.

Example:
    >>> params, sizes = dp.Rotate(15).draw(np.array([[0.0], [0.5]]), np.array([[96, 128], [96, 128]]))
    >>> params  # degrees, and the size that they turn
    array([[-15.,  96., 128.],
           [  0.,  96., 128.]])
"""


Uniforms: TypeAlias = NDArray[np.float64]
"""(B, slots) independent numbers in [0, 1).

Example:
    >>> u = np.array([[0.2], [0.7]])  # two images, and an op of one slot
    >>> dp.HorizontalFlip().draw(u, np.array([[96, 128], [96, 128]]))[0].tolist()
    [[1.0], [0.0]]
"""


Targets: TypeAlias = Mapping[str, Any]
"""What the images of a batch have beside labels, by the name of its column; see `Recipe.targets` and `TargetBatch.targets`."""


class Box(NamedTuple):
    """A rectangle of an image, in pixels.

    Example:
        >>> box = dp.Box(top=2, left=0, height=3, width=8)
        >>> np.zeros((5, 8, 3))[box.rows, box.columns].shape
        (3, 8, 3)
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
        >>> dp.Resize((8, 9)).spec(dp.Spec(100, None))
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

    Example:
        >>> recipe = next(dp.Loader(manifest, batch_size=4, backend=FakeBackend()).recipes())
        >>> recipe.ids.tolist(), recipe.labels.tolist(), recipe.sizes[0].tolist()
        ([4, 5, 8, 0], [0, 0, 1, 0], [96, 128])

    Attributes:
        ids: (B,) the records' ids.
        uris: B strings that the source reads.
        labels: (B,) class numbers, -1 where a record has no label; float32 numbers where labels are such; (B, classes) float32 of
            zeros and ones where an image may have several.
        sizes: (B, 2) height and width that each image had when it was measured.
        params: One (B, k) array for each op of the pipeline.
        mixture: What the images are mixed by at last, or None.
        targets: What was asked for beside labels, or None: places were moved already, masks are still to be rendered, so that a
            backend has a `TargetCanvas` do what is left.
        stamps: What each file was when it was measured, so that another one in its place is seen; None where it is not known.
    """

    ids: NDArray[np.int64]
    uris: list[str]
    labels: NDArray[np.int64] | NDArray[np.float32]
    sizes: Sizes
    params: tuple[Params, ...]
    mixture: "Mixture | None" = None
    targets: Targets | None = None
    stamps: "list[Stamp] | None" = None


class Stamp(NamedTuple):
    """What a file was when it was measured.

    Example: `Stamp(bytes=110_000, modified=1_700_000_000_000_000_000, digest="9f86…")`.

    Attributes:
        bytes: Its length; None where the source did not know.
        modified: When it was changed last, in nanoseconds since 1970; None where the source did not know.
        digest: The SHA-256 of its content, in hex, or how that starts; None where it is not known.
        version: Which of its contents it was, where a store has it; None where the source did not know.
    """

    bytes: int | None
    modified: int | None
    digest: str | None
    version: str | None = None


class Mixture(NamedTuple):
    """What the images of a batch are mixed by, each with the next one that could be read.

    Example:
        >>> dp.Mixture(np.array([[0.7, 0, 0, 0, 0]]), classes=3).params[0, 0]  # what the one image keeps
        np.float64(0.7)

    Attributes:
        params: (B, 5) the share that an image keeps, 0 to 1, and the box of the next one that is pasted into it: top, left,
            height, width in pixels, of no size where the images are blended instead.
        classes: How many classes there are; labels become (B, classes) shares.
    """

    params: Params
    classes: int


class _Batch(NamedTuple, Generic[Array]):
    images: Array
    labels: Array
    ids: Array


class Batch(_Batch[Array]):
    """What training sees; the arrays are the backend's own (torch tensors from `Torch`, `Dali` and `Threads`).

    To type checkers it has tensors; of a backend of your own that has others, say so: `Batch[np.ndarray]`.

    Example:
        >>> dp.Batch(np.zeros((4, 3, 8, 8), np.float32), np.zeros(4, np.int64), np.arange(4)).images.shape
        (4, 3, 8, 8)

    Attributes:
        images: (B, 3, H, W) float32 after `Normalize`, else uint8, unless `Output` says otherwise.
        labels: (B,) int64 class numbers, -1 where a record has no label; after a mix (B, classes) float32 shares that add up to
            1, all 0 where no label is known.
        ids: (B,) int64, the manifest's ids.
        origin: What it was made of, as long as it is the batch that the loader gave; a copy on another device has None.
    """

    origin: "Origin | None" = None

    @property
    def targets(self) -> None:
        """None: a batch of a loader that was asked for targets is a `TargetBatch`."""
        return None

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return _html(self, {})


class _TargetBatch(NamedTuple, Generic[Array]):
    images: Array
    labels: Array
    ids: Array
    targets: Targets


class TargetBatch(_TargetBatch[Array]):
    """A batch of a loader that was asked for targets: as any other, with one more part.

    Example:
        >>> dp.TargetBatch(np.zeros((1, 3, 8, 8)), np.zeros(1), np.arange(1), {"boxes": [np.zeros((2, 4))]}).targets.keys()
        dict_keys(['boxes'])

    Attributes:
        images: As of a `Batch`.
        labels: As of a `Batch`.
        ids: As of a `Batch`.
        targets: By the name of its column: what an image has several of as a list with one array for each image, such as (k, 4)
            float32 boxes, and outlines as a list of lists; masks as (B, H, W); numbers as (B,); text as a list of strings.
        origin: As of a `Batch`.
    """

    origin: "Origin | None" = None

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return _html(self, self.targets)


def _html(batch: "Batch[Any] | TargetBatch[Any]", targets: Targets) -> str:
    """Returns the shapes, types and ranges of a batch in a few lines of HTML."""
    parts = {"images": batch.images, "labels": batch.labels, "ids": batch.ids}
    rows = [(name, _shape(part)) for name, part in parts.items()]
    rows += [(name, f"a list of {len(part)}" if isinstance(part, list) else _shape(part)) for name, part in targets.items()]
    return card(f"{type(batch).__name__} of {len(batch.ids)}", rows)


def _shape(array: Any) -> str:
    """Returns the shape, type and device of an array of any library, and its least and largest value."""
    shape, kind = tuple(array.shape), str(array.dtype).removeprefix("torch.")
    place = f" on {array.device}" if str(getattr(array, "device", "cpu")) != "cpu" else ""
    limits = f", {float(array.min()):.4g} to {float(array.max()):.4g}" if all(shape) else ""
    return f"{shape} {kind}{place}{limits}"


AnyBatch: TypeAlias = Batch[Any] | TargetBatch[Any]
"""What a loader yields."""


class Origin(NamedTuple):
    """What a batch was made of.

    Example:
        >>> loader = dp.Loader(manifest, batch_size=4, backend=dp.Threads(1, output="numpy"))
        >>> next(iter(loader)).origin.recipe.uris[0]
        'cat/0008.jpg'

    Attributes:
        recipe: All that was drawn for it. Where files failed, some of its images are not in the batch; ids tell which.
        ops: The ops that its parameters are of.
        classes: The label of each class number.
        vocabularies: The same for each column of labels among the targets.
    """

    recipe: Recipe
    ops: tuple[Any, ...]
    classes: tuple[str, ...]
    vocabularies: Mapping[str, tuple[str, ...]] = {}


@dataclass(frozen=True)
class Failure:
    """A file that could not be made part of its batch.

    Example:
        >>> dp.Failure(2, "cat/7.jpg", "cat/7.jpg: the file is empty; run clean again to drop it").uri
        'cat/7.jpg'

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

    Example:
        >>> max(dp.Slow(0.2, "dog/8.jpg"), dp.Slow(0.1, "cat/7.jpg")).uri
        'dog/8.jpg'

    Attributes:
        seconds: Of the worker that did it.
        uri: The file.
    """

    seconds: float
    uri: str


class Rendered(NamedTuple):
    """A batch as a backend makes it, and what the loader has to know of it.

    Example:
        >>> batch = dp.Batch(np.zeros((2, 3, 8, 8)), np.zeros(2), np.arange(2))
        >>> dp.Rendered(batch, (dp.Failure(1, "cat/7.jpg", "cat/7.jpg: the file is empty"),)).failures[0].index
        1

    Attributes:
        batch: The batch, zeros where a file failed; a mix takes these for nobody's partner.
        failures: The files that failed, by index.
        slowest: The file that took longest.
        targets: What the recipe's `TargetCanvas` finished, or None; the loader makes a `TargetBatch` of both.
        reads: What reading it came to.
    """

    batch: Batch[Any]
    failures: tuple[Failure, ...] = ()
    slowest: Slow = Slow(0.0, "")
    targets: Targets | None = None
    reads: Reads = NO_READS


class Statistics(NamedTuple):
    """RGB mean and standard deviation over all pixels of the kept images, as shares of 255.

    Example:
        >>> manifest.statistics.images, manifest.statistics.pixels
        (12, 147456)
        >>> [round(mean, 2) for mean in manifest.statistics.mean]
        [0.48, 0.49, 0.49]

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
        >>> drops = dp.Drops([3, 8], ["too dark"] * 2, ["brightness 9 < 15", "brightness 4 < 15"])
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

    def __add__(self, later: "Drops") -> "Drops":
        """Returns the drops of both."""
        return Drops(*(list(one) + list(other) for one, other in zip(vars(self).values(), vars(later).values(), strict=True)))

    def add(self, id: int, reason: str, detail: str, twin: int | None = None, distance: int | None = None) -> None:
        """Appends one drop."""
        self.ids.append(id)
        self.reasons.append(reason)
        self.details.append(detail)
        self.twins.append(twin)
        self.distances.append(distance)
