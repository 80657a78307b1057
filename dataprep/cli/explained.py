"""What `dataprep why` finds and prints: one image, its verdict, what the rules ask of it, and its copies."""

import os
from typing import Any, Final

from rich.markup import escape
from rich.table import Table

from dataprep.actions.places import files_of
from dataprep.cli.apply import list_files
from dataprep.cli.console import Terminal
from dataprep.cli.terminal import say
from dataprep.errors import ManifestError, suggestion
from dataprep.manifest import Manifest
from dataprep.manifest.explain import Explanation

NAMED: Final = 3
"""Names that an error lists."""


def find(manifest: Manifest, file: str) -> int:
    """Returns the id of the image that is meant by a path, a name or the end of a name.

    Raises:
        ManifestError: There is none, or there are several.
    """
    uris, files = manifest.table["uri"].to_pylist(), files_of(manifest.source)
    path = os.path.abspath(file)
    matches = [row for row, uri in enumerate(uris) if uri == file] or [
        row for row, uri in enumerate(uris) if files is not None and files.path(uri) == path
    ]
    matches = matches or [row for row, uri in enumerate(uris) if uri.endswith(f"/{file}")]
    if len(matches) == 1:
        return int(manifest.table["id"][matches[0]].as_py())
    if matches:
        named = ", ".join(repr(uris[row]) for row in matches[:NAMED]) + (" and more" if len(matches) > NAMED else "")
        raise ManifestError(f"{file!r} is the end of {len(matches):,} names, {named}; give the whole name of one")
    near = suggestion(file, uris)
    raise ManifestError(f"no image of the manifest is called {file!r}" + (f"; {near}" if near.startswith("did") else ""))


def as_data(found: Explanation) -> dict[str, Any]:
    """Returns what is printed as plain data; hashes and small pictures are left out."""
    plain = int | float | str | bool | None
    row = {name: value for name, value in found.row.items() if not isinstance(value, bytes)}
    return {
        "record": {name: value if isinstance(value, plain) else str(value) for name, value in row.items()},
        "asked": [one._asdict() for one in found.asked],
        "twin": None if found.twin is None else {"uri": found.twin["uri"], "keep": found.twin["keep"]},
        "copies": [copy["uri"] for copy in found.copies],
    }


def show(found: Explanation) -> None:
    """Prints it."""
    row = found.row
    verdict = (
        row["detail"] or "kept" if row["keep"] else f"dropped: {row['reason']}" + (f", {row['detail']}" if row["detail"] else "")
    )
    say(f"{row['uri']}: {verdict}")
    if found.twin is not None:
        distance = "" if row["distance"] is None else f", at a distance of {row['distance']} bits"
        say(f"its twin: {found.twin['uri']}{distance}, {'kept' if found.twin['keep'] else 'itself dropped'}")
    if row["error"] is None:
        size = f"{row['width']}×{row['height']} {row['format']}"
        said = [size, f"{row['bytes']:,} bytes"] if row["bytes"] is not None else [size]
        said += [f"{name} {row[name]}" for name in ("label", "split", "remark", "captured") if row.get(name) is not None]
        say(", ".join(said))
    if found.asked:
        _show_asked(found)
    if found.copies:
        say(f"{len(found.copies):,} dropped as copies of it:")
        list_files(f"{copy['uri']}: {copy['reason']}, {copy['detail']}" for copy in found.copies)


def _show_asked(found: Explanation) -> None:
    """Prints a line for everything that rules ask; a rule drops an image that fails all that it asks."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("rule", "the image has", "asked is", ""):
        table.add_column(name, overflow="fold")
    before = None
    for one in found.asked:
        mark = "[yellow]fails[/]" if one.fails else "[green]holds[/]"
        table.add_row(escape(one.reason) if one.rule != before else "", escape(one.value or ""), escape(one.limit), mark)
        before = one.rule
    Terminal().print(table)
    say("a rule drops what fails all that it asks")
