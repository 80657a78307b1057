"""Stages as plain data: there and back, and what a typing mistake is told."""

import copy
import pickle
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import Any

import attrs
import pytest

from dataprep.describe import STAGES, build, describe, register
from dataprep.errors import PipelineError
from dataprep.sources import Folder, Part, Several
from dataprep.stages import (
    Affine,
    ColorJitter,
    CutMix,
    Deduplicate,
    DHash,
    Miniature,
    Normalize,
    PHash,
    RandomResizedCrop,
    Require,
    Resize,
)

STAGES_IN_USE = [
    PHash(256),
    Deduplicate(),
    Deduplicate(by=None),
    Deduplicate(by=DHash(256, side=64), radius=20),
    Require("height", least=3),
    Resize((3, 4), "lanczos"),
    RandomResizedCrop(7, scale=(0.5, 1)),
    Normalize.imagenet(),
    Normalize(),
]


@pytest.mark.parametrize("stage", STAGES_IN_USE, ids=repr)
def test_there_and_back(stage: object) -> None:
    """A stage's description builds an equal stage."""
    assert build(describe(stage), "here") == stage


def test_short_form() -> None:
    """A bare name takes all defaults, and a value that is no mapping is the first field."""
    assert build("PHash", "here") == build({"PHash": None}, "here") == PHash()
    assert build({"Resize": 256}, "here") == Resize(256)
    assert build({"Resize": [240, 320]}, "here") == Resize((240, 320))


def test_defaults_are_left_out() -> None:
    """A description holds what differs from the defaults, nested stages included."""
    assert describe(Deduplicate()) == {"Deduplicate": {}}
    assert (
        describe(Deduplicate(by=DHash(256), radius=77))
        == describe(Deduplicate(by=DHash(256)))
        == {"Deduplicate": {"by": {"DHash": {"bits": 256}}}}
    )


@pytest.mark.parametrize(
    ("description", "message"),
    [
        ({"Dedupicate": {}}, "stage 3: no stage is called 'Dedupicate'; did you mean 'Deduplicate'"),
        ({"Require": {"colum": "height"}}, "stage 3: Require has no field 'colum'; did you mean 'column'"),
        ({"Require": {"least": 3}}, "stage 3: Require: missing 1 required positional argument: 'column'"),
        ({"Require": {"column": "heigth", "least": 3}}, "stage 3: Require: no column 'heigth'; did you mean 'height'"),
        ({"PHash": 65}, r"stage 3: PHash\(bits=65\): a hash has 64 or 256 bits"),
        ({"Readable": {}, "Require": None}, "stage 3: write one stage as"),
        ({"PHash": {}, "DHash": {}}, "stage 3: write one stage as"),
        (7, "stage 3: write one stage as"),
        ("Phash", "stage 3: no stage is called 'Phash'; did you mean 'PHash'"),
        ({"Resize": {"size": "large"}}, "stage 3: Resize.*'large'"),
        ({"Rotate": {"degrees": "ten"}}, "stage 3: Rotate"),
        ({"Require": {"column": "height", "least": "ten"}}, "stage 3: Require"),
        ({"HorizontalFlip": {"p": "half"}}, "stage 3: HorizontalFlip"),
        ({"Deduplicate": {"radius": "8"}}, "stage 3: Deduplicate"),
        ({"Deduplicate": {"radius": 7.5}}, "stage 3: Deduplicate"),
        ({"Deduplicate": {"by": "PHash"}}, "stage 3: Deduplicate"),
        ({"Brightness": {"amount": "much"}}, "stage 3: Brightness"),
        ({"Normalize": {"mean": 1, "std": 1}}, "stage 3: Normalize"),
        ({"PHash": {"side": "many"}}, "stage 3: PHash"),
        ({"PHash": {"side": 0}}, "stage 3: PHash"),
        ({"Luminance": {"side": "many"}}, "stage 3: Luminance"),
        ({"LaplacianVariance": {"side": 0}}, "stage 3: LaplacianVariance"),
    ],
)
def test_mistakes(description: object, message: str) -> None:
    """A mistake in a file names its place, what is wrong and what was meant."""
    with pytest.raises(PipelineError, match=message):
        build(description, "stage 3")


