"""What a search for copies will cost, before it begins: the radius that suits thousands of pictures is too wide for millions."""

from collections.abc import Iterator, Sequence
from typing import Final

from dataprep.protocols import Rule
from dataprep.report.finding import Finding
from dataprep.search.blocks import chance_pairs
from dataprep.stages import Deduplicate
from dataprep.stages.measures.hashing import Hash

MANY: Final = 1e9
"""Pairs that are alike by chance alone, above which a search is warned of: each is compared once more, and held in memory."""
FEW: Final = 1e8
"""Pairs of which a search takes minutes."""


def forecast(size: int, rules: Sequence[Rule]) -> Iterator[Finding]:
    """Yields what is to be said of rules before they look at so many images."""
    for rule in rules:
        if isinstance(rule, Deduplicate) and isinstance(rule.by, Hash):
            expected = [chance_pairs(size, rule.by.bits, radius) for radius in range(rule.radius + 1)]
            if expected[-1] >= MANY:
                yield _warning(size, expected)


def _warning(size: int, expected: Sequence[float]) -> Finding:
    """Returns what is said where the last of the radii, which count from 0, means too many pairs."""
    radius = max((radius for radius, pairs in enumerate(expected) if pairs < FEW), default=None)
    remedy = "--radius off" if radius is None else f"--radius {radius}"
    sentence = f"{size:,} images at radius {len(expected) - 1} mean {expected[-1] / 1e9:,.0f} billion comparisons"
    rest = "no radius means few" if radius is None else f"radius {radius} means {expected[radius] / 1e6:,.0f} million"
    counts = {"comparisons": round(expected[-1]), "images": size}
    return Finding("comparisons", f"{sentence} of pairs that are alike by chance; {rest}: `{remedy}`", remedy, counts)
