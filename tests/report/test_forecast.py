"""The warning before a search that would compare billions of pairs."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dataprep.report.forecast import FEW, MANY, forecast
from dataprep.search import pairs_within
from dataprep.search.blocks import INDEPENDENT, chance_pairs
from dataprep.stages import Deduplicate, PHash, Require


@given(st.integers(0, 10**9), st.integers(0, 27))
def test_what_is_said_helps(size: int, radius: int) -> None:
    """A search is warned of where it compares a billion pairs by chance, and the radius that is named compares few."""
    found = list(forecast(size, (Require("height", 1), Deduplicate(radius=radius))))
    assert bool(found) == (chance_pairs(size, 64, radius) >= MANY)
    for finding in found:
        assert finding.kind == "comparisons"
        assert finding.remedy is not None
        word = finding.remedy.removeprefix("--radius ")
        assert finding.sentence.endswith(f"`{finding.remedy}`")
        assert word == "off" or chance_pairs(size, 64, int(word)) < FEW <= chance_pairs(size, 64, int(word) + 1)


def test_no_search_is_not_warned_of() -> None:
    """Exact copies alone, and thresholds, cost no comparisons."""
    assert not list(forecast(10**9, (Require("height", 1), Deduplicate(by=None))))
    assert not list(forecast(10**6, (Deduplicate(),)))
    assert list(forecast(10**8, (Deduplicate(by=PHash(256)),)))


def test_pairs_by_chance() -> None:
    """Of hashes whose bits are independent as many pairs are within a radius as is expected."""
    codes = np.random.default_rng(0).integers(0, 256, (6_000, 7), np.uint8)
    wanted = chance_pairs(6_000, round(56 / INDEPENDENT), 14)
    assert abs(len(pairs_within(codes, 14)) - wanted) < 6 * wanted**0.5