def test_register() -> None:
    """A stage of one's own takes part once it is registered, and registering it again is no harm."""

    @dataclass(frozen=True)
    class Own:
        number: int = 0

    try:
        assert register(register(Own)) is Own
        assert build({"Own": {"number": 3}}, "here") == Own(3)
    finally:
        STAGES.pop("Own", None)


@dataclass(frozen=True)
class FrozenDataclass:
    number: int = 0
    hash: object = PHash()
    many: tuple[int, ...] = dataclass_field(default_factory=tuple)


@attrs.frozen
class FrozenAttrs:
    number: int = 0
    hash: object = PHash()
    _many: tuple[int, ...] = attrs.field(factory=tuple)
    double: int = attrs.field(default=attrs.Factory(lambda stage: 2 * stage.number, takes_self=True))


@pytest.mark.parametrize("kind", [FrozenDataclass, FrozenAttrs])
def test_both_kinds_of_classes(kind: Any) -> None:
    """Frozen dataclasses and frozen classes of attrs are described and built alike, whatever their defaults are made by."""
    try:
        register(kind)
        assert describe(kind()) == {kind.__name__: {}}
        stage = kind(3, FrozenDataclass(4), many=(5, 6))
        assert describe(stage) == {kind.__name__: {"number": 3, "hash": {"FrozenDataclass": {"number": 4}}, "many": [5, 6]}}
        register(FrozenDataclass)
        assert build(describe(stage), "here") == stage
        assert build({kind.__name__: 3}, "here") == kind(3)
    finally:
        STAGES.pop("FrozenDataclass", None)
        STAGES.pop("FrozenAttrs", None)


@pytest.mark.parametrize(
    "stage",
    [*STAGES_IN_USE, Affine(3), Miniature(), ColorJitter(), CutMix(), Folder("."), Several([Part("a", Folder("."))])],
    ids=repr,
)
def test_values(stage: Any) -> None:
    """A stage is a value: its repr makes it again, copies and pickles are equal with the same hash, and it does not change."""
    for again in (eval(repr(stage)), copy.deepcopy(stage), pickle.loads(pickle.dumps(stage))):
        assert again == stage
        assert hash(again) == hash(stage)
    with pytest.raises(AttributeError):
        stage.size = 3


def mutable(decorate: Any) -> type:
    """A class of one field."""

    class Mutable:
        number: int = 0

    return decorate(Mutable)


@pytest.mark.parametrize("decorate", [dataclass, dataclass(slots=True), attrs.define, attrs.define(slots=False, eq=False)])
def test_mutable_classes_are_refused(decorate: Any) -> None:
    """A class whose fields can be changed is no stage, whatever made it."""
    with pytest.raises(PipelineError, match=r"register\(Mutable\): its fields can be changed.*attrs\.frozen"):
        register(mutable(decorate))


def test_dataclass_on_attrs() -> None:
    """A dataclass whose base is a class of attrs lacks the fields of its base, so it is refused."""

    @dataclass(frozen=True)
    class Own(DHash):
        pass

    with pytest.raises(PipelineError, match=r"register\(Own\): its base is a class of attrs, so decorate it with @attrs\.frozen"):
        register(Own)


def test_register_what_is_no_stage() -> None:
    """What has no fields, or has the name of another stage, is refused."""
    with pytest.raises(PipelineError, match=r"register\(str\): a stage is a frozen class of attrs or a frozen dataclass"):
        register(str)

    @dataclass(frozen=True)
    class Resize:  # the name of one of dataprep's own
        pass

    with pytest.raises(PipelineError, match="has this name already"):
        register(Resize)
