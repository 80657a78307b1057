"""Mutations of the hostile files: whatever bytes a file has, it is a row, and clean goes on."""

import os
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc
import pytest

import dataprep as dp
from dataprep.columns import fields_of

MUTANTS = int(os.environ.get("DATAPREP_MUTANTS", "3000"))
"""How many are made; a seed of 0 makes the same ones each time."""
LARGEST = 1 << 20  # bytes of a file that is mutated: more of larger ones would be few
EDGES = (0, 1, 0x7F, 0x80, 0xFF)
WORDS = (0, 1, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
ORDERS: tuple[Literal["big", "little"], ...] = ("big", "little")


@dataclass(frozen=True)
class Mutants:
    """A source of files with faults; the number at the start of a uri decides which file, and which faults."""

    paths: tuple[str, ...]
    count: int
    seed: int = 0

    def records(self) -> pa.Table:
        rows = [{"uri": f"{number:06}", "bytes": number, "modified": 0} for number in range(self.count)]
        return pa.Table.from_pylist(rows, pa.schema(fields_of("scan")))

    def read(self, uri: str, start: int = 0, stop: int | None = None) -> bytes:
        draw = random.Random(f"{self.seed} {uri}")
        data = bytearray(Path(draw.choice(self.paths)).read_bytes())
        for _ in range(draw.choice((1, 1, 2, 4, 16))):
            mutate(data, draw)
        return bytes(data[start:stop])


def mutate(data: bytearray, draw: random.Random) -> None:
    """Makes one fault; half of them in the first 200 bytes, where sizes and kinds are."""
    size = len(data)
    at = draw.randrange(min(size, 200) if draw.random() < 0.5 else size) if size else 0
    length = draw.choice((1, 1, 2, 4, 30, 500))
    match draw.choice(("flip", "edge", "word", "cut", "end", "zero", "insert", "repeat")):
        case "flip" if size:
            data[at] ^= 1 << draw.randrange(8)
        case "edge":
            data[at : at + 1] = bytes([draw.choice(EDGES)])
        case "word":
            data[at : at + 4] = draw.choice(WORDS).to_bytes(4, draw.choice(ORDERS))
        case "cut":
            del data[at : at + length]
        case "end":
            del data[at:]
        case "zero":
            data[at : at + length] = bytes(length)
        case "insert":
            data[at:at] = draw.randbytes(length)
        case "repeat":
            data[at:at] = data[at : at + length] * 3


def check(manifest: dp.Manifest, measures: Sequence[str]) -> None:
    """Checks that every row has an error or every measure."""
    failed = pc.is_valid(manifest.table["error"])
    for name in measures:
        assert pc.all(pc.equal(pc.is_null(manifest.table[name]), failed)).as_py(), name
    assert pc.all(pc.is_in(manifest.table["reason"].filter(failed), pa.array(["unreadable"]))).as_py() is not False


@pytest.mark.slow
def test_mutations(hostile_files: list[Path]) -> None:
    """Each mutation is a row, whatever decoders make of it, and each row has an error or every measure."""
    paths = tuple(str(path) for path in hostile_files if path.stat().st_size < LARGEST)
    manifest = dp.clean(Mutants(paths, MUTANTS), dp.Pipeline(*dp.standard_rules(), dp.ChannelSums()))
    assert len(manifest) == MUTANTS
    check(manifest, ("sharpness", "phash64", "channel_sums"))
