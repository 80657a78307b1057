"""What a row costs: memory of each step on a million made-up rows, a process each."""

from pathlib import Path

import pytest
from rows import STEPS, cost

pytestmark = pytest.mark.throughput

SIZE = 1_000_000
BUDGET = {"judge, exact copies": 350, "judge, near copies at 4": 500, "scan to manifest": 500, "Loader": 300, "fingerprint": 60}
"""Bytes that a row may take beyond what the table takes."""


def test_budget(tmp_path: Path) -> None:
    """No step takes more memory for a row than it may."""
    costs = {step: cost(step, tmp_path, SIZE) for step in STEPS}
    for step, found in costs.items():
        print(f"  {step:<26}{found.row(SIZE)}")
    assert {step: budget for step, budget in BUDGET.items() if costs[step].more > budget * SIZE} == {}
