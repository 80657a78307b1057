"""Tars in a store: images by ranges of objects, those that lie near each other by one request, many requests at once.

What lies between two images that are wanted is had with them where it is less than what a request takes otherwise. Each range
begins at the header of its image, so that a tar that was changed is seen.
"""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from typing import Final, NamedTuple

import pyarrow as pa

from dataprep.errors import SourceError
from dataprep.fetched import Fetched
from dataprep.sources import stores
from dataprep.sources.names import below
from dataprep.sources.stores import Object
from dataprep.sources.tars import HEADER, Place, member_length, place_of

NEAR: Final = 64 << 10  # bytes between two images up to which one request has both
MOST: Final = 8 << 20  # bytes of a request for several


class Range(NamedTuple):
    """What one request is for.

    Attributes:
        shard: The tar.
        start: The first byte.
        stop: The byte behind the last one.
        members: Which of the images that were asked for are in it.
    """

    shard: str
    start: int
    stop: int
    members: tuple[int, ...]


def merged(places: Sequence[Place]) -> list[Range]:
    """Returns the requests that have some images, each with its header: neighbours together."""
    ranges: list[Range] = []
    for member in sorted(range(len(places)), key=lambda member: places[member]):
        shard, start, stop = places[member].shard, places[member].offset - HEADER, places[member].offset + places[member].length
        last = ranges[-1] if ranges else None
        if last and last.shard == shard and start - last.stop < NEAR and max(stop, last.stop) - last.start <= MOST:
            ranges[-1] = last._replace(stop=max(stop, last.stop), members=(*last.members, member))
        else:
            ranges.append(Range(shard, start, stop, (member,)))
    return ranges


def read_member(url: str, uri: str, start: int, stop: int | None) -> bytes:
    """Returns the bytes `start` to `stop` of an image.

    Raises:
        SourceError: It cannot be read, or is not there in its tar.
    """
    place = _place_of(uri)
    first, last, _ = slice(start, stop).indices(place.length)
    if last <= first and stop is not None:
        return b""
    answer = _part(place, stores.fetch(url, below("", place.shard), place.offset - HEADER, place.offset + last), -HEADER, last)
    if isinstance(answer, SourceError):
        raise answer
    return answer if not first else answer[first:]


def read_members(url: str, uris: Sequence[str]) -> Iterator[bytes | SourceError]:
    """Yields the bytes of each image, in order, or why there are none."""
    places: list[Place] = []
    wrong: dict[int, SourceError] = {}
    for row, uri in enumerate(uris):
        try:
            places.append(_place_of(uri))
        except SourceError as error:
            wrong[row] = error
    rows = [row for row in range(len(uris)) if row not in wrong]
    pool = _pool(os.getpid(), stores.at_once())
    under_way: dict[int, tuple[Future[Fetched], Range]] = {}
    for one in merged(places):
        future = pool.submit(stores.fetch, url, below("", one.shard), one.start, one.stop)
        under_way |= {rows[member]: (future, one) for member in one.members}
    at = dict(zip(rows, places, strict=True))
    for row in range(len(uris)):
        yield wrong[row] if row in wrong else _answer(at[row], *under_way[row])


def _place_of(uri: str) -> Place:
    """Returns where an image is.

    Raises:
        SourceError: It is no uri of a member of a tar, or of one without a header before it.
    """
    place = place_of(uri)
    if place.offset < HEADER:
        raise SourceError(_absent(place))
    return place


def _absent(place: Place) -> str:
    return f"cannot be read: no member of {place.length:,} bytes is there; was the archive changed since the scan?"


def _answer(place: Place, future: "Future[Fetched]", whole: Range) -> bytes | SourceError:
    """Returns an image of what one request had."""
    try:
        data = future.result()
    except SourceError as error:
        return error
    return _part(place, data, whole.start - place.offset, place.length)


def _part(place: Place, data: Fetched, start: int, stop: int) -> Fetched | SourceError:
    """Returns the bytes of an image up to `stop`, of those that were had from `start` on, both counted from its first one."""
    header = -HEADER - start
    if member_length(data[header : header + HEADER]) != place.length:
        return SourceError(_absent(place))
    if len(data) < stop - start:
        return SourceError("cannot be read: the archive is cut short, in the middle of this image or before it")
    part = Fetched(memoryview(data)[-start : stop - start])
    part.version, part.retries, data.retries = data.version, data.retries, 0  # retries are counted once
    return part


@cache
def _pool(process: int, threads: int) -> ThreadPoolExecutor:
    """Returns the threads of a process that wait for answers."""
    return ThreadPoolExecutor(threads, "dataprep-store")


class Listing:
    """The files of a place in a store by their names, without those of places below it."""

    def __init__(self, url: str) -> None:
        """Lists them.

        Raises:
            SourceError: The place cannot be listed.
        """
        self.url = url
        self.files: dict[str, Object] = {one.path: one for one in stores.list_objects(url) if "/" not in one.path}

    def table(self, name: str) -> pa.Table | None:
        """Returns a Parquet file, None where there is none.

        Raises:
            SourceError: It cannot be read.
        """
        return table_of(self.url, name) if name in self.files else None


def table_of(url: str, name: str) -> pa.Table | None:
    """Returns a Parquet file of a place in a store, None where there is none.

    Raises:
        SourceError: It cannot be read.
    """
    import pyarrow.parquet as pq  # which takes time to load, and a reader does without

    try:
        return pq.read_table(pa.BufferReader(stores.fetch(url, name)))
    except SourceError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return None
        raise
    except (pa.ArrowException, ValueError) as error:
        raise SourceError(f"{url}/{name} cannot be read: {error}") from error
