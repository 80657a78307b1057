"""What the flags of `dataprep clean` stand for: the source that is scanned, and the pipeline that judges it."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import click

from dataprep.cli.options import DUPLICATES, PROTECTED, THRESHOLDS
from dataprep.engines import Local
from dataprep.errors import SourceError
from dataprep.manifest import Manifest
from dataprep.pipeline import Pipeline
from dataprep.protocols import Engine, Measure, Rule, Source
from dataprep.sources import Several, open_source
from dataprep.sources.open import part_names
from dataprep.stages import ChannelSums
from dataprep.stages.rules.standard import standard_rules

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


def choose_engine(workers: int | None, engine: str, address: str | None) -> Engine:
    """Returns who measures, by the flags."""
    if engine == "local":
        if address is not None:
            raise click.UsageError("--address is that of a Ray cluster; add --engine ray")
        return Local(workers)
    if workers is not None:
        raise click.UsageError("--workers are processes of this machine, and --engine ray takes the cores that its cluster has")
    from dataprep.engines.ray import Ray

    return Ray(address or "auto")


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


def choose_pipeline(context: click.Context, flags: dict[str, Any], protected: tuple[str, ...]) -> Pipeline:
    """Returns the pipeline of the YAML file, or that of the flags."""
    extra: tuple[Measure, ...] = (ChannelSums(),) if flags["statistics"] else ()
    if flags["pipeline_file"] is not None:
        for name in (*THRESHOLDS, *DUPLICATES):
            source = context.get_parameter_source(name)
            if source is not None and source is not click.core.ParameterSource.DEFAULT:
                flag = "--" + name.replace("_", "-")
                where = (
                    "" if source is click.core.ParameterSource.COMMANDLINE else ", which is set beside the command line (see -v),"
                )
                raise click.UsageError(f"{flag}{where} and --pipeline exclude each other; write it into the pipeline file")
        stages = Pipeline.read(flags["pipeline_file"]).stages
        return Pipeline(*extra, *stages)
    rules: tuple[Rule, ...] = standard_rules(
        **{
            name: flags[name]
            for name in (*THRESHOLDS, "radius", "verify_radius", "invariant", "views", "crops", "conflicts", "prefer")
        },
        duplicates=not flags["keep_duplicates"],
        protect=protected,
    )
    return Pipeline(*extra, *rules)
