"""From a manifest to batches: the sampler says which rows, the ops draw, a backend does the work.

rows    = sampler.begin().turns()                 which rows come next on this rank
recipe  = ids, uris, labels, sizes, params, ...   all that is random is drawn here, and targets are moved, in the main process
batch   = backend.run(source, program, recipes)   no randomness, any number of workers
position += samples of the batch on all ranks     when the loop gets it, not when a worker makes it
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Generic, Never, cast, overload

from dataprep.backends.program import compile_ops, delivered_size
from dataprep.describe import brief
from dataprep.errors import LoaderError
from dataprep.html import card
from dataprep.loading.arguments import (
    attribute_error,
    check_backend,
    check_manifest,
    check_names,
    check_pipeline,
    check_sampler,
    check_source,
    ordered_by,
    with_cache,
)
from dataprep.loading.epochs import EpochSampler, Loop
from dataprep.loading.failures import OnError
from dataprep.loading.recipes import Draws, rows_of
from dataprep.loading.sampler import Sampler
from dataprep.loading.stats import Delivery, LoaderStats
from dataprep.loading.targets import want
from dataprep.manifest import Manifest
from dataprep.pipeline import Pipeline
from dataprep.protocols import Backend
from dataprep.sources.nodecache import NodeCache
from dataprep.targets.kinds import Target
from dataprep.types import AnyBatch, Batch, Origin, Recipe, TargetBatch

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    AnyOf = TypeVar("AnyOf", bound=AnyBatch, default=Batch)
else:
    from typing import TypeVar

    AnyOf = TypeVar("AnyOf")


class Loader(Generic[AnyOf]):
    """Batches of a manifest's kept images, one epoch for each `for` loop.

    To type checkers it is a `Loader[Batch]`, with `targets` a `Loader[TargetBatch]`, and both have tensors.

    Each loop is a whole epoch, the next after the one before, also after a loop that was left early; only the first loop after
    `load_state_dict` begins within an epoch, where the state says. An evaluation loader gives the same whole epoch each time.

    Example:
        >>> loader = dp.Loader(manifest, batch_size=4, sampler=dp.Sampler(seed=0))
        >>> for epoch in range(2):
        ...     for batch in loader:
        ...         print(epoch, tuple(batch.images.shape), batch.images.dtype, batch.labels.tolist())
        0 (4, 3, 64, 64) torch.float32 [0, 0, 1, 0]
        0 (4, 3, 64, 64) torch.float32 [1, 1, 1, 0]
        0 (4, 3, 64, 64) torch.float32 [1, 0, 1, 0]
        1 (4, 3, 64, 64) torch.float32 [1, 1, 0, 0]
        1 (4, 3, 64, 64) torch.float32 [0, 1, 0, 1]
        1 (4, 3, 64, 64) torch.float32 [0, 1, 0, 1]

    Attributes:
        pipeline: The pipeline, its `Normalize` filled from the manifest.
        classes: The label of each class number.
        vocabularies: The same for each column of labels that `targets` name.
        sampler: Which rows come when: a `Sampler` with a position. Its `set_epoch` is the loader's, for loops that call it there.
    """

    batch_sampler: None = None  # a DataLoader has one beside `sampler`, and Lightning asks for it

    @overload
    def __init__(
        self: "Loader[Batch]",
        manifest: Manifest,
        pipeline: Pipeline | None = None,
        *,
        batch_size: int = 64,
        train: bool = True,
        sampler: Sampler | None = None,
        backend: Backend | None = None,
        on_error: OnError = "raise",
        targets: None = None,
        cache: NodeCache | None = None,
    ) -> None: ...

    @overload
    def __init__(
        self: "Loader[TargetBatch]",
        manifest: Manifest,
        pipeline: Pipeline | None = None,
        *,
        batch_size: int = 64,
        train: bool = True,
        sampler: Sampler | None = None,
        backend: Backend | None = None,
        on_error: OnError = "raise",
        targets: "Target | str | Iterable[Target | str]",
        cache: NodeCache | None = None,
    ) -> None: ...

    def __init__(
        self,
        manifest: Manifest,
        pipeline: Pipeline | None = None,
        *,
        batch_size: int = 64,
        train: bool = True,
        sampler: Sampler | None = None,
        backend: Backend | None = None,
        on_error: OnError = "raise",
        targets: "Target | str | Iterable[Target | str] | None" = None,
        cache: NodeCache | None = None,
        **unknown: Never,
    ) -> None:
        """Checks that batches can be made.

        Args:
            manifest: The records; those kept are loaded.
            pipeline: Its ops are applied; None takes the manifest's own pipeline.
            batch_size: Samples in a batch of one rank.
            train: Whether for training: shuffled, another epoch each time. False is for evaluation: each image once, in the
                manifest's order, to the end, the same each time, shared out between the ranks; of a sampler that is given only
                seed and rank count.
            sampler: Order, sharing and seed; None stands for `Sampler()`: shuffled, seed 0.
            backend: Who decodes, such as `Torch(workers=2)`; None takes `Threads` on up to 8 cores.
            on_error: What a file does that cannot be read, or that an op fails on: "raise" an error that names it; "skip" it, so
                that its batch is smaller; or "replace" it by the next good image of its batch. `stats()` counts and names such
                files.
            targets: What batches carry beside labels, moved as the ops move the images: `Boxes`, `Points`, `Polygons`, `Mask` or
                `Column`, one or several; for a column that sources fill in one way, such as "boxes", its name alone. A batch is
                then a `TargetBatch`.
            cache: What keeps on a disk of this machine what was read from a slow source, for the next epochs and for other
                processes: `NodeCache("/local/cache", "200GB")`. Masks in files come from the source each time.
            unknown: Arguments of torch's `DataLoader` are refused, saying what they are called here.

        Raises:
            LoaderError: There are no ops, nothing was kept, none of some images can be read, a batch is larger than what was
                kept, an argument is of the wrong kind, a target cannot be read, or an op does not say where it moves places.
        """
        check_names(unknown)
        manifest = check_manifest(manifest)
        pipeline = manifest.pipeline if pipeline is None else check_pipeline(pipeline)
        self.pipeline = _fill(manifest, pipeline, labelled=targets is None)
        sampler = check_sampler(sampler, train=train, shuffled=manifest.packed.get("shuffled") is not None)
        self.backend = check_backend(backend, self.pipeline.ops, manifest.source)
        self._delivery = Delivery(on_error)
        self.source = with_cache(manifest.source, cache)
        self.classes = manifest.classes
        rows = rows_of(manifest)
        if len(rows) == 0:
            raise LoaderError("the manifest keeps no image; `manifest.reasons()` says why, `manifest.judge(...)` decides anew")
        wanted = None if targets is None else want(targets, manifest, self.pipeline)
        self.vocabularies = {} if wanted is None else wanted.vocabularies
        self._rows = replace(rows, targets=wanted)
        check_source(self.source, self._rows)
        self.program = compile_ops(self.pipeline.ops)
        size = delivered_size(self.program)
        self._draws = Draws(self.pipeline.ops, sampler.seed, self.pipeline.mix, size, len(self.classes))
        self.sampler = EpochSampler(
            sampler,
            ordered_by(sampler, manifest, len(self._rows)),
            batch_size,
            told=False,
            advance=int(train),
            fingerprint=manifest.fingerprint,
            draws=self._draws.versions,
        )

    def __len__(self) -> int:
        """How many batches this rank has in a whole epoch."""
        return self.sampler.count()

    def __iter__(self) -> Iterator[AnyOf]:
        """Yields the batches of an epoch, or of the rest of the one that a state was loaded of."""
        loop, progress, finished = self.sampler.begin(), self.sampler.progress, False
        asked: deque[Recipe] = deque()  # which are under way
        try:
            recipes = _noted(self._recipes(loop), asked)
            made = self._delivery.deliver(self.backend, self.source, self.program, recipes)
            for number, batch in enumerate(made, start=1):
                progress.move(loop.number, loop.after(number))
                recipe = asked.popleft()
                if batch is not None:
                    batch.origin = Origin(recipe, self.pipeline.ops, self.classes, self.vocabularies)
                    yield cast(AnyOf, self._check_finished(batch))
            finished = True
        finally:
            progress.end(loop.number, finished=finished)

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        state, spec, stats = self.state_dict(), self.program.spec, self.stats()
        rows: list[tuple[str, object]] = [
            ("batches", f"{len(self):,} of {self.batch_size}, of {len(self._rows):,} images"),
            ("images", f"(3, {spec.height}, {spec.width}) {spec.dtype}"),
            ("labels", f"{len(self.classes):,} classes" if self.classes else "no classes"),
            ("ops", ", ".join(brief(stage) for stage in (*self.pipeline.ops, self.pipeline.mix) if stage is not None)),
            ("sampler", brief(self.sampler.sampler)),
            ("backend", brief(self.backend)),
            ("position", f"epoch {state['epoch']}, {state['position']:,} images delivered"),
        ]
        return card("Loader", rows if not stats.batches else [*rows, ("so far", str(stats).splitlines()[0])])

    def __getattr__(self, name: str) -> Any:
        """Raises an error that says what an attribute of a `DataLoader` is called here."""
        raise attribute_error(name)

    def _check_finished(self, batch: AnyBatch) -> AnyBatch:
        """Returns the batch, which a backend has to have mixed where the pipeline says so, and to deliver with its targets."""
        if self._rows.targets is not None and batch.targets is None:
            raise LoaderError(
                f"the backend {type(self.backend).__name__} delivers no targets; give what `TargetCanvas.finish()` returns as "
                "`Rendered(..., targets=...)`"
            )
        if self.pipeline.mix is not None and batch.labels.ndim == 1:
            backend, mix = type(self.backend).__name__, type(self.pipeline.mix).__name__
            raise LoaderError(f"the backend {backend} did not mix its batches by `{mix}`; call `mix_batch` as its last step")
        return batch

    def recipes(self) -> Iterator[Recipe]:
        """Yields what the batches of the next loop will be made from; reads nothing, and begins no loop.

        Example:
            >>> recipe = next(dp.Loader(manifest, batch_size=4).recipes())
            >>> recipe.ids.tolist(), recipe.uris[0]
            ([4, 5, 8, 0], 'cat/0008.jpg')
        """
        return self._recipes(self.sampler.next())

    def _recipes(self, loop: Loop) -> Iterator[Recipe]:
        return self._draws.recipes(self._rows, loop.turns(), loop.start.epoch)

    def stats(self) -> LoaderStats:
        """Returns what was delivered so far and how long the loop waited for it; printed, it is some lines to read.

        Example:
            >>> loader = dp.Loader(manifest, batch_size=4)
            >>> for batch in loader:
            ...     pass
            >>> stats = loader.stats()
            >>> stats.images, stats.batches, stats.failed
            (12, 3, 0)
        """
        return self._delivery.stats

    @property
    def batch_size(self) -> int:
        """Samples in a batch of one rank.

        Example:
            >>> dp.Loader(manifest, batch_size=4).batch_size
            4
        """
        return self.sampler.batch_size

    @property
    def epoch(self) -> int:
        """The epoch of the loop that is under way, else that of the next one.

        Example:
            >>> loader = dp.Loader(manifest, batch_size=4)
            >>> for batch in loader:
            ...     pass
            >>> loader.epoch
            1
        """
        return self.sampler.epoch

    def set_epoch(self, epoch: int) -> None:
        """Lets the next loop begin an epoch; after `load_state_dict`, the epoch of the state keeps its position.

        Example:
            >>> loader = dp.Loader(manifest, batch_size=4)
            >>> loader.set_epoch(7)
            >>> loader.epoch
            7
        """
        self.sampler.set_epoch(epoch)

    def state_dict(self) -> dict[str, Any]:
        """Returns where the newest loop is, or was left, as plain data: seed, epoch, position, and what they belong to.

        Example:
            >>> loader = dp.Loader(manifest, batch_size=4)
            >>> batch = next(iter(loader))
            >>> state = loader.state_dict()
            >>> state["seed"], state["epoch"], state["position"]
            (0, 0, 4)
        """
        return self.sampler.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Lets the next loop go on from a state, under any number of ranks, workers and any backend.

        With the loader's own state, `loader.load_state_dict(loader.state_dict())`, it goes on after a loop that was left.

        Example:
            >>> loader = dp.Loader(manifest, batch_size=4)
            >>> first = next(iter(loader))
            >>> again = dp.Loader(manifest, batch_size=2, backend=dp.Threads(1))
            >>> again.load_state_dict(loader.state_dict())
            >>> sum(len(batch.ids) for batch in again)  # 12 less the 4 that were delivered
            8

        Raises:
            StateError: It was saved with another manifest or seed; the message names both. Or it is damaged.
        """
        self.sampler.load_state_dict(state)


def _noted(recipes: Iterator[Recipe], asked: deque[Recipe]) -> Iterator[Recipe]:
    """Yields recipes, each of them noted."""
    for recipe in recipes:
        asked.append(recipe)
        yield recipe


def _fill(manifest: Manifest, pipeline: Pipeline, *, labelled: bool) -> Pipeline:
    """Returns the pipeline with its numbers filled in; where targets are mixed, there need be no labels."""
    if not pipeline.ops:
        raise LoaderError("the pipeline has no ops, so images cannot be batched; add `RandomResizedCrop(224)` and `Normalize()`")
    if pipeline.rules and pipeline.rules != manifest.pipeline.rules:
        raise LoaderError("the pipeline has other rules than the manifest was judged by; load from `manifest.judge(pipeline)`")
    if pipeline.mix is not None and labelled and not manifest.classes:
        raise LoaderError(f"`{type(pipeline.mix).__name__}` mixes labels, and the manifest has none")
    return pipeline.fill(manifest.statistics)
