"""The public names: `dataprep.__all__`."""

from importlib.util import find_spec
from inspect import getdoc

import pytest

import dataprep

NEED_TORCH = {"ImageDataset", "Torch", "Transform"}


def test_sorted() -> None:
    """The public names are listed once each, in order."""
    assert dataprep.__all__ == sorted(set(dataprep.__all__))


@pytest.mark.parametrize("name", dataprep.__all__)
def test_documented(name: str) -> None:
    """Every public name resolves and says what it is in a sentence of its own."""
    if name in NEED_TORCH and find_spec("torch") is None:
        pytest.skip("torch is not installed")
    public = getattr(dataprep, name)
    summary = (getdoc(public) or "").split("\n\n")[0]
    assert summary.endswith((".", ":")), f"dataprep.{name}: {summary!r}"
    assert public.__doc__ is not None


def test_unknown() -> None:
    """A name that does not exist is an AttributeError, as in any module."""
    with pytest.raises(AttributeError, match="no attribute 'Tensorflow'"):
        _ = dataprep.Tensorflow
