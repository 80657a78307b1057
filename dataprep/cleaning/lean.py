"""How `measure_batch` is done by bare Python: what is asked of it for a batch, and its replies as columns.

`dataprep.cleaning.bare` is the other side. There is no lean form where something is to be measured that has no compiled form, or
where no image is a file of its own.
"""

import os
from functools import partial
from typing import Final, TypeAlias, TypeGuard

import numpy as np
import PIL
import pyarrow as pa

from dataprep.cleaning.bare import NEVER
from dataprep.cleaning.measure import FACTS
from dataprep.columns import DIGEST, TEXT
from dataprep.engines.lean import Lean
from dataprep.images import native, profiles
from dataprep.images.limits import most_bytes
from dataprep.protocols import Measure, Source
from dataprep.sources.files import Files
from dataprep.sources.folder import Folder
from dataprep.sources.labelled import parts_of
from dataprep.stages.measures import compiled

PROGRAM: Final = "dataprep.cleaning.bare.measure"
REPLY: Final = np.dtype([("digest", "V32"), ("height", "<i4"), ("width", "<i4"), ("captured", "<i8")])
"""What is replied of an image beside its measures, as `FACTS` of the program has it."""

Reply: TypeAlias = tuple[bytes, bytes, list[str | None]]
"""The facts of images, their measures as compiled code writes them down, and their remarks."""


def lean_measuring(source: Source, measures: tuple[Measure, ...], max_pixels: int) -> Lean | None:
    """Returns how bare Python measures the images of a source, None where it does not."""
    wanted, module = compiled.wanted(measures), native.module("measure")
    roots = {name: part.root for name, part in parts_of(source).items() if _is_of_files(part)}
    if wanted is None or module is None or not roots:
        return None
    packages = os.path.dirname(os.path.dirname(PIL.__file__))
    shapes = profiles.shaping() is not None
    arguments = (module.__file__, roots, wanted, _views(measures), max_pixels, most_bytes(max_pixels), packages, shapes)
    here = partial(lean_measuring, source, measures, max_pixels)
    return Lean(PROGRAM, arguments, _ask, partial(_answer, measures=measures), here)


def _views(measures: tuple[Measure, ...]) -> list[tuple[int, int, int]]:
    """Returns what measures see, the side and the channels, and what is wanted of it."""
    views = dict.fromkeys((measure.side, measure.channels) for measure in measures)
    seeing = [tuple(measure for measure in measures if (measure.side, measure.channels) == view) for view in views]
    return [(side or 0, channels, compiled.wanted(those) or 0) for (side, channels), those in zip(views, seeing, strict=True)]


def _is_of_files(source: Source) -> TypeGuard[Folder | Files]:
    return type(source) in (Folder, Files)  # another class may read otherwise, also one of these


def _ask(records: pa.RecordBatch) -> tuple[list[str], list[int | None]]:
    return records["uri"].to_pylist(), records["bytes"].to_pylist()


def _answer(records: pa.RecordBatch, reply: Reply, measures: tuple[Measure, ...]) -> pa.RecordBatch:
    """Returns what `measure_batch` would."""
    facts, values, remarks = np.frombuffer(reply[0], REPLY), reply[1], reply[2]
    count = len(facts)
    known = {
        "digest": pa.FixedSizeBinaryArray.from_buffers(DIGEST, count, [None, pa.py_buffer(facts["digest"].tobytes())]),
        "format": pa.repeat("JPEG", count),
        "height": pa.array(facts["height"]),
        "width": pa.array(facts["width"]),
        "remark": pa.array(remarks, TEXT),
        "captured": pa.array(facts["captured"], mask=facts["captured"] == NEVER),
    }
    arrays = [known[field.name].cast(field.type) if field.name in known else pa.nulls(count, field.type) for field in FACTS]
    fields = [*FACTS, *(field for measure in measures for field in measure.fields)]
    arrays += compiled.columns([values], measures)
    return pa.RecordBatch.from_arrays([*records.columns, *arrays], schema=pa.schema([*records.schema, *fields]))
