"""Recipes: everything random is in them, and no version of dataprep draws otherwise without saying so."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataprep.backends.mix import partners_of
from dataprep.describe import build, describe
from dataprep.loading.loader import Loader
from dataprep.loading.recipes import Draws
from dataprep.loading.sampler import Sampler
from dataprep.manifest import Manifest
from dataprep.pipeline import Pipeline
from dataprep.stages import CutMix, HorizontalFlip, MixUp, Normalize, RandomResizedCrop
from dataprep.stages.catalogue import MIXES, OPS
from dataprep.testing import FakeBackend, FakeSource

GOLDEN = Path(__file__).with_name("golden.json")
KEYS = np.array([0, 1, 2**40])
SIZES = np.array([[48, 64], [300, 200], [7, 9]])


def drawn(stage: Any) -> list[list[float]]:
    """Returns (3, k) what a stage draws for three images."""
    if hasattr(stage, "draw_mix"):
        _, mixture = Draws((), seed=3, mix=stage, size=(32, 24), classes=2).draw(SIZES, KEYS, epoch=1)
        assert mixture is not None
        return [[float(number) for number in row] for row in mixture.params]
    (params,), _ = Draws((stage,), seed=3).draw(SIZES, KEYS, epoch=1)
    return [[float(number) for number in row] for row in params]


def kept() -> list[dict[str, Any]]:
    """Returns the cases that were written down: stage, version and what it draws."""
    return json.loads(GOLDEN.read_text())["cases"]  # type: ignore[no-any-return]


@pytest.mark.parametrize("case", kept(), ids=lambda case: json.dumps(case["stage"]))
def test_draws_are_those_that_were_written_down(case: dict[str, Any]) -> None:
    """An op or a mix draws what it drew when its version was written down; who changes that gives it another version."""
    stage = build(case["stage"], "golden.json")
    assert getattr(stage, "version", 1) == case["version"], "a new version: write its draws into golden.json as well"
    np.testing.assert_allclose(drawn(stage), case["drawn"], rtol=1e-9, atol=1e-9)


def test_every_op_and_mix_is_written_down() -> None:
    """Each op and mix has a case, albumentations' aside, whose transforms are not ours."""
    missing = {stage.__name__ for stage in (*OPS, *MIXES)} - {next(iter(case["stage"])) for case in kept()}
    assert missing <= {"Albumentations"}, f"add {missing} to golden.json: python tests/loading/test_recipes.py"


@pytest.fixture
def rows() -> Manifest:
    """Four rows without files, with weights of which the first is by far the largest."""
    columns = {
        "id": pa.array(range(4), pa.int64()),
        "uri": [f"{row}.jpg" for row in range(4)],
        "label": ["a", "b", "a", "b"],
        "digest": [f"{row:08x}" for row in range(4)],
        "height": pa.array([40] * 4, pa.int32()),
        "width": pa.array([50] * 4, pa.int32()),
        "often": pa.array([97.0, 1, 1, 1]),
        "keep": [True] * 4,
    }
    return Manifest(pa.table(columns), Pipeline(), FakeSource(dict.fromkeys(columns["uri"], b"not decoded")), (), ("a", "b"))


@pytest.mark.parametrize("mix", [MixUp(), CutMix()], ids=repr)
def test_a_row_that_comes_again_is_drawn_anew(rows: Manifest, mix: Any) -> None:
    """A row that comes a hundred times in an epoch has as many crops and as many shares of its mix."""
    pipeline = Pipeline(RandomResizedCrop(16), Normalize.imagenet(), mix)
    sampler = Sampler(weights="often", length=100, remainder="exact")
    loader = Loader(rows, pipeline, batch_size=10, sampler=sampler, backend=FakeBackend())
    crops: Counter[bytes] = Counter()
    shares: Counter[bytes] = Counter()
    for recipe in loader.recipes():
        assert recipe.mixture is not None
        for row in np.flatnonzero(recipe.ids == 0):
            crops[recipe.params[0][row].tobytes()] += 1
            shares[recipe.mixture.params[row].tobytes()] += 1
    assert crops.total() == shares.total() >= 96
    assert len(crops) > 90 and len(shares) > 90


@pytest.mark.parametrize("batch_size", [1, 3, 4])
def test_a_mix_is_drawn_by_the_row_and_not_by_its_batch(rows: Manifest, batch_size: int) -> None:
    """An image has the same share under any batch size, and whatever else is in the batch."""
    pipeline = Pipeline(RandomResizedCrop(16), HorizontalFlip(), Normalize.imagenet(), MixUp())
    sampler = Sampler(remainder="exact", seed=2)
    shares = {}
    for recipe in Loader(rows, pipeline, batch_size=batch_size, sampler=sampler, backend=FakeBackend()).recipes():
        assert recipe.mixture is not None
        shares |= dict(zip(recipe.ids.tolist(), recipe.mixture.params[:, 0].tolist(), strict=True))
    whole = next(Loader(rows, pipeline, batch_size=4, sampler=sampler, backend=FakeBackend()).recipes())
    assert whole.mixture is not None
    assert shares == dict(zip(whole.ids.tolist(), whole.mixture.params[:, 0].tolist(), strict=True))


@given(st.integers(1, 12), st.sets(st.integers(0, 11)))
def test_partners_are_the_next_that_could_be_read(count: int, failed: set[int]) -> None:
    """Each image's partner is the first after it, around the end, that did not fail; where all did, any will do."""
    partners = partners_of(count, failed)
    for index, partner in enumerate(partners.tolist()):
        order = [(index + step) % count for step in range(1, count + 1)]
        assert partner == next((other for other in order if other not in failed), partner)
        assert 0 <= partner < count


if __name__ == "__main__":  # python tests/loading/test_recipes.py writes the draws of today down
    from dataprep.stages import Affine, RandomCrop, Resize, Rotate

    sizes = {"CenterCrop": 5, "Resize": 16, "RandomCrop": 12, "RandomResizedCrop": 10, "Rotate": 30, "Pad": 2}
    made = [kind(*[sizes[kind.__name__]] if kind.__name__ in sizes else []) for kind in OPS if kind.__name__ != "Albumentations"]
    made += [Resize((9, 11)), RandomCrop((5, 6), padding=3), RandomResizedCrop((6, 8), (0.5, 1.0), (0.5, 2.0))]
    made += [Rotate((10, 80), expand=True), Affine(20, (0.1, 0.2), (0.8, 1.2), (-5, 5, -3, 3))]
    made += [*(mix() for mix in MIXES), MixUp(1.0, 0.5), CutMix(0.4, 0.5)]
    cases = [{"stage": describe(stage), "version": getattr(stage, "version", 1), "drawn": drawn(stage)} for stage in made]
    GOLDEN.write_text(json.dumps({"version": 1, "cases": cases}, indent=1) + "\n")
