"""Quality measures: what a noise rule looks at, and the channel sums that mean and standard deviation come from.

Each sees the image at one stated scale, so that its numbers compare between images of any size. Sums are whole numbers, so that
every machine finds the same values.
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final

import numpy as np
import pyarrow as pa
from attrs import field, frozen
from numpy.typing import NDArray

from dataprep.columns import fields_of
from dataprep.describe import register
from dataprep.stages.arguments import SIDE
from dataprep.types import Image

DARK: Final = 16  # gray levels below are dark
BRIGHT: Final = 240  # gray levels above are bright
ROWS: Final = 64  # seen at once where pixels are many, so that they stay in the cache


@register
@frozen
class LaplacianVariance:
    """The column `sharpness`: variance of the Laplacian of the luminance, in squared gray levels.

    0 is flat; ordinary photographs have 150 to 5,000.
    Source: Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy: a comparative study", 2000.

    Example:
        >>> stripes = np.tile(np.array([100, 150], np.uint8), (128, 64))
        >>> slope = np.tile(np.arange(128, dtype=np.uint8), (128, 1))
        >>> [dp.LaplacianVariance().measure(image)["sharpness"] for image in (stripes, slope)]
        [10000.0, 0.0625]

    Attributes:
        side: The shorter side, in pixels, that the image is reduced to; smaller images are seen as they are.
    """

    side: int = field(default=128, validator=SIDE)
    channels: ClassVar[int] = 1
    version: ClassVar[int] = 1
    fields: ClassVar[tuple[pa.Field, ...]] = fields_of("LaplacianVariance")

    def measure(self, image: Image) -> Mapping[str, object]:
        """Returns the sharpness of (H, W) luminance."""
        around = np.pad(image.astype(np.int32), 1, "reflect")
        sides = around[1:-1, :-2] + around[1:-1, 2:] + around[:-2, 1:-1] + around[2:, 1:-1]
        return {"sharpness": float(_mean_and_deviation(sides - 4 * around[1:-1, 1:-1])[1] ** 2)}


@register
@frozen
class Luminance:
    """The columns `brightness` and `contrast`: mean and standard deviation of the luminance (ITU-R 601), in gray levels.

    Brightness is 0 black to 255 white; contrast is 0 uniform to 127.5 half black, half white.

    Example:
        >>> dp.Luminance().measure(np.full((128, 128), 20, np.uint8))  # a dark, uniform image
        {'brightness': 20.0, 'contrast': 0.0}

    Attributes:
        side: The shorter side, in pixels, that the image is reduced to.
    """

    side: int = field(default=128, validator=SIDE)
    channels: ClassVar[int] = 1
    version: ClassVar[int] = 1
    fields: ClassVar[tuple[pa.Field, ...]] = fields_of("Luminance")

    def measure(self, image: Image) -> Mapping[str, object]:
        """Returns mean and standard deviation of (H, W) luminance."""
        mean, deviation = _mean_and_deviation(image)
        return {"brightness": float(mean), "contrast": float(deviation)}


@register
@frozen
class LuminanceHistogram:
    """The columns `dark_fraction`, `bright_fraction` and `entropy`, from one histogram of the luminance.

    The fractions are shares, 0 to 1, of the pixels below level 16 and above level 240; entropy is the bits of a pixel's level,
    0 for a flat image to 8 for all levels alike. Source: Shannon, "A mathematical theory of communication", 1948.

    Suggested: `dark_fraction` at most 0.6, `bright_fraction` at most 0.6, `entropy` at least 3. 99 % of ordinary photographs
    (ImageNet) have less than 0.39, less than 0.48 and more than 4.5; darkened to a tenth, half have more than 0.74 dark;
    overexposed fourfold, half have more than 0.75 bright; overexposed threefold, 5 % have an entropy below 1.2.

    Example:
        >>> half = np.zeros((128, 128), np.uint8)
        >>> half[:, 64:] = 255
        >>> dp.LuminanceHistogram().measure(half)
        {'dark_fraction': 0.5, 'bright_fraction': 0.5, 'entropy': 1.0}

    Attributes:
        side: The shorter side, in pixels, that the image is reduced to.
    """

    side: int = field(default=128, validator=SIDE)
    channels: ClassVar[int] = 1
    version: ClassVar[int] = 1
    fields: ClassVar[tuple[pa.Field, ...]] = fields_of("LuminanceHistogram")

    def measure(self, image: Image) -> Mapping[str, object]:
        """Returns two shares and the entropy of (H, W) luminance."""
        shares = np.bincount(image.ravel(), minlength=256) / image.size
        present = shares[shares > 0]
        return {
            "dark_fraction": float(shares[:DARK].sum()),
            "bright_fraction": float(shares[BRIGHT + 1 :].sum()),
            "entropy": max(0.0, -float(present @ np.log2(present))),
        }


@register
@frozen
class Levels:
    """The columns `darkest` and `lightest`: the lowest and the highest gray level of the luminance, 0 black to 255 white.

    They tell a photograph that is dark or pale all over from a picture that is so by nature: a darkened photograph has no light
    level, a sky full of stars has; a faded one has no dark level, a page has. In an image that is reduced, each level is an
    average, so that single pixels count for little.

    Suggested: `lightest` at least 60, `darkest` at most 215. Ordinary photographs (ImageNet) have more
    than 180, and less than 55. Darkened to a mean of 9, 98 % have a lightest level below 44; faded to 90 % white, all have a
    darkest level above 220. Cells, galaxies, masks and nine in ten fields of stars have more than 60; pages, plots and line
    drawings have less than 130.

    Example:
        >>> shades = np.tile(np.arange(40, 168, dtype=np.uint8), (128, 1))
        >>> dp.Levels().measure(shades)
        {'darkest': 40, 'lightest': 167}

    Attributes:
        side: The shorter side, in pixels, that the image is reduced to.
    """

    side: int = field(default=128, validator=SIDE)
    channels: ClassVar[int] = 1
    version: ClassVar[int] = 1
    fields: ClassVar[tuple[pa.Field, ...]] = fields_of("Levels")

    def measure(self, image: Image) -> Mapping[str, object]:
        """Returns the two levels of (H, W) luminance."""
        return {"darkest": int(image.min()), "lightest": int(image.max())}


@register
@frozen
class Noise:
    """The column `noise`: the standard deviation of Gaussian noise in the luminance, in gray levels, from 0.

    It is that of second differences in both directions, in which smooth shading and straight edges vanish; fine texture
    counts as noise. Full pixels, because averaging neighbours takes noise away; 0 where a side is below 3 pixels.
    Source: Immerkær, "Fast noise variance estimation", 1996.

    Suggested: at most 25; 99 % of ordinary photographs (ImageNet) have less than 23, with added noise of 40 none less than 28.
    At least 0.4 finds what was blurred or enlarged: 99 % of photographs have more than 0.57, and blurred by 1 % of their
    shorter side 99 % have less than 0.38.

    Example:
        >>> gray = np.full((128, 128), 128, np.uint8)
        >>> noisy = np.random.default_rng(0).normal(gray, 10).clip(0, 255).astype(np.uint8)
        >>> dp.Noise().measure(gray)["noise"], round(dp.Noise().measure(noisy)["noise"])
        (0.0, 10)
    """

    side: ClassVar[None] = None
    channels: ClassVar[int] = 1
    version: ClassVar[int] = 1
    fields: ClassVar[tuple[pa.Field, ...]] = fields_of("Noise")

    def measure(self, image: Image) -> Mapping[str, object]:
        """Returns the standard deviation of noise in (H, W) luminance."""
        height, width = (max(length - 2, 0) for length in image.shape)
        # 36 is the sum of the squares of the 3 × 3 filter; sqrt(pi / 2) is a Gaussian's deviation over its mean magnitude
        mean = sum(map(_roughness, _overlapping(image))) / (height * width) if height * width else 0.0
        return {"noise": float(np.sqrt(np.pi / 2) * mean / 6)}


@register
@frozen
class Colorfulness:
    """The columns `saturation` and `colorfulness`, both 0 for grayscale, also where that is stored as RGB, in levels of 255.

    Saturation is the mean chroma, the largest less the smallest of R, G and B, 0 to 255. Colorfulness is how chroma is
    perceived: 15 slightly, 45 averagely, 82 highly, 109 extremely colourful.
    Sources: Smith, "Color gamut transform pairs", 1978; Hasler and Süsstrunk, "Measuring colorfulness in natural images", 2003.

    Suggested: `saturation` at least 1, which drops grayscale; gray ones among ordinary photographs (ImageNet) have 0, coloured
    ones at least 2.4, and 95 % of all more than 6.5. `colorfulness` at least 3 does the same: 0.04 at most, and at least 5.7.

    Example:
        >>> red = np.zeros((128, 128, 3), np.uint8)
        >>> red[..., 0] = 255
        >>> dp.Colorfulness().measure(red)["saturation"]
        255.0

    Attributes:
        side: The shorter side, in pixels, that the image is reduced to.
    """

    side: int = field(default=128, validator=SIDE)
    channels: ClassVar[int] = 3
    version: ClassVar[int] = 1
    fields: ClassVar[tuple[pa.Field, ...]] = fields_of("Colorfulness")

    def measure(self, image: Image) -> Mapping[str, object]:
        """Returns mean chroma and colorfulness of (H, W, 3) RGB."""
        red, green, blue = (image[..., channel].astype(np.int32) for channel in range(3))
        chroma = np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue)
        # of red less green, and of yellow less blue, which is half of whole numbers
        opponents = _mean_and_deviation(red - green), np.divide(_mean_and_deviation(red + green - 2 * blue), 2)
        means, deviations = np.transpose(opponents)
        colorfulness = np.linalg.norm(deviations) + 0.3 * np.linalg.norm(means)
        return {"saturation": float(_mean_and_deviation(chroma)[0]), "colorfulness": float(colorfulness)}


@register
@frozen
class ChannelSums:
    """Sums and sums of squares of R, G and B over all pixels, as integers: what exact mean and std are made of.

    Full pixels, because averaging neighbours would shrink the standard deviation.

    Example:
        >>> red = np.zeros((2, 3, 3), np.uint8)
        >>> red[..., 0] = 255
        >>> dp.ChannelSums().measure(red)
        {'channel_sums': [1530, 0, 0], 'channel_squares': [390150, 0, 0]}
    """

    side: ClassVar[None] = None
    channels: ClassVar[int] = 3
    version: ClassVar[int] = 1
    fields: ClassVar[tuple[pa.Field, ...]] = fields_of("ChannelSums")

    def measure(self, image: Image) -> Mapping[str, object]:
        """Returns two triples for an (H, W, 3) RGB image."""
        levels = np.arange(256, dtype=np.int64)
        # histograms: (3, 256) pixels of each level
        histograms = np.stack([np.bincount(image[..., channel].ravel(), minlength=256) for channel in range(3)])
        return {
            "channel_sums": (histograms @ levels).tolist(),
            "channel_squares": (histograms @ levels**2).tolist(),
        }


def _mean_and_deviation(values: NDArray[Any]) -> tuple[np.float64, np.float64]:
    """Returns mean and standard deviation of whole numbers, from their sums."""
    values = values.astype(np.int64)
    share = 1.0 / values.size
    mean = np.float64(values.sum()) * share
    return mean, np.sqrt(max(np.float64((values * values).sum()) * share - mean * mean, np.float64(0)))


def _overlapping(image: Image) -> Iterator[Image]:
    """Yields parts of an image, some rows each, of which neighbours share two."""
    for top in range(0, len(image) - 2, ROWS):
        yield image[top : top + ROWS + 2]


def _roughness(image: Image) -> int:
    """Returns the sum of the sizes of the second differences in both directions."""
    values = image.astype(np.int16)
    down = values[:-2] - 2 * values[1:-1] + values[2:]
    return int(np.abs(down[:, :-2] - 2 * down[:, 1:-1] + down[:, 2:]).sum(dtype=np.int64))
