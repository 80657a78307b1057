"""`dataprep demo`: a messy folder of real photographs, cleaned, and scored against the truth."""

import tempfile
from datetime import datetime
from pathlib import Path

import click
from rich.table import Table

from dataprep.cleaning.folder import clean_into
from dataprep.cli.command import Command
from dataprep.cli.output import ProgressBar, show, take_log
from dataprep.cli.terminal import Terminal, say, say_json
from dataprep.demo import Score, make_messy_folder, score
from dataprep.errors import DataprepError
from dataprep.images.formats import is_image
from dataprep.pipeline import Pipeline
from dataprep.stages import ChannelSums
from dataprep.stages.rules.standard import standard_rules


@click.command(cls=Command)
@click.option(
    "--out", type=click.Path(path_type=Path), help="New folder for the photographs and the results; without it, a temporary one."
)
@click.option("--photos", type=click.Path(path_type=Path), help="Folder of photographs to use instead of those of scikit-image.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the damage.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary and the score as JSON.")
def demo(out: Path | None, photos: Path | None, seed: int, as_json: bool) -> None:
    """Make a messy folder of real photographs, clean it, and score the result against the truth.

    The folder gets exact copies, re-encoded, resized, cropped and brightened copies, blurred, dark and blank pictures, truncated
    files, and a text file named .jpg. Some crops are too strong to be found, so the score is below 100 %.
    """
    if out is not None:
        _demonstrate(out, photos, seed, as_json)
        return
    with tempfile.TemporaryDirectory(prefix="dataprep-demo-") as folder:
        _demonstrate(Path(folder), photos, seed, as_json)
        if not as_json:
            say("(that was in a temporary folder, which is removed; `dataprep demo --out demo` keeps it)")


def _demonstrate(out: Path, photos: Path | None, seed: int, as_json: bool) -> None:
    truth = make_messy_folder(out, None if photos is None else _image_files(photos), seed)
    pipeline = Pipeline(ChannelSums(), *standard_rules())
    take_log()
    with ProgressBar(as_json) as bar:
        manifest, summary = clean_into(
            out / "photos", pipeline, out=out / "cleaned", when=datetime.now().astimezone(), progress=bar.advance
        )
    result = score(manifest, truth)
    if as_json:
        numbers = {"recall": result.recall, "precision": result.precision, "kinds": [row._asdict() for row in result.rows]}
        say_json({"summary": summary.as_json(), "score": numbers})
    else:
        show(summary, out / "cleaned")
        _show_score(result)


def _image_files(folder: Path) -> list[Path]:
    """Returns the image files of a folder and those below it."""
    found = sorted(path for path in folder.rglob("*") if is_image(path.name))
    if not found:
        raise DataprepError(f"no images in {folder}; `--photos` takes a folder of photographs")
    return found


def _show_score(result: Score) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0), title="against the truth", title_justify="left", title_style="bold")
    table.add_column("")
    table.add_column("planted", justify="right")
    table.add_column("found", justify="right")
    for row in result.rows:
        table.add_row(row.kind, str(row.planted), str(row.found) if row.found == row.planted else f"[yellow]{row.found}[/]")
    console = Terminal()
    console.print()
    console.print(table)
    lost = f"{len(result.false_drops)} of the originals lost" if result.false_drops else "none of the originals lost"
    console.print(f"found {result.recall:.1%} of what was planted; {lost}")
