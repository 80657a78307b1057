"""What `dataprep clean` does: clean into the folder, say what was found, then write and move what the flags ask for."""

from datetime import datetime
from pathlib import Path
from typing import Any, Final

import click

from dataprep.actions import check_apart, check_movable, check_target, check_writable, export, moved_rows, overlap
from dataprep.cleaning.folder import REPORT, check_own, clean_into
from dataprep.cleaning.remote import in_store
from dataprep.cli.apply import move_rejects, write_tree
from dataprep.cli.choose import Chosen, choose_engine
from dataprep.cli.outcome import PartlyError, open_page, partly
from dataprep.cli.progress import progress_bar
from dataprep.cli.terminal import say, say_json, take_log
from dataprep.files import modified_of
from dataprep.manifest import NAME, Manifest, Overrides
from dataprep.pipeline import Pipeline
from dataprep.protocols import Source
from dataprep.report import Summary

EXPORTS: Final = {"csv": "records.csv", "jsonl": "records.jsonl", "txt": "kept.txt"}


def run(chosen: Chosen, pipeline: Pipeline, out: Path | str, flags: dict[str, Any], *, as_json: bool, quiet: bool) -> Summary:
    """Cleans a source into a folder, or into a place in a store by way of one, and returns what was found.

    Raises:
        PartlyError: The manifest is written, and what was to follow is not, or not all of it.
    """
    if isinstance(out, str):
        if flags["materialize"] and not flags["into"]:
            raise click.UsageError("--materialize writes a tree on this machine and --out is in a store; name a folder by --into")
        with in_store(out, chosen.source, [EXPORTS[kind] for kind in flags["export"]]) as folder:
            summary = run(chosen, pipeline, folder, flags, as_json=as_json, quiet=quiet)
        if not (as_json or quiet):
            say(f"put into {out}; the copy and the cache stay in {folder}")
        return summary
    overrides = Overrides.read(*flags["overrides"])
    tree = _tree(out, chosen.source, flags)
    check_own(out, [EXPORTS[kind] for kind in flags["export"]])
    before = _stamp(out / NAME)
    take_log()
    with (
        partly(f"{out / NAME} is written, but", lambda: _stamp(out / NAME) != before),
        progress_bar(quiet or as_json, "scanning") as advance,
    ):
        manifest, summary = clean_into(
            chosen.source,
            pipeline,
            out=out,
            engine=choose_engine(flags["workers"], flags["engine"], flags["address"]),
            overrides=overrides,
            max_pixels=flags["max_pixels"],
            verify=flags["verify"],
            moved=moved_rows(out),
            report=not flags["no_report"],
            thumbnails=flags["thumbnails"],
            when=datetime.now().astimezone(),
            progress=advance,
        )
    if as_json:
        say_json(summary.as_json())
    elif not quiet:
        from dataprep.cli.output import show

        show(summary, out)
        for decision in overrides.lost(manifest.table):
            say(f"overrides: {decision.uri} is gone or has changed, so the decision about it no longer applies")
    with partly(f"{out / NAME} is written, but"):
        _apply(manifest, chosen.own, out, tree, flags, quiet or as_json)
    if flags["open_report"]:
        open_page(out / REPORT)
    return summary


def _tree(out: Path, source: Source, flags: dict[str, Any]) -> Path | None:
    """Returns where --materialize writes, once it is clear that each target can be written, apart from the source and another."""
    if flags["into"] and not flags["materialize"]:
        raise click.UsageError("--into goes with --materialize")
    if flags["open_report"] and flags["no_report"]:
        raise click.UsageError("--open shows the report, and --no-report writes none")
    tree: Path | None = (flags["into"] or out / "images") if flags["materialize"] else None
    if tree and flags["quarantine"] and overlap(tree, flags["quarantine"]):
        raise click.UsageError("--quarantine and the tree of --materialize overlap; choose folders apart")
    if tree:
        check_target(tree, flags["materialize"], source)
    if flags["quarantine"]:
        check_movable(source)
        check_apart(flags["quarantine"], source)
        check_writable(flags["quarantine"])
    return tree


def _apply(whole: Manifest, own: str | None, out: Path, tree: Path | None, flags: dict[str, Any], quiet: bool) -> None:
    """Writes and moves what the flags ask for; the quarantine comes last, since it takes files from the source."""
    manifest = whole if own is None else whole.select(own)
    for kind in dict.fromkeys(flags["export"]):
        export(manifest, out / EXPORTS[kind], kind)
    if tree:
        write_tree(manifest, tree, flags["materialize"], quiet)
    if flags["quarantine"] and move_rejects(whole, out, flags["quarantine"], own, quiet):
        raise PartlyError(f"not all dropped images could be moved to {flags['quarantine']}; those that stay are listed above")


def _stamp(path: Path) -> tuple[int, int] | None:
    """Returns what tells a file from the one that replaces it."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, modified_of(status)
