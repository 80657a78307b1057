"""What a row costs: memory of each step, and where there are ten million rows, time and all memory; a process for each step.

DATAPREP_ROWS says how many rows, a million where it does not.
"""

import os
from pathlib import Path

import pytest
from rows import STEPS, cost

pytestmark = pytest.mark.throughput

SIZE = int(os.environ.get("DATAPREP_ROWS", "1_000_000"))
MANY = 10_000_000

MORE = {
    "read for the first time": 400,
    "read, all columns": 500,
    "judge, exact copies": 200,
    "judge, near copies at 4": 400,
    "fingerprint": 200,
    "Loader, 8 ranks together": 300,
    "scan to manifest": 400,
}
"""Bytes that a row may take at a million rows, beyond what was held before; some of it is of no row."""

MORE_OF_MANY = {
    "read for the first time": 200,
    "judge, exact copies": 120,
    "judge, near copies at 4": 120,
    "fingerprint": 20,
    "Loader, 8 ranks together": 70,
    "scan to manifest": 250,
}
"""The same where there are ten million."""

IN_ALL = {"judge, near copies at 4": 6_000_000_000}
"""Bytes that the process of a step may hold, of ten million rows."""

SECONDS = {"judge, near copies at 4": 60, "Loader, 8 ranks together": 2, "fingerprint": 4}
"""Seconds that a step may take, of ten million rows on two cores that have nothing else to do."""


def test_budget(tmp_path: Path) -> None:
    """No step takes more memory for a row, nor of ten million more time, than it may."""
    costs = {}
    for step in STEPS:
        costs[step] = cost(step, tmp_path, SIZE)
        print(f"  {step:<26}{costs[step].row(SIZE)}", flush=True)
    budget = MORE_OF_MANY if SIZE >= MANY else MORE
    assert {step: most for step, most in budget.items() if costs[step].more > most * SIZE} == {}
    if SIZE == MANY:
        assert {step: most for step, most in IN_ALL.items() if costs[step].whole > most} == {}
        assert {step: most for step, most in SECONDS.items() if costs[step].seconds > most} == {}
