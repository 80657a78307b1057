"""Measuring: how images are shared out, and what is not read at all."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataprep.cleaning.clean import clean
from dataprep.cleaning.measure import shares
from dataprep.testing import FakeEngine, encoded, photo


@pytest.mark.parametrize("size", [1 << 40, 1 << 42])
def test_a_file_of_terabytes(folder: Path, tmp_path: Path, size: int) -> None:
    """A sparse file that is larger than any image within the limit of pixels is not read, and says so."""
    with open(folder / "cat" / "sparse.png", "wb") as file:
        file.write(encoded(photo(0), "PNG"))
        file.truncate(size)
    for cache in (None, tmp_path / "cache", tmp_path / "cache"):
        table = clean(folder, engine=FakeEngine(), cache=cache).table
        (error,) = table["error"].drop_null().to_pylist()
        assert error.startswith(f"{size:,} bytes, over the limit of ")
        assert "--max-pixels" in error


@given(count=st.integers(0, 5000), least=st.integers(1, 50), more=st.integers(0, 200), workers=st.integers(1, 70))
def test_shares(count: int, least: int, more: int, workers: int) -> None:
    """Batches make up all images, each within the limits and no larger than the one before; the last is the rest."""
    sizes = list(shares(count, least, least + more, workers))
    assert sum(sizes) == count
    assert sizes == sorted(sizes, reverse=True)
    assert all(least <= size <= least + more for size in sizes[:-1])
    assert all(0 < size <= least + more for size in sizes)
