"""`dataprep verify`: which images of a manifest are no longer what was measured."""

import sys
from pathlib import Path

import click

from dataprep.cli.command import Command, group, printed
from dataprep.cli.options import on_manifest, workers_option


@click.command(
    cls=Command,
    examples=("dataprep verify cleaned", "dataprep verify cleaned --source /mnt/photos"),
    codes={0: "nothing was changed", 3: "something was"},
)
@on_manifest
@group(
    "How it runs",
    workers_option("read"),
)
@printed()
def verify(manifest: Path, source: str | None, split: str | None, quiet: bool, workers: int | None) -> None:
    """Read every image of MANIFEST, and list those whose content is no longer the one that was measured.

    MANIFEST is the file that `dataprep clean` wrote, or the folder that holds it. Nothing is changed.
    """
    from dataprep.cleaning.verify import verify as compare
    from dataprep.cli.apply import read
    from dataprep.cli.progress import progress_bar
    from dataprep.cli.terminal import say
    from dataprep.engines import Local

    some = read(manifest, source, split)
    with progress_bar(quiet) as advance:
        changed = compare(some, engine=Local(workers), progress=advance)
    for row in changed.to_pylist():
        say(f"{row['uri']}: {row['why']}", quiet)
    said = "is not as it was" if len(changed) == 1 else "are not as they were"
    say(f"{len(changed):,} of {len(some):,} images {said} measured", quiet)
    if len(changed):
        sys.exit(3)
