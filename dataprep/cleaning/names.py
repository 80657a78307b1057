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


class Names:
    """The names of the images of a source: where each is, and its uri there."""

    def __init__(self, source: Source) -> None:
        """Looks where the parts of the source are."""
        self._places = {name: _place(part) for name, part in parts_of(source).items()}

    def __call__(self, uris: pa.Array) -> pa.Array:
        """Returns the name of each image."""
        between = pa.scalar("/", uris.type)
        if "" in self._places:
            return pc.binary_join_element_wise(pa.scalar(self._places[""], uris.type), uris, between)
        steps = pc.split_pattern(uris, "/", max_splits=1)
        names, places = (pa.array(list(texts), uris.type) for texts in (self._places, self._places.values()))
        at = pc.index_in(pc.list_element(steps, 0), names)
        return pc.binary_join_element_wise(places.take(at), pc.list_element(steps, 1), between)


def _place(source: Source) -> str:
    """Returns where the images of a source are, whatever is made of their names; where it does not say, all that describes it."""
    if isinstance(source, Paths):
        return os.fsencode(os.path.realpath(source.root)).decode("utf-8", "backslashreplace")
    place = getattr(source, "place", None)
    if isinstance(place, str):
        return place
    kind = type(source).__qualname__
    try:
        description = json.dumps(describe(source), sort_keys=True, default=repr)
    except PipelineError:
        description = repr(source)
    return f"{kind} {blake2b(description.encode(), digest_size=16).hexdigest()}"
