"""Reading ahead: what is read, by whom, how much at once, and what becomes of it at the end."""

import pickle
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataprep import ahead as module
from dataprep.ahead import RECENT, WAIT, Ahead
from dataprep.errors import DataprepError, SourceError

ALWAYS, NEVER = -1.0, float("inf")  # seconds of waiting from which on threads read
LONG = 60  # seconds that nothing takes
FIRST, STUCK = "first/1", "stuck/1"


@contextmanager
def waits(seconds: float) -> Iterator[None]:
    """Says from which wait on a source is read ahead."""
    before, module.WAIT = module.WAIT, seconds
    try:
        yield
    finally:
        module.WAIT = before


@pytest.fixture(name="always")
def _always() -> Iterator[None]:
    """Lets every source be one that makes its readers wait, once one read has shown it."""
    with waits(ALWAYS):
        yield


def content(uri: str) -> bytes:
    """The bytes of a uri: as many as the number that it ends with."""
    return uri.encode() * int(uri.rpartition("/")[2] or 1)


class Counted:
    """Counts its reads: which, and how many at once. What is called bad cannot be read."""

    def __init__(self, **attributes: Any) -> None:
        self.lock, self.reads_of = threading.Lock(), Counter[str]()
        self.now = self.most = self.bytes_out = self.most_out = 0
        self.readers: set[int] = set()
        vars(self).update(attributes)

    def records(self) -> Any:
        raise AssertionError("nobody lists")

    def read(self, uri: str, start: int = 0, stop: int | None = None) -> bytes:
        with self.lock:
            self.reads_of[uri] += 1
            self.readers.add(threading.get_ident())
            self.now += 1
            self.most = max(self.most, self.now)
        try:
            return self.answer(uri)[start:stop]
        finally:
            with self.lock:
                self.now -= 1

    def answer(self, uri: str) -> bytes:
        if uri.startswith("bad"):
            raise SourceError(f"cannot be read: {uri}")
        data = content(uri)
        with self.lock:
            self.bytes_out += len(data)
            self.most_out = max(self.most_out, self.bytes_out)
        return data

    def take(self, data: bytes) -> None:
        """Is told that somebody has the bytes."""
        with self.lock:
            self.bytes_out -= len(data)


class Bulk(Counted):
    """Reads several at once."""

    def reads(self, uris: Sequence[str]) -> Iterator[bytes | SourceError]:
        for uri in uris:
            try:
                yield self.read(uri)
            except SourceError as error:
                yield error


class Meeting(Counted):
    """Reads only when so many read at once, but the first."""

    def __init__(self, parties: int, **attributes: Any) -> None:
        super().__init__(barrier=threading.Barrier(parties), **attributes)

    def answer(self, uri: str) -> bytes:
        if uri != FIRST:
            self.barrier.wait(LONG)
        return super().answer(uri)


class Stuck(Counted):
    """One of its images does not come, until it is let go."""

    def __init__(self) -> None:
        super().__init__(begun=threading.Event(), let_go=threading.Event())

    def answer(self, uri: str) -> bytes:
        if uri == STUCK:
            self.begun.set()
            assert self.let_go.wait(LONG)
        return super().answer(uri)


def answer_of(source: Any, uri: str) -> bytes | str:
    """What a source reads, or what it says."""
    try:
        return bytes(source.read(uri))
    except SourceError as error:
        return str(error)


def threads() -> list[threading.Thread]:
    """Those that read ahead."""
    return [thread for thread in threading.enumerate() if thread.name == "dataprep-ahead"]


names = st.builds(lambda kind, size: f"{kind}/{size}", st.sampled_from(["good", "bad"]), st.integers(0, 5))


@given(
    st.lists(names, max_size=40),
    st.lists(names, max_size=5),
    st.randoms(use_true_random=False),
    st.sampled_from([Counted, Bulk]),
    st.sampled_from([ALWAYS, WAIT, NEVER]),
    st.integers(1, 5),
    st.sampled_from([0, 1, 20, 10**6]),
    st.integers(1, 4),
)
def test_what_is_read(announced, others, random, kind, wait, concurrency, limit, readers) -> None:
    """Whatever was announced, in whatever order it is wanted, each read gives what the source has, which is read as often."""
    source = kind(concurrency=concurrency)
    wanted = random.sample(announced + others, len(announced) + len(others))
    with waits(wait), Ahead(source, limit) as ahead, ThreadPoolExecutor(readers) as pool:
        ahead.expect(announced)
        given = list(pool.map(lambda uri: answer_of(ahead, uri), wanted))
    assert source.reads_of == Counter(wanted)
    assert given == [answer_of(Counted(), uri) for uri in wanted]
    assert not threads()


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("concurrency", range(1, 10))
@pytest.mark.parametrize("readers", [1, 2, 5])
def test_how_many_read_at_once(concurrency: int, readers: int) -> None:
    """As many reads are under way at once as a source says, and never more, however many wait for them."""
    source = Meeting(concurrency, concurrency=concurrency)
    uris = [f"a/{number}" for number in range(3 * concurrency)]
    with Ahead(source) as ahead, ThreadPoolExecutor(readers) as pool:
        ahead.read(FIRST)
        ahead.expect(uris)
        assert list(pool.map(ahead.read, uris)) == [content(uri) for uri in uris]
    assert source.most == concurrency


