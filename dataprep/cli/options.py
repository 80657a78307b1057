"""The flags of `dataprep clean` that judge images and use the result, in groups, and the pipeline that they stand for."""

import math
from pathlib import Path
from typing import Any, Final

import click

from dataprep.cli.command import Option, group
from dataprep.pipeline import Pipeline
from dataprep.protocols import Measure, Rule
from dataprep.stages import ChannelSums
from dataprep.stages.rules import standard

THRESHOLDS: Final = ("min_side", "min_brightness", "max_brightness", "min_contrast", "min_sharpness")
DUPLICATES: Final = ("radius", "verify_radius", "invariant", "views", "crops", "conflicts", "prefer", "keep_duplicates")

FAULTS: Final = ("leaks", "conflicts", "suspicious")
"""What --fail-on can name: numbers of the summary."""


class Limit(click.ParamType[standard.Threshold]):
    """A number, "off", or "auto" where that is the default."""

    name = "number|off"

    def __init__(self, whole: bool = False, auto: bool = False) -> None:
        """Takes whether the number has to be whole, and whether it may be "auto"."""
        self.whole = whole
        self.words: dict[str, standard.Threshold] = {"off": None}
        if auto:
            self.words[standard.AUTO] = standard.AUTO

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> standard.Threshold:
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
        if self.whole and not number.is_integer():
            self.fail(f"{value!r} is not a whole number", parameter, context)
        return int(number) if self.whole else number


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


def limit(flag: str, default: float, text: str) -> Option[Any]:
    """Returns the option of one threshold; a whole default takes whole numbers only."""
    return click.option(
        flag, type=Limit(isinstance(default, int)), default=f"{default:g}", show_default=True, metavar="N|off", help=text
    )


def threshold(flag: str, text: str, whole: bool = False) -> Option[Any]:
    """Returns the option of one threshold of quality, whose default is the rule of the house."""
    kind = Limit(whole, auto=True)
    return click.option(flag, type=kind, default=standard.AUTO, show_default=True, metavar="N|auto|off", help=text)


threshold_options = group(
    "What is bad",
    threshold(
        "--min-side",
        f"Smallest height and width, in pixels; auto: {standard.MIN_SIDE}, if most are far larger.",
        whole=True,
    ),
    threshold(
        "--min-brightness",
        f"Smallest mean luminance, 0 to 255; auto: {standard.MIN_BRIGHTNESS:g}, if nothing is light and most are far lighter.",
    ),
    threshold("--max-brightness", f"Largest mean luminance, 0 to 255; auto: {standard.MAX_BRIGHTNESS:g}, if nothing is dark."),
    threshold(
        "--min-contrast",
        f"Smallest standard deviation of the luminance, in gray levels; auto: {standard.MIN_CONTRAST:g}, if no level stands out "
        "and most have far more.",
    ),
    threshold(
        "--min-sharpness",
        "Smallest variance of the Laplacian, with the shorter side reduced to 128 pixels; "
        f"auto: {standard.MIN_SHARPNESS:g}, if it is little for the contrast and most are far sharper.",
    ),
)

duplicate_options = group(
    "What is a copy",
    limit("--radius", standard.RADIUS, "Largest Hamming distance between near duplicates, in bits of 64."),
    limit(
        "--verify-radius",
        standard.VERIFY_RADIUS,
        "Largest distance between their second hashes, which must agree too, in bits of 256.",
    ),
    click.option(
        "--invariant",
        type=click.Choice(["none", "flip", "dihedral"]),
        default="none",
        show_default=True,
        help="Also find copies that are mirrored (flip), or mirrored and turned by multiples of 90° (dihedral).",
    ),
    click.option("--views", is_flag=True, help="Also find copies that are cropped, framed or slightly turned."),
    click.option(
        "--crops",
        is_flag=True,
        help="Also find parts of photographs, and photographs with bars or a caption or in negative, by local features.",
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
        type=click.Path(path_type=Path),
        multiple=True,
        help="File of decisions made by hand, as saved from the report. Repeatable; what a later one says holds.",
    ),
    click.option("--no-report", is_flag=True, help="Do not write report.html."),
    click.option(
        "--thumbnails",
        type=click.IntRange(min=0),
        help="How many thumbnails report.html holds; it shows other pictures from their files.  [default: a tenth of the images]",
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
    click.option("--into", type=click.Path(path_type=Path), help="Folder that --materialize writes to.  [default: OUT/images]"),
    click.option(
        "--quarantine",
        type=click.Path(path_type=Path),
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


def choose_pipeline(context: click.Context, flags: dict[str, Any], protected: tuple[str, ...]) -> Pipeline:
    """Returns the pipeline of the YAML file, or that of the flags."""
    extra: tuple[Measure, ...] = (ChannelSums(),) if flags["statistics"] else ()
    if flags["pipeline_file"] is not None:
        for name in (*THRESHOLDS, *DUPLICATES):
            if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
                flag = name.replace("_", "-")
                raise click.UsageError(f"--{flag} and --pipeline exclude each other; write it into the pipeline file")
        stages = Pipeline.read(flags["pipeline_file"]).stages
        return Pipeline(*extra, *stages)
    rules: tuple[Rule, ...] = standard.standard_rules(
        **{
            name: flags[name]
            for name in (*THRESHOLDS, "radius", "verify_radius", "invariant", "views", "crops", "conflicts", "prefer")
        },
        duplicates=not flags["keep_duplicates"],
        protect=protected,
    )
    return Pipeline(*extra, *rules)
