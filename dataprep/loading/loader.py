"""From a manifest to batches: the sampler says which rows, the ops draw, a backend does the work.

rows    = sampler.batches(...)                    which rows come next on this rank
recipe  = ids, uris, labels, sizes, params, mix   everything random is drawn here, in the main process
batch   = backend.run(source, program, recipes)   no randomness, any number of workers
position += samples of the batch on all ranks     when the loop gets it, not when a worker makes it
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from attrs import evolve

from dataprep.backends.program import compile_ops, delivered_size
from dataprep.errors import LoaderError
from dataprep.loading.failures import OnError
from dataprep.loading.recipes import Draws, Rows
from dataprep.loading.sampler import Sampler
from dataprep.loading.state import Position, fingerprint_of
from dataprep.loading.stats import Delivery, LoaderStats
from dataprep.manifest import Manifest
from dataprep.pipeline import Pipeline
from dataprep.protocols import Backend
from dataprep.types import Batch, Recipe, Sizes


class Loader:
    """Batches of a manifest's kept images, epoch after epoch, from where the state says.

    Each `for batch in loader` goes through the rest of the current epoch and moves on to the next. Leaving the loop early keeps
    the position: the next loop goes on after the last batch that was had.

    Attributes:
        pipeline: The pipeline, its `Normalize` filled from the manifest.
        progress: Epoch and position.
    """

    batch_sampler: None = None  # a DataLoader has one beside `sampler`, and Lightning asks for it

    def __init__(
        self,
        manifest: Manifest,
        pipeline: Pipeline | None = None,
        *,
        batch_size: int = 64,
        sampler: Sampler | None = None,
        backend: Backend,
        on_error: OnError = "raise",
    ) -> None:
        """Checks that batches can be made.

        Args:
            manifest: The records; those kept are loaded.
            pipeline: Its ops are applied; None takes the manifest's own pipeline.
            batch_size: Samples in a batch of one rank.
            sampler: Order, sharing and seed; None stands for `Sampler()`: shuffled, seed 0.
            backend: Who decodes, such as `Torch(workers=2)`.
            on_error: What a file does that cannot be read: "raise" an error that names it; "skip" it, so that its batch is
                smaller; or "replace" it by the next good image of its batch. `stats()` counts and names such files.

        Raises:
            LoaderError: There are no ops, nothing was kept, or a batch is larger than what was kept.
        """
        self.pipeline = _check_pipeline(manifest, pipeline)
        sampler = Sampler() if sampler is None else sampler
        rank, world_size = sampler.resolve()
        self.sampler = evolve(sampler, rank=rank, world_size=world_size)
        self.batch_size = batch_size
        self.backend = backend
        self._delivery = Delivery(on_error)
        self.progress = Position()
        self._spent: tuple[int, int] | None = None  # epoch and position after the last batch of an epoch
        self.source = manifest.source
        self.classes = manifest.classes
        kept = manifest.kept()
        self._plan = self.sampler.plan(kept)
        self._fingerprint = fingerprint_of(manifest.fingerprint, self._plan)
        sizes: Sizes = np.stack([kept["height"].to_numpy(), kept["width"].to_numpy()], axis=1).astype(np.int64)
        self._rows = Rows(kept["id"].to_numpy(), kept["uri"].combine_chunks(), manifest.labels(), sizes)
        self.program = compile_ops(self.pipeline.ops)
        size = delivered_size(self.program)
        self._draws = Draws(self.pipeline.ops, self.sampler.seed, self.pipeline.mix, size, len(self.classes))
        _check_sizes(len(kept) and len(self._plan), batch_size, self.sampler, world_size)

    def __len__(self) -> int:
        """How many batches this rank has in a whole epoch."""
        return self.sampler.count(len(self._plan), 0, self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        """Yields the batches of the rest of the epoch, then moves on to the next."""
        if self._spent == (self.progress.epoch, self.progress.position):
            self.progress.seek(self.progress.epoch + 1)  # the last loop counted its batches and did not ask for one more
        epoch = self.progress.epoch
        step = self.batch_size * self.sampler.resolve()[1]
        made = self.backend.run(self.source, self.program, self._delivery.count(self.recipes()))
        for batch in self._delivery.time(made):
            self.progress.position = min(self.progress.position + step, len(self._plan))
            if self.sampler.count(len(self._plan), self.progress.position, self.batch_size) == 0:
                self._spent = (epoch, self.progress.position)
            if batch is not None:
                yield self._check_mix(batch)
        if self.progress.epoch == epoch:  # else the loop itself went elsewhere
            self.progress.seek(epoch + 1)

    def _check_mix(self, batch: Batch) -> Batch:
        """Returns the batch, which a backend has to have mixed where the pipeline says so."""
        if self.pipeline.mix is not None and batch.labels.ndim == 1:
            backend, mix = type(self.backend).__name__, type(self.pipeline.mix).__name__
            raise LoaderError(f"the backend {backend} did not mix its batches by `{mix}`; call `mix_batch` as its last step")
        return batch

    def recipes(self) -> Iterator[Recipe]:
        """Yields what the batches of the rest of the epoch are made from; reads nothing."""
        taken = self.sampler.turns(self._plan, self.progress.epoch, self.progress.position, self.batch_size)
        return self._draws.recipes(self._rows, taken, self.progress.epoch)

    def stats(self) -> LoaderStats:
        """Returns what was delivered so far and how long the loop waited for it; printed, it is some lines to read."""
        return self._delivery.stats

    @property
    def epoch(self) -> int:
        """The epoch that the next batch belongs to."""
        return self.progress.epoch

    def set_epoch(self, epoch: int) -> None:
        """Goes to the start of an epoch; the epoch that it is in already keeps its position, so this is safe after a restore."""
        self._spent = None
        self.progress.seek(epoch)

    def state_dict(self) -> dict[str, Any]:
        """Returns where the run stands as plain data: version, seed, epoch, position, fingerprint, and what draws."""
        return self.progress.state(self.sampler.seed, self._fingerprint, self._draws.versions)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on from a state, under any number of ranks, workers and any backend.

        Raises:
            StateError: It was saved with another manifest or seed; the message names both.
        """
        self._spent = None
        self.progress.restore(state, self.sampler.seed, self._fingerprint, self._draws.versions)


