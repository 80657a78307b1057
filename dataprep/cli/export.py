"""`dataprep export`: the records of a manifest for other tools."""

from pathlib import Path
from typing import Any

import click

from dataprep.actions import export as write_records
from dataprep.cli.apply import on_manifest, read
from dataprep.cli.command import Command
from dataprep.cli.terminal import say
from dataprep.errors import DataprepError
from dataprep.files import shown


@click.command(cls=Command, epilog="Exit codes: 0 done; 1 nothing was done; 2 wrong usage; 130 stopped by Ctrl-C.")
@on_manifest
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--replace", is_flag=True, help="Replace FILE if it is there.")
def export(manifest: Path, file: Path, source: str | None, split: str | None, replace: bool, quiet: bool) -> None:
    """Write the records of MANIFEST to FILE, in the form that its name ends in: .csv or .jsonl, every record; .txt, kept paths.

    MANIFEST is the file that `dataprep clean` wrote, or the folder that holds it, used as it is.
    """
    kind: Any = file.suffix.removeprefix(".").lower()
    if kind not in ("csv", "jsonl", "txt"):
        raise click.UsageError(f"the name of the file says its form: .csv, .jsonl or .txt, not {file.name!r}")
    if file.exists() and not replace:
        raise DataprepError(f"{shown(file)} is there already; --replace writes over it")
    whole = read(manifest, source)
    part = whole if split is None else whole.select(split)
    write_records(part, file, kind)
    say(f"{part.kept('id').num_rows if kind == 'txt' else len(part):,} records in {file}", quiet)
