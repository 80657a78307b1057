"""A tar in a store that is gone through once: in large pieces, the next of which are under way while one is looked at.

Its headers lie between its members, so to ask for each alone would take a request for each image, one after the other.
"""

import io
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import IO, Final, cast

from attrs import frozen

from dataprep.errors import SourceError
from dataprep.sources import stores
from dataprep.sources.names import below, uri_of
from dataprep.sources.stored import read_member
from dataprep.sources.stores import Object
from dataprep.sources.tars import Place

PIECE: Final = 8 << 20  # bytes
AHEAD: Final = 2  # pieces
AGAIN: Final = 8  # times that a piece of another version is asked for


@frozen
class StoredTar:
    """A tar in a store.

    Attributes:
        url: The place that it is below.
        about: What the store says of it.
    """

    url: str
    about: Object

    @property
    def name(self) -> str:
        """Its path below the place."""
        return self.about.path

    @property
    def path(self) -> str:
        """Its URL."""
        return f"{self.url}/{self.about.path}"

    @property
    def size(self) -> int:
        """Its bytes."""
        return self.about.bytes

    @property
    def modified(self) -> int:
        """When it was written, in nanoseconds since 1970."""
        return self.about.modified

    @property
    def version(self) -> str | None:
        """Its ETag."""
        return self.about.version

    def open(self) -> IO[bytes]:
        """Returns it as a file."""
        return cast(IO[bytes], Streamed(self._piece, self.size))

    def read(self, place: Place, start: int = 0, stop: int | None = None) -> bytes:
        """Returns the bytes `start` to `stop` of a member.

        Raises:
            SourceError: It cannot be read.
        """
        return read_member(self.url, place.uri, start, stop)

    def _piece(self, start: int, stop: int) -> bytes:
        """Returns some bytes of it, as it was listed.

        Raises:
            SourceError: They cannot be read, or it was changed.
        """
        for _ in range(AGAIN):  # for a moment, a store may answer with what it had before
            data = stores.fetch(self.url, below("", uri_of(self.name)), start, stop)
            if self.version in (None, data.version):
                return data
        raise SourceError(f"{self.path} was changed while it was listed; list it again")


class Streamed(io.BufferedIOBase):
    """A file that is read in pieces; the next ones are under way."""

    def __init__(self, piece: Callable[[int, int], bytes], size: int) -> None:
        """Takes what gives the bytes from one place to another, and how many there are."""
        self._piece, self._size, self._at = piece, size, 0
        self._pool = ThreadPoolExecutor(AHEAD + 1, "dataprep-tar")
        self._pieces: dict[int, Future[bytes]] = {}

    def close(self) -> None:
        """Ends reading."""
        self._pool.shutdown(cancel_futures=True)
        super().close()

    def readable(self) -> bool:
        """Returns True."""
        return True

    def seekable(self) -> bool:
        """Returns True."""
        return True

    def tell(self) -> int:
        """Returns where it is."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Goes to a place."""
        self._at = max(offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence], 0)
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        """Returns the next bytes.

        Raises:
            SourceError: They cannot be read.
        """
        end = self._size if size is None or size < 0 else min(self._at + size, self._size)
        parts = []
        while self._at < end:
            number, start = divmod(self._at, PIECE)
            part = memoryview(self._have(number))[start : start + end - self._at]
            if not part:
                break
            parts.append(part)
            self._at += len(part)
        return b"".join(parts)

    def _have(self, number: int) -> bytes:
        """Returns a piece, and asks for the next ones."""
        wanted = [one for one in range(number, number + 1 + AHEAD) if one * PIECE < self._size]
        for one in wanted:
            if one not in self._pieces:
                stop = min((one + 1) * PIECE, self._size)
                self._pieces[one] = self._pool.submit(self._piece, one * PIECE, stop)
        for one in [one for one in self._pieces if one not in wanted]:
            self._pieces.pop(one).cancel()
        return self._pieces[number].result()
