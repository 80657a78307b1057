"""`dataprep undo`: the files of a quarantine back to where they were."""

from pathlib import Path

import click

from dataprep.actions import Restored
from dataprep.actions import undo as restore
from dataprep.cli.command import Command
from dataprep.cli.terminal import say, say_json
from dataprep.errors import DataprepError
from dataprep.files import shown


@click.command(
    cls=Command,
    epilog="Exit codes: 0 every file is back; 1 some are not, or nothing was done; 2 wrong usage; 130 stopped by Ctrl-C: run the "
    "same command to continue.",
)
@click.argument("log", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
def undo(log: Path, as_json: bool, quiet: bool) -> None:
    """Move the files that `dataprep clean --quarantine` moved back to where they were; no other file is overwritten.

    LOG is the file undo.jsonl in the quarantine folder, or that folder. Once every file is back, LOG and the folders that the
    quarantine made are removed.
    """
    done = restore(log)
    if as_json:
        say_json(done._asdict() | {"complete": done.complete})
    elif not quiet:
        show(done)
    if not done.complete:
        count = len(done.blocked) + len(done.missing)
        total = count + done.moved + done.present
        raise DataprepError(f"{count:,} of {total:,} files {'is' if count == 1 else 'are'} not back; the log is kept")


def show(done: Restored) -> None:
    """Prints what was restored, and each file that was not."""
    roots = ", ".join(map(shown, done.roots))
    were = "was" if done.present == 1 else "were"
    already = f", {done.present:,} {were} there already" if done.present else ""
    say(f"{done.moved:,} file{'' if done.moved == 1 else 's'} moved back to {roots}{already}")
    for path in done.blocked:
        say(f"  still in quarantine, since another file has its name: {shown(path)}")
    for path in done.missing:
        say(f"  neither in quarantine nor in the source: {shown(path)}")
