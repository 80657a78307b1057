"""Pictures whose truth is known, held in memory as a source; and the pens that draw them.

Everything follows from a generator, so the sets need no data files and are the same everywhere, but for the antialiasing of
another Pillow or OpenCV. They imitate the data sets that users bring, not the weaknesses of a rule.
"""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple
from zlib import crc32

import cv2
import numpy as np
import PIL.Image
import pyarrow as pa
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import ImageDraw, ImageFont

from dataprep.columns import fields_of
from dataprep.types import Image

FINE = 4
"""Pixels that a pen draws across one pixel of the picture; they are averaged."""

WORDS = (
    "account address after amount annual answer approved balance before branch budget building carbon centre change client "
    "committee contract control copper country county credit current daily delivery department design detail director draft "
    "energy engine estimate evening factory field figure filter final garden general harbour health history image index "
    "interest invoice journal kitchen labour latter letter library machine market material measure meeting method minute "
    "model morning mother motor nature notice number office order output paper payment people period picture plant policy "
    "power price process product profit project public quarter question rather reason record region report research result "
    "river sample school season second section service shipment signal source standard station street student subject summer "
    "supply surface system teacher theory thermal total travel treaty tunnel under value village voltage water weather window"
).split()


class Picture(NamedTuple):
    """One picture.

    Attributes:
        label: Its class, or None; of a planted set, what was done to it.
        data: The file.
        suffix: That of the file's name.
        of: Of a planted set, the number of its photograph.
    """

    label: str | None
    data: bytes
    suffix: str
    of: int | None = None


@dataclass(frozen=True)
class Pictures:
    """A set of pictures, which is a source.

    Attributes:
        name: What the set is called.
        kind: What its pictures are, such as "drawing".
        pictures: The pictures.
    """

    name: str
    kind: str
    pictures: tuple[Picture, ...]

    def records(self) -> pa.Table:
        """Lists the pictures; a uri is a number and a suffix."""
        rows = [
            {"uri": f"{number:05d}{picture.suffix}", "label": picture.label, "bytes": len(picture.data), "modified": 0}
            for number, picture in enumerate(self.pictures)
        ]
        return pa.Table.from_pylist(rows, pa.schema(fields_of("scan")))

    def read(self, uri: str, start: int = 0, stop: int | None = None) -> bytes:
        """Returns the bytes `start` to `stop` of a picture."""
        return self.pictures[int(uri.partition(".")[0])].data[start:stop]


def generator_of(name: str, seed: int) -> Generator:
    """Returns the generator of one set: another set, or another seed, has other numbers."""
    return np.random.default_rng([seed, crc32(name.encode())])


def png(image: Image | PIL.Image.Image, label: str | None = None, of: int | None = None) -> Picture:
    """Returns a picture as a PNG file."""
    return _saved(image, label, of, ".png", format="PNG", compress_level=1)


def jpeg(image: Image | PIL.Image.Image, label: str | None = None, of: int | None = None, quality: int = 90) -> Picture:
    """Returns a picture as a JPEG file."""
    return _saved(image, label, of, ".jpg", format="JPEG", quality=quality)


def _saved(image: Image | PIL.Image.Image, label: str | None, of: int | None, suffix: str, **options: object) -> Picture:
    buffer = io.BytesIO()
    (image if isinstance(image, PIL.Image.Image) else PIL.Image.fromarray(image)).save(buffer, **options)
    return Picture(label, buffer.getvalue(), suffix, of)


def bytes_of(values: NDArray[np.floating]) -> Image:
    """Returns gray levels or colours, clipped to 0..255."""
    return values.clip(0, 255).astype(np.uint8)


@lru_cache
def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Returns Pillow's own font, so that the fonts of a machine play no part."""
    return ImageFont.load_default(size)


def words(generator: Generator, count: int) -> str:
    """Returns a line of text."""
    return " ".join(WORDS[number] for number in generator.integers(0, len(WORDS), count))


