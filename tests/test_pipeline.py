"""Pipelines: what fits together, what is measured for it, and the file it is written in."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from dataprep.errors import PipelineError
from dataprep.pipeline import Pipeline
from dataprep.protocols import Measure, Op, Rule
from dataprep.stages import (
    Brightness,
    CenterCrop,
    ChannelSums,
    Deduplicate,
    DHash,
    HorizontalFlip,
    LaplacianVariance,
    Levels,
    Luminance,
    Normalize,
    PHash,
    RandomResizedCrop,
    Readable,
    Require,
    Resize,
    Rotate,
)
from dataprep.stages.rules.standard import standard_rules
from dataprep.types import Image, Spec, Statistics

STATISTICS = Statistics((0.4, 0.5, 0.6), (0.1, 0.2, 0.3), 10, 1_000)


@dataclass(frozen=True)
class Sharp:
    """A measure of one's own that fills the column of another."""

    side: ClassVar[int] = 64
    channels: ClassVar[int] = 1
    version: ClassVar[int] = 1
    fields: ClassVar[tuple[pa.Field, ...]] = (pa.field("sharpness", pa.float32()),)

    def measure(self, image: Image) -> Mapping[str, object]:
        return {"sharpness": 1.0}


SIZES = st.one_of(st.integers(1, 500), st.tuples(st.integers(1, 500), st.integers(1, 500)))
RANGES = st.tuples(st.floats(0.01, 1), st.floats(0.01, 1)).map(lambda pair: tuple(sorted(pair)))
INTERPOLATIONS = st.sampled_from(["nearest", "bilinear", "bicubic", "lanczos"])
TRIPLES = st.tuples(*[st.floats(0.01, 1)] * 3)
HASHES = st.builds(PHash, st.sampled_from([64, 256]), st.just(96)) | st.builds(DHash, st.sampled_from([64, 256]), st.just(96))
RULES = st.builds(
    Require, st.sampled_from(["height", "bytes", "sharpness"]), least=st.floats(0, 99), most=st.none() | st.floats(100, 900)
) | st.just(Readable())
OPS: st.SearchStrategy[Any] = (
    st.builds(Resize, SIZES, INTERPOLATIONS)
    | st.builds(RandomResizedCrop, SIZES, RANGES, RANGES, INTERPOLATIONS)
    | st.builds(HorizontalFlip, st.floats(0, 1))
    | st.builds(Rotate, RANGES, st.tuples(*[st.integers(0, 255)] * 3))
    | st.builds(Brightness, RANGES)
)
LAST = st.builds(Normalize, TRIPLES, TRIPLES) | st.just(Normalize()) | st.just(HorizontalFlip())
DEDUPLICATE = st.builds(Deduplicate, by=HASHES | st.none(), radius=st.integers(0, 31), verify=st.none())


@st.composite
def pipelines(draw: st.DrawFn) -> Pipeline:
    """Any pipeline of dataprep's own stages."""
    rules = draw(st.lists(RULES, max_size=3)) + draw(st.lists(DEDUPLICATE, max_size=1))
    ops = [*draw(st.lists(OPS, max_size=3)), draw(st.builds(CenterCrop, SIZES)), draw(LAST)] if draw(st.booleans()) else []
    return Pipeline(*draw(st.sampled_from([[], [ChannelSums()]])), *rules, *ops)


@given(pipelines())
def test_there_and_back(pipeline: Pipeline) -> None:
    """What is written is read back as an equal pipeline, which is as hashable and prints the same."""
    again = Pipeline.from_yaml(pipeline.to_yaml())
    assert again == pipeline
    assert hash(again) == hash(pipeline)
    assert repr(again) == repr(pipeline)
    assert again.measures == pipeline.measures


@given(pipelines())
def test_plain_yaml(pipeline: Pipeline) -> None:
    """A pipeline file is plain data: a version and a list of stages, one mapping each."""
    data = yaml.safe_load(pipeline.to_yaml())
    assert data["version"] == 1
    assert [list(stage) for stage in data["stages"]] == [[type(stage).__name__] for stage in pipeline.stages]


