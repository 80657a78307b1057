"""Histograms: every value counted once, thresholds where they cut, neighbours the nearest ones."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataprep.report.histograms import NEIGHBOURS, TICKS, Histogram, histograms
from dataprep.stages import AllOf, Deduplicate, Require


def table(values: list[float | None], kind: pa.DataType, column: str = "sharpness") -> pa.Table:
    """Returns a table of one column of numbers; every third row is dropped."""
    size = len(values)
    keep = [row % 3 != 2 for row in range(size)]
    names = ["id", "modified", "uri", column, "keep", "twin"]
    numbers = pa.array(range(size), pa.int64())
    columns = [numbers, numbers, ["a"] * size, pa.array(values, kind), keep, pa.nulls(size, pa.int64())]
    return pa.table(columns, names=names)


def only(values: list[float | None], *rules: Require, kind: pa.DataType | None = None) -> Histogram:
    """Returns the histogram of one column."""
    (found,) = histograms(table(values, kind or pa.float64()), rules)
    return found


ODD = st.sampled_from([None, 0.0, np.nan, np.inf, -np.inf])
FLOATS = st.lists(st.one_of(st.floats(-1e6, 1e6), ODD), min_size=1, max_size=60)
WHOLE = st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=60)


@given(st.one_of(FLOATS.map(lambda v: (v, pa.float64())), WHOLE.map(lambda v: (v, pa.int64()))), st.floats(-1e6, 1e6))
def test_every_value_is_counted_once(drawn: tuple[list[float | None], pa.DataType], limit: float) -> None:
    """The bins hold every finite value once; edges, ticks and thresholds lie on the axis, in order."""
    values, kind = drawn
    finite = [(row, value) for row, value in enumerate(values) if value is not None and np.isfinite(value)]
    found = histograms(table(values, kind), (Require("sharpness", least=limit),))
    assert len(found) == bool(finite)
    for histogram in found:
        assert sum(histogram.kept) == sum(row % 3 != 2 for row, _ in finite)
        assert sum(histogram.dropped) == sum(row % 3 == 2 for row, _ in finite)
        assert (np.diff(histogram.edges) > 0).all()
        assert len(histogram.edges) == len(histogram.kept) + 1
        assert 0 <= histogram.limits[0].at <= 1
        assert histogram.limits[0].outside == sum(value < limit for _, value in finite)
        places = [at for _, at in histogram.ticks]
        assert len(places) <= TICKS + 1
        assert places == sorted(places)
        assert all(-1e-9 <= at <= 1 + 1e-9 for at in places)


@given(st.lists(st.floats(0, 100), min_size=1, max_size=60), st.floats(0, 100), st.booleans())
def test_neighbours(values: list[float], value: float, least: bool) -> None:
    """On each side of a threshold are the values nearest to it, ascending; what equals it passes."""
    rule = Require("sharpness", least=value) if least else Require("sharpness", most=value)
    (limit,) = only(values, rule).limits
    below = [row for row in range(len(values)) if (values[row] < value if least else values[row] <= value)]
    above = [row for row in range(len(values)) if row not in below]
    for side, rows in ((limit.below, below), (limit.above, above)):
        nearest = sorted(rows, key=lambda row: (abs(values[row] - value), row))[:NEIGHBOURS]
        assert side == sorted(nearest, key=lambda row: (values[row], row))


def test_copies_are_no_neighbours() -> None:
    """A copy of a picture is counted, but not shown beside a threshold."""
    copied = table([1.0, 2.0, 3.0], pa.float64()).set_column(5, "twin", pa.array([None, 0, None], pa.int64()))
    (found,) = histograms(copied, (Require("sharpness", least=5),))
    assert (found.limits[0].outside, found.limits[0].below) == (3, [0, 2])


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 100)), min_size=1, max_size=40), st.floats(0, 100), st.floats(0, 100))
def test_rules_that_agree(values: list[tuple[float, float]], least: float, most: float) -> None:
    """Each threshold of `AllOf` counts and shows, of the rows that the other rules would drop, those on either side."""
    drawn = table([value for value, _ in values], pa.float64()).append_column("noise", pa.array([value for _, value in values]))
    found = histograms(drawn, (AllOf((Require("sharpness", least=least), Require("noise", most=most)), "odd"),))
    assert [histogram.column for histogram in found] == ["sharpness", "noise"]
    (low,), (high,) = (histogram.limits for histogram in found)
    assert (low.value, low.least, high.value, high.least) == (least, True, most, False)
    assert low.reason == high.reason == "odd"
    assert low.outside == high.outside == sum(sharp < least and noise > most for sharp, noise in values)
    assert all(values[row][1] > most for row in (*low.below, *low.above))
    assert all(values[row][0] < least for row in (*high.below, *high.above))


def test_which_columns() -> None:
    """Columns of numbers have a histogram, those that a rule looks at first; ids, times and twins have none."""
    mixed = table([1.0, 2.0], pa.float32()).append_column("bytes", pa.array([5, 6]))
    mixed = mixed.append_column("empty", pa.nulls(2, pa.float32()))
    assert [found.column for found in histograms(mixed, (Deduplicate(), Require("bytes", least=1)))] == ["bytes", "sharpness"]


@pytest.mark.parametrize(
    ("values", "log"), [(range(100, 200), False), ([*range(100, 200), 1_000], True), ([-1, *range(100), 1_000], False)]
)
def test_axis(values: list[int], log: bool) -> None:
    """A long upper tail asks for a logarithmic axis; numbers below 0 forbid it."""
    assert only([float(value) for value in values]).log == log


def test_equal_values() -> None:
    """Values that are all equal are one bar."""
    for kind in (pa.int32(), pa.float32()):
        assert sum(count > 0 for count in only([7, 7], kind=kind).kept) == 1


def test_few_whole_numbers() -> None:
    """Whole numbers in a narrow range have one bin each."""
    assert only([3, 4, 4, 6], kind=pa.int32()).edges == [2.5, 3.5, 4.5, 5.5, 6.5]
