"""What the colour ops are and draw; what they do to pixels is in tests/backends."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataprep.draws import uniforms
from dataprep.errors import PipelineError
from dataprep.stages import Brightness, Normalize
from dataprep.types import Spec


@given(st.floats(0, 3), st.integers(0, 10_000))
def test_factors_lie_around_one(amount: float, seed: int) -> None:
    """`Brightness(a)` draws factors from 1 - a, but none below 0, to 1 + a."""
    op = Brightness(amount)
    u = uniforms(seed, 0, np.arange(20), op.slots)
    u[0], u[1] = 0, 1 - 2.0**-53
    params, sizes = op.draw(u, np.full((20, 2), 7))
    assert params.min() == max(0, 1 - amount)
    assert params.max() <= 1 + amount
    assert params[1, 0] == pytest.approx(1 + amount)
    assert (sizes == 7).all()


@given(st.tuples(st.floats(0, 4), st.floats(0, 4)).map(lambda pair: (min(pair), max(pair))))
def test_two_factors_are_the_limits(amount: tuple[float, float]) -> None:
    """`Brightness((low, high))` draws factors from low to high."""
    op = Brightness(amount)
    params, _ = op.draw(uniforms(0, 0, np.arange(50), 1), np.ones((50, 2), np.int64))
    assert (params >= amount[0]).all()
    assert (params <= amount[1]).all()


def test_brightness_keeps_the_spec() -> None:
    """A change of brightness leaves size and type as they are."""
    assert Brightness().spec(Spec()) == Spec()
    assert Brightness().spec(Spec(4, 5)) == Spec(4, 5)


@pytest.mark.parametrize("before", [Spec(), Spec(4, 5)])
def test_normalize_ends_with_channels_first(before: Spec) -> None:
    """After `Normalize` an image is float32 with the channels first, and its size is unchanged."""
    assert Normalize().spec(before) == Spec(before.height, before.width, "float32", "CHW")


def test_nothing_follows_normalize() -> None:
    """Colour ops refuse what `Normalize` gives, itself included."""
    after = Normalize.imagenet().spec(Spec(8, 8))
    with pytest.raises(PipelineError, match="`Brightness` works on 8-bit pixels; put it before `Normalize`"):
        Brightness().spec(after)
    with pytest.raises(PipelineError, match="`Normalize` comes once, as the last op"):
        Normalize().spec(after)


def test_the_constants_of_imagenet() -> None:
    """`Normalize.imagenet()` holds the numbers that published weights were trained with."""
    assert Normalize.imagenet() == Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def test_lists_from_files_make_the_same_op() -> None:
    """An op given lists, as YAML has them, equals the one given tuples and can be hashed."""
    lists: Any = ([0.1, 0.2, 0.3], [0.4, 0.5, 0.6])
    factors: Any = [0.5, 1.5]
    assert Normalize(*lists) == Normalize((0.1, 0.2, 0.3), (0.4, 0.5, 0.6))
    assert hash(Normalize(*lists)) == hash(Normalize((0.1, 0.2, 0.3), (0.4, 0.5, 0.6)))
    assert Brightness(factors) == Brightness((0.5, 1.5)) == Brightness(0.5)


@pytest.mark.parametrize(
    ("op", "arguments", "quoted"),
    [
        (Brightness, {"amount": -0.1}, "amount=-0.1"),
        (Brightness, {"amount": (1.2, 0.8)}, "amount=(1.2, 0.8)"),
        (Brightness, {"amount": (-1, 1)}, "amount=(-1, 1)"),
        (Brightness, {"amount": (1, 1, 1)}, "amount=(1, 1, 1)"),
        (Brightness, {"amount": math.nan}, "amount=nan"),
        (Brightness, {"amount": math.inf}, "amount=inf"),
        (Normalize, {"mean": (0.5, 0.5, 0.5)}, "give both `mean` and `std`"),
        (Normalize, {"std": (0.5, 0.5, 0.5)}, "give both `mean` and `std`"),
        (Normalize, {"mean": (0.5, 0.5), "std": (0.2, 0.2)}, "mean=(0.5, 0.5)"),
        (Normalize, {"mean": (0.5, 0.5, 0.5), "std": (0.2, 0.2, 0)}, "std=(0.2, 0.2, 0)"),
        (Normalize, {"mean": (123.7, 116.3, 103.5), "std": (58.4, 57.1, 57.4)}, "mean=(123.7, 116.3, 103.5)"),
    ],
)
def test_a_value_that_cannot_be_is_quoted(op: Any, arguments: dict[str, Any], quoted: str) -> None:
    """An op that cannot be made says so when it is made, with its name, the field and the value."""
    with pytest.raises(PipelineError) as caught:
        op(**arguments)
    assert str(caught.value).startswith(op.__name__)
    assert quoted in str(caught.value)
