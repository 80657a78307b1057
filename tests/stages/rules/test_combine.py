"""Rules that agree, and the rule that compares an image with its set."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataprep.errors import PipelineError
from dataprep.pipeline import Pipeline
from dataprep.protocols import Rule
from dataprep.stages import AllOf, Deduplicate, FarBelow, LaplacianVariance, Levels, Luminance, Require
from dataprep.types import Drops

COLUMNS = ("height", "width", "bytes")
NUMBERS = st.none() | st.floats(0, 100)
TABLES = st.lists(st.tuples(*[NUMBERS] * 3), max_size=30)
PARTS = st.one_of(
    st.builds(Require, st.sampled_from(COLUMNS), least=st.floats(0, 100)),
    st.builds(Require, st.sampled_from(COLUMNS), most=st.floats(0, 100)),
    st.builds(FarBelow, st.sampled_from(COLUMNS), share=st.floats(0, 1)),
)


def table_of(rows: list[tuple[float | None, ...]]) -> pa.Table:
    """A table of ids from 100 up and three columns."""
    values = {name: pa.array([row[place] for row in rows], pa.float64()) for place, name in enumerate(COLUMNS)}
    return pa.table({"id": pa.array(range(100, 100 + len(rows)), pa.int64()), **values})


def details_of(drops: Drops) -> dict[int, str]:
    """The detail of each drop, by its id."""
    return dict(zip(drops.ids, drops.details, strict=True))


@given(TABLES, st.lists(PARTS, min_size=2, max_size=4), st.none() | st.just("odd"))
def test_all_of(rows: list[tuple[float | None, ...]], parts: list[Rule], reason: str | None) -> None:
    """What each rule drops is dropped, with all that they say; the order of the rules changes the detail only."""
    table = table_of(rows)
    each = [details_of(part.judge(table)) for part in parts]
    drops = AllOf(tuple(parts), reason).judge(table)
    assert set(drops.ids) == set.intersection(*map(set, each))
    assert drops.details == ["; ".join(details[id] for details in each) for id in drops.ids]
    assert set(drops.reasons) <= {reason or parts[0].judge(table).reasons[0] if drops.ids else ""}
    assert set(AllOf(tuple(reversed(parts))).judge(table).ids) == set(drops.ids)


def test_all_of_needs() -> None:
    """The measures of all rules are needed, each once, those of derived columns among them."""
    rule = AllOf((Require("contrast", least=1), FarBelow("brightness"), Require("tonal_range", least=9)))
    assert rule.needs == (Luminance(), Levels())
    derived = (Require("relative_sharpness", least=1), FarBelow("relative_sharpness"))
    assert {rule.needs for rule in derived} == {(LaplacianVariance(), Luminance())}


@pytest.mark.parametrize(
    "rules", [(), (Require("height", least=1),), (Require("height", least=1), 3), Require("height", least=1), None]
)
def test_all_of_fewer_than_two(rules: object) -> None:
    """A single rule, and what is no rule, is refused with the value."""
    with pytest.raises(PipelineError, match=r"AllOf\(rules=.*two rules or more"):
        AllOf(rules)


@given(st.lists(NUMBERS, max_size=40), st.floats(0, 1))
def test_far_below(values: list[float | None], share: float) -> None:
    """What is at most a share of the median is dropped, zero always; missing values play no part."""
    peers = [value for value in values if value is not None]
    table = pa.table({"id": range(len(values)), "bytes": pa.array(values, pa.float64())})
    drops = FarBelow("bytes", share).judge(table)
    assert drops.ids == [row for row, value in enumerate(values) if value is not None and value <= share * np.median(peers)]
    assert drops.reasons == ["bytes outlier"] * len(drops.ids)
    assert {row for row, value in enumerate(values) if value == 0} <= set(drops.ids)


@given(st.lists(NUMBERS, max_size=40), st.floats(0, 100))
def test_far_below_usual(values: list[float | None], usual: float) -> None:
    """Nothing is dropped where the median is lower than is usual, and the same as ever where it is not."""
    table = pa.table({"id": range(len(values)), "bytes": pa.array(values, pa.float64())})
    peers = [value for value in values if value is not None]
    judges = len(peers) > 0 and np.median(peers) >= usual
    assert FarBelow("bytes", usual=usual).judge(table).ids == (FarBelow("bytes").judge(table).ids if judges else [])


def test_far_below_detail() -> None:
    """The detail quotes the value, the share and the median."""
    table = pa.table({"id": [7, 8, 9], "bytes": [3.0, 100.0, 120.5]})
    drops = FarBelow("bytes", reason="odd size").judge(table)
    assert (drops.ids, drops.reasons, drops.details) == ([7], ["odd size"], ["bytes 3 is at most 0.2 of 100, the median"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"column": "byte"}, "FarBelow: no column 'byte'; did you mean 'bytes'"),
        ({"column": "bytes", "share": 2}, r"FarBelow\(share=2\): give a share of the median"),
        ({"column": "bytes", "share": "half"}, r"FarBelow\(share='half'\)"),
        ({"column": "bytes", "usual": -1}, r"FarBelow\(usual=-1\): give the lowest median"),
    ],
)
def test_far_below_mistakes(arguments: dict[str, object], message: str) -> None:
    """A column or a share that cannot be is refused, by name and value."""
    with pytest.raises(PipelineError, match=message):
        FarBelow(**arguments)


@pytest.mark.parametrize(
    "rule",
    [
        FarBelow("contrast", 0.5, "odd", Luminance(64), 30),
        AllOf((Require("bytes", least=9), FarBelow("bytes")), "tiny"),
        AllOf((AllOf((Require("height", least=9), Require("width", least=9))), Deduplicate(by=None))),
    ],
    ids=repr,
)
def test_yaml(rule: Rule) -> None:
    """Rules within rules come back from YAML as they were."""
    assert Pipeline.from_yaml(Pipeline(rule).to_yaml()).stages == (rule,)
