"""The check of who turns recipes into batches, against the plain loop of `FakeBackend`."""

import gc
import threading
from collections.abc import Iterator
from itertools import cycle, islice
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dataprep.backends.program import compile_ops, delivered_size
from dataprep.errors import LoaderError
from dataprep.loading.recipes import Draws, Rows
from dataprep.loading.targets import Wanted, want
from dataprep.manifest import Manifest
from dataprep.pipeline import Pipeline
from dataprep.protocols import Backend, Mix, Op, Program
from dataprep.stages import CutMix, HorizontalFlip, MixUp, Normalize, RandomResizedCrop, Resize
from dataprep.targets.marks import split
from dataprep.testing.contract import broken, demand, processes
from dataprep.testing.fakes import FakeBackend, FakeSource
from dataprep.testing.images import encoded, photo
from dataprep.types import Batch, Failure, Recipe, Rendered

SIZE: Final = (40, 56)  # height and width of the files
FILES: Final = 12
BROKEN: Final = (4, 9)  # the files that cannot be decoded, where some cannot
BATCHES: Final = ((0, 1, 2, 3, 4), (7, 6, 5, 4, 3), (8, 9, 0), (11, 10))
"""The rows of each batch; the sizes differ, and files come again."""
MANY: Final = 200  # batches, more than a backend has under way
STD: Final = 0.25
NORMALIZE: Final = Normalize((0.5, 0.5, 0.5), (STD, STD, STD))
TRAINING: Final[tuple[Op, ...]] = (RandomResizedCrop((16, 20)), HorizontalFlip(), NORMALIZE)
BYTES: Final[tuple[Op, ...]] = (Resize((16, 18)), HorizontalFlip())


def check_backend(backend: Backend, *, levels: float = 0.0, share: float = 1.0) -> None:
    """Checks that a backend of your own keeps the contract of `dataprep.Backend`.

    It makes one batch of each recipe, in order, with the pixels of the CPU kernels as near as you say; a file that cannot be read
    is black and named by its index, or an error that names it; mixes are done; recipes are taken as they are needed; no process
    or thread is left when the batches are left early; and targets come along.

    Example:
        >>> check_backend(dp.Threads(2, output="numpy"))

    Args:
        backend: The backend; its batches may be NumPy arrays or tensors, wherever these are.
        levels: How far a value may be from that of the CPU kernels, in steps of 1/255.
        share: The share of the values that have to be as near, 0 to 1.

    Raises:
        AssertionError: It breaks a rule; the message says which, and what to do.
    """
    nearness = (levels, share)
    for ops, mix in ((TRAINING, None), (BYTES, None), (TRAINING, MixUp(1.0)), (BYTES, CutMix())):
        job = _job(ops, mix)
        _check_batches(backend, job, list(_run(backend, job)), nearness)
    for mix in (None, MixUp(1.0)):
        _check_failures(backend, _job(TRAINING, mix, BROKEN), nearness)
    demand(list(_run(backend, _job(TRAINING)._replace(recipes=[]))) == [], backend, "gives batches where there are no recipes")
    _check_early_end(backend, _job(TRAINING))
    for mix in (None, CutMix()):
        _check_targets(backend, _job(TRAINING, mix, targets=True))


class Job(NamedTuple):
    """What a backend is run on."""

    source: FakeSource
    program: Program
    recipes: list[Recipe]


