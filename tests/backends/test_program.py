"""Programs: what of a pipeline is done together is decided once, and layout follows from specs alone."""

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pytest

from dataprep.backends.cpu.kernels import kernel
from dataprep.backends.cpu.render import apply, canvas, paint
from dataprep.backends.program import compile_ops, delivered_size
from dataprep.errors import PipelineError
from dataprep.protocols import Op
from dataprep.stages import CenterCrop, HorizontalFlip, Normalize, Output, Pad, RandomResizedCrop, Resize, Rotate, VerticalFlip
from dataprep.testing import photo
from dataprep.types import Image, Params, Sizes, Spec, Uniforms


@dataclass(frozen=True)
class Floats:
    """An op of a user's own that gives floats: laid out, and of the type that it says, or that it does not say."""

    layout: Literal["HWC", "CHW"] = "HWC"
    gives: str = "float32"
    slots = 0

    def spec(self, spec: Spec) -> Spec:
        return replace(spec, dtype="float32", layout=self.layout)

    def draw(self, u: Uniforms, sizes: Sizes) -> tuple[Params, Sizes]:
        return np.empty((len(sizes), 0)), sizes


@kernel.register
def _(op: Floats, image: Image, params: Params) -> Any:
    values = (image / 255).astype(op.gives)
    return values if op.layout == "HWC" else values.transpose(2, 0, 1)


RESIZE, CROP, FLIP, NORMALIZE = Resize((9, 9)), CenterCrop(5), HorizontalFlip(), Normalize.imagenet()
CASES: list[tuple[tuple[Op, ...], tuple[bool, int, int, int]]] = [
    ((), (False, 0, 0, 0)),
    ((RESIZE,), (False, 1, 1, 1)),
    ((RandomResizedCrop(8), FLIP, NORMALIZE), (True, 1, 1, 2)),
    ((RESIZE, CROP, FLIP, NORMALIZE, Output("float16")), (False, 2, 2, 3)),
    ((RESIZE, CROP, CROP), (False, 2, 3, 3)),
    ((Resize((9, 9), "nearest"), CROP), (False, 0, 2, 2)),
    ((RandomResizedCrop(8, interpolation="nearest"), NORMALIZE), (True, 0, 1, 1)),
    ((RESIZE, FLIP, Rotate(5), FLIP, NORMALIZE), (False, 1, 3, 4)),
    ((RESIZE, VerticalFlip(), NORMALIZE), (False, 1, 2, 2)),
    ((FLIP, CROP), (False, 0, 2, 2)),
    ((CROP, FLIP), (False, 0, 1, 2)),
]


@pytest.mark.parametrize(("ops", "expected"), CASES)
def test_what_is_done_together_is_decided_by_the_ops_alone(ops: tuple[Op, ...], expected: tuple[bool, int, int, int]) -> None:
    """An opening resize, a flip before the ending and the table of values at the end are found wherever they are."""
    program = compile_ops(ops)
    assert (program.cuts, program.opening, program.mirror, program.ending) == expected
    assert len(program.specs) == len(ops) + 1
    assert program.spec is program.specs[-1]


def test_a_free_side_is_an_error_when_batches_are_made() -> None:
    """Ops that leave a side free compile, and say what to add when they are asked for the size of a batch."""
    with pytest.raises(PipelineError, match="add `CenterCrop"):
        delivered_size(compile_ops((Resize(8), Pad(1))))


@pytest.mark.parametrize("layout", ["HWC", "CHW"])
@pytest.mark.parametrize("flip", [(), (HorizontalFlip(1),)])
@pytest.mark.parametrize("output", [(), (Output("float16"),)])
@pytest.mark.parametrize("size", [(3, 7), (7, 3), (3, 3), (8, 9)])
def test_layout_follows_from_the_spec(
    layout: Literal["HWC", "CHW"], flip: tuple[Op, ...], output: tuple[Op, ...], size: tuple[int, int]
) -> None:
    """Floats of an op of one's own are delivered as (3, H, W) whatever the height, be it 3, and whatever surrounds it."""
    program = compile_ops((Resize(size), *flip, Floats(layout), *output))
    image = photo(1, 20, 30)
    params = [np.array(size, float), *([np.ones(1)] if flip else []), *[np.empty(0)] * (1 + len(output))]
    (out,) = canvas(program, 1)
    paint(program, image, params, out)
    whole = apply(compile_ops((Resize(size), *flip)), image, params[: 1 + len(flip)])
    assert out.shape == (3, *size)
    assert np.array_equal(out, (whole / 255).astype(np.float32).astype(out.dtype))


@pytest.mark.parametrize("op", [Floats(gives="uint8"), Floats("CHW", "uint8")])
def test_what_a_kernel_gives_must_be_what_its_spec_says(op: Floats) -> None:
    """A kernel that gives another type than the op's `spec` says is an error that names both."""
    program = compile_ops((Resize((4, 4)), op))
    with pytest.raises(PipelineError, match=r"gave uint8 .* where its `spec` says float32"):
        paint(program, photo(1, 20, 30), [np.array([4.0, 4.0]), np.empty(0)], canvas(program, 1)[0])
