"""`dataprep clean`: a folder of images in; a manifest, a summary and a report out."""

import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import click

from dataprep.actions import check_apart, check_target, check_writable, export, moved_rows, overlap
from dataprep.cleaning.engines import Local
from dataprep.cleaning.folder import check_own, clean_into
from dataprep.cli.apply import move_rejects, write_tree
from dataprep.cli.command import Command
from dataprep.cli.options import (
    choose_pipeline,
    duplicate_options,
    result_options,
    threshold_options,
)
from dataprep.cli.output import ProgressBar, show, take_log
from dataprep.cli.sources import choose_source, label_options, source_options
from dataprep.cli.terminal import say, say_json
from dataprep.images.limits import MAX_PIXELS
from dataprep.manifest import Manifest, Overrides
from dataprep.protocols import Source
from dataprep.report import Summary

EXPORTS: Final = {"csv": "records.csv", "jsonl": "records.jsonl", "txt": "kept.txt"}

WITHOUT: Final = {
    "leaks": "since no image is protected: name a folder by --against, or splits by --splits and --protect",
    "conflicts": "since there are no labels, or duplicates are kept",
}
"""Why something that --fail-on names was not looked for, and what to do."""

EPILOG: Final = (
    "Exit codes: 0 done; 1 nothing was done; 2 wrong usage; 3 done, but no image is kept or --fail-on found something; "
    "130 stopped by Ctrl-C: run the same command to continue."
)


@click.command(cls=Command, epilog=EPILOG)
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="Folder to write the manifest, the summary and the report to."
)
@click.option(
    "--pipeline",
    "pipeline_file",
    type=click.Path(path_type=Path),
    help="YAML file of stages to use instead of the threshold and duplicate flags.",
)
@source_options
@label_options
@threshold_options
@duplicate_options
@click.option(
    "--statistics",
    is_flag=True,
    help="Measure the RGB mean and std of the kept images, without protected ones; decodes every image at full size.",
)
@result_options
@click.option(
    "--max-pixels",
    type=click.IntRange(1),
    default=MAX_PIXELS,
    show_default=True,
    help="Drop images of more pixels as unreadable.",
)
@click.option(
    "--verify",
    is_flag=True,
    help="Also read the files that are known from before, and measure again what has another content at the same size and time.",
)
@click.option(
    "--workers", type=click.IntRange(0), help="Processes that measure; 0 measures in this one.  [default: one for each core]"
)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
@click.pass_context
def clean(context: click.Context, /, sources: tuple[str, ...], out: Path, as_json: bool, quiet: bool, **flags: Any) -> None:
    """Find bad images in SOURCE and write a manifest. SOURCE is not changed, except by --quarantine.

    SOURCE is a folder, several, a glob, files, a list of files (.txt, or - for standard input), a table with a column of images
    (.csv, .tsv, .jsonl, .parquet), a zip or tar archive, or annotations (COCO, VOC).

    The manifest has a row for each image. Exact and near duplicates, and images that are unreadable, too small, too dark, too
    bright, nearly uniform or blurred, are marked as dropped, with the reason. Measurements are kept in OUT/cache: after Ctrl-C
    or a kill, the same command continues, and a run with other thresholds reads no image again.
    """
    scanned, own, protected = choose_source(sources, flags)
    pipeline = choose_pipeline(context, flags, protected)
    overrides = Overrides.read(*flags["overrides"])
    tree = _tree(out, scanned, flags)
    check_own(out, [EXPORTS[kind] for kind in flags["export"]])
    is_silent = quiet or as_json
    take_log()
    with ProgressBar(is_silent) as bar:
        manifest, summary = clean_into(
            scanned,
            pipeline,
            out=out,
            engine=Local(flags["workers"]),
            overrides=overrides,
            max_pixels=flags["max_pixels"],
            verify=flags["verify"],
            moved=moved_rows(out),
            report=not flags["no_report"],
            thumbnails=flags["thumbnails"],
            when=datetime.now().astimezone(),
            progress=bar.advance,
        )
    if as_json:
        say_json(summary.as_json())
    elif not quiet:
        show(summary, out)
        for decision in overrides.lost(manifest.table):
            say(f"overrides: {decision.uri} is gone or has changed, so the decision about it no longer applies")
    _apply(manifest, own, out, tree, flags, is_silent)
    if failures := _failures(summary, flags["fail_on"]):
        say(f"Failed: {'; '.join(failures)}", error=True)
        sys.exit(3)


def _failures(summary: Summary, faults: Sequence[str]) -> list[str]:
    """Returns why the command fails though it is done: nothing is kept, or --fail-on names what was found or not looked for."""
    failures = [finding.sentence for finding in summary.warnings if finding.kind == "nothing kept"]
    for fault in faults:
        count: int | None = getattr(summary, fault)
        if count is None:
            failures.append(f"{fault} were not looked for, {WITHOUT[fault]}")
        elif count:
            failures.append(f"{count:,} {fault if fault != 'suspicious' else 'warnings'}")
    return failures


def _tree(out: Path, source: Source, flags: dict[str, Any]) -> Path | None:
    """Returns where --materialize writes, once it is clear that each target can be written, apart from the source and another."""
    if flags["into"] and not flags["materialize"]:
        raise click.UsageError("--into goes with --materialize")
    tree: Path | None = (flags["into"] or out / "images") if flags["materialize"] else None
    if tree and flags["quarantine"] and overlap(tree, flags["quarantine"]):
        raise click.UsageError("--quarantine and the tree of --materialize overlap; choose folders apart")
    if tree:
        check_target(tree, flags["materialize"], source)
    if flags["quarantine"]:
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
    if flags["quarantine"]:
        move_rejects(whole, out, flags["quarantine"], own, quiet)
