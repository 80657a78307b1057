"""The flags of `dataprep clean` in groups, and those that commands share; nothing is loaded to show them."""

import math
from pathlib import Path
from typing import Any, Final

import click
from click.shell_completion import CompletionItem

from dataprep.cli.command import Function, Option, group
from dataprep.files import is_url
from dataprep.stages.rules import defaults

THRESHOLDS: Final = ("min_side", "min_brightness", "max_brightness", "min_contrast", "min_sharpness")
DUPLICATES: Final = ("radius", "verify_radius", "invariant", "views", "crops", "conflicts", "prefer", "keep_duplicates")

PROTECTED: Final = ("test", "val", "valid", "validation")
"""Splits that are protected where --protect does not say which."""

KINDS: Final = ("class", "classes", "number")
"""What labels of a table can be; `sources.values` has the same."""

FAULTS: Final = ("leaks", "conflicts", "suspicious")
"""What --fail-on can name: numbers of the summary."""


class Here(click.Path):
    """A file or folder of this machine, whose name no URL is taken for."""

    def __init__(self) -> None:
        """Gives paths."""
        super().__init__(path_type=Path)

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Any:
        """Returns the path."""
        if is_url(value):
            self.fail(f"{value} is a place in a store; name one of this machine", parameter, context)
        return super().convert(value, parameter, context)


class Anywhere(Here):
    """A file or folder of this machine, or the URL of one in a store, which stays a text."""

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Any:
        """Returns the path or the URL."""
        return value if is_url(value) else super().convert(value, parameter, context)


class Limit(click.ParamType[defaults.Threshold]):
    """A number, "off", or "auto" where that is the default."""

    name = "number|off"

    def __init__(self, whole: bool = False, auto: bool = False) -> None:
        """Takes whether the number has to be whole, and whether it may be "auto"."""
        self.whole = whole
        self.words: dict[str, defaults.Threshold] = {"off": None}
        if auto:
            self.words[defaults.AUTO] = defaults.AUTO

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> defaults.Threshold:
        """Returns the number, None for "off", "auto" for itself."""
        if value in self.words:
            return self.words[value]
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = math.nan
        if not math.isfinite(number):
            words = " nor ".join(map(repr, self.words))
            self.fail(f"{value!r} is neither a number nor {words}", parameter, context)
        if number < 0:
            self.fail(f"{value!r} is below 0; 'off' switches the rule off", parameter, context)
        if self.whole and not number.is_integer():
            self.fail(f"{value!r} is not a whole number", parameter, context)
        return int(number) if self.whole else number

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Returns the words that may stand for a number."""
        return [CompletionItem(word) for word in self.words if word.startswith(incomplete)]


class Faults(click.ParamType[tuple[str, ...]]):
    """Names from `FAULTS`, with commas between them."""

    name = "faults"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> tuple[str, ...]:
        """Returns the names."""
        names = tuple(value.split(",")) if isinstance(value, str) else tuple(value)
        for name in names:
            if name not in FAULTS:
                self.fail(f"{name!r} is not one of {', '.join(FAULTS)}", parameter, context)
        return names

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Returns the names that the last one may become."""
        others, comma, last = incomplete.rpartition(",")
        return [CompletionItem(f"{others}{comma}{name}") for name in FAULTS if name.startswith(last)]


def limit(flag: str, default: float, text: str) -> Option[Any]:
    """Returns the option of one threshold; a whole default takes whole numbers only."""
    return click.option(
        flag, type=Limit(isinstance(default, int)), default=f"{default:g}", show_default=True, metavar="N|off", help=text
    )


def threshold(flag: str, text: str, whole: bool = False) -> Option[Any]:
    """Returns the option of one threshold of quality, whose default is the rule of the house."""
    kind = Limit(whole, auto=True)
    return click.option(flag, type=kind, default=defaults.AUTO, show_default=True, metavar="N|auto|off", help=text)


def workers_option(verb: str) -> Option[Any]:
    """Returns the option of how many processes do the work of a command, by its verb."""
    text = f"Processes that {verb}; 0 {verb}s in this one.  [default: one for each core]"
    return click.option("--workers", type=click.IntRange(0), metavar="N", help=text)


engine_options = (
    workers_option("measure"),
    click.option(
        "--engine",
        type=click.Choice(["local", "ray"]),
        default="local",
        show_default=True,
        help="Who measures: processes of this machine, or the cores of a Ray cluster, whose nodes all see SOURCE.",
    ),
    click.option(
        "--address", metavar="HOST:PORT", help="That of the Ray cluster.  [default: the one that this machine is part of]"
    ),
)

