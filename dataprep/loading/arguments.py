"""What a `Loader` is given, checked at the door: what torch users, and all who are in a hurry, give in its place."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np
import pyarrow as pa
from attrs import evolve

from dataprep.errors import LoaderError, SourceError, suggestion
from dataprep.loading.recipes import MappedRows, Rows
from dataprep.loading.sampler import Sampler
from dataprep.machine import cores
from dataprep.manifest import Manifest
from dataprep.manifest.forms import light_of
from dataprep.pipeline import Pipeline
from dataprep.protocols import Backend, Op, Source
from dataprep.sources.cached import Cached
from dataprep.sources.nodecache import NodeCache

SAMPLE: Final = 8  # images of which one has to be there; the others are not opened once one is
MOVED: Final = "if the images have moved, say where they are: Manifest.read(path, source=Folder('elsewhere'))"
NAMES: Final = ("manifest", "pipeline", "batch_size", "train", "sampler", "backend", "on_error", "targets", "cache")

EVALUATION: Final = "each image once, in order, comes from Loader(..., train=False)"
TORCH: Final[Mapping[str, str]] = {
    "shuffle": f"training is shuffled; {EVALUATION}; for training without, give sampler=Sampler(shuffle=False)",
    "drop_last": f"training drops what fills no batch, Sampler(remainder='pad') or 'exact' does not; {EVALUATION}",
    "num_workers": "give the backend workers, as in backend=dp.Torch(workers=4) or dp.Threads(4)",
    "workers": "give the backend workers, as in backend=dp.Torch(workers=4) or dp.Threads(4)",
    "pin_memory": "ask the backend, as in backend=dp.Torch(workers=4, pin_memory=True)",
    "prefetch_factor": "ask the backend, as in backend=dp.Torch(workers=4, prefetch=4)",
    "multiprocessing_context": "ask the backend, as in backend=dp.Torch(workers=4, start='spawn')",
    "persistent_workers": "workers stay after a loop, unless the backend is dp.Torch(workers=4, persistent_workers=False)",
    "worker_init_fn": "workers have no randomness to seed; leave it out",
    "generator": "everything is drawn from Sampler(seed=0); leave it out",
    "collate_fn": "batches are made whole; for another form use your own DataLoader with dp.ImageDataset",
    "batch_sampler": "order and sharing are those of a dp.Sampler; for another use your own DataLoader with dp.ImageDataset",
    "timeout": "leave it out",
    "dataset": "a Loader takes a manifest; a dataset of your own takes torch's DataLoader and dp.Sampler(...).over(len(dataset))",
    "transform": "give the ops as a pipeline, as in Loader(manifest, dp.Pipeline(dp.RandomResizedCrop(224), dp.Normalize()))",
    "epoch": "use loader.set_epoch(epoch)",
    "device": "ask the backend, as in backend=dp.Dali(device='gpu')",
}
"""What arguments and attributes of torch's `DataLoader` are called here."""

OF_SAMPLER: Final = frozenset("seed remainder rank world_size weights balance shares length".split())


class NoAttributeError(LoaderError, AttributeError):
    """A loader has no such attribute, and says what to do without it."""


def check_names(unknown: Iterable[str]) -> None:
    """Refuses arguments that a loader does not have.

    Raises:
        LoaderError: There is one; the message says what it is called here.
    """
    for name in unknown:
        if name in OF_SAMPLER:
            raise LoaderError(f"Loader({name}=...): that is the sampler's, as in Loader(..., sampler=dp.Sampler({name}=...))")
        raise LoaderError(f"Loader({name}=...): {TORCH.get(name) or 'no such argument; ' + suggestion(name, NAMES)}")


def attribute_error(name: str) -> AttributeError:
    """Returns the error of an attribute that a loader does not have."""
    if name == "dataset":
        return NoAttributeError(
            "a Loader has no `dataset`; to go on within an epoch use its load_state_dict(state) in place of skipping batches"
        )
    return NoAttributeError(f"a Loader has no `{name}`; {TORCH[name]}") if name in TORCH else AttributeError(name)


def check_manifest(given: object, name: str = "Loader") -> Manifest:
    """Returns a manifest, and nothing that stands for one."""
    if isinstance(given, Manifest):
        return given
    hint = f"; read it first: dp.Manifest.read({given!r:.200})" if isinstance(given, str) or hasattr(given, "__fspath__") else ""
    raise LoaderError(f"{name}({given!r:.200}, ...): the first argument is a manifest, such as `clean` returns{hint}")


