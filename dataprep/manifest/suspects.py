"""Copies that rules found, and pairs of kept images that may be some: the proof of copies is not certain of these."""

from collections.abc import Sequence, Set

import pyarrow as pa
import pyarrow.compute as pc

from dataprep.stages.rules.deduplicate import Deduplicate


def suspects_of(table: pa.Table, rules: Sequence[Deduplicate], measured: Set[str]) -> pa.Table:
    """Returns the pairs of kept images with different labels that some rules suspect of being copies.

    Args:
        table: All records.
        rules: Those that suspect; one whose measures are not in the table any more is passed over.
        measured: The columns that measures filled.

    Returns:
        `id`, `uri` and `label` of the one, `twin`, `twin_uri` and `twin_label` of the other.
    """
    table = table.filter(pc.and_(table["keep"], pc.is_valid(table["label"])))
    names = set(table.column_names) & measured
    known = [rule for rule in rules if names.issuperset(field.name for need in rule.needs for field in need.fields)]
    pairs = sorted({pair for rule in known for pair in rule.suspects(table)})
    sides = []
    for place, side in ((0, ("id", "uri", "label")), (1, ("twin", "twin_uri", "twin_label"))):
        rows = pc.index_in(pa.array([pair[place] for pair in pairs], pa.int64()), value_set=table["id"].combine_chunks())
        sides += list(zip(side, table.select(["id", "uri", "label"]).take(rows).columns, strict=True))
    found = pa.table(dict(sides))
    return found.filter(pc.not_equal(found["label"], found["twin_label"]))


def copies_in(table: pa.Table) -> pa.Table:
    """Does what `Manifest.copies` does."""
    copies = table.filter(pc.is_valid(table["twin"]))
    twins = pc.index_in(copies["twin"], value_set=table["id"].combine_chunks())
    for name in ("label", "digest"):
        copies = copies.append_column(f"twin_{name}", table[name].take(twins))
    return copies
