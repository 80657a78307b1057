"""A pipeline: stages in order, checked when it is made, split by role, and written as YAML.

Rules and measures come first, ops after them. What rules need is measured without being named; ops must end with images
of one size, since they are stacked to batches.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from attrs import frozen

from dataprep import stages
from dataprep.describe import brief, build, describe
from dataprep.errors import PipelineError
from dataprep.files import write_text
from dataprep.html import card
from dataprep.protocols import Measure, Mix, Op, Rule
from dataprep.types import Spec, Statistics

if TYPE_CHECKING:
    from dataprep.looking.pictures import Pictures

VERSION = 1

FOREIGN: Final = {"albumentations": "Albumentations", "torchvision": "TorchVision", "timm": "TorchVision"}
"""Libraries of transforms, and the op that runs theirs."""

Stage: TypeAlias = Measure | Rule | Op | Mix


@frozen(init=False)
class Pipeline:
    """Measures and rules that clean, then ops that load, then at most one mix.

    Example:
        >>> pipeline = dp.Pipeline(*dp.standard_rules(), dp.RandomResizedCrop(64), dp.HorizontalFlip(), dp.Normalize())
        >>> len(pipeline.rules), len(pipeline.ops)
        (7, 3)
        >>> stricter = dp.Pipeline(dp.Require("width", least=100), *pipeline.stages)

    Attributes:
        stages: The stages, in order.
    """

    stages: tuple[Stage, ...]

    def __init__(self, *stages: Stage) -> None:
        """Checks the order of the roles, that columns do not collide, and that the ops fit together.

        Raises:
            PipelineError: They do not fit; the message says which stage and what to do.
        """
        self.__attrs_init__(tuple(part for stage in stages for part in _parts(stage)))
        self._check_roles()
        self._check_columns()
        _check_specs(self.ops)

    def __repr__(self) -> str:
        """The call that makes it."""
        return f"Pipeline({', '.join(map(repr, self.stages))})"

    def _repr_html_(self) -> str:
        """What a notebook shows: a line for each stage, with its role, and what an image is after an op."""
        rows, spec = [], Spec()
        for number, stage in enumerate(self.stages, start=1):
            after = ""
            if isinstance(stage, Op):
                spec = stage.spec(spec)
                sides = ["?" if side is None else str(side) for side in (spec.height, spec.width)]
                after = f" → {' × '.join(sides)} {spec.dtype}"
            rows.append((f"{number} {_role(stage)}", f"{brief(stage)}{after}"))
        return card("Pipeline", rows or [("", "no stages")])

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules, in order.

        Example:
            >>> dp.Pipeline(dp.Require("width", least=64), dp.CenterCrop(64)).rules
            (Require(column='width', least=64, most=None, reason=None, measure=None),)
        """
        return tuple(stage for stage in self.stages if isinstance(stage, Rule))

    @property
    def ops(self) -> tuple[Op, ...]:
        """The ops, in order.

        Example:
            >>> dp.Pipeline(dp.Require("width", least=64), dp.CenterCrop(64)).ops
            (CenterCrop(size=64),)
        """
        return tuple(stage for stage in self.stages if isinstance(stage, Op))

    @property
    def mix(self) -> Mix | None:
        """What the images of a batch are mixed by, if they are.

        Example:
            >>> dp.Pipeline(dp.CenterCrop(64), dp.Normalize(), dp.MixUp(0.2)).mix
            MixUp(alpha=0.2, p=1.0)
        """
        return next((stage for stage in self.stages if isinstance(stage, Mix)), None)

    @property
    def measures(self) -> tuple[Measure, ...]:
        """What is measured: the measures named, and what rules and a `Normalize` without numbers need; each once.

        Example:
            >>> dp.Pipeline(dp.Require("sharpness", least=80)).measures
            (LaplacianVariance(side=128),)
        """
        return tuple(dict.fromkeys(self._needed()))

    @property
    def spec(self) -> Spec:
        """What an image is after the last op.

        Example:
            >>> spec = dp.Pipeline(dp.CenterCrop(64), dp.Normalize()).spec
            >>> spec.height, spec.width, spec.dtype
            (64, 64, 'float32')
        """
        spec = Spec()
        for op in self.ops:
            spec = op.spec(spec)
        return spec

    def fill(self, statistics: Statistics | None) -> "Pipeline":
        """Returns the pipeline with the numbers of a manifest's statistics in each `Normalize()` that has none.

        Example:
            >>> pipeline = dp.Pipeline(dp.RandomResizedCrop(64), dp.Normalize())
            >>> pipeline.fill(manifest.statistics).ops[1].mean == manifest.statistics.mean
            True

        Raises:
            PipelineError: There is such a `Normalize()`, but there are no statistics.
        """
        if not isinstance(statistics, Statistics | None):
            raise PipelineError(
                f"fill({statistics!r:.200}): give `manifest.statistics`; numbers go into the stage, as in `Normalize(mean, std)`"
            )
        if not any(map(_is_open, self.ops)):
            return self
        if statistics is None:
            raise PipelineError(
                "`Normalize()` takes mean and std from the manifest, which has none; run `clean` with this pipeline "
                "(or `dataprep clean --statistics`), or give numbers, such as `Normalize.imagenet()`"
            )
        filled = stages.Normalize(statistics.mean, statistics.std)
        return Pipeline(*(filled if _is_open(stage) else stage for stage in self.stages))

    def preview(self, image: Any, count: int = 7, seed: int = 0) -> "Pictures":
        """Returns pictures of an image as it is, and as the ops make it in some epochs, with what was drawn under each.

        Example:
            >>> shown = dp.Pipeline(dp.RandomResizedCrop(32), dp.Normalize()).preview("photos/cat/0000.jpg", count=2)
            >>> shown.pictures[1].lines
            ('RandomResizedCrop: 80×69 at (29, 1)',)

        Args:
            image: A path, bytes of a file, a picture of Pillow's, or an (H, W, 3) uint8 array of RGB.
            count: How many times the ops draw.
            seed: As of a `Sampler`; the draws are those of the record 0 in the epochs 0, 1, 2, ...

        Raises:
            PipelineError: There are no ops, or it is no image.
            DecodeError: The image does not decode.
        """
        from dataprep.looking.preview import preview

        return preview(self.ops, self.mix, image, count, seed)

    def to_yaml(self) -> str:
        """Returns the text of a pipeline file.

        Example:
            >>> print(dp.Pipeline(dp.Require("width", least=64), dp.CenterCrop(64)).to_yaml())
            version: 1
            stages:
            - Require:
                column: width
                least: 64
            - CenterCrop:
                size: 64
        """
        import yaml

        data = {"version": VERSION, "stages": [describe(stage) for stage in self.stages]}
        return yaml.safe_dump(data, sort_keys=False)

    @classmethod
    def from_yaml(cls, text: str) -> "Pipeline":
        """Returns the pipeline that a text describes.

        Example:
            >>> dp.Pipeline.from_yaml("{version: 1, stages: [{CenterCrop: {size: 64}}, HorizontalFlip]}")
            Pipeline(CenterCrop(size=64), HorizontalFlip(p=0.5))
            >>> dp.Pipeline.from_yaml("{version: 1, stages: [HorizontalFlop]}")
            Traceback (most recent call last):
                ...
            dataprep.errors.PipelineError: stage 1: no stage is called 'HorizontalFlop'; did you mean 'HorizontalFlip'?

        Raises:
            PipelineError: It is not YAML, of another version, or names an unknown stage or field.
        """
        import yaml

        try:
            data = yaml.safe_load(text)
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            raise PipelineError(f"not a YAML file: {' '.join(str(error).split())}") from error
        if not isinstance(data, dict) or not isinstance(data.get("stages"), list):
            raise PipelineError("a pipeline file is `version: 1` and a list of `stages`")
        if data.get("version") != VERSION:
            raise PipelineError(f"pipeline file of version {data.get('version')!r}; this dataprep reads version {VERSION}")
        unknown = data.keys() - {"version", "stages"}
        if unknown:
            raise PipelineError(f"a pipeline file has `version` and `stages`, not {', '.join(sorted(map(repr, unknown)))}")
        return cls.from_descriptions(data["stages"])

    @classmethod
    def from_descriptions(cls, descriptions: list[Any]) -> "Pipeline":
        """Returns the pipeline of stages given as plain data.

        Example:
            >>> dp.Pipeline.from_descriptions([{"CenterCrop": {"size": 64}}, "HorizontalFlip"])
            Pipeline(CenterCrop(size=64), HorizontalFlip(p=0.5))
        """
        import dataprep.stages.catalogue  # noqa: F401  names every stage

        return cls(*(build(description, f"stage {number}") for number, description in enumerate(descriptions, start=1)))

    @classmethod
    def read(cls, path: str | Path) -> "Pipeline":
        """Reads a pipeline file.

        Example:
            >>> dp.Pipeline(dp.CenterCrop(64)).write("pipeline.yaml")
            >>> dp.Pipeline.read("pipeline.yaml")
            Pipeline(CenterCrop(size=64))

        Raises:
            PipelineError: It cannot be read or understood.
        """
        try:
            return cls.from_yaml(Path(path).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise PipelineError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
        except PipelineError as error:
            raise PipelineError(f"{path}: {error}") from error

    def write(self, path: str | Path) -> None:
        """Writes a pipeline file, new or over a former one, so that no half of one is ever seen.

        Example:
            >>> pipeline = dp.Pipeline(dp.CenterCrop(64), dp.Normalize())
            >>> pipeline.write("pipeline.yaml")
            >>> dp.Pipeline.read("pipeline.yaml") == pipeline
            True

        Raises:
            PipelineError: It cannot be written.
        """
        write_text(path, self.to_yaml(), PipelineError)

    def _needed(self) -> Iterator[Measure]:
        for stage in self.stages:
            if isinstance(stage, Measure):
                yield stage
            elif isinstance(stage, Rule):
                yield from stage.needs
            elif _is_open(stage):
                yield stages.ChannelSums()

    def _check_roles(self) -> None:
        op: Op | None = None
        for number, stage in enumerate(self.stages, start=1):
            if isinstance(stage, type):
                raise PipelineError(f"{stage.__name__} is a class, not a stage: make one, such as `{stage.__name__}(...)`")
            if isinstance(stage, Mix):
                self._check_mix(stage, number)
            elif isinstance(stage, Op):
                op = stage
            elif not isinstance(stage, Measure | Rule):
                raise PipelineError(f"{' '.join(repr(stage).split()):.200} is not a stage: {_instead(stage)}")
            elif op is not None:
                raise PipelineError(
                    f"`{type(stage).__name__}` follows the op `{type(op).__name__}`; "
                    "measures and rules look at the files, before any op"
                )

    def _check_mix(self, mix: Mix, number: int) -> None:
        name = type(mix).__name__
        if number < len(self.stages):
            raise PipelineError(f"`{name}` mixes whole batches, so it comes once and as the last stage")
        if not self.ops or (mix.blends and self.spec.dtype == "uint8"):
            raise PipelineError(f"`{name}` mixes what the ops made; put it after `Normalize()`")

    def _check_columns(self) -> None:
        filled: dict[str, Measure] = {}
        for measure in self.measures:
            for field in measure.fields:
                other = filled.setdefault(field.name, measure)
                if other != measure:
                    raise PipelineError(f"{other} and {measure} both fill the column {field.name!r}; keep one of them")


def _is_open(stage: Stage) -> bool:
    """Returns whether a stage is a `Normalize()` that takes its numbers from the manifest."""
    return isinstance(stage, Op) and isinstance(stage, stages.Normalize) and stage.mean is None


def _parts(stage: Stage) -> tuple[Stage, ...]:
    """Returns the stages that one stands for: itself, unless it says others."""
    parts = None if isinstance(stage, type) else getattr(stage, "parts", None)
    return parts() if callable(parts) else (stage,)


def _role(stage: Stage) -> str:
    """Returns what a stage is."""
    for role in (Mix, Op, Rule):
        if isinstance(stage, role):
            return role.__name__.lower()
    return "measure"


def check_pipeline(given: object, where: str) -> None:
    """Checks that a function got a pipeline, and no stages or file of one.

    Raises:
        PipelineError: It did not.
    """
    if isinstance(given, Pipeline):
        return
    if isinstance(given, str | Path):
        advice = f"read it first: `Pipeline.read({str(given)!r})`"
    elif isinstance(given, list | tuple):
        advice = "give `Pipeline(*stages)`"
    else:
        advice = "give `Pipeline(stage, ...)`"
    raise PipelineError(f"{where} takes a pipeline, got {given!r:.200}; {advice}")


def _instead(given: object) -> str:
    """Returns what to give where something else than a stage was given."""
    if isinstance(given, list | tuple):
        return "give its stages one by one, as in `Pipeline(*stages)`"
    if isinstance(given, Pipeline):
        return "give its stages, as in `Pipeline(*pipeline.stages, ...)`"
    if isinstance(given, str | Path):
        return f"`Pipeline.read({str(given)!r})` reads a file"
    library = type(given).__module__.partition(".")[0]
    if library in FOREIGN:
        return f"transforms of {library} are ops by `{FOREIGN[library]}(transform)`"
    return "it is neither a measure, a rule, an op nor a mix"


def _check_specs(ops: tuple[Op, ...]) -> None:
    """Checks that the ops chain and end with images of one size."""
    spec, free = Spec(), None
    for op in ops:
        before, spec = spec, op.spec(spec)
        if spec.height is None and (free is None or before.height is not None):
            free = op
    if ops and (spec.height is None or spec.width is None):
        raise PipelineError(
            f"`{free}` leaves height or width free, so images cannot be batched; "
            "add `CenterCrop(224)` or give `Resize((256, 256))` both"
        )
