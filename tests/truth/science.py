"""Taken by instruments: X-rays, blood smears, microscopes, telescopes and satellites."""

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from pictures import Picture, blob, bytes_of, clouds, fill, png, reduced, stroke, turned
from PIL import Image as Pillow

Values = NDArray[np.float32]


def _soft(canvas: NDArray[np.uint8], sigma: float) -> Values:
    return cv2.GaussianBlur(canvas, (0, 0), sigma).astype(np.float32) / 255


def _area(side: int, outline: NDArray[np.float64], sigma: float) -> Values:
    """Returns (side, side) a filled outline, whose points are in 0..1, with soft edges."""
    canvas = np.zeros((side, side), np.uint8)
    fill(canvas, outline * side, 255)
    return _soft(canvas, sigma)


FINDINGS = ("none", "nodule", "effusion", "large heart")


def chest(generator: Generator, finding: str, side: int = 256) -> Values:
    """Returns (side, side) a chest from the front, 0 to 1: one anatomy, everyone's own sizes, densities and pose."""
    g = generator
    tilt, wide, low = g.normal(0, 1.5), g.normal(1, 0.06), g.normal(0, 0.02)
    body = _area(side, turned(blob(g, 0.5, 0.68, 0.62 * g.uniform(0.85, 1), 0.02), tilt), side / 40)
    seen = 0.12 + 0.5 * body
    for sign in (-1, 1):
        outline = blob(g, 0, 0, 1, 0.05) * np.array([0.135 * wide, 0.27 + g.normal(0, 0.015)])
        lung = outline + np.array([0.5 + sign * 0.2 * wide, 0.47 + low])
        seen -= (0.34 + g.normal(0, 0.03)) * _area(side, turned(lung, tilt - sign * 6), side / 60) * body
        shoulder = np.array([(0.5 + sign * 0.06, 0.2), (0.5 + sign * 0.25, 0.15), (0.5 + sign * 0.42, 0.13 + g.normal(0, 0.01))])
        seen += 0.12 * _line(side, shoulder + np.array([0, low]), 0.02, tilt)
    ribs, step = int(g.integers(8, 11)), g.normal(0.065, 0.003)
    for rib in range(ribs):
        for sign in (-1, 1):
            reach, y = (0.12 + 0.022 * rib) * wide if rib < 8 else 0.29 * wide, 0.17 + low + rib * step
            arch = [(0.5 + sign * reach * t, y - 0.03 * np.sin(np.pi * t) + 0.10 * t**2) for t in np.linspace(0.1, 1.1, 9)]
            seen += 0.07 * _line(side, np.array(arch), 0.014, tilt)
    spine = np.array([(0.5 + g.normal(0, 0.004), y) for y in np.linspace(0, 1, 9)])
    seen += 0.16 * _line(side, spine, 0.06, tilt)
    heart = blob(g, 0, 0, 1, 0.05) * np.array([0.13, 0.14]) * (1.35 if finding == "large heart" else g.normal(0.95, 0.07))
    seen += 0.26 * _area(side, heart + np.array([0.54 + g.normal(0, 0.01), 0.62 + low]), side / 50)
    belly = np.array([(0, 0.86), (0.2, 0.78), (0.32, 0.72), (0.5, 0.77), (0.7, 0.74), (0.84, 0.8), (1, 0.88), (1, 1.2), (0, 1.2)])
    seen += 0.22 * _area(side, belly + np.array([0, low + g.normal(0, 0.012)]), side / 60) * body
    seen += _sign_of(g, finding, side)
    seen *= 1 + 0.04 * clouds(g, side, side, (4, 8, 16, 32, 64))
    return (seen.clip(0, 1.2) ** g.uniform(0.85, 1.2) * g.uniform(0.85, 1.02)).astype(np.float32)


def _line(side: int, points: NDArray[np.float64], width: float, tilt: float) -> Values:
    canvas = np.zeros((side, side), np.uint8)
    stroke(canvas, turned(points, tilt) * side, 255, round(width * side))
    return _soft(canvas, side / 150)