source_options = group(
    "Which images",
    click.option(
        "--include", multiple=True, metavar="GLOB", help='Take only images that match, such as "*.png" or "train/*". Repeatable.'
    ),
    click.option("--exclude", multiple=True, metavar="GLOB", help="Leave out images and folders that match. Repeatable."),
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

threshold_options = group(
    "What is bad",
    threshold(
        "--min-side",
        f"Smallest height and width, in pixels; auto: {defaults.MIN_SIDE}, if most are far larger.",
        whole=True,
    ),
    threshold(
        "--min-brightness",
        f"Smallest mean luminance, 0 to 255; auto: {defaults.MIN_BRIGHTNESS:g}, if nothing is light and most are far lighter.",
    ),
    threshold("--max-brightness", f"Largest mean luminance, 0 to 255; auto: {defaults.MAX_BRIGHTNESS:g}, if nothing is dark."),
    threshold(
        "--min-contrast",
        f"Smallest standard deviation of the luminance, in gray levels; auto: {defaults.MIN_CONTRAST:g}, if no level stands out "
        "and most have far more.",
    ),
    threshold(
        "--min-sharpness",
        "Smallest variance of the Laplacian, with the shorter side reduced to 128 pixels; "
        f"auto: {defaults.MIN_SHARPNESS:g}, if it is little for the contrast and most are far sharper.",
    ),
)

duplicate_options = group(
    "What is a copy",
    limit("--radius", defaults.RADIUS, "Largest Hamming distance between near duplicates, in bits of 64."),
    limit(
        "--verify-radius",
        defaults.VERIFY_RADIUS,
        "Largest distance between their second hashes, which must agree too, in bits of 256.",
    ),
    click.option(
        "--invariant",
        type=click.Choice(["none", "flip", "dihedral"]),
        default="none",
        show_default=True,
        help="Also find copies that are mirrored (flip), or mirrored and turned by multiples of 90° (dihedral).",
    ),
    click.option(
        "--views", is_flag=True, help="Also find copies that are cropped, framed or slightly turned. Needs the extra opencv."
    ),
    click.option(
        "--crops",
        is_flag=True,
        help="Also find parts of photographs, and photographs with bars or a caption or in negative, by local features. "
        "Needs the extra opencv.",
    ),
    click.option(
        "--conflicts",
        type=click.Choice(["keep", "majority", "drop"]),
        default="keep",
        show_default=True,
        help="Of copies whose labels disagree, keep the best; the best with the label that more than half have; or none.",
    ),
    click.option(
        "--prefer",
        multiple=True,
        metavar="FOLDER/|COLUMN",
        help="Of copies, keep first those in this folder, or with the most in this column (-COLUMN: the least). Repeatable.",
    ),
    click.option("--keep-duplicates", is_flag=True, help="Drop neither exact nor near duplicates."),
)

result_options = group(
    "What is done with the result",
    click.option(
        "--overrides",
        type=Here(),
        metavar="FILE",
        multiple=True,
        help="File of decisions made by hand, as saved from the report. Repeatable; what a later one says holds.",
    ),
    click.option("--no-report", is_flag=True, help="Do not write report.html."),
    click.option("--open", "open_report", is_flag=True, help="Open the report in the browser at the end."),
    click.option(
        "--thumbnails",
        type=click.IntRange(min=0),
        metavar="N",
        help="How many thumbnails report.html holds; it shows other pictures from their files.  [default: one for twenty images]",
    ),
    click.option(
        "--export",
        type=click.Choice(["csv", "jsonl", "txt"]),
        multiple=True,
        help="Also write OUT/records.csv, OUT/records.jsonl or OUT/kept.txt. Repeatable.",
    ),
    click.option(
        "--materialize",
        type=click.Choice(["copy", "hardlink", "symlink"]),
        help="Write the kept images as a tree of class folders.",
    ),
    click.option(
        "--into",
        type=Here(),
        metavar="FOLDER",
        help="Folder that --materialize writes to.  [default: OUT/images]",
    ),
    click.option(
        "--quarantine",
        type=Here(),
        metavar="FOLDER",
        help="Move the dropped images there; `dataprep undo` moves them back.",
    ),
    click.option(
        "--fail-on",
        type=Faults(),
        default=(),
        metavar=",".join(FAULTS),
        help="Exit with code 3 if there are any of these, or if they were not looked for: leaks, label conflicts, or any warning "
        "(suspicious).",
    ),
)


def on_manifest(command: Function) -> Function:
    """Adds the argument MANIFEST, and the options that say where its images are and which of them are meant."""
    options: Option[Function] = group(
        "Which images",
        click.option("--source", type=click.Path(), metavar="FOLDER", help="Where the images are now, if they were moved."),
        click.option("--split", metavar="NAME", help="Only the images of this split."),
    )
    return click.argument("manifest", type=Anywhere())(options(command))
