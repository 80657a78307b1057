"""The rules that compare a row with its peers."""

import math
from collections.abc import Iterator
from typing import Final, Literal

import numpy as np
import pyarrow as pa
from attrs import field, frozen
from numpy.typing import NDArray

from dataprep.arguments import check, is_number, number, one_of, whole
from dataprep.columns import outlier
from dataprep.describe import register
from dataprep.protocols import Measure
from dataprep.stages.rules.limits import known_column, measures_of, numbers, spell
from dataprep.types import Drops

LEAST_SPREAD: Final = 0.1
"""What `Outliers` takes for the deviation of logarithms, at least: where most peers are of one size, 10 % more is no outlier."""

DEVIATIONS: Final = check(lambda k: is_number(k) and k > 0, "give a number of deviations above 0, such as 10")


@register
@frozen
class Outliers:
    """Drops the rows whose value is out of all proportion to that of their peers, such as a 40 × 30 icon among photos.

    Logarithms are compared, so that ten times as much is as far as a tenth. A row is an outlier where its logarithm is more
    than `k` robust standard deviations (1.4826 times the median absolute deviation, at least 0.1) from the median.
    Values that are not above 0 have no logarithm; they stay and are not peers, so that `Require` may judge them.

    The default is cautious, since sizes have long tails: of 311 ordinary photographs (ImageNet) 10 are outliers of "pixels" at
    10 deviations, which is beyond 5.6 times or below 1 / 5.6 of the median, 35 at 5, and none of "bytes" at 8, 6 at 5.

    Example:
        >>> odd = dp.Outliers("pixels", within="all", peers=5, reason="odd size")
        >>> icon = write_images("photos/icons", 1, seed=50, height=12, width=16, labels=())
        >>> dp.clean("photos", dp.Pipeline(odd)).reasons()
        {'odd size': 1}

    Attributes:
        column: A number, as for `Require`.
        k: How many robust standard deviations are still kept.
        within: Who the peers are: "label" for the rows with the same label, "all" for all rows.
        peers: The least number of peers; where there are fewer, nobody is judged.
        reason: What a drop is called in summaries.
        measure: The measure that gives the column, where it is not one of dataprep's own or not with its defaults.
    """

    column: str = field(validator=known_column)
    k: float = field(default=10.0, validator=DEVIATIONS)
    within: Literal["label", "all"] = field(default="label", validator=one_of("label", "all"))
    peers: int = field(default=30, validator=whole(2, np.inf, "give a whole number from 2, such as 30"))
    reason: str | None = None
    measure: Measure | None = None

    @property
    def needs(self) -> tuple[Measure, ...]:
        """The measures that give the column, if it takes any."""
        return measures_of(self.column, self.measure)

    def judge(self, table: pa.Table) -> Drops:
        """Returns the rows far from the median of their peers, with both values and the distance as detail."""
        values = numbers(table, self.column)
        usable = np.isfinite(values) & (values > 0)
        details: dict[int, str] = {}
        for label, rows in self._groups(table, usable):
            logarithms = np.log(values[rows])
            median = np.median(logarithms)
            spread = max(1.4826 * float(np.median(np.abs(logarithms - median))), LEAST_SPREAD)
            far = (logarithms - median) / spread
            peers = f"{spell(float(np.exp(median)))}, the median of {len(rows)} peers" + (f" in {label!r}" if label else "")
            for row, off in zip(rows[np.abs(far) > self.k], far[np.abs(far) > self.k], strict=True):
                side = "above" if off > 0 else "below"
                details[int(row)] = f"{self.column} {spell(values[row])} is {abs(off):.1f} deviations {side} {peers}"
        ids = table["id"].to_numpy()
        drops = Drops()
        for row in sorted(details):
            drops.add(int(ids[row]), self.reason or outlier(self.column), details[row])
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


@register
@frozen
class FarBelow:
    """Drops the rows whose value is at most a share of the median of all rows, such as a dark photograph among light ones.

    What is usual in a set is no fault of its images, so a limit that fits photographs spares other sets when it is joined with
    this rule, in `AllOf`: where most images are as dark, small or smooth, none is far below. Zero is always far below, unless
    the median is below `usual`. Missing values are neither dropped nor peers.

    Example:
        >>> from pathlib import Path
        >>> black = Path("photos/cat/black.png")
        >>> _ = black.write_bytes(encoded(np.zeros((96, 128, 3), np.uint8), "PNG"))
        >>> dark = dp.FarBelow("brightness", share=0.2, reason="far darker than the others")
        >>> dp.clean("photos", dp.Pipeline(dark)).reasons()
        {'far darker than the others': 1}

    Attributes:
        column: A number from 0, as for `Require`.
        share: Of the median, above 0 and below 1.
        reason: What a drop is called in summaries.
        measure: The measure that gives the column, where it is not one of dataprep's own or not with its defaults.
        usual: The lowest median at which it judges: masks of class numbers, say, are dark throughout, and no zero among them is
            far below.
    """

    column: str = field(validator=known_column)
    share: float = field(default=0.2, validator=number(0, 1, "give a share of the median, such as 0.2"))
    reason: str | None = None
    measure: Measure | None = None
    usual: float = field(default=0.0, validator=number(0, math.inf, "give the lowest median at which it judges, such as 60"))

    @property
    def needs(self) -> tuple[Measure, ...]:
        """The measures that give the column, if it takes any."""
        return measures_of(self.column, self.measure)

    def judge(self, table: pa.Table) -> Drops:
        """Returns the rows far below the median, with both values as detail."""
        values = numbers(table, self.column)
        peers = values[np.isfinite(values)]
        median = float(np.median(peers)) if len(peers) else math.nan
        if not median >= self.usual:
            return Drops()
        far = values <= self.share * median
        ids, limit = table["id"].to_numpy()[far].tolist(), f"is at most {self.share:g} of {spell(median)}, the median"
        details = [f"{self.column} {spell(value)} {limit}" for value in values[far].tolist()]
        return Drops(ids, [self.reason or outlier(self.column)] * len(ids), details)
