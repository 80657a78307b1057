"""Rules that hold for every op alike, swept over all of them; what single ops draw is in the other files of this folder."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataprep.backends.cpu.kernels import kernel
from dataprep.describe import build, describe
from dataprep.draws import uniforms
from dataprep.errors import PipelineError
from dataprep.pipeline import Pipeline
from dataprep.stages import (
    Affine,
    Albumentations,
    Brightness,
    CenterCrop,
    ColorJitter,
    Contrast,
    Equalize,
    GaussianBlur,
    Grayscale,
    HorizontalFlip,
    Hue,
    JpegCompression,
    Normalize,
    Output,
    Pad,
    Posterize,
    RandAugment,
    RandomCrop,
    RandomErasing,
    RandomResizedCrop,
    Resize,
    Rotate,
    Saturation,
    Sharpness,
    Solarize,
    TrivialAugmentWide,
    VerticalFlip,
)
from dataprep.stages.catalogue import OPS
from dataprep.testing import photo
from dataprep.types import Spec

EXAMPLES: list[Any] = [
    Affine(20, (0.1, 0.2), (0.8, 1.2), (-5, 5, -3, 3), (1, 2, 3)),
    Brightness((0.5, 2)),
    CenterCrop((9, 30)),
    ColorJitter(0.4, 0.4, 0.4, 30),
    Contrast(0.5),
    Equalize(),
    GaussianBlur((0.5, 3)),
    Grayscale(0.5),
    HorizontalFlip(),
    Hue(40),
    JpegCompression((5, 90)),
    Normalize.imagenet(),
    Output("float16"),
    Pad((1, 2, 3, 4), (9, 8, 7)),
    Posterize(3),
    RandAugment(3, 20),
    RandomCrop((12, 20), 4, (5, 6, 7)),
    RandomCrop(4, padding=30),
    RandomErasing(0.9, fill=(7, 7, 7)),
    RandomResizedCrop(16),
    Resize(17),
    Resize((8, 9), "bicubic"),
    Rotate((-90, 30)),
    Rotate(45, expand=True),
    Saturation(0.9),
    Sharpness((0, 2)),
    Solarize(99),
    TrivialAugmentWide(),
    VerticalFlip(),
]

IDENTITIES: list[Any] = [
    Affine(),
    Brightness(0.0),
    ColorJitter(0, 0, 0, 0),
    Contrast(0.0),
    Equalize(0),
    GaussianBlur(p=0),
    Grayscale(0),
    HorizontalFlip(0),
    Hue(0.0),
    JpegCompression(p=0),
    Pad(0),
    Posterize(8, 1),
    RandomErasing(0),
    Rotate(0),
    Rotate(0, expand=True),
    Saturation(0.0),
    Sharpness(0.0),
    Solarize(256, 1),
    VerticalFlip(0),
]

sides = st.integers(2, 40)
images = st.builds(photo, st.integers(0, 99), sides, sides)
seeds = st.integers(0, 10_000)


def test_every_op_is_swept() -> None:
    """The examples hold each op of the house, but for the one that needs a library of its own."""
    assert {type(op) for op in EXAMPLES} == set(OPS) - {Albumentations}


@pytest.mark.parametrize("op", EXAMPLES, ids=repr)
@given(image=images, seed=seeds)
def test_the_kernel_makes_what_is_announced(op: Any, image: np.ndarray[Any, Any], seed: int) -> None:
    """Spec, drawn size and the kernel's image agree in size and type, for any image and any draw."""
    size = np.array([image.shape[:2]])
    params, after = op.draw(uniforms(seed, 0, [0], op.slots), size)
    spec = op.spec(Spec(*image.shape[:2]))
    result = kernel(op, image, params[0])
    shape = result.shape[1:] if spec.layout == "CHW" else result.shape[:2]
    assert shape == tuple(after[0])
    assert spec.height in (None, shape[0])
    assert spec.width in (None, shape[1])
    assert str(result.dtype) == spec.dtype


