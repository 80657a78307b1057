"""What the cache calls an image: where it is, so that one cache may serve many sources, and one file that several list."""

import json
import os
from hashlib import blake2b

import pyarrow as pa
import pyarrow.compute as pc

from dataprep.describe import describe
from dataprep.errors import PipelineError
from dataprep.protocols import Source
from dataprep.sources import Several


def names_of(source: Source, uris: pa.Array) -> pa.Array:
    """Returns the name of each image of a source: the place of its source, and its uri there."""
    if not isinstance(source, Several):
        return pc.binary_join_element_wise(_place(source), uris, "/")
    parts = pc.split_pattern(uris, "/", max_splits=1)
    names = pa.array([part.name for part in source.parts])
    places = pa.array([_place(part.source) for part in source.parts])
    at = pc.index_in(pc.list_element(parts, 0), names)
    return pc.binary_join_element_wise(places.take(at), pc.list_element(parts, 1), "/")


def _place(source: Source) -> str:
    """Returns where the images of a source are: a folder, whatever is made of its names; else all that describes the source."""
    kind = type(source).__qualname__
    root = getattr(source, "root", None)
    if isinstance(root, str):
        return f"{kind} {os.fsencode(os.path.realpath(root)).decode('utf-8', 'backslashreplace')}"
    try:
        description = json.dumps(describe(source), sort_keys=True, default=repr)
    except PipelineError:
        description = repr(source)
    return f"{kind} {blake2b(description.encode(), digest_size=16).hexdigest()}"