def test_file(tmp_path: Path) -> None:
    """A pipeline is written to a file and read from it."""
    pipeline = Pipeline(*standard_rules(), RandomResizedCrop(32), Normalize())
    pipeline.write(tmp_path / "pipeline.yaml")
    assert Pipeline.read(tmp_path / "pipeline.yaml") == pipeline


@given(pipelines())
def test_roles(pipeline: Pipeline) -> None:
    """Every stage has just one role, and the roles keep their order."""
    for stage in pipeline.stages:
        assert [isinstance(stage, role) for role in (Measure, Rule, Op)].count(True) == 1
    assert [stage for stage in pipeline.stages if isinstance(stage, Rule)] == list(pipeline.rules)
    assert [stage for stage in pipeline.stages if isinstance(stage, Op)] == list(pipeline.ops)


@pytest.mark.parametrize("stage", [Readable(), Deduplicate(by=None), PHash(), Require("height", least=1)])
def test_order_of_roles(stage: Measure | Rule) -> None:
    """A measure or rule after an op is refused, naming both."""
    with pytest.raises(PipelineError, match=f"`{type(stage).__name__}` follows the op `CenterCrop`"):
        Pipeline(CenterCrop(8), stage)


@pytest.mark.parametrize("stage", [PHash, "Resize", None, 3])
def test_no_stage(stage: Any) -> None:
    """What is no stage is refused, a class too."""
    with pytest.raises(PipelineError, match="not a stage"):
        Pipeline(stage)


def test_measures_are_merged() -> None:
    """What several stages need is measured once, in the order in which it is first needed."""
    rules = (Require("sharpness", least=1), Require("brightness", least=1), Require("contrast", least=1))
    assert Pipeline(Luminance(), *rules, Require("sharpness", most=9)).measures == (Luminance(), LaplacianVariance())
    assert Pipeline(*standard_rules()).measures[:3] == (Luminance(), Levels(), LaplacianVariance())
    assert Pipeline(ChannelSums(), CenterCrop(8), Normalize()).measures == (ChannelSums(),)


def test_channel_sums_only_where_needed() -> None:
    """Full pixels are measured for a `Normalize` without numbers only: they cost a whole decode."""
    assert Pipeline(CenterCrop(8), Normalize()).measures == (ChannelSums(),)
    assert Pipeline(CenterCrop(8), Normalize.imagenet()).measures == ()


@pytest.mark.parametrize(
    ("one", "other", "column"),
    [
        (PHash(), PHash(side=64), "phash64"),
        (LaplacianVariance(), Sharp(), "sharpness"),
        (Luminance(), Luminance(9), "brightness"),
    ],
)
def test_columns_do_not_collide(one: Measure, other: Measure, column: str) -> None:
    """Two measures that fill the same column are refused, naming both and the column."""
    with pytest.raises(PipelineError, match=f"both fill the column '{column}'"):
        Pipeline(one, other)


def test_collision_of_a_rule() -> None:
    """A measure that a rule needs collides like one that is named."""
    with pytest.raises(PipelineError, match="both fill the column 'sharpness'"):
        Pipeline(Require("sharpness", least=1), Require("sharpness", most=2, measure=LaplacianVariance(side=64)))


@pytest.mark.parametrize(
    "stages", [(Resize(256),), (Resize(256), HorizontalFlip()), (HorizontalFlip(),), (Rotate(3), Normalize())]
)
def test_free_sides(stages: tuple[Op, ...]) -> None:
    """Ops that leave the height or width free are refused, naming the stage that leaves them free and what to add."""
    message = f"`{stages[0]!r}` leaves height or width free, so images cannot be batched; add `CenterCrop"
    with pytest.raises(PipelineError) as caught:
        Pipeline(*stages)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("stages", "spec"),
    [
        ((Resize((3, 4)),), Spec(3, 4)),
        ((Resize(9), CenterCrop((5, 6))), Spec(5, 6)),
        ((CenterCrop((10, 20)), Resize(5)), Spec(5, 10)),
        ((RandomResizedCrop(7), HorizontalFlip(), Rotate(9), Brightness(), Normalize()), Spec(7, 7, "float32", "CHW")),
        ((), Spec()),
    ],
)
def test_specs_chain(stages: tuple[Op, ...], spec: Spec) -> None:
    """The spec of a pipeline is what its ops make of an image of any size, one after the other."""
    assert Pipeline(*stages).spec == spec


