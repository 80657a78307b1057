"""Votes: pictures with enough corners alike are found among others, and a pattern that many have says nothing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataprep.search import candidates
from dataprep.search.votes import LEAST, MOST


def planted(seed: int, pictures: int, shared: int, flipped: int) -> tuple[np.ndarray, np.ndarray, int, int]:
    """Descriptors of pictures with 20 corners, of which the first and another share some, but for so many bits."""
    generator = np.random.default_rng(seed)
    codes = generator.integers(0, 256, (pictures, 20, 32), np.uint8)
    other = int(generator.integers(1, pictures))
    bits = np.unpackbits(codes[0, :shared], axis=1)
    for row in bits:
        row[generator.choice(256, flipped, replace=False)] ^= 1
    codes[other, 20 - shared :] = np.packbits(bits, axis=1)
    return codes.reshape(-1, 32), np.repeat(np.arange(pictures), 20), other, shared


@settings(max_examples=40)
@given(st.integers(0, 1000), st.integers(2, 40), st.integers(LEAST, 20), st.booleans())
def test_found(seed: int, pictures: int, shared: int, negative: bool) -> None:
    """Two pictures with enough corners alike, or opposite, are the one candidate among pictures of chance."""
    codes, owner, other, _ = planted(seed, pictures, shared, 4)
    if negative:
        codes[owner == other] ^= 255
    found = candidates(codes, owner)
    assert [column.tolist() for column in found] == [[0], [other], [negative]]


@given(st.integers(0, 1000), st.integers(2, 40), st.integers(0, LEAST - 1))
def test_too_few(seed: int, pictures: int, shared: int) -> None:
    """Fewer corners alike make no candidate."""
    codes, owner, _, _ = planted(seed, pictures, shared, 0)
    assert len(candidates(codes, owner).first) == 0


def test_pattern() -> None:
    """What more pictures have than a copy can is passed over."""
    for pictures, found in ((10, 45), (MOST + 1, 0)):
        codes = np.tile(np.random.default_rng(0).integers(0, 256, (1, 8, 32), np.uint8), (pictures, 1, 1)).reshape(-1, 32)
        assert len(candidates(codes, np.repeat(np.arange(pictures), 8)).first) == found


@pytest.mark.parametrize("size", [0, 1])
def test_nothing(size: int) -> None:
    """No corner, or one, makes no candidate."""
    assert len(candidates(np.zeros((size, 32), np.uint8), np.zeros(size, np.int64)).first) == 0
