"""A function over records as engines run it: what it reads of their source is announced, batch by batch, and read ahead."""

from collections.abc import Callable

import pyarrow as pa

from dataprep.ahead import Ahead
from dataprep.protocols import Source


class Reading:
    """A function of records and a source, to be called with records alone; it is sent to processes with the source.

    An engine may `expect` batches that it will call it with, in the process where it does, so that the one is read while
    another is measured. Otherwise the files of a batch are read while those before them in the same batch are measured.
    """

    def __init__(self, function: Callable[..., pa.RecordBatch], source: Source) -> None:
        """Takes the function, whose argument `source` this gives, and the source."""
        self._function, self._ahead = function, Ahead(source)
        self._expected: set[str] = set()  # the first uri of each batch

    def __enter__(self) -> "Reading":
        """Returns itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Ends reading, where it was done in this process."""
        self._ahead.close()

    def expect(self, records: pa.RecordBatch) -> None:
        """Announces a batch; files of more bytes than may be held are read when they are wanted."""
        uris, sizes = records["uri"].to_pylist(), records["bytes"].to_pylist()
        self._ahead.expect(uri for uri, size in zip(uris, sizes, strict=True) if (size or 0) <= self._ahead.limit)
        self._expected.update(uris[:1])

    def __call__(self, records: pa.RecordBatch) -> pa.RecordBatch:
        """Returns what the function does."""
        if not self._expected.issuperset(records["uri"][:1].to_pylist()):
            self.expect(records)
        self._expected.difference_update(records["uri"][:1].to_pylist())
        return self._function(records, source=self._ahead)
