"""Putting together what is known: whatever order and parts it comes in, each row has what was found of it last."""

from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from dataprep.cleaning.known import Found, assemble, laid_together
from dataprep.cleaning.measure import FACTS
from dataprep.protocols import Measure
from dataprep.stages import ChannelSums, CropResistantHash, LaplacianVariance, PHash

MEASURES: tuple[Measure, ...] = (PHash(), LaplacianVariance(), ChannelSums(), CropResistantHash())
FIELDS = {measure: measure.fields for measure in MEASURES}
VALUES: dict[str, Any] = {
    "digest": st.none() | st.binary(min_size=32, max_size=32),
    "format": st.sampled_from(["JPEG", "PNG", None]),
    "height": st.none() | st.integers(1, 9),
    "width": st.none() | st.integers(1, 9),
    "remark": st.none() | st.text(max_size=3),
    "captured": st.none() | st.integers(0, 10**12),
    "phash64": st.none() | st.binary(min_size=8, max_size=8),
    "sharpness": st.none() | st.floats(0, 9, width=32),
    "channel_sums": st.none() | st.lists(st.integers(0, 9), min_size=3, max_size=3),
    "channel_squares": st.none() | st.lists(st.integers(0, 9), min_size=3, max_size=3),
    "cropresistanthash": st.none() | st.binary(max_size=16),
    "error": st.sampled_from([None, None, None, "is broken"]),
}


@st.composite
def parts_of(draw: Any, size: int) -> list[tuple[dict[str, pa.DataType], list[tuple[int, dict[str, Any]]]]]:
    """Draws parts: the types of their columns, and rows of the scan with a value for each."""
    parts = []
    for _ in range(draw(st.integers(0, 4))):
        some = draw(st.sets(st.sampled_from(MEASURES)))
        types = {field.name: field.type for fields in (FACTS, *(FIELDS[measure] for measure in some)) for field in fields}
        rows = draw(st.lists(st.integers(0, size - 1), unique=True, max_size=size))
        parts.append((types, [(row, {name: draw(VALUES[name]) for name in types}) for row in rows]))
    return parts


@given(st.data(), st.integers(1, 8), st.integers(1, 5))
def test_rows_have_what_was_found_last(data: st.DataObject, size: int, held: int) -> None:
    """A row has the facts, and each measure's columns, of the last part that has both; but of one that failed the error."""
    drawn = data.draw(parts_of(size))
    scanned = data.draw(st.lists(st.sampled_from([None, None, "no file"]), min_size=size, max_size=size))
    records = pa.table({"uri": [f"{row}.jpg" for row in range(size)], "error": pa.array(scanned, pa.string())})
    found = [
        Found(
            np.array([row for row, _ in rows], np.int64),
            pa.table({name: pa.array([values[name] for _, values in rows], kind) for name, kind in types.items()}),
        )
        for types, rows in drawn
    ]
    made = assemble(records, MEASURES, list(laid_together(found, held))).to_pylist()
    names = [[field.name for field in fields] for fields in (FACTS, *FIELDS.values())]
    for row in range(size):
        of_row = [dict(rows)[row] for _, rows in drawn if row in dict(rows)]
        failed = [values for values in of_row if values["error"] is not None]
        expected: dict[str, Any] = {"id": row, "uri": f"{row}.jpg"}
        for number, columns in enumerate(names):
            having = [values for values in of_row if set(columns) <= set(values)]
            last = having[-1] if having else dict.fromkeys(columns)
            if failed:
                last = failed[-1] if number == 0 else dict.fromkeys(columns)
            expected |= {name: last[name] for name in columns}
        expected["error"] = scanned[row] or expected["error"]
        captured = expected["captured"]
        expected["captured"] = None if captured is None else pa.scalar(captured, pa.timestamp("ms")).as_py()
        assert made[row] == expected
