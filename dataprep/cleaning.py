"""From a source to a manifest: scan, measure what is not known yet, judge.

records   = source.records()                      what is there: uri, label, bytes, modified
measured  = engine.map(measure_batch, batches)    one read of each image that is new or changed
manifest  = verdicts(records + measured, rules)   no pixels
"""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dataprep.cache import Cache, Found
from dataprep.engines.local import Local
from dataprep.images.decode import MAX_PIXELS
from dataprep.manifest import NO_OVERRIDES, Manifest, Overrides
from dataprep.manifest.verdicts import verdicts
from dataprep.measuring import FACTS, lost_batch, measure_batch
from dataprep.pipeline import Pipeline
from dataprep.sources import Folder
from dataprep.stages.rules.standard import standard_rules
from dataprep.types import Engine, Measure, Source

BATCH: Final = 32  # images that are measured, and saved against a kill, at once: about 30 ms of work

SCANNED: Final = ("row", "uri", "bytes", "modified")

Progress = Callable[[int, int], None]
"""Called with the number of images done and the number there are; first with those that are known from before."""


def clean(
    source: Source | str | Path,
    pipeline: Pipeline | None = None,
    *,
    engine: Engine | None = None,
    cache: str | Path | None = None,
    overrides: Overrides = NO_OVERRIDES,
    progress: Progress | None = None,
    max_pixels: int = MAX_PIXELS,
) -> Manifest:
    """Makes the manifest of a source.

    Args:
        source: A source, or the path of a folder.
        pipeline: What to measure and by which rules to judge; ops are kept for the loader. None stands for the standard rules.
        engine: Who measures; None stands for `Local()`, all cores of this machine.
        cache: A folder that remembers what was measured, so that a killed or repeated run reads only what it has to.
        overrides: What a person decided against the rules.
        progress: Called as images are done.
        max_pixels: Larger images are dropped as unreadable.

    Raises:
        SourceError: The source cannot be listed or holds no image.
    """
    source = Folder(str(source)) if isinstance(source, str | Path) else source
    pipeline = Pipeline(*standard_rules()) if pipeline is None else pipeline
    engine = Local() if engine is None else engine
    records = source.records()
    function = partial(measure_batch, source=source, max_pixels=max_pixels)
    opened = None if cache is None else Cache(cache, max_pixels)
    parts = _measured(records, pipeline.measures, function, engine, opened, progress)
    table = _assembled(records, pipeline.measures, parts)
    classes = tuple(sorted(records["label"].drop_null().unique().to_pylist()))
    ignored = int((records.schema.metadata or {}).get(b"ignored", 0))
    return Manifest(verdicts(table, pipeline.rules, overrides), pipeline, source, pipeline.measures, classes, ignored)


def _measured(
    records: pa.Table,
    measures: tuple[Measure, ...],
    function: Callable[..., pa.RecordBatch],
    engine: Engine,
    cache: Cache | None,
    progress: Progress | None,
) -> list[Found]:
    """Returns what is known of the records: from the cache, and measured now for the rest, saved as it comes."""
    if cache is None:
        return list(_measure_rest(records, measures, [], function, engine, None, progress))
    with cache:
        known = cache.find(records, measures)
        return known + list(_measure_rest(records, measures, known, function, engine, cache, progress))


def _measure_rest(
    records: pa.Table,
    measures: tuple[Measure, ...],
    known: list[Found],
    function: Callable[..., pa.RecordBatch],
    engine: Engine,
    cache: Cache | None,
    progress: Progress | None,
) -> Iterator[Found]:
    """Yields what had to be measured; rows that lack the same measures go together."""
    total = records.num_rows
    lacking = _lacking(records, measures, known)
    done = total - sum(len(rows) for rows in lacking.values())
    if progress is not None:
        for place in sorted({done - len(records["error"].drop_null()), done}):  # what the scan could not look at is news
            progress(place, total)
    for needed, rows in lacking.items():
        batches = _batches(records, rows)
        run, lost = partial(function, measures=needed), partial(lost_batch, measures=needed)
        for batch in engine.map(run, batches, lost):
            if cache is not None:
                cache.append(batch.drop_columns(["row"]), needed)
            done += batch.num_rows
            if progress is not None:
                progress(done, total)
            yield Found(batch["row"].to_numpy(), pa.table(batch.drop_columns(list(SCANNED))))


