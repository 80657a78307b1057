"""Pairs within a radius: those that comparing all with all finds, each once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dataprep.search.pairs as pairs_module
from dataprep.search import hamming, pairs_within
from dataprep.search.pairs import Codes, Pairs


def brute_force(codes: Codes, radius: int) -> Pairs:
    """Every pair within the radius, by comparing all bits of all pairs."""
    bits = np.unpackbits(codes, axis=1).astype(np.float32)  # exact for such small numbers, and multiplied quickly
    distances = bits @ (1 - bits.T) + (1 - bits) @ bits.T
    return np.argwhere(np.triu(distances <= radius, k=1))


def planted(seed: int, size: int, width: int, radius: int) -> Codes:
    """Random hashes of which a third are near others, at distances around the radius, and some are the same or flat."""
    generator = np.random.default_rng(seed)
    codes = generator.integers(0, 256, (size, width), np.uint8)
    for _ in range(size // 3):
        bits = np.unpackbits(codes[generator.integers(size)])
        bits[generator.choice(len(bits), min(len(bits), generator.integers(0, radius + 3)), replace=False)] ^= 1
        codes[generator.integers(size)] = np.packbits(bits)
    codes[generator.integers(0, size, size // 20)] = 0
    return codes


@given(st.integers(0, 1_000), st.integers(0, 200), st.sampled_from([8, 32]), st.integers(0, 31))
def test_small(seed: int, size: int, width: int, radius: int) -> None:
    """The pairs of a few hashes are those of brute force, in ascending order."""
    codes = planted(seed, size, width, radius) if size else np.empty((0, width), np.uint8)
    np.testing.assert_array_equal(pairs_within(codes, radius), brute_force(codes, radius))


@given(st.integers(0, 1_000), st.integers(3, 250), st.sampled_from([8, 32]), st.integers(0, 12))
def test_blocks(seed: int, size: int, width: int, radius: int) -> None:
    """The search by blocks finds the pairs of brute force, however few the hashes."""
    codes = planted(seed, size, width, radius)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pairs_module, "ALL_AGAINST_ALL", 0)
        np.testing.assert_array_equal(pairs_within(codes, radius), brute_force(codes, radius))


@pytest.mark.parametrize("radius", [0, 1, 2, 4, 8, 10])
@pytest.mark.parametrize("width", [8, 32])
def test_many(width: int, radius: int) -> None:
    """Above the size where the search changes over, it finds the same pairs."""
    codes = planted(radius, 2_500, width, radius)
    assert len(codes) > pairs_module.ALL_AGAINST_ALL
    found = pairs_within(codes, radius)
    np.testing.assert_array_equal(found, brute_force(codes, radius))
    assert len(found) > 200


@pytest.mark.parametrize("chunk", [1, 7, 64])
def test_chunks(monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    """How many candidates are compared at once does not change what is found."""
    codes = planted(0, 120, 8, 6)
    monkeypatch.setattr(pairs_module, "CHUNK", chunk)
    np.testing.assert_array_equal(pairs_within(codes, 6), brute_force(codes, 6))
    monkeypatch.setattr(pairs_module, "ALL_AGAINST_ALL", 0)
    np.testing.assert_array_equal(pairs_within(codes, 6), brute_force(codes, 6))


@pytest.mark.parametrize("all_against_all", [0, 10_000])
def test_identical(monkeypatch: pytest.MonkeyPatch, all_against_all: int) -> None:
    """Identical hashes make every pair, at any radius."""
    monkeypatch.setattr(pairs_module, "ALL_AGAINST_ALL", all_against_all)
    for radius in (0, 3, 31):
        assert len(pairs_within(np.full((50, 8), 170, np.uint8), radius)) == 50 * 49 // 2


@pytest.mark.parametrize("size", [0, 1])
def test_too_few(size: int) -> None:
    """No hash and one hash have no pairs."""
    assert pairs_within(np.zeros((size, 8), np.uint8), 31).shape == (0, 2)


@given(st.binary(min_size=8, max_size=8), st.binary(min_size=8, max_size=8))
def test_hamming(left: bytes, right: bytes) -> None:
    """The distance is the number of bits that differ."""
    arrays = (np.frombuffer(code, np.uint8)[None] for code in (left, right))
    assert hamming(*arrays).tolist() == [(int.from_bytes(left) ^ int.from_bytes(right)).bit_count()]