@pytest.mark.parametrize("op", EXAMPLES, ids=repr)
@given(seed=seeds, sizes=st.lists(st.tuples(sides, sides), min_size=1, max_size=8))
def test_draws_do_not_depend_on_the_batch(op: Any, seed: int, sizes: list[tuple[int, int]]) -> None:
    """What an image gets in a batch is what it gets alone: plain float64 numbers, one row for each image."""
    u = uniforms(seed, 0, np.arange(len(sizes)), op.slots)
    params, after = op.draw(u, np.array(sizes))
    assert params.dtype == np.float64
    assert params.ndim == 2
    assert len(params) == len(after) == len(sizes)
    for place, size in enumerate(sizes):
        alone, left = op.draw(u[place : place + 1], np.array([size]))
        assert np.array_equal(alone[0], params[place])
        assert np.array_equal(left[0], after[place])


@pytest.mark.parametrize("op", EXAMPLES, ids=repr)
def test_there_and_back(op: Any) -> None:
    """An op's description is plain data and builds an equal op, alone and in a pipeline file."""
    assert build(json.loads(json.dumps(describe(op))), "here") == op
    stages = (op,) if isinstance(op, Normalize | Output) else (op, CenterCrop(8), Normalize())
    pipeline = Pipeline(*((CenterCrop(8),) if len(stages) == 1 else ()), *stages)
    assert Pipeline.from_yaml(pipeline.to_yaml()) == pipeline
    assert hash(op) == hash(build(describe(op), "here"))


@pytest.mark.parametrize("op", IDENTITIES, ids=repr)
@given(image=images, seed=seeds)
def test_identity_parameters_change_nothing(op: Any, image: np.ndarray[Any, Any], seed: int) -> None:
    """An op whose amounts stand for no change gives the very image."""
    params, _ = op.draw(uniforms(seed, 0, [0], op.slots), np.array([image.shape[:2]]))
    assert np.array_equal(kernel(op, image, params[0]), image)


@pytest.mark.parametrize("op", [op for op in EXAMPLES if not isinstance(op, Normalize | Output)], ids=repr)
def test_ops_come_before_normalize(op: Any) -> None:
    """An op on 8-bit pixels refuses what `Normalize` gives, and says where it belongs."""
    with pytest.raises(PipelineError, match=rf"`{type(op).__name__}` works on 8-bit pixels; put it before `Normalize`"):
        op.spec(Normalize.imagenet().spec(Spec(8, 8)))


@pytest.mark.parametrize(
    ("op", "arguments", "quoted"),
    [
        (RandomCrop, {"size": 8, "padding": -1}, "padding=-1"),
        (RandomCrop, {"size": 8, "fill": (0, 0, 256)}, "fill=(0, 0, 256)"),
        (Pad, {"padding": -1}, "padding=-1"),
        (Pad, {"padding": (1, 2, 3)}, "padding=(1, 2, 3)"),
        (Affine, {"degrees": (9, -9)}, "degrees=(9, -9)"),
        (Affine, {"translate": (0.1, 1.5)}, "translate=(0.1, 1.5)"),
        (Affine, {"scale": (0, 1)}, "scale=(0, 1)"),
        (Affine, {"shear": 90}, "shear=(-90, 90"),
        *((op, {"amount": -0.1}, "amount=-0.1") for op in (Contrast, Saturation, Sharpness)),
        (Hue, {"degrees": 200}, "(-200, 200)"),
        (ColorJitter, {"brightness": -1}, "-1"),
        (ColorJitter, {"hue": 200}, "(-200, 200)"),
        (GaussianBlur, {"sigma": 0}, "sigma=(0, 0)"),
        (Posterize, {"bits": 0}, "bits=0"),
        (Solarize, {"threshold": 300}, "threshold=300"),
        (JpegCompression, {"quality": (0, 50)}, "quality=(0, 50)"),
        (RandomErasing, {"ratio": (2, 1)}, "ratio=(2, 1)"),
        (RandAugment, {"num_ops": 0}, "num_ops=0"),
        (RandAugment, {"magnitude": 31}, "magnitude=31"),
        *((op, {"p": 1.5}, "p=1.5") for op in (Equalize, Grayscale, Posterize, RandomErasing, Solarize, VerticalFlip)),
    ],
)
def test_a_value_that_cannot_be_is_quoted(op: Any, arguments: dict[str, Any], quoted: str) -> None:
    """An op that cannot be made says so when it is made, with its name and the value."""
    with pytest.raises(PipelineError) as caught:
        op(**arguments)
    assert str(caught.value).startswith(op.__name__)
    assert quoted in str(caught.value)
