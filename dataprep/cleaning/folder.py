"""From a source to a folder: the manifest, its summary, the report, and the cache that the next run goes on from."""

import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import pyarrow as pa

from dataprep.cleaning.clean import clean
from dataprep.cleaning.remote import in_store
from dataprep.engines.local import Local
from dataprep.errors import DataprepError
from dataprep.files import is_url, naming, shown, write_text
from dataprep.images.limits import MAX_PIXELS
from dataprep.manifest import NAME, NO_OVERRIDES, Manifest, Overrides
from dataprep.manifest.carried import carry_splits, read_splits
from dataprep.manifest.moved import add_moved
from dataprep.pipeline import Pipeline
from dataprep.progress import Watch, watched
from dataprep.protocols import Engine, Source
from dataprep.report import Summary, summarize, write_report
from dataprep.sources import Folder, open_source, parts_of

CACHE: Final = "cache"
REPORT: Final = "report.html"
SUMMARY: Final = "summary.json"


class Cleaned(NamedTuple):
    """What was written.

    Attributes:
        manifest: The records with their verdicts, as in `manifest.parquet`.
        summary: The numbers, as in `summary.json`.
    """

    manifest: Manifest
    summary: Summary


def clean_into(
    source: Any,
    pipeline: Pipeline | None = None,
    *,
    out: str | Path,
    engine: Engine | None = None,
    overrides: Overrides = NO_OVERRIDES,
    max_pixels: int = MAX_PIXELS,
    verify: bool = False,
    moved: pa.Table | None = None,
    report: bool = True,
    thumbnails: int | None = None,
    when: datetime | None = None,
    progress: Watch = True,
) -> Cleaned:
    """Cleans a source and writes `manifest.parquet`, `summary.json` and `report.html` into a folder, as `dataprep clean` does.

    What was measured is kept in `cache` there: after a kill the same call goes on, and another threshold reads no image again.
    Splits that the manifest there has been given are kept, by content; new images are divided in the same proportions.

    Example:
        >>> manifest, summary = dp.clean_into("photos", out="cleaned", progress=False)
        >>> summary.scanned, summary.kept
        (13, 12)
        >>> from pathlib import Path
        >>> sorted(path.name for path in Path("cleaned").iterdir())
        ['cache', 'manifest.parquet', 'report.html', 'summary.json']

    Args:
        source: A folder, several, a table, or any other form that `open_source` takes.
        pipeline: What to measure and by which rules to judge; ops are kept for the loader. None stands for the standard rules.
        out: The folder; it is made if needed, and checked before any work is done. Or a place in a store; then `cache` stays on
            this machine, in `$XDG_CACHE_HOME/dataprep/results`.
        engine: Who measures; None stands for `Local()`, all cores of this machine. Thumbnails are made by processes of it.
        overrides: What a person decided against the rules.
        max_pixels: Larger images are dropped as unreadable.
        verify: Whether to read what the cache knows, too, as `clean` does.
        moved: Rows of the manifest there whose files a quarantine holds, as `actions.moved_rows` returns them: they stay dropped
            rows.
        report: Whether to write the report.
        thumbnails: How many pictures it holds at most, as `write_report` takes it.
        when: The time that the report shows.
        progress: As of `clean`; a function is called with "measuring" as images are done, then with "thumbnails" as those of the
            report are.

    Raises:
        SourceError: The source cannot be listed or holds no image.
        DataprepError: `out` is the source, holds files of others, or cannot be written, or has splits that those of the source
            would replace.
    """
    source = open_source(source)
    place = in_store(str(out), source) if is_url(out) else nullcontext(Path(out))
    with place as folder, _made(folder, source), watched(progress) as advance:
        earlier = read_splits(folder / NAME)
        manifest = clean(
            source,
            pipeline,
            engine=engine,
            cache=folder / CACHE,
            overrides=overrides,
            progress=advance,
            max_pixels=max_pixels,
            verify=verify,
        )
        if earlier is not None:
            manifest = _carry(manifest, earlier, folder / NAME)
        if moved is not None:
            manifest = add_moved(manifest, moved)
        manifest.write(folder / NAME)
        summary = summarize(manifest)
        write_text(folder / SUMMARY, json.dumps(summary.as_json(), indent=2) + "\n")
        if report:
            local = engine if isinstance(engine, Local) else Local()  # whoever measured, few thumbnails are not worth a cluster
            write_report(
                manifest,
                summary,
                folder / REPORT,
                overrides=overrides,
                when=when,
                progress=advance,
                engine=local,
                thumbnails=thumbnails,
            )
    return Cleaned(manifest, summary)


def _carry(manifest: Manifest, earlier: pa.Table, where: Path) -> Manifest:
    """Returns the manifest with the splits of the one that it replaces, and what became of them."""
    done, carried = carry_splits(manifest, earlier, shown(where))
    return replace(done, run=replace(done.run, carried=carried._asdict()) if done.run and carried else done.run)


def check_own(out: Path, names: Iterable[str] = ()) -> None:
    """Checks that a folder holds no file of others that a run would write over: all is ours where a manifest or a cache is.

    Args:
        out: The folder; it need not exist.
        names: What is written besides the manifest, the summary and the report.

    Raises:
        DataprepError: It does.
    """
    if (out / NAME).exists() or any((out / CACHE).glob("*.arrows")):
        return
    for name in (SUMMARY, REPORT, *names):
        if os.path.lexists(out / name):
            raise DataprepError(f"{shown(out / name)} is not of dataprep, and would be written over; choose another folder")


@contextmanager
def _made(out: Path, source: Source) -> Iterator[None]:
    """Makes the folder for the results, checked before any work is done; in the end it is removed again if nothing is in it."""
    folders = [part for part in parts_of(source).values() if isinstance(part, Folder)]
    if any(os.path.realpath(folder.root) == os.path.realpath(out) for folder in folders):
        raise DataprepError(f"{shown(out)} is the source, which is never changed; choose another folder for the results")
    check_own(out)
    missing = [step for step in (out, *out.parents) if not step.exists()]
    try:
        with naming(out):
            out.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=out):
                pass
        yield
    finally:
        with suppress(OSError):
            for step in missing:
                step.rmdir()
