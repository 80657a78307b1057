"""Drawn by hand: digits, line drawings, the characters of invented alphabets, hand signs; and letters of a font."""

from collections.abc import Iterator
from itertools import pairwise

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from pictures import FINE, Picture, blob, bytes_of, clouds, fill, font, png, reduced, smooth, stroke, turned
from PIL import Image as Pillow
from PIL import ImageDraw

Strokes = list[NDArray[np.float64]]
"""Lines of (P, 2) points x, y in 0..1, y downwards."""

DIGITS: dict[str, list[list[tuple[float, float]]]] = {
    "0": [[(0.5, 0.08), (0.24, 0.2), (0.22, 0.75), (0.5, 0.94), (0.78, 0.75), (0.76, 0.2), (0.5, 0.08)]],
    "1": [[(0.35, 0.25), (0.54, 0.08), (0.54, 0.93)]],
    "2": [[(0.25, 0.3), (0.35, 0.06), (0.72, 0.08), (0.75, 0.4), (0.22, 0.92), (0.4, 0.86), (0.82, 0.92)]],
    "3": [[(0.25, 0.14), (0.72, 0.02), (0.74, 0.42), (0.42, 0.47), (0.82, 0.5), (0.78, 0.95), (0.2, 0.86)]],
    "4": [[(0.55, 0.08), (0.18, 0.62), (0.84, 0.6)], [(0.64, 0.4), (0.62, 0.95)]],
    "5": [[(0.75, 0.1), (0.3, 0.1), (0.27, 0.48), (0.7, 0.36), (0.86, 0.8), (0.5, 0.98), (0.2, 0.86)]],
    "6": [[(0.68, 0.06), (0.35, 0.25), (0.18, 0.75), (0.5, 1.02), (0.82, 0.75), (0.6, 0.48), (0.26, 0.7)]],
    "7": [[(0.2, 0.12), (0.8, 0.1), (0.6, 0.45), (0.42, 0.93)]],
    "8": [[(0.6, 0.45), (0.2, 0.3), (0.5, 0.0), (0.82, 0.28), (0.2, 0.7), (0.5, 1.02), (0.84, 0.7), (0.4, 0.45)]],
    "9": [[(0.74, 0.3), (0.5, 0.6), (0.18, 0.3), (0.5, 0.0), (0.78, 0.25), (0.72, 0.6), (0.6, 0.94)]],
}


def written(generator: Generator, strokes: Strokes, wobble: float = 0.025, slant: float = 0.2) -> Strokes:
    """Returns strokes as another hand draws them: its own slant, size, turn and tremor."""
    shape = np.eye(2) * generator.uniform(0.75, 1, 2) + generator.uniform(-0.05, 0.05, (2, 2))
    shape[1, 0] -= generator.normal(0, slant)
    shift = generator.uniform(-0.05, 0.05, 2)
    moved = [points + generator.normal(0, wobble, points.shape) for points in strokes]
    return [turned(smooth((points - 0.5) @ shape + 0.5 + shift), generator.normal(0, 5)) for points in moved]


def ink(strokes: Strokes, side: int, width: float, paper: int = 0, color: int = 255) -> NDArray[np.uint8]:
    """Returns (side, side) strokes as a pen of a width in pixels draws them."""
    canvas = np.full((side * FINE, side * FINE), paper, np.uint8)
    for points in strokes:
        stroke(canvas, points * side * FINE, color, round(width * FINE))
    return reduced(canvas)


def digits(generator: Generator, side: int) -> Iterator[Picture]:
    """Yields digits, white on black: those of scikit-learn's writers, and others that are drawn, in turns."""
    scanned = _scanned_digits()
    order = generator.permutation(len(scanned[0]))
    for number in order.tolist():
        yield png(_enlarged(generator, scanned[0][number], side), str(scanned[1][number]))
        digit = str(generator.integers(10))
        hand = written(generator, [np.array(points) * 0.72 + 0.14 for points in DIGITS[digit]], slant=0.15)
        yield png(ink(hand, side, generator.uniform(1.6, 3.4) * side / 28), digit)


def _scanned_digits() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    from sklearn.datasets import load_digits

    found = load_digits()
    return found.images, found.target


def _enlarged(generator: Generator, small: NDArray[np.float64], side: int) -> NDArray[np.uint8]:
    """Returns (side, side) a digit of 8 by 8 as MNIST has it: in the middle, with a margin and another hand's slant."""
    large = cv2.resize(small.astype(np.float32) * 16, (side * FINE, side * FINE), interpolation=cv2.INTER_CUBIC)
    matrix = cv2.getRotationMatrix2D((side * FINE / 2, side * FINE / 2), generator.normal(0, 6), generator.uniform(0.72, 0.9))
    matrix[0, 1] += generator.normal(0, 0.08)
    warped = cv2.warpAffine(large, matrix, (side * FINE, side * FINE), flags=cv2.INTER_LINEAR)
    return bytes_of(reduced((warped - 60) * generator.uniform(1.6, 2.6)))


