"""Draws docs/ops.md: each op and each mix on one photograph, as it is and as four epochs draw it.

python docs/draw_ops.py            # needs scikit-image, whose photographs it takes
"""

from pathlib import Path

import numpy as np
import PIL.Image
from draw_measures import DOCS, photograph

import dataprep as dp
from dataprep.backends.cpu.kernels import kernel
from dataprep.backends.mix import mix_batch
from dataprep.draws import uniforms
from dataprep.loading.recipes import draw
from dataprep.protocols import Mix, Op
from dataprep.stages.catalogue import MIXES, OPS
from dataprep.types import Batch, Image, Mixture

HEIGHT, EPOCHS = 120, 4
FOLDER = DOCS / "pictures" / "ops"

WARP = '{"__version__": "2.0.8", "transform": {"__class_fullname__": "Compose", "p": 1.0, "transforms": [%s]}}'
GRID = WARP % '{"__class_fullname__": "GridDistortion", "p": 1.0, "num_steps": 5, "distort_limit": [-0.8, 0.8]}'

SHOWN: dict[str, tuple[Op | Mix, str]] = {
    "Resize": (dp.Resize(60), "The shorter side to a length, or both sides to a size; antialiased."),
    "CenterCrop": (dp.CenterCrop(160), "The middle."),
    "RandomCrop": (dp.RandomCrop(160, padding=20), "A box of one size at a random place."),
    "RandomResizedCrop": (dp.RandomResizedCrop(160), "A box of random area and shape, resized: the standard training crop."),
    "Pad": (dp.Pad(30, fill=(70, 110, 160)), "A border."),
    "HorizontalFlip": (dp.HorizontalFlip(), "Left and right."),
    "VerticalFlip": (dp.VerticalFlip(), "Top and bottom."),
    "Rotate": (dp.Rotate(30), "A turn about the centre; `expand=True` keeps the corners."),
    "Affine": (dp.Affine(15, (0.1, 0.1), (0.7, 1.2), 15), "Turn, shift, scale and shear at once."),
    "Brightness": (dp.Brightness(0.6), "All values times a factor."),
    "Contrast": (dp.Contrast(0.8), "Away from middle gray."),
    "Saturation": (dp.Saturation(1.0), "Away from gray."),
    "Hue": (dp.Hue(90), "Colours turned about gray."),
    "ColorJitter": (dp.ColorJitter(0.4, 0.4, 0.4, 36), "The four before, as one matrix."),
    "Grayscale": (dp.Grayscale(0.5), "No colours."),
    "GaussianBlur": (dp.GaussianBlur((0.5, 4)), "Blurred by a random width."),
    "Sharpness": (dp.Sharpness((0, 6)), "Smoothed or sharpened."),
    "Posterize": (dp.Posterize(2), "The highest bits only."),
    "Solarize": (dp.Solarize(128), "Inverted from a level on."),
    "Equalize": (dp.Equalize(), "All levels as frequent."),
    "JpegCompression": (dp.JpegCompression((2, 20)), "What a low quality does."),
    "RandomErasing": (dp.RandomErasing(0.8, fill=(124, 116, 104)), "A box painted over."),
    "RandAugment": (dp.RandAugment(2, 15), "Some elementary changes at one strength."),
    "TrivialAugmentWide": (dp.TrivialAugmentWide(), "One elementary change at a random strength."),
    "Albumentations": (dp.Albumentations(GRID), "Any transform of albumentations; here `GridDistortion`."),
    "Normalize": (dp.Normalize.imagenet(), "Less the mean, by the deviation: float32. Drawn here as -2 black to 2 white."),
    "Output": (
        dp.Output(memory="channels_last"),
        "Another type, or the channels last in memory: the same picture.",
    ),
    "MixUp": (dp.MixUp(1.0), "Each image blended with the next of its batch."),
    "CutMix": (dp.CutMix(), "A box of the next image of the batch in each."),
}


def drawn(op: Op, image: Image, epoch: int) -> Image:
    """The image as an epoch draws it, (H, W, 3)."""
    params = draw((op,), np.array([image.shape[:2]]), np.array([7]), 0, epoch)
    result = kernel(op, image, params[0][0])
    return result if result.dtype == np.uint8 else ((result.transpose(1, 2, 0) + 2) / 4 * 255).clip(0, 255).astype(np.uint8)


def mixes(mix: Mix, images: list[Image], epoch: int) -> Image:
    """The first of a batch of two, mixed with the other."""
    batch = Batch(np.stack([image.transpose(2, 0, 1) for image in images]).astype(np.float32), np.array([0, 1]), np.array([7, 8]))
    params = mix.draw_mix(uniforms(0, epoch, batch.ids, mix.slots), images[0].shape[:2])
    return np.asarray(mix_batch(batch, Mixture(params, 2)).images[0].transpose(1, 2, 0), np.uint8)


def strip(name: str) -> PIL.Image.Image:
    """The photograph, then what four epochs make of it."""
    stage = SHOWN[name][0]
    cat, cup = (np.asarray(photograph(photo).crop((60, 0, 316, 256))) for photo in ("chelsea", "coffee"))
    epochs = range(EPOCHS if isinstance(stage, Mix) or stage.slots else 1)
    made = [mixes(stage, [cat, cup], epoch) if isinstance(stage, Mix) else drawn(stage, cat, epoch) for epoch in epochs]
    shown = [PIL.Image.fromarray(image) for image in (cat, *made)]
    scale = HEIGHT / max(image.height for image in shown)
    shown = [image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale)))) for image in shown]
    whole = PIL.Image.new("RGB", (sum(image.width + 6 for image in shown) + 10, HEIGHT), "white")
    left = 0
    for place, image in enumerate(shown):
        whole.paste(image, (left, 0))
        left += image.width + (16 if place == 0 else 6)
    return whole


def page() -> str:
    """Returns the text of docs/ops.md."""
    lines = [
        "# The ops",
        "",
        "Each picture is a photograph as it is, and then as four epochs draw it. What an image gets depends on the seed, the",
        "epoch and the image, not on workers or ranks. Put ops behind the rules in a `Pipeline`; `Normalize` and `Output`",
        "come last, a mix behind them. [own_op.py](../examples/own_op.py) shows how to write one of your own.",
    ]
    for name, (stage, what) in SHOWN.items():
        call = "Albumentations(A.GridDistortion(p=1))" if name == "Albumentations" else repr(stage)
        lines += ["", f"## {name}", "", what, "", f"`{call}`", "", f"![{name}](pictures/ops/{name}.jpg)"]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Draws every picture and writes the page."""
    assert {stage.__name__ for stage in (*OPS, *MIXES)} == set(SHOWN)
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in SHOWN:
        strip(name).save(FOLDER / f"{name}.jpg", quality=80, optimize=True)
    Path(DOCS / "ops.md").write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
