"""Kernels that mirror, turn and shear, by OpenCV's bilinear interpolation."""

import numpy as np

from dataprep.backends.cpu.kernels.dispatch import kernel
from dataprep.opencv import opencv
from dataprep.stages import Affine, HorizontalFlip, Rotate, VerticalFlip
from dataprep.types import Image, Params


@kernel.register
def _(op: HorizontalFlip, image: Image, params: Params) -> Image:
    return image[:, ::-1] if params[0] else image


@kernel.register
def _(op: VerticalFlip, image: Image, params: Params) -> Image:
    return image[::-1] if params[0] else image


@kernel.register
def _(op: Rotate, image: Image, params: Params) -> Image:
    height, width = image.shape[:2]
    target_height, target_width = params[1:].astype(int).tolist()
    centre = (width - 1) / 2, (height - 1) / 2
    turn = np.asarray(opencv().getRotationMatrix2D(centre, float(params[0]), 1.0), np.float64)
    turn[:, 2] += (target_width - width) / 2, (target_height - height) / 2
    return warp(image, turn, op.fill, (target_height, target_width))


@kernel.register
def _(op: Affine, image: Image, params: Params) -> Image:
    return warp(image, params.reshape(2, 3), op.fill, (image.shape[0], image.shape[1]))


def warp(image: Image, matrix: Params, fill: tuple[int, int, int], size: tuple[int, int]) -> Image:
    """Returns an image of (height, width) whose pixels come from where a (2, 3) matrix takes them."""
    cv2 = opencv()
    border = tuple(map(float, fill))
    return np.asarray(cv2.warpAffine(np.ascontiguousarray(image), matrix, size[::-1], flags=cv2.INTER_LINEAR, borderValue=border))