def characters(generator: Generator) -> Iterator[Picture]:
    """Yields the characters of invented alphabets, each by several hands, as in Omniglot: black on white, 105 pixels."""
    while True:
        alphabet = [_character(generator) for _ in range(20)]
        name = generator.integers(1000)
        for _ in range(4):
            for number, strokes in enumerate(alphabet):
                yield png(ink(written(generator, strokes, 0.015, 0.08), 105, 2.2, 255, 0), f"{name}-{number}")


def _character(generator: Generator) -> Strokes:
    """Returns one to four strokes between the points of a grid, as in scripts that people invented."""
    grid = np.array([(x, y) for x in (0.15, 0.5, 0.85) for y in (0.12, 0.4, 0.65, 0.9)])
    strokes = []
    count = generator.choice([1, 2, 2, 3, 3, 4])
    for _ in range(count):
        points = grid[generator.choice(len(grid), generator.integers(4 if count == 1 else 2, 5), replace=False)]
        strokes.append(points + generator.normal(0, 0.03, points.shape))
    if generator.random() < 0.3:
        strokes.append(_ring(*generator.uniform(0.25, 0.75, 2), generator.uniform(0.06, 0.2)))
    return strokes


def _ring(
    x: float, y: float, across: float, down: float | None = None, start: float = 0, stop: float = 360
) -> NDArray[np.float64]:
    angles = np.radians(np.linspace(start, stop, 13))
    return np.stack([x + across * np.cos(angles), y + (across if down is None else down) * np.sin(angles)], axis=1)


def _box(left: float, top: float, right: float, bottom: float) -> NDArray[np.float64]:
    corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
    return np.concatenate([np.linspace(a, b, 6)[:-1] for a, b in pairwise(corners)] + [[corners[0]]])


def sketches(generator: Generator) -> Iterator[Picture]:
    """Yields line drawings of things by people in a hurry, as in Quick, Draw!: black on white, 128 pixels."""
    while True:
        for name, draw in SKETCHES.items():
            strokes = [np.asarray(points, np.float64) for points in draw(generator)]
            shown = written(generator, [points * 0.86 + 0.07 for points in strokes], 0.008, 0.05)
            yield png(ink(shown, 128, generator.uniform(1.5, 3), 255, 0), name)


def _sun(g: Generator) -> Strokes:
    radius, rays, reach = g.uniform(0.14, 0.28), g.integers(6, 15), g.uniform(0.35, 0.48)
    ends = [(turn, radius + 0.04, reach) for turn in np.arange(rays) * 2 * np.pi / rays + g.uniform(0, 1)]
    lines = [np.array([[0.5 + r * np.cos(t), 0.5 + r * np.sin(t)] for r in (near, far)]) for t, near, far in ends]
    return [_ring(0.5, 0.5, radius), *lines]


def _house(g: Generator) -> Strokes:
    top, left, door = g.uniform(0.35, 0.5), g.uniform(0.08, 0.25), g.uniform(0.3, 0.6)
    roof = np.array([(left - 0.05, top), (0.5 + g.normal(0, 0.05), g.uniform(0.05, 0.2)), (1.05 - left, top)])
    windows = [_box(x, top + 0.1, x + 0.13, top + 0.23) for x in g.uniform(left, 0.8 - left / 2, g.integers(0, 3))]
    return [_box(left, top, 1 - left, 0.92), np.repeat(roof, 3, 0), _box(door, 0.65, door + 0.13, 0.92), *windows]


def _fish(g: Generator) -> Strokes:
    tall, tail = g.uniform(0.12, 0.28), g.uniform(0.1, 0.25)
    fins = np.array([(0.7, 0.5), (0.95, 0.5 - tail), (0.92, 0.5 + tail), (0.7, 0.5)])
    scales = [_ring(x, 0.5, 0.05, tall * 0.6, 90, 270) for x in np.linspace(0.4, 0.6, g.integers(0, 4))]
    return [_ring(0.4, 0.5, 0.33, tall), np.repeat(fins, 2, 0), _ring(0.2, 0.46, 0.02), *scales]


def _face(g: Generator) -> Strokes:
    apart, high, smile = g.uniform(0.1, 0.2), g.uniform(0.35, 0.45), g.uniform(-0.12, 0.18)
    mouth = np.array([(0.33, 0.68), (0.5, 0.68 + smile), (0.67, 0.68)])
    hair = [np.array([(x, 0.13), (x + g.normal(0, 0.06), 0.0)]) for x in np.linspace(0.3, 0.7, g.integers(0, 7))]
    eyes = [_ring(0.5 + side * apart, high, g.uniform(0.02, 0.06)) for side in (-1, 1)]
    return [_ring(0.5, 0.5, g.uniform(0.32, 0.42), 0.42), *eyes, mouth, *hair]


