"""`check_op` finds an op whose kernel moves pixels to another place than its `geometry` says."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import dataprep as dp
from dataprep.testing import check_op


@dp.register
@dataclass(frozen=True)
class Shove:
    """Moves the image to the right, and says that it is moved by as much and a bit."""

    by: int = 9
    off: float = 0.0
    slots = 1

    def spec(self, spec: dp.Spec) -> dp.Spec:
        """Unchanged."""
        if spec.dtype != "uint8" or spec.delivered:
            raise dp.PipelineError("`Shove` works on 8-bit pixels")
        return spec

    def draw(self, u: dp.Uniforms, sizes: dp.Sizes) -> tuple[dp.Params, dp.Sizes]:
        """Draws how far."""
        return np.floor(u * self.by), sizes


@dp.kernel.register
def _(op: Shove, image: dp.Image, params: dp.Params) -> dp.Image:
    by = int(min(params[0], image.shape[1]))
    return np.concatenate([np.zeros_like(image[:, :by]), image[:, : image.shape[1] - by]], axis=1)


@dp.geometry.register
def _(op: Shove, params: dp.Params, sizes: dp.Sizes) -> Any:
    matrices = np.tile(np.eye(2, 3), (len(params), 1, 1))
    matrices[:, 0, 2] = params[:, 0] + op.off
    return matrices


def test_an_op_that_says_where_it_moves_passes() -> None:
    """An op whose pixels go where it says keeps the contract."""
    check_op(Shove())


@pytest.mark.parametrize("off", [-1.0, 1.0, 7.0])
def test_an_op_that_moves_elsewhere_is_found(off: float) -> None:
    """An op that is off by a pixel is named, with where it says and where its kernel puts a place."""
    with pytest.raises(AssertionError, match=r"Shove.* says by `geometry` that .* its kernel puts it at"):
        check_op(Shove(off=off))


@dp.register
@dataclass(frozen=True)
class Silent:
    """Turns the image upside down and says nothing of places."""

    slots = 0

    def spec(self, spec: dp.Spec) -> dp.Spec:
        """Unchanged."""
        return spec

    def draw(self, u: dp.Uniforms, sizes: dp.Sizes) -> tuple[dp.Params, dp.Sizes]:
        """Draws nothing."""
        return np.empty((len(sizes), 0)), sizes


def test_an_op_that_says_nothing_has_no_targets() -> None:
    """Of an op that is not registered, `geometry` says what to register, and for which op."""
    with pytest.raises(
        dp.LoaderError, match=r"`Silent` does not say where it moves .* `dp.geometry.register\(Silent, dp.unmoved\)`"
    ):
        dp.geometry(Silent(), np.empty((1, 0)), np.array([[4, 4]]))
