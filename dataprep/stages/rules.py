"""Rules over the columns of single rows: what every image must have to be kept, and what is unlike its peers."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dataprep.errors import PipelineError, suggestion
from dataprep.stages.quality import Colorfulness, LaplacianVariance, Luminance, LuminanceHistogram, Noise
from dataprep.types import Drops, Measure

Numbers: TypeAlias = NDArray[np.float64]
"""(N,) one number for each row; NaN where it is missing."""

OWN: Final[tuple[Measure, ...]] = (Luminance(), LaplacianVariance(), LuminanceHistogram(), Noise(), Colorfulness())
MEASURED_BY: Final = {field.name: measure for measure in OWN for field in measure.fields}
"""The measure that fills a column, where a rule names only the column."""

DERIVED: Final[dict[str, Callable[[Numbers, Numbers], Numbers]]] = {
    "pixels": lambda height, width: height * width,
    "aspect_ratio": lambda height, width: np.maximum(height, width) / np.minimum(height, width),  # from 1 for a square
}
"""Numbers that follow from height and width; no table has a column of them."""

RECORDED: Final = ("height", "width", "bytes", *DERIVED)
"""Numbers that every record has, without a measure."""

LEAST_SPREAD: Final = 0.1
"""What `Outliers` takes for the deviation of logarithms, at least: where most peers are of one size, 10 % more is no outlier."""


@dataclass(frozen=True)
class Readable:
    """Drops what could not be read or decoded; every pipeline begins with it, whether named or not."""

    needs: tuple[Measure, ...] = ()

    def judge(self, table: pa.Table) -> Drops:
        """Returns the rows with an error, the error being the detail."""
        broken = table.filter(pc.is_valid(table["error"]))
        return Drops(
            broken["id"].to_pylist(),
            ["unreadable"] * len(broken),
            broken["error"].to_pylist(),
            [None] * len(broken),
        )


@dataclass(frozen=True)
class Require:
    """Keeps the rows whose column lies within limits, both inclusive; NaN and missing values are outside.

    Suggested limits are with the measures, and: "aspect_ratio" at most 4, "pixels" at least 1024; 99 % of ordinary photographs
    (ImageNet) are below 1.9 and above 13,000, all below 2.3 and above 8,000.

    Attributes:
        column: A number: "height", "width", "bytes", "pixels", "aspect_ratio" (the longer side over the shorter), or one that
            a measure gives, such as "sharpness".
        least: The lowest value kept, or None.
        most: The highest value kept, or None.
        reason: What a drop is called in summaries, such as "blurred".
        measure: The measure that gives the column, where it is not one of dataprep's own or not with its defaults.
    """

    column: str
    least: float | None = None
    most: float | None = None
    reason: str | None = None
    measure: Measure | None = None

    def __post_init__(self) -> None:
        """Checks that the column is known and that there is a limit."""
        _check_column(self, self.column, self.measure)
        for limit in (self.least, self.most):
            if limit is not None and not isinstance(limit, int | float):
                raise PipelineError(f"Require({self.column!r}): the limit {limit!r} is not a number")
        if self.least is None and self.most is None:
            raise PipelineError(f"Require({self.column!r}) keeps everything; give it `least`, `most` or both")

    @property
    def needs(self) -> tuple[Measure, ...]:
        """The measure that gives the column, if it takes one."""
        return _measures(self.column, self.measure)

    def judge(self, table: pa.Table) -> Drops:
        """Returns the rows outside the limits, with the value and the limit as detail."""
        values = _numbers(table, self.column)
        inside = np.isfinite(values)
        if self.least is not None:
            inside &= values >= self.least
        if self.most is not None:
            inside &= values <= self.most
        drops = Drops()
        for id, value in zip(table["id"].filter(pa.array(~inside)).to_pylist(), values[~inside], strict=True):
            drops.add(id, self.reason or f"{self.column} out of range", self._detail(float(value)))
        return drops

    def _detail(self, value: float) -> str:
        if self.most is not None and value > self.most:
            return f"{self.column} {_number(value)} > {_number(self.most)}"
        if self.least is not None and value < self.least:
            return f"{self.column} {_number(value)} < {_number(self.least)}"
        return f"{self.column} is not a number"


@dataclass(frozen=True)
class Outliers:
    """Drops the rows whose value is out of all proportion to that of their peers, such as a 40 × 30 icon among photos.

    Logarithms are compared, so that ten times as much is as far as a tenth. A row is an outlier where its logarithm is more
    than `k` robust standard deviations (1.4826 times the median absolute deviation, at least 0.1) from the median.
    Values that are not above 0 have no logarithm; they stay and are no peers, so that `Require` may judge them.

    The default is cautious, since sizes have long tails: of 311 ordinary photographs (ImageNet) 10 are outliers of "pixels" at
    10 deviations, which is beyond 5.6 times or below 1 / 5.6 of the median, 35 at 5, and none of "bytes" at 8, 6 at 5.

    Attributes:
        column: A number, as for `Require`.
        k: How many robust standard deviations are still kept.
        within: Who the peers are: "label" for the rows with the same label, "all" for all rows.
        peers: The least number of peers; where there are fewer, nobody is judged.
        reason: What a drop is called in summaries.
        measure: The measure that gives the column, where it is not one of dataprep's own or not with its defaults.
    """

    column: str
    k: float = 10.0
    within: Literal["label", "all"] = "label"
    peers: int = 30
    reason: str | None = None
    measure: Measure | None = None

    def __post_init__(self) -> None:
        """Checks the column, the number of deviations, who the peers are and how many."""
        _check_column(self, self.column, self.measure)
        if not isinstance(self.k, int | float) or not self.k > 0:
            raise PipelineError(f"Outliers({self.column!r}, k={self.k!r}): give a number of deviations above 0, such as 10")
        if self.within not in ("label", "all"):
            raise PipelineError(f"Outliers({self.column!r}, within={self.within!r}): one of 'label', 'all'")
        if not isinstance(self.peers, int) or self.peers < 2:
            raise PipelineError(f"Outliers({self.column!r}, peers={self.peers!r}): give a whole number from 2, such as 30")

    @property
    def needs(self) -> tuple[Measure, ...]:
        """The measure that gives the column, if it takes one."""
        return _measures(self.column, self.measure)

    def judge(self, table: pa.Table) -> Drops:
        """Returns the rows far from the median of their peers, with both values and the distance as detail."""
        values = _numbers(table, self.column)
        usable = np.isfinite(values) & (values > 0)
        details: dict[int, str] = {}
        for label, rows in self._groups(table, usable):
            logarithms = np.log(values[rows])
            median = np.median(logarithms)
            spread = max(1.4826 * float(np.median(np.abs(logarithms - median))), LEAST_SPREAD)
            far = (logarithms - median) / spread
            peers = f"{_number(float(np.exp(median)))}, the median of {len(rows)} peers" + (f" in {label!r}" if label else "")
            for row, off in zip(rows[np.abs(far) > self.k], far[np.abs(far) > self.k], strict=True):
                side = "above" if off > 0 else "below"
                details[int(row)] = f"{self.column} {_number(values[row])} is {abs(off):.1f} deviations {side} {peers}"
        ids = table["id"].to_numpy()
        drops = Drops()
        for row in sorted(details):
            drops.add(int(ids[row]), self.reason or f"{self.column} outlier", details[row])
        return drops

    def _groups(self, table: pa.Table, usable: NDArray[np.bool_]) -> Iterator[tuple[str | None, NDArray[np.int64]]]:
        """Yields the label and the rows of peers, where there are enough of them."""
        labels = table["label"] if self.within == "label" else pa.chunked_array([pa.nulls(len(table), pa.string())])
        encoded = labels.combine_chunks().dictionary_encode("encode")
        codes, names = encoded.indices.to_numpy(), encoded.dictionary.to_pylist()
        rows = np.flatnonzero(usable)
        rows = rows[np.argsort(codes[rows], kind="stable")]
        for part in np.split(rows, np.flatnonzero(np.diff(codes[rows])) + 1):
            if len(part) >= self.peers:
                yield names[codes[part[0]]], part


def _check_column(rule: object, column: str, measure: Measure | None) -> None:
    """Raises `PipelineError` unless the column is one of the measure's or, without one, a known one."""
    known = [field.name for field in measure.fields] if measure else [*RECORDED, *MEASURED_BY]
    if column not in known:
        raise PipelineError(f"{type(rule).__name__}: no column {column!r}; {suggestion(column, known)}")


def _measures(column: str, measure: Measure | None) -> tuple[Measure, ...]:
    """Returns the measure that gives a column, if it takes one."""
    if measure is not None:
        return (measure,)
    return (MEASURED_BY[column],) if column in MEASURED_BY else ()


def _numbers(table: pa.Table, column: str) -> Numbers:
    """Returns a column, or one that is derived."""
    if column in DERIVED and column not in table.column_names:
        return DERIVED[column](_numbers(table, "height"), _numbers(table, "width"))
    return np.asarray(table[column].to_numpy(), np.float64)


def _number(value: float) -> str:
    """Returns a number in full where it is whole, else with four digits."""
    return f"{value:.0f}" if float(value).is_integer() else f"{value:.4g}"
