"""How many edited copies `Deduplicate` finds under each setting, and how often it takes another photo for a copy."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import PIL.Image
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from PIL import ImageDraw, ImageEnhance, ImageFont, ImageOps
from PIL.Image import Image, Resampling

from dataprep.cleaning.clean import clean
from dataprep.pipeline import Pipeline
from dataprep.stages import Deduplicate

pytestmark = pytest.mark.throughput

PHOTOS = 80

SETTINGS = {
    "64 bits ≤ 8": Deduplicate(radius=8, verify=None),
    "64 bits ≤ 10": Deduplicate(radius=10, verify=None),
    "default": Deduplicate(),
    "flip": Deduplicate(invariant="flip"),
    "flip, views": Deduplicate(invariant="flip", views=True),
}


def reencoded(image: Image, quality: int) -> Image:
    """The image as JPEG gives it back."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return PIL.Image.open(buffer).convert("RGB")


def scaled(image: Image, across: float, down: float) -> Image:
    """The image resized."""
    return image.resize((max(1, round(image.width * across)), max(1, round(image.height * down))), Resampling.LANCZOS)


def cropped(image: Image, share: float, left: float, top: float) -> Image:
    """The image without a share of its width and height, shared by opposite sides as said."""
    x, y = image.width * share, image.height * share
    return image.crop((round(x * left), round(y * top), round(image.width - x * (1 - left)), round(image.height - y * (1 - top))))


def written_on(image: Image) -> Image:
    """The image with a line of text."""
    image, size = image.copy(), max(10, image.height // 10)
    place = (image.width // 10, image.height - 2 * size)
    ImageDraw.Draw(image).text(place, "SAMPLE TEXT", fill=(255, 255, 255), font=ImageFont.load_default(size))
    return image


EDITS: dict[str, Callable[[Image], Image]] = {
    "JPEG 90": lambda image: reencoded(image, 90),
    "JPEG 50": lambda image: reencoded(image, 50),
    "JPEG 20": lambda image: reencoded(image, 20),
    "resized to 50 %": lambda image: scaled(image, 0.5, 0.5),
    "resized to 25 %": lambda image: scaled(image, 0.25, 0.25),
    "squeezed to 80 %": lambda image: scaled(image, 1, 0.8),
    "brighter by 30 %": lambda image: ImageEnhance.Brightness(image).enhance(1.3),
    "darker by 30 %": lambda image: ImageEnhance.Brightness(image).enhance(0.7),
    "grayscale": lambda image: image.convert("L").convert("RGB"),
    "text": written_on,
    "cropped by 5 %": lambda image: cropped(image, 0.05, 0.3, 0.7),
    "cropped by 10 %": lambda image: cropped(image, 0.10, 0.5, 0.5),
    "border of 5 %": lambda image: ImageOps.expand(image, round(min(image.size) * 0.05)),
    "turned by 2°": lambda image: image.rotate(2, Resampling.BILINEAR),
    "turned by 5°": lambda image: image.rotate(5, Resampling.BILINEAR),
    "mirrored": ImageOps.mirror,
}


@pytest.fixture(scope="module")
def edited(thousand_photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of photos, each with its edited copies: `<edit>/<number>.bmp`, the originals in `original`."""
    folder = tmp_path_factory.mktemp("edited")
    for number, path in enumerate(sorted(thousand_photos.rglob("*.jpg"), key=lambda path: path.name)[:PHOTOS]):
        original = PIL.Image.open(path).convert("RGB")
        for name, edit in {"original": lambda image: image, **EDITS}.items():
            copy = folder / name / f"{number:03d}.bmp"
            copy.parent.mkdir(exist_ok=True)
            edit(original).save(copy)
    return folder


def found_and_false(table: pa.Table, rule: Deduplicate, edit: str) -> tuple[float, int]:
    """The share of the copies of one edit that fall to their originals, or the other way round; and drops for other photos."""
    both = table.filter(pc.is_in(table["label"], pa.array(["original", edit])))
    number = {id: uri.rpartition("/")[2] for id, uri in zip(both["id"].to_pylist(), both["uri"].to_pylist(), strict=True)}
    drops = rule.judge(both)
    right = sum(number[id] == number[twin] for id, twin in zip(drops.ids, drops.twins, strict=True) if twin is not None)
    return right / (len(both) // 2), len(drops.ids) - right


@pytest.mark.usefixtures("long", "judged")
def test_recall(edited: Path) -> None:
    """No setting takes another photo for a copy; each finds more than the one before; with flip and views, 95 % of all edits."""
    shares: dict[str, dict[str, float]] = {}
    *without, views = SETTINGS.values()
    tables = {False: clean(edited, Pipeline(*without)).table, True: clean(edited, Pipeline(views)).table}
    for setting, rule in SETTINGS.items():
        table = tables[rule.views]
        results = {edit: found_and_false(table, rule, edit) for edit in EDITS}
        shares[setting] = {edit: share for edit, (share, _) in results.items()}
        assert sum(false for _, false in results.values()) == 0, setting
    print(f"\n{'copies found, of ' + str(PHOTOS) + ' photos':<28}" + "".join(f"{setting:>14}" for setting in SETTINGS))
    for edit in EDITS:
        print(f"{edit:<28}" + "".join(f"{shares[setting][edit]:>14.0%}" for setting in SETTINGS))
    averages = {setting: float(np.mean(list(found.values()))) for setting, found in shares.items()}
    print(f"{'average':<28}" + "".join(f"{averages[setting]:>14.1%}" for setting in SETTINGS))
    assert averages["64 bits ≤ 8"] < averages["default"] < averages["flip"] < averages["flip, views"]
    assert averages["flip, views"] >= 0.95
