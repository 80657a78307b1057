"""Small pictures for the report, as data that a page can hold: JPEG in base64.

They are made from as few pixels as do, and encoded by libjpeg-turbo: in a tenth of the time that WebP takes, twice as large.
A file whose digest says that it is what a process has decoded unharmed is decoded in threads of this process, at once;
any other in processes of an engine, where a decoder that crashes costs one of them.
"""

import base64
import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import simplejpeg

from dataprep.ahead import Reading
from dataprep.errors import DecodeError, SourceError
from dataprep.images.decode import decode
from dataprep.images.limits import MAX_PIXELS, quiet_decoders
from dataprep.images.resize import average
from dataprep.machine import cores
from dataprep.protocols import Engine, Progress, Source
from dataprep.types import Image

SIDE: Final = 144
"""Pixels of the longer side, about."""
ENOUGH: Final = 90
"""Pixels of the shorter side that a reduced decode has to leave: 500 by 375 becomes 125 by 94."""
QUALITY: Final = 70
"""JPEG's; about 4 kB for a photo."""
BATCH: Final = 16
"""Thumbnails that a process makes at once: some 20 ms of work."""
SCHEMA: Final = pa.schema([("row", pa.int64()), ("url", pa.string()), ("error", pa.string())])


class Thumbnail(NamedTuple):
    """A small picture, or why there is none.

    Attributes:
        url: A `data:` URL.
        error: What went wrong.
    """

    url: str | None
    error: str | None


def thumbnails(
    source: Source,
    uris: Sequence[str],
    progress: Progress | None = None,
    max_pixels: int = MAX_PIXELS,
    engine: Engine | None = None,
    digests: Sequence[str | None] | None = None,
) -> list[Thumbnail]:
    """Returns the thumbnail of each image.

    Args:
        source: Reads the images.
        uris: Which images.
        progress: Called with "thumbnails" as they are done.
        max_pixels: Larger images have none.
        engine: Who makes those that may kill their decoder; None stands for this process, without protection.
        digests: SHA-256 in hex of what a process has decoded unharmed, for each image: where a file still is that, threads of
            this process make its thumbnail. None where reading may take for ever, as over a network.
    """
    found: dict[int, Thumbnail] = {}
    with quiet_decoders(max_pixels):
        for row, thumbnail in _by_threads(source, uris, digests or (), max_pixels):
            found[row] = thumbnail
            _tell(progress, found, uris)
    rest = [row for row in range(len(uris)) if row not in found]
    for row, thumbnail in _by_engine(source, uris, rest, max_pixels, engine):
        found[row] = thumbnail
        _tell(progress, found, uris)
    return [found.get(row, Thumbnail(None, "no picture was made")) for row in range(len(uris))]


def _tell(progress: Progress | None, found: dict[int, Thumbnail], uris: Sequence[str]) -> None:
    if progress is not None:
        progress("thumbnails", len(found), len(uris))


def _by_threads(
    source: Source, uris: Sequence[str], digests: Sequence[str | None], max_pixels: int
) -> Iterator[tuple[int, Thumbnail]]:
    """Yields the row and the thumbnail of what is still as it was measured."""
    known = [(row, uris[row], digest) for row, digest in enumerate(digests) if digest is not None]
    if not known:
        return
    with ThreadPoolExecutor(cores()) as pool:
        made = pool.map(lambda one: _unchanged(source, one[1], one[2], max_pixels), known)
        for (row, _, _), thumbnail in zip(known, made, strict=True):
            if thumbnail is not None:
                yield row, thumbnail


def _unchanged(source: Source, uri: str, digest: str, max_pixels: int) -> Thumbnail | None:
    """Returns the thumbnail of a file that has the digest, None where it has another or cannot be read."""
    try:
        data = source.read(uri)
    except SourceError:
        return None
    return _thumbnail(data, max_pixels) if hashlib.sha256(data).hexdigest() == digest else None


def _by_engine(
    source: Source, uris: Sequence[str], rows: Sequence[int], max_pixels: int, engine: Engine | None
) -> Iterator[tuple[int, Thumbnail]]:
    """Yields the row and the thumbnail of images, as an engine makes them."""
    if not rows:
        return
    batches = _batches(uris, rows)
    with Reading(partial(_make, max_pixels=max_pixels), source) as function:
        for batch in map(function, batches) if engine is None else engine.map(function, batches, _lose):
            for row, *thumbnail in zip(*(batch[name].to_pylist() for name in SCHEMA.names), strict=True):
                yield row, Thumbnail(*thumbnail)


def _batches(uris: Sequence[str], rows: Sequence[int]) -> Iterator[pa.RecordBatch]:
    for start in range(0, len(rows), BATCH):
        some = rows[start : start + BATCH]
        yield pa.RecordBatch.from_pydict({"row": some, "uri": pa.array([uris[row] for row in some], pa.string())})


def _make(records: pa.RecordBatch, source: Source, max_pixels: int) -> pa.RecordBatch:
    """Returns the thumbnails of some images: what an engine runs."""
    with quiet_decoders(max_pixels):
        made = [_read(source, uri, max_pixels) for uri in records["uri"].to_pylist()]
    return _with_rows(records, made)


def _lose(records: pa.RecordBatch, why: str) -> pa.RecordBatch:
    return _with_rows(records, [Thumbnail(None, why)] * len(records))


def _with_rows(records: pa.RecordBatch, made: Sequence[Thumbnail]) -> pa.RecordBatch:
    urls, errors = ([getattr(one, name) for one in made] for name in Thumbnail._fields)
    return pa.RecordBatch.from_arrays([records["row"], pa.array(urls, pa.string()), pa.array(errors, pa.string())], schema=SCHEMA)


def _read(source: Source, uri: str, max_pixels: int) -> Thumbnail:
    try:
        return _thumbnail(source.read(uri), max_pixels)
    except SourceError as error:
        return Thumbnail(None, str(error))


def _thumbnail(data: bytes, max_pixels: int) -> Thumbnail:
    try:
        image = decode(data, side=ENOUGH, max_pixels=max_pixels, reuse=True).image
    except DecodeError as error:
        return Thumbnail(None, str(error))
    small = simplejpeg.encode_jpeg(np.ascontiguousarray(_fitted(image)), quality=QUALITY, colorsubsampling="420")
    return Thumbnail(f"data:image/jpeg;base64,{base64.b64encode(small).decode()}", None)


def _fitted(image: Image) -> Image:
    """Returns an image that fits into a square of `SIDE` pixels; a smaller one stays as it is."""
    height, width = image.shape[:2]
    longer = max(height, width)
    if longer <= SIDE:
        return image
    return average(image, (max(round(height * SIDE / longer), 1), max(round(width * SIDE / longer), 1)))
