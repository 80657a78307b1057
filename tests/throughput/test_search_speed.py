"""How fast all pairs of hashes within a radius are found, against the binary indexes of faiss, which are exact as well.

Of faiss only the search is timed, not the building of its index; ours starts from the bytes and sorts what it finds. Where faiss
would take minutes, it is asked about a sample of the hashes and its time is multiplied: such figures say "of a sample".
Ours has its compiled code loaded.
"""

import importlib
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from figures import Figures, seconds_of

from dataprep.search import pairs_within, stars_of
from dataprep.search.pairs import Codes

faiss = pytest.importorskip("faiss", reason="faiss-cpu, the peer of the search, is not installed")
pytest.importorskip("numba", reason="numba, with which long searches are compiled, is not installed")

pytestmark = pytest.mark.throughput

TURNS = 3

pairs_module = importlib.import_module("dataprep.search.pairs")


class Peer(NamedTuple):
    """A binary index of faiss.

    Attributes:
        name: Its name in the table.
        build: Makes it for hashes of so many bits and a radius.
        queries: How many hashes it is asked about, at most.
    """

    name: str
    build: Callable[[int, int], Any]
    queries: int


def flat(bits: int, radius: int) -> Any:
    """Compares all with all."""
    return faiss.IndexBinaryFlat(bits)


def multi_hash(tables: int) -> Callable[[int, int], Any]:
    """Looks hashes up by parts of 64 // tables bits, of which by pigeonhole one differs in at most radius // tables."""

    def build(bits: int, radius: int) -> Any:
        index = faiss.IndexBinaryMultiHash(bits, tables, bits // tables)
        index.nflip = radius // tables
        return index

    return build


def random_codes(seed: int, size: int, width: int) -> Codes:
    """Hashes without any structure."""
    return np.random.default_rng(seed).integers(0, 256, (size, width), np.uint8)


def asked(index: Any, codes: Codes, peer: Peer, radius: int) -> float:
    """How long a peer takes for all hashes, or would take, judged by a sample."""
    some = codes[:: max(1, len(codes) // peer.queries)]
    return seconds_of(lambda: index.range_search(some, radius + 1)) * len(codes) / len(some)


def race(figures: Figures, size: int, bits: int, radius: int, peers: list[Peer], floor: float, turns: int = TURNS) -> None:
    """Searches in turns with ours and each peer; the best of them counts."""
    codes = random_codes(0, size, bits // 8)
    codes[: size // 100] = codes[-(size // 100) :]
    built = {f"faiss {peer.name}" + (" (of a sample)" if peer.queries < size else ""): peer.build(bits, radius) for peer in peers}
    for index in built.values():
        index.add(codes)

    def turn() -> dict[str, float]:
        ours = seconds_of(lambda: pairs_within(codes, radius))
        theirs = {name: asked(index, codes, peer, radius) for peer, (name, index) in zip(peers, built.items(), strict=True)}
        return {"search": ours, **theirs, "best of faiss": min(theirs.values())}

    figures.race(f"{size:,} hashes of {bits} bits, radius {radius}", turn, {("search", "best of faiss"): floor}, turns)


@pytest.fixture(autouse=True)
def loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The compiled code is loaded."""
    with monkeypatch.context() as patch:
        patch.setattr(pairs_module, "PATIENCE", 0.0)
        pairs_within(random_codes(0, 3_000, 8), 4)


@pytest.mark.parametrize(("radius", "queries", "least"), [(4, 5_000, 10), (8, 1_000, 10), (10, 500, 4)])
def test_hundred_thousand(figures: Figures, radius: int, queries: int, least: float) -> None:
    """100,000 hashes of 64 bits are searched many times as fast as by the best binary index of faiss."""
    race(figures, 100_000, 64, radius, [Peer("Flat", flat, 20_000), Peer("MultiHash, 3 tables", multi_hash(3), queries)], least)


def test_same_pairs() -> None:
    """Ours finds the pairs that faiss finds."""
    codes = random_codes(0, 20_000, 8)
    codes[:1_000] = codes[-1_000:] ^ np.uint8(1)
    index = faiss.IndexBinaryFlat(64)
    index.add(codes)
    ends, _, found = index.range_search(codes, 10 + 1)
    rows = np.repeat(np.arange(len(codes)), np.diff(ends.astype(np.int64)))
    theirs = np.stack([rows, found], axis=1)[rows < found]
    np.testing.assert_array_equal(pairs_within(codes, 10), theirs[np.lexsort(theirs.T[::-1])])


def test_long_hashes(figures: Figures) -> None:
    """100,000 hashes of 256 bits, at a radius where no part of two hashes need be the same, are searched thrice as fast."""
    race(figures, 100_000, 256, 72, [Peer("Flat", flat, 5_000)], 3)


@pytest.mark.usefixtures("long")
@pytest.mark.parametrize("radius", [4, 8])
def test_million(figures: Figures, radius: int) -> None:
    """A million hashes are searched ten times as fast as by the best binary index of faiss."""
    peers = [Peer("Flat", flat, 500), Peer("MultiHash, 3 tables", multi_hash(3), 500)]
    race(figures, 1_000_000, 64, radius, peers, 10)


@pytest.mark.usefixtures("long", "judged")
def test_stars() -> None:
    """A million images that have copies, or many blank ones among them, cost a few times what a million different ones cost."""
    size, generator = 1_000_000, np.random.default_rng(0)
    different = random_codes(1, size, 8)
    copies = different.copy()
    copies[-size // 10 :] = copies[: size // 10]
    copies[-size // 10 :, 0] ^= 1
    blank = different.copy()
    rows = generator.choice(size, size // 50, replace=False)
    blank[rows] = 0
    nearly = blank.copy()
    for _ in range(3):
        nearly[rows, generator.integers(0, 8, len(rows))] ^= np.uint8(1) << generator.integers(0, 8, len(rows), dtype=np.uint8)
    sets = {"different": different, "10 % are near copies": copies, "2 % are blank": blank, "2 % are nearly blank": nearly}
    seconds = {}
    print(f"\n\n{size:,} hashes of 64 bits, radius 8: stars")
    for name, codes in sets.items():
        seconds[name] = seconds_of(lambda codes=codes: stars_of(codes, 8))
        print(f"  {name:<40}{seconds[name]:10.3f} s")
    assert max(seconds.values()) < 8 * seconds["different"]
