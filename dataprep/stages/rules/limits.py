"""Rules over the columns of single rows: what every image must have to be kept."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from attrs import Attribute, field, frozen
from attrs.validators import optional
from numpy.typing import NDArray

from dataprep.arguments import check, is_number
from dataprep.columns import UNREADABLE, out_of_range
from dataprep.describe import register
from dataprep.errors import PipelineError, suggestion
from dataprep.protocols import Measure
from dataprep.stages.measures.quality import Colorfulness, LaplacianVariance, Levels, Luminance, LuminanceHistogram, Noise
from dataprep.types import Drops

Numbers: TypeAlias = NDArray[np.float64]
"""(N,) one number for each row; NaN where it is missing."""

OWN: Final[tuple[Measure, ...]] = (Luminance(), LaplacianVariance(), Levels(), LuminanceHistogram(), Noise(), Colorfulness())
MEASURED_BY: Final = {field.name: measure for measure in OWN for field in measure.fields}
"""The measure that fills a column, where a rule names only the column."""


class Derived(NamedTuple):
    """A number that follows from two others.

    Attributes:
        columns: The others.
        of: Returns it.
    """

    columns: tuple[str, str]
    of: Callable[[Numbers, Numbers], Numbers]


FAINT: Final = 10.0
"""Gray levels: what has less contrast counts as having so much, since a texture that is blurred has hardly any."""

DERIVED: Final = {
    "pixels": Derived(("height", "width"), lambda height, width: height * width),
    "aspect_ratio": Derived(("height", "width"), lambda height, width: np.maximum(height, width) / np.minimum(height, width)),
    "tonal_range": Derived(("lightest", "darkest"), lambda lightest, darkest: lightest - darkest),
    "relative_sharpness": Derived(
        ("sharpness", "contrast"),
        lambda sharpness, contrast: sharpness / np.maximum(contrast, FAINT) ** 2,
    ),
}
"""Numbers that follow from others; no table has a column of them."""

RECORDED: Final = ("height", "width", "bytes")
"""Numbers that every record has, without a measure."""


def known_column(rule: Any, argument: "Attribute[str]", column: str) -> None:
    """Raises `PipelineError` unless a rule's column is one of its measure's or, without one, a known one."""
    known = [field.name for field in rule.measure.fields] if rule.measure else [*RECORDED, *MEASURED_BY, *DERIVED]
    if column not in known:
        raise PipelineError(f"{type(rule).__name__}: no column {column!r}; {suggestion(column, known)}")


LIMIT: Final = optional(check(is_number, "give a number, or None for no limit"))


@register
@frozen
class Readable:
    """Drops what could not be read or decoded; every pipeline begins with it, whether named or not.

    Example:
        >>> manifest.judge(dp.Pipeline(dp.Readable())).reasons()  # all decode
        {}
    """

    needs: tuple[Measure, ...] = ()

    def judge(self, table: pa.Table) -> Drops:
        """Returns the rows with an error, the error being the detail."""
        broken = table.filter(pc.is_valid(table["error"]))
        return Drops(
            broken["id"].to_pylist(),
            [UNREADABLE] * len(broken),
            broken["error"].to_pylist(),
        )


@register
@frozen
class Require:
    """Keeps the rows whose column lies within limits, both inclusive; NaN and missing values are outside.

    Suggested limits are with the measures, and: "aspect_ratio" at most 4, "pixels" at least 1024; 99 % of ordinary photographs
    (ImageNet) are below 1.9 and above 13,000, all below 2.3 and above 8,000.

    Example:
        >>> pipeline = dp.Pipeline(dp.Require("width", least=200, reason="too small"))
        >>> judged = manifest.judge(pipeline)
        >>> judged.reasons()
        {'too small': 13}
        >>> judged.table["detail"][0].as_py()
        'width 128 < 200'

    Attributes:
        column: A number: "height", "width", "bytes", "pixels", "aspect_ratio" (the longer side over the shorter),
            "tonal_range" (the lightest level less the darkest), "relative_sharpness" (sharpness over the square of contrast,
            which a change of contrast leaves alone; a contrast below 10 counts as 10), or one that a measure gives, such as
            "sharpness".
        least: The lowest value kept, or None.
        most: The highest value kept, or None.
        reason: What a drop is called in summaries, such as "blurred".
        measure: The measure that gives the column, where it is not one of dataprep's own or not with its defaults.
    """

    column: str = field(validator=known_column)
    least: float | None = field(default=None, validator=LIMIT)
    most: float | None = field(default=None, validator=LIMIT)
    reason: str | None = None
    measure: Measure | None = None

    def __attrs_post_init__(self) -> None:
        """Checks that there is a limit."""
        if self.least is None and self.most is None:
            raise PipelineError(f"Require({self.column!r}) keeps everything; give it `least`, `most` or both")

    @property
    def needs(self) -> tuple[Measure, ...]:
        """The measures that give the column, if it takes any."""
        return measures_of(self.column, self.measure)

    def judge(self, table: pa.Table) -> Drops:
        """Returns the rows outside the limits, with the value and the limit as detail."""
        values = numbers(table, self.column)
        inside = np.isfinite(values)
        if self.least is not None:
            inside &= values >= self.least
        if self.most is not None:
            inside &= values <= self.most
        ids, details = table["id"].to_numpy()[~inside].tolist(), list(map(self._detail, values[~inside].tolist()))
        return Drops(ids, [self.reason or out_of_range(self.column)] * len(ids), details)

    def _detail(self, value: float) -> str:
        if self.most is not None and value > self.most:
            return f"{self.column} {spell(value)} > {spell(self.most)}"
        if self.least is not None and value < self.least:
            return f"{self.column} {spell(value)} < {spell(self.least)}"
        return f"{self.column} is not a number"


def measures_of(column: str, measure: Measure | None) -> tuple[Measure, ...]:
    """Returns the measures that give a column, if it takes any."""
    if measure is not None:
        return (measure,)
    if column in DERIVED:
        return tuple(dict.fromkeys(MEASURED_BY[part] for part in DERIVED[column].columns if part in MEASURED_BY))
    return (MEASURED_BY[column],) if column in MEASURED_BY else ()


def numbers(table: pa.Table, column: str) -> Numbers:
    """Returns a column, or one that is derived."""
    if column in DERIVED and column not in table.column_names:
        derived = DERIVED[column]
        return derived.of(*(numbers(table, part) for part in derived.columns))
    return np.asarray(table[column].to_numpy(), np.float64)


def spell(value: float) -> str:
    """Returns a number in full where it is whole, else with four digits."""
    return f"{value:.0f}" if float(value).is_integer() else f"{value:.4g}"
