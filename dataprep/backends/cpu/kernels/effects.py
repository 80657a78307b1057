"""Kernels that blur, sharpen, quantise, erase and re-encode."""

import math

import numpy as np
import PIL.Image
import simplejpeg
from PIL import ImageEnhance, ImageOps

from dataprep.backends.cpu.kernels.color import look_up
from dataprep.backends.cpu.kernels.dispatch import kernel
from dataprep.opencv import opencv
from dataprep.stages import Equalize, GaussianBlur, JpegCompression, Posterize, RandomErasing, Sharpness, Solarize
from dataprep.types import Image, Params


@kernel.register
def _(op: GaussianBlur, image: Image, params: Params) -> Image:
    if params[0] == 0:
        return image
    cv2, side = opencv(), 2 * math.ceil(3 * params[0]) + 1  # 99.7 % of the Gaussian
    blurred = cv2.GaussianBlur(np.ascontiguousarray(image), (side, side), float(params[0]), borderType=cv2.BORDER_REFLECT_101)
    return np.asarray(blurred)


@kernel.register
def _(op: Sharpness, image: Image, params: Params) -> Image:
    return sharpen(image, float(params[0]))


@kernel.register
def _(op: Posterize, image: Image, params: Params) -> Image:
    return posterize(image, int(params[0]))


@kernel.register
def _(op: Solarize, image: Image, params: Params) -> Image:
    return solarize(image, float(params[0]))


@kernel.register
def _(op: Equalize, image: Image, params: Params) -> Image:
    return equalize(image) if params[0] else image


@kernel.register
def _(op: JpegCompression, image: Image, params: Params) -> Image:
    if params[0] == 0:
        return image
    data = simplejpeg.encode_jpeg(np.ascontiguousarray(image), int(params[0]), "RGB", "420")
    return np.asarray(simplejpeg.decode_jpeg(data, "RGB"))


@kernel.register
def _(op: RandomErasing, image: Image, params: Params) -> Image:
    top, left, height, width = params.astype(int).tolist()
    if height == 0:
        return image
    image = image.copy()
    image[top : top + height, left : left + width] = op.fill
    return image


def sharpen(image: Image, factor: float) -> Image:
    """Returns the image blended with a smoothed one: 0 is smooth, 1 the image itself."""
    return np.asarray(ImageEnhance.Sharpness(PIL.Image.fromarray(image)).enhance(factor))


def posterize(image: Image, bits: int) -> Image:
    """Returns the image with its highest bits only."""
    return image & np.uint8(0xFF00 >> bits & 0xFF)


def solarize(image: Image, threshold: float) -> Image:
    """Returns the image with the values from the threshold on inverted."""
    levels = np.arange(256)
    return look_up(image, np.where(levels >= threshold, 255 - levels, levels).astype(np.uint8))


def equalize(image: Image) -> Image:
    """Returns the image with all levels of each channel about as frequent."""
    return np.asarray(ImageOps.equalize(PIL.Image.fromarray(image)))


def stretch(image: Image) -> Image:
    """Returns the image with each channel stretched from 0 to 255."""
    return np.asarray(ImageOps.autocontrast(PIL.Image.fromarray(image)))
