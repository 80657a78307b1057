"""Kernels of automatic augmentation: the elementary changes by name."""

from collections.abc import Callable
from typing import Final

import numpy as np

from dataprep.backends.cpu.kernels.affine import warp
from dataprep.backends.cpu.kernels.color import map_colors
from dataprep.backends.cpu.kernels.dispatch import kernel
from dataprep.backends.cpu.kernels.effects import equalize, posterize, sharpen, solarize, stretch
from dataprep.stages import RandAugment, TrivialAugmentWide
from dataprep.stages.ops.color import color_matrices
from dataprep.stages.ops.policies import CHANGES, change_matrices
from dataprep.types import Image, Params

VALUES: Final[dict[str, Callable[[Image, float], Image]]] = {
    "identity": lambda image, value: image,
    "brightness": lambda image, value: map_colors(image, color_matrices(brightness=np.array([value]))[0]),
    "saturation": lambda image, value: map_colors(image, color_matrices(saturation=np.array([value]))[0]),
    "contrast": lambda image, value: map_colors(image, color_matrices(contrast=np.array([value]))[0]),
    "sharpness": sharpen,
    "posterize": lambda image, value: posterize(image, int(value)),
    "solarize": solarize,
    "autocontrast": lambda image, value: stretch(image),
    "equalize": lambda image, value: equalize(image),
}
"""Changes of values, each with its number."""


@kernel.register(RandAugment)
@kernel.register(TrivialAugmentWide)
def _(op: RandAugment | TrivialAugmentWide, image: Image, params: Params) -> Image:
    for number, value in params.reshape(-1, 2).tolist():
        name = CHANGES[int(number)]
        if name in VALUES:
            image = VALUES[name](image, value)
        else:
            size = image.shape[0], image.shape[1]
            image = warp(image, change_matrices(np.array([number]), np.array([value]), np.array([size]))[0], op.fill, size)
    return image
