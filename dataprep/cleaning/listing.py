"""What a source lists: by itself, or part by part where an engine of many machines wants to.

A part is a record to the engine, and what is in it the result. The source puts the parts together as it would those that it lists
itself, so who has listed them shows nowhere.
"""

from collections.abc import Sequence
from functools import partial
from typing import Final

import pyarrow as pa

from dataprep.errors import SourceError
from dataprep.protocols import Engine, Parts, Source

NAME: Final = b"dataprep.part"
LOST: Final = b"dataprep.lost"


def records_of(source: Source, engine: Engine) -> pa.Table:
    """Returns the records of a source.

    Raises:
        SourceError: It cannot be listed.
    """
    parts: Sequence[str] = source.part_names() if getattr(engine, "lists", False) and isinstance(source, Parts) else ()
    if not isinstance(source, Parts) or len(parts) < 2:
        return source.records()
    found: dict[str, pa.RecordBatch] = {}
    wanted = (pa.RecordBatch.from_pydict({"part": [part]}) for part in parts)
    for listed in engine.map(partial(_list, source=source), wanted, _lost):
        said = listed.schema.metadata
        if LOST in said:
            raise SourceError(f"{source!r} cannot be listed: part {said[NAME].decode()!r}: {said[LOST].decode()}")
        rest = {key: value for key, value in said.items() if key != NAME}
        found[said[NAME].decode()] = listed.replace_schema_metadata(rest or None)
    return source.records_of({part: found[part] for part in parts})


def _list(records: pa.RecordBatch, source: Parts) -> pa.RecordBatch:
    """Lists a part."""
    part: str = records["part"][0].as_py()
    listed = source.list_part(part)
    return listed.replace_schema_metadata({**(listed.schema.metadata or {}), NAME: part.encode()})


def _lost(records: pa.RecordBatch, error: str) -> pa.RecordBatch:
    """Says of a part that its process died."""
    part: str = records["part"][0].as_py()
    return records.replace_schema_metadata({NAME: part.encode(), LOST: error.encode()})
