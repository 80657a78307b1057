"""What decided about an image: the verdict, and what the rules ask, say the same."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataprep.cleaning.clean import clean
from dataprep.manifest.explain import explain
from dataprep.pipeline import Pipeline
from dataprep.stages import Deduplicate, FarBelow, Outliers, Require
from dataprep.stages.rules.standard import standard_rules
from dataprep.testing import FakeEngine, FakeSource, encoded, photo


def source(darkness: list[int], copies: int = 0, torn: int = 0) -> FakeSource:
    """Photos of some darkness each, copies of the first one, and files that are no images."""
    files = {f"{number}.png": encoded(photo(number) // dark, "PNG") for number, dark in enumerate(darkness)}
    files |= {f"copy{number}.png": files["0.png"] for number in range(copies)}
    return FakeSource(files | {f"torn{number}.png": b"no image" for number in range(torn)})


@settings(max_examples=15)
@given(st.lists(st.integers(1, 30), min_size=1, max_size=6), st.sampled_from(["auto", "numbers"]))
def test_a_rule_drops_what_fails_all_that_it_asks(darkness: list[int], kind: str) -> None:
    """An image is dropped by a rule exactly where it fails all that the first such rule asks, and under that rule's name."""
    limits = {} if kind == "auto" else {"min_brightness": 20, "min_contrast": 4, "min_sharpness": 30}
    rules = standard_rules(**limits, duplicates=False)
    manifest = clean(source(darkness), Pipeline(*rules), engine=FakeEngine(), progress=False)
    for row in manifest.table.to_pylist():
        found = explain(manifest, row["id"])
        failed = [number for number in {one.rule for one in found.asked} if all(o.fails for o in found.asked if o.rule == number)]
        assert row["keep"] == (not failed)
        if failed:
            assert row["reason"] == next(one.reason for one in found.asked if one.rule == min(failed))


def test_copies() -> None:
    """The twin of a copy is the image kept for it, whose copies are all of them."""
    manifest = clean(source([1, 1], copies=3), Pipeline(Deduplicate()), engine=FakeEngine(), progress=False)
    kept = manifest.kept().to_pylist()
    copies = [row for row in manifest.table.to_pylist() if row["twin"] is not None]
    assert len(copies) == 3
    for copy in copies:
        found = explain(manifest, copy["id"])
        assert found.twin is not None and found.twin["uri"] in {row["uri"] for row in kept}
        assert (found.asked, found.copies) == ((), ())
    (original,) = {row["twin"] for row in copies}
    assert [row["id"] for row in explain(manifest, original).copies] == [row["id"] for row in copies]


def test_unreadable() -> None:
    """Nothing is asked of what could not be read."""
    manifest = clean(source([1], torn=1), engine=FakeEngine(), progress=False)
    torn = next(row for row in manifest.table.to_pylist() if row["error"] is not None)
    assert explain(manifest, torn["id"]).asked == ()


@pytest.mark.parametrize(
    ("rule", "value", "limit", "fails"),
    [
        (Require("height", least=10), "height 96", "at least 10", False),
        (Require("height", most=10), "height 96", "at most 10", True),
        (Require("height", least=5, most=100), "height 96", "at least 5 and at most 100", False),
        (FarBelow("height"), "height 96", "above 19.2, 0.2 of the median", False),
        (FarBelow("height", usual=200), "height 96", "nothing, since the median 96 is below 200", False),
        (Outliers("height"), None, "Outliers(column='height'", False),
    ],
)
def test_what_is_asked(rule: object, value: str | None, limit: str, fails: bool) -> None:
    """What a rule asks is told in words, with the image's own number beside it."""
    files = {f"{number}.png": encoded(np.full((96, 64, 3), 9 * number, np.uint8), "PNG") for number in range(3)}
    manifest = clean(FakeSource(files), Pipeline(rule), engine=FakeEngine(), progress=False)
    (one,) = explain(manifest, 1).asked
    assert (one.value, one.limit[: len(limit)], one.fails) == (value, limit, fails)
