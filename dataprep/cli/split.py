"""`dataprep split`: training, validation and test images of one manifest, with duplicates on the same side."""

from pathlib import Path

import click

from dataprep.cli.command import Command, group, printed
from dataprep.cli.options import Anywhere, Here


@click.command(
    cls=Command,
    examples=(
        "dataprep split cleaned --train 0.8 --val 0.1 --test 0.1",
        "dataprep split cleaned --folds 5 --replace --dry-run",
    ),
)
@click.argument("manifest", type=Anywhere())
@group(
    "How the images are divided",
    click.option("--train", type=float, metavar="SHARE", help="Share of the training images, such as 0.8."),
    click.option("--val", type=float, metavar="SHARE", help="Share of the validation images."),
    click.option("--test", type=float, metavar="SHARE", help="Share of the test images."),
    click.option("--folds", type=click.IntRange(2), metavar="K", help="Instead of shares: K equal parts for a cross-validation."),
    click.option("--seed", type=int, default=0, show_default=True, help="Seed of the random division."),
)
@group(
    "What is written",
    click.option("-o", "--out", type=Here(), metavar="FILE", help="File to write instead of MANIFEST."),
    click.option("--replace", is_flag=True, help="Replace splits that the manifest has already."),
    click.option("--dry-run", is_flag=True, help="Only say how the images would be divided."),
)
@printed("the counts")
def split(
    manifest: Path,
    train: float | None,
    val: float | None,
    test: float | None,
    folds: int | None,
    out: Path | None,
    seed: int,
    replace: bool,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Divide the images of MANIFEST into splits whose shares sum to 1, each label in the same proportions.

    A duplicate always goes into the split of its twin, so that no two splits share an image. Only kept images count for the
    shares. MANIFEST is the file that `dataprep clean` wrote, or the folder that holds it. The same seed gives the same splits,
    and when images are added later, few of the old ones change their split; `dataprep clean` into the same folder moves none.

    With --folds, `manifest.fold(0)` in Python gives the images to train on and to validate with in the first round.
    """
    from dataprep.cli.divisions import as_data, show
    from dataprep.cli.terminal import say, say_json
    from dataprep.manifest import Manifest, file_of
    from dataprep.manifest.splits import divisions, shares_of
    from dataprep.manifest.splits import split as split_manifest
    from dataprep.report.summary import name_trained

    shares = {name: share for name, share in (("train", train), ("val", val), ("test", test)) if share is not None}
    if not shares and folds is None:
        raise click.UsageError("no shares are given; add some, such as --train 0.8 --val 0.1 --test 0.1, or --folds 5")
    parts = shares_of(shares or None, folds)
    path = file_of(manifest)
    done = split_manifest(Manifest.read(path), shares or None, seed, folds=folds, replace=replace)
    target = path if out is None else out
    if not dry_run:
        done.write(target)
    rows = divisions(done, parts)
    if as_json:
        say_json(as_data(rows, parts, seed, target))
    elif not quiet:
        show(rows, target, dry_run)
        if done.statistics is not None:
            say(f"mean and std for every split are those of {name_trained(done)}")
