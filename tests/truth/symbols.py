"""Symbols as icon sets have them, drawn in a square of 24 by 24."""

import math

import cv2
import numpy as np
import PIL.Image
from numpy.typing import NDArray
from pictures import turned
from PIL import ImageDraw

Pen = ImageDraw.ImageDraw
ICON = 192
"""Pixels of an icon's canvas; coordinates below are in 24ths of it, as icon sets have them."""


def _at(*numbers: float) -> list[float]:
    return [number * ICON / 24 for number in numbers]


def _polygon(pen: Pen, *numbers: float) -> None:
    pen.polygon(_at(*numbers), fill=255)


def _disc(pen: Pen, x: float, y: float, radius: float, fill: int = 255) -> None:
    pen.ellipse(_at(x - radius, y - radius, x + radius, y + radius), fill=fill)


def _bar(pen: Pen, *numbers: float, fill: int = 255) -> None:
    pen.rounded_rectangle(_at(*numbers), _at(1)[0], fill=fill)


def _line(pen: Pen, *numbers: float, width: float = 2.4, fill: int = 255) -> None:
    pen.line(_at(*numbers), fill=fill, width=round(_at(width)[0]), joint="curve")


def _regular(pen: Pen, corners: int, inner: float | None = None) -> None:
    count = corners if inner is None else 2 * corners
    reach = [10 if inner is None or number % 2 == 0 else inner for number in range(count)]
    turns = [2 * math.pi * number / count - math.pi / 2 for number in range(count)]
    points = [(12 + r * math.cos(t), 12 + r * math.sin(t)) for r, t in zip(reach, turns, strict=True)]
    _polygon(pen, *(number for point in points for number in point))


def _house(pen: Pen) -> None:
    _polygon(pen, 12, 2, 23, 12, 20, 12, 20, 21, 4, 21, 4, 12, 1, 12)


def _heart(pen: Pen) -> None:
    _disc(pen, 7.5, 8, 5.5), _disc(pen, 16.5, 8, 5.5), _polygon(pen, 2.6, 10.5, 21.4, 10.5, 12, 21)


def _person(pen: Pen) -> None:
    _disc(pen, 12, 7.5, 4.5), pen.pieslice(_at(3, 13, 21, 31), 180, 360, fill=255)


def _people(pen: Pen) -> None:
    _disc(pen, 8, 8, 4), pen.pieslice(_at(1, 13, 15, 29), 180, 360, fill=255), _disc(pen, 17, 9, 3)
    pen.pieslice(_at(12, 14, 23, 28), 180, 360, fill=255)


def _cloud(pen: Pen) -> None:
    _disc(pen, 7, 14, 5), _disc(pen, 13, 10, 6), _disc(pen, 18, 14.5, 4.5), _bar(pen, 6, 14, 18.5, 19)


def _gear(pen: Pen) -> None:
    _regular(pen, 8, 7.2), _disc(pen, 12, 12, 8), _disc(pen, 12, 12, 3.2, 0)


def _lock(pen: Pen) -> None:
    pen.arc(_at(7, 2, 17, 14), 180, 360, fill=255, width=18), _bar(pen, 4, 10, 20, 22)


def _envelope(pen: Pen) -> None:
    _bar(pen, 2, 5, 22, 19), _line(pen, 3, 6.5, 12, 13, 21, 6.5, width=1.4, fill=0)


def _lens(pen: Pen) -> None:
    _disc(pen, 10, 10, 7.5), _disc(pen, 10, 10, 4.8, 0), _line(pen, 15, 15, 21.5, 21.5, width=3)


def _bell(pen: Pen) -> None:
    pen.pieslice(_at(5, 3, 19, 21), 180, 360, fill=255), _polygon(pen, 5, 11, 19, 11, 21.5, 18, 2.5, 18), _disc(pen, 12, 20, 2)


def _folder(pen: Pen) -> None:
    _bar(pen, 2, 4, 11, 12), _bar(pen, 2, 7, 22, 20)


def _file(pen: Pen) -> None:
    _polygon(pen, 5, 2, 14, 2, 19, 7, 19, 22, 5, 22)


def _text_file(pen: Pen) -> None:
    _file(pen), [_line(pen, 8, y, 16, y, width=1.3, fill=0) for y in (11, 14.5, 18)]


def _calendar(pen: Pen) -> None:
    _bar(pen, 3, 4, 21, 21), _bar(pen, 5, 9, 19, 19, fill=0), _bar(pen, 13, 13.5, 17, 17.5)


def _camera(pen: Pen) -> None:
    _bar(pen, 2, 7, 22, 20), _bar(pen, 8, 4, 16, 9), _disc(pen, 12, 13.5, 4, 0)


def _bin(pen: Pen) -> None:
    _bar(pen, 4, 4, 20, 6.5), _polygon(pen, 5.5, 8, 18.5, 8, 17.5, 22, 6.5, 22)


def _chat(pen: Pen) -> None:
    _bar(pen, 2, 3, 22, 17), _polygon(pen, 5, 15, 12, 15, 5, 22)


def _moon(pen: Pen) -> None:
    _disc(pen, 12, 12, 9.5), _disc(pen, 16.5, 9, 8, 0)


def _sun(pen: Pen) -> None:
    _disc(pen, 12, 12, 5), [_line(pen, *(12 + r * f(t) for r in (7.5, 10.5) for f in (math.cos, math.sin)), width=2) for t in
                            (k * math.pi / 4 for k in range(8))]  # fmt: skip


