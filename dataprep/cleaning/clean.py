"""From a source to a manifest: scan, measure what is not known yet, judge.

records   = source.records()                      what is there: uri, label, bytes, modified
measured  = engine.map(measure_batch, batches)    one read of each image that is new or changed
manifest  = verdicts(records + measured, rules)   no pixels
"""

import logging
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dataprep.ahead import RETRIES, Reading
from dataprep.cleaning.cache import Cache
from dataprep.cleaning.known import Found, assemble, lacking, laid_together
from dataprep.cleaning.lean import lean_measuring
from dataprep.cleaning.listing import records_of
from dataprep.cleaning.measure import SCANNED, batches, cores_of, lost_batch, measure_batch, shares
from dataprep.cleaning.verify import unchanged
from dataprep.columns import in_types
from dataprep.engines.local import Local
from dataprep.images.limits import MAX_PIXELS, most_memory
from dataprep.machine import cores
from dataprep.manifest import NO_OVERRIDES, Manifest, Overrides, Run, check_overrides
from dataprep.manifest.verdicts import verdicts
from dataprep.opencv import require
from dataprep.pipeline import Pipeline, check_pipeline
from dataprep.progress import Watch, scanning, watched
from dataprep.protocols import Engine, Measure, Progress, Source
from dataprep.report.findings import examine
from dataprep.report.forecast import forecast
from dataprep.sources import open_source, scan_of
from dataprep.sources.ways import one_row_each
from dataprep.stages.rules.standard import standard_rules

LOGGER: Final = logging.getLogger("dataprep.clean")

BATCH: Final = (4, 32)  # images that are measured at once, at least and at most: 100 ms of work
LEAN: Final = (8, 128)  # the same by bare Python, which takes 1 ms for each
SAVED: Final = 4_096  # images that are saved against a kill at once
PAUSE: Final = 1.0  # seconds after which fewer are
HELD: Final = 65_536  # rows that results are laid together by: of a thousand small tables the rows take five times the memory


def clean(
    source: Any,
    pipeline: Pipeline | None = None,
    *,
    engine: Engine | None = None,
    cache: str | Path | None = None,
    overrides: Overrides = NO_OVERRIDES,
    progress: Watch = True,
    max_pixels: int = MAX_PIXELS,
    verify: bool = False,
) -> Manifest:
    """Makes the manifest of a source; `clean_into` also writes it, with a summary and a report.

    What looks wrong, in the labels or in what rules drop, is logged as a warning of the logger "dataprep.clean".

    Example:
        >>> pipeline = dp.Pipeline(*dp.standard_rules(), dp.RandomResizedCrop(64), dp.Normalize())
        >>> manifest = dp.clean("photos", pipeline, cache="cache")
        >>> manifest.reasons()
        {'exact duplicate': 1}
        >>> dp.clean("photos", pipeline, cache="cache").run.measured  # nothing is read again
        0

    Args:
        source: A folder, several, a table, or any other form that `open_source` takes.
        pipeline: What to measure and by which rules to judge; ops are kept for the loader. None stands for the standard rules.
        engine: Who measures; None stands for `Local()`, all cores of this machine.
        cache: A folder that remembers what was measured, so that a killed or repeated run reads only what it has to.
        overrides: What a person decided against the rules.
        progress: True shows a bar in a terminal and in a notebook, False nothing; a function is called in its place with
            "measuring", how many images are done, first those that are known from before, and how many there are; before that,
            with "scanning" and twice how many were found so far.
        max_pixels: Larger images are dropped as unreadable.
        verify: Whether to read what the cache knows, too, and measure again what has another content. Else a file is taken for
            the one that was measured where its path, size and modified time are the same.

    Raises:
        SourceError: The source cannot be listed or holds no image.
        PipelineError: A measure needs what is not installed.
        DataprepError: The cache cannot be written, or something else is given for the pipeline or the overrides.
    """
    start = time.perf_counter()
    pipeline = Pipeline(*standard_rules()) if pipeline is None else pipeline
    check_pipeline(pipeline, "clean")
    check_overrides(overrides, "clean")
    require([*pipeline.rules, *pipeline.measures])
    source = open_source(source)
    engine = Local() if engine is None else engine
    measures = pipeline.measures
    protected = {split for rule in pipeline.rules for split in getattr(rule, "protect", ())}
    with watched(progress) as advance, nullcontext() if cache is None else Cache(cache, source, max_pixels) as opened:
        with scanning(advance):
            records = one_row_each(in_types(records_of(source, engine)), source, protected)
        foreseen = list(forecast(len(records), pipeline.rules))
        for finding in foreseen:  # before hours of work, not after it
            LOGGER.warning("%s", finding.sentence)
        known = [] if opened is None else opened.find(records, measures)
        if verify:
            known = unchanged(records, known, source, engine, advance)
        missing = lacking(records, measures, known)
        retries = _Retries()
        measured = list(laid_together(_measure(records, missing, source, engine, opened, advance, max_pixels, retries), HELD))
    known += measured
    del measured
    table = verdicts(assemble(records, measures, known), pipeline.rules, overrides)
    scan = scan_of(records)
    classes = overrides.classes(class_list(records, scan.classes), table)
    tried = sum(map(len, missing.values())) + pc.count(records["error"]).as_py()  # by the scan, too
    run = Run(tried, records.num_rows - tried, time.perf_counter() - start, retries=retries.count)
    manifest = Manifest(table, pipeline, source, measures, classes, scan.ignored, run, remarks=scan.remarks)
    for finding in (one for one in examine(manifest) if one not in foreseen):
        LOGGER.warning("%s", finding.sentence)
    return manifest


