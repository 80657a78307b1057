"""`dataprep export`: the records of a manifest for other tools."""

from pathlib import Path
from typing import Any

import click

from dataprep.cli.command import Command, group, printed
from dataprep.cli.options import Here, on_manifest


@click.command(
    cls=Command,
    examples=(
        "dataprep export cleaned records.csv",
        "dataprep export cleaned train.txt --split train",
        "dataprep export cleaned labels.json --to fiftyone",
    ),
)
@on_manifest
@click.argument("file", type=Here())
@group(
    "What is written",
    click.option(
        "--to",
        "kind",
        type=click.Choice(["csv", "jsonl", "txt", "fiftyone", "cleanvision"]),
        help="The form: csv or jsonl, every record; txt, kept paths; fiftyone, the kept files with their labels, as JSON that "
        "FiftyOne reads; cleanvision, that library's table of issues, as CSV.  [default: csv, jsonl or txt, as FILE ends]",
    ),
    click.option("--replace", is_flag=True, help="Replace FILE if it is there."),
    click.option("--dry-run", is_flag=True, help="Only say what would be written."),
)
@printed()
def export(
    manifest: Path, file: Path, source: str | None, split: str | None, kind: Any, replace: bool, dry_run: bool, quiet: bool
) -> None:
    """Write the records of MANIFEST to FILE, in the form that its name ends in or that --to names.

    MANIFEST is the file that `dataprep clean` wrote, or the folder that holds it, used as it is.
    """
    from typing import get_args

    from dataprep.actions.export import Kind
    from dataprep.actions.export import export as write_records
    from dataprep.cli.apply import read
    from dataprep.cli.terminal import say
    from dataprep.errors import DataprepError
    from dataprep.files import shown

    kind = kind or file.suffix.removeprefix(".").lower()
    if kind not in get_args(Kind):
        raise click.UsageError(f"the name of the file says its form: .csv, .jsonl or .txt, not {file.name!r}; or name it by --to")
    if file.exists() and not replace:
        raise DataprepError(f"{shown(file)} is there already; --replace writes over it")
    part = read(manifest, source, split)
    count = part.kept("id").num_rows if kind in ("txt", "fiftyone") else len(part)
    if dry_run:
        say(f"would write {count:,} records to {file} (--dry-run)", quiet)
        return
    write_records(part, file, kind)
    say(f"{count:,} records in {file}", quiet)
