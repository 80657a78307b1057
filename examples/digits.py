"""Writes scikit-learn's handwritten digits as image files, so that the training examples have a folder to start from."""

from pathlib import Path

import numpy as np
import PIL.Image
from sklearn.datasets import load_digits

HELD_OUT = 5  # every fifth digit is for testing


def write_digits(folder: Path) -> Path:
    """Writes 1,797 digits as `train/<digit>/<number>.png` and `test/...`, 32×32 pixels each, and returns the folder."""
    digits = load_digits()
    for number, (pixels, label) in enumerate(zip(digits.images, digits.target, strict=True)):
        split = "test" if number % HELD_OUT == 0 else "train"
        path = folder / split / str(label) / f"{number:04d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        gray = PIL.Image.fromarray((pixels * 255 / 16).astype(np.uint8))
        gray.resize((32, 32), PIL.Image.Resampling.BICUBIC).save(path)
    return folder
