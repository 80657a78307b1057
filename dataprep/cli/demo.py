"""`dataprep demo`: a messy folder of real photographs, cleaned, and scored against the truth."""

from pathlib import Path

import click

from dataprep.cli.command import PARTLY, Command, group, printed
from dataprep.cli.options import Here


@click.command(cls=Command, examples=("dataprep demo", "dataprep demo -o demo --photos photos --open"), codes=PARTLY)
@group(
    "What is made",
    click.option(
        "-o",
        "--out",
        type=Here(),
        metavar="FOLDER",
        help="New folder for the photographs and the results.  [default: a new one among the temporary files]",
    ),
    click.option(
        "--photos",
        type=Here(),
        metavar="FOLDER",
        help="Folder of photographs to use instead of those of scikit-image.",
    ),
    click.option("--seed", type=int, default=0, show_default=True, help="Seed of the damage."),
    click.option("--open", "open_report", is_flag=True, help="Open the report in the browser at the end."),
)
@printed("the summary and the score", quiet=False)
def demo(out: Path | None, photos: Path | None, seed: int, open_report: bool, as_json: bool) -> None:
    """Make a messy folder of real photographs, clean it, and score the result against the truth.

    The folder gets exact copies, re-encoded, resized, cropped and brightened copies, blurred, dark and blank pictures, truncated
    files, and a text file named .jpg. Some crops are too strong to be found, so the score is below 100 %. All of it is kept, and
    the address of the report is printed last.
    """
    from tempfile import mkdtemp

    from dataprep.cleaning.folder import REPORT
    from dataprep.cli.outcome import address, open_page
    from dataprep.cli.score import demonstrate
    from dataprep.cli.terminal import say

    folder = Path(mkdtemp(prefix="dataprep-demo-")) if out is None else out
    demonstrate(folder, photos, seed, as_json)
    report = folder / "cleaned" / REPORT
    if open_report:
        open_page(report)
    say("", quiet=as_json)
    say(f"report: {address(report)}", quiet=as_json)
