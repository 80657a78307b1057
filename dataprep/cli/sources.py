"""The flags of `dataprep clean` that say what is scanned and what its labels are, and the source that they stand for."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import click

from dataprep.cli.command import group
from dataprep.errors import SourceError
from dataprep.manifest import Manifest
from dataprep.protocols import Source
from dataprep.sources import Several, open_source
from dataprep.sources.open import part_names
from dataprep.sources.values import KINDS

PROTECTED: Final = ("test", "val", "valid", "validation")
"""Splits that are protected where --protect does not say which."""

FLAGS: Final = (
    "root",
    "labels",
    "image_column",
    "label_column",
    "label_as",
    "separator",
    "label",
    "splits",
    "include",
    "exclude",
)
"""Flags that `open_source` takes under the same names."""

source_options = group(
    "Which images",
    click.option(
        "--include", multiple=True, metavar="GLOB", help='Take only files that match, such as "*.png" or "train/*". Repeatable.'
    ),
    click.option("--exclude", multiple=True, metavar="GLOB", help="Leave out files and folders that match. Repeatable."),
    click.option(
        "--root",
        type=click.Path(),
        metavar="FOLDER",
        help="What paths of a list or a table are relative to.  [default: its folder]",
    ),
    click.option(
        "--image-column", metavar="NAME", help="Column of a table that names the image.  [default: guessed from what it holds]"
    ),
)

label_options = group(
    "Labels and splits",
    click.option(
        "--label",
        metavar="first|parent|none|REGEX",
        help="What of a path is the label: the first folder, the folder that the file is in, nothing, or what a regular "
        "expression matches (its group `label`, or its first group).  [default: first, below a folder that holds all and is "
        "called images or the like]",
    ),
    click.option(
        "--splits/--no-splits",
        default=None,
        help="The first folder names the split, the next one the label: train/cat/1.jpg.  [default: if all are called train, "
        "val, test or the like]",
    ),
    click.option(
        "--labels", type=click.Path(), metavar="FILE", help="CSV, TSV, JSONL or Parquet file with labels of the images."
    ),
    click.option(
        "--label-column",
        metavar="NAME[,NAME]",
        help="Column of the label, or several that are 1 where the label of their name applies.  [default: guessed]",
    ),
    click.option(
        "--label-as",
        type=click.Choice(KINDS),
        help="What labels of a table are: a class, several of one image, or a number to learn.  [default: as the column is]",
    ),
    click.option("--separator", metavar="TEXT", help='What parts several labels in one text, such as " ".'),
    click.option(
        "--classes",
        type=click.Path(),
        metavar="FILE",
        help="The labels in the order of their numbers: a text file with one a line, a JSON list, or another manifest.",
    ),
    click.option(
        "--against",
        type=click.Path(),
        multiple=True,
        metavar="SOURCE",
        help="Images that SOURCE must hold no copy of, such as a test set. Repeatable.",
    ),
    click.option(
        "--protect",
        multiple=True,
        metavar="SPLIT",
        help=f"A split that the others must hold no copy of. Repeatable.  [default: {', '.join(PROTECTED)}]",
    ),
)


class Chosen(NamedTuple):
    """What is scanned.

    Attributes:
        source: SOURCE, beside what it must hold no copy of.
        own: The split of the images of SOURCE, None where nothing is beside them.
        protected: The splits of which the others must hold no copy.
    """

    source: Source
    own: str | None
    protected: tuple[str, ...]


def choose_source(sources: Sequence[str], flags: dict[str, Any]) -> Chosen:
    """Returns what is scanned, by the flags."""
    options = {name: flags[name] for name in FLAGS}
    given = sources[0] if len(sources) == 1 else list(sources)
    classes = read_classes(flags["classes"]) if flags["classes"] else None
    if not flags["against"]:
        if flags["protect"] and flags["splits"] is False:
            raise click.UsageError("--protect names splits, and --no-splits says that there are none")
        protected = flags["protect"] or (() if flags["splits"] is False else PROTECTED)
        return Chosen(open_source(given, **options, classes=classes), None, protected)
    if flags["splits"] or flags["protect"]:
        raise click.UsageError("--against and --splits exclude each other; --protect says which splits must not leak")
    if os.path.isdir(sources[0]):
        options["splits"] = False  # all of SOURCE is one split
    names = part_names([sources[0] if len(sources) == 1 else "source", *flags["against"]])
    parts = [open_source(given, **options), *map(open_source, flags["against"])]
    both = open_source(Several(dict(zip(names, parts, strict=True))), classes=classes)
    return Chosen(both, names[0], tuple(names[1:]))


def read_classes(path: str) -> tuple[str, ...]:
    """Returns the labels of a file in the order of their numbers.

    Args:
        path: A text file with a label a line, a JSON list, or a manifest or its folder.

    Raises:
        SourceError: It cannot be read, or holds no labels.
    """
    if os.path.isdir(path) or path.endswith(".parquet"):
        return Manifest.read(path).classes
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
        found = json.loads(text) if path.endswith(".json") else text.splitlines()
    except (OSError, ValueError) as error:
        raise SourceError(f"--classes {path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if not isinstance(found, list):
        raise SourceError(f"--classes {path} holds no list of labels")
    return tuple(str(label).strip() for label in found if str(label).strip())