def check_pipeline(given: object, name: str = "Loader") -> Pipeline:
    """Returns a pipeline, and nothing that stands for one."""
    if isinstance(given, Pipeline):
        return given
    hint = "dp.Pipeline(dp.RandomResizedCrop(224), dp.Normalize())"
    if isinstance(given, list | tuple):
        hint = "dp.Pipeline(*ops)"
    elif isinstance(given, str) or hasattr(given, "__fspath__"):
        hint = f"dp.Pipeline.from_yaml(Path({str(given)!r}).read_text())"
    elif hasattr(given, "spec") and hasattr(given, "draw"):
        hint = f"dp.Pipeline({given!r:.60})" if not isinstance(given, type) else f"dp.Pipeline({given.__name__}(...))"
    elif callable(given):
        hint += "; another library's transform goes into dp.ImageDataset(manifest, transform)"
    raise LoaderError(f"{name}: {given!r:.200} is not a pipeline; give {hint}")


def check_sampler(given: object, *, train: bool, shuffled: bool) -> Sampler:
    """Returns the sampler of a loader; that of evaluation has each row once, in order.

    Args:
        given: What the user gave.
        train: Whether it is for training.
        shuffled: Whether the rows themselves are in a random order.
    """
    if train not in (True, False):
        raise LoaderError(f"Loader(train={train!r:.60}): True for training; False for evaluation, each image once, in order")
    sampler = Sampler() if given is None else given
    if isinstance(sampler, type):
        raise LoaderError(f"Loader(sampler={sampler.__name__}): that is a class; give one made of it, dp.Sampler(seed=0)")
    if not isinstance(sampler, Sampler):
        hint = ", without `over`" if hasattr(sampler, "progress") else ""
        way = "one of torch's goes into your own DataLoader, with dp.ImageDataset(manifest, transform)"
        raise LoaderError(f"Loader(sampler={sampler!r:.200}): give a dp.Sampler{hint}, as in dp.Sampler(seed=0); {way}")
    if train and sampler.lanes is not None and not shuffled:
        raise LoaderError(
            f"Loader(sampler=Sampler(lanes={sampler.lanes})): lanes read neighbours together, so the order of the manifest has "
            "to be random to begin with, which `pack` makes it; pack the images, or leave `lanes` out"
        )
    if train:
        return sampler
    if sampler.weights is not None or sampler.balance is not None:
        raise LoaderError("Loader(train=False) gives each image once, so its sampler has no `weights`, `balance` or `shares`")
    return evolve(sampler, shuffle=False, remainder="exact", lanes=None)


def check_backend(given: object, ops: Iterable[Op] = (), source: Source | None = None) -> Backend:
    """Returns the backend of a loader; where none is given, threads on the cores that there are, or processes for an op."""
    of_processes = [type(op).__name__ for op in ops if getattr(op, "in_processes", False)]
    if given is None and of_processes:
        from dataprep.backends.torch import Torch

        return Torch(min(cores(), 8))
    if given is None:
        from dataprep.backends.threads import Threads

        return Threads(min(cores(), 8))
    if of_processes and getattr(given, "in_threads", False):
        raise LoaderError(
            f"Loader(backend={given!r:.200}): `{of_processes[0]}` draws from generators that threads share; "
            "give backend=dp.Torch(workers=...), whose workers are processes"
        )
    if isinstance(given, type):
        raise LoaderError(f"Loader(backend={given.__name__}): that is a class; give one made of it, {given.__name__}()")
    if not callable(getattr(given, "run", None)):
        raise LoaderError(f"Loader(backend={given!r:.200}): give a backend, such as dp.Threads(4) or dp.Torch(workers=4)")
    backend: Any = given
    if source is not None and hasattr(backend, "start_for"):
        backend.start_for(source)
    return backend  # type: ignore[no-any-return]  # what can `run` is one


def with_cache(source: Source, given: object, name: str = "Loader") -> Source:
    """Returns a source with a cache before it, where one is given.

    Raises:
        LoaderError: It is no cache.
        DataprepError: Its folder holds files of others, or cannot be used.
    """
    if given is None:
        return source
    if not isinstance(given, NodeCache):
        raise LoaderError(f'{name}(cache={given!r:.100}): give a cache, as in cache=dp.NodeCache("/local/cache", "200GB")')
    given.check()
    return Cached(source, given)


def ordered_by(sampler: Sampler, manifest: Manifest, size: int) -> pa.Table | int:
    """Returns the columns of the kept rows that an order looks at, more to be named where one is not there, or how many rows."""
    columns = [name for name in (sampler.balance, sampler.weights) if isinstance(name, str)]
    there = {*columns} <= {*manifest.rows.schema.names}
    return (manifest.kept(*columns) if there else light_of(manifest)) if columns else size


def check_source(source: Source, rows: Rows | MappedRows) -> None:
    """Refuses a source in which none of some images can be read; one byte of the first that can is.

    Raises:
        LoaderError: They may have moved.
    """
    errors = []
    places = np.unique(np.arange(SAMPLE) * (len(rows) - 1) // (SAMPLE - 1))
    for uri in rows.at(places).uris.to_pylist():
        try:
            source.read(uri, 0, 1)
        except SourceError as error:
            errors.append(f"{uri}: {error}")
        else:
            return
    raise LoaderError(f"of {len(errors)} images none can be read from {source!r:.200}, the first: {errors[0]}; {MOVED}")
