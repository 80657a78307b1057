"""The strict decoder under sanitizers, by mutants that fuzz_strict.py compares."""

import os
from pathlib import Path

import pytest
from fuzz_strict import SOURCES, Decoder, compare, compile_decoder, fuzz

MUTANTS = 1_500


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


@pytest.mark.slow
@pytest.mark.parametrize("name", ["DATAPREP_PHOTOS", "DATAPREP_HOSTILE"])
def test_files(program: Path, name: str) -> None:
    """Of photographs and malformed files too, what is taken has the pixels of simplejpeg."""
    folder = os.environ.get(name) or pytest.skip(f"{name} is not set")
    paths = sorted(path for path in Path(folder).rglob("*") if path.is_file())[:: 16 if name == "DATAPREP_PHOTOS" else 1]
    files = [data for data in (path.read_bytes() for path in paths) if data[:3] == b"\xff\xd8\xff"]
    decoder = Decoder(program)
    taken = sum(compare(decoder, data) > 0 for data in files)
    decoder.close()
    assert name == "DATAPREP_HOSTILE" or taken > 0.9 * len(files)
