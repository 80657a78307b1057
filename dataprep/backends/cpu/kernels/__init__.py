"""The CPU kernels: what each op does to one image, with the parameters that it drew.

`kernel` dispatches on the op's type; an op of your own registers the same way:

    @kernel.register
    def _(op: Invert, image: Image, params: Params) -> Image:
        return 255 - image
"""

from dataprep.backends.cpu.kernels import (  # noqa: F401  they register
    affine,
    albumentations,
    color,
    effects,
    geometry,
    policies,
    torchvision,
    values,
)
from dataprep.backends.cpu.kernels.dispatch import KernelError, kernel, run_kernels

__all__ = ["KernelError", "kernel", "run_kernels"]