def _job(ops: tuple[Op, ...], mix: Mix | None = None, broken: tuple[int, ...] = (), targets: bool = False) -> Job:
    """Returns recipes of JPEG and PNG files, of which some may be no images, and of boxes and masks where they are asked for."""
    formats = [("jpg", "JPEG"), ("png", "PNG")]
    uris = [f"{row:02d}.{formats[row % 5 == 0][0]}" for row in range(FILES)]
    files = {uri: encoded(photo(row, *SIZE), formats[row % 5 == 0][1]) for row, uri in enumerate(uris)}
    masks = {f"mask-{uri}": encoded(photo(row, *SIZE)[..., 0] // 64, "PNG") for row, uri in enumerate(uris)}
    source = FakeSource(files | masks | {uris[row]: b"no image" for row in broken})
    program = compile_ops(ops)
    labels = np.arange(FILES) % 3
    wanted = _wanted(source, uris, Pipeline(*ops, *([mix] if mix else []))) if targets else None
    rows = Rows(10 + 3 * np.arange(FILES), pa.array(uris), labels, np.tile(np.array(SIZE, np.int64), (FILES, 1)), wanted)
    taken = [np.stack([np.array(batch), np.zeros(len(batch), np.int64)], axis=1) for batch in BATCHES]
    draws = Draws(ops, 0, mix, delivered_size(program), 3)
    return Job(source, program, list(draws.recipes(rows, taken, 0)))


def _wanted(source: FakeSource, uris: list[str], pipeline: Pipeline) -> Wanted:
    """Returns a mask and some boxes for each file."""
    columns = {
        "uri": uris,
        "height": [SIZE[0]] * FILES,
        "width": [SIZE[1]] * FILES,
        "keep": [True] * FILES,
        "boxes": [[[2, 3, 30 + row, 30], [10, row, 50, 39]][: row % 3] for row in range(FILES)],
        "mask": [f"mask-{uri}" for uri in uris],
        "caption": [f"file {uri}" for uri in uris],
    }
    manifest = Manifest(pa.table(columns), Pipeline(), source, (), ())
    return want(["boxes", "mask"] + ([] if pipeline.mix else ["caption"]), manifest, pipeline)


def _run(backend: Backend, job: Job) -> Iterator[Batch[Any] | Rendered]:
    return backend.run(job.source, job.program, iter(job.recipes))


def _check_batches(backend: Backend, job: Job, made: list[Batch[Any] | Rendered], nearness: tuple[float, float]) -> None:
    """Compares all batches with the oracle's once the last one was made, so that none may be overwritten."""
    demand(len(made) == len(job.recipes), backend, f"makes {len(made)} batches of {len(job.recipes)} recipes; make one of each")
    oracle = FakeBackend().run(job.source, job.program, job.recipes)
    for recipe, one, other in zip(job.recipes, made, oracle, strict=True):
        expected = [_array(part) for part in _batch(other)]
        images, labels, ids = map(_array, _batch(one))
        demand(np.array_equal(ids, recipe.ids), backend, f"gives the ids {ids} where {recipe.ids} are wanted; keep their order")
        mixed = "" if recipe.mixture is None else "; end with `dataprep.mix_batch(batch, recipe.mixture, failures)`"
        told = labels.shape == expected[1].shape and np.allclose(labels, expected[1], atol=1e-6)
        demand(told, backend, f"gives the labels {labels.tolist()} where {expected[1].tolist()} are right{mixed}")
        form, wanted = (f"{array.dtype} {array.shape}" for array in (images, expected[0]))
        demand(form == wanted, backend, f"gives images of {form} where the program says {wanted}")
        _check_pixels(backend, job.program, images, expected[0], nearness)


def _check_pixels(
    backend: Backend, program: Program, images: NDArray[Any], expected: NDArray[Any], nearness: tuple[float, float]
) -> None:
    levels, share = nearness
    scale = 1.0 if program.spec.dtype == "uint8" else 255 * STD
    apart = np.abs(images.astype(np.float64) - expected.astype(np.float64)) * scale
    near = float((apart <= levels).mean())
    demand(
        near >= share,
        backend,
        f"has {near:.2%} of the values within {levels:g} of 255 of those of the CPU kernels, and {share:.2%} are asked for; "
        f"the largest difference is {apart.max():.3g}. Look at its kernels, or say how near it is by `levels=` and `share=`",
    )


def _check_failures(backend: Backend, job: Job, nearness: tuple[float, float]) -> None:
    """Checks what becomes of files that cannot be decoded."""
    rule = "where a file cannot be decoded; name it in the failures of a `dataprep.Rendered`, or raise `dataprep.LoaderError`"
    named = {uri for uri, data in job.source.files if data == b"no image"}
    try:
        made = list(_run(backend, job))
    except LoaderError as error:
        demand(any(uri in str(error) for uri in named), backend, f"raises {str(error)!r} {rule} with its uri")
        return
    except Exception as error:
        raise broken(backend, f"raises {type(error).__name__} {rule}") from error
    for recipe, rendered in zip(job.recipes, made, strict=False):
        demand(isinstance(rendered, Rendered), backend, f"gives a plain batch {rule}")
        failures: tuple[Failure, ...] = getattr(rendered, "failures", ())
        failed = {failure.index: failure.uri for failure in failures}
        right = {index: uri for index, uri in enumerate(recipe.uris) if uri in named}
        demand(failed == right, backend, f"names the failures {failed} where {right} failed: by the index in the batch")
        why = all(failure.uri in failure.why for failure in failures)
        demand(why, backend, "gives a failure whose `why` does not name the file; say which it is and what to do")
        images = _array(_batch(rendered).images)
        black = recipe.mixture is not None or not images[sorted(failed)].any()
        demand(black, backend, "leaves something in the place of a file that failed; fill it with zeros")
    _check_batches(backend, job, made, nearness)


def _check_targets(backend: Backend, job: Job) -> None:
    """Checks that targets come along, each image's with it; a backend of plain batches has none, which a loader refuses."""
    oracle = FakeBackend().run(job.source, job.program, job.recipes)
    rule = "; give what `dataprep.TargetCanvas(source, recipe).finish(failures)` returns, after `render(index)` for each image"
    for one, other in zip(_run(backend, job), oracle, strict=True):
        if not isinstance(one, Rendered):
            return
        found: Any = one.targets
        demand(found is not None, backend, f"delivers no targets where the recipe has some{rule}")
        for name, expected in split(getattr(other, "targets", None) or {}).items():
            same = name in found and _same(split(found)[name], expected)
            demand(same, backend, f"delivers other {name!r} than the recipe has{rule}")


def _same(found: Any, expected: Any) -> bool:
    """Returns whether targets are equal: text, arrays, or lists of arrays."""
    if isinstance(expected, list):
        return len(found) == len(expected) and all(map(_same, found, expected))
    return found == expected if isinstance(expected, str) else np.array_equal(_array(found), _array(expected))


def _check_early_end(backend: Backend, job: Job) -> None:
    """Leaves the batches after the first; checks that not all recipes were taken, and that nothing is left."""
    before, threads = processes(), threading.active_count()
    taken: list[Recipe] = []

    def recipes() -> Iterator[Recipe]:
        for recipe in islice(cycle(job.recipes), MANY):
            taken.append(recipe)
            yield recipe

    batches: Any = iter(backend.run(job.source, job.program, recipes()))
    next(batches)
    demand(len(taken) < MANY, backend, "takes all recipes before it gives a batch; take as many ahead as it has under way")
    demand(hasattr(batches, "close"), backend, "returns what cannot be closed early; let `run` be a generator")
    batches.close()
    del batches
    gc.collect()
    demand(processes() <= before, backend, "leaves processes behind when it is closed early; end them in a `finally`")
    demand(threading.active_count() <= threads, backend, "leaves threads behind when it is closed early; end them in a `finally`")


def _batch(made: Batch[Any] | Rendered) -> Batch[Any]:
    return made.batch if isinstance(made, Rendered) else made


def _array(values: Any) -> NDArray[Any]:
    """Returns an array of another library as NumPy's."""
    return np.asarray(values.cpu() if hasattr(values, "cpu") else values)
