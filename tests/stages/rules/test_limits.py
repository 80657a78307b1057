"""Rules over single rows: who stays, and what the others are told."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dataprep.errors import PipelineError
from dataprep.pipeline import Pipeline
from dataprep.protocols import Measure, Rule
from dataprep.stages import Colorfulness, LaplacianVariance, Luminance, LuminanceHistogram, Noise, Outliers, Readable, Require

VALUES = st.lists(st.one_of(st.none(), st.floats(width=32)), min_size=1, max_size=30)


def table_of(values: list[float | None], column: str = "sharpness") -> pa.Table:
    """A table of ids from 100 up and one column."""
    return pa.table({"id": np.arange(100, 100 + len(values)), column: pa.array(values, pa.float32())})


@given(VALUES, st.floats(-100, 100, width=32), st.floats(0, 100, width=32), st.sampled_from(["least", "most", "both"]))
@example([float("inf"), 3.0, float("-inf")], 0.0, 5.0, "least")
@example([float("inf"), 3.0, float("-inf")], 0.0, 5.0, "most")
def test_limits(values: list[float | None], least: float, span: float, given: str) -> None:
    """Limits are inclusive; NaN, infinite and missing values are outside; who is dropped is told why, in order."""
    most = float(np.float32(least + span))
    limits = {"least": (least, None), "most": (None, most), "both": (least, most)}[given]
    drops = Require("sharpness", *limits, reason="odd").judge(table_of(values))
    least, most = (least, np.inf) if given == "least" else (-np.inf, most) if given == "most" else (least, most)
    inside = [value is not None and np.isfinite(value) and least <= value <= most for value in values]
    assert drops.ids == [100 + place for place, stays in enumerate(inside) if not stays]
    assert drops.reasons == ["odd"] * len(drops.ids)
    assert drops.twins == [None] * len(drops.ids)
    assert len(drops.details) == len(drops.ids) and all(detail.startswith("sharpness ") for detail in drops.details)


@pytest.mark.parametrize(
    ("value", "detail"),
    [
        (3.125, "sharpness 3.125 < 10"),
        (250.0, "sharpness 250 > 20"),
        (None, "is not a number"),
        (float("nan"), "is not a number"),
    ],
)
def test_detail(value: float | None, detail: str) -> None:
    """The detail quotes the value, the limit and which way it is off."""
    drops = Require("sharpness", least=10, most=20).judge(table_of([value, 10.0, 20.0]))
    assert drops.ids == [100]
    assert detail in drops.details[0]
    assert drops.reasons == ["sharpness out of range"]


@pytest.mark.parametrize("column", ["height", "width", "bytes"])
def test_recorded_columns(column: str) -> None:
    """What every record has takes no measure."""
    rule = Require(column, least=32)
    assert rule.needs == ()
    assert rule.judge(pa.table({"id": [0, 1, 2], column: pa.array([31, 32, None], pa.int32())})).ids == [0, 2]


def test_needs() -> None:
    """A column brings its measure along: dataprep's own, or the one given."""
    assert Require("sharpness", least=1).needs == (LaplacianVariance(),)
    assert Require("contrast", least=1).needs == Require("brightness", most=9).needs == (Luminance(),)
    assert Require("contrast", least=1, measure=Luminance(side=64)).needs == (Luminance(side=64),)


@pytest.mark.parametrize(
    ("column", "hint"),
    [("sharpnes", "'sharpness'"), ("Height", "'height'"), ("brightnes", "'brightness'"), ("xyz", "known: aspect_ratio, ")],
)
def test_misspelt(column: str, hint: str) -> None:
    """A misspelt column is refused with the one that was meant."""
    with pytest.raises(PipelineError, match=f"no column '{column}'.*{hint}"):
        Require(column, least=1)


