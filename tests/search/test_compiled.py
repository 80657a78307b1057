"""The compiled search and its plain twin: both find what comparing all bits of all pairs finds, in every way to search."""

import importlib
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from dataprep.search import Hashes, hamming, keep_best, pairs_within, stars
from dataprep.search.blocks import Rates, plan, tables, words_of
from dataprep.search.pairs import Codes, Pairs

pairs_module = importlib.import_module("dataprep.search.pairs")
stars_module = importlib.import_module("dataprep.search.stars")

KINDS = ("uniform", "balanced", "correlated", "blank", "narrow")
WAYS = [pytest.param("numba", marks=pytest.mark.skipif(find_spec("numba") is None, reason="numba is not installed")), "numpy"]


def brute_force(codes: Codes, radius: int) -> Pairs:
    """Every pair within the radius, by comparing all bits of all pairs."""
    bits = np.unpackbits(codes, axis=1).astype(np.float32)  # exact for such small numbers, and multiplied quickly
    distances = bits @ (1 - bits.T) + (1 - bits) @ bits.T
    return np.argwhere(np.triu(distances <= radius, k=1))


def some(kind: str, seed: int, size: int, width: int, radius: int) -> Codes:
    """Hashes of a kind; a third are near others at distances around the radius, and some are the same.

    Args:
        kind: "balanced" ones have as many bits set as not, the first bit always, as those that compare with a median have;
            "correlated" ones have runs of equal bits; of "blank" ones half are all but zero; "narrow" ones vary in 9 bits.
        seed: Of the random generator.
        size: How many.
        width: How many bytes each.
        radius: Around which the distances of the near ones are.
    """
    generator = np.random.default_rng(seed)
    bits = generator.integers(0, 2, (size, 8 * width), np.uint8)
    if kind == "balanced":
        bits[:, 1:] = generator.permuted(np.tile(np.arange(1, 8 * width, dtype=np.uint8) % 2, (size, 1)), axis=1)
        bits[:, 0] = 1
    elif kind == "correlated":
        bits = np.cumsum(generator.random((size, 8 * width)) < 0.1, axis=1).astype(np.uint8) % 2
    elif kind == "blank":
        bits[: size // 2] = generator.random((size // 2, 8 * width)) < 1 / (8 * width)
    elif kind == "narrow":
        bits[:, 9:] = 1
    for row in range(size // 3):
        copy = bits[generator.integers(size)].copy()
        wide = 9 if kind == "narrow" else 8 * width
        copy[generator.choice(wide, min(wide, generator.integers(0, radius + 3)), replace=False)] ^= 1
        bits[-row] = copy
    return np.packbits(generator.permutation(bits), axis=1)


def by(way: str, codes: Codes, radius: int, blocks: int, firsts: int | None = None) -> Pairs:
    """The pairs that one way of searching finds, by so many blocks, in ascending order."""
    words, firsts = words_of(codes), len(codes) if firsts is None else firsts
    if way == "numba":
        from dataprep.search import kernels

        found = kernels.search(words, radius, tables(words, radius, blocks), firsts)
    elif blocks == 0:
        found = pairs_module._joined(pairs_module._all_pairs(words, radius, firsts))
    else:
        choices = tables(words, radius, blocks)
        found = pairs_module._joined(
            part for table in choices for part in pairs_module._table_pairs(words, radius, firsts, table)
        )
    found = np.sort(found)
    return np.stack([found >> np.uint64(32), found & np.uint64(0xFFFFFFFF)], axis=1).astype(np.int64)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("width", [8, 32])
@pytest.mark.parametrize("way", WAYS)
def test_every_radius(way: str, width: int, kind: str) -> None:
    """All against all finds the pairs of brute force, each once, at radii from none of the bits to all."""
    codes = some(kind, 0, 130, width, 2 * width)
    distances = hamming(codes[:, None], codes[None])
    for radius in range(0, 8 * width + 1, width // 8):  # 65 of them
        expected = np.argwhere(np.triu(distances <= radius, k=1))
        np.testing.assert_array_equal(by(way, codes, radius, 0), expected, f"radius {radius}")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("width", [8, 32])
@pytest.mark.parametrize("way", WAYS)
def test_blocks(way: str, width: int, kind: str) -> None:
    """Any number of blocks finds the pairs of brute force, each once."""
    for radius in (*range(9), 31):
        codes = some(kind, radius, 200, width, radius)
        for blocks in range(radius + 1, radius + (4 if radius < 7 else 2)):
            found = by(way, codes, radius, blocks)
            np.testing.assert_array_equal(found, brute_force(codes, radius), f"radius {radius}, {blocks} blocks")


@given(
    st.sampled_from(KINDS), st.integers(0, 1_000), st.integers(0, 700), st.integers(2, 40), st.integers(0, 12), st.integers(0, 3)
)
@pytest.mark.parametrize("way", WAYS)
def test_any(way: str, kind: str, seed: int, size: int, width: int, radius: int, more: int) -> None:
    """Hashes of any number and width have the pairs of brute force, by blocks as by comparing all."""
    if way == "numba":
        width = min(width, 32)
    codes = some(kind, seed, size, width, radius) if size else np.empty((0, width), np.uint8)
    expected = brute_force(codes, radius)
    if size:
        np.testing.assert_array_equal(by(way, codes, radius, 0), expected)
        np.testing.assert_array_equal(by(way, codes, radius, radius + 1 + more), expected)
    np.testing.assert_array_equal(pairs_within(codes, radius), expected)


@pytest.mark.parametrize("size", [1, 2, 3, 31, 32, 33, 255, 256, 257, 258, 259, 513, 514, 515, 800])
@pytest.mark.parametrize("width", [8, 32])
@pytest.mark.parametrize("way", WAYS)
def test_edges(way: str, width: int, size: int) -> None:
    """No pair is lost or doubled where tiles, blocks of rows, pieces and buckets begin and end."""
    same = np.zeros((size, width), np.uint8)
    expected = brute_force(same, 0)
    for blocks in (0, 1, 2):
        np.testing.assert_array_equal(by(way, same, blocks // 2, blocks), expected)


@given(st.integers(0, 1_000), st.integers(1, 400), st.sampled_from([8, 32]), st.integers(0, 6), st.data())
@pytest.mark.parametrize("patience", [0.0, 1e9])
def test_firsts(patience: float, seed: int, size: int, width: int, radius: int, data: st.DataObject) -> None:
    """Asked for the pairs of the first rows, a search finds those of all pairs whose first row is one of them."""
    codes = some("uniform", seed, size, width, radius)
    firsts = data.draw(st.integers(0, size))
    expected = brute_force(codes, radius)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pairs_module, "ALL_AGAINST_ALL", 0)
        patch.setattr(pairs_module, "PATIENCE", patience)
        np.testing.assert_array_equal(pairs_within(codes, radius, firsts), expected[expected[:, 0] < firsts])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("width", "radius"), [(8, 0), (8, 4), (8, 8), (32, 16), (32, 72), (32, 80)])
def test_same(monkeypatch: pytest.MonkeyPatch, width: int, radius: int, kind: str) -> None:
    """Six thousand hashes have the same pairs with numba as without."""
    pytest.importorskip("numba")
    codes = some(kind, radius, 6_000, width, radius)
    if kind in ("blank", "narrow"):
        codes = codes[::4]  # they have very many pairs
    monkeypatch.setattr(pairs_module, "ALL_AGAINST_ALL", 0)
    monkeypatch.setattr(pairs_module, "PATIENCE", 0.0)
    compiled = pairs_within(codes, radius)
    monkeypatch.setattr(pairs_module, "PATIENCE", 1e9)
    np.testing.assert_array_equal(compiled, pairs_within(codes, radius))
    assert len(compiled) > 200


@given(st.integers(0, 1_000), st.sampled_from([8, 32]), st.integers(0, 8), st.integers(0, 3))
def test_one_table(seed: int, width: int, radius: int, more: int) -> None:
    """Each pair within the radius agrees in the blocks of a table and in no earlier one, and of such tables there is one."""
    codes = some("uniform", seed, 60, width, radius)
    words = words_of(codes)
    owners = np.zeros(len(pairs := brute_force(codes, radius)), np.int64)
    for table in tables(words, radius, radius + 1 + more):
        differing = words[:, pairs[:, 0]] ^ words[:, pairs[:, 1]]
        earlier = [~(differing & block[:, None]).any(axis=0) for block in table.earlier]
        owners += ~(differing & table.mask[:, None]).any(axis=0) & ~np.any([np.zeros(len(pairs), bool), *earlier], axis=0)
    assert (owners == 1).all()


def test_blocks_pay_where_keys_are_long() -> None:
    """A plan takes blocks at a small radius, and compares all with all where few bits would be left to agree in."""
    rates = Rates(row=30.0, candidate=0.1, pair=0.1)
    assert plan(1_000_000, 5e11, 64, 4, rates).blocks == 5
    assert plan(100_000, 5e9, 256, 72, rates).blocks == 0
    assert plan(100_000, 5e9, 3, 4, rates).blocks == 0  # fewer bits than blocks


def test_without_numba(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where numba is not installed, a long search takes its time and finds the same."""
    monkeypatch.setattr(pairs_module, "PATIENCE", 0.0)
    monkeypatch.setattr(pairs_module, "find_spec", lambda name: None)
    monkeypatch.setitem(sys.modules, "numba", None)
    monkeypatch.delitem(sys.modules, "dataprep.search.kernels", raising=False)
    codes = some("uniform", 0, 3_000, 8, 6)
    np.testing.assert_array_equal(pairs_within(codes, 6), brute_force(codes, 6))


def test_numba_is_for_long_searches() -> None:
    """Neither importing the search nor a short search loads numba."""
    code = """
import sys
import numpy as np
from dataprep.search import pairs_within
pairs_within(np.random.default_rng(0).integers(0, 256, (5_000, 8), np.uint8), 4)
assert "numba" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300)


def slowly_chosen(codes: Codes, radius: int) -> NDArray[np.int64]:
    """The stars of hashes, from all their pairs."""
    return stars(brute_force(codes, radius), len(codes))


@given(st.sampled_from(KINDS), st.integers(0, 1_000), st.integers(1, 300), st.sampled_from([8, 32]), st.integers(0, 12))
def test_stars_in_parts(kind: str, seed: int, size: int, width: int, radius: int) -> None:
    """Stars of which only a few pairs are in memory at once are those of all pairs."""
    codes = some(kind, seed, size, width, radius)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stars_module, "SAMPLE", 16)
        patch.setattr(stars_module, "MOST_PAIRS", 50)
        np.testing.assert_array_equal(stars_module.stars_of(codes, radius), slowly_chosen(codes, radius))


@pytest.mark.parametrize("last", [False, True])
def test_nearly_blank_hashes(last: bool) -> None:
    """Ten thousand nearly blank hashes, the best or the worst, fall to one of them, without all pairs."""
    generator = np.random.default_rng(0)
    codes = generator.integers(0, 256, (20_000, 8), np.uint8)
    blank = slice(10_000, None) if last else slice(0, 10_000)
    codes[blank] = np.packbits(generator.permuted(np.tile(np.arange(64) < 4, (10_000, 1)), axis=1), axis=1)
    centre = stars_module.stars_of(codes, 8)
    kept = centre == np.arange(len(codes))
    assert kept[blank].sum() == 1
    assert (hamming(codes, codes[centre]) <= 8).all()


@given(st.lists(st.integers(0, 5), max_size=40), st.sampled_from([1, 8, 32]))
def test_first_of_equal(levels: list[int], width: int) -> None:
    """Each row's first equal row is the first that has the same bytes."""
    codes = np.array(levels, np.uint8)[:, None].repeat(width, axis=1)
    assert stars_module.first_of_equal(codes).tolist() == [levels.index(level) for level in levels]


@given(
    st.sampled_from(["uniform", "blank"]),
    st.integers(0, 1_000),
    st.integers(1, 150),
    st.integers(0, 2),
    st.integers(1, 3),
    st.integers(0, 20),
)
def test_best_in_parts(kind: str, seed: int, size: int, variants: int, own: int, protected: int) -> None:
    """Which images are kept does not depend on how many are searched at once: with several hashes, verified or protected."""
    codes = some(kind, seed, size * (variants + 1), 8, 6).reshape(size, variants + 1, 8)
    by, verify = Hashes(codes, 6, own), Hashes(codes[:, :, ::-1], 4, own)
    whole = keep_best(by, verify, min(protected, size))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stars_module, "SAMPLE", 16)
        patch.setattr(stars_module, "MOST_PAIRS", 20)
        np.testing.assert_array_equal(keep_best(by, verify, min(protected, size)), whole)
