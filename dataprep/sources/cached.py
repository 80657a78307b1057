"""A slow source with a cache before it: what was read once is read from a disk of this machine.

It gives what the cache has, whatever the source has by now; who reads compares that with what the manifest says of the file, and
asks again for what is not meant. What nothing is known of comes from the source each time.
"""

import re
import time
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, Final

import pyarrow as pa
from attrs import Factory, field, frozen

from dataprep.errors import SourceError
from dataprep.fetched import Fetched, Unstamped
from dataprep.protocols import Source
from dataprep.sources.nodecache import NodeCache

BEHIND: Final = 0.1  # seconds by which the clock of a file system may be behind
ADDRESS: Final = re.compile(r" at 0x[0-9a-f]+")
"""What Python says of an object that says nothing of itself, another time in each process."""


def _name_of(cached: "Cached") -> str:
    """Returns what tells a source from others: its place, whatever is made of the names there, or else what it says of itself.

    Two may say the same; what is kept of the one is then no file that the manifest of the other means, by its digest.
    """
    return str(getattr(cached.source, "place", None) or ADDRESS.sub("", repr(cached.source)))


@cache
def begun(kept: NodeCache, name: str) -> float:
    """Returns when this program first read a source by a cache: a loader for each epoch goes on where the one before ended."""
    return time.time() - BEHIND


@frozen
class Cached:
    """A source with a cache before it.

    Attributes:
        source: The source.
        cache: What keeps its files.
        name: What the cache knows the source by.
        since: When this program first read the source by the cache, in seconds since 1970: what was used since then makes no
            room for other files.
    """

    source: Source
    cache: NodeCache
    name: str = field(init=False, default=Factory(_name_of, takes_self=True))
    since: float = field(default=Factory(lambda cached: begun(cached.cache, cached.name), takes_self=True))

    def records(self) -> pa.Table:
        """Lists what the source does."""
        return self.source.records()

    def read(self, uri: str, start: int = 0, stop: int | None = None) -> bytes:
        """Returns the bytes `start` to `stop` of a file: all of it from the cache, if that has it; a part from the source.

        Raises:
            SourceError: It cannot be read.
        """
        if (start, stop) != (0, None) or isinstance(uri, Unstamped):
            return self.source.read(uri, start, stop)
        kept = self.cache.get(self.name, uri, self.since)
        return self.read_again(uri) if kept is None else kept

    def read_again(self, uri: str) -> bytes:
        """Returns the bytes of a file as the source has them now, and keeps them in the place of others.

        Raises:
            SourceError: It cannot be read.
        """
        modified = self._modified(uri)
        return self._keep(uri, self.source.read(uri), modified)

    def __getattr__(self, name: str) -> Any:
        """Returns what else the source has; several files at once, if it does that, in part from the cache."""
        if name == "source":  # of a copy that is being made
            raise AttributeError(name)
        found = getattr(self.source, name)
        return self._reads if name == "reads" else found

    def _reads(self, uris: Sequence[str]) -> Iterator[bytes | SourceError]:
        """Yields each file, in order, or why there is none."""
        kept = {place: found for place, uri in enumerate(uris) if (found := self._kept(uri)) is not None}
        missing = [uri for place, uri in enumerate(uris) if place not in kept]
        changed = [self._modified(uri) for uri in missing]
        answers = zip(missing, changed, self.source.reads(missing), strict=True) if missing else iter(())  # type: ignore[attr-defined]
        for place in range(len(uris)):
            if place in kept:
                yield kept.pop(place)
                continue
            uri, modified, answer = next(answers)
            yield answer if isinstance(answer, SourceError) or isinstance(uri, Unstamped) else self._keep(uri, answer, modified)

    def _kept(self, uri: str) -> Fetched | None:
        return None if isinstance(uri, Unstamped) else self.cache.get(self.name, uri, self.since)

    def _modified(self, uri: str) -> int | None:
        """Returns when a file was changed last, asked before it is read, if the source tells."""
        tell = getattr(self.source, "modified", None)
        changed: int | None = None if tell is None else tell(uri)
        return changed

    def _keep(self, uri: str, data: bytes, modified: int | None) -> bytes:
        """Keeps what was read, and returns it, with a note where that could not be done."""
        why = self.cache.put(self.name, uri, data, modified, self.since)
        if not why:
            return data
        noted = Fetched(data)
        vars(noted).update(vars(data) if isinstance(data, Fetched) else {})
        noted.unkept = why
        return noted
