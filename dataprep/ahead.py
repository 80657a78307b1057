"""Reading ahead: what will be wanted is announced, and read by threads of its own while something else is decoded.

A source that answers at once is read by whoever decodes, and no thread is started. One that makes its readers wait, be it a
network or a disk, is read by as many threads as help, so that its waits fall together and behind the decoding. Which it is shows
by timing the reads, since a folder may be either. Bounded are the reads that are under way and the bytes that wait to be taken.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, TypeVar

from dataprep.errors import DataprepError, SourceError
from dataprep.fetched import Reads, reads_of
from dataprep.machine import share_among

if TYPE_CHECKING:  # bare Python reads ahead, too
    import pyarrow as pa

    from dataprep.protocols import Source

Answer = TypeVar("Answer", bound=bytes | SourceError)

CONCURRENCY: Final = 32  # reads at once, of a source that does not say how many help
LIMIT: Final = 64 << 20  # bytes that were read and not taken: at 20 ms, 3 GB/s
GROUP: Final = 32  # images that a source is asked for at once, if it reads several
WAIT: Final = 0.002  # seconds that a read only waits, from which on a thread of its own is worth its 0.1 ms
RECENT: Final = 8  # reads of which three in four have to wait: some also do for a busy machine, which threads would not help
RETRIES: Final = b"retries"  # what the metadata of a result calls the requests to a store that were made again for it
TRIED: Final = 8  # images that are read to see whether a source is there at all
GRACE: Final = 1.0  # seconds that reads under way have to end in; one that hangs is left to itself


class Ahead:
    """A source that is told what will be read, and reads it ahead where that helps; a context manager that ends its threads.

    Any number of threads may read from it. Pickled, it arrives as it began.

    Attributes:
        source: Whose bytes these are.
        limit: How many bytes are held that were read and not taken; what somebody waits for already is read all the same.
    """

    def __init__(self, source: "Source", limit: int = LIMIT, processes: int = 1) -> None:
        """Takes a source; threads are started when there is something for them.

        Args:
            source: The source.
            limit: How many bytes are held that were read and not taken.
            processes: How many processes read ahead of the same loop, each with a copy of this.

        Raises:
            DataprepError: The source says nonsense of its concurrency.
        """
        self.source, self.limit, self.processes = source, limit, processes
        share_among(processes)
        self._concurrency = concurrency_of(source)
        self._group = GROUP if hasattr(source, "reads") else 1
        self._changed = threading.Condition()
        self._announced: dict[str, deque[Order]] = {}  # and not asked for
        self._queue: deque[Order] = deque()  # the same, in order; some may be begun
        self._urgent: deque[Order] = deque()  # asked for before they were begun
        self._asked: set[Order] = set()
        self._threads: list[threading.Thread] = []
        self._waits: deque[float] = deque(maxlen=RECENT)  # seconds
        self._sizes = deque([max(limit // self._concurrency, 1)], maxlen=CONCURRENCY)  # bytes
        self._held = self._under_way = 0  # bytes, images
        self._busy = 0  # threads
        self._closed = False
        self._reads = Reads()

    def __reduce__(self) -> tuple[Any, ...]:
        """Returns what a copy is made of, which has announced nothing."""
        return Ahead, (self.source, self.limit, self.processes)

    def __enter__(self) -> "Ahead":
        """Returns itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Ends the threads."""
        self.close()

    def __getattr__(self, name: str) -> Any:
        """Returns what else the source has, such as when a file was changed."""
        if name == "source":
            raise AttributeError(name)
        return getattr(self.source, name)

    def expect(self, uris: Iterable[str]) -> "list[Order]":
        """Announces images that will be read, each once, about in this order; one that is named twice, twice.

        Returns:
            What was announced, to be forgotten when it may not be wanted any more.
        """
        orders = [Order(uri) for uri in uris]
        with self._changed:
            for order in orders:
                self._announced.setdefault(order.uri, deque()).append(order)
            self._queue.extend(orders)
            self._wake()
        return orders

    def forget(self, orders: "Iterable[Order]") -> None:
        """Gives up what was announced and is not wanted any more, as a mask's image is not when the mask cannot be read."""
        with self._changed:
            for order in orders:
                if order.open:
                    self._take(order)
                    order.begun = order.forgotten = True
                    self._held -= order.held()
            self._changed.notify_all()

    def read(self, uri: str, start: int = 0, stop: int | None = None) -> bytes:
        """Returns the bytes of an image, at once if it was announced in time; what is only a part of it is read now.

        Raises:
            SourceError: It cannot be read, or this is closed.
        """
        order = self._ask(uri) if (start, stop) == (0, None) else None
        if order is None:
            return self._read_now(uri, start, stop)
        began = time.perf_counter()
        try:
            data = order.future.result()
        finally:
            with self._changed:
                self._asked.discard(order)
                order.future = Future()  # nobody keeps the bytes who keeps the order
                self._reads += Reads(waited=time.perf_counter() - began)
        with self._changed:
            self._held -= len(data)
            self._changed.notify()
        return data

    def read_again(self, uri: str) -> bytes:
        """Returns the bytes of an image that were had and cannot be those that are meant: as the source has them now.

        Raises:
            SourceError: It cannot be read.
        """
        again = getattr(self.source, "read_again", None)
        if again is None:  # which a store is asked, and no cache before it
            with self._changed:
                self._reads += Reads(retries=1)
        return self._timed(uri, read=again or self.source.read)

    def take_reads(self) -> Reads:
        """Returns what reading came to since this was last asked."""
        with self._changed:
            taken, self._reads = self._reads, Reads()
        return taken

    def close(self) -> None:
        """Ends reading, also for those who wait; a read that hangs keeps its thread and nobody else."""
        with self._changed:
            self._closed = True
            for order in self._asked:
                order.answer(SourceError("cannot be read: reading has ended"))
            self._changed.notify_all()
        end = time.monotonic() + GRACE
        for thread in self._threads:
            thread.join(max(end - time.monotonic(), 0))

    def _ask(self, uri: str) -> "Order | None":
        """Returns what to wait for, None for the caller to read it."""
        with self._changed:
            if self._closed:
                raise SourceError("cannot be read: reading has ended")
            if uri not in self._announced:
                return None
            order = self._announced[uri][0]
            self._take(order)
            if not order.begun and not self._slow:
                order.begun = True
                while self._queue and self._queue[0].begun:
                    self._queue.popleft()
                return None
            self._asked.add(order)
            if not order.begun:
                self._urgent.append(order)
                self._changed.notify()
            return order

    def _take(self, order: "Order") -> None:
        """Strikes an order off the list of what may be asked for."""
        order.open = False
        orders = self._announced[order.uri]
        orders.remove(order)
        if not orders:
            del self._announced[order.uri]

    def _read_now(self, uri: str, start: int, stop: int | None) -> bytes:
        try:
            return self._timed(uri, start, stop)
        finally:
            with self._changed:
                self._wake()

    def _timed(self, *asked: Any, read: "Callable[..., bytes] | None" = None, ahead: bool = False) -> bytes:
        """Reads, and notes for how long that only waited: where a core is at work, threads do not help."""
        began, worked = time.perf_counter(), time.thread_time()
        try:
            return self._counted((read or self.source.read)(*asked))
        except SourceError as error:
            self._counted(error)
            raise
        finally:
            waited = time.perf_counter() - began - (time.thread_time() - worked)
            with self._changed:
                self._waits.append(waited)
                if not ahead:
                    self._reads += Reads(waited=waited)

    def _counted(self, answer: Answer) -> Answer:
        """Counts what is known of how an answer came about, and returns it."""
        if type(answer) is not bytes:
            with self._changed:
                self._reads += reads_of(answer)
        return answer

    @property
    def _slow(self) -> bool:
        """Whether threads of its own are worth it."""
        waits = sorted(self._waits)
        return self._concurrency > 0 and (self._group > 1 or (bool(waits) and waits[len(waits) // 4] > WAIT))

    def _wake(self) -> None:
        """Sees to it that threads are at the queue, where they are worth it."""
        if self._closed or not self._queue or not self._slow:
            return
        try:
            while len(self._threads) < min(self._concurrency, self._busy + -(-len(self._queue) // self._group)):
                thread = threading.Thread(target=self._run, name="dataprep-ahead", daemon=True)
                thread.start()
                self._threads.append(thread)
        except RuntimeError:  # the system has no further thread
            self._concurrency = len(self._threads)
        self._changed.notify_all()

    def _run(self) -> None:
        """Reads until the end: what each thread does."""
        while group := self._next():
            answers = self._answers([order.uri for order in group])
            for order in group:
                answer = _next_of(answers, self.source)
                with self._changed:
                    self._under_way -= 1
                    order.answer(answer)
                    if not isinstance(answer, BaseException):
                        self._sizes.append(len(answer))
                    if not order.forgotten:
                        self._held += order.held()
            with self._changed:
                self._busy -= 1

    def _next(self) -> "list[Order]":
        """Returns what to read, once there is something and room for it; nothing at the end."""
        with self._changed:
            while not self._closed:
                group = self._startable()
                if group:
                    self._busy += 1
                    self._under_way += len(group)
                    return group
                self._changed.wait()
        return []

    def _startable(self) -> "list[Order]":
        """Begins what somebody waits for, and what comes next as far as there is room, each as large as the largest of late."""
        group: list[Order] = []
        room = self.limit - self._held - self._under_way * max(self._sizes)
        while len(group) < self._group:
            if self._urgent:
                order = self._urgent.popleft()
            elif self._queue and self._slow and (self._queue[0].begun or room >= (len(group) + 1) * max(self._sizes)):
                order = self._queue.popleft()
            else:
                break
            if not order.begun:
                order.begun = True
                group.append(order)
        return group

    def _answers(self, uris: Sequence[str]) -> Iterator[bytes | SourceError]:
        """Yields the bytes of each image, or why there are none."""
        if hasattr(self.source, "reads"):
            yield from map(self._counted, self.source.reads(uris))
            return
        for uri in uris:
            try:
                yield self._timed(uri, ahead=True)
            except SourceError as error:
                yield error


class Reading:
    """A function of records and a source, to be called with records alone; it is sent to processes with the source.

    An engine may `expect` batches that it will call it with, in the process where it does, so that the one is read while
    another is measured. Otherwise the files of a batch are read while those before them in the same batch are measured.
    """

    def __init__(
        self,
        function: "Callable[..., pa.RecordBatch]",
        source: "Source",
        lean: object = None,
        memory: int = 0,
        processes: int = 1,
    ) -> None:
        """Takes a function, whose argument `source` this gives, and the source.

        Args:
            function: The function.
            source: The source.
            lean: How bare Python does the same, for the engine.
            memory: How many bytes it may take for a record.
            processes: How many processes of a machine it is sent to.
        """
        self._function, self._ahead = function, Ahead(source, processes=processes)
        self.lean, self.memory = lean, memory
        self._expected: dict[str, list[Order]] = {}  # by the first uri of each batch

    def __enter__(self) -> "Reading":
        """Returns itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Ends reading, where it was done in this process."""
        self._ahead.close()

    def expect(self, records: "pa.RecordBatch") -> None:
        """Announces a batch; files of more bytes than may be held are read when they are wanted."""
        uris = records["uri"].to_pylist()
        sizes = records["bytes"].to_pylist() if "bytes" in records.schema.names else [0] * len(uris)
        wanted = [uri for uri, size in zip(uris, sizes, strict=True) if (size or 0) <= self._ahead.limit]
        self._expected[uris[0]] = self._ahead.expect(wanted)

    def readable(self, records: "pa.RecordBatch") -> bool:
        """Returns whether one of the first few records can be read on this machine."""
        for uri in records["uri"].slice(0, TRIED).to_pylist():
            with suppress(SourceError):
                self._ahead.source.read(uri)
                return True
        return False

    def __call__(self, records: "pa.RecordBatch") -> "pa.RecordBatch":
        """Returns what the function does."""
        first = records["uri"][0].as_py()
        if first not in self._expected:
            self.expect(records)
        try:
            done = self._function(records, source=self._ahead)
        finally:
            self._ahead.forget(self._expected.pop(first))
        retries = self._ahead.take_reads().retries
        return done.replace_schema_metadata({RETRIES: str(retries)}) if retries else done


class Order:
    """An image that was announced.

    Attributes:
        uri: Which.
        open: Whether nobody has asked for it, nor forgot it.
        begun: Whether somebody reads it, or has.
        forgotten: Whether nobody will take it.
        future: What came of it.
    """

    __slots__ = ("begun", "forgotten", "future", "open", "uri")

    def __init__(self, uri: str) -> None:
        self.uri, self.open, self.begun, self.forgotten = uri, True, False, False
        self.future: Future[bytes] = Future()

    def answer(self, answer: bytes | BaseException) -> None:
        """Says what came of it, unless that was said before."""
        if self.future.done():
            return
        if isinstance(answer, BaseException):
            self.future.set_exception(answer)
        else:
            self.future.set_result(answer)

    def held(self) -> int:
        """Returns how many bytes came of it."""
        done = self.future.done() and self.future.exception() is None
        return len(self.future.result()) if done else 0


def concurrency_of(source: "Source") -> int:
    """Returns how many reads at once help, as a source says by its `concurrency`.

    Raises:
        DataprepError: That is not a whole number from 1.
    """
    said = getattr(source, "concurrency", CONCURRENCY)
    if not isinstance(said, int) or isinstance(said, bool) or said < 1:
        raise DataprepError(f"{type(source).__name__}.concurrency is {said!r}; give how many reads at once help, 1 or more")
    return int(said)


def _next_of(answers: Iterator[bytes | SourceError], source: "Source") -> bytes | BaseException:
    """Returns the next answer, or the error that comes in its place."""
    try:
        return next(answers)
    except StopIteration:
        return DataprepError(f"{type(source).__name__}.reads ends early; yield the bytes of each image, or the SourceError of it")
    except BaseException as error:
        return error
