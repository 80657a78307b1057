"""How each number of a manifest is distributed, where the rules cut it, and which images lie nearest to the cut.

A column with a long upper tail (bytes, sharpness) gets a logarithmic axis, log10(1 + value), so that a threshold near its low
end is more than a line at the edge.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dataprep.columns import COLUMNS, out_of_range
from dataprep.protocols import Rule
from dataprep.stages import AllOf, Require

BINS: Final = 56
NEIGHBOURS: Final = 8
"""Images shown on each side of a threshold."""
TICKS: Final = 8
TAIL: Final = 2.5
"""From how many times the upper quartile the largest value makes a long tail."""

NO_MEASURES: Final = ("id", "modified", "twin", "distance", "part_id")
"""Numbers that say nothing about the picture."""

UNITS: Final = {column.name: column.meaning for columns in COLUMNS.values() for column in columns}

Values = NDArray[np.float64]


class Limit(NamedTuple):
    """A threshold of a rule.

    Attributes:
        value: Where it cuts.
        least: Whether what is above is kept; otherwise what is below.
        reason: What the rule calls a drop.
        at: Its position on the axis, 0 to 1.
        outside: How many values it cuts off. In `AllOf` this and the rows are among those that the other rules would drop.
        below: Rows nearest below, ascending by value.
        above: Rows nearest above, ascending by value.
    """

    value: float
    least: bool
    reason: str
    at: float
    outside: int
    below: list[int]
    above: list[int]


class Histogram(NamedTuple):
    """One column of numbers.

    Attributes:
        column: Its name.
        unit: What it counts, or nothing where dataprep does not know it.
        log: Whether the axis is logarithmic.
        edges: One more than there are bins.
        kept: Kept images in each bin.
        dropped: Dropped images in each bin.
        ticks: (value, position from 0 to 1) for the axis.
        limits: Where rules cut.
    """

    column: str
    unit: str
    log: bool
    edges: list[float]
    kept: list[int]
    dropped: list[int]
    ticks: list[tuple[float, float]]
    limits: list[Limit]


def histograms(table: pa.Table, rules: tuple[Rule, ...]) -> list[Histogram]:
    """Returns one histogram for each column of numbers, those that a rule looks at first; copies are no neighbours."""
    cuts = [cut for rule in rules for cut in _cuts(rule)]
    wanted = {cut.rule.column for cut in cuts}
    columns = [field.name for field in table.schema if _is_number(field) and field.name not in NO_MEASURES]
    found = [
        _histogram(table, column, [cut for cut in cuts if cut.rule.column == column])
        for column in sorted(columns, key=lambda column: column not in wanted)
    ]
    return [histogram for histogram in found if histogram is not None]


class _Cut(NamedTuple):
    """A `Require`, what it calls a drop, and the rules that have to agree."""

    rule: Require
    reason: str
    others: tuple[Rule, ...]

    @property
    def limits(self) -> list[float]:
        """Where it cuts."""
        return [limit for limit in (self.rule.least, self.rule.most) if limit is not None]

    def judged(self, table: pa.Table) -> NDArray[np.bool_]:
        """Returns the rows whose fate the limits decide: those that the others would drop."""
        judged = np.ones(len(table), np.bool_)
        for other in self.others:
            judged &= np.isin(table["id"].to_numpy(), np.array(other.judge(table).ids, np.int64))
        return judged


def _cuts(rule: Rule) -> list[_Cut]:
    """Returns the limits of a rule, those of the rules within it among them."""
    if isinstance(rule, Require):
        return [_Cut(rule, rule.reason or out_of_range(rule.column), ())]
    if not isinstance(rule, AllOf):
        return []
    found = []
    for number, part in enumerate(rule.rules):
        others = (*rule.rules[:number], *rule.rules[number + 1 :])
        found += [_Cut(cut.rule, rule.reason or cut.reason, (*cut.others, *others)) for cut in _cuts(part)]
    return found


def _is_number(field: pa.Field) -> bool:
    return bool(pa.types.is_integer(field.type) or pa.types.is_floating(field.type))


def _histogram(table: pa.Table, column: str, cuts: list[_Cut]) -> Histogram | None:
    values = np.asarray(table[column].to_numpy(), np.float64)
    finite = np.isfinite(values)
    values = np.where(finite, values, np.nan)  # infinity compares, NaN does not
    if not finite.any():
        return None
    places = [limit for cut in cuts for limit in cut.limits]
    axis = _Axis.of(values[finite], places, whole=pa.types.is_integer(table.schema.field(column).type))
    keep = table["keep"].to_numpy()
    kept, dropped = (np.histogram(values[finite & chosen], axis.edges)[0].tolist() for chosen in (keep, ~keep))
    alone = pc.is_null(table["twin"]).to_numpy()
    limits = [limit for cut in cuts for limit in _limits(np.where(cut.judged(table), values, np.nan), alone, cut, axis)]
    return Histogram(column, UNITS.get(column, ""), axis.log, axis.edges.tolist(), kept, dropped, axis.ticks(), limits)


def _limits(values: Values, alone: NDArray[np.bool_], cut: _Cut, axis: "_Axis") -> Iterator[Limit]:
    """Yields the limits of one rule, by the values that they decide about; copies are no neighbours."""
    single = np.where(alone, values, np.nan)
    for value in cut.limits:
        least = value is cut.rule.least
        outside = int((values < value if least else values > value).sum())
        low, high = (single < value, single >= value) if least else (single <= value, single > value)
        below, above = (_nearest(values, np.flatnonzero(side), value) for side in (low, high))
        yield Limit(value, least, cut.reason, axis.position(value), outside, below, above)


def _nearest(values: Values, rows: NDArray[np.int64], value: float) -> list[int]:
    """Returns the rows whose values are nearest to one, ascending by value; ties by row."""
    nearest = rows[np.argsort(np.abs(values[rows] - value), kind="stable")[:NEIGHBOURS]]
    chosen: list[int] = nearest[np.lexsort((nearest, values[nearest]))].tolist()
    return chosen


class _Axis(NamedTuple):
    """From values to positions between 0 and 1."""

    edges: Values
    log: bool

    @classmethod
    def of(cls, values: Values, limits: list[float], whole: bool) -> "_Axis":
        """Returns an axis that holds all values and limits."""
        low, high = min(values.min(), *limits, np.inf), max(values.max(), *limits, -np.inf)
        if low >= 0 and high > 10 and high > TAIL * np.quantile(values, 0.75):
            edges = 10 ** np.linspace(np.log10(1 + low), np.log10(1 + high), BINS + 1) - 1
            edges[0], edges[-1] = low, high  # whatever rounding did to the powers
            return cls(edges, log=True)
        margin = 0.5 if whole or low == high else 0.0
        bins = int(min(BINS, high - low + 1)) if whole else BINS
        return cls(np.linspace(low - margin, high + margin, bins + 1), log=False)

    def position(self, value: float) -> float:
        """Returns where a value is, 0 at the first edge and 1 at the last."""
        low, at, high = (np.log10(1 + number) if self.log else number for number in (self.edges[0], value, self.edges[-1]))
        return float((at - low) / (high - low))

    def ticks(self) -> list[tuple[float, float]]:
        """Returns round values and their positions."""
        low, high = float(self.edges[0]), float(self.edges[-1])
        for steps in ((1, 2, 5), (1,)):
            powers = range(13) if self.log else ()
            found = [float(step * 10**power) for power in powers for step in steps if low <= step * 10**power <= high]
            if 2 <= len(found) <= TICKS:
                return [(value, self.position(value)) for value in found]
        step = _round_step((high - low) / (TICKS - 2))
        values = np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step
        return [(float(value), self.position(value)) for value in values.tolist()]


def _round_step(step: float) -> float:
    """Returns the next of 1, 2, 5 times a power of ten."""
    power = 10 ** np.floor(np.log10(step))
    return float(next(factor for factor in (1, 2, 5, 10) if factor * power >= step * (1 - 1e-9)) * power)
