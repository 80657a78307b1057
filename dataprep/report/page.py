"""The report: one HTML file that shows what a manifest dropped and lets a person overrule it.

It is whole in itself: style, script, data and thumbnails are in the file, and its security policy forbids it to load anything
but the images themselves. Names of files and labels are hostile: they reach the page as JSON, and its script sets text only.
The script draws all that there is to see, the numbers too, so that they can be sorted, filtered and linked.
"""

import base64
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from datetime import datetime
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any, Final

from dataprep.arguments import is_whole
from dataprep.errors import DataprepError
from dataprep.files import naming, replacing
from dataprep.manifest import NO_OVERRIDES, Manifest, Overrides, check_manifest
from dataprep.protocols import Engine, Progress
from dataprep.report.contents import contents
from dataprep.report.summary import Summary
from dataprep.sources import endings, parts_of

SCRIPTS: Final = (
    "elements.js",
    "decisions.js",
    "pictures.js",
    "look.js",
    "lists.js",
    "overview.js",
    "labels.js",
    "measures.js",
    "keys.js",
    "views.js",
)
"""In the order in which they run."""


def write_report(
    manifest: Manifest,
    summary: Summary,
    path: str | Path,
    *,
    overrides: Overrides = NO_OVERRIDES,
    when: datetime | None = None,
    progress: Progress | None = None,
    engine: Engine | None = None,
    thumbnails: int | None = None,
) -> None:
    """Writes the report of a manifest, to a temporary name first, so that no half of one is ever seen.

    Example:
        >>> dp.write_report(manifest, dp.summarize(manifest), "report.html")

    Args:
        manifest: What is shown; its source is read for thumbnails.
        summary: The numbers of the run that made it.
        path: The HTML file.
        overrides: What was decided by hand before; it is in the file that the page saves, together with what is new.
        when: The time to show; the same arguments give the same bytes.
        progress: Called with "thumbnails" as they are done.
        engine: Who makes the thumbnails; None stands for this process, without protection from a decoder that crashes.
        thumbnails: How many are embedded at most. None stands for 3,000, or for fewer, one for twenty images, where the page can
            show the files themselves: it is opened where they are.

    Raises:
        DataprepError: The page cannot be written, or is given something else than a manifest, its summary and a whole number of
            thumbnails.
    """
    check_manifest(manifest, "write_report")
    if not isinstance(summary, Summary):
        raise DataprepError(f"write_report takes a summary, got {summary!r:.200}; `summarize(manifest)` makes one")
    if thumbnails is not None and not (is_whole(thumbnails) and thumbnails >= 0):
        raise DataprepError(
            f"write_report(thumbnails={thumbnails!r}): a whole number from 0, or None for as many as are worth it"
        )
    found = contents(manifest, overrides, progress, engine, thumbnails)
    with naming(path), replacing(path) as temporary, open(temporary, "wb") as file:
        file.writelines(piece.encode() for piece in _html(manifest, summary, overrides, when, found))


def _html(
    manifest: Manifest, summary: Summary, overrides: Overrides, when: datetime | None, found: dict[str, Any]
) -> Iterator[str]:
    """Yields the page in pieces, as it may be large."""
    script = "\n".join(map(_asset, SCRIPTS))
    title, where = _title(manifest)
    data = {
        "where": where,
        "when": when and {"iso": when.isoformat(), "text": when.strftime("%-d %B %Y, %H:%M")},
        "summary": summary.as_json(),
        "ignored": endings(summary.ignored),
        "lost": [decision.uri for decision in overrides.lost(manifest.table)],
        **found,
    }
    head, tail = _asset("page.html").split("$data")
    assets = {
        "title": escape(title),
        "headline": f"{summary.kept:,} of {summary.scanned:,} pictures are kept.",
        "style": _asset("style.css"),
        "script": script,
        "script_hash": _hash(script),
    }
    yield Template(head).substitute(assets)
    yield from _members(data)
    yield Template(tail).substitute(assets)


def _title(manifest: Manifest) -> tuple[str, str]:
    """Returns the name of the source and where it is, as text that any encoding holds."""
    source = parts_of(manifest.source).get("", manifest.source)
    root = getattr(source, "root", None) or getattr(source, "file", None) or repr(source)
    text = os.fsencode(root).decode("utf-8", "backslashreplace")
    return os.path.basename(text.rstrip("/")) or text, text


def _asset(name: str) -> str:
    return files("dataprep.report").joinpath("assets", name).read_text(encoding="utf-8")


def _members(data: Mapping[str, Any]) -> Iterator[str]:
    """Yields the JSON of an object, a member at a time; a function is called for what it gives."""
    start = "{"
    for key, value in data.items():
        yield f"{start}{_json(key)}:"
        start = ","
        if isinstance(value, Mapping) and any(map(callable, value.values())):
            yield from _members(value)
        else:
            yield _json(value() if callable(value) else value)
    yield "}"


def _json(data: Any) -> str:
    """Returns JSON that can stand in a script element, in ASCII: it can neither close it nor open a comment."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _hash(script: str) -> str:
    """Returns the name of a script in a security policy: this one may run, and no other."""
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"
