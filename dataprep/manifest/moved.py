"""Rows of an earlier manifest whose files were moved away since, beside those of the images that are there."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dataprep.manifest.manifest import Manifest


def add_moved(manifest: Manifest, moved: pa.Table) -> Manifest:
    """Returns a manifest with the dropped rows of an earlier one, under new ids, as they were judged.

    Args:
        manifest: Of the images that are there.
        moved: The rows, with the uris of their twins as `twin_uri`; those of images that are there again are left out.
    """
    table = manifest.table
    moved = moved.filter(pc.invert(pc.is_in(moved["uri"], table["uri"].combine_chunks())))
    first = (pc.max(table["id"]).as_py() or 0) + 1
    ids = pa.array(np.arange(first, first + len(moved)), pa.int64())
    uris = pa.chunked_array([*table["uri"].chunks, *moved["uri"].chunks], table["uri"].type).combine_chunks()
    numbers = pa.chunked_array([*table["id"].chunks, ids], pa.int64())
    twins = numbers.take(pc.index_in(moved["twin_uri"], value_set=uris, skip_nulls=True))
    known = {name: moved[name] for name in moved.column_names} | {"id": ids, "twin": twins}
    columns = []
    for field in table.schema:
        column = known.get(field.name)
        same = column is not None and column.type == field.type
        columns.append(column if same else pa.nulls(len(moved), field.type))
    return replace(manifest, table=pa.concat_tables([table, pa.table(columns, schema=table.schema)]).combine_chunks())