def _check_pipeline(manifest: Manifest, pipeline: Pipeline | None) -> Pipeline:
    """Returns the pipeline with its numbers filled in."""
    pipeline = manifest.pipeline if pipeline is None else pipeline
    if not pipeline.ops:
        raise LoaderError("the pipeline has no ops, so images cannot be batched; add `RandomResizedCrop(224)` and `Normalize()`")
    if pipeline.rules and pipeline.rules != manifest.pipeline.rules:
        raise LoaderError("the pipeline has other rules than the manifest was judged by; load from `manifest.judge(pipeline)`")
    if pipeline.mix is not None and not manifest.classes:
        raise LoaderError(f"`{type(pipeline.mix).__name__}` mixes labels, and the manifest has none")
    return pipeline.fill(manifest.statistics)


def _check_sizes(kept: int, batch_size: int, sampler: Sampler, world_size: int) -> None:
    if kept == 0:
        raise LoaderError("the manifest keeps no image; `manifest.reasons()` says why, `manifest.judge(...)` decides anew")
    if batch_size < 1:
        raise LoaderError(f"batch_size={batch_size}: at least 1")
    if sampler.remainder == "drop" and batch_size * world_size > kept:
        ranks = f" on each of {world_size} ranks" if world_size > 1 else ""
        raise LoaderError(
            f"batches of {batch_size}{ranks} need {batch_size * world_size:,} images but {kept:,} are kept; "
            "use a smaller batch_size, or Sampler(remainder='pad') or 'exact'"
        )
