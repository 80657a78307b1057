"""An op of your own: a frozen dataclass that describes and draws, and one kernel that does the work.

python examples/own_op.py
"""

from dataclasses import dataclass

import numpy as np

import dataprep as dp
from dataprep.backends.cpu.kernels import apply, kernel
from dataprep.loading.recipes import draw


@dp.register
@dataclass(frozen=True)
class Invert:
    """Inverts a share of the images."""

    p: float = 0.5
    slots = 1  # uniform numbers for each image

    def spec(self, spec: dp.Spec) -> dp.Spec:
        """Size and type stay as they are."""
        return spec

    def draw(self, u: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Draws 1 to invert or 0 from (B, 1) uniforms."""
        return (u < self.p).astype(np.float64), sizes


@kernel.register
def _(op: Invert, image: np.ndarray, params: np.ndarray) -> np.ndarray:
    return 255 - image if params[0] else image


if __name__ == "__main__":
    pipeline = dp.Pipeline(dp.CenterCrop(8), Invert(0.5))
    print(pipeline.to_yaml())
    assert dp.Pipeline.from_yaml(pipeline.to_yaml()) == pipeline
    ids = np.arange(1000)
    params = draw(pipeline.ops, np.full((1000, 2), 8), ids, seed=0, epoch=0)
    black = np.zeros((8, 8, 3), np.uint8)
    white = sum(apply(pipeline.ops, black, [drawn[row] for drawn in params]).all() for row in ids)
    print(f"inverted: {white} of {len(ids)}")
