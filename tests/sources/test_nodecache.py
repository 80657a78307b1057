"""The cache of a machine: what it gives, how much it takes, and what becomes of it where processes are killed and disks full."""

import json
import os
import resource
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import PIL.Image
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

import dataprep as dp
from dataprep.files import UNFINISHED
from dataprep.sources import nodecache, room
from dataprep.sources.cached import Cached
from dataprep.sources.nodecache import NodeCache

SIZE = 10**6  # bytes of the caches here
FOREVER = 2.0**40  # seconds since 1970: all was used before, so all may go
KEYS = st.integers(0, 19).map("{}.jpg".format)
LENGTHS = st.sampled_from([0, 1, 4000, 30_000, 200_000, 2 * SIZE])


def reopened(folder: Path, size: int = SIZE) -> NodeCache:
    """The cache as a process that starts now sees it."""
    nodecache._disk.cache_clear()
    cache = NodeCache(folder, size)
    cache.check()
    return cache


def entries(folder: Path) -> list[Path]:
    """The files of a cache."""
    return [path for path in folder.glob("entries/*/*") if room.NAME.fullmatch(path.name)]


def on_disk(folder: Path) -> int:
    """The bytes of all that is the cache's, in blocks, as a file system counts."""
    return sum(room.taken(path.stat().st_size) for path in [*folder.glob("entries/*/*"), *folder.glob("unfinished/*")])


class Model(RuleBasedStateMachine):
    """A cache beside a dictionary of what was put last under each name."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(os.environ["DATAPREP_TEST_FOLDER"]) / os.urandom(8).hex()
        self.put_last: dict[str, bytes] = {}
        self.damaged: set[str] = set()
        self.foreign: dict[Path, bytes] = {}
        self.cache = reopened(self.folder)

    @initialize()
    def start(self) -> None:
        assert self.cache.get("source", "0.jpg", 0.0) is None

    @rule(key=KEYS, length=LENGTHS, byte=st.integers(0, 255), modified=st.none() | st.integers(0, 2**62))
    def put(self, key: str, length: int, byte: int, modified: int | None) -> None:
        data = bytes([byte]) * length
        assert self.cache.put("source", key, data, modified, FOREVER) == ""
        found = self.cache.get("source", key, FOREVER)
        if length < SIZE // 2:
            assert found == data, "what fits is there at once"
            assert found.kept and found.modified == modified
        if found == data:
            self.put_last[key] = data
            self.damaged.discard(key)

    @rule(key=KEYS)
    def get(self, key: str) -> None:
        found = self.cache.get("source", key, FOREVER)
        assert found is None or (found == self.put_last[key] and key not in self.damaged)
        assert self.cache.get("another source", key, FOREVER) is None

    @rule(key=KEYS, at=st.integers(0, 10**6), how=st.sampled_from(["flip", "cut", "zeros", "longer", "gone"]))
    def damage(self, key: str, at: int, how: str) -> None:
        path = Path(nodecache._path(str(self.folder), "source", key))
        if not path.exists():
            return
        data = bytearray(path.read_bytes())
        if not data:
            return
        if how == "gone":
            path.unlink()
            return
        if how == "flip":
            data[at % len(data)] ^= 1
        elif how == "cut":
            del data[at % len(data) :]
        elif how == "zeros":
            data = bytearray(len(data))
        else:
            data += b"\0"
        path.write_bytes(data)
        self.damaged.add(key)

    @rule()
    def be_killed(self) -> None:
        """A process that is killed leaves an unfinished file, and room that is booked for it."""
        left = self.folder / "unfinished" / f"{UNFINISHED}{os.urandom(8).hex()}"
        left.write_bytes(b"half of a file")
        disk = nodecache._disk(self.cache, os.getpid())
        disk.room.book(5000, FOREVER, FOREVER, lambda: None)
        self.cache = reopened(self.folder)
        assert not left.exists()

    @rule(damage=st.sampled_from([b"", b"\xff" * 100, b"\xff" * 5000]))
    def lose_numbers(self, damage: bytes) -> None:
        (self.folder / "use").write_bytes(damage)

    @rule(place=st.sampled_from(["", "entries/", "entries/3f/", "unfinished/"]), hexadecimal=st.booleans())
    def leave_a_file(self, place: str, hexadecimal: bool) -> None:
        path = self.folder / place / (os.urandom(15).hex() if hexadecimal else f"{len(self.foreign)}.txt")
        path.write_bytes(b"somebody's own")
        self.foreign[path] = b"somebody's own"

    @invariant()
    def takes_no_more_than_it_may(self) -> None:
        ours = on_disk(self.folder) - sum(
            room.taken(len(data)) for path, data in self.foreign.items() if path.parent != self.folder
        )
        assert ours <= SIZE

    @invariant()
    def removes_only_its_own(self) -> None:
        assert all(path.read_bytes() == data for path, data in self.foreign.items())

    def teardown(self) -> None:
        nodecache._disk.cache_clear()


def test_a_cache_gives_what_was_put_or_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is put, damaged, lost and killed: a cache gives what was put last or nothing, is bounded, and removes its own."""
    from hypothesis.stateful import run_state_machine_as_test

    monkeypatch.setenv("DATAPREP_TEST_FOLDER", str(tmp_path))
    run_state_machine_as_test(
        Model, settings=settings(max_examples=int(os.environ.get("DATAPREP_TEST_EXAMPLES", "12")), stateful_step_count=30)
    )