def _lacking(
    records: pa.Table, measures: tuple[Measure, ...], known: list[Found]
) -> dict[tuple[Measure, ...], NDArray[np.int64]]:
    """Returns which rows lack which measures; rows that the scan could not look at lack none, nor do those known as broken."""
    lacks = np.zeros((1 + len(measures), records.num_rows), bool)  # facts first, then a line for each measure
    for line, columns in enumerate(_groups(measures)):
        lacks[line] = _places(records.num_rows, known, columns) < 0
    lacks &= pc.is_null(records["error"]).to_numpy() & (_broken(records.num_rows, known) < 0)
    # patterns: (distinct, 1 + measures), group: (N,) which of them a row has
    patterns, group = np.unique(lacks.T, axis=0, return_inverse=True)
    lacking: dict[tuple[Measure, ...], NDArray[np.int64]] = {}
    for place, pattern in enumerate(patterns):
        if pattern.any():
            needed = tuple(measure for measure, lacks_it in zip(measures, pattern[1:], strict=True) if lacks_it)
            rows = np.flatnonzero(group.ravel() == place)
            lacking[needed] = np.sort(np.concatenate([lacking.get(needed, rows[:0]), rows]))
    return lacking


def _batches(records: pa.Table, rows: NDArray[np.int64]) -> Iterator[pa.RecordBatch]:
    """Yields row, uri, bytes and modified of the given rows, some at a time."""
    for start in range(0, len(rows), BATCH):
        part = pa.array(rows[start : start + BATCH])
        table = records.select(SCANNED[1:]).take(part).combine_chunks()
        yield pa.RecordBatch.from_arrays([part, *(column.combine_chunks() for column in table.columns)], names=list(SCANNED))


def _groups(measures: tuple[Measure, ...]) -> list[list[str]]:
    """Returns the columns that come together: the facts, then those of each measure."""
    return [[field.name for field in fields] for fields in (FACTS, *(measure.fields for measure in measures))]


def _places(size: int, parts: list[Found], columns: list[str]) -> NDArray[np.int64]:
    """Returns where each row is in the parts that have these columns, laid end to end; -1 where it is in none."""
    places = np.full(size, -1, np.int64)
    offset = 0
    for part in _having(parts, columns):
        places[part.rows] = offset + np.arange(len(part.rows))
        offset += len(part.rows)
    return places


def _broken(size: int, parts: list[Found]) -> NDArray[np.int64]:
    """Returns where each row whose decoding failed is in the parts laid end to end, -1 for the others.

    Another measure may have seen more of the same file, or less, and found no fault: that it fails is what counts.
    """
    places = np.full(size, -1, np.int64)
    if parts:
        failed = np.flatnonzero(np.concatenate([pc.is_valid(part.table["error"]).to_numpy() for part in parts]))
        places[np.concatenate([part.rows for part in parts])[failed]] = failed
    return places


def _having(parts: list[Found], columns: list[str]) -> list[Found]:
    return [part for part in parts if set(columns) <= set(part.table.column_names)]


def _assembled(records: pa.Table, measures: tuple[Measure, ...], parts: list[Found]) -> pa.Table:
    """Returns one row for each record: the scan's columns, the facts, the measures."""
    size = records.num_rows
    table = records.drop_columns(["error"]).replace_schema_metadata(None)
    table = table.add_column(0, "id", pa.array(np.arange(size, dtype=np.int64)))
    schema = {field.name: field for fields in (FACTS, *(measure.fields for measure in measures)) for field in fields}
    facts, broken = _groups(measures)[0], _broken(size, parts)
    for columns in _groups(measures):
        wanted = pa.schema([schema[name] for name in columns])
        places = np.where(broken < 0, _places(size, parts, columns), broken if columns == facts else -1)
        known = [part.table.select(columns).replace_schema_metadata(None) for part in _having(parts, columns)]
        found = pa.concat_tables([wanted.empty_table(), *known]).take(pa.array(places, mask=places < 0))
        for name in columns:
            table = table.append_column(schema[name], found[name])
    error = pc.coalesce(records["error"], table["error"])
    return table.drop_columns(["error"]).append_column("error", error)
