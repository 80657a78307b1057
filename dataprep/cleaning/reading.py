"""A function over records as engines run it: what it reads of their source is announced, batch by batch, and read ahead."""

from collections.abc import Callable

import pyarrow as pa

from dataprep.ahead import Ahead, Order
from dataprep.protocols import Source


class Reading:
    """A function of records and a source, to be called with records alone; it is sent to processes with the source.

    An engine may `expect` batches that it will call it with, in the process where it does, so that the one is read while
    another is measured. Otherwise the files of a batch are read while those before them in the same batch are measured.
    """

    def __init__(self, function: Callable[..., pa.RecordBatch], source: Source) -> None:
        """Takes the function, whose argument `source` this gives, and the source."""
        self._function, self._ahead = function, Ahead(source)
        self._expected: dict[str, list[Order]] = {}  # by the first uri of each batch

    def __enter__(self) -> "Reading":
        """Returns itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Ends reading, where it was done in this process."""
        self._ahead.close()

    def expect(self, records: pa.RecordBatch) -> None:
        """Announces a batch; files of more bytes than may be held are read when they are wanted."""
        uris, sizes = records["uri"].to_pylist(), records["bytes"].to_pylist()
        wanted = [uri for uri, size in zip(uris, sizes, strict=True) if (size or 0) <= self._ahead.limit]
        self._expected[uris[0]] = self._ahead.expect(wanted)

    def __call__(self, records: pa.RecordBatch) -> pa.RecordBatch:
        """Returns what the function does."""
        first = records["uri"][0].as_py()
        if first not in self._expected:
            self.expect(records)
        try:
            return self._function(records, source=self._ahead)
        finally:
            self._ahead.forget(self._expected.pop(first))