WRITER = """
import sys, zlib
from itertools import count
from dataprep.sources.nodecache import NodeCache
folder, size, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
cache = NodeCache(folder, size)
cache.check()
for turn in count():
    name = f"{(turn * 7919 + seed) % 97}.jpg"
    data = name.encode() * (1 + (turn * 31 + seed) % 4000)
    found = cache.get("source", name, 2.0**40)
    assert found is None or found == name.encode() * (len(found) // len(name)), name
    assert cache.put("source", name, data, None, 2.0**40) == ""
    print(turn, flush=True)
"""


def writer(folder: Path, seed: int) -> "subprocess.Popen[str]":
    """A process that puts and gets until it is killed, and says after each turn which it was."""
    return subprocess.Popen([sys.executable, "-c", WRITER, folder, str(SIZE), str(seed)], stdout=subprocess.PIPE, text=True)


def read_turns(process: "subprocess.Popen[str]", turns: int) -> None:
    """Waits until a process has done so many turns."""
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(turns)]
    assert all(lines), "the process has ended by itself"


def test_processes_share_it_and_may_be_killed_at_any_moment(tmp_path: Path) -> None:
    """Several processes at once, each killed after some turns: nothing half is given, no more is taken, leftovers are swept."""
    folder = tmp_path / "cache"
    for turn in range(2):
        processes = [writer(folder, 10 * turn + seed) for seed in range(3)]
        try:
            for place, process in enumerate(processes):
                read_turns(process, 30 + 40 * turn + 13 * place)
        finally:
            for process in processes:
                process.kill()
                process.communicate()
        cache = reopened(folder)
        assert not list(folder.glob("unfinished/*"))
        assert sum(room.taken(path.stat().st_size) for path in entries(folder)) == on_disk(folder) <= SIZE
        found = [cache.get("source", f"{number}.jpg", FOREVER) for number in range(97)]
        assert any(found)
        for number, data in enumerate(found):
            name = f"{number}.jpg".encode()
            assert data is None or data == name * (len(data) // len(name))


def test_threads_of_a_process_share_it(tmp_path: Path) -> None:
    """Threads that put and get the same files at once have each of them whole."""
    cache = reopened(tmp_path / "cache")

    def turn(number: int) -> None:
        name = f"{number % 7}.jpg"
        assert cache.put("source", name, name.encode() * 3000, None, 0.0) == ""
        assert cache.get("source", name, 0.0) == name.encode() * 3000

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(turn, range(200)))
    assert nodecache._disk(cache, os.getpid()).room.booked() == on_disk(tmp_path / "cache")


