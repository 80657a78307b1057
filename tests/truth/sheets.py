"""Contact sheets for a person to look at: what a set looks like, and what was dropped beside what it was dropped for."""

import io
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import PIL.Image
from pictures import Pictures, font
from PIL import ImageDraw
from table import Dropped

SIDE = 120
"""Pixels of a picture on a sheet."""
ACROSS = 8


def sheet(cells: Sequence[tuple[Sequence[str], str]], pictures: Pictures, across: int = ACROSS) -> PIL.Image.Image:
    """Draws cells, each of some uris side by side above a text."""
    wide = max((len(uris) for uris, _ in cells), default=1) * (SIDE + 4) + 8
    drawn = PIL.Image.new("RGB", (wide * across, (SIDE + 24) * -(-len(cells) // across)), (120, 120, 130))
    pen = ImageDraw.Draw(drawn)
    for number, (uris, text) in enumerate(cells):
        x, y = number % across * wide, number // across * (SIDE + 24)
        for place, uri in enumerate(uris):
            drawn.paste(_fitted(pictures.read(uri)), (x + place * (SIDE + 4), y))
        pen.text((x, y + SIDE + 2), text[: wide // 6], fill="white", font=font(11))
    return drawn


def _fitted(data: bytes) -> PIL.Image.Image:
    """Returns a picture as a person sees it: transparency over light gray, all of 16 bits from black to white."""
    try:
        image = PIL.Image.open(io.BytesIO(data))
        if image.mode.startswith("I"):
            values = np.asarray(image).astype(np.float64)
            image = PIL.Image.fromarray((values * 255 / max(1.0, values.max())).astype(np.uint8))
        seen = PIL.Image.new("RGBA", image.size, (230, 230, 230, 255))
        seen.alpha_composite(image.convert("RGBA"))
    except OSError:
        seen = PIL.Image.new("RGBA", (SIDE, SIDE), "red")
    factor = SIDE / max(seen.size)
    smooth = PIL.Image.Resampling.BOX if factor < 1 else PIL.Image.Resampling.NEAREST
    return seen.convert("RGB").resize((max(1, round(seen.width * factor)), max(1, round(seen.height * factor))), smooth)


def overview(pictures: Pictures, count: int = 48) -> PIL.Image.Image:
    """Draws the first pictures of a set under their labels."""
    uris = pictures.records()["uri"].to_pylist()[:count]
    return sheet([((uri,), str(pictures.pictures[number].label or "")) for number, uri in enumerate(uris)], pictures)


def write_sheets(folder: Path, pictures: Pictures, dropped: Iterable[Dropped], most: int = 60) -> None:
    """Writes what was dropped wrongly, beside its twin where it has one, as a PNG for each reason."""
    folder.mkdir(parents=True, exist_ok=True)
    by_reason: dict[str, list[Dropped]] = {}
    for one in dropped:
        by_reason.setdefault(one.reason, []).append(one)
    for reason, found in by_reason.items():
        cells = [
            ((one.uri,) if one.twin is None else (one.uri, one.twin), f"{one.detail} {one.label}/{one.twin_label}")
            for one in found[:most]
        ]
        name = f"{pictures.name} - {reason}".replace("/", " of ").replace(" ", "-")
        sheet(cells, pictures, 6).save(folder / f"{name}.png")
