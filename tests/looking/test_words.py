"""What was drawn, in words: each op that draws has some, and colours say what their matrix does."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dataprep as dp
from dataprep.draws import draw_ops, uniforms
from dataprep.looking.words import told, told_mix
from dataprep.stages.catalogue import OPS
from dataprep.stages.ops.color import changes_of, color_matrices
from dataprep.types import Mixture

MADE = {
    "Affine": dp.Affine(20, (0.1, 0.1), (0.5, 2), 10),
    "Albumentations": dp.Albumentations("{}"),
    "CenterCrop": dp.CenterCrop(8),
    "Pad": dp.Pad(3),
    "RandomCrop": dp.RandomCrop(8),
    "RandomResizedCrop": dp.RandomResizedCrop(8),
    "Resize": dp.Resize(8),
    "Rotate": dp.Rotate(30),
}
"""Ops that need an argument; others are made without."""


@pytest.mark.parametrize("kind", OPS, ids=lambda kind: kind.__name__)
def test_every_op_says_what_it_drew(kind: type) -> None:
    """Each op that draws has a line with words of its own, in every epoch; one that does not draw has none."""
    op = MADE.get(kind.__name__) or kind()
    for epoch in range(50):
        params, _ = draw_ops([op], uniforms(0, epoch, [0], op.slots), np.array([[40, 60]]))
        lines = told([op], [params[0][0]])
        assert len(lines) == (op.slots > 0)
        for line in lines:
            name, _, words = line.partition(": ")
            assert name == kind.__name__
            assert words and "\n" not in line and "nan" not in line


FACTOR = st.floats(0.1, 4)  # a matrix has nine digits: of less, the angle has too few


@given(FACTOR, FACTOR, FACTOR, st.floats(-179, 179))
def test_colours_say_what_they_do(brightness: float, contrast: float, saturation: float, hue: float) -> None:
    """From the matrix come the factors and the angle that it was made of."""
    made = {"brightness": brightness, "contrast": contrast, "saturation": saturation, "hue": hue}
    found = changes_of(color_matrices(**{name: np.array([value]) for name, value in made.items()})[0])
    assert found == pytest.approx(made, rel=1e-3, abs=1e-3)


@given(st.floats(0, 4), st.floats(0, 4), st.floats(0, 4))
def test_black_and_gray_have_words_too(brightness: float, contrast: float, saturation: float) -> None:
    """Where a factor is 0 the others are numbers all the same."""
    drawn = {"brightness": brightness, "contrast": contrast, "saturation": saturation}
    found = changes_of(color_matrices(**{name: np.array([value]) for name, value in drawn.items()})[0])
    assert all(np.isfinite(value) for value in found.values())
    assert found["brightness"] == pytest.approx(brightness, abs=1e-4)


def test_an_op_of_the_users_shows_its_numbers() -> None:
    """An op without words of its own shows what it drew, the first of many numbers."""

    class Mine:
        slots = 9

    assert told([Mine()], [np.arange(9) / 8]) == ("Mine: 0, 0.125, 0.25, 0.375, 0.5, 0.625, …",)


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ([0.75, 0, 0, 0, 0], "75% of it, 25% of the next one"),
        ([0.75, 1, 2, 30, 40], "a box of the next one, 40×30 at (2, 1)"),
        ([1, 0, 0, 0, 0], "as it was"),
    ],
)
def test_a_mix_says_what_is_mixed_in(params: list[float], words: str) -> None:
    """A blend has shares, a paste a box, and neither is said where nothing was mixed."""
    assert told_mix(Mixture(np.array([params]), 2), 0) == words
