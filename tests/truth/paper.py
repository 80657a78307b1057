"""On paper: the fillings of one form, pages of text, and pages that are nearly empty."""

from collections.abc import Iterator

import cv2
import numpy as np
import PIL.Image
from drawn import DIGITS, written
from numpy.random import Generator
from numpy.typing import NDArray
from pictures import Picture, bytes_of, clouds, font, jpeg, lines_of, png, smooth, stroke, words
from PIL import ImageDraw

INK = (35, 40, 90)
KINDS = ("letter", "article", "table", "memo")


def scanned(generator: Generator, page: PIL.Image.Image) -> NDArray[np.uint8]:
    """Returns a page as a scanner gives it: a little askew, with uneven light and noise."""
    values = np.asarray(page.convert("L"))
    height, width = values.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), generator.normal(0, 0.4), 1)
    matrix[:, 2] += generator.normal(0, 2, 2)
    level = cv2.warpAffine(values, matrix, (width, height), flags=cv2.INTER_LINEAR, borderValue=255).astype(np.float32)
    return bytes_of(
        level * generator.uniform(0.96, 1) + clouds(generator, height, width, (2, 3)) + generator.normal(0, 2, level.shape)
    )


def handwriting(generator: Generator, canvas: NDArray[np.uint8], x: float, y: float, size: float, letters: int) -> None:
    """Writes a word that nobody can read: loops and stems of one hand, joined."""
    slant, points = generator.normal(0.2, 0.1), []
    for number in range(letters):
        left, tall = number * 0.62, generator.choice([0.5, 0.5, 0.5, 1.1, -0.6])
        loop = [(left, 0), (left + 0.15, -tall), (left + 0.4, -tall * 0.9), (left + 0.2, 0.05), (left + 0.5, 0)]
        points += [(px - slant * py + generator.normal(0, 0.05), py + generator.normal(0, 0.05)) for px, py in loop]
    line = smooth(np.array(points) * size + np.array([x, y]))
    stroke(canvas, line, INK, 1)


def _figures(generator: Generator, canvas: NDArray[np.uint8], x: float, y: float, size: float, count: int) -> None:
    """Writes a number by hand."""
    for number in range(count):
        for points in written(generator, [np.array(points) for points in DIGITS[str(generator.integers(10))]]):
            stroke(canvas, (points * np.array([0.7, 1]) + np.array([number * 0.75, -1])) * size + np.array([x, y]), INK, 1)


FIELDS = ("Name", "First name", "Street", "Town", "Born", "Insurance no.", "Telephone", "Employer", "Since", "Bank", "Account")


def forms(generator: Generator) -> Iterator[Picture]:
    """Yields one form, filled by other people each time: 360 by 480 pixels, scanned."""
    blank = PIL.Image.new("RGB", (360, 480), "white")
    pen = ImageDraw.Draw(blank)
    pen.text((180, 24), "APPLICATION FOR A LICENCE", fill="black", font=font(16), anchor="mm")
    pen.text((180, 42), "please write legibly; see the notes overleaf", fill="black", font=font(9), anchor="mm")
    for number, caption in enumerate(FIELDS):
        pen.rectangle((24, 62 + number * 32, 336, 88 + number * 32), outline="black")
        pen.text((28, 64 + number * 32), caption, fill="black", font=font(9))
    pen.text((24, 452), "Date", fill="black", font=font(9))
    pen.text((190, 452), "Signature", fill="black", font=font(9))
    pen.line((24, 450, 336, 450), fill="black")
    while True:
        canvas = np.array(blank)
        for number, caption in enumerate(FIELDS):
            if generator.random() < 0.15:
                continue
            place = (110 + generator.uniform(0, 15), 84 + number * 32 + generator.normal(0, 1))
            if caption in ("Born", "Insurance no.", "Telephone", "Since", "Account"):
                _figures(generator, canvas, *place, 15, int(generator.integers(4, 11)))
            else:
                handwriting(generator, canvas, *place, generator.uniform(10, 15), int(generator.integers(4, 12)))
        _figures(generator, canvas, 60, 446, 13, 6)
        handwriting(generator, canvas, 230, 444, 15, int(generator.integers(4, 8)))
        yield jpeg(scanned(generator, PIL.Image.fromarray(canvas)))


def pages(generator: Generator) -> Iterator[Picture]:
    """Yields letters, articles, tables and memos, as in RVL-CDIP: 360 by 480 pixels, scanned."""
    while True:
        for kind in KINDS:
            page = PIL.Image.new("L", (360, 480), 255)
            _print(generator, ImageDraw.Draw(page), kind)
            yield jpeg(scanned(generator, page), kind)


def _print(generator: Generator, pen: ImageDraw.ImageDraw, kind: str) -> None:
    """Prints a page of one kind."""
    margin, size, y = int(generator.integers(24, 44)), int(generator.integers(8, 12)), int(generator.integers(24, 60))
    wide = 360 - 2 * margin
    pen.text((margin, y), words(generator, 3).upper(), fill=0, font=font(size + int(generator.integers(2, 7))))
    y += 30
    if kind in ("letter", "memo"):
        for _ in range(generator.integers(2, 5)):
            pen.text((margin, y), words(generator, 3).capitalize(), fill=0, font=font(size))
            y += round(size * 1.4)
        y += 14
        for _ in range(generator.integers(1, 6 if kind == "letter" else 3)):
            y = lines_of(pen, generator, margin, y, wide, int(generator.integers(2, 8)), size, 0) + size
            if y > 380:
                break
        pen.text((margin, min(y + 20, 450)), words(generator, 2).title(), fill=0, font=font(size))
    elif kind == "article":
        half = (wide - 14) // 2
        for column in range(2):
            low = y
            while low < 420:
                low = (
                    lines_of(pen, generator, margin + column * (half + 14), low, half, int(generator.integers(3, 12)), size, 0)
                    + size // 2
                )
    else:
        columns, step = int(generator.integers(3, 6)), int(generator.integers(16, 24))
        for row in range(generator.integers(6, 18)):
            pen.line((margin, y, 360 - margin, y), fill=0)
            for column in range(columns):
                text = words(generator, 1) if row == 0 or column == 0 else f"{generator.integers(0, 10**5):,}"
                pen.text((margin + 3 + column * wide / columns, y + 3), text, fill=0, font=font(size))
            y += step


def signed_pages(generator: Generator) -> Iterator[Picture]:
    """Yields pages that are nearly empty, as the last ones of contracts: a line or two and a signature; 360 by 480 pixels."""
    while True:
        page = PIL.Image.new("RGB", (360, 480), "white")
        pen = ImageDraw.Draw(page)
        y = lines_of(pen, generator, 40, 40, 280, int(generator.integers(1, 4)), 10, "black") + int(generator.integers(10, 60))
        for _ in range(generator.integers(1, 3)):
            pen.line((40, y + 30, 180, y + 30), fill="black")
            pen.text((40, y + 33), words(generator, 2).title(), fill="black", font=font(9))
            canvas = np.array(page)
            handwriting(generator, canvas, 50, y + 26, generator.uniform(12, 22), int(generator.integers(4, 9)))
            page = PIL.Image.fromarray(canvas)
            pen = ImageDraw.Draw(page)
            y += 70
        pen.text((180, 462), str(generator.integers(2, 40)), fill="black", font=font(9), anchor="mm")
        yield png(page.convert("L"))
