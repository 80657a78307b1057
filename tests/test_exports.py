"""The public names: `dataprep.__all__`."""

from importlib.util import find_spec
from inspect import getdoc

import pytest

import dataprep

NEEDS = {"Dali": "nvidia", "ImageDataset": "torch", "Torch": "torch", "Transform": "torch"}
"""Names that need a library of an extra."""


def test_sorted() -> None:
    """The public names are listed once each, in order."""
    assert dataprep.__all__ == sorted(set(dataprep.__all__))


@pytest.mark.parametrize("name", dataprep.__all__)
def test_documented(name: str) -> None:
    """Every public name resolves and says what it is in a sentence of its own."""
    if name in NEEDS and not (find_spec(NEEDS[name]) and find_spec("torch")):
        pytest.skip(f"{NEEDS[name]} or torch is not installed")
    public = getattr(dataprep, name)
    summary = (getdoc(public) or "").split("\n\n")[0]
    assert summary.endswith((".", ":")), f"dataprep.{name}: {summary!r}"
    assert public.__doc__ is not None


def test_unknown() -> None:
    """A name that does not exist is an AttributeError, as in any module."""
    with pytest.raises(AttributeError, match="Tensorflow"):
        _ = dataprep.Tensorflow
