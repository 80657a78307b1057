"""`dataprep report`: the page that shows a manifest, written anew."""

from pathlib import Path

import click

from dataprep.cli.command import PARTLY, Command, group, printed
from dataprep.cli.options import Anywhere, Here


@click.command(
    cls=Command,
    examples=("dataprep report cleaned --open", "dataprep report cleaned -o report.html --overrides overrides.json"),
    codes=PARTLY,
)
@click.argument("manifest", type=Anywhere())
@group(
    "What is written",
    click.option(
        "-o",
        "--out",
        type=Here(),
        metavar="FILE",
        help="The page.  [default: report.html beside the manifest]",
    ),
    click.option(
        "--overrides",
        type=Here(),
        metavar="FILE",
        multiple=True,
        help="File of decisions made by hand, which the page goes on from. Repeatable.",
    ),
    click.option(
        "--thumbnails",
        type=click.IntRange(min=0),
        metavar="N",
        help="How many it holds; other pictures are shown from their files.",
    ),
    click.option("--open", "open_report", is_flag=True, help="Open it in the browser."),
)
@group(
    "How it runs",
    click.option("--source", type=click.Path(), metavar="FOLDER", help="Where the images are now, if they were moved."),
)
@printed()
def report(
    manifest: str | Path,
    out: Path | None,
    overrides: tuple[Path, ...],
    thumbnails: int | None,
    open_report: bool,
    source: str | None,
    quiet: bool,
) -> None:
    """Write the report of MANIFEST anew: one page that shows what was dropped, and lets a person decide otherwise.

    MANIFEST is the file that `dataprep clean` wrote, or the folder that holds it. Only thumbnails are read of the images.
    """
    from datetime import datetime

    from dataprep.cleaning.folder import REPORT
    from dataprep.cli.apply import folder_of, read
    from dataprep.cli.outcome import address, open_page
    from dataprep.cli.progress import progress_bar
    from dataprep.cli.terminal import say
    from dataprep.engines import Local
    from dataprep.manifest import Overrides
    from dataprep.report import summarize, write_report

    whole, page = read(manifest, source), out or folder_of(manifest) / REPORT
    with progress_bar(quiet) as advance:
        write_report(
            whole,
            summarize(whole),
            page,
            overrides=Overrides.read(*overrides),
            when=datetime.now().astimezone(),
            progress=advance,
            engine=Local(),
            thumbnails=thumbnails,
        )
    if open_report:
        open_page(page)
    say(f"report: {address(page)}", quiet)
