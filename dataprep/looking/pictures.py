"""A grid of pictures with words under each, as a notebook shows it: HTML, and a PNG where there is no HTML."""

import base64
import io
from html import escape
from pathlib import Path
from typing import Any, Final

import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont
from attrs import frozen

from dataprep.errors import DataprepError
from dataprep.files import naming, replacing
from dataprep.types import Image

SIDE: Final = 192
"""Pixels that the longer side of a picture is shown with: larger ones are reduced, smaller ones magnified."""

GAP: Final = 8
LINE: Final = 13  # pixels from one line of text to the next
TEXT: Final = 11  # pixels of a line of text
PAPER, INK, FAINT = (250, 250, 250), (20, 20, 20), (100, 100, 100)

FIGURE: Final = f"display:inline-block;width:{SIDE}px;margin:0 {GAP}px {GAP}px 0;vertical-align:top;color:inherit"
WORDS: Final = "font-size:75%;line-height:1.3;overflow-wrap:anywhere"


@frozen
class Picture:
    """One picture, and what is said under it.

    Example:
        >>> picture = dp.Picture(photo(0), "a cat", ("seed 0",))
        >>> dp.Pictures((picture,)).save("cat.png")

    Attributes:
        image: (H, W, 3) RGB, 0..255.
        title: The first line under it.
        lines: Those below.
    """

    image: Image
    title: str
    lines: tuple[str, ...] = ()


@frozen
class Pictures:
    """Pictures in a grid. A notebook shows them; elsewhere `save` writes a file, and `image` is one of Pillow's.

    Example:
        >>> pictures = dp.Pipeline(dp.RandomResizedCrop(32), dp.HorizontalFlip()).preview(photo(0), count=3)
        >>> pictures
        4 pictures: show them in a notebook, or `save` them to a file

    Attributes:
        pictures: The pictures, in order.
        note: What is said of all of them.
    """

    pictures: tuple[Picture, ...]
    note: str = ""

    def __repr__(self) -> str:
        """How many there are, and where to see them."""
        return f"{len(self.pictures)} pictures: show them in a notebook, or `save` them to a file"

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        figures = "".join(map(_figure, self.pictures))
        note = f'<div style="{WORDS};opacity:.7">{escape(self.note)}</div>' if self.note else ""
        return f'<div style="color:inherit">{figures}{note}</div>'

    def _repr_png_(self) -> bytes:
        """What is shown where there is no HTML."""
        file = io.BytesIO()
        self.image.save(file, "PNG")
        return file.getvalue()

    @property
    def image(self) -> PIL.Image.Image:
        """All of them as one picture of Pillow's, with the words, on white.

        Example:
            >>> manifest.pipeline.preview("photos/cat/0000.jpg", count=3).image.size
            (808, 238)
        """
        across = min(len(self.pictures), 4)
        cells = [_cell(picture) for picture in self.pictures]
        rows = [cells[start : start + across] for start in range(0, len(cells), across)] or [[]]
        heights = [max((cell.height for cell in row), default=0) + GAP for row in rows]
        paper = PIL.Image.new("RGB", (across * (SIDE + GAP) + GAP, sum(heights) + GAP), PAPER)
        top = GAP
        for row, height in zip(rows, heights, strict=True):
            for place, cell in enumerate(row):
                paper.paste(cell, (GAP + place * (SIDE + GAP), top))
            top += height
        return paper

    def save(self, path: str | Path) -> None:
        """Writes them as one picture, such as "preview.png".

        Example:
            >>> manifest.pipeline.preview("photos/cat/0000.jpg", count=3).save("preview.png")

        Raises:
            DataprepError: It cannot be written, or its name ends in no format that Pillow writes.
        """
        kind = PIL.Image.registered_extensions().get(Path(path).suffix.lower())
        if kind not in PIL.Image.SAVE:
            raise DataprepError(f"{str(path)!r}: pictures are written as .png or .jpg, by the end of the name")
        with naming(path), replacing(path) as temporary, open(temporary, "wb") as file:
            self.image.save(file, kind)


def _sized(image: Image) -> PIL.Image.Image:
    """Returns an image with its longer side as it is shown; what is magnified keeps its pixels apart."""
    height, width = image.shape[:2]
    factor = SIDE / max(height, width)
    size = max(round(width * factor), 1), max(round(height * factor), 1)
    how = PIL.Image.Resampling.BOX if factor < 1 else PIL.Image.Resampling.NEAREST
    return PIL.Image.fromarray(image).resize(size, how)


def _figure(picture: Picture) -> str:
    file = io.BytesIO()
    sized = _sized(picture.image)
    kind = "png" if max(picture.image.shape[:2]) < SIDE else "jpeg"  # magnified pixels have edges, which JPEG blurs
    sized.save(file, kind, quality=85)
    url = f"data:image/{kind};base64,{base64.b64encode(file.getvalue()).decode()}"
    lines = "".join(f'<div style="opacity:.75">{escape(line)}</div>' for line in picture.lines)
    words = f'<div style="{WORDS}"><div><strong>{escape(picture.title)}</strong></div>{lines}</div>'
    image = f'<img src="{url}" alt="{escape(picture.title)}" width="{sized.width}" height="{sized.height}" style="display:block">'
    return f'<div style="{FIGURE}">{image}{words}</div>'


def _cell(picture: Picture) -> PIL.Image.Image:
    """Returns a picture with its words below, as wide as all are."""
    font: Any = PIL.ImageFont.load_default(TEXT)
    words = [(picture.title, INK), *((line, FAINT) for line in picture.lines)]
    lines = [(line, color) for text, color in words for line in _wrapped(text, font)]
    sized = _sized(picture.image)
    cell = PIL.Image.new("RGB", (SIDE, sized.height + LINE * len(lines) + GAP // 2), PAPER)
    cell.paste(sized, (0, 0))
    draw = PIL.ImageDraw.Draw(cell)
    for number, (line, color) in enumerate(lines):
        draw.text((0, sized.height + GAP // 2 + number * LINE), line, color, font)
    return cell


def _wrapped(text: str, font: Any) -> list[str]:
    """Returns text in lines that are no wider than a picture; a word that is, is cut. The font has no ×."""
    lines = [""]
    for word in text.replace("×", "x").split():
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) <= SIDE or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return [line if font.getlength(line) <= SIDE else f"{line[: SIDE // 7]}…" for line in lines]