def clouds(generator: Generator, height: int, width: int, cells: Sequence[int] = (2, 4, 8, 16)) -> NDArray[np.float32]:
    """Returns (height, width) smooth noise of mean 0 and about 1 in size, the first cells having the most of it."""
    canvas = np.zeros((height, width), np.float32)
    for across in cells:
        down = max(1, round(across * height / width))
        noise = generator.normal(size=(down + 1, across + 1)).astype(np.float32)
        canvas += cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC) * (cells[0] / across) ** 0.8
    return canvas


def smooth(points: NDArray[np.float64], closed: bool = False, rounds: int = 3) -> NDArray[np.float64]:
    """Returns (P, 2) points with their corners cut, thrice, which makes a curve of a polygon."""
    for _ in range(rounds):
        after = np.roll(points, -1, axis=0) if closed else points[1:]
        before = points if closed else points[:-1]
        cut = np.stack([0.75 * before + 0.25 * after, 0.25 * before + 0.75 * after], axis=1).reshape(-1, 2)
        points = cut if closed else np.concatenate([points[:1], cut, points[-1:]])
    return points


def blob(generator: Generator, x: float, y: float, radius: float, rough: float = 0.15) -> NDArray[np.float64]:
    """Returns (48, 2) points of a closed outline: a circle with waves of its own."""
    angle = np.arange(48) * 2 * np.pi / 48
    reach = np.ones(48)
    for waves in range(2, 7):
        reach += rough * generator.normal() / waves * 2 * np.sin(waves * angle + generator.uniform(0, 2 * np.pi))
    return np.stack([x + radius * reach * np.cos(angle), y + radius * reach * np.sin(angle)], axis=1)


def stroke(canvas: Image, points: NDArray[np.float64], color: tuple[int, ...] | int, width: int, closed: bool = False) -> None:
    """Draws a line through (P, 2) points x, y, on a canvas."""
    fixed = np.round(points * 16).astype(np.int32).reshape(-1, 1, 2)
    cv2.polylines(canvas, [fixed], closed, color, max(1, width), cv2.LINE_AA, shift=4)


def fill(canvas: Image, points: NDArray[np.float64], color: tuple[int, ...] | int) -> None:
    """Fills the polygon of (P, 2) points x, y, on a canvas."""
    cv2.fillPoly(canvas, [np.round(points * 16).astype(np.int32).reshape(-1, 1, 2)], color, cv2.LINE_AA, shift=4)


def reduced(canvas: Image, factor: int = FINE) -> Image:
    """Returns a canvas that was drawn larger, at its size."""
    return cv2.resize(canvas, None, fx=1 / factor, fy=1 / factor, interpolation=cv2.INTER_AREA)


def turned(points: NDArray[np.float64], degrees: float, x: float = 0.5, y: float = 0.5) -> NDArray[np.float64]:
    """Returns (P, 2) points turned about one."""
    sine, cosine = np.sin(np.radians(degrees)), np.cos(np.radians(degrees))
    centre = np.array([x, y])
    return (points - centre) @ np.array([[cosine, sine], [-sine, cosine]]) + centre


def hue(turn: float, saturation: float = 0.8, value: float = 0.9) -> tuple[int, int, int]:
    """Returns the colour of a hue, 0 to 1."""
    levels = np.clip(np.abs((turn * 6 + np.array([0, 4, 2])) % 6 - 3) - 1, 0, 1)
    red, green, blue = (255 * value * (1 - saturation * (1 - levels))).round().astype(int).tolist()
    return red, green, blue


def lines_of(
    pen: ImageDraw.ImageDraw, generator: Generator, x: int, y: int, width: int, lines: int, size: int, color: object
) -> int:
    """Writes a paragraph, its last line short, and returns where the next one begins."""
    for line in range(lines):
        count = max(1, round(width / size / 3.7 * (generator.uniform(0.2, 0.9) if line == lines - 1 else 1)))
        text = words(generator, count)
        pen.text((x, y), text[: int(width / size * 2)], fill=color, font=font(size))
        y += round(size * 1.35)
    return y


def numbered(draw: Iterator[Picture], count: int) -> tuple[Picture, ...]:
    """Returns so many pictures of a drawer that has no end."""
    return tuple(picture for picture, _ in zip(draw, range(count), strict=False))
