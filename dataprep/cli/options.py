"""The flags of `dataprep clean`, in groups, and the pipeline and the source that they stand for."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from dataprep.errors import PipelineError
from dataprep.pipeline import Pipeline
from dataprep.protocols import Measure, Rule, Source
from dataprep.sources import Folder, Several
from dataprep.stages import ChannelSums
from dataprep.stages.rules import standard

Command = TypeVar("Command", bound=Callable[..., Any])
Option = Callable[[Command], Command]

THRESHOLDS: Final = ("min_side", "min_brightness", "max_brightness", "min_contrast", "min_sharpness")
DUPLICATES: Final = ("radius", "verify_radius", "invariant", "views", "crops", "conflicts", "prefer", "keep_duplicates")

PROTECTED: Final = ("test", "val", "valid", "validation")
"""Splits that --splits protects where --protect does not say which."""

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


def group(*options: Option[Any]) -> Option[Any]:
    """Returns one decorator that adds several options, in the order in which `--help` shows them."""

    def add(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return add


source_options = group(
    click.option("--splits", is_flag=True, help="The first folder level names the split, the second the label: train/cat/1.jpg."),
    click.option(
        "--against",
        type=click.Path(),
        multiple=True,
        metavar="FOLDER",
        help="Folder of images that SOURCE must hold no copy of, such as a test set. Repeatable.",
    ),
    click.option(
        "--protect",
        multiple=True,
        metavar="SPLIT",
        help=f"With --splits: a split that the others must hold no copy of. Repeatable.  [default: {', '.join(PROTECTED)}]",
    ),
)

threshold_options = group(
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
    click.option(
        "--overrides",
        type=click.Path(path_type=Path),
        multiple=True,
        help="File of decisions made by hand, as saved from the report. Repeatable; what a later one says holds.",
    ),
    click.option("--no-report", is_flag=True, help="Do not write report.html."),
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


def choose_source(source: str, flags: dict[str, Any]) -> tuple[Source, str | None]:
    """Returns what is scanned, and under which split SOURCE is in it where there are several folders."""
    folder = Folder(source, splits=flags["splits"])
    if not flags["against"]:
        return folder, None
    if flags["splits"]:
        raise click.UsageError("--against and --splits exclude each other; --protect says which splits must not leak")
    names = _names([source, *flags["against"]])
    return Several(dict(zip(names, [folder, *map(Folder, flags["against"])], strict=True))), names[0]


def choose_pipeline(context: click.Context, flags: dict[str, Any], source: Source) -> Pipeline:
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
        protect=_protected(flags, source),
    )
    return Pipeline(*extra, *rules)


def _protected(flags: dict[str, Any], source: Source) -> tuple[str, ...]:
    """Returns the splits whose images must not be found elsewhere."""
    if isinstance(source, Several):
        return tuple(part.name for part in source.parts[1:])
    if flags["protect"] and not flags["splits"]:
        raise click.UsageError("--protect names splits; say with --splits that folders name them")
    return (flags["protect"] or PROTECTED) if flags["splits"] else ()


def _names(folders: Sequence[str]) -> list[str]:
    """Returns a name for each folder: its own, and a number where two are called the same."""
    names: list[str] = []
    for folder in folders:
        name = Path(folder).resolve().name or "root"
        try:
            name.encode("utf-8")
        except UnicodeEncodeError as error:
            raise PipelineError(f"--against: the name of the folder {folder!r} is not UTF-8; rename or link it") from error
        names.append(name if name not in names else f"{name}-{len(names) + 1}")
    return names
