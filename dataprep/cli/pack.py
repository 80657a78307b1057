"""`dataprep pack`: the kept images of a manifest as shards."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from dataprep.cli.command import AGAIN, Command, group, printed
from dataprep.cli.options import Anywhere, on_manifest, workers_option

if TYPE_CHECKING:
    from dataprep.packing.pack import Summary

UNIT: Final = 1000.0


@click.command(
    cls=Command,
    examples=(
        "dataprep pack cleaned --into packed                                   # the files as they are",
        "dataprep pack cleaned --into packed --side 384 --quality 90 --split train",
        "dataprep pack cleaned --into packed --side 256 --raw --dry-run",
    ),
    codes={3: "done, but --on-error skip left images out", **AGAIN},
)
@on_manifest
@group(
    "What is written",
    click.option(
        "--into",
        required=True,
        type=Anywhere(),
        metavar="FOLDER",
        help="Folder to write the shards to, or its URL in a store.",
    ),
    click.option(
        "--side",
        type=click.IntRange(1),
        metavar="N",
        help="Make the shorter side of larger images N pixels long, as JPEG.  [default: files stay as they are]",
    ),
    click.option(
        "--quality", type=click.IntRange(1, 100), metavar="N", help="Quality of JPEG, 1 to 100.  [default: 90 with --side]"
    ),
    click.option("--raw", is_flag=True, help="Store pixels instead of JPEG: ten times the space, and nothing to decode."),
    click.option(
        "--shard", default="256MB", show_default=True, metavar="SIZE", help="About how large a shard is, such as 256MB or 1GB."
    ),
    click.option(
        "--seed", type=int, default=0, show_default=True, metavar="N", help="Images are shuffled once, within their split, by it."
    ),
    click.option("--no-shuffle", is_flag=True, help="Leave the images in the order of the manifest."),
)
@group(
    "How it runs",
    click.option(
        "--on-error",
        type=click.Choice(["raise", "skip"]),
        default="raise",
        show_default=True,
        help="What an image does that is gone, or was changed since it was cleaned: end the command, or be left out and named.",
    ),
    workers_option("pack"),
    click.option("--dry-run", is_flag=True, help="Only say what would be written."),
)
@printed("the summary")
@click.pass_context
def pack(
    context: click.Context, /, manifest: Path, source: str | None, split: str | None, into: str | Path, quiet: bool, **flags: Any
) -> None:
    """Write the kept images of MANIFEST as shards: plain tars of WebDataset's form, which load faster than files.

    MANIFEST is the file that `dataprep clean` wrote, or the folder that holds it. FOLDER gets the tars, a Parquet file beside
    each of where its images are, and a manifest, so that `Manifest.read(FOLDER)` and every command read it. The source is not
    changed. After Ctrl-C or a kill, the same command continues.
    """
    from dataprep.cli.apply import list_files, read
    from dataprep.cli.progress import progress_bar
    from dataprep.cli.terminal import say, say_json
    from dataprep.engines import Local
    from dataprep.packing.options import Options
    from dataprep.packing.pack import pack_into, preview
    from dataprep.packing.places import place_of

    given = {name: flags[name] for name in ("side", "quality", "raw", "shard", "on_error")}
    options = Options(**given, seed=None if flags["no_shuffle"] else flags["seed"])
    part, place = read(manifest, source, split), place_of(into)
    if flags["dry_run"]:
        summary = preview(part, place, options)
    else:
        engine = None if flags["workers"] is None else Local(flags["workers"], timeout=None)
        with progress_bar(quiet or flags["as_json"]) as advance:
            summary = pack_into(part, place, options, engine, advance).summary
    if flags["as_json"]:
        say_json(summary._asdict())
    elif not quiet:
        say(sentence(summary, into, dry_run=flags["dry_run"]))
        list_files(f"left out: {uri}: {error}" for uri, error in summary.failed)
    if summary.failed:
        context.exit(3)


def sentence(summary: "Summary", into: str | Path, *, dry_run: bool) -> str:
    """Returns what was written, or would be, in a sentence."""
    there = f" ({summary.present:,} were there)" if summary.present else ""
    images = f"{summary.images:,} images in {summary.shards:,} shards{there}"
    if dry_run:
        return f"would write {images} to {into}: about {size(summary.bytes)}; the files have {size(summary.before)} (--dry-run)"
    return f"{images} in {into}: {size(summary.bytes)}; the files have {size(summary.before)}"


def size(count: float) -> str:
    """Returns a number of bytes as people read it, such as "256 MB"."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < UNIT:
            return f"{count:,.0f} {unit}" if unit == "bytes" or count >= UNIT / 10 else f"{count:.1f} {unit}"
        count /= UNIT
    return f"{count:,.1f} TB"