@pytest.mark.usefixtures("always")
def test_a_source_that_says_nothing() -> None:
    """A source that does not say how many reads at once help gets 32."""
    source = Meeting(32)
    uris = [f"a/{number}" for number in range(64)]
    with Ahead(source) as ahead:
        ahead.read(FIRST)
        ahead.expect(uris)
        assert [ahead.read(uri) for uri in uris] == [content(uri) for uri in uris]


@given(st.integers(0, 3), st.integers(1, 30), st.integers(1, 6), st.integers(1, 3), st.sampled_from([Counted, Bulk]))
def test_how_many_bytes_wait(files, size, concurrency, readers, kind) -> None:
    """Of files of one size no more bytes wait to be taken than was allowed, and one file for each who waits."""
    uris, room = [f"{letter}/{size}" for letter in "abcdefghijklmnopqrstuvwxyz"], len(content(f"a/{size}"))
    source = kind(concurrency=concurrency)
    with waits(ALWAYS), Ahead(source, files * concurrency * room) as ahead, ThreadPoolExecutor(readers) as pool:
        source.take(ahead.read(FIRST))
        source.most_out = 0
        ahead.expect(uris)
        for _ in pool.map(lambda uri: source.take(ahead.read(uri)), uris):
            pass
    assert source.most_out <= (files * concurrency + readers) * room


@given(st.lists(st.integers(0, 60), min_size=1, max_size=40), st.integers(1, 500), st.integers(1, 6))
def test_how_many_bytes_wait_of_any_files(sizes, limit, concurrency) -> None:
    """Of files of any size, no more bytes wait than were allowed, and one file for each read at once and who waits for one."""
    source = Counted(concurrency=concurrency)
    uris = [f"{index}/{size}" for index, size in enumerate(sizes)]
    with waits(ALWAYS), Ahead(source, limit) as ahead:
        source.take(ahead.read(FIRST))
        source.most_out = 0
        ahead.expect(uris)
        for uri in uris:
            source.take(ahead.read(uri))
    assert source.most_out <= limit + (concurrency + 1) * max(len(content(uri)) for uri in uris)


def test_nothing_is_read_ahead_of_what_answers_at_once() -> None:
    """A source that does not make its readers wait is read by those who want it, and by no other thread."""
    source = Counted()
    uris = [f"a/{number}" for number in range(50)]
    with waits(NEVER), Ahead(source) as ahead:
        ahead.expect(uris)
        assert [ahead.read(uri) for uri in uris] == [content(uri) for uri in uris]
        assert not threads()
    assert (source.readers, source.most) == ({threading.get_ident()}, 1)


@pytest.mark.parametrize("working", [True, False], ids=["at work", "waiting"])
def test_work_is_no_wait(monkeypatch: pytest.MonkeyPatch, working: bool) -> None:
    """Reads that take long because a core is at work are left where they are; those that wait are read by threads."""
    clock, here = SimpleNamespace(now=0.0, worked=0.0, lock=threading.Lock()), threading.get_ident()

    class Long(Counted):
        def answer(self, uri: str) -> bytes:
            with clock.lock:
                clock.now += 1.0
                clock.worked += working
            return super().answer(uri)

    times = {"perf_counter": lambda: clock.now, "thread_time": lambda: clock.worked, "monotonic": lambda: 0.0}
    monkeypatch.setattr(module, "time", SimpleNamespace(**times))
    source, uris = Long(concurrency=1), [f"a/{number}" for number in range(20)]
    with Ahead(source) as ahead:
        ahead.expect(uris)
        assert [ahead.read(uri) for uri in uris] == [content(uri) for uri in uris]
    assert (source.readers == {here}) == working


