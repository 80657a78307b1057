"""`dataprep clean --dry-run`: what would be cleaned, and how it is understood, without reading an image or writing a file."""

from collections import Counter
from pathlib import Path
from typing import Any, Final

from dataprep.cleaning.cache import Cache
from dataprep.cleaning.folder import CACHE, REPORT, SUMMARY
from dataprep.cleaning.known import lacking
from dataprep.cleaning.remote import folder_for
from dataprep.cli.command import is_verbose
from dataprep.cli.terminal import say, say_json
from dataprep.manifest import NAME
from dataprep.pipeline import Pipeline
from dataprep.protocols import Source
from dataprep.sources import scan_of

FEW: Final = 12
"""Labels that are listed, unless all are asked for."""


def preview(source: Source, pipeline: Pipeline, where: Path | str, max_pixels: int, as_json: bool) -> None:
    """Prints what a run would find, read and write.

    Raises:
        SourceError: The source cannot be listed.
    """
    out = folder_for(where) if isinstance(where, str) else where
    records = source.records()
    scan, known = scan_of(records), 0
    if (out / CACHE).is_dir():
        with Cache(out / CACHE, source, max_pixels) as cache:
            missing = lacking(records, pipeline.measures, cache.find(records, pipeline.measures))
        known = records.num_rows - sum(map(len, missing.values()))
    found = {
        "images": records.num_rows,
        "known": known,
        "labels": _counts(records["label"].to_pylist()),
        "splits": _counts(records["split"].to_pylist()),
        "ignored": dict(scan.ignored),
        "remarks": list(scan.remarks),
        "replaces": [str(out / name) for name in (NAME, SUMMARY, REPORT) if (out / name).exists()],
    }
    if as_json:
        say_json(found)
    else:
        _show(found, where)


def _counts(values: list[str | None]) -> dict[str, int]:
    """Returns how many images have each label or split, the most frequent first."""
    return dict(Counter(value for value in values if value is not None).most_common())


def _show(found: dict[str, Any], out: Path | str) -> None:
    from dataprep.cli.output import spelt
    from dataprep.sources import endings

    say(f"would clean {found['images']:,} images, of which {found['images'] - found['known']:,} have to be read")
    for what in ("labels", "splits"):
        counts = list(found[what].items())
        few = counts if is_verbose() else counts[:FEW]
        named = ", ".join(f"{spelt(name)} {count:,}" for name, count in few) or "none"
        say(f"{what}: {named}" + (f" and {len(counts) - len(few):,} more; -v lists all" if len(counts) > len(few) else ""))
    if found["ignored"]:
        say(f"other files, left alone: {endings(found['ignored'])}")
    for remark in found["remarks"]:
        say(f"note: {remark}")
    say(f"would write into {out}" + (", replacing what is there" if found["replaces"] else ""))
    say("nothing was read or written (--dry-run)")
