"""What the rules decide about a table: which rows are kept, and why the others are not."""

from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dataprep.columns import fields_of, names_of
from dataprep.errors import ManifestError
from dataprep.manifest.overrides import KEPT_BY_HAND, NO_OVERRIDES, Overrides
from dataprep.protocols import Measure, Rule
from dataprep.stages import Readable
from dataprep.types import Drops

VERDICT: Final = names_of("verdict")
"""The columns that judging fills."""


def verdicts(table: pa.Table, rules: tuple[Rule, ...], overrides: Overrides = NO_OVERRIDES) -> pa.Table:
    """Returns the table with the columns of the verdict as the rules decide, in the order of `in_turn`.

    What cannot be read is dropped first, whether the rules say so or not. What is dropped by hand goes before the rules, what
    is kept by hand comes back after them, and its detail says so. Labels by hand are there before them.
    """
    table = overrides.relabelled(table)
    table = table.drop_columns([name for name in VERDICT if name in table.column_names])
    found = np.full(table.num_rows, -1, np.int64)  # found: (N,) the drop of each row, counted over all rules
    given, seen, dropped = Drops(), table, 0
    for judge in (Readable().judge, overrides.drops, *(rule.judge for rule in in_turn(rules))):
        if len(given.ids) > dropped:  # a table is copied only where it got shorter, and another rule looks at it
            seen, dropped = table.filter(pa.array(found < 0)), len(given.ids)
        drops = judge(seen)
        rows = _rows(table, drops)
        found[rows] = len(given.ids) + np.arange(len(rows))
        given = given + drops
    back = overrides.kept(table) & (found >= 0)
    found[back] = -1
    indices = pa.array(found, mask=found < 0)
    keep, *others = fields_of("verdict")
    table = table.append_column(keep, pa.array(found < 0))
    for field, values in zip(others, (given.reasons, given.details, given.twins, given.distances), strict=True):
        column = pa.array(values, field.type).take(indices)
        if field.name == "detail" and back.any():
            column = pc.if_else(pa.array(back), pa.scalar(KEPT_BY_HAND, field.type), column)
        table = table.append_column(field, column)
    return table


def check_measured(rules: tuple[Rule, ...], measures: tuple[Measure, ...]) -> None:
    """Checks that what rules need was measured.

    Raises:
        ManifestError: It was not.
    """
    missing = [measure for rule in rules for measure in rule.needs if measure not in measures]
    if missing:
        raise ManifestError(
            f"the manifest has no columns of {', '.join(map(repr, dict.fromkeys(missing)))}; run `clean` with this pipeline: "
            "it reads the images once more for what is missing"
        )


def in_turn(rules: tuple[Rule, ...]) -> list[Rule]:
    """Returns rules as they judge: those that find copies after all others, so that no copy falls to what another rule drops."""
    return sorted(rules, key=lambda rule: getattr(rule, "finds_copies", False))


def _rows(table: pa.Table, drops: Drops) -> Any:
    """Returns the rows of a table, whose ids ascend, that drops are about."""
    return np.searchsorted(table["id"].to_numpy(), np.asarray(drops.ids, np.int64))