@pytest.mark.parametrize(
    ("column", "measure"),
    [
        ("dark_fraction", LuminanceHistogram()),
        ("bright_fraction", LuminanceHistogram()),
        ("entropy", LuminanceHistogram()),
        ("noise", Noise()),
        ("saturation", Colorfulness()),
        ("colorfulness", Colorfulness()),
    ],
)
def test_quality_columns(column: str, measure: Measure) -> None:
    """Every quality column is known by its name and brings its measure, to a limit as to outliers."""
    assert Require(column, least=0.5).needs == Outliers(column).needs == (measure,)


@pytest.mark.parametrize(
    ("column", "dropped", "detail"),
    [
        ("aspect_ratio", [2, 3, 4, 5], "aspect_ratio 4.01 > 4"),
        ("pixels", [1, 2, 3, 4, 5], "pixels 40100 > 4"),
    ],
)
def test_derived_columns(column: str, dropped: list[int], detail: str) -> None:
    """Shape and number of pixels follow from height and width, take no measure, and are missing where these are."""
    table = pa.table(
        {
            "id": np.arange(6),
            "height": pa.array([1, 100, 100, 401, None, 100], pa.int32()),
            "width": pa.array([4, 400, 401, 100, 100, None], pa.int32()),
        }
    )
    rule = Require(column, most=4)
    assert rule.needs == ()
    drops = rule.judge(table)
    assert drops.ids == dropped
    assert detail in drops.details
    assert f"{column} is not a number" in drops.details


def test_derived_measures() -> None:
    """The range is from the darkest to the lightest level; relative sharpness is that over squared contrast, from 10 up."""
    table = pa.table({"id": range(3), "darkest": [9, 0, None], "lightest": [30, 20, 9]})
    assert Require("tonal_range", least=21).judge(table).ids == [1, 2]
    table = pa.table({"id": range(4), "sharpness": [50.0, 200.0, 50.0, None], "contrast": [10.0, 20.0, 0.0, 1.0]})
    assert Require("relative_sharpness", least=0.5, most=0.5).judge(table).ids == [3]


@pytest.mark.parametrize("column", ["aspect_ratio", "pixels"])
@given(st.integers(1, 30_000), st.integers(1, 30_000))
def test_turned_shape(column: str, height: int, width: int) -> None:
    """Turning an image by a quarter changes neither its shape nor its number of pixels, and a square's shape is 1, the least."""
    sides = pa.array([height, width, height], pa.int32()), pa.array([width, height, height], pa.int32())
    table = pa.table({"id": [0, 1, 2], "height": sides[0], "width": sides[1]})
    value = {"aspect_ratio": max(height, width) / min(height, width), "pixels": height * width}[column]
    assert not {0, 1} & set(Require(column, least=value, most=value).judge(table).ids)
    assert Require("aspect_ratio", least=1).judge(table).ids == []


def sizes_of(pixels: list[float | None], labels: list[str | None]) -> pa.Table:
    """A table of ids from 100 up, a column `bytes` and labels."""
    ids = np.arange(100, 100 + len(pixels))
    return pa.table({"id": ids, "bytes": pa.array(pixels, pa.float64()), "label": pa.array(labels, pa.string())})


@given(st.integers(0, 1_000), st.floats(2, 12), st.sampled_from(["label", "all"]), st.integers(2, 60))
def test_outliers(seed: int, k: float, within: str, peers: int) -> None:
    """Outliers lie more than k robust deviations of the logarithm from the median of their peers, where these are enough."""
    generator = np.random.default_rng(seed)
    values = np.exp(generator.standard_t(2, 100) * generator.choice([0, 0.05, 0.5]) + 9)
    labels = generator.choice(np.array(["cat", "dog", None], object), 100, p=[0.6, 0.3, 0.1])
    expected = []
    for row, value in enumerate(np.log(values)):
        group = np.log(values[[within == "all" or label == labels[row] for label in labels]])
        spread = max(0.1, 1.4826 * np.median(np.abs(group - np.median(group))))
        if len(group) >= peers and abs(value - np.median(group)) > k * spread:
            expected.append(100 + row)
    drops = Outliers("bytes", k, within, peers).judge(sizes_of(values.tolist(), labels.tolist()))
    assert drops.ids == expected
    assert drops.reasons == ["bytes outlier"] * len(expected)
    assert drops.twins == [None] * len(expected)


