"""How often `DeduplicateCrops` is right: what it finds of the copies that hashes miss, and that other pictures stay."""

import pytest

pytest.importorskip("skimage")
pytest.importorskip("sklearn")

from sets import DISTINCT, planted
from table import measure, recalls, score

from dataprep.stages import DeduplicateCrops

pytestmark = pytest.mark.truth

FOUND = (
    "border of 5 %",
    "cropped by 10 %",
    "corner of 90 %",
    "cropped by 20 %",
    "letterbox",
    "caption bar",
    "centre square",
    "inverted",
)


def test_found() -> None:
    """Of each sort of copies that it is for, four in five are found, small as the photographs are; no other is dropped."""
    found = {each.name: each for each in recalls(measure(planted()[0], [DeduplicateCrops()]))}
    assert all(found[name].found >= 0.8 * found[name].pictures for name in FOUND), found
    assert not any(each.wrong for each in found.values()), found


@pytest.mark.parametrize("distinct", DISTINCT, ids=lambda each: each.name)
def test_distinct(distinct) -> None:
    """Of good, distinct pictures, at most one in a hundred is dropped."""
    found = score(measure(distinct.make(0.5), [DeduplicateCrops()]))
    assert found.wrong <= found.pictures / 100, found
