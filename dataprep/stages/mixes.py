"""Mixes: each image of a batch with the next one of the batch, and their labels in proportion.

A mix is a stage that comes after the ops. What an image is mixed by depends on its own draws, what it is mixed with on the batch:
under another batch size or number of ranks it has another partner.
"""

from functools import cache
from typing import Final

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from dataprep.arguments import number
from dataprep.describe import register
from dataprep.stages.arguments import PROBABILITY, Versioned
from dataprep.types import Params, Uniforms

STEPS = 2048  # of the table that the distribution is inverted by
ALPHA: Final = number(0.01, 100, "give a number from 0.01 to 100")


@register
@frozen
class MixUp(Versioned):
    """Blends each image with the next one of the batch; labels become shares, (B, classes).

    Source: Zhang et al., "mixup: beyond empirical risk minimization", 2018. It follows `Normalize`.

    Example:
        >>> pipeline = dp.Pipeline(dp.Resize((64, 64)), dp.Normalize(), dp.MixUp(0.2))
        >>> batch = next(iter(dp.Loader(manifest, pipeline, batch_size=4)))
        >>> batch.labels.shape  # shares of cat and dog
        torch.Size([4, 2])

    Attributes:
        alpha: Shares are drawn from Beta(alpha, alpha): towards 0 they are near 0 and 1, at 1 all are as likely.
        p: The share of images that are mixed.
    """

    alpha: float = field(default=0.2, validator=ALPHA)
    p: float = field(default=1.0, validator=PROBABILITY)
    slots = 2
    blends = True

    def draw_mix(self, u: Uniforms, size: tuple[int, int]) -> Params:
        """Draws (B, 5): the share of the image itself, then a box of no size."""
        share = np.where(u[:, 0] < self.p, beta(u[:, 1], self.alpha), 1.0)
        return np.concatenate([share[:, None], np.zeros((len(u), 4))], axis=1)


@register
@frozen
class CutMix(Versioned):
    """Pastes a box of the next image of the batch into each; labels become shares, (B, classes).

    Source: Yun et al., "CutMix: regularization strategy to train strong classifiers with localizable features", 2019.

    Example:
        >>> pipeline = dp.Pipeline(dp.Resize((64, 64)), dp.Normalize(), dp.CutMix(p=0.5))
        >>> batch = next(iter(dp.Loader(manifest, pipeline, batch_size=4)))
        >>> batch.labels.sum(dim=1)  # shares add up
        tensor([1., 1., 1., 1.])

    Attributes:
        alpha: Areas are drawn from Beta(alpha, alpha).
        p: The share of images that are mixed.
    """

    alpha: float = field(default=1.0, validator=ALPHA)
    p: float = field(default=1.0, validator=PROBABILITY)
    slots = 4
    blends = False

    def draw_mix(self, u: Uniforms, size: tuple[int, int]) -> Params:
        """Draws (B, 5): the share that the image keeps, then the box: top, left, height, width."""
        height_width = np.array(size)
        side = np.sqrt(1 - np.where(u[:, 0] < self.p, beta(u[:, 1], self.alpha), 1.0))
        box = side[:, None] * height_width
        centre = np.floor(u[:, 2:4] * height_width)
        start = np.clip(np.floor(centre - box / 2 + 0.5), 0, height_width)
        stop = np.clip(np.floor(centre + box / 2 + 0.5), 0, height_width)
        area = (stop - start).prod(axis=1) / height_width.prod()
        return np.concatenate([1 - area[:, None], start, stop - start], axis=1)


def beta(u: Uniforms, alpha: float) -> NDArray[np.float64]:
    """Returns numbers of the distribution Beta(alpha, alpha), from uniform ones by its inverse."""
    shares, numbers = _table(alpha)
    half = np.interp(np.minimum(u, 1 - u), shares, numbers)
    return np.where(u < 0.5, half, 1 - half)


@cache
def _table(alpha: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns what share of Beta(alpha, alpha) lies below some numbers from 0 to 0.5, and these numbers.

    Below 1, in powers of alpha the density has no pole at 0, so that equal steps do; from 1 on it has none anyway.
    """
    power = min(alpha, 1.0)
    numbers = np.linspace(0, 0.5**power, STEPS + 1) ** (1 / power)
    density = numbers ** (alpha - power) * (1 - numbers) ** (alpha - 1)
    below = np.concatenate([[0], np.cumsum((density[1:] + density[:-1]) / 2)])
    return below / below[-1] / 2, numbers
