"""In shops: one shirt in many colours, and things before white."""

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.random import Generator
from pictures import FINE, Picture, bytes_of, clouds, fill, hue, jpeg, reduced, stroke


def shirts(generator: Generator) -> Iterator[Picture]:
    """Yields one shirt in many colours before white, as shops show it: 160 pixels."""
    outline = np.array(
        [
            (46, 22),
            (64, 16),
            (80, 26),
            (96, 16),
            (114, 22),
            (148, 56),
            (128, 74),
            (114, 62),
            (116, 146),
            (44, 146),
            (46, 62),
            (32, 74),
            (12, 56),
        ]
    )
    cover = np.zeros((160 * FINE, 160 * FINE), np.uint8)
    fill(cover, outline.astype(np.float64) * FINE, 255)
    share = (reduced(cover) / 255)[..., None]
    folds = np.ones((160, 160)) + 0.05 * clouds(np.random.default_rng(3), 160, 160, (5, 10))
    canvas = bytes_of(folds * 200)
    for x in (46, 114):
        stroke(canvas, np.array([(x, 62.0), (x + (80 - x) * 0.1, 30.0)]), 150, 1)
    folds = canvas / 200
    colors = [(turn / 12, vivid, light) for light in (0.3, 0.6, 0.95) for vivid in (0.5, 0.95) for turn in range(12)]
    colors += [(0.0, 0.0, light) for light in (0.1, 0.25, 0.4, 0.6, 0.8, 0.97)]
    for place in generator.permutation(len(colors)):
        shirt = np.array(hue(*colors[place])) * folds[..., None]
        yield jpeg(bytes_of(shirt * share + 255 * (1 - share)), "{:.2f} {} {}".format(*colors[place]))


def products(generator: Generator) -> Iterator[Picture]:
    """Yields bottles, jars, vases and cups before white, as shops show them: 160 pixels, each thing another shape."""
    while True:
        count = generator.integers(5, 9)
        radii = np.interp(np.linspace(0, 1, 120), np.linspace(0, 1, count), generator.uniform(8, 45, count))
        radii = cv2.GaussianBlur(radii[:, None], (1, 0), 0.1, sigmaY=generator.uniform(1, 8))[:, 0]
        tall = int(generator.integers(70, 146))
        radii = np.interp(np.linspace(0, 1, tall), np.linspace(0, 1, 120), radii)
        across = (np.arange(160) - 79.5)[None] / radii[:, None]
        shade = np.sqrt((1 - across**2).clip(0)) * 0.6 + 0.4 + 0.5 * np.exp(-((across + 0.4) ** 2) * 30)
        color = np.broadcast_to(
            np.array(hue(generator.random(), generator.uniform(0, 0.9), generator.uniform(0.25, 0.95))), (tall, 1, 3)
        ).copy()
        start, high = generator.uniform(0.2, 0.5), generator.uniform(0.15, 0.4)
        color[int(start * tall) : int((start + high) * tall)] = hue(generator.random(), 0.7, 0.9)
        canvas = np.full((160, 160, 3), 255.0)
        top = (160 - tall) // 2
        canvas[top : top + tall] = np.where((np.abs(across) < 1)[..., None], shade[..., None] * color, 255)
        yield jpeg(bytes_of(canvas))
