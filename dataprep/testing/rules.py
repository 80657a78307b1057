"""The checks of what cleans: measures and rules."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dataprep.cleaning.clean import clean
from dataprep.columns import names_of
from dataprep.images.views import luminance, reduce
from dataprep.pipeline import Pipeline
from dataprep.protocols import Measure, Rule
from dataprep.testing.contract import broken, check_stage, demand
from dataprep.testing.fakes import FakeEngine, FakeSource
from dataprep.testing.images import encoded, photo
from dataprep.types import Drops, Image

IMAGES: Final = (
    photo(0),
    photo(1, 300, 200),
    photo(2, 3, 90),
    photo(3, 1, 1),
    np.zeros((40, 40, 3), np.uint8),
    np.full((40, 50, 3), 255, np.uint8),
)
"""What a measure is tried on: photos, small and narrow ones, black and white."""

STEPS: Final = ("clean", "scan", "targets", "read", "verdict", "concatenate")
OWN: Final = frozenset(name for step in STEPS for name in names_of(step))
"""Columns that are in every manifest, which no measure fills."""


def check_measure(measure: Measure, *, images: Sequence[Image] = IMAGES) -> None:
    """Checks that a measure of your own keeps the contract of `dataprep.Measure`.

    It is a frozen, hashable, picklable description with a version; it fills exactly its columns with values that their Arrow
    types hold; it finds the same in the same image, leaves the image as it is, and keeps nothing of it.

    Example:
        >>> check_measure(dp.Luminance())

    Args:
        measure: The measure.
        images: (H, W, 3) RGB images of any size, which it sees at its own scale.

    Raises:
        AssertionError: It breaks a rule; the message says which, and what to do.
    """
    check_stage(measure, "version", "fields", "side", "channels", "measure")
    _check_fields(measure)
    side: Any = measure.side
    demand(side is None or (isinstance(side, int) and side > 0), measure, f"has side={side!r}; give pixels, or None for all")
    demand(measure.channels in (1, 3), measure, f"has channels={measure.channels!r}; 1 for luminance or 3 for RGB")
    for image in images:
        seen = luminance(image) if measure.channels == 1 else image
        _check_values(measure, np.ascontiguousarray(seen if side is None else reduce(seen, side)))


def check_rule(rule: Rule, table: pa.Table | None = None) -> None:
    """Checks that a rule of your own keeps the contract of `dataprep.Rule`.

    It is a frozen, hashable, picklable description; it drops records of the table only, each once and with a reason; the twin
    of a duplicate is in the table and no duplicate itself; it decides the same again, and has nothing to say of an empty table.

    Example:
        >>> check_rule(dp.Deduplicate())

    Args:
        rule: The rule.
        table: Readable records with the columns that the rule needs; None makes a table of photos, copies, dark and small ones.

    Raises:
        AssertionError: It breaks a rule; the message says which, and what to do.
    """
    check_stage(rule, "needs", "judge")
    needs: Any = rule.needs
    measures = isinstance(needs, tuple) and all(isinstance(need, Measure) and not isinstance(need, type) for need in needs)
    demand(measures, rule, f"needs {needs!r}; give a tuple of measures")
    table = _toy_table(rule) if table is None else table
    drops = _judge(rule, table)
    _check_drops(rule, drops, table["id"].to_pylist())
    _check_twins(rule, drops, table["id"].to_pylist())
    demand(rule.judge(table) == drops, rule, "decides otherwise the second time; let it depend on the table only")
    for few in (table.slice(0, 0), table.slice(0, 1)):
        _check_drops(rule, _judge(rule, few), few["id"].to_pylist())


def _check_fields(measure: Measure) -> None:
    fields: Any = measure.fields
    listed = isinstance(fields, tuple) and fields and all(isinstance(field, pa.Field) for field in fields)
    demand(bool(listed), measure, f"has fields={fields!r}; give a tuple of `pyarrow.field(name, type)`, at least one")
    names = [field.name for field in fields]
    demand(len(set(names)) == len(names), measure, f"names a column twice: {names}")
    taken = sorted(OWN & set(names))
    demand(not taken, measure, f"fills {taken}, which every manifest has of its own; choose another name")


def _check_values(measure: Measure, image: Image) -> None:
    """Checks what a measure finds in one image as it sees it."""
    passed = image.copy()
    found: Any = measure.measure(passed)
    demand(np.array_equal(passed, image), measure, "changes the image; other measures look at it, so let it work on a copy")
    names = {field.name for field in measure.fields}
    filled = isinstance(found, Mapping) and found.keys() == names
    demand(filled, measure, f"returns {found!r}; `measure` returns a value for each of {sorted(names)} and for nothing else")
    values = _arrow(measure, found)
    passed[...] = 255 - passed
    demand(_arrow(measure, found) == values, measure, "keeps a view of the image, whose memory is used again; return a copy")
    same = _arrow(measure, measure.measure(image.copy())) == values
    demand(same, measure, "finds something else in the same image the second time; let it depend on the image only")


def _arrow(measure: Measure, found: Mapping[str, Any]) -> list[str]:
    """Returns the values as a table gives them back, in words, so that NaN is equal to itself."""
    words = []
    for field in measure.fields:
        value = found[field.name]
        try:
            held = pa.array([value], field.type)[0].as_py()
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError) as error:
            raise broken(
                measure,
                f"finds {value!r}, which its column {field.name!r} of {field.type} cannot hold: {error}; "
                "give the column a type that fits",
            ) from error
        whole = not pa.types.is_integer(field.type) or held == value
        demand(whole, measure, f"finds {value!r}, of which {field.name!r} of {field.type} keeps {held}; give it a float type")
        demand(field.nullable or held is not None, measure, f"finds nothing for {field.name!r}, which is said never to be null")
        words.append(repr(held))
    return words


def _toy_table(rule: Rule) -> pa.Table:
    """Returns the readable records of photos, copies, dark and small images, with what a rule needs."""
    files = {f"{('cat', 'dog')[number % 2]}/{number}.jpg": encoded(photo(number)) for number in range(40)}
    files |= {"cat/exact.jpg": files["cat/0.jpg"], "dog/exact.jpg": files["cat/0.jpg"]}
    files["cat/near.jpg"] = encoded(photo(2), quality=60)
    files |= {"dog/dark.png": encoded(photo(50) // 40, "PNG"), "dog/small.png": encoded(photo(51, 5, 4), "PNG")}
    files |= {"flat.png": encoded(np.full((64, 64, 3), 128, np.uint8), "PNG"), "broken.jpg": files["cat/0.jpg"][:500]}
    table = clean(FakeSource(files), Pipeline(*rule.needs), engine=FakeEngine()).table
    return table.filter(pc.is_null(table["error"])).drop_columns(list(names_of("verdict")))


def _judge(rule: Rule, table: pa.Table) -> Drops:
    try:
        drops = rule.judge(table)
    except Exception as error:
        raise broken(rule, f"fails on a table of {len(table)} rows: {type(error).__name__}: {error}") from error
    demand(isinstance(drops, Drops), rule, f"returns {type(drops).__name__}; `judge` returns `dataprep.Drops`")
    return drops


def _check_drops(rule: Rule, drops: Drops, ids: list[int]) -> None:
    strange = sorted(set(drops.ids) - set(ids))
    demand(not strange, rule, f"drops the ids {strange[:5]}, which are not in its table; take them from the column `id`")
    demand(len(set(drops.ids)) == len(drops.ids), rule, "drops a record twice; a record has one reason")
    reasons = all(isinstance(reason, str) and reason.strip() for reason in drops.reasons)
    demand(reasons, rule, "drops without a reason; give each drop two words, such as 'too dark'")
    details = all(isinstance(detail, str) for detail in drops.details)
    demand(details, rule, "drops with a detail that is no string; give the sentence with the numbers")


def _check_twins(rule: Rule, drops: Drops, ids: list[int]) -> None:
    twin_of = dict(zip(drops.ids, drops.twins, strict=True))
    known = set(ids)
    for id, twin in twin_of.items():
        if twin is None:
            continue
        demand(twin in known, rule, f"names the twin {twin} of record {id}, which is not in its table")
        demand(twin != id, rule, f"names record {id} as the twin of itself; leave the twin out")
        chained = twin_of.get(twin) is not None
        demand(not chained, rule, f"names the twin {twin} of record {id}, a duplicate itself; name the record that is kept")
    for twin, distance in zip(drops.twins, drops.distances, strict=True):
        fits = distance is None or (twin is not None and distance >= 0)
        demand(fits, rule, f"gives the distance {distance!r} with the twin {twin!r}; a distance is bits from a twin, 0 or more")
