"""An op of your own: a frozen dataclass that describes and draws, one kernel that does the work, and the check of both.

python examples/own_op.py
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import dataprep as dp
from dataprep.testing import check_op, write_images


@dp.register
@dataclass(frozen=True)
class Invert:
    """Inverts a share of the images.

    Attributes:
        p: The share.
    """

    p: float = 0.5
    slots = 1  # uniform numbers for each image

    def spec(self, spec: dp.Spec) -> dp.Spec:
        """Size and type stay as they are."""
        if spec.dtype != "uint8" or spec.delivered:
            raise dp.PipelineError("`Invert` works on 8-bit pixels; put it before `Normalize` and `Output`")
        return spec

    def draw(self, u: dp.Uniforms, sizes: dp.Sizes) -> tuple[dp.Params, dp.Sizes]:
        """Draws 1 to invert or 0 from (B, 1) uniforms."""
        return (u < self.p).astype(np.float64), sizes


@dp.kernel.register
def _(op: Invert, image: dp.Image, params: dp.Params) -> dp.Image:
    return 255 - image if params[0] else image


def inverted(folder: Path) -> int:
    """Returns how many images of a folder differ between a pipeline with the op and one without."""
    manifest = dp.clean(folder, dp.Pipeline(), engine=dp.Local(0))
    pipelines = dp.Pipeline(dp.CenterCrop(8), Invert(0.5)), dp.Pipeline(dp.CenterCrop(8))
    with_op, without = (dp.Loader(manifest, one, batch_size=50, backend=dp.Threads(output="numpy")) for one in pipelines)
    return sum(
        int((changed.images == 255 - plain.images).all(axis=(1, 2, 3)).sum())
        for changed, plain in zip(with_op, without, strict=True)
    )


if __name__ == "__main__":
    check_op(Invert(0.5))
    pipeline = dp.Pipeline(dp.CenterCrop(8), Invert(0.5))
    print(pipeline.to_yaml())
    assert dp.Pipeline.from_yaml(pipeline.to_yaml()) == pipeline
    with tempfile.TemporaryDirectory() as folder:
        written = write_images(folder, 400, height=12, width=16)
        print(f"inverted: {inverted(Path(folder))} of {len(written)}")
