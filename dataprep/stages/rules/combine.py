"""The rule that asks several others, for what one number cannot decide."""

from itertools import chain
from typing import Any

import pyarrow as pa
from attrs import Attribute, field, frozen

from dataprep.arguments import as_tuple
from dataprep.describe import register
from dataprep.errors import PipelineError
from dataprep.protocols import Measure, Rule
from dataprep.types import Drops


def _two_or_more(rule: Any, argument: "Attribute[Any]", rules: object) -> None:
    """Raises `PipelineError` unless there are at least two rules."""
    if not isinstance(rules, tuple) or len(rules) < 2 or not all(isinstance(part, Rule) for part in rules):
        raise PipelineError(f"{type(rule).__name__}({argument.name}={rules!r}): give two rules or more, such as two `Require`")


@register
@frozen
class AllOf:
    """Drops the rows that each of its rules would drop, such as what is dark on average and has no lights either.

    Each rule sees the whole table, so their order plays no part but in the detail.

    Example:
        >>> dim, unlit = dp.Require("brightness", least=120), dp.Require("lightest", least=200)
        >>> [manifest.judge(dp.Pipeline(rule)).reasons() for rule in (dim, unlit, dp.AllOf([dim, unlit], reason="too dark"))]
        [{'brightness out of range': 4}, {'lightest out of range': 1}, {'too dark': 1}]

    Attributes:
        rules: Two rules or more.
        reason: What a drop is called in summaries, such as "too dark"; None takes that of the first rule.
    """

    rules: tuple[Rule, ...] = field(converter=as_tuple, validator=_two_or_more)
    reason: str | None = None

    @property
    def needs(self) -> tuple[Measure, ...]:
        """The measures that its rules need, each once."""
        return tuple(dict.fromkeys(chain.from_iterable(rule.needs for rule in self.rules)))

    @property
    def finds_copies(self) -> bool:
        """Whether one of its rules does, so that all judge after other rules."""
        return any(getattr(rule, "finds_copies", False) for rule in self.rules)

    def judge(self, table: pa.Table) -> Drops:
        """Returns the rows that all rules drop, in the first rule's order, with all that the rules say as detail."""
        first, *others = (rule.judge(table) for rule in self.rules)
        said = [dict(zip(drops.ids, drops.details, strict=True)) for drops in others]
        kept = Drops()
        for id, reason, detail, twin, distance in zip(
            first.ids, first.reasons, first.details, first.twins, first.distances, strict=True
        ):
            if all(id in details for details in said):
                sentence = "; ".join([detail, *(details[id] for details in said)])
                kept.add(id, self.reason or reason, sentence, twin, distance)
        return kept
