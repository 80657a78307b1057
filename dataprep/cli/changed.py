"""What `dataprep diff` prints: each kind of change with its number, and the images that it is about."""

from itertools import groupby

from dataprep.cli.apply import list_files
from dataprep.cli.terminal import say
from dataprep.manifest.changes import KINDS, Change, Changes


def show(changes: Changes) -> None:
    """Prints what became other."""
    if not changes.images and not changes.stages:
        say("the two manifests say the same")
    for kind, found in groupby(changes.images, key=lambda change: change.kind):
        lines = [_line(change) for change in found]
        say(f"{KINDS[kind]}: {len(lines):,} image{'' if len(lines) == 1 else 's'}")
        list_files(lines)
    if changes.stages:
        say("the rules and ops differ")
        for stage in changes.stages:
            say(f"  {stage}")


def _line(change: Change) -> str:
    """Returns what is said of one image."""
    if change.kind == "other content":
        return change.uri
    if change.kind == "moved":
        return f"{change.before} -> {change.after}"
    if change.kind in ("gone", "new"):
        return f"{change.uri}: {change.before or change.after}"
    return f"{change.uri}: {change.before or 'none'} -> {change.after or 'none'}"
