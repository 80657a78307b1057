"""Measures by compiled code: what is wanted of an image as one number, and what was found, a record of bytes, as columns.

The values are those of the measures' own `measure` to the last bit, which stays as the oracle and where nothing is compiled.
Compiled are the measures that `clean` takes by default, and those that cost nothing more; all others have no such form.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dataprep.images import native
from dataprep.images.resize import order_of_passes
from dataprep.images.views import reduce
from dataprep.protocols import Measure
from dataprep.stages.measures.hashing import AverageHash, DHash, Hash, PHash
from dataprep.stages.measures.miniature import Miniature
from dataprep.stages.measures.quality import ChannelSums, LaplacianVariance, Levels, Luminance
from dataprep.types import Image

COMPILED: Final = (Luminance, Levels, LaplacianVariance, PHash, DHash, AverageHash, Miniature, ChannelSums)
MOST: Final = 1 << 28  # pixels of a side that compiled code knows


def wanted(measures: Sequence[Measure]) -> int | None:
    """Returns what the functions of `native.measure` take for measures; None where one of them has no compiled form.

    Those of luminance have to see the image at one scale, since one number says of one only.
    """
    code: Any = native.module("measure")
    if code is None or not all(type(measure) in COMPILED for measure in measures):
        return None
    sides = {measure.side or 0 for measure in measures if measure.channels == 1} or {0}
    if len(sides) > 1 or max(sides) > MOST:
        return None
    number: int = max(sides) << code.SIDE_AT
    if any(isinstance(measure, Hash) for measure in measures):
        order = order_of_passes()
        if order is None:
            return None
        number |= code.CHEAPER_FIRST if order == "cheaper" else 0
    columns = {field.name for measure in measures for field in measure.fields}
    for column, _, _, bit in code.LAYOUT:
        number |= bit if column in columns else 0
    return number


def columns(records: Sequence[bytes | None], measures: Sequence[Measure]) -> list[pa.Array]:
    """Returns the columns of measures, in order, from records that hold them; null where there is no record."""
    found = np.frombuffer(b"".join(filter(None, records)), _layout())
    arrays = [_column(field.type, found[field.name]) for measure in measures for field in measure.fields]
    if len(found) < len(records):
        has = np.array([record is not None for record in records], np.bool_)
        places = pa.array(np.cumsum(has) - 1, mask=~has)
        arrays = [array.take(places) for array in arrays]
    return arrays


def measure_view(image: Image, side: int | None, measures: Sequence[Measure]) -> dict[str, object]:
    """Returns what measures of one view find in an image as it was decoded.

    Args:
        image: (H, W) luminance or (H, W, 3) RGB, upright, of at least the scale that the measures see.
        side: The shorter side, in pixels, to which it is reduced; None for none. That of all measures.
        measures: Those that compiled code knows are measured in one call.
    """
    row = _measure_compiled(image, tuple(measure for measure in measures if type(measure) in COMPILED))
    rest = [measure for measure in measures if any(field.name not in row for field in measure.fields)]
    if rest:
        seen = reduce(image, side)
        for measure in rest:
            row |= measure.measure(seen)
    return row


def _measure_compiled(image: Image, measures: tuple[Measure, ...]) -> dict[str, object]:
    """Returns what compiled code finds, nothing where there is none or it leaves the image to others."""
    code: Any = native.module("measure")
    number = _wanted(measures) if measures else None
    if number is None:
        return {}
    record = (code.gray if image.ndim == 2 else code.rgb)(np.ascontiguousarray(image), number)
    if record is None:
        return {}
    found = np.frombuffer(record, _layout())[0]
    return {field.name: _value(found[field.name]) for measure in measures for field in measure.fields}


_wanted = cache(wanted)


def _value(value: Any) -> object:
    """Returns a value of a record as measures give it: a number, a list of numbers or bytes."""
    return value.tobytes() if isinstance(value, np.void) else value.tolist()


@cache
def _layout() -> np.dtype[np.void]:
    """Returns the layout of a record."""
    code: Any = native.module("measure")
    names, formats, offsets, _ = zip(*code.LAYOUT, strict=True)
    return np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": code.SIZE})


def _column(type: pa.DataType, values: NDArray[Any]) -> pa.Array:
    """Returns (R,) or (R, K) values as an array of numbers, of bytes or of lists."""
    values = np.ascontiguousarray(values)
    if pa.types.is_fixed_size_binary(type):
        return pa.Array.from_buffers(type, len(values), [None, pa.py_buffer(values.tobytes())])
    if pa.types.is_list(type):
        offsets = pa.array(np.arange(len(values) + 1) * values.shape[1], pa.int32())
        return pa.ListArray.from_arrays(offsets, pa.array(values.ravel(), type.value_type), type=type)
    return pa.array(values).cast(type, safe=False)