def test_outlier_detail() -> None:
    """The detail quotes the value, how far off it is, and of how many peers which median."""
    drops = Outliers("bytes", reason="odd size").judge(sizes_of([1000.0] * 40 + [100.0, 2000.0, 5000.0], ["cat"] * 43))
    assert drops.reasons == ["odd size"] * 2
    assert drops.details == [
        "bytes 100 is 23.0 deviations below 1000, the median of 43 peers in 'cat'",
        "bytes 5000 is 16.1 deviations above 1000, the median of 43 peers in 'cat'",
    ]


def test_outliers_of_their_label_only() -> None:
    """What is common under one label is no outlier there, however rare it is among all."""
    table = sizes_of([1000.0] * 70 + [10.0] * 30, ["cat"] * 70 + ["icon"] * 30)
    assert Outliers("bytes").judge(table).ids == []
    assert Outliers("bytes", within="all").judge(table).ids == list(range(170, 200))


def test_without_logarithm() -> None:
    """Values that are missing, zero, negative or infinite are neither outliers nor peers, and an empty table has none."""
    odd = [None, 0.0, -5.0, float("nan"), float("inf")]
    assert Outliers("bytes", peers=3).judge(sizes_of([7.0] * 3 + odd, [None] * 8)).ids == []
    assert Outliers("bytes", peers=4).judge(sizes_of([7.0, 7.0, 1e9, *odd], [None] * 8)).ids == []
    for within in ("label", "all"):
        assert Outliers("bytes", within=within).judge(sizes_of([], [])).ids == []


def test_outlying_pixels() -> None:
    """Derived columns and given measures serve outliers too."""
    table = sizes_of([1.0] * 31, ["cat"] * 31)
    for side in ("height", "width"):
        table = table.append_column(side, pa.array([500] * 30 + [20], pa.int32()))
    assert Outliers("pixels").judge(table).ids == [130]
    assert Outliers("contrast", measure=Luminance(side=64)).needs == (Luminance(side=64),)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"column": "pixel"}, "Outliers: no column 'pixel'; did you mean 'pixels'"),
        ({"column": "bytes", "k": 0}, r"Outliers\(k=0\): give a number of deviations"),
        ({"column": "bytes", "k": "many"}, r"Outliers\(k='many'\)"),
        ({"column": "bytes", "within": "split"}, "within='split'.*one of 'label', 'all'"),
        ({"column": "bytes", "peers": 1}, "peers=1"),
        ({"column": "bytes", "peers": 2.5}, "peers=2.5"),
    ],
)
def test_outliers_mistakes(arguments: dict[str, object], message: str) -> None:
    """A column, distance, group or number that cannot be is refused, by name and value."""
    with pytest.raises(PipelineError, match=message):
        Outliers(**arguments)


@pytest.mark.parametrize(
    "rule",
    [
        Require("aspect_ratio", most=4),
        Require("noise", most=25),
        Outliers("pixels"),
        Outliers("contrast", 8, "all", 10, "odd", Luminance(64)),
    ],
    ids=repr,
)
def test_yaml(rule: Rule) -> None:
    """Rules come back from YAML as they were."""
    assert Pipeline.from_yaml(Pipeline(rule).to_yaml()).stages == (rule,)


def test_without_limits() -> None:
    """A rule that keeps everything is a mistake."""
    with pytest.raises(PipelineError, match="keeps everything"):
        Require("height")


def test_column_of_another_measure() -> None:
    """A column that the given measure does not fill is refused."""
    with pytest.raises(PipelineError, match="no column 'sharpness'"):
        Require("sharpness", least=1, measure=Luminance())


def test_readable() -> None:
    """What has an error is dropped as unreadable, the error being the detail."""
    table = pa.table({"id": [4, 5, 6], "error": pa.array([None, "the file is empty", None])})
    drops = Readable().judge(table)
    assert (drops.ids, drops.reasons, drops.details, drops.twins) == ([5], ["unreadable"], ["the file is empty"], [None])
