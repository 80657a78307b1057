"""`dataprep clean`: a folder of images in; a manifest, a summary and a report out."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from dataprep.cli.command import AGAIN, PARTLY, Command, group, printed
from dataprep.cli.options import (
    Anywhere,
    Here,
    duplicate_options,
    engine_options,
    label_options,
    result_options,
    source_options,
    threshold_options,
)

if TYPE_CHECKING:
    from dataprep.report import Summary

WITHOUT: Final = {
    "leaks": "since no image is protected: name a folder by --against, or splits by --splits and --protect",
    "conflicts": "since there are no labels, or duplicates are kept",
}
"""Why something that --fail-on names was not looked for, and what to do."""


@click.command(
    cls=Command,
    examples=(
        "dataprep clean photos -o cleaned",
        "dataprep clean photos -o cleaned --min-sharpness 80 --radius off    # nothing is read again",
        "dataprep clean train --against test -o cleaned --fail-on leaks",
        "find photos -name '*.jpg' | dataprep clean - -o cleaned",
    ),
    codes={3: "done, but no image is kept or --fail-on found something", **PARTLY, **AGAIN},
)
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...", type=click.Path(allow_dash=True))
@group(
    "Where results go",
    click.option(
        "-o",
        "--out",
        required=True,
        type=Anywhere(),
        metavar="FOLDER",
        help="Folder to write the manifest, the summary and the report to, or the URL of a place in a store.",
    ),
)
@source_options
@label_options
@group(
    "What is measured",
    click.option(
        "--pipeline",
        "pipeline_file",
        type=Here(),
        metavar="FILE",
        help="YAML file of stages to use instead of the threshold and duplicate flags.",
    ),
    click.option(
        "--statistics",
        is_flag=True,
        help="Measure the RGB mean and std of the kept images, without protected ones; decodes every image at full size.",
    ),
)
@threshold_options
@duplicate_options
@result_options
@group(
    "How it runs",
    click.option(
        "--dry-run",
        is_flag=True,
        help="Only list the images, and say how many would be read and what their labels are.",
    ),
    click.option(
        "--max-pixels",
        type=click.IntRange(1),
        metavar="N",
        help="Drop images of more pixels as unreadable.  [default: 178956970, as Pillow]",
    ),
    click.option(
        "--verify",
        is_flag=True,
        help="Also read the files that are known from before, and measure again what has another content at the same size and "
        "time.",
    ),
    *engine_options,
)
@printed("the summary")
@click.pass_context
def clean(context: click.Context, /, sources: tuple[str, ...], out: Path | str, as_json: bool, quiet: bool, **flags: Any) -> None:
    """Find bad images in SOURCE and write a manifest. SOURCE is not changed, except by --quarantine.

    SOURCE is a folder, several, a glob, files, a list of files (.txt, or - for standard input), a table with a column of images
    (.csv, .tsv, .jsonl, .parquet), a zip or tar archive, or annotations (COCO, VOC).

    The manifest has a row for each image. Exact and near duplicates, and images that are unreadable, too small, too dark, too
    bright, nearly uniform or blurred, are marked as dropped, with the reason. Measurements are kept in OUT/cache: after Ctrl-C
    or a kill, the same command continues, and a run with other thresholds reads no image again.
    """
    from dataprep.cli.choose import choose_pipeline, choose_source
    from dataprep.cli.terminal import say
    from dataprep.images.limits import MAX_PIXELS

    chosen = choose_source(sources, flags)
    pipeline = choose_pipeline(context, flags, chosen.protected)
    flags["max_pixels"] = flags["max_pixels"] or MAX_PIXELS
    if flags["dry_run"]:
        from dataprep.cli.preview import preview

        preview(chosen.source, pipeline, out, flags["max_pixels"], as_json)
        return
    from dataprep.cli.run import run

    summary = run(chosen, pipeline, out, flags, as_json=as_json, quiet=quiet)
    if failures := failures_of(summary, flags["fail_on"]):
        say(f"Failed: {'; '.join(failures)}", error=True)
        sys.exit(3)


def failures_of(summary: "Summary", faults: Sequence[str]) -> list[str]:
    """Returns why the command fails though it is done: nothing is kept, or --fail-on names what was found or not looked for."""
    failures = [finding.sentence for finding in summary.warnings if finding.kind == "nothing kept"]
    for fault in faults:
        count: int | None = getattr(summary, fault)
        if count is None:
            failures.append(f"{fault} were not looked for, {WITHOUT[fault]}")
        elif count:
            word = "warnings" if fault == "suspicious" else fault
            failures.append(f"{count:,} {word.removesuffix('s') if count == 1 else word}")
    return failures