def test_three_in_four_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads read when three in four of the last reads waited, and no longer when they do not."""
    clock = SimpleNamespace(now=0.0)
    long = [1, 0, 0, 1, 1, 1, 1, 1, 1, 0, 1, 1, 0, 0, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1]
    monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=lambda: clock.now, thread_time=float, monotonic=float))

    class Timed(Counted):
        def answer(self, uri: str) -> bytes:
            clock.now += long[int(uri)]
            return super().answer(uri)

    ahead = Ahead(Timed())
    for number in range(len(long)):
        ahead.read(str(number))
        recent = long[max(number + 1 - RECENT, 0) : number + 1]
        assert ahead._slow == (len(recent) - sum(recent) <= len(recent) // 4)


@pytest.mark.usefixtures("always")
def test_a_read_that_hangs() -> None:
    """It holds up nobody but who waits for it; closing frees that one, and leaves no other thread."""
    source = Stuck()
    ahead = Ahead(source)
    ahead.read(FIRST)
    ahead.expect([STUCK, "a/1", "b/2"])
    assert [ahead.read(uri) for uri in ("a/1", "b/2")] == [content("a/1"), content("b/2")]
    with ThreadPoolExecutor(1) as pool, pytest.MonkeyPatch.context() as patch:
        waiting = pool.submit(answer_of, ahead, STUCK)
        assert source.begun.wait(LONG)
        patch.setattr(module, "GRACE", 0.0)
        ahead.close()
        assert waiting.result(LONG) == "cannot be read: reading has ended"
    source.let_go.set()
    for thread in threads():
        thread.join(LONG)
    assert not threads()


@pytest.mark.usefixtures("always")
def test_the_end() -> None:
    """At the end no thread is left, though nothing was taken, and what is read then is an error."""
    with Ahead(Counted(concurrency=4)) as ahead:
        ahead.read(FIRST)
        ahead.expect([f"a/{number}" for number in range(20)])
        assert threads()
    assert not threads()
    assert answer_of(ahead, "a/3") == answer_of(ahead, "other/1") == "cannot be read: reading has ended"
    ahead.expect(["a/1"])
    assert not threads()


@pytest.mark.usefixtures("always")
def test_a_part_is_read_by_itself() -> None:
    """A part of an image is not what was announced, which stays to be had."""
    with Ahead(Counted()) as ahead:
        ahead.read(FIRST)
        ahead.expect(["a/9"])
        assert ahead.read("a/9", 2, 5) == content("a/9")[2:5]
        assert ahead.read("a/9") == content("a/9")


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("used", [False, True])
def test_pickled(used: bool) -> None:
    """A copy of it in another process reads the same and has been told nothing, whatever the original is at."""
    with Ahead(Plain(), 99) as ahead:
        if used:
            ahead.read(FIRST)
            ahead.expect(["a/1", "a/2"])
        with pickle.loads(pickle.dumps(ahead)) as copy:
            assert (copy.source, copy.limit, copy.read("a/2")) == (Plain(), 99, content("a/2"))


class Plain:
    """A source that can be sent."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Plain)

    __hash__ = object.__hash__

    def records(self) -> Any:
        raise AssertionError("nobody lists")

    def read(self, uri: str, start: int = 0, stop: int | None = None) -> bytes:
        return content(uri)[start:stop]


@given(
    st.lists(st.tuples(st.lists(names, max_size=6), st.data()), max_size=6),
    st.sampled_from([Counted, Bulk]),
    st.sampled_from([ALWAYS, NEVER]),
    st.integers(1, 3),
)
def test_what_is_not_wanted_any_more(batches, kind, wait, files) -> None:
    """Whatever of a batch was left when it was forgotten, it takes no room from those after it, of which each read is right."""
    source = kind(concurrency=2)
    with waits(wait), Ahead(source, files * 35) as ahead:
        ahead.read(FIRST)
        told = [(uris, ahead.expect(uris), data) for uris, data in batches]
        for uris, orders, data in told:
            for uri in data.draw(st.permutations(uris))[: data.draw(st.integers(0, len(uris)))]:
                assert answer_of(ahead, uri) == answer_of(Counted(), uri)
            ahead.forget(orders)
        ahead.close()
        assert ahead._held == ahead._under_way == 0


class Short(Bulk):
    def reads(self, uris: Sequence[str]) -> Iterator[bytes | SourceError]:
        yield from super().reads(uris[:-1])


class Raising(Bulk):
    def reads(self, uris: Sequence[str]) -> Iterator[bytes | SourceError]:
        raise ArithmeticError(f"{len(uris)} images")


@pytest.mark.parametrize(
    ("source", "error", "words"),
    [(Short(), DataprepError, "Short.reads ends early; yield the bytes of each"), (Raising(), ArithmeticError, "2 images")],
)
def test_bad_code(source: Any, error: type[Exception], words: str) -> None:
    """What is wrong with a source is raised where the image is wanted, and is no `SourceError`, which would be a row."""
    with Ahead(source) as ahead:
        ahead.expect(["a/1", "b/2"])
        with pytest.raises(error, match=words):
            _ = [ahead.read(uri) for uri in ("a/1", "b/2")]


@pytest.mark.parametrize("concurrency", [0, -1, 2.0, True, "many", None])
def test_a_concurrency_that_is_none(concurrency: object) -> None:
    """A concurrency that is not a whole number from 1 is refused, quoted, before anything is read."""
    with pytest.raises(DataprepError, match=rf"Counted.concurrency is {concurrency!r}; give how many"):
        Ahead(Counted(concurrency=concurrency))


@pytest.mark.usefixtures("always")
def test_without_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system gives no further thread, what is wanted is read all the same."""

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with Ahead(Counted()) as ahead:
        ahead.read(FIRST)
        monkeypatch.setattr(threading.Thread, "start", refuse)
        ahead.expect(["a/1", "b/2"])
        assert [ahead.read(uri) for uri in ("b/2", "a/1")] == [content("b/2"), content("a/1")]
