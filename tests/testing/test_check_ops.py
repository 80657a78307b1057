"""The checks of ops and mixes: all of the house pass, and what breaks one rule is told which."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

import dataprep as dp
from dataprep.stages.catalogue import MIXES, OPS
from dataprep.testing import check_mix, check_op, photo


@dataclass(frozen=True)
class Invert:
    """An op that keeps every rule; those below break one each."""

    p: float = 0.5
    slots = 1

    def spec(self, spec: dp.Spec) -> dp.Spec:
        if spec.delivered:
            raise dp.PipelineError("before `Output`")
        return spec

    def draw(self, u: dp.Uniforms, sizes: dp.Sizes) -> tuple[dp.Params, dp.Sizes]:
        return (u < self.p).astype(np.float64), sizes


@dp.kernel.register
def _(op: Invert, image: Any, params: Any) -> Any:
    return 255 - image if params[0] else image


@dataclass(frozen=True)
class Blend:
    """A mix that keeps every rule."""

    slots = 1
    blends = True

    def draw_mix(self, u: dp.Uniforms, size: tuple[int, int]) -> dp.Params:
        return np.concatenate([u, np.zeros((len(u), 4))], axis=1)


GENERATOR = np.random.default_rng(0)
SEEN: list[object] = []


class Mutable(Invert):
    def __setattr__(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)


@dataclass(frozen=True)
class Unhashable(Invert):
    levels: list[int] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class ByIdentity(Invert):
    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return 1


@dp.register
@dataclass(frozen=True)
class Changing(Invert):
    steps: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", self.steps + 1)


@dp.register
@dataclass(frozen=True)
class Undescribed(Invert):
    levels: frozenset[int] = frozenset({1})


class Versionless(Invert):
    version = "2"


class Fractional(Invert):
    slots = 0.5


class Flat(Invert):
    def draw(self, u, sizes):
        return u[:, 0], sizes


class Whole(Invert):
    def draw(self, u, sizes):
        return (u < self.p).astype(np.int64), sizes


class Infinite(Invert):
    def draw(self, u, sizes):
        with np.errstate(divide="ignore"):
            return np.log(u), sizes


class Batched(Invert):
    def draw(self, u, sizes):
        return (u < u.mean()).astype(np.float64), sizes


class Random(Invert):
    def draw(self, u, sizes):
        return GENERATOR.random(u.shape), sizes


class Overwriting(Invert):
    def draw(self, u, sizes):
        u[...] = u < self.p
        return u, sizes


class FloatSizes(Invert):
    def draw(self, u, sizes):
        return u, sizes * 0.5


class Vanishing(Invert):
    def draw(self, u, sizes):
        return u, sizes - 1


class Growing(Invert):
    def draw(self, u, sizes):
        return u, sizes + 1


class Anywhere(Invert):
    def spec(self, spec):
        return spec


class Speechless(Invert):
    def spec(self, spec):
        super().spec(spec)


class Fickle(Invert):
    def spec(self, spec):
        SEEN.append(spec)
        return replace(super().spec(spec), memory=("contiguous", "channels_last")[len(SEEN) % 2])


class Wary(Invert):
    def spec(self, spec):
        if spec.dtype == "uint8":
            raise dp.PipelineError("put it after `Normalize`")
        return super().spec(spec)


class Fixed(Invert):
    def spec(self, spec):
        return replace(super().spec(spec), height=24)


class Typed(Invert):
    def spec(self, spec):
        return replace(super().spec(spec), dtype="float32")


class Transposed(Invert):
    def spec(self, spec):
        return replace(super().spec(spec), layout="CHW")


@dataclass(frozen=True)
class Kernelless:
    slots = 1
    spec = Invert.spec
    draw = Invert.draw
    p = 0.5


class InPlace(Invert):
    pass


@dp.kernel.register
def _(op: InPlace, image: Any, params: Any) -> Any:
    image[:] = 255 - image
    return image


class Consuming(Invert):
    pass


@dp.kernel.register
def _(op: Consuming, image: Any, params: Any) -> Any:
    params[:] = -1
    return image


class Memory(Invert):
    pass


@dp.kernel.register
def _(op: Memory, image: Any, params: Any) -> Any:
    return np.frombuffer(image.data, np.uint8).reshape(image.shape)


class Strided(Invert):
    pass


@dp.kernel.register
def _(op: Strided, image: Any, params: Any) -> Any:
    return image if image.flags.c_contiguous else np.zeros_like(image)


class Forgetful(Invert):
    pass


@dp.kernel.register
def _(op: Forgetful, image: Any, params: Any) -> Any:
    return GENERATOR.integers(0, 255, image.shape, np.uint8)


def local_op() -> Any:
    """An op of a class that no other process can find."""

    @dataclass(frozen=True)
    class Local(Invert):
        pass

    return Local()


@pytest.mark.parametrize(
    ("op", "rule"),
    [
        (Invert, "is a class; give the check an instance"),
        (object(), "has no 'slots', 'spec', 'draw'"),
        (Versionless(), "has the version '2'; give a whole number"),
        (Mutable(), "can be changed after it was made; decorate its class"),
        (Unhashable(), "cannot be hashed .* tuples instead of lists"),
        (ByIdentity(), "is another one after pickling"),
        (local_op(), "cannot be pickled.* at the top of a module"),
        (Changing(), "comes back from a pipeline file as Changing"),
        (Undescribed(levels=frozenset({2})), "cannot be written to a pipeline file"),
        (Fractional(), "has slots=0.5"),
        (Flat(), r"draws float64 \(12,\); `draw` returns float64 parameters, one row for each of 12"),
        (Whole(), "draws int64"),
        (Infinite(), "draws what is not finite"),
        (Batched(), "draws otherwise for an image alone than in a batch"),
        (Random(), "draws twice otherwise from the same numbers"),
        (Overwriting(), "changes the arrays that `draw` is given"),
        (FloatSizes(), r"gives sizes of float64 \(12, 2\)"),
        (Vanishing(), "makes images without pixels"),
        (Growing(), "says 24 × 32 by `spec` and 25 × 33 by `draw`"),
        (Anywhere(), "accepts what `Output` has delivered"),
        (Speechless(), "says None of an image"),
        (Fickle(), "the second time; `spec` depends on its argument only"),
        (Wary(), "refuses Spec.*put it after `Normalize`; give the check .* `after=`"),
        (Fixed(), "says 24 × 17 by `spec` and 33 × 17 by `draw`"),
        (Typed(), r"has a kernel that makes uint8 \(24, 32, 3\) where `spec` and `draw` say float32"),
        (Transposed(), r"makes uint8 \(24, 32, 3\) where .* uint8 \(3, 24, 32\)"),
        (Kernelless(), r"has no CPU kernel; register one: `@dataprep.kernel.register` on \(op: Kernelless"),
        (InPlace(), "has a kernel that changes the image"),
        (Consuming(), "has a kernel that changes its parameters"),
        (Memory(), "has a kernel that fails on an image that is a mirrored view"),
        (Strided(), "has a kernel that makes other pixels of an image that is a mirrored view"),
        (Forgetful(), "has a kernel that makes other pixels of an image that is the same"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else "",
)
def test_an_op_that_breaks_a_rule_is_told_which(op: Any, rule: str) -> None:
    """Each op breaks one rule of the contract, and the error says which and what to do."""
    with pytest.raises(AssertionError, match=rule):
        check_op(op)


class Greedy(Blend):
    def draw_mix(self, u, size):
        return super().draw_mix(u * 2, size)


class Cutting(Blend):
    blends = False


class Boxed(Blend):
    def draw_mix(self, u, size):
        return np.concatenate([u, np.zeros((len(u), 2)), np.ones((len(u), 2))], axis=1)


class Outside(Boxed):
    blends = False

    def draw_mix(self, u, size):
        return super().draw_mix(u, size) * [1, 1, 1, size[0] + 1, 1]


class Between(Boxed):
    blends = False

    def draw_mix(self, u, size):
        return super().draw_mix(u, size) + np.array([0, 0.5, 0, 0, 0])


class Short(Blend):
    def draw_mix(self, u, size):
        return u


class Averaged(Blend):
    def draw_mix(self, u, size):
        return super().draw_mix(np.full_like(u, u.mean()), size)


class Undecided(Blend):
    blends = None


class Spending(Blend):
    def draw_mix(self, u, size):
        u[...] = 0
        return super().draw_mix(u, size)


class Gambling(Blend):
    def draw_mix(self, u, size):
        return super().draw_mix(GENERATOR.random(u.shape), size)


@pytest.mark.parametrize(
    ("mix", "rule"),
    [
        (object(), "has no 'slots', 'blends', 'draw_mix'"),
        (Greedy(), "draws shares from 0.0 to 1.9+"),
        (Cutting(), "gives away a share where it pastes no box"),
        (Boxed(), "blends and yet draws boxes"),
        (Outside(), r"draws a box that is no whole pixels within \(12, 17\)"),
        (Between(), "draws a box that is no whole pixels"),
        (Short(), r"draws float64 \(12, 1\); `draw_mix` returns \(B, 5\)"),
        (Averaged(), "draws otherwise for an image alone"),
        (Undecided(), "says blends=None"),
        (Spending(), "changes the array that `draw_mix` is given"),
        (Gambling(), "draws twice otherwise from the same numbers"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else "",
)
def test_a_mix_that_breaks_a_rule_is_told_which(mix: Any, rule: str) -> None:
    """Each mix breaks one rule of the contract, and the error says which and what to do."""
    with pytest.raises(AssertionError, match=rule):
        check_mix(mix)


@pytest.mark.parametrize("part", [Invert(), Invert(1.0)])
def test_an_op_that_keeps_the_rules_passes(part: Any) -> None:
    """An op as the documentation asks for passes, after other ops and on images of other sizes, too."""
    check_op(part)
    check_op(part, after=(dp.Resize(9), dp.Normalize.imagenet()), sizes=[(50, 2)], seed=3)


GIVEN: dict[type, Any] = {
    dp.CenterCrop: (9, 30),
    dp.Pad: (1, 2, 3, 4),
    dp.RandomCrop: (12, 20),
    dp.RandomResizedCrop: 16,
    dp.Resize: 17,
    dp.Rotate: 15,
}
"""What ops without a default are given first."""


@pytest.mark.parametrize("kind", OPS)
def test_ops_keep_the_contract(kind: Any) -> None:
    """Every op of the house passes, before and behind `Normalize` as it may stand."""
    if kind is dp.Albumentations:
        transform = pytest.importorskip("albumentations").HorizontalFlip()
        check_op(kind(transform))
    elif kind is dp.Normalize:
        check_op(kind.imagenet(), after=(dp.Resize((8, 9)),))
    elif kind is dp.Output:
        for dtype in ("float16", "bfloat16", "float32"):
            check_op(kind(dtype, "channels_last"), after=(dp.Normalize.imagenet(),))
    else:
        check_op(kind(GIVEN[kind]) if kind in GIVEN else kind())


@pytest.mark.parametrize("mix", [Blend(), *(mix() for mix in MIXES), dp.MixUp(1.0, 0.5), dp.CutMix(0.3, 0.5)])
def test_mixes_keep_the_contract(mix: Any) -> None:
    """Every mix of the house passes."""
    check_mix(mix)


def test_a_long_part_is_named_by_its_class() -> None:
    """What would fill a page in its own words is named by its class."""
    with pytest.raises(AssertionError, match=r"^Unhashable cannot be hashed"):
        check_op(Unhashable(levels=list(photo(0, 8, 8).ravel())))
