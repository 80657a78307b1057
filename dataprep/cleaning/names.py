"""What the cache calls an image: where it is, so that one cache may serve many sources, and one file that several list."""

import json
import os
from hashlib import blake2b

import pyarrow as pa
import pyarrow.compute as pc

from dataprep.describe import describe
from dataprep.errors import PipelineError
from dataprep.protocols import Source
from dataprep.sources.labelled import parts_of
from dataprep.sources.ways import Paths


def names_of(source: Source, uris: pa.Array) -> pa.Array:
    """Returns the name of each image of a source: the place of its source, and its uri there."""
    parts = parts_of(source)
    if "" in parts:
        return pc.binary_join_element_wise(_place(parts[""]), uris, "/")
    steps = pc.split_pattern(uris, "/", max_splits=1)
    at = pc.index_in(pc.list_element(steps, 0), pa.array(list(parts)))
    places = pa.array([_place(part) for part in parts.values()]).take(at)
    return pc.binary_join_element_wise(places, pc.list_element(steps, 1), "/")


def _place(source: Source) -> str:
    """Returns where the images of a source are: a folder, whatever is made of its names; else all that describes the source."""
    if isinstance(source, Paths):
        return os.fsencode(os.path.realpath(source.root)).decode("utf-8", "backslashreplace")
    kind = type(source).__qualname__
    try:
        description = json.dumps(describe(source), sort_keys=True, default=repr)
    except PipelineError:
        description = repr(source)
    return f"{kind} {blake2b(description.encode(), digest_size=16).hexdigest()}"