def _sign_of(g: Generator, finding: str, side: int) -> Values | float:
    """Returns what an illness adds to a chest."""
    lung = g.choice([-1, 1])
    if finding == "nodule":
        return 0.25 * _area(side, blob(g, 0.5 + lung * 0.2, g.uniform(0.3, 0.6), g.uniform(0.02, 0.045)), side / 120)
    if finding == "effusion":
        high = g.uniform(0.5, 0.65)
        outline = np.array(
            [
                (0.5 + lung * 0.36, high),
                (0.5 + lung * 0.3, 0.65),
                (0.5 + lung * 0.08, 0.72),
                (0.5 + lung * 0.1, 0.85),
                (0.5 + lung * 0.4, 0.85),
            ]
        )
        return 0.3 * _area(side, outline, side / 40)
    return 0.0


def x_rays(generator: Generator) -> Iterator[Picture]:
    """Yields chest X-rays of other people, 256 pixels, 8 bits."""
    while True:
        for finding in FINDINGS:
            seen = chest(generator, finding) * 235 + generator.normal(0, 3, (256, 256))
            yield png(bytes_of(seen), finding)


def deep_x_rays(generator: Generator) -> Iterator[Picture]:
    """Yields chest X-rays of other people with 12 bits in files of 16, so the lightest is 4095 of 65535."""
    while True:
        for finding in FINDINGS:
            seen = chest(generator, finding) * 3600 + generator.normal(0, 40, (256, 256))
            yield png(Pillow.fromarray(seen.clip(0, 4095).astype(np.uint16)), finding)