def _tree(g: Generator) -> Strokes:
    wide = g.uniform(0.04, 0.09)
    trunk = [np.array([(0.5 + s * wide, 0.55), (0.5 + s * wide * 1.4, 0.95)]) for s in (-1, 1)]
    return [blob(g, 0.5, 0.35, g.uniform(0.22, 0.32), 0.2), *trunk]


def _flower(g: Generator) -> Strokes:
    petals, long, centre = g.integers(4, 10), g.uniform(0.08, 0.13), g.uniform(0.06, 0.1)
    turns = np.arange(petals) * 2 * np.pi / petals + g.uniform(0, 1)
    around = [_ring(0.5 + (centre + long) * np.cos(t), 0.33 + (centre + long) * np.sin(t), long) for t in turns]
    stem = np.array([(0.5, 0.55), (0.5 + g.normal(0, 0.05), 0.75), (0.5, 0.97)])
    leaf = np.array([(0.5, 0.8), (0.7, 0.65), (0.75, 0.75), (0.5, 0.82)])
    return [_ring(0.5, 0.33, centre), *around, stem, *([leaf] if g.random() < 0.5 else [])]


def _car(g: Generator) -> Strokes:
    roof, back, wheel = g.uniform(0.25, 0.4), g.uniform(0.2, 0.35), g.uniform(0.07, 0.12)
    body = [(0.05, 0.7), (0.05, 0.52), (back - 0.1, 0.5), (back, roof), (0.62, roof), (0.75, 0.5), (0.95, 0.55), (0.95, 0.7)]
    wheels = [_ring(x, 0.72, wheel) for x in (0.25, 0.75)]
    return [np.repeat(np.array([*body, body[0]]), 2, 0), *wheels]


def _star(g: Generator) -> Strokes:
    points, inner = int(g.choice([4, 5, 5, 5, 6, 8])), g.uniform(0.16, 0.25)
    turns = np.arange(2 * points + 1) * np.pi / points - np.pi / 2
    reach = np.where(np.arange(2 * points + 1) % 2, inner, 0.45)
    return [np.repeat(0.5 + np.stack([reach * np.cos(turns), reach * np.sin(turns)], 1), 3, 0)]


def _cup(g: Generator) -> Strokes:
    left, top, taper = g.uniform(0.15, 0.25), g.uniform(0.25, 0.4), g.uniform(0, 0.1)
    side = np.array([(left, top), (left + taper, 0.85), (0.7 - taper, 0.85), (0.7, top)])
    steam = [
        np.array([(x, top - 0.05), (x + 0.05, top - 0.12), (x - 0.03, top - 0.2)])
        for x in np.linspace(0.3, 0.6, g.integers(0, 4))
    ]
    return [
        _ring((left + 0.7) / 2, top, (0.7 - left) / 2, 0.06),
        np.repeat(side, 3, 0),
        _ring(0.7, 0.55, 0.15, 0.15, -80, 80),
        *steam,
    ]


def _ladder(g: Generator) -> Strokes:
    left, right = g.uniform(0.2, 0.4), g.uniform(0.6, 0.8)
    rungs = [np.array([(left, y), (right, y)]) for y in np.linspace(0.15, 0.85, g.integers(3, 9))]
    return [np.array([(x, 0.03), (x, 0.97)]) for x in (left, right)] + rungs


def _mountain(g: Generator) -> Strokes:
    peaks = g.integers(2, 5) * 2 + 1
    heights = np.where(np.arange(peaks) % 2, g.uniform(0.1, 0.5, peaks), g.uniform(0.6, 0.85, peaks))
    ridge = np.repeat(np.stack([np.linspace(0.02, 0.98, peaks), heights], 1), 2, 0)
    return [ridge, *([_ring(g.uniform(0.1, 0.9), 0.12, 0.08)] if g.random() < 0.5 else [])]


def _boat(g: Generator) -> Strokes:
    deck, mast = g.uniform(0.6, 0.7), g.uniform(0.4, 0.6)
    hull = np.array([(0.08, deck), (0.25, 0.88), (0.75, 0.88), (0.92, deck), (0.08, deck)])
    sail = np.array([(mast, 0.08), (mast + g.choice([-1, 1]) * g.uniform(0.2, 0.35), deck - 0.08), (mast, deck - 0.08)])
    return [np.repeat(hull, 2, 0), np.array([(mast, deck), (mast, 0.05)]), np.repeat(sail, 3, 0)]


SKETCHES = {
    "sun": _sun, "house": _house, "fish": _fish, "face": _face, "tree": _tree, "flower": _flower, "car": _car,
    "star": _star, "cup": _cup, "ladder": _ladder, "mountain": _mountain, "boat": _boat,
}  # fmt: skip


