"""Small pictures for the report, as data that a page can hold: WebP in base64."""

import base64
import io
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple

import PIL.Image

from dataprep.ahead import Ahead
from dataprep.errors import DecodeError, SourceError
from dataprep.images.decode import decode
from dataprep.images.limits import MAX_PIXELS, quiet_decoders
from dataprep.images.resize import resize
from dataprep.machine import cores
from dataprep.protocols import Progress, Source
from dataprep.types import Image

SIDE: Final = 144
"""Pixels of the longer side."""
QUALITY: Final = 60
"""WebP's; about 3 kB for a photo."""
METHOD: Final = 2
"""WebP's effort, of 6: from 3 on it takes twice the time, for 4 % of the bytes."""


class Thumbnail(NamedTuple):
    """A small picture, or why there is none.

    Attributes:
        url: A `data:` URL.
        error: What went wrong.
    """

    url: str | None
    error: str | None


def thumbnails(
    source: Source, uris: Sequence[str], progress: Progress | None = None, max_pixels: int = MAX_PIXELS
) -> list[Thumbnail]:
    """Returns the thumbnail of each image, read and decoded by threads: decoders work outside the interpreter's lock."""
    found: list[Thumbnail] = []
    with quiet_decoders(max_pixels), ThreadPoolExecutor(min(16, cores())) as threads:
        ahead = Ahead(source)
        try:
            ahead.expect(uris)
            for thumbnail in threads.map(lambda uri: _thumbnail(ahead, uri, max_pixels), uris):
                found.append(thumbnail)
                if progress is not None:
                    progress("thumbnails", len(found), len(uris))
        finally:
            ahead.close()
            threads.shutdown(cancel_futures=True)  # Ctrl-C does not wait for the rest
    return found


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
