"""What `dataprep demo` does and prints: a messy folder, cleaned, and what was found of what was planted."""

from datetime import datetime
from pathlib import Path

from rich.table import Table

from dataprep.cleaning.folder import clean_into
from dataprep.cli.console import Terminal
from dataprep.cli.output import show
from dataprep.cli.progress import progress_bar
from dataprep.cli.terminal import say_json, take_log
from dataprep.demo import Score, make_messy_folder, score
from dataprep.errors import DataprepError
from dataprep.images.formats import is_image
from dataprep.pipeline import Pipeline
from dataprep.stages import ChannelSums
from dataprep.stages.rules.standard import standard_rules


def demonstrate(out: Path, photos: Path | None, seed: int, as_json: bool) -> None:
    """Makes a messy folder, cleans it, and prints what was found."""
    truth = make_messy_folder(out, None if photos is None else _image_files(photos), seed)
    pipeline = Pipeline(ChannelSums(), *standard_rules())
    take_log()
    with progress_bar(as_json, "scanning") as advance:
        manifest, summary = clean_into(
            out / "photos", pipeline, out=out / "cleaned", when=datetime.now().astimezone(), progress=advance
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