@pytest.mark.parametrize("since", [0.0, FOREVER])
def test_what_was_used_since_stays(tmp_path: Path, since: float) -> None:
    """Files that were used since a loader was made are never removed for its next ones; of others the oldest go first."""
    cache = reopened(tmp_path / "cache")
    for number in range(9):
        cache.put("source", f"{number}.jpg", b"x" * 100_000, None, since)
        os.utime(nodecache._path(cache.folder, "source", f"{number}.jpg"), (10.0 + number, 10.0 + number))
    assert cache.get("source", "0.jpg", since) == b"x" * 100_000  # so it is the last one that was used
    assert cache.put("source", "new.jpg", b"y" * 100_000, None, since) == ""
    there = [name for name in [*(f"{number}.jpg" for number in range(9)), "new.jpg"] if cache.get("source", name, since)]
    assert there == (
        [f"{number}.jpg" for number in range(9)]
        if since == 0.0
        else ["0.jpg", *(f"{number}.jpg" for number in range(2, 9)), "new.jpg"]
    )


class Memory:
    """A source of sixty files, twice as many as fit into a cache of 1 MB."""

    def records(self) -> Any:
        raise AssertionError("nobody lists")

    def read(self, uri: str, start: int = 0, stop: int | None = None) -> bytes:
        return uri.encode() * (33_000 // len(uri))


@given(st.lists(st.permutations([f"{number:02d}" for number in range(60)]), min_size=3, max_size=3))
@settings(max_examples=5)
def test_a_loop_over_more_than_fits_has_what_fits(tmp_path_factory: pytest.TempPathFactory, epochs: list[list[str]]) -> None:
    """Of files that are read in any order, epoch after epoch, a cache gives as many as it holds, also to a loop after that."""
    cache = reopened(tmp_path_factory.mktemp("cache"))
    holds = SIZE // room.taken(33_000)
    for loop in range(2):
        cached = Cached(Memory(), cache)
        for turn, order in enumerate(epochs):
            kept = sum(getattr(cached.read(uri), "kept", False) for uri in order)
            assert kept == (0 if turn == loop == 0 else holds)


@pytest.mark.parametrize("said", ["1MB", "200GB", "1.5TiB", 10**6, 2**40])
def test_sizes(said: Any) -> None:
    """Sizes are given in bytes, or with a unit."""
    assert NodeCache("cache", said).size >= 10**6


@pytest.mark.parametrize("said", ["", "many", "1kB", -1, 1.5, True, None, "12 apples"])
def test_sizes_that_are_none(said: Any) -> None:
    """What is no size, or too small a one, is refused with an example."""
    with pytest.raises(dp.DataprepError, match=r'NodeCache\(size=.*: give bytes, at least "1MB", such as "200GB"'):
        NodeCache("cache", said)


@pytest.mark.parametrize("said", ["", None, 7, "s3://bucket/cache"])
def test_folders_that_are_none(said: Any) -> None:
    """A cache is a folder of this machine."""
    with pytest.raises(dp.DataprepError, match="give a folder on a disk of this machine"):
        NodeCache(said, "1GB")


def test_a_cache_that_was_removed_is_made_anew(tmp_path: Path) -> None:
    """A folder that is removed empties a cache: until it is checked again nothing is kept, and then all is."""
    cache = reopened(tmp_path / "cache")
    assert cache.put("source", "a.jpg", b"a", None, 0.0) == ""
    shutil.rmtree(tmp_path / "cache")
    assert cache.get("source", "a.jpg", 0.0) is None
    assert cache.put("source", "a.jpg", b"a", None, 0.0) == "No such file or directory"
    cache.check()
    assert cache.put("source", "a.jpg", b"a", None, 0.0) == "" and cache.get("source", "a.jpg", 0.0) == b"a"


def test_folders_of_others_are_refused(tmp_path: Path) -> None:
    """A folder that is not empty and no cache is refused, and so is one of another version; nothing there is touched."""
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(dp.DataprepError, match=r"is no cache and not empty: 'thesis.tex' is there; give a new folder"):
        NodeCache(tmp_path, "1MB").check()
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
    with pytest.raises(dp.DataprepError, match="cannot be used as a cache: "):
        NodeCache(tmp_path / "thesis.tex", "1MB").check()
    reopened(tmp_path / "cache")
    for text in ('{"version": 99}', "[]", ""):
        (tmp_path / "cache" / nodecache.MARK).write_text(text)
        with pytest.raises(dp.DataprepError, match="is a cache of another version of dataprep; remove it"):
            reopened(tmp_path / "cache")


OPS = dp.Pipeline(dp.Resize((16, 16)), dp.HorizontalFlip(), dp.Output("float32"))


BACKENDS = [
    pytest.param(lambda: dp.Threads(2), id="threads"),
    pytest.param(lambda: dp.Torch(2), id="torch"),
    pytest.param(lambda: dp.Torch(2, start="forkserver"), id="forkserver", marks=pytest.mark.slow),
    pytest.param(lambda: dp.Dali("cpu", threads=2), id="dali"),
]


def epoch_of(loader: dp.Loader) -> dict[int, bytes]:
    """The images of an epoch by their ids."""
    return {int(id): image.numpy().tobytes() for batch in loader for id, image in zip(batch.ids, batch.images, strict=True)}


@pytest.mark.filterwarnings("ignore:This DataLoader will create")
@pytest.mark.parametrize("backend", BACKENDS)
def test_every_backend_gives_the_same_with_a_cache(folder: Path, tmp_path: Path, backend: Any) -> None:
    """With a cache the same batches come as without; the second epoch is read from it, also when the source is gone."""
    pytest.importorskip("torch")
    try:
        made = backend()
    except dp.DataprepError as error:
        pytest.skip(str(error))
    manifest = dp.clean(folder, engine=dp.Local(0), progress=False)
    options: dict[str, Any] = {"batch_size": 4, "backend": made, "train": False}
    without = epoch_of(dp.Loader(manifest, OPS, **options))
    loader = dp.Loader(manifest, OPS, **options, cache=dp.NodeCache(tmp_path / "cache", "1MB"))
    assert epoch_of(loader) == without
    assert loader.stats().reads.kept == 0
    for path in sorted(folder.rglob("*.*"))[1:]:  # the first is looked at when a loader is made
        path.unlink()
    assert epoch_of(loader) == without
    assert loader.stats().reads.kept == 12
    assert "12 files from the cache of this machine" in str(loader.stats())
    assert loader.stats().reads.unkept == 0


def test_a_changed_file_is_read_again(folder: Path, tmp_path: Path) -> None:
    """A cache gives what the manifest means: after another `clean`, a changed file of the same length is fetched."""
    paths = sorted(path for path in folder.rglob("*.*"))
    cache = dp.NodeCache(tmp_path / "cache", "1MB")

    def images(manifest: dp.Manifest) -> tuple[dict[int, bytes], int]:
        loader = dp.Loader(manifest, OPS, batch_size=4, train=False, backend=dp.Threads(2), cache=cache)
        return epoch_of(loader), loader.stats().reads.kept

    before = dp.clean(folder, engine=dp.Local(0), progress=False)
    first, _ = images(before)
    one, other = paths[0].read_bytes(), paths[1].read_bytes()
    length = max(len(one), len(other))  # bytes behind the end of an image are no part of it
    paths[0].write_bytes(other.ljust(length, b"\0"))
    paths[1].write_bytes(one.ljust(length, b"\0"))
    assert images(before) == (first, 12), "the manifest means what was there when it was made"
    after = dp.clean(folder, dp.Pipeline(), engine=dp.Local(0), progress=False)
    changed, _ = images(after)
    assert changed[0] == first[1] and changed[1] == first[0]
    assert {id: changed[id] for id in range(2, 12)} == {id: first[id] for id in range(2, 12)}
    paths[0].write_bytes(one.ljust(length, b"\0"))
    paths[1].write_bytes(other.ljust(length, b"\0"))
    third = dp.clean(folder, dp.Pipeline(), engine=dp.Local(0), progress=False)
    assert images(third)[0] == first, "of the same length as what is kept, with other content"


ON_A_FULL_DISK = """
import resource, sys
import dataprep as dp
manifest = dp.Manifest.read(sys.argv[1])
cache = dp.NodeCache(sys.argv[2], "1MB")
ops = dp.Pipeline(dp.Resize((16, 16)))
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)
loader = dp.Loader(manifest, ops, batch_size=4, backend=dp.Threads(2, output="numpy"), cache=cache)
for epoch in range(2):
    for batch in loader:
        pass
reads = loader.stats().reads
print(loader.stats().images, loader.stats().failed, reads.kept, reads.unkept)
"""


@pytest.mark.parametrize("largest", [3000])
def test_what_cannot_be_written_is_read_as_without(folder: Path, tmp_path: Path, largest: int) -> None:
    """Where no file of an entry's size can be written, every image comes from the source; that is said once, and counted."""
    assert resource.RLIMIT_FSIZE  # what stands for a full disk here
    dp.clean(folder, engine=dp.Local(0), progress=False).write(tmp_path / "manifest.parquet")
    command = [sys.executable, "-B", "-c", ON_A_FULL_DISK, tmp_path / "manifest.parquet", tmp_path / "cache", str(largest)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["24", "0", "0", "24"]
    (said,) = done.stderr.strip().splitlines()
    assert "could not be kept in" in said and "File too large" in said
    assert not list((tmp_path / "cache").glob("unfinished/*"))


def test_masks_pass_by_a_cache(folder: Path, tmp_path: Path) -> None:
    """Of a mask nothing says what was there, so one that was changed is never given as it was, while its image is kept."""
    rows = []
    for path in sorted(folder.rglob("*.jpg")):
        mask = tmp_path / f"{path.stem}.png"
        PIL.Image.new("L", (128, 96), 1).save(mask)
        rows.append({"image": str(path.relative_to(tmp_path)), "mask": mask.name})
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    manifest = dp.clean(tmp_path / "rows.jsonl", engine=dp.Local(0), progress=False)
    cache, pipeline = dp.NodeCache(tmp_path / "cache", "1MB"), dp.Pipeline(dp.Resize((16, 16)))
    backend = dp.Threads(2, output="numpy")
    loader = dp.Loader(manifest, pipeline, batch_size=4, train=False, backend=backend, targets="mask", cache=cache)
    assert all((batch.targets["mask"] == 1).all() for batch in loader)
    for row in rows:
        PIL.Image.new("L", (128, 96), 2).save(tmp_path / row["mask"])
    assert all((batch.targets["mask"] == 2).all() for batch in loader)
    assert loader.stats().reads.kept == len(rows) == len(list(tmp_path.glob("cache/entries/*/*")))


def test_what_a_cache_is_given_to(folder: Path, tmp_path: Path) -> None:
    """A dataset for a `DataLoader` takes a cache as a loader does; both refuse what is none."""
    pytest.importorskip("torch")
    manifest = dp.clean(folder, engine=dp.Local(0), progress=False)
    datasets = [dp.ImageDataset(manifest, cache=cache) for cache in (None, dp.NodeCache(tmp_path / "cache", "1MB"))]
    for _ in range(2):
        assert all(one[0].tobytes() == other[0].tobytes() for one, other in zip(*datasets, strict=True))
    assert len(entries(tmp_path / "cache")) == 12
    for kind in (dp.ImageDataset, dp.Loader):
        with pytest.raises(dp.LoaderError, match=rf"{kind.__name__}\(cache='/local'\): give a cache, as in cache=dp.NodeCache"):
            kind(manifest, OPS, cache="/local")
