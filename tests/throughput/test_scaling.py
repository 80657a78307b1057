"""How much faster cleaning and loading are on two cores than on one."""

from pathlib import Path

import pytest
from anatomy import rate
from figures import Figures

from dataprep.machine import cores

pytestmark = [pytest.mark.throughput, pytest.mark.skipif(cores() < 2, reason="there is one core")]


@pytest.mark.parametrize(("job", "least"), [("clean", 1.5), ("Threads", 1.25)])
def test_two_cores_are_used(thousand_photos: Path, figures: Figures, job: str, least: float) -> None:
    """Twice the cores give nearly twice the images a second, start of processes included."""
    images = len(list(thousand_photos.rglob("*.jpg")))
    one, two = f"{job}, 1 core", f"{job}, 2 cores"

    def turn() -> dict[str, float]:
        return {one: images / rate(job, 1, thousand_photos), two: images / rate(job, 2, thousand_photos)}

    figures.race("scaling", turn, {(two, one): least}, images=images)
