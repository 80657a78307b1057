"""Kernels of automatic augmentation: the elementary changes by name."""

from collections.abc import Callable
from typing import Final

import numpy as np

from dataprep.backends.cpu.kernels.affine import warp
from dataprep.backends.cpu.kernels.color import map_colors
from dataprep.backends.cpu.kernels.dispatch import kernel
from dataprep.backends.cpu.kernels.effects import equalize, posterize, sharpen, solarize, stretch
from dataprep.stages import RandAugment, TrivialAugmentWide
from dataprep.stages.ops.affine import about_centre, linear
from dataprep.stages.ops.color import color_matrices
from dataprep.stages.ops.policies import CHANGES
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
        image = VALUES[name](image, value) if name in VALUES else _shift(image, name, value, op.fill)
    return image


def _shift(image: Image, name: str, value: float, fill: tuple[int, int, int]) -> Image:
    """Returns the image sheared (tangent), moved (pixels) or turned (degrees)."""
    amounts = dict.fromkeys(("shear_x", "shear_y", "translate_x", "translate_y", "rotate"), 0.0) | {name: value}
    angle, shear_x, shear_y = (
        np.array([turn]) for turn in (np.radians(amounts["rotate"]), np.arctan(amounts["shear_x"]), np.arctan(amounts["shear_y"]))
    )
    shift = np.array([[amounts["translate_x"], amounts["translate_y"]]])
    size = (image.shape[0], image.shape[1])
    matrix = about_centre(np.array([size]), linear(angle, np.ones(1), shear_x, shear_y), shift)[0]
    return warp(image, matrix, fill, size)