def _cell(g: Generator, canvas: Values, x: float, y: float, radius: float, parasite: bool) -> None:
    """Draws a red cell, pale in the middle, perhaps with a ring of violet in it, on (H, W, 3)."""
    side = int(radius * 2.6) + 4
    mask = np.zeros((side, side), np.uint8)
    fill(mask, (blob(g, 0, 0, 1, 0.05) * np.array([1, g.uniform(0.85, 1)])) * radius + side / 2, 255)
    cover = _soft(mask, 0.8)[..., None]
    depth = cv2.distanceTransform(mask, cv2.DIST_L2, 3)
    pale = (0.35 * (depth / max(1.0, depth.max())) ** 1.5)[..., None]
    color = np.array([214, 150, 160]) + g.normal(0, 5, 3)
    cell = color + (np.array([240, 215, 215]) - color) * pale
    if parasite:
        px, py = side / 2 + g.uniform(-0.5, 0.5, 2) * radius
        stain = np.zeros((side, side), np.uint8)
        stroke(stain, blob(g, px, py, radius * g.uniform(0.15, 0.35), 0.1), 255, max(1, round(radius * 0.09)), closed=True)
        fill(stain, blob(g, px + radius * 0.2, py, radius * g.uniform(0.06, 0.14), 0.1), 255)
        share = _soft(stain, 0.6)[..., None]
        cell = cell * (1 - share) + np.array([110, 50, 130]) * share
    top, left = round(y - side / 2), round(x - side / 2)
    height, width = canvas.shape[:2]
    y0, y1, x0, x1 = max(0, top), min(height, top + side), max(0, left), min(width, left + side)
    if y0 < y1 and x0 < x1:
        part = (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
        canvas[y0:y1, x0:x1] = canvas[y0:y1, x0:x1] * (1 - cover[part]) + cell[part] * cover[part]


def smears(generator: Generator) -> Iterator[Picture]:
    """Yields fields of blood smears with red cells, some of them with parasites: 192 pixels."""
    while True:
        for label in ("healthy", "parasites"):
            light = np.array([236, 226, 222]) + generator.normal(0, 4, 3)
            canvas = (light * (1 + 0.015 * clouds(generator, 192, 192, (1, 2)))[..., None]).astype(np.float32)
            for _ in range(generator.integers(20, 60)):
                x, y = generator.uniform(0, 192, 2)
                _cell(generator, canvas, x, y, generator.normal(15, 1), label == "parasites" and generator.random() < 0.15)
            yield png(bytes_of(canvas + generator.normal(0, 2, canvas.shape)), label)


def cells(generator: Generator) -> Iterator[Picture]:
    """Yields single red cells cut out of smears, on black, with and without a parasite, as in NIH's set: 120 to 160 pixels."""
    while True:
        for label in ("healthy", "parasite"):
            side = int(generator.integers(120, 160))
            canvas = np.zeros((side, side, 3), np.float32)
            _cell(generator, canvas, side / 2, side / 2, side * 0.47, label == "parasite")
            seen = canvas * (1 + 0.03 * clouds(generator, side, side, (3, 6, 12)))[..., None]
            yield png(bytes_of(seen + generator.normal(0, 2, seen.shape) * (canvas > 20)), label)


def stars(generator: Generator) -> Iterator[Picture]:
    """Yields fields of stars: points of few bright and many faint ones on black, some with a galaxy; 160 pixels."""
    while True:
        canvas = np.zeros((160, 160), np.float32)
        for _ in range(generator.integers(15, 150)):
            x, y = generator.integers(0, 160, 2)
            canvas[y, x] += 40 * generator.pareto(1.2)
        seen = cv2.GaussianBlur(canvas.clip(0, 12000), (0, 0), generator.uniform(0.8, 1.5))
        if generator.random() < 0.3:
            y, x = np.mgrid[:160, :160] - generator.uniform(30, 130, (2, 1, 1))
            turn, flat = generator.uniform(0, np.pi), generator.uniform(1, 4)
            along, across = x * np.cos(turn) + y * np.sin(turn), (y * np.cos(turn) - x * np.sin(turn)) * flat
            seen += generator.uniform(60, 200) * np.exp(-np.hypot(along, across) / generator.uniform(4, 12))
        yield png(bytes_of(seen + generator.uniform(2, 8) + generator.normal(0, 1.5, seen.shape)))


def nuclei(generator: Generator) -> Iterator[Picture]:
    """Yields nuclei of cells under a fluorescence microscope, bright on black: 160 pixels."""
    while True:
        canvas = np.zeros((320, 320), np.uint8)
        for _ in range(generator.integers(4, 40)):
            x, y, level = *generator.uniform(0, 320, 2), int(generator.integers(70, 220))
            flat = np.array([1, generator.uniform(0.6, 1)])
            outline = turned(blob(generator, 0, 0, 1, 0.06) * flat, generator.uniform(0, 180), 0, 0)
            fill(canvas, outline * generator.normal(19, 3) + np.array([x, y]), level)
        seen = _soft(reduced(canvas, 2), 1.2) * (1 + 0.2 * clouds(generator, 160, 160, (20, 40))) * 255
        yield png(bytes_of(seen + 8 + generator.normal(0, 2, seen.shape)))


LAND = ("fields", "water", "forest", "town")


def satellite(generator: Generator) -> Iterator[Picture]:
    """Yields tiles of one infrared band as satellites deliver it: reflectance by 10,000 in 16 bits, 96 pixels."""
    while True:
        for land in LAND:
            values = _land(generator, land) * generator.uniform(0.8, 1.2)
            yield png(Pillow.fromarray(values.clip(1, 10_000).astype(np.uint16)), land)


def _land(g: Generator, land: str, side: int = 96) -> Values:
    """Returns (side, side) reflectance by 10,000."""
    if land == "forest":
        return (1900 + 350 * clouds(g, side, side, (4, 8, 16, 32, 64))).astype(np.float32)
    if land == "water":
        level = clouds(g, side, side, (2, 4, 8, 16)) + g.normal(0, 0.3)
        return np.where(level > 0, 2200 + 300 * clouds(g, side, side, (8, 32)), 250 + 40 * clouds(g, side, side, (4, 8))).astype(
            np.float32
        )
    canvas = np.full((side * 2, side * 2), 0, np.uint8)
    turn, size = g.uniform(0, 90), g.uniform(20, 60) if land == "fields" else g.uniform(8, 16)
    for x in np.arange(-2 * side, 4 * side, size):
        y = -2.0 * side
        while y < 4 * side:
            long = size * g.uniform(0.6, 2)
            corners = np.array([(x, y), (x + size - 2, y), (x + size - 2, y + long - 2), (x, y + long - 2)])
            fill(canvas, turned(corners, turn, side, side), int(g.integers(60, 255)))
            y += long
    return reduced(canvas, 2).astype(np.float32) * 14 + 400 + 120 * clouds(g, side, side, (16, 32, 64))
