"""Small pictures for the report, as data that a page can hold: WebP in base64."""

import base64
import io
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final, NamedTuple

import PIL.Image
import pyarrow as pa

from dataprep.ahead import Reading
from dataprep.errors import DecodeError, SourceError
from dataprep.images.decode import decode
from dataprep.images.limits import MAX_PIXELS, quiet_decoders
from dataprep.images.resize import resize
from dataprep.protocols import Engine, Progress, Source
from dataprep.types import Image

SIDE: Final = 144
"""Pixels of the longer side."""
QUALITY: Final = 60
"""WebP's; about 3 kB for a photo."""
METHOD: Final = 2
"""WebP's effort, of 6: from 3 on it takes twice the time, for 4 % of the bytes."""
BATCH: Final = 16
"""Thumbnails that are made at once: some 50 ms of work."""
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
) -> list[Thumbnail]:
    """Returns the thumbnail of each image, read and decoded by an engine: a file may have become one that kills its decoder.

    Args:
        source: Reads the images.
        uris: Which images.
        progress: Called with "thumbnails" as they are done.
        max_pixels: Larger images have none.
        engine: Who makes them; None stands for this process, without protection.
    """
    found: list[Thumbnail | None] = [None] * len(uris)
    done = 0
    batches = _batches(uris)
    with Reading(partial(_make, max_pixels=max_pixels), source) as function:
        for batch in map(function, batches) if engine is None else engine.map(function, batches, _lose):
            for row, *thumbnail in zip(*(batch[name].to_pylist() for name in SCHEMA.names), strict=True):
                found[row] = Thumbnail(*thumbnail)
                done += 1
                if progress is not None:
                    progress("thumbnails", done, len(uris))
    return [Thumbnail(None, "no picture was made") if thumbnail is None else thumbnail for thumbnail in found]


def _batches(uris: Sequence[str]) -> Iterator[pa.RecordBatch]:
    for start in range(0, len(uris), BATCH):
        some = list(uris[start : start + BATCH])
        yield pa.RecordBatch.from_pydict({"row": range(start, start + len(some)), "uri": pa.array(some, pa.string())})


def _make(records: pa.RecordBatch, source: Source, max_pixels: int) -> pa.RecordBatch:
    """Returns the thumbnails of some images: what an engine runs."""
    with quiet_decoders(max_pixels):
        made = [_thumbnail(source, uri, max_pixels) for uri in records["uri"].to_pylist()]
    return _with_rows(records, made)


def _lose(records: pa.RecordBatch, why: str) -> pa.RecordBatch:
    return _with_rows(records, [Thumbnail(None, why)] * len(records))


def _with_rows(records: pa.RecordBatch, made: Sequence[Thumbnail]) -> pa.RecordBatch:
    urls, errors = ([getattr(one, name) for one in made] for name in Thumbnail._fields)
    return pa.RecordBatch.from_arrays([records["row"], pa.array(urls, pa.string()), pa.array(errors, pa.string())], schema=SCHEMA)


def _thumbnail(source: Source, uri: str, max_pixels: int) -> Thumbnail:
    try:
        image = decode(source.read(uri), side=SIDE, max_pixels=max_pixels, reuse=True).image
    except (SourceError, DecodeError) as error:
        return Thumbnail(None, str(error))
    return Thumbnail(f"data:image/webp;base64,{base64.b64encode(_webp(image)).decode()}", None)


def _webp(image: Image) -> bytes:
    """Returns the bytes of an image that fits into a square of `SIDE` pixels; a smaller one stays as it is."""
    buffer = io.BytesIO()
    PIL.Image.fromarray(_fitted(image)).save(buffer, "WEBP", quality=QUALITY, method=METHOD)
    return buffer.getvalue()


def _fitted(image: Image) -> Image:
    height, width = image.shape[:2]
    longer = max(height, width)
    if longer <= SIDE:
        return image
    return resize(image, (max(round(height * SIDE / longer), 1), max(round(width * SIDE / longer), 1)), "bicubic")