def letters(generator: Generator) -> Iterator[Picture]:
    """Yields letters and signs of a font, upright, slanted, thin and bold: black on white, 64 pixels; its l looks like its I."""
    signs = [chr(code) for code in range(0x21, 0x7F) if chr(code) != "l"] + list("©«°±»‹›…™")
    while True:
        slant, bold, size = generator.normal(0, 0.15), int(generator.integers(0, 4)), int(generator.integers(38, 54))
        for sign in signs:
            drawn = Pillow.new("L", (64, 64), 255)
            ImageDraw.Draw(drawn).text((32, 32), sign, fill=0, font=font(size), anchor="mm", stroke_width=bold)
            shear = (1, slant, -32 * slant, 0, 1, 0)
            yield png(drawn.transform((64, 64), Pillow.Transform.AFFINE, shear, Pillow.Resampling.BILINEAR, fillcolor=255), sign)


POSES = {
    "fist": "00000", "point": "01000", "two": "01100", "three": "01110", "four": "01111", "five": "11111", "thumb": "10000",
    "el": "11000", "horns": "01001", "wye": "10001", "little": "00001", "middle": "00100", "three with thumb": "11100",
    "love": "11001", "spread two": "01010", "half": "0hhhh", "claw": "hhhhh", "hook": "0h000", "ring": "00111", "pinch": "hh111",
}  # fmt: skip
"""Thumb, index, middle, ring and little finger of a hand: 1 stretched, h half, 0 folded."""


def hands(generator: Generator) -> Iterator[Picture]:
    """Yields hands in the poses of signs, seven signers taking turns: 128 pixels, JPEG-like colours before a plain wall."""
    while True:
        skin = np.array([generator.uniform(120, 240), 0, 0])
        skin[1:] = skin[0] * np.array([generator.uniform(0.68, 0.8), generator.uniform(0.52, 0.68)])
        wall = np.array([generator.uniform(40, 230)] * 3) + generator.normal(0, 12, 3)
        for pose, fingers in POSES.items():
            yield png(_hand(generator, fingers, skin, wall), pose)


def _hand(generator: Generator, fingers: str, skin: NDArray[np.float64], wall: NDArray[np.float64]) -> NDArray[np.uint8]:
    side = 256
    turn, scale = generator.normal(0, 6), generator.uniform(0.85, 1.05)
    light = np.zeros((side, side), np.float32)  # 1 in the middle of a part, less at its sides
    for outline in _parts(generator, fingers):
        mask = np.zeros((side, side), np.uint8)
        fill(mask, (turned(outline, turn) - 0.5) * scale * side + side * np.array([0.5, 0.55]), 255)
        depth = cv2.distanceTransform(mask, cv2.DIST_L2, 3)
        shade = np.sqrt((depth / max(1.0, float(depth.max()))).clip(0, 1)) * 0.55 + 0.45
        light = np.where(mask > 0, shade, light)
    canvas = wall * (1 + 0.06 * clouds(generator, side, side, (1, 2)))[..., None]
    canvas = np.where(light[..., None] > 0, skin * light[..., None], canvas)
    return bytes_of(reduced(canvas.astype(np.float32), 2) + generator.normal(0, 2, (side // 2, side // 2, 1)))


def _parts(generator: Generator, fingers: str) -> Iterator[NDArray[np.float64]]:
    """Yields the outlines of wrist, palm and fingers, those behind first."""
    yield smooth(np.array([(0.36, 0.75), (0.38, 1.2), (0.64, 1.2), (0.66, 0.75)]), closed=True, rounds=2)
    lengths = {"1": 1.0, "h": 0.6, "0": 0.28}
    for number, (state, base, long) in enumerate(
        zip(fingers[1:], (0.34, 0.45, 0.56, 0.66), (0.3, 0.34, 0.31, 0.24), strict=True)
    ):
        lean = (number - 1.5) * generator.uniform(2, 9) + generator.normal(0, 2)
        yield _finger(base, 0.5, lean, long * lengths[state], 0.047 - 0.004 * (number == 3))
    yield blob(generator, 0.5, 0.62, 0.2, 0.02)
    thumb = -generator.uniform(40, 60) if fingers[0] != "0" else 35.0
    yield _finger(0.36, 0.62, thumb, 0.27 * lengths[fingers[0]] + 0.03, 0.052)


def _finger(x: float, y: float, lean: float, long: float, wide: float) -> NDArray[np.float64]:
    """Returns the outline of a finger that starts at a knuckle and leans by some degrees."""
    tip = [(x + wide * np.cos(t), y - long - wide * np.sin(t)) for t in np.linspace(0, np.pi, 9)]
    return turned(np.array([(x + wide, y + 0.05), *tip, (x - wide, y + 0.05)]), lean, x, y)
