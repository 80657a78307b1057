"""Draws docs/measures.md: for each threshold, one photograph that a slider pushes through it, with the value at each step.

python docs/draw_measures.py            # needs scikit-image, whose photographs it takes
"""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import PIL.Image
import pyarrow as pa
from PIL import ImageDraw, ImageEnhance, ImageFilter

from dataprep.images.views import luminance, reduce
from dataprep.stages import Require
from dataprep.stages.rules.limits import numbers
from dataprep.stages.rules.standard import (
    LIGHTS,
    MAX_BRIGHTNESS,
    MIN_BRIGHTNESS,
    MIN_CONTRAST,
    MIN_SHARPNESS,
    MIN_SIDE,
    SHADOWS,
    SOFTNESS,
    TONES,
)
from dataprep.types import Image

DOCS = Path(__file__).parent
PAGE = DOCS / "measures.md"
HEIGHT = 150  # pixels of a picture in a strip
KEPT, DROPPED = (30, 132, 73), (192, 57, 43)


class Limit(NamedTuple):
    """One threshold, and how a photograph is pushed through it."""

    rule: Require
    photo: str
    steps: tuple[float, ...]
    edit: Callable[[PIL.Image.Image, float], PIL.Image.Image]
    how: str


def noisy(image: PIL.Image.Image, sigma: float) -> PIL.Image.Image:
    """The image with Gaussian noise."""
    noise = np.random.default_rng(0).normal(0, sigma, (image.height, image.width, 1))
    return PIL.Image.fromarray((np.asarray(image) + noise).clip(0, 255).astype(np.uint8))


def flat(image: PIL.Image.Image, share: float) -> PIL.Image.Image:
    """The image with its contrast reduced about its mean."""
    return ImageEnhance.Contrast(image).enhance(share)


def blurred(image: PIL.Image.Image, sigma: float) -> PIL.Image.Image:
    """The image blurred by so many pixels."""
    return image.filter(ImageFilter.GaussianBlur(sigma))


def scaled(image: PIL.Image.Image, side: float) -> PIL.Image.Image:
    """The image with a shorter side of so many pixels."""
    factor = side / min(image.size)
    return image.resize((round(image.width * factor), round(image.height * factor)), PIL.Image.Resampling.LANCZOS)


def squeezed(image: PIL.Image.Image, ratio: float) -> PIL.Image.Image:
    """A strip of the image, so many times as wide as high."""
    height = round(image.width / ratio)
    top = (image.height - height) // 2
    return image.crop((0, top, image.width, top + height))


def brightened(image: PIL.Image.Image, factor: float) -> PIL.Image.Image:
    """The image multiplied."""
    return ImageEnhance.Brightness(image).enhance(factor)


def lifted(image: PIL.Image.Image, share: float) -> PIL.Image.Image:
    """The image faded to white."""
    return PIL.Image.blend(image, PIL.Image.new("RGB", image.size, "white"), share)


LIMITS = (
    Limit(Require("height", least=MIN_SIDE), "chelsea", (96, 48, 31, 16), scaled, "made smaller"),
    Limit(Require("brightness", least=MIN_BRIGHTNESS), "astronaut", (1, 0.3, 0.12, 0.05), brightened, "darkened"),
    Limit(Require("brightness", most=MAX_BRIGHTNESS), "coffee", (0, 0.8, 0.94, 0.98), lifted, "faded to white"),
    Limit(Require("lightest", least=LIGHTS), "astronaut", (1, 0.5, 0.2, 0.05), brightened, "darkened"),
    Limit(Require("darkest", most=SHADOWS), "coffee", (0, 0.8, 0.94, 0.98), lifted, "faded to white"),
    Limit(Require("contrast", least=MIN_CONTRAST), "rocket", (1, 0.3, 0.08, 0.03), flat, "flattened"),
    Limit(Require("tonal_range", least=TONES), "rocket", (1, 0.3, 0.08, 0.03), flat, "flattened"),
    Limit(Require("sharpness", least=MIN_SHARPNESS), "chelsea", (0, 1, 3, 6), blurred, "blurred by 0, 1, 3 and 6 pixels"),
    Limit(Require("relative_sharpness", least=SOFTNESS), "chelsea", (0, 1, 3, 6), blurred, "blurred by 0, 1, 3 and 6 pixels"),
    Limit(Require("dark_fraction", most=0.6), "coffee", (1, 0.5, 0.2, 0.1), brightened, "darkened"),
    Limit(Require("bright_fraction", most=0.6), "chelsea", (1, 1.8, 3, 4), brightened, "overexposed"),
    Limit(Require("entropy", least=3), "astronaut", (1, 0.2, 0.05, 0.02), flat, "flattened"),
    Limit(Require("noise", most=25), "coffee", (0, 12, 35, 60), noisy, "with noise of 0, 12, 35 and 60 levels"),
    Limit(
        Require("saturation", least=1),
        "chelsea",
        (1, 0.3, 0.02, 0),
        lambda image, share: ImageEnhance.Color(image).enhance(share),
        "with its colours taken out",
    ),
    Limit(Require("aspect_ratio", most=4), "astronaut", (1, 2.5, 5, 8), squeezed, "cut to strips"),
)