@pytest.mark.parametrize(
    "op", [Resize(4), CenterCrop(4), RandomResizedCrop(4), HorizontalFlip(), Rotate(4), Brightness(), Normalize()]
)
def test_normalize_is_last(op: Op) -> None:
    """No op follows `Normalize`."""
    with pytest.raises(PipelineError, match="Normalize"):
        Pipeline(CenterCrop(8), Normalize(), op)


def test_fill() -> None:
    """Statistics fill a `Normalize` without numbers, and leave one with numbers and everything else alone."""
    pipeline = Pipeline(*standard_rules(), CenterCrop(8), Normalize())
    filled = pipeline.fill(STATISTICS)
    assert filled.ops[-1] == Normalize(STATISTICS.mean, STATISTICS.std)
    assert filled.stages[:-1] == pipeline.stages[:-1]
    assert filled.fill(None) == filled
    fixed = Pipeline(CenterCrop(8), Normalize.imagenet())
    assert fixed.fill(STATISTICS) == fixed


def test_fill_without_statistics() -> None:
    """Where there is nothing to fill in, the error says how to get it."""
    with pytest.raises(PipelineError, match=r"takes mean and std from the manifest.*--statistics.*Normalize\.imagenet"):
        Pipeline(CenterCrop(8), Normalize()).fill(None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stages: [", "not a YAML file"),
        ("3", "a pipeline file is `version: 1` and a list"),
        ("", "a pipeline file is `version: 1` and a list"),
        ("version: 1\nstages: {Resize: 3}", "a list of `stages`"),
        ("version: 2\nstages: []", "version 2; this dataprep reads version 1"),
        ("stages: []", "version None"),
        ("version: 1\nstages: []\nstage: []", "not 'stage'"),
        ("version: 1\nstages:\n- Readable\n- Resise: {size: 3}", "stage 2: no stage is called 'Resise'; did you mean 'Resize'"),
        ("version: 1\nstages:\n- CenterCrop: {sise: 3}", "stage 1: CenterCrop has no field 'sise'; did you mean 'size'"),
        ("version: 1\nstages:\n- CenterCrop: {size: 0}", r"stage 1: CenterCrop\(size=0\)"),
        ("version: 1\nstages:\n- Resize: {size: 3}", "leaves height or width free"),
        ("version: 1\nstages:\n- !!python/object/apply:os.system [true]", "not a YAML file"),
    ],
)
def test_mistakes_in_a_file(tmp_path: Path, text: str, message: str) -> None:
    """A mistake in a file is told with the file's name, the stage's place and what was meant; nothing of it is run."""
    path = tmp_path / "pipeline.yaml"
    path.write_text(text)
    with pytest.raises(PipelineError, match=message) as caught:
        Pipeline.read(path)
    assert str(caught.value).startswith(str(path))


def test_file_that_cannot_be_read(tmp_path: Path) -> None:
    """A file that is missing or is no text is a `PipelineError`."""
    with pytest.raises(PipelineError, match="cannot be read: No such file"):
        Pipeline.read(tmp_path / "missing.yaml")
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(PipelineError, match="cannot be read"):
        Pipeline.read(tmp_path / "bytes.yaml")


def test_file_that_cannot_be_written(tmp_path: Path) -> None:
    """A place where nothing can be written is an error that names it, and a former file stays until the new one is whole."""
    with pytest.raises(PipelineError, match=r"nowhere/pipeline.yaml cannot be written: No such file"):
        Pipeline(Deduplicate()).write(tmp_path / "nowhere" / "pipeline.yaml")
    (tmp_path / "pipeline.yaml").write_text("former")
    with (tmp_path / "pipeline.yaml").open() as former:
        Pipeline(Deduplicate()).write(tmp_path / "pipeline.yaml")
        assert former.read() == "former"
    assert [path.name for path in tmp_path.iterdir()] == ["pipeline.yaml"]
