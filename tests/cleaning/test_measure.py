"""Measuring one image: what is not read at all."""

from pathlib import Path

import pytest

from dataprep.cleaning.clean import clean
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
