"""Stars: kept rows are pairwise unlike, every other row is like its own centre."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dataprep.search import hamming, stars, stars_of


@given(st.integers(1, 40), st.data())
def test_stars(size: int, data: st.DataObject) -> None:
    """No two kept rows are alike, every other is like its centre, and that is the best kept row that it is like."""
    possible = [(first, second) for second in range(size) for first in range(second)]
    chosen = data.draw(st.lists(st.sampled_from(possible), unique=True) if possible else st.just([]))
    alike = set(chosen) | {(second, first) for first, second in chosen}
    centre = stars(np.array(sorted(chosen), np.int64).reshape(-1, 2), size)
    kept = np.flatnonzero(centre == np.arange(size))
    assert not any((a, b) in alike for a in kept for b in kept)
    for row in set(range(size)) - set(kept):
        assert centre[row] == min(other for other in kept if (row, other) in alike)
        assert centre[row] < row


def test_chains_do_not_merge() -> None:
    """In a chain where only neighbours are alike, every other one is kept: ends that look nothing alike do not fall together."""
    chain = np.stack([np.arange(9), np.arange(1, 10)], axis=1)
    assert stars(chain, 10).tolist() == [0, 0, 2, 2, 4, 4, 6, 6, 8, 8]


def test_best_stays() -> None:
    """The first row of a group is kept, the others fall to it."""
    pairs = np.array([(first, second) for second in range(6) for first in range(second)])
    assert stars(pairs, 6).tolist() == [0] * 6


@given(st.lists(st.integers(0, 15), max_size=60), st.integers(0, 3))
def test_stars_of(levels: list[int], radius: int) -> None:
    """Stars of hashes are those of all their pairs, though identical hashes are collapsed before the search."""
    codes = np.array(levels, np.uint8)[:, None].repeat(8, axis=1) & np.array([1, 2, 4, 8, 0, 0, 0, 0], np.uint8)
    distances = hamming(codes[:, None], codes[None])
    pairs = np.argwhere(np.triu(distances <= radius, k=1)).reshape(-1, 2)
    np.testing.assert_array_equal(stars_of(codes, radius), stars(pairs, len(codes)))


def test_many_blank_hashes() -> None:
    """A hundred thousand identical hashes are one star, without their five billion pairs."""
    assert (stars_of(np.zeros((100_000, 8), np.uint8), 8) == 0).all()
