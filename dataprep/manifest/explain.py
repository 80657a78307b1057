"""Why one image is kept or dropped: what each rule asks of it, beside its own numbers, and which images are its copies."""

from collections.abc import Iterator
from functools import singledispatch
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dataprep.columns import out_of_range, outlier
from dataprep.manifest.manifest import Manifest
from dataprep.manifest.verdicts import in_turn
from dataprep.protocols import Rule
from dataprep.stages.rules.combine import AllOf
from dataprep.stages.rules.limits import Require, numbers, spell
from dataprep.stages.rules.outliers import FarBelow


class Asked(NamedTuple):
    """One thing that a rule asks of an image; a rule drops what fails all that it asks.

    Attributes:
        reason: What the rule calls a drop.
        value: What the image has, such as "sharpness 12", or None where the rule does not tell.
        limit: What is asked, such as "at least 50".
        fails: Whether the image fails it.
        rule: The number of the rule in the pipeline.
    """

    reason: str
    value: str | None
    limit: str
    fails: bool
    rule: int = 0


class Explanation(NamedTuple):
    """What decided about an image.

    Attributes:
        row: Its record.
        asked: What the rules that look at one image ask of it, in the order in which they judge; none of it where it could not
            be read, or where a person decided.
        twin: The record that it is a duplicate of, or None.
        copies: The records that are duplicates of it.
    """

    row: dict[str, Any]
    asked: tuple[Asked, ...]
    twin: dict[str, Any] | None
    copies: tuple[dict[str, Any], ...]


def explain(manifest: Manifest, id: int) -> Explanation:
    """Returns what decided about one image; reads no pixel.

    Args:
        manifest: Its manifest.
        id: Its id there.
    """
    table = manifest.table
    row = _rows(table, pc.equal(table["id"], id))[0]
    twin = None if row["twin"] is None else next(iter(_rows(table, pc.equal(table["id"], row["twin"]))), None)
    copies = _rows(table, pc.fill_null(pc.equal(table["twin"], id), False))
    asked = () if row["error"] is not None else tuple(_asked(manifest, id))
    return Explanation(row, asked, twin, tuple(copies))


def _rows(table: pa.Table, mask: pa.ChunkedArray) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = table.filter(mask).to_pylist()
    return rows


def _asked(manifest: Manifest, id: int) -> Iterator[Asked]:
    """Yields what rules ask, each of them before those images that rules before it have left."""
    table, ids = manifest.table, manifest.table["id"].to_numpy()
    alive = pc.is_null(table["error"]).to_numpy(zero_copy_only=False)
    for number, rule in enumerate(in_turn(manifest.pipeline.rules)):
        if getattr(rule, "finds_copies", False):
            return
        seen = table.filter(pa.array(alive | (ids == id)))
        place = int(np.flatnonzero(seen["id"].to_numpy() == id)[0])
        yield from (one._replace(rule=number) for one in asks(rule, seen, place, None))
        alive &= ~np.isin(ids, rule.judge(table.filter(pa.array(alive))).ids)


@singledispatch
def asks(rule: Rule, table: pa.Table, place: int, reason: str | None) -> Iterator[Asked]:
    """Yields what a rule asks of one row of a table; of a rule that does not tell, what it says.

    Args:
        rule: The rule.
        table: The images that it judges.
        place: The row.
        reason: What a drop is called where the rule is a part of another one.
    """
    drops = rule.judge(table)
    found = {id: number for number, id in enumerate(drops.ids)}.get(table["id"][place].as_py())
    name = reason or getattr(rule, "reason", None) or type(rule).__name__
    if found is None:
        yield Asked(name, None, str(rule), False)
    else:
        yield Asked(reason or drops.reasons[found], None, drops.details[found], True)


@asks.register
def _(rule: Require, table: pa.Table, place: int, reason: str | None) -> Iterator[Asked]:
    value = float(numbers(table, rule.column)[place])
    limits = [("at least", rule.least, value >= (rule.least or 0)), ("at most", rule.most, value <= (rule.most or 0))]
    told = [(f"{word} {spell(limit)}", holds) for word, limit, holds in limits if limit is not None]
    limit, fails = " and ".join(text for text, _ in told), not all(holds for _, holds in told)
    yield Asked(reason or rule.reason or out_of_range(rule.column), f"{rule.column} {spell(value)}", limit, fails)


@asks.register
def _(rule: FarBelow, table: pa.Table, place: int, reason: str | None) -> Iterator[Asked]:
    values = numbers(table, rule.column)
    peers = values[np.isfinite(values)]
    median = float(np.median(peers)) if len(peers) else float("nan")
    value = float(values[place])
    if median >= rule.usual:
        limit, fails = f"above {spell(rule.share * median)}, {rule.share:g} of the median", value <= rule.share * median
    else:
        limit, fails = f"nothing, since the median {spell(median)} is below {spell(rule.usual)}", False
    yield Asked(reason or rule.reason or outlier(rule.column), f"{rule.column} {spell(value)}", limit, fails)


@asks.register
def _(rule: AllOf, table: pa.Table, place: int, reason: str | None) -> Iterator[Asked]:
    for part in rule.rules:
        yield from asks(part, table, place, reason or rule.reason or getattr(part, "reason", None))