def _drop(pen: Pen) -> None:
    _disc(pen, 12, 15, 6.8), _polygon(pen, 12, 2, 18, 12, 6, 12)


def _bolt(pen: Pen) -> None:
    _polygon(pen, 14, 1, 4, 14, 11, 14, 9, 23, 20, 9, 13, 9)


def _flag(pen: Pen) -> None:
    _line(pen, 5, 2, 5, 23, width=2), _polygon(pen, 5, 3, 21, 3, 17, 8, 21, 13, 5, 13)


def _eye(pen: Pen) -> None:
    lids = [(x, 12 + side * 7 * math.cos((x - 12) * math.pi / 22)) for side in (-1, 1) for x in range(1, 24)[::side]]
    _polygon(pen, *(number for point in lids for number in point)), _disc(pen, 12, 12, 3.8, 0)


def _tag(pen: Pen) -> None:
    _polygon(pen, 2, 2, 12, 2, 22, 12, 12, 22, 2, 12), _disc(pen, 7, 7, 1.8, 0)


def _marker(pen: Pen) -> None:
    _disc(pen, 12, 9, 7), _polygon(pen, 5.6, 12, 18.4, 12, 12, 23), _disc(pen, 12, 9, 2.8, 0)


def _cart(pen: Pen) -> None:
    (
        _polygon(pen, 5, 5, 22, 5, 19, 15, 8, 15),
        _line(pen, 1, 3, 5, 3, 8, 17, 20, 17, width=1.8),
        _disc(pen, 9, 20.5, 1.9),
        _disc(pen, 18, 20.5, 1.9),
    )


def _bars(pen: Pen) -> None:
    _bar(pen, 3, 13, 7.5, 21), _bar(pen, 9.5, 4, 14.5, 21), _bar(pen, 16.5, 9, 21, 21)


def _battery(pen: Pen, level: int) -> None:
    _bar(pen, 2, 7, 20, 17), _bar(pen, 20.5, 10, 22.5, 14), _bar(pen, 4 + 3.5 * level, 9, 18, 15, fill=0)


def _waves(pen: Pen, level: int) -> None:
    (
        _disc(pen, 12, 19, 2),
        [pen.arc(_at(12 - r, 19 - r, 12 + r, 19 + r), 225, 315, fill=255, width=16) for r in (6, 10.5, 15)[:level]],
    )


def _arrow(pen: Pen, degrees: float) -> None:
    points = np.array([(12, 2), (20, 11), (14.5, 11), (14.5, 22), (9.5, 22), (9.5, 11), (4, 11)], np.float64)
    _polygon(pen, *turned(points, degrees, 12, 12).ravel().tolist())


SYMBOLS = {
    "house": _house, "heart": _heart, "person": _person, "people": _people, "cloud": _cloud, "gear": _gear, "lock": _lock,
    "envelope": _envelope, "lens": _lens, "bell": _bell, "folder": _folder, "file": _file, "text file": _text_file,
    "calendar": _calendar, "camera": _camera, "bin": _bin, "chat": _chat, "moon": _moon, "sun": _sun, "drop": _drop,
    "bolt": _bolt, "flag": _flag, "eye": _eye, "tag": _tag, "marker": _marker, "cart": _cart, "bars": _bars,
    "star": lambda pen: _regular(pen, 5, 4.5), "hexagon": lambda pen: _regular(pen, 6), "triangle": lambda pen: _regular(pen, 3),
    "disc": lambda pen: _disc(pen, 12, 12, 9.5), "square": lambda pen: _bar(pen, 3, 3, 21, 21),
    "play": lambda pen: _polygon(pen, 6, 3, 21, 12, 6, 21),
    "pause": lambda pen: (_bar(pen, 5, 4, 10, 20), _bar(pen, 14, 4, 19, 20)),
    "plus": lambda pen: (_bar(pen, 10, 3, 14, 21), _bar(pen, 3, 10, 21, 14)), "minus": lambda pen: _bar(pen, 3, 10, 21, 14),
    "check": lambda pen: _line(pen, 3, 12, 9.5, 18.5, 21, 6, width=3.2),
    "cross": lambda pen: (_line(pen, 5, 5, 19, 19, width=3.2), _line(pen, 19, 5, 5, 19, width=3.2)),
    "menu": lambda pen: [_bar(pen, 3, y, 21, y + 2.6) for y in (5, 11, 17)],
    **{f"battery {level}": lambda pen, level=level: _battery(pen, level) for level in range(5)},
    **{f"waves {level}": lambda pen, level=level: _waves(pen, level) for level in range(1, 4)},
    **{f"arrow {turn}": lambda pen, turn=turn: _arrow(pen, turn) for turn in range(0, 360, 45)},
}  # fmt: skip


def symbol(name: str, outlined: bool = False) -> NDArray[np.uint8]:
    """Returns (192, 192) the cover of a symbol, 0 to 255."""
    drawn = PIL.Image.new("L", (ICON, ICON))
    SYMBOLS[name](ImageDraw.Draw(drawn))
    cover = np.asarray(drawn)
    if not outlined:
        return cover
    framed = cv2.copyMakeBorder(cover, 12, 12, 12, 12, cv2.BORDER_CONSTANT, value=0)
    return cover - cv2.erode(framed, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (23, 23)))[12:-12, 12:-12]
