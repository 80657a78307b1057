"""The strict decoder under sanitizers, by mutants that fuzz_strict.py compares."""

from pathlib import Path

import pytest
from fuzz_strict import SOURCES, Decoder, compile_decoder, fuzz

MUTANTS = 1_000


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The decoder, compiled with sanitizers."""
    made = tmp_path_factory.mktemp("fuzz") / "decoder"
    if not SOURCES.joinpath("strict.c").exists():
        pytest.skip("an installed package has no sources")
    if (why := compile_decoder(made)) is not None:
        pytest.skip(f"the decoder does not compile with sanitizers here: {why}")
    return made


def test_mutants(program: Path) -> None:
    """Of files that are changed by chance, what is taken has the pixels of simplejpeg, and nothing leaves its memory."""
    decoder = Decoder(program)
    counts = fuzz(decoder, 0, MUTANTS)
    decoder.close()
    assert counts.mutants == MUTANTS and counts.taken > MUTANTS // 8
