"""`dataprep undo`: the files of a quarantine back to where they were."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from dataprep.cli.command import AGAIN, Command, group, printed
from dataprep.cli.options import Here

if TYPE_CHECKING:
    from dataprep.actions import Restored


@click.command(
    cls=Command,
    examples=("dataprep undo rejects --dry-run", "dataprep undo rejects"),
    codes={0: "every file is back", 4: "done in part: some are not back, and it is said which and why", **AGAIN},
)
@click.argument("log", type=Here())
@group("What is moved", click.option("--dry-run", is_flag=True, help="Only say what would be moved back, and what not and why."))
@printed("the result")
def undo(log: Path, dry_run: bool, as_json: bool, quiet: bool) -> None:
    """Move the files that `dataprep clean --quarantine` moved back to where they were; no other file is overwritten.

    LOG is the file undo.jsonl in the quarantine folder, or that folder. Once every file is back, LOG and the folders that the
    quarantine made are removed.
    """
    from dataprep.actions.undo import plan_undo
    from dataprep.actions.undo import undo as restore
    from dataprep.cli.outcome import PartlyError
    from dataprep.cli.progress import progress_bar
    from dataprep.cli.terminal import say_json
    from dataprep.errors import DataprepError

    with progress_bar(quiet or as_json) as advance:
        done = plan_undo(log) if dry_run else restore(log, advance)
    if as_json:
        say_json(done._asdict() | {"complete": done.complete})
    elif not quiet:
        show(done, dry_run)
    if not done.complete and not dry_run:
        count = len(done.blocked) + len(done.missing)
        total = count + done.moved + done.present
        kind = PartlyError if done.moved or done.present else DataprepError
        raise kind(f"{count:,} of {total:,} files {'is' if count == 1 else 'are'} not back; the log is kept")


def show(done: "Restored", dry_run: bool) -> None:
    """Prints what was restored, or would be, and each file that was not."""
    from dataprep.cli.terminal import say
    from dataprep.files import shown

    roots = ", ".join(map(shown, done.roots))
    were = "was" if done.present == 1 else "were"
    already = f", {done.present:,} {were} there already" if done.present else ""
    files = f"{done.moved:,} file{'' if done.moved == 1 else 's'}"
    say(f"would move {files} back to {roots}{already} (--dry-run)" if dry_run else f"{files} moved back to {roots}{already}")
    for path in done.blocked:
        say(f"  still in quarantine, since another file has its name: {shown(path)}")
    for path in done.missing:
        say(f"  neither in quarantine nor in the source: {shown(path)}")