def class_list(records: pa.Table, ordered: tuple[str, ...] | None) -> tuple[str, ...]:
    """Returns the labels in the order of their numbers: the order that the source has, then others, sorted."""
    known = set(records["label"].drop_null().unique().to_pylist())
    if "labels" in records.column_names:  # null where another source than that of the lists has the image
        alone = records["label"].filter(pc.is_null(records["labels"]))
        known = {*alone.drop_null().to_pylist(), *pc.list_flatten(records["labels"]).drop_null().unique().to_pylist()}
    return tuple(dict.fromkeys([*(ordered or ()), *sorted(known)]))


def _measure(
    records: pa.Table,
    missing: Mapping[tuple[Measure, ...], NDArray[np.int64]],
    source: Source,
    engine: Engine,
    cache: Cache | None,
    progress: Progress | None,
    max_pixels: int,
    retries: "_Retries",
) -> Iterator[Found]:
    """Yields what had to be measured, saved as it comes; rows that lack the same measures go together."""
    done = records.num_rows - sum(map(len, missing.values()))
    if progress is not None:
        progress("measuring", done, records.num_rows)
    for needed, rows in missing.items():
        function = partial(measure_batch, measures=needed, max_pixels=max_pixels)
        lost = partial(lost_batch, measures=needed)
        lean = lean_measuring(source, needed, max_pixels)
        least, most = BATCH if lean is None else LEAN
        own: int = getattr(engine, "least", least)
        sizes = shares(len(rows), max(least, own), max(most, own), cores_of(engine))
        with Reading(function, source, lean, most_memory(max_pixels), min(cores_of(engine), cores())) as run:
            results = engine.map(run, batches(records, rows, sizes), lost)
            told = _told(retries.counted(results), done, records.num_rows, progress)
            for table in _together(told):
                if cache is not None:
                    cache.append(table.drop_columns(["row"]), needed)
                done += table.num_rows
                yield Found(table["row"].to_numpy(), table.drop_columns([name for name in SCANNED if name in table.column_names]))


@dataclass
class _Retries:
    """Counts how often a store was asked again, which results of engines have in their metadata."""

    count: int = 0

    def counted(self, results: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yields results without it."""
        for result in results:
            said = (result.schema.metadata or {}).get(RETRIES)
            self.count += int(said or 0)
            yield result.replace_schema_metadata(None) if said else result


def _told(results: Iterable[pa.RecordBatch], done: int, total: int, progress: Progress | None) -> Iterator[pa.RecordBatch]:
    """Yields results and tells how many images are done with each."""
    for result in results:
        yield result
        done += result.num_rows
        if progress is not None:
            progress("measuring", done, total)


def _together(results: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Yields what it is given in larger parts: `SAVED` rows, what came in `PAUSE` seconds, or in all until an error or Ctrl-C."""
    gathered: list[pa.RecordBatch] = []
    rows, since = 0, time.monotonic()
    try:
        for batch in results:
            gathered.append(batch)
            rows += batch.num_rows
            if rows >= SAVED or time.monotonic() - since > PAUSE:
                part, gathered = gathered, []
                yield pa.Table.from_batches(part).combine_chunks()
                rows, since = 0, time.monotonic()
    except (Exception, KeyboardInterrupt):
        if gathered:
            yield pa.Table.from_batches(gathered).combine_chunks()
        raise
    if gathered:
        yield pa.Table.from_batches(gathered).combine_chunks()