def value_of(rule: Require, image: Image) -> float:
    """Returns what the rule judges, measured as `clean` measures it."""
    row = dict(zip(("height", "width"), image.shape, strict=False))
    for measure in rule.needs:
        seen = luminance(image) if measure.channels == 1 else image
        row |= measure.measure(seen if measure.side is None else reduce(seen, measure.side))
    return float(numbers(pa.Table.from_pylist([row]), rule.column)[0])


def photograph(name: str) -> PIL.Image.Image:
    """Returns a photograph of scikit-image's, with a shorter side of 256 pixels."""
    spec = find_spec("skimage")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("the photographs are scikit-image's: pip install scikit-image")
    path = next(Path(spec.origin).parent.joinpath("data").glob(f"{name}.*"))
    return scaled(PIL.Image.open(path).convert("RGB"), 256)


def strip(limit: Limit) -> PIL.Image.Image:
    """Draws the steps side by side, each under its value, in green where it is kept and in red where it is dropped."""
    original = photograph(limit.photo)
    cards = []
    for step in limit.steps:
        edited = limit.edit(original, step)
        value = value_of(limit.rule, np.asarray(edited))
        kept = (limit.rule.least or -np.inf) <= value <= (limit.rule.most or np.inf)
        cards.append(card(edited, f"{limit.rule.column} {value:.4g}", KEPT if kept else DROPPED))
    whole = PIL.Image.new("RGB", (sum(one.width + 8 for one in cards) - 8, cards[0].height), "white")
    for place, one in enumerate(cards):
        whole.paste(one, (sum(before.width + 8 for before in cards[:place]), 0))
    return whole


def card(image: PIL.Image.Image, text: str, color: tuple[int, int, int]) -> PIL.Image.Image:
    """Draws one picture in a frame, with a text below."""
    width = min(220, max(110, round(image.width * HEIGHT / image.height)))
    factor = min(width / image.width, HEIGHT / image.height)
    smooth = PIL.Image.Resampling.LANCZOS if factor < 1 else PIL.Image.Resampling.NEAREST
    shown = image.resize((max(1, round(image.width * factor)), max(1, round(image.height * factor))), smooth)
    drawn = PIL.Image.new("RGB", (width + 6, HEIGHT + 28), "white")
    drawn.paste(shown, (3 + (width - shown.width) // 2, 3 + (HEIGHT - shown.height) // 2))
    pen = ImageDraw.Draw(drawn)
    pen.rectangle((0, 0, width + 5, HEIGHT + 5), outline=color, width=3)
    pen.text((4, HEIGHT + 10), text, fill=color, font_size=13)
    return drawn


def name_of(rule: Require) -> str:
    """Returns the file name of a threshold's picture."""
    return f"{rule.column}_{'least' if rule.most is None else 'most'}.jpg"


def page() -> str:
    """Returns the text of docs/measures.md."""
    lines = [
        "# What the thresholds mean",
        "",
        "Each row is one photograph on its way through a threshold. Green is kept, red is dropped. `report.html` shows the same",
        "for your own images: those nearest to each threshold, on both sides. By default `clean` drops what is outside several",
        "of them, as [the README](../README.md#thresholds) says.",
    ]
    for rule, _, _, _, how in LIMITS:
        bound = f"at least {rule.least:g}" if rule.least is not None else f"at most {rule.most:g}"
        source = " and ".join(f"`{type(measure).__name__}`" for measure in rule.needs) or "every record has it"
        lines += ["", f"## `{rule.column}`, {bound}", "", f"A photograph {how}. Measure: {source}.", ""]
        lines.append(f"![{rule.column}, {bound}](pictures/measures/{name_of(rule)})")
    return "\n".join(lines) + "\n" + rightness()


def rightness() -> str:
    """Returns the end of the page as it stands: how often the rules are right, which tests/truth writes."""
    text = PAGE.read_text(encoding="utf-8")
    return text[text.index("\n## How often the rules are right\n") :]


def main() -> None:
    """Draws every picture and writes the page."""
    cv2.setNumThreads(1)
    folder = DOCS / "pictures" / "measures"
    folder.mkdir(parents=True, exist_ok=True)
    for limit in LIMITS:
        strip(limit).save(folder / name_of(limit.rule), quality=80, optimize=True)
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
